"""Vectors with a value for each frame, and what Frame Increment Pointer points to (PS3.3 C.7.6.6, C.8.4.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint import standard
from dcmlint.dicom.path import name_of
from dcmlint.facts.pixel.pixels import number_of_frames
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    AngularViewVector,
    DetectorVector,
    EnergyWindowVector,
    FrameIncrementPointer,
    ImageType,
    NumberOfDetectors,
    NumberOfEnergyWindows,
    NumberOfPhases,
    NumberOfRotations,
    NumberOfRRIntervals,
    NumberOfSlices,
    NumberOfTimeSlices,
    NumberOfTimeSlots,
    PhaseVector,
    RotationVector,
    RRIntervalVector,
    SliceVector,
    TimeSliceVector,
    TimeSlotVector,
)

# Each vector and the attribute with the number of what it counts; Angular View has one for each rotation.
_COUNTED: Final = {
    EnergyWindowVector: NumberOfEnergyWindows,
    DetectorVector: NumberOfDetectors,
    PhaseVector: NumberOfPhases,
    RotationVector: NumberOfRotations,
    RRIntervalVector: NumberOfRRIntervals,
    TimeSlotVector: NumberOfTimeSlots,
    SliceVector: NumberOfSlices,
    AngularViewVector: 0,
    TimeSliceVector: NumberOfTimeSlices,
}


@rule_function("frame-increment-pointer", applies_with(FrameIncrementPointer))
def frame_increment_pointer(context: RuleContext) -> Iterator[Problem]:
    """GEO011: Frame Increment Pointer points to an attribute that is not there, or has no value (PS3.3 C.7.6.6.1.2)."""
    dataset = context.dataset
    pointers = [one for one in dataset.values(FrameIncrementPointer) if isinstance(one, int)]
    if not pointers:
        raise NotApplicable
    for tag in dict.fromkeys(pointers):
        absent = tag not in dataset and not dataset.may_have(tag)
        empty = tag in dataset and not dataset.values(tag) and not dataset.items(tag)
        if (absent or empty) and not _conditional(context.instance.sop_class, tag):
            lack = "absent" if absent else "empty"
            yield Problem(
                level=dataset, tag=FrameIncrementPointer, said=name_of(tag), want="an attribute that has a value",
                message=f"Frame Increment Pointer points to {name_of(tag)}, which is {lack}",
            )  # fmt: skip


@standard.per_edition(256)
def _conditional(sop_class: str, tag: int) -> bool:
    """Whether a module of the IOD asks for an attribute under a condition: then its absence is told of itself."""
    tables = standard.load()
    known, entry = tables.sop_class(sop_class), tables.dictionary.entry(tag)
    if known is None or entry is None:
        return False
    rows = (
        tables.table(table).row(entry.keyword)
        for module in tables.iod(known.iod).modules
        for table in module.tables
    )
    return any(row is not None and row.conditional and row.when is not None for row in rows)


# PS3.3 Table C.8-8: the vectors of a nuclear medicine image, by value 3 of Image Type, the fastest last.
_WINDOWS: Final = (EnergyWindowVector, DetectorVector)
_VECTORS_OF: Final = {
    "STATIC": _WINDOWS,
    "WHOLE BODY": _WINDOWS,
    "DYNAMIC": (*_WINDOWS, PhaseVector, TimeSliceVector),
    "GATED": (*_WINDOWS, RRIntervalVector, TimeSlotVector),
    "TOMO": (*_WINDOWS, RotationVector, AngularViewVector),
    "GATED TOMO": (*_WINDOWS, RotationVector, RRIntervalVector, TimeSlotVector, AngularViewVector),
    "RECON TOMO": (SliceVector,),
    "RECON GATED TOMO": (RRIntervalVector, TimeSlotVector, SliceVector),
}


@rule_function("nuclear-frame-vectors", applies_with(FrameIncrementPointer))
def nuclear_frame_vectors(context: RuleContext) -> Iterator[Problem]:
    """GEO014: Frame Increment Pointer of a nuclear medicine image points to the vectors of its type (PS3.3 C.8.4.8.1.1)."""
    dataset = context.dataset
    pointers = tuple(one for one in dataset.values(FrameIncrementPointer) if isinstance(one, int))
    kind = next(iter(dataset.values(ImageType)[2:3]), None)
    if not pointers or not isinstance(kind, str) or (wanted := _VECTORS_OF.get(kind)) is None:
        raise NotApplicable
    if any(tag not in dataset for tag in pointers):
        raise NotApplicable  # what is absent is told of itself
    if pointers != wanted:
        yield Problem(
            level=dataset, tag=FrameIncrementPointer, said=" and ".join(map(name_of, pointers)),
            want=" and ".join(map(name_of, wanted)),
            message=f"Frame Increment Pointer does not point to the vectors of a {kind} image",
        )  # fmt: skip


@rule_function("frame-vectors", applies_with(*_COUNTED))
def frame_vectors(context: RuleContext) -> Iterator[Problem]:
    """GEO012: a vector has one value for each frame, from 1 to the number of what it counts."""
    dataset = context.dataset
    frames = number_of_frames(dataset)
    any_ = False
    for vector, counter in _COUNTED.items():
        values = [one for one in dataset.values(vector) if isinstance(one, int)]
        if not values:
            continue
        any_ = True
        name = name_of(vector)
        if isinstance(frames, int) and len(values) != frames:
            yield Problem(
                level=dataset, tag=vector, said=f"{len(values)} values", want=f"{frames} values",
                message=f"{name} has {len(values)} values for {frames} frames",
            )  # fmt: skip
            continue
        number = dataset.value(counter) if counter else None
        if min(values) < 1 or (isinstance(number, int) and max(values) > number):
            yield Problem(
                level=dataset, tag=vector, said=f"values from {min(values)} to {max(values)}",
                want=f"values from 1 to {number}" if isinstance(number, int) else "values from 1",
                message=f"{name} has values that {name_of(counter) if counter else 'the image'} does not allow",
            )  # fmt: skip
        elif isinstance(number, int) and max(values) < number:
            yield Problem(
                level=dataset, tag=counter, found=number, want=f"{max(values)}, as in {name}", severity="warning",
                message=f"{name_of(counter)} is {number}, but {name} ends with {max(values)}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable
