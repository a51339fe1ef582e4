"""Lists of values whose length follows from numbers beside them (PS3.3 C.27.2, C.27.3, C.8.8.25.8, C.8.5.5.1, C.8.14.4),
or from another list."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Final, NamedTuple

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.items import all_places
from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    Columns,
    ContourData,
    ContourSequence,
    DataPointColumns,
    DataPointRows,
    DataRepresentation,
    FloatingPointValue,
    FrameLabelVector,
    FrameNumbersOfInterest,
    FrameOfInterestDescription,
    FrameOfInterestType,
    MeasuredValueSequence,
    NumberOfContourPoints,
    NumberOfFrames,
    NumberOfScanSpotPositions,
    NumberOfSurfacePoints,
    NumberOfTableBreakPoints,
    NumberOfTableEntries,
    NumberOfVectors,
    NumericValue,
    PointCoordinatesData,
    RationalDenominatorValue,
    RationalNumeratorValue,
    Rows,
    ScanSpotGantryAngles,
    ScanSpotMetersetsDelivered,
    ScanSpotMetersetWeights,
    ScanSpotPatientSupportAngles,
    ScanSpotPositionMap,
    ScanSpotSizesDelivered,
    ScanSpotTimeOffset,
    SelectorSequencePointer,
    SelectorSequencePointerItems,
    SelectorSequencePointerPrivateCreator,
    SpectroscopyData,
    SurfacePointColorCIELabValueData,
    SurfacePointPresentationValueData,
    TableOfParameterValues,
    TableOfPixelValues,
    TableOfXBreakPoints,
    TableOfYBreakPoints,
    VectorCoordinateData,
    VectorDimensionality,
)


class _Counted(NamedTuple):
    """A list of values, the numbers of the same level whose product counts its elements, and the values of an element."""

    values: int
    counts: tuple[int, ...]
    each: int = 1


_COUNTED: Final = (
    _Counted(PointCoordinatesData, (NumberOfSurfacePoints,), 3),
    _Counted(VectorCoordinateData, (NumberOfVectors, VectorDimensionality)),
    _Counted(ScanSpotPositionMap, (NumberOfScanSpotPositions,), 2),
    _Counted(ScanSpotMetersetWeights, (NumberOfScanSpotPositions,)),
    _Counted(ScanSpotMetersetsDelivered, (NumberOfScanSpotPositions,)),
    _Counted(ScanSpotTimeOffset, (NumberOfScanSpotPositions,)),
    _Counted(ScanSpotGantryAngles, (NumberOfScanSpotPositions,)),
    _Counted(ScanSpotPatientSupportAngles, (NumberOfScanSpotPositions,)),
    _Counted(ScanSpotSizesDelivered, (NumberOfScanSpotPositions,), 2),
    _Counted(SurfacePointPresentationValueData, (NumberOfSurfacePoints,)),
    _Counted(SurfacePointColorCIELabValueData, (NumberOfSurfacePoints,), 3),
    _Counted(FrameLabelVector, (NumberOfFrames,)),
    _Counted(ContourData, (NumberOfContourPoints,), 3),
    _Counted(TableOfXBreakPoints, (NumberOfTableBreakPoints,)),
    _Counted(TableOfYBreakPoints, (NumberOfTableBreakPoints,)),
    _Counted(TableOfPixelValues, (NumberOfTableEntries,)),
    _Counted(TableOfParameterValues, (NumberOfTableEntries,)),
    _Counted(SpectroscopyData, (Rows, Columns, NumberOfFrames, DataPointRows, DataPointColumns)),
)
# A list that has as many values as another one of its level (PS3.3 Tables 10-2, 10-20, C.7-12 and C.7-15)
_PAIRED: Final = {
    FloatingPointValue: NumericValue, RationalNumeratorValue: NumericValue, RationalDenominatorValue: NumericValue,
    SelectorSequencePointerItems: SelectorSequencePointer, SelectorSequencePointerPrivateCreator: SelectorSequencePointer,
    FrameOfInterestDescription: FrameNumbersOfInterest, FrameOfInterestType: FrameNumbersOfInterest,
}  # fmt: skip
_SIZES: Final = {"US": 2, "FL": 4, "FD": 8, "OF": 4, "OD": 8, "UL": 4}
_LISTS: Final = frozenset((*(one.values for one in _COUNTED), *_PAIRED))
# All that is read: items that agree in these are one place.
_TAGS: Final = _LISTS.union(_PAIRED.values(), *(one.counts for one in _COUNTED))


@rule_function("counted-values", applies_with(*_LISTS))
def counted_values(context: RuleContext) -> Iterator[Problem]:
    """ELM010: lists of values that are longer or shorter than the numbers beside them say."""
    any_ = False
    for place in all_places(context.dataset, _TAGS):
        level = place.level
        if _LISTS.isdisjoint(level.elements) or level.parent_tag == ContourSequence:
            continue  # of contours RT001 speaks
        for one in _COUNTED:
            element = level.get(one.values)
            counts = [level.value(tag) for tag in one.counts]
            numbers = [count for count in counts if isinstance(count, int) and count >= 0]
            if element is None or len(numbers) < len(counts) or not level.is_whole(element):
                continue
            found = _length(level, element)
            if not found:
                continue
            any_ = True
            # Of complex data each point has two values (PS3.3 C.8.14.4.1).
            each = 2 if level.text(DataRepresentation) == "COMPLEX" else one.each
            wanted = prod(numbers) * each
            if found != wanted:
                names = " × ".join(
                    f"{name_of(tag)} {number}" for tag, number in zip(one.counts, numbers, strict=True)
                )
                yield Problem(
                    message=f"{name_of(one.values)} has {found} values, not {wanted}", level=level, groups=place.groups,
                    tag=one.values, said=f"{found} values", want=f"{wanted} values", because=names,
                )  # fmt: skip
        for tag, other in _PAIRED.items():
            found, wanted = len(level.values(tag)), len(level.values(other))
            if not found or not wanted or level.parent_tag == MeasuredValueSequence:
                continue  # of measurements SR015 speaks
            any_ = True
            if found != wanted:
                yield Problem(
                    message=f"{name_of(tag)} has {found} values, {name_of(other)} {wanted}", level=level, groups=place.groups,
                    tag=tag, said=f"{found} values", want=f"{wanted} values",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


def _length(level: Dataset, element: Element) -> int:
    size = _SIZES.get(element.vr)
    return element.length // size if size else len(level.values(element.tag))
