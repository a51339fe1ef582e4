"""Annotations and segmentations with one defect, checked together with their image."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.modules import uid

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals

Change = Callable[[FileDataset], None]
RULES = ("ANN", "DRV", "REF", "SEG", "IOD021", "SR016", "SR023", "MOD")


@cache
def _checker() -> Checker:
    return Checker(Settings(select=RULES))


def rules(*files: FileDataset) -> set[str]:
    """The rules that found an error or a warning."""
    totals = Totals(_checker())
    for number, made in enumerate(files):
        data = WholeBuffer(slides.to_bytes(made))
        totals.add(totals.checker.check_buffer(Task(f"{number}.dcm", True), data))
    found = totals.report(started=time.monotonic(), fail_on="error", config=None).findings
    return {one.rule for one in found if one.severity != "info"}


def _doubles(*values: float) -> bytes:
    return np.asarray(values, "<f8").tobytes()


def _group(made: FileDataset) -> Dataset:
    group: Dataset = made.AnnotationGroupSequence[0]
    return group


def _polygons(made: FileDataset) -> None:
    group = _group(made)
    group.GraphicType, group.NumberOfAnnotations = "POLYGON", 2
    group.DoublePointCoordinatesData = _doubles(1, 1, 5, 1, 5, 5, 10, 10, 15, 10, 15, 15, 10, 15)
    group.LongPrimitivePointIndexList = np.asarray([1, 7], "<u4").tobytes()


def _volume(made: FileDataset) -> None:
    """3D coordinates near the corner of the image on the slide."""
    made.AnnotationCoordinateType = "3D"
    del made.PixelOriginInterpretation
    made.FrameOfReferenceUID = slides.full_native().FrameOfReferenceUID
    made.PositionReferenceIndicator = "SLIDE_CORNER"
    group = _group(made)
    group.AnnotationAppliesToAllZPlanes, group.CommonZCoordinateValue = "NO", 0.0
    group.DoublePointCoordinatesData = _doubles(*[17.99, 39.99] * 5)


def _moved(made: FileDataset) -> None:
    _volume(made)
    _group(made).DoublePointCoordinatesData = _doubles(*[1.0, 2.0] * 5)


def _named(keyword: str, value: object) -> Change:
    return lambda made: setattr(_group(made), keyword, value)


def _rootwise(keyword: str, value: object) -> Change:
    return lambda made: setattr(made, keyword, value)


@pytest.mark.parametrize(
    "change", [lambda made: None, _polygons, _volume], ids=["points", "polygons", "volume"]
)
def test_whole_annotations_have_no_finding(change: Change) -> None:
    slide = slides.full_native()
    made = slides.annotations_of(slide)
    change(made)
    assert rules(made, slide) == set()


def _other_patient(made: FileDataset) -> None:
    """Of another study: within one, its instances say that they differ (ENT001)."""
    made.PatientID, made.StudyInstanceUID = "OTHER", "2.25.77"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_named("CommonZCoordinateValue", 0.0), "MOD007"),
        (_named("AnnotationAppliesToAllZPlanes", "NO"), "MOD007"),
        (_named("ReferencedOpticalPathIdentifier", "1"), "MOD007"),
        (_named("PointCoordinatesData", np.zeros(10, "<f4").tobytes()), "MOD007"),
        (_named("DoublePointCoordinatesData", _doubles(*range(9))), "ANN003"),
        (_named("DoublePointCoordinatesData", _doubles(-50, *range(9))), "DRV004"),
        (_named("AnnotationGroupUID", slides.annotations_of(slides.full_native()).SOPInstanceUID), "ANN002"),
        (_moved, "DRV004"),
        (_rootwise("ContainerIdentifier", "ELSEWHERE"), "DRV007"),
        (_other_patient, "DRV005"),
        (_rootwise("ReferencedSeriesSequence", []), "MOD005"),
    ],
)  # fmt: skip
def test_a_defect_of_annotations_is_found(change: Change, rule: str) -> None:
    slide = slides.full_native()
    made = slides.annotations_of(slide)
    change(made)
    assert rule in rules(made, slide)


@pytest.mark.parametrize("flat", [True, False])
def test_the_other_coordinate_type_is_one_finding(flat: bool) -> None:
    slide = slides.full_native()
    made = slides.annotations_of(slide)
    if not flat:
        _volume(made)
    made.AnnotationCoordinateType = "3D" if flat else "2D"
    assert rules(made) == {"ANN012"}


def test_an_image_of_two_classes_is_found_in_the_file_alone() -> None:
    made = slides.annotations_of(slides.full_native())
    made.ReferencedImageSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    assert rules(made) == {"REF004"}


def test_coordinates_that_are_cut_are_one_finding() -> None:
    slide = slides.full_native()
    made = slides.annotations_of(slide)
    _group(made).DoublePointCoordinatesData = _doubles(*range(10))[:-8]
    assert rules(made, slide) == {"ANN003"}


def test_two_million_points() -> None:
    slide = slides.full_native()
    made = slides.annotations_of(slide)
    group = _group(made)
    points = np.tile(np.asarray([[3.0, 4.0], [5.0, 6.0]], "<f4"), (1_000_000, 1))
    del group.DoublePointCoordinatesData
    group.PointCoordinatesData, group.NumberOfAnnotations = points.tobytes(), len(points)
    assert rules(made, slide) == set()
    points[-1] = 1e6
    group.PointCoordinatesData = points.tobytes()
    assert rules(made, slide) == {"DRV004"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_rootwise("ContainerIdentifier", "ELSEWHERE"), "DRV007"),
        (_rootwise("FrameOfReferenceUID", uid("elsewhere")), "DRV001"),
        (_rootwise("ImageOrientationSlide", [1, 0, 0, 0, -1, 0]), "DRV009"),
        (_rootwise("ImageType", ["DERIVED", "PRIMARY", "VOLUME"]), "SEG003"),
        (lambda made: setattr(made.SpecimenDescriptionSequence[0], "SpecimenUID", uid("other")), "DRV008"),
        (lambda made: setattr(made.SpecimenDescriptionSequence[0], "SpecimenIdentifier", "OTHER"), "DRV014"),
    ],
)
@pytest.mark.parametrize("full", [True, False], ids=["full", "sparse"])
def test_a_defect_of_a_segmentation_is_found(full: bool, change: Change, rule: str) -> None:
    slide = slides.full_native()
    made = slides.segmentation_of(slide, tiled_full=full)
    assert rules(made, slide) == set()
    change(made)
    # highdicom gives the items of the slide to the segmentation: the change is to be in one of them alone.
    assert rules(made, slides.full_native()) == {rule}


@pytest.mark.parametrize("member", [True, False], ids=["member", "source"])
def test_annotations_refer_to_the_source_of_a_concatenation(member: bool) -> None:
    parts = slides.concatenation()
    made = slides.annotations_of(parts[0])
    if not member:
        source = parts[0].SOPInstanceUIDOfConcatenationSource
        made.ReferencedImageSequence[0].ReferencedSOPInstanceUID = source
        made.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID = source
    assert rules(made, *parts) == ({"DRV010"} if member else set())
