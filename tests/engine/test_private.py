"""Nothing that could identify anybody leaves: markers in every text, random damage, every format and verbosity.

A marker has lower case letters, so that no UID, code, date or number may hold it: where it is met in one of
those, a wrong length, VR or order put it there.
"""

from __future__ import annotations

import random

import pytest
from pydicom.dataset import Dataset
from support import general, slides
from support.markers import MARKER, damaged, encoded, planted, written

import dcmlint
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.findings.redact import (
    hidden_texts,
    is_legal,
    show_uid,
    show_value,
    without_creators,
    without_texts,
    without_uids,
)

CHECKERS = [
    dcmlint.Checker(profile, show_values=values, group=group)
    for profile in ("wsi-strict", "deidentified", "dicom")
    for values, group in (("safe", True), ("none", False))
]
MAKERS = (
    slides.full_native,
    slides.pyramid,
    general.ct,
    general.mr,
    general.us,
    general.basic_sr,
    general.enhanced_ct,
)


@pytest.mark.parametrize("seed", range(12))
def test_no_marker_leaves_whatever_is_damaged(
    seed: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="dcmlint")
    chance = random.Random(f"private {seed}")
    for maker in MAKERS:
        made = maker()
        several = made if isinstance(made, list) else [made]
        mine = chance.choice((0.0, 0.0, 0.1, 0.5))
        data = [encoded(planted(one, chance, mine)) for one in several]
        for checker in chance.sample(CHECKERS, 2):
            from dcmlint.engine.session import Task
            from dcmlint.engine.totals import Totals

            totals = Totals(checker._checker)
            for number, one in enumerate(data):
                from dcmlint.dicom.buffers import WholeBuffer

                broken = damaged(one, chance)
                totals.add(checker._checker.check_opened(Task(f"{number}.dcm", True), WholeBuffer(broken)))
            report = totals.report(started=0.0, fail_on="error", config=None)
            for name, text in written(report):
                at = text.find(MARKER)
                assert at < 0, (
                    f"{name}, {maker.__name__}, {checker.settings.profile}: …{text[max(0, at - 300) : at + 60]}"
                )
    assert MARKER not in caplog.text
    assert MARKER not in "".join(capfd.readouterr())


def test_private_creators_are_shapes_in_paths() -> None:
    made = general.ct()
    block = made.private_block(0x0011, f"{MARKER}^{MARKER}]x", create=True)
    block.add_new(1, "CS", MARKER)
    item = Dataset()
    item.add_new(0x00100010, "CS", MARKER)
    block.add_new(2, "SQ", [item])
    report = dcmlint.check_bytes(encoded(made), profile="dicom")
    assert any(",[Aaaa^Aaaa_a]," in finding.path for finding in report.findings)
    assert not any(MARKER in text for _, text in written(report))
    report = dcmlint.check_bytes(encoded(made), profile="dicom", show_values="all")
    assert any(MARKER in finding.path for finding in report.findings)


@pytest.mark.parametrize(
    ("value", "vr", "legal"),
    [
        ("ORIGINAL", "CS", True), ("Doe^Jane", "CS", False), ("20200101", "DA", True), ("2020Doe", "DA", False),
        ("1.2.840", "UI", True), ("1.2.Doe", "UI", False), ("1.5", "DS", True), ("Doe", "IS", False), (5, "US/SS", True),
        (5, "CS", False), (2.5, "FD", True), ("A" * 65, "LO", False), ("a\0b", "LO", False), (True, "US", False),
    ],
)  # fmt: skip
def test_what_a_vr_allows(value: object, vr: str, legal: bool) -> None:
    assert is_legal(value, vr) is legal


def test_values_are_shown_where_legal_and_harmless() -> None:
    modality, rows, date, size = 0x00080060, 0x00280010, 0x00080020, 0x00101020
    assert show_value("CT", modality, "safe") == "CT"
    assert show_value("Doe^Jane", modality, "safe") == "Aaa^Aaaa (CS, 8 characters)"
    assert show_value(512, rows, "safe") == "512"
    assert show_value((17477, 28516), rows, "safe") == "(US, 2 values)", "bytes of a neighbor read as numbers"
    assert show_value("20200101", date, "safe") == "99999999"
    assert show_value("2020+Jane", date, "safe") == "9999+Aaaa (DA, 9 characters)"
    assert show_value(1.8, size, "safe") == "9.9 (DS, 3 characters)"
    assert show_value("CT", modality, "none") == "(CS, 2 characters)"
    assert show_value(47, None, "none") == "(a number)"
    assert show_value("Doe", modality, "all") == "Doe"


def test_uids_are_shown_unless_they_are_masked() -> None:
    own, ct = "1.2.3.4.5.6.7", "1.2.840.10008.5.1.4.1.1.2"
    assert show_uid(own, "safe") == own
    assert show_uid(own, "safe", True) == show_uid(own, "none") == "(UI, 13 characters)"
    assert show_uid(ct, "none", True) == ct
    assert without_uids(f"of {own}, {ct} and 1.2.3") == f"of (UI, 13 characters), {ct} and 1.2.3"
    assert without_creators("A[0].(0011,[Doe^Jane],01)") == "A[0].(0011,[Aaa^Aaaa],01)"


def test_masked_uids_are_in_no_report() -> None:
    made = slides.pyramid()
    for one in made[:2]:
        one.InstanceNumber = "1"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = made[0].SOPInstanceUID
    own = {
        str(value)
        for one in made
        for value in (one.SOPInstanceUID, one.SeriesInstanceUID, one.StudyInstanceUID)
    }
    for mask in (False, True):
        checker = dcmlint.Checker(mask_uids=mask)
        from dcmlint.dicom.buffers import WholeBuffer
        from dcmlint.engine.session import Task
        from dcmlint.engine.totals import Totals

        totals = Totals(checker._checker)
        for number, one in enumerate(made):
            totals.add(checker._checker.check_opened(Task(f"{number}.dcm", True), WholeBuffer(encoded(one))))
        report = totals.report(started=0.0, fail_on="error", config=None)
        assert report.findings
        text = "".join(text for _, text in written(report))
        assert any(uid in text for uid in own) is not mask


def test_terms_and_numbers_that_identify_nobody_are_shown_whatever_a_name_is() -> None:
    made = general.ct()
    made.StudyID, made.AccessionNumber, made.StudyDescription = "512", "100", "ORIGINAL"
    made.ImageType = ["ORIGINAL", "SECONDARY", "AXIAL"]
    made.Rows = 512
    hidden = hidden_texts([read_instance(WholeBuffer(encoded(made))).dataset])
    assert hidden.isdisjoint({"512", "ORIGINAL"})
    assert "100" in hidden


def test_a_short_text_is_hidden_as_a_word_of_its_own() -> None:
    assert without_texts("Max has 1000 of 100, (100)", ["100", "Max"]) == "Aaa has 1000 of 999, (999)"
    assert without_texts("the Maximum", ["Max"]) == "the Maximum"
    assert without_texts("xMustermannx", ["Mustermann"]) == "xAaaaaaaaaax"


def test_lines_of_other_validators_end_where_a_value_may_begin() -> None:
    from dcmlint.compare.peers import _dciodvfy

    for line in (
        f"Error - </PatientSex(0010,0040)> - Unrecognized enumerated value = <{MARKER}> for value 1 of attribute <Patient Sex>",
        f"Warning - </PatientName(0010,0010)> - Value dubious for this VR - (0x0010,0x0010) PN Patient's Name PN [1] = <{MARKER}>",
    ):
        remark = _dciodvfy(line)
        assert remark is not None
        assert MARKER not in remark.opening
        assert remark.opening.startswith(("Unrecognized enumerated value", "Value dubious for this VR"))
