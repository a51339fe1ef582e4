"""The tool that makes mutants and compares the two validators."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dcmlint import Checker, standard
from dcmlint.compare.peers import dciodvfy_program

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
mutants = pytest.importorskip("mutants")
defects = pytest.importorskip("defects")


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
