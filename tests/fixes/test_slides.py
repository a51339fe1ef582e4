"""No rule about several files fails after a repair that did not fail before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.repairs import made

import dcmlint
from dcmlint.cli.app import run
from dcmlint.findings.collapse import without_indices

ZEROS, WITHOUT = "2.25.007101", "2.25.7101"
SIGNED = ", DigitalSignaturesSequence: [{MACIDNumber: '1'}]"


def slide(folder: Path, *more: str) -> Path:
    folder.mkdir()
    for number, text in enumerate(more):
        data = made(f"{{use: wsi-level-{number}, FrameOfReferenceUID: {ZEROS}{text}}}")
        (folder / f"{number}.dcm").write_bytes(data)
    return folder


def frames(folder: Path) -> list[str]:
    return [str(pydicom.dcmread(path).FrameOfReferenceUID) for path in sorted(folder.iterdir())]


def test_levels_that_change_alike_are_repaired(tmp_path: Path) -> None:
    place = slide(tmp_path / "in", "", "")
    outcomes = dcmlint.fix(place, out=tmp_path / "out", unsafe=True, select=("VR125",))
    assert [one.status for one in outcomes] == ["fixed", "fixed"]
    assert frames(tmp_path / "out") == [WITHOUT, WITHOUT]


def test_a_level_that_would_part_from_the_others_keeps_what_they_share(tmp_path: Path) -> None:
    place = slide(tmp_path / "in", ', PatientID: !raw "EX-17"', SIGNED)
    select = ("VR125", "ENC004", "PYR001")
    outcomes = {
        Path(one.path).name: one
        for one in dcmlint.fix(place, out=tmp_path / "out", unsafe=True, unchanged=True, select=select)
    }
    assert outcomes["1.dcm"].status == "refused"
    repaired = outcomes["0.dcm"]
    assert [change.rule for change in repaired.changes] == ["ENC004"]
    (refusal,) = [one for one in repaired.refusals if one.rule == "VR125"]
    assert "PYR001 would fail in slide" in refusal.reason
    assert frames(tmp_path / "out") == [ZEROS]


def test_what_would_change_is_decided_in_the_same_way(tmp_path: Path) -> None:
    place = slide(tmp_path / "in", "", SIGNED)
    outcomes = dcmlint.fix(place, unsafe=True, select=("VR125", "PYR001"))
    (first,) = [one for one in outcomes if one.path.endswith("0.dcm")]
    assert (first.status, first.changes) == ("unchanged", ())
    assert ["PYR001 would fail" in one.reason for one in first.refusals] == [True]


def test_findings_of_slides_carry_their_repair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, text in enumerate(("", ", FrameOfReferenceUID: 2.25.7101")):
        (folder / f"{number}.dcm").write_bytes(made(f"{{use: wsi-level-{number}{text}}}"))
    report = dcmlint.check(folder)
    (finding,) = [one for one in report.findings if one.rule == "PYR001"]
    assert [(one.label, one.applicability) for one in finding.fixes] == [
        ("write the Frame of Reference UID of the largest level", "unsafe")
    ]
    assert run(["fix", str(folder), "--isolated", "--diff", "--unsafe-fixes", "--select", "PYR001"]) == 1
    assert "PYR001 write the Frame of Reference UID" in capsys.readouterr().out


def known(folder: Path, tmp_path: Path) -> str:
    name = str(tmp_path / "known.json")
    assert run(["baseline", "write", name, str(folder), "--isolated", "-p", "dicom"]) == 0
    return name


def test_a_baseline_and_accepted_findings_are_not_repaired(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "old.dcm").write_bytes(made('{use: ct, PatientID: !raw "EX-17"}'))
    name = known(folder, tmp_path)
    (folder / "new.dcm").write_bytes(made("{use: ct, StudyDate: 2024.02.28}"))
    options = ["--isolated", "-p", "dicom", "--baseline", name]
    assert run(["fix", str(folder), "--out", str(tmp_path / "out"), *options]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new.dcm"]
    assert run(["check", str(folder / "old.dcm"), "--diff", *options]) == 0
    (tmp_path / "dcmlint.toml").write_text(
        '[[ignore]]\nrule = "ENC004"\nreason = "the scanner is replaced"\n'
        '[[ignore]]\nrule = "VR111"\nuntil = "2020-01-01"\nreason = "over"\n'
    )
    given = ["--config", str(tmp_path / "dcmlint.toml"), "-p", "dicom"]
    assert run(["fix", str(folder / "old.dcm"), "--check", *given]) == 0
    assert run(["fix", str(folder / "new.dcm"), "--check", *given]) == 1


def test_a_baseline_with_a_finding_about_a_slide_spares_its_rule(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, text in enumerate(("", ", FrameOfReferenceUID: 2.25.7101")):
        (folder / f"{number}.dcm").write_bytes(made(f"{{use: wsi-level-{number}{text}}}"))
    name = str(tmp_path / "known.json")
    assert run(["baseline", "write", name, str(folder), "--isolated"]) == 0
    assert run(["fix", str(folder), "--check", "--isolated", "--unsafe-fixes", "--select", "PYR001"]) == 1
    given = ["--select", "PYR001", "--baseline", name]
    assert run(["fix", str(folder), "--check", "--isolated", "--unsafe-fixes", *given]) == 0


# Each keeps an instance readable, and touches what levels, series, slides or patients share.
DAMAGE = (
    "FrameOfReferenceUID: 2.25.007101", "FrameOfReferenceUID: 2.25.7101", "StudyInstanceUID: 2.25.0099",
    'PatientID: !raw "EX-17"', "StudyDate: 2024.02.28", "SpecificCharacterSet: UTF_8", "Manufacturer: !absent ",
    "LossyImageCompression: '00'", "PhotometricInterpretation: RGB", "ImageType: !raw 'ORIGINAL'",
    "ContainerIdentifier: !raw 'C-1\\0'", "DigitalSignaturesSequence: [{MACIDNumber: '1'}]",
    "file.MediaStorageSOPInstanceUID: 2.25.1", "encoding: {drop_meta: true}",
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DAMAGE)), min_size=1, max_size=4), st.booleans())
def test_damaged_slides_have_no_new_finding(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, str]], unsafe: bool
) -> None:
    folder = tmp_path_factory.mktemp("slide")
    for number in range(3):
        edits = {text.partition(":")[0]: text for level, text in damage if level == number}
        data = made("".join([f"{{use: wsi-level-{number}", *(f", {text}" for text in edits.values()), "}"]))
        (folder / f"{number}.dcm").write_bytes(data)
    before = found(folder)
    outcomes = dcmlint.fix(folder, in_place=True, keep=False, unsafe=unsafe)
    # What a wrong value explained, as that the files differ in it, is told once the value itself is right.
    told = {path for _, path in before}
    assert not [(rule, path) for rule, path in found(folder) - before if path not in told]
    assert not any(one.status == "failed" for one in outcomes)
    again = dcmlint.fix(folder, unsafe=unsafe)
    assert not any(one.changes for one in again)


def test_the_broken_example_has_no_new_finding(tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "examples" / "slide-broken"
    dcmlint.fix(source, out=tmp_path / "out", unsafe=True, unchanged=True)
    copied = {path.name for path in (tmp_path / "out").iterdir()}
    before = Counter[tuple[str, str]]()
    for finding in dcmlint.check(source).findings:
        before[finding.rule, without_indices(finding.path)] += max(1, finding.count)
    assert copied
    assert not found(tmp_path / "out") - before


def found(folder: Path) -> Counter[tuple[str, str]]:
    """How often each rule fails at each path, of files and of slides and series."""
    counts: Counter[tuple[str, str]] = Counter()
    for finding in dcmlint.check(folder).findings:
        counts[finding.rule, without_indices(finding.path)] += max(1, finding.count)
    return counts


def test_only_what_would_part_the_study_is_left_out(tmp_path: Path) -> None:
    """The accession number cannot change alike in all files, for one is signed; everything else is done."""
    folder = tmp_path / "in"
    folder.mkdir()
    broken = "AccessionNumber: A, PatientID: !raw 'EX-17'"
    for number, more in enumerate(("", "", SIGNED)):
        text = f"{{use: ct, SOPInstanceUID: 2.25.71{number}, {broken}{more}}}"
        (folder / f"{number}.dcm").write_bytes(made(text))
    values = tmp_path / "values.yaml"
    values.write_text(
        "by: A\nvalues: {AccessionNumber: B, Manufacturer: ACME}\nreplace: [AccessionNumber, Manufacturer]\n"
    )
    done = dcmlint.fix(
        folder, out=tmp_path / "out", supplied=str(values), profile="dicom", select=("ENC004", "ENT003"), jobs=1, record=False
    )  # fmt: skip
    outcomes = sorted(done, key=lambda one: one.path)
    assert [(Path(one.path).name, one.status) for one in outcomes] == [
        ("0.dcm", "fixed"), ("1.dcm", "fixed"), ("2.dcm", "refused"),
    ]  # fmt: skip
    for one in outcomes[:2]:
        changed = {(change.rule, change.operation.path) for change in one.changes}
        assert changed == {("--from", "Manufacturer"), ("ENC004", "PatientID")}
        (refusal,) = one.refusals
        assert (refusal.rule, refusal.path) == ("--from", "AccessionNumber")
        assert refusal.reason.startswith("ENT003 would fail in series")
        repaired = pydicom.dcmread(one.written)
        assert (repaired.AccessionNumber, repaired.Manufacturer) == ("A", "ACME")


def test_what_is_left_out_of_one_study_is_done_in_another(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (study, more) in enumerate(
        (("2.25.1", ""), ("2.25.1", SIGNED), ("2.25.2", ""), ("2.25.2", ""))
    ):
        uids = f"SOPInstanceUID: 2.25.71{number}, StudyInstanceUID: {study}, SeriesInstanceUID: {study}.1"
        (folder / f"{number}.dcm").write_bytes(made(f"{{use: ct, AccessionNumber: A, {uids}{more}}}"))
    values = tmp_path / "values.yaml"
    values.write_text("by: A\nvalues: {AccessionNumber: B}\nreplace: [AccessionNumber]\n")
    done = dcmlint.fix(
        folder, in_place=True, supplied=str(values), profile="dicom", select=("ENT003",), jobs=1
    )
    outcomes = sorted(done, key=lambda one: one.path)
    assert [one.status for one in outcomes] == ["unchanged", "refused", "fixed", "fixed"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "0.dcm", "1.dcm", "2.dcm", "2.dcm.orig", "3.dcm", "3.dcm.orig",
    ]  # fmt: skip
