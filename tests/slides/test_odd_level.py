"""Of the levels of a pyramid the one that is unlike the others is told, also where it is the base: one finding."""

from __future__ import annotations

import pytest
from mutations import written
from pydicom.dataset import FileDataset
from support import slides
from support.modules import uid
from support.slides import ABSENT, changed
from test_mutations import _check

PIXEL_SPACING = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing"
ORIGIN = "TotalPixelMatrixOriginSequence[0]."
PER_FRAME = "PerFrameFunctionalGroupsSequence[%d]."


def _loud(*instances: FileDataset) -> list[tuple[str, str]]:
    found = _check(written(instances)).findings
    return [(one.rule, (one.file or "").rpartition("/")[2]) for one in found if one.severity != "info"]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({PIXEL_SPACING: ["0.008", "0.008"]}, "PYR010"),
        ({PIXEL_SPACING: ["0.0000005", "0.0000005"]}, "PYR010"),
        ({ORIGIN + "XOffsetInSlideCoordinateSystem": "10"}, "PYR008"),
        ({ORIGIN + "XOffsetInSlideCoordinateSystem": "18000", ORIGIN + "YOffsetInSlideCoordinateSystem": "40000"}, "PYR008"),
        ({"ImageOrientationSlide": ["0", "-1", "0", "1", "0", "0"]}, "PYR009"),
        ({"ImagedVolumeWidth": 80.0}, "PYR012"),
        ({"ImagedVolumeWidth": 0.0}, "WSI012"),
        ({"FrameOfReferenceUID": uid("another")}, "PYR001"),
        ({"SpecimenDescriptionSequence[0].SpecimenUID": ABSENT}, "SPEC005"),
    ],
)  # fmt: skip
def test_a_level_that_is_unlike_the_others(changes: dict[str, object], rule: str, level: int) -> None:
    made = slides.pyramid(levels=3)
    made[level] = changed(made[level], changes)
    names = [name.rpartition("/")[2] for name in written(made)]
    assert _loud(*made) == [(rule, names[level])]


def test_two_levels_that_differ_from_the_base_are_both_told() -> None:
    made = slides.pyramid(levels=3)
    for level, x in ((1, "10"), (2, "5")):
        made[level] = changed(made[level], {ORIGIN + "XOffsetInSlideCoordinateSystem": x})
    assert [rule for rule, _ in _loud(*made)] == ["PYR008", "PYR008"]


@pytest.mark.parametrize(
    ("base", "changes", "rule"),
    [
        ("full_native", {"TotalPixelMatrixColumns": 192}, "TILE003"),
        ("full_native", {"NumberOfFrames": "21"}, "TILE003"),
        ("full_jpeg", {"NumberOfFrames": "19"}, "TILE003"),
        ("full_jpeg", {"NumberOfFrames": "-20"}, "GEO007"),
        ("full_jpeg", {"Columns": 64}, "PIX016"),
        ("full_jpeg", {"Rows": 0}, "PIX106"),
        ("full_jpeg", {"BitsStored": 7}, "PIX004"),
        ("sparse_native", {"NumberOfFrames": "21"}, "FG006"),
        ("sparse_native", {"TotalPixelMatrixColumns": 128}, "TILE008"),
        ("sparse_native", {"TotalPixelMatrixFocalPlanes": 0}, "TILE002"),
        ("sparse_native", {PER_FRAME % 7 + "FrameContentSequence[0].DimensionIndexValues": [1, 1, 1]}, "FG011"),
        ("sparse_native", {PER_FRAME % 7 + "FrameContentSequence[0].DimensionIndexValues": [0, 1]}, "FG012"),
        ("sparse_native", {PER_FRAME % 7 + "FrameContentSequence[0].DimensionIndexValues": [99, 1]}, "FG014"),
        ("sparse_z_two_paths", {PER_FRAME % 0 + "OpticalPathIdentificationSequence[0].OpticalPathIdentifier": "9"}, "TILE018"),
        ("sparse_z_two_paths", {PER_FRAME % 0 + "OpticalPathIdentificationSequence[0].OpticalPathIdentifier": "2"}, "TILE013"),
        ("sparse_z_two_paths", {"TotalPixelMatrixFocalPlanes": 1}, "TILE022"),
    ],
)  # fmt: skip
def test_one_value_that_contradicts_others_is_one_finding(
    base: str, changes: dict[str, object], rule: str
) -> None:
    assert [found for found, _ in _loud(changed(getattr(slides, base)(), changes))] == [rule]
