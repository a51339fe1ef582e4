"""The tool that makes mutants and compares the two validators."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from dcmlint import Checker, standard
from dcmlint.compare.peers import dciodvfy_program

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
mutants = pytest.importorskip("mutants")
defects = pytest.importorskip("defects")
variants = pytest.importorskip("variants")


def test_its_classes_are_storage_classes() -> None:
    known = {one.keyword for one in standard.load().sop_classes()}
    assert known.issuperset(mutants.DAILY)
    assert len(set(mutants.DAILY)) == len(mutants.DAILY) > 50


def test_each_false_alarm_says_why() -> None:
    of_classes = [one for ones in mutants.FALSE_ALARMS_OF_CLASSES.values() for one in ones.items()]
    for pattern, reason in (
        *mutants.FALSE_ALARMS.items(),
        *mutants.DERIVED_FALSE_ALARMS.items(),
        *of_classes,
    ):
        assert re.compile(pattern)
        assert "PS3.3" in reason
    line = "Error - </Laterality(0020,0060)> - Missing attribute for Type 2C Conditional - Module=<GeneralSeries>"
    assert mutants._false(line)
    assert not mutants._false(line.replace("Laterality", "Modality"))


def test_a_false_alarm_of_one_class_is_an_error_of_others() -> None:
    line = "Error - </FrameOfReferenceUID(0020,0052)> - Missing attribute for Type 1 Required - Module=<FrameOfReference>"
    data = Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.7"  # dermoscopic photography
    assert mutants._false(line, mutants.false_alarms(data))
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    assert not mutants._false(line, mutants.false_alarms(data))


@pytest.mark.parametrize(
    ("corners", "false"),
    [
        ("(1,1) (1,1)", True),
        ("(1,1) (9,1)", True),
        ("(4,1) (4,9)", True),
        ("(4,1) (3,9)", False),
        ("(1,2) (2,1)", False),
    ],
)
def test_a_displayed_area_of_one_row_or_column_is_legal(corners: str, false: bool) -> None:
    first, last = corners.split()
    line = f"DisplayedAreaTopLeftHandCorner = {first}  is not above and to the left of DisplayedAreaBottomRightHandCorner = {last}"
    assert mutants._false(line) is false


def test_the_errors_of_an_item_that_is_doubled_are_not_new() -> None:
    line = "Error - </SourceImageSequence(0008,2112)[{}]/ReferencedFrameNumber(0008,1160)> - Shall not be present"
    before, other = Counter([line.format(1)]), "Error - </Modality(0008,0060)> - Missing attribute"
    assert mutants.without_repeats(Counter([line.format(2), other]), before) == Counter([other])


@pytest.mark.parametrize(("frame_type", "original"), [("ORIGINAL", True), ("DERIVED", False), (None, False)])
def test_of_derived_frames_less_is_asked(frame_type: str | None, original: bool) -> None:
    data, frame, kind = Dataset(), Dataset(), Dataset()
    if frame_type is not None:
        kind.FrameType = [frame_type, "PRIMARY", "VOLUME", "NONE"]
    frame.CTImageFrameTypeSequence = [kind]
    data.PerFrameFunctionalGroupsSequence = [frame]
    assert mutants._has_original_frames(data) is original
    alarms = tuple(mutants.DERIVED_FALSE_ALARMS)
    line = "Error - </SharedFunctionalGroupsSequence(5200,9229)[1]/{}> - Missing attribute for Type 1C Conditional - Module=<{}>"
    assert mutants._false(line.format("KVP(0018,0060)", "CTXRayDetailsMacro"), alarms)
    assert not mutants._false(line.format("DecayFactor(0054,1321)", "PETFrameCorrectionFactorsMacro"), alarms)


@pytest.mark.skipif(dciodvfy_program() is None, reason="dciodvfy is not installed")
def test_an_instance_that_is_made_is_legal_and_its_mutants_are_not() -> None:
    checker = Checker("dicom")
    made = mutants.made("1.2.840.10008.5.1.4.1.1.7", checker)
    assert not mutants.dcmlint(checker, mutants.written(made))
    changed = {
        (path, kind): data for path, kind, data in defects.spoiled(made, mutants.written, defects.basic)
    }
    broken = changed["ConversionType", "absent"]
    assert mutants.dciodvfy(broken) - mutants.dciodvfy(mutants.written(made))
    assert mutants.dcmlint(checker, broken)


def test_each_kind_of_defect_is_one_change_that_leaves_the_instance_as_it_was() -> None:
    data = Dataset()
    data.Modality, data.PatientID, data.Rows = "CT", "1", 4
    data.PixelSpacing = ["1", "2"]
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    data.RequestAttributesSequence = [Dataset()]
    data.RequestAttributesSequence[0].ScheduledProcedureStepID = "1"
    before = mutants.written(data)
    made = {
        (path, kind): spoiled
        for path, kind, spoiled in defects.spoiled(data, mutants.written, lambda *_: True)
    }
    assert mutants.written(data) == before
    assert before not in made.values()
    for path, kind in (
        ("Modality", "lower"),
        ("PatientID", "too long"),
        ("Rows", "other vr"),
        ("PixelSpacing", "fewer values"),
        ("PixelSpacing", "blank"),
        ("RequestAttributesSequence", "item twice"),
        ("RequestAttributesSequence[0].ScheduledProcedureStepID", "absent"),
    ):
        assert (path, kind) in made, (path, kind)
    assert b"ct" in made["Modality", "lower"]


def test_a_kind_is_made_of_so_many_instances_of_an_attribute() -> None:
    wanted = defects.Seldom(2)
    assert [wanted("A[0].B", "too few"), wanted("A[7].B", "too few"), wanted("A[1].B", "too few")] == [
        True,
        True,
        False,
    ]
    assert wanted("A[0].B", "too many")


def _image() -> Dataset:
    data, group, kind = Dataset(), Dataset(), Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.BitsAllocated, data.WindowCenter = 3, 3, 16, "1"
    data.add_new("PixelData", "OW", bytes(18))
    kind.FrameType = ["ORIGINAL", "PRIMARY"]
    group.CTImageFrameTypeSequence = [kind]
    data.SharedFunctionalGroupsSequence = [group]
    return data


def test_a_derived_variant_says_so_of_the_image_and_its_frames() -> None:
    data = _image()
    assert variants.derived(data)
    assert list(data.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    frame = data.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0]
    assert list(frame.FrameType) == ["DERIVED", "PRIMARY"]
    assert not variants.derived(data), "it is one already"


def test_a_color_variant_has_three_samples_and_nothing_of_grayscale() -> None:
    data = _image()
    assert variants.color(data)
    assert (data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration) == (3, "RGB", 0)
    assert len(data.PixelData) == 28  # 3 * 3 * 3, padded to an even number
    assert "WindowCenter" not in data
    assert not variants.color(data), "it is one already"
    compressed = _image()
    compressed.file_meta = FileMetaDataset()
    compressed.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    assert not variants.color(compressed)


def test_two_items_stand_where_no_validator_minds() -> None:
    data = _image()
    data.RequestAttributesSequence = [Dataset()]

    def errors(one: Dataset) -> Counter[str]:
        return Counter("two" for _ in one.SharedFunctionalGroupsSequence[1:])

    assert variants.with_items(data, errors)
    assert len(data.RequestAttributesSequence) == 2
    assert len(data.SharedFunctionalGroupsSequence) == 1


@pytest.mark.parametrize(("added", "taken"), [([], True), (["more"], False)])
def test_a_variant_that_is_wrong_is_not_taken(added: list[str], taken: bool) -> None:
    def errors(one: Dataset) -> Counter[str]:
        return Counter(added if one.ImageType[0] == "DERIVED" else [])

    base = variants.variant(_image(), "derived", lambda one: None, errors, lambda one: one)
    assert (base.data is not None) is taken
    none = variants.variant(base.data or _image(), "rich", lambda one: None, errors, lambda one: one)
    assert none.data is not None


def test_one_file_of_each_class_is_taken(tmp_path: Path) -> None:
    image, fuller, other = _image(), _image(), _image()
    fuller.PatientID = "1"
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    for name, data in (("a", image), ("b", fuller), ("c", other)):
        (tmp_path / name).write_bytes(mutants.written(data))
    (tmp_path / "d").write_text("no DICOM")
    files = [str(tmp_path / name) for name in "abcd"]
    assert variants.one_of_each(files, 1_000_000) == [files[1], files[2]]
    assert variants.one_of_each(files, 1) == []


def test_a_variant_that_was_mended_away_is_none() -> None:
    def settle(one: Dataset) -> None:
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"

    assert variants.variant(_image(), "color", settle, lambda one: Counter(), lambda one: one).data is None
