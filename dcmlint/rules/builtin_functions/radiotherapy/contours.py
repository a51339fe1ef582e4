"""Structure sets: the points of contours, the ROIs that they and the observations are of (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.builtin_functions.numbers import number_wanted
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    ContourData,
    ContourGeometricType,
    ContourSequence,
    FrameOfReferenceUID,
    NumberOfContourPoints,
    ReferencedFrameOfReferenceSequence,
    ReferencedFrameOfReferenceUID,
    ReferencedROINumber,
    ROIContourSequence,
    ROIDisplayColor,
    ROINumber,
    RTROIObservationsSequence,
    StructureSetROISequence,
)

# PS3.3 C.8.8.6.1: fewest and most points
_POINTS: dict[str, tuple[int, int | None]] = {
    "POINT": (1, 1), "OPEN_PLANAR": (2, None), "OPEN_NONPLANAR": (2, None), "CLOSED_PLANAR": (3, None),
}  # fmt: skip


@rule_function("contour-points", applies_with(ROIContourSequence))
def contour_points(context: RuleContext) -> Iterator[Problem]:
    """RT001: Number of Contour Points against Contour Data and the geometric type."""
    any_ = False
    for roi in context.dataset.items(ROIContourSequence):
        for contour in roi.items(ContourSequence):
            stated, values = contour.value(NumberOfContourPoints), len(contour.values(ContourData))
            kind = contour.text(ContourGeometricType)
            if not isinstance(stated, int) or not values or values % 3:
                continue  # its multiplicity is reported
            any_ = True
            wanted = number_wanted(stated, *_POINTS.get(kind, (1, None)))
            if 3 * stated != values:
                yield Problem(
                    message=f"{values} values of Contour Data are not {stated} points", level=contour,
                    tag=NumberOfContourPoints, found=stated, want=f"{values // 3}",
                )  # fmt: skip
            elif wanted:
                # Writers keep one point of a region that a plane touches: nothing is lost.
                yield Problem(
                    message=f"a contour of type {kind} has {stated} points", level=contour, tag=NumberOfContourPoints,
                    found=stated, want=wanted, severity="" if kind == "POINT" else "warning",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("roi-references", applies_with(StructureSetROISequence))
def roi_references(context: RuleContext) -> Iterator[Problem]:
    """RT002: contours and observations of ROIs that are not defined; ROIs of frames of reference that are not listed."""
    dataset = context.dataset
    rois = dataset.items(StructureSetROISequence)
    numbers = {roi.value(ROINumber) for roi in rois}
    if not rois:
        raise NotApplicable
    defining = ((dataset, StructureSetROISequence), *((roi, ROINumber) for roi in rois))
    undefined: dict[int, list[Dataset]] = {}  # a number that is not defined is told once, wherever it is used
    for sequence in (ROIContourSequence, RTROIObservationsSequence):
        for item in dataset.items(sequence):
            number = item.value(ReferencedROINumber)
            if isinstance(number, int) and number not in numbers:
                undefined.setdefault(number, []).append(item)
    for number, items in undefined.items():
        yield Problem(
            message="the ROI is not defined in Structure Set ROI Sequence", level=items[0], tag=ReferencedROINumber,
            found=number, want="an ROI Number of Structure Set ROI Sequence", count=len(items), rests_on=defining,
        )  # fmt: skip
    frames = _frames(dataset)
    listed = dataset.items(ReferencedFrameOfReferenceSequence)
    listing = ((dataset, ReferencedFrameOfReferenceSequence), *((one, FrameOfReferenceUID) for one in listed))
    for roi in rois:
        uid = roi.text(ReferencedFrameOfReferenceUID)
        if frames and uid and uid not in frames:
            yield Problem(
                message="the frame of reference of the ROI is not listed", level=roi, tag=ReferencedFrameOfReferenceUID,
                found=uid, want="a UID of Referenced Frame of Reference Sequence", rests_on=listing,
            )  # fmt: skip


def _frames(dataset: Dataset) -> set[str]:
    listed = {
        item.text(FrameOfReferenceUID) for item in dataset.items(ReferencedFrameOfReferenceSequence)
    } - {""}
    return listed | ({dataset.text(FrameOfReferenceUID)} - {""}) if listed else set()


@rule_function("roi-colors", applies_with(ROIContourSequence))
def roi_colors(context: RuleContext) -> Iterator[Problem]:
    """RT003: ROI Display Color outside of 0 to 255 (PS3.3 Table C.8-47)."""
    any_ = False
    for roi in context.dataset.items(ROIContourSequence):
        color = [value for value in roi.values(ROIDisplayColor) if isinstance(value, int)]
        any_ = any_ or bool(color)
        if color and not (min(color) >= 0 and max(color) <= 255):
            yield Problem(
                message="ROI Display Color is outside of 0 to 255", level=roi, tag=ROIDisplayColor, found=color,
                want="0 to 255",
            )  # fmt: skip
    if not any_:
        raise NotApplicable
