"""Values that a person supplies, and what is written of it into the file."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from support.repairs import checker, made

from dcmlint.cli.app import run
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Task
from dcmlint.errors import ConfigError
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan
from dcmlint.fixes.supplied import read_supplied

EMPTY = made("{use: ct, Modality: !empty }")


def values(tmp_path: Path, text: str) -> str:
    path = tmp_path / "values.yaml"
    path.write_text(text)
    return str(path)


def repaired(data: bytes, choice: Choice) -> tuple[Planned, pydicom.Dataset]:
    done = plan(checker(), Task("a.dcm", True), WholeBuffer(data), choice)
    result = data if done.data is None else done.data[0 : len(done.data)]
    return done, pydicom.dcmread(io.BytesIO(result))


def test_a_required_value_is_written_and_recorded_as_that_persons(tmp_path: Path) -> None:
    supplied = read_supplied(values(tmp_path, "by: Anna Muster\nvalues: {Modality: CT}\n"))
    done, dataset = repaired(EMPTY, Choice(supplied=supplied))
    assert dataset.Modality == "CT"
    assert done.after is not None
    assert not done.after.findings
    original = dataset.OriginalAttributesSequence[0]
    assert original.ModifyingSystem == "Anna Muster"
    assert original.ReasonForTheAttributeModification == "CORRECT"
    assert original.ModifiedAttributesSequence[0].Modality == ""
    assert (
        "supplied by Anna Muster: Modality"
        in dataset.ContributingEquipmentSequence[0].ContributionDescription
    )
    again, _ = repaired(
        done.data[0 : len(done.data)] if done.data is not None else b"", Choice(supplied=supplied)
    )
    assert again.data is None


def test_a_value_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    data = made("{use: ct, InstitutionName: One}")
    kept = read_supplied(values(tmp_path, "by: A\nvalues: {InstitutionName: Other}\n"))
    assert repaired(data, Choice(supplied=kept))[0].data is None
    changed = read_supplied(
        values(tmp_path, "by: A\nvalues: {InstitutionName: Other}\nreplace: [InstitutionName]\n")
    )
    _, dataset = repaired(data, Choice(supplied=changed, record=False))
    assert dataset.InstitutionName == "Other"
    assert "OriginalAttributesSequence" not in dataset


def test_items_and_values_within_items(tmp_path: Path) -> None:
    text = """
by: A
values:
  AnatomicRegionSequence: [{CodeValue: "818981001", CodingSchemeDesignator: SCT, CodeMeaning: Abdomen}]
  RequestAttributesSequence[*].ScheduledProcedureStepID: S-1
"""
    data = made("{use: sc, RequestAttributesSequence: [{RequestedProcedureID: EX-17}]}")
    _, dataset = repaired(data, Choice(supplied=read_supplied(values(tmp_path, text))))
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "Abdomen"
    assert dataset.RequestAttributesSequence[0].ScheduledProcedureStepID == "S-1"
    assert dataset.RequestAttributesSequence[0].RequestedProcedureID == "EX-17"


def test_a_value_after_which_something_else_fails_is_not_written(tmp_path: Path) -> None:
    supplied = read_supplied(
        values(tmp_path, "by: A\nvalues: {StudyDate: yesterday}\nreplace: [StudyDate]\n")
    )
    done, _ = repaired(made("{use: ct}"), Choice(supplied=supplied))
    assert done.data is None
    assert done.refusals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("by: A\nvalues: {TransferSyntaxUID: '1.2.3'}\nreplace: [TransferSyntaxUID]\n", "how it is written"),
        ("by: A\nvalues: {MediaStorageSOPClassUID: '1.2.3'}\n", "made by itself"),
        ("by: A\nvalues: {SOPInstanceUID: 1.2.3}\n", "--new-uids"),
        ("by: A\nvalues: {NoSuchKeyword: x}\n", "NoSuchKeyword"),
        ("by: ' '\nvalues: {Modality: CT}\n", "whose values"),
        ("by: A\nvalues: {Modality: CT}\nreplace: [Manufacturer]\n", "has no value above"),
    ],
)
def test_a_wrong_file_of_values_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_supplied(values(tmp_path, text))


def test_a_profile_supplies_its_only_values(tmp_path: Path) -> None:
    profile = tmp_path / "site.yaml"
    profile.write_text(
        "id: site\nversion: '1'\ntitle: A site\narea: SITE\nextends: [dicom]\nattributes:\n"
        "  - {id: SITE001, attribute: InstitutionName, presence: always, values: [Example Hospital]}\n"
        "  - {id: SITE002, attribute: Modality, presence: always, values: [CT, MR]}\n"
    )
    supplied = read_supplied(str(profile))
    assert supplied.values == {"InstitutionName": ["Example Hospital"]}
    _, dataset = repaired(made("{use: ct}"), Choice(supplied=supplied))
    assert dataset.InstitutionName == "Example Hospital"


def test_record_keeps_what_was_there_even_if_it_was_no_value(tmp_path: Path) -> None:
    data = made('{use: ct, PatientID: !raw "EX-17", StudyDate: 2024.03.15}')
    done, dataset = repaired(data, Choice(record=True))
    (item,) = dataset.OriginalAttributesSequence
    wrong = {
        one.SelectorAttribute: one.NonconformingDataElementValue
        for one in item.NonconformingModifiedAttributesSequence
    }
    assert wrong == {0x00100020: b"EX-17\0", 0x00080020: b"2024.03.15"}
    assert done.after is not None
    assert not done.after.findings
    assert "ENC004, VR111" in dataset.ContributingEquipmentSequence[0].ContributionDescription


def test_the_command_takes_a_file_of_values(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(EMPTY)
    file = values(tmp_path, "by: A\nvalues: {Modality: CT}\n")
    out = tmp_path / "out"
    assert (
        run(["fix", str(path), "--isolated", "-p", "dicom", "--from", file, "--no-record", "--out", str(out)])
        == 0
    )
    assert (out / "a.dcm").read_bytes() == made("{use: ct}")
    assert (
        run(["fix", str(path), "--isolated", "--from", str(tmp_path / "none.yaml"), "--out", str(out)]) == 2
    )


def test_a_value_within_items_is_recorded_with_the_way_to_it() -> None:
    broken = Path(__file__).parents[2] / "examples" / "slide-broken" / "level-2.dcm"
    old = pydicom.dcmread(broken)
    spacing = old.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].get_item("PixelSpacing").value
    done, dataset = repaired(broken.read_bytes(), Choice(record=True))
    assert [change.rule for change in done.changes] == ["VR001"]
    (original,) = dataset.OriginalAttributesSequence
    (wrong,) = original.NonconformingModifiedAttributesSequence
    assert wrong.NonconformingDataElementValue == spacing
    assert wrong.SelectorAttribute == 0x00280030
    assert list(wrong.SelectorSequencePointer) == [0x52009229, 0x00289110]
    assert list(wrong.SelectorSequencePointerItems) == [1, 1]
    # What is beside it in the items stays, and the bad value is nowhere else.
    kept = original.ModifiedAttributesSequence[0].SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert "PixelSpacing" not in kept
    assert (
        kept.SliceThickness == old.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness
    )


def test_a_value_that_does_harm_leaves_the_others(tmp_path: Path) -> None:
    text = "by: A\nvalues: {InstitutionName: Clinic, PatientSex: X, StationName: S-1}\nreplace: [PatientSex, InstitutionName, StationName]\n"
    data = made("{use: ct, PatientSex: O}")
    done, dataset = repaired(data, Choice(supplied=read_supplied(values(tmp_path, text)), record=False))
    assert (dataset.InstitutionName, dataset.StationName, dataset.PatientSex) == ("Clinic", "S-1", "O")
    (refusal,) = done.refusals
    assert (refusal.rule, refusal.path) == ("--from", "PatientSex")
    assert refusal.reason.startswith("MOD009 would fail at PatientSex")


def test_two_values_that_do_harm_are_both_left_out(tmp_path: Path) -> None:
    text = "by: A\nvalues: {PatientSex: X, StudyDate: soon, StationName: S-1}\nreplace: [PatientSex, StudyDate, StationName]\n"
    data = made("{use: ct, PatientSex: O}")
    done, dataset = repaired(data, Choice(supplied=read_supplied(values(tmp_path, text)), record=False))
    assert dataset.StationName == "S-1"
    assert {refusal.path for refusal in done.refusals} == {"PatientSex", "StudyDate"}
    assert [change.operation.path for change in done.changes] == ["StationName"]
