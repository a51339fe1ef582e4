"""Files that are left alone, though something in them could be repaired."""

from __future__ import annotations

import pytest
from support.repairs import checker, made

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.engine.session import Task
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan

ODD = 'PatientID: !raw "EX-17"'


def planned(data: bytes, unsafe: bool = True) -> Planned:
    return plan(checker(), Task("a.dcm", True), WholeBuffer(data), Choice(unsafe=unsafe))


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (f"{{use: ct, {ODD}, bytes: {{truncate: -40}}}}", ODDITIES["truncated"]),
        (f"{{use: wsi-jpeg, {ODD}, encoding: {{drop_meta: true}}}}", ODDITIES["no-meta"]),
        (f"{{use: wsi-jpeg, {ODD}, file.TransferSyntaxUID: !absent }}", ODDITIES["transfer-syntax-missing"]),
        (
            f"{{use: wsi-jpeg, {ODD}, encoding: {{written_as: 1.2.840.10008.1.2}}}}",
            ODDITIES["transfer-syntax-wrong"],
        ),
        (f"{{use: ct, {ODD}, encoding: {{transfer_syntax: 2.25.17}}}}", ODDITIES["transfer-syntax-unknown"]),
        (f"{{use: ct, {ODD}, bytes: {{append: 736F6D65207465787420626568696E64}}}}", ODDITIES["no-element"]),
        (f"{{use: ct, {ODD}, preamble: !hex 49492A0008000000}}", "TIFF"),
        (f"{{use: ct, {ODD}, DigitalSignaturesSequence: [{{MACIDNumber: '1'}}]}}", "signed"),
        (f"{{use: ct, {ODD}, AccessionNumber: !vr [ZZ, !raw 'EX-17 ']}}", ODDITIES["unknown-vr"]),
    ],
)
def test_nothing_is_changed_where_it_is_unsure(dataset: str, reason: str) -> None:
    done = planned(made(dataset))
    assert done.data is None
    assert reason in done.refused, done


def test_a_dicomdir_is_left_alone() -> None:
    uid = "1.2.840.10008.1.3.10"
    done = planned(made(f"{{use: ct, SOPClassUID: {uid}, file.MediaStorageSOPClassUID: {uid}, {ODD}}}"))
    assert done.data is None
    assert "DICOMDIR" in done.refused


def test_a_file_without_anything_to_repair_is_not_called_refused() -> None:
    done = planned(made("{use: ct, bytes: {truncate: -40}}"))
    assert (done.data, done.refused) == (None, "")


@pytest.mark.parametrize(
    "attribute",
    [
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PatientID",
        "SOPInstanceUID",
        "Modality",
    ],
)
def test_nothing_is_invented(attribute: str) -> None:
    """An attribute of type 1 that is empty stays empty, one of a patient gets no value."""
    data = made(f"{{use: ct, {attribute}: !empty }}")
    done = planned(data)
    assert done.data is None, done.changes


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_a_number_0_is_a_value_and_is_not_removed(syntax: str) -> None:
    done = planned(made(f"{{use: ct, PlanarConfiguration: 0, encoding: {{transfer_syntax: {syntax}}}}}"))
    assert "PIX003" in {finding.rule for finding in done.before.findings}
    assert done.data is None, done.changes


def test_other_equal_repairs_are_done_beside_one_that_is_not() -> None:
    done = planned(made("{use: ct, StudyDate: 2024.02.31, SeriesDate: 2024.02.28}"), unsafe=False)
    assert [change.operation.path for change in done.changes] == ["SeriesDate"]
    assert [refusal.path for refusal in done.refusals] == ["StudyDate"]


INNER = "FEFF00E0 1C000000 09001000 04000000 41434D45 09000110 0C000000 01020304 01020304 01020304"


def test_in_big_endian_no_value_of_unknown_vr_gets_another_byte_order() -> None:
    big = "encoding: {transfer_syntax: 1.2.840.10008.1.2.2}"
    text = f"use: sc, RequestAttributesSequence: !vr [UN, !hex {INNER.replace('1C', '20', 1)}]"
    assert planned(made(f"{{{text}}}")).data is not None
    done = planned(made(f"{{{text}, {big}}}"))
    assert done.data is None
    assert any("big endian" in refusal.reason for refusal in done.refusals)


def test_a_uid_with_the_padding_of_a_text_is_written_as_a_uid() -> None:
    done = planned(made("{use: ct, StudyInstanceUID: !vr [LO, '1.2.840.9']}"))
    assert done.data is not None
    assert done.data[0 : len(done.data)] == made("{use: ct, StudyInstanceUID: '1.2.840.9'}")


ITEMS = "RequestAttributesSequence: [{RequestedProcedureID: A1}, {RequestedProcedureID: B2}, {RequestedProcedureID: C3}]"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("length", [2, 8, 9, 11, 12, 30])
def test_each_wrong_length_of_an_item_is_proven(syntax: str, number: int, length: int) -> None:
    order = "!" if syntax.endswith(".2.2") else ""
    right, wrong = ("FEFF00E0 0A000000", f"FEFF00E0 {length:02X}000000")
    if order:
        right, wrong = ("FFFEE000 0000000A", f"FFFEE000 000000{length:02X}")
    text = f"use: sc, {ITEMS}, encoding: {{transfer_syntax: {syntax}}}"
    broken = made(f"{{{text}, bytes: {{find: {right}, nth: {number}, replace: {wrong}}}}}")
    done = planned(broken, unsafe=False)
    assert done.data is not None, done.refused
    assert done.data[0 : len(done.data)] == made(f"{{{text}}}")
