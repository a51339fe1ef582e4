"""Plans: the numbers by which their parts refer to each other, and control points (PS3.3 C.8.8.10 to C.8.8.15, C.8.8.25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Place, item_places
from dcmlint.dicom.path import name_of
from dcmlint.findings.problem import Attribute
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    ApplicationSetupNumber,
    ApplicationSetupSequence,
    BeamNumber,
    BeamSequence,
    BrachyControlPointSequence,
    BrachyReferencedDoseReferenceSequence,
    ChannelSequence,
    ControlPointIndex,
    ControlPointSequence,
    CumulativeMetersetWeight,
    CumulativeTimeWeight,
    DoseReferenceNumber,
    DoseReferenceSequence,
    FinalCumulativeMetersetWeight,
    FinalCumulativeTimeWeight,
    FractionGroupSequence,
    IonBeamSequence,
    IonControlPointSequence,
    IonToleranceTableSequence,
    IonWedgePositionSequence,
    IonWedgeSequence,
    LateralSpreadingDeviceNumber,
    LateralSpreadingDeviceSequence,
    LateralSpreadingDeviceSettingsSequence,
    PatientSetupNumber,
    PatientSetupSequence,
    RangeModulatorNumber,
    RangeModulatorSequence,
    RangeModulatorSettingsSequence,
    RangeShifterNumber,
    RangeShifterSequence,
    RangeShifterSettingsSequence,
    ReferencedBeamNumber,
    ReferencedBeamSequence,
    ReferencedBrachyApplicationSetupNumber,
    ReferencedBrachyApplicationSetupSequence,
    ReferencedDoseReferenceNumber,
    ReferencedDoseReferenceSequence,
    ReferencedLateralSpreadingDeviceNumber,
    ReferencedPatientSetupNumber,
    ReferencedRangeModulatorNumber,
    ReferencedRangeShifterNumber,
    ReferencedSourceNumber,
    ReferencedToleranceTableNumber,
    ReferencedWedgeNumber,
    SourceNumber,
    SourceSequence,
    ToleranceTableNumber,
    ToleranceTableSequence,
    WedgeNumber,
    WedgePositionSequence,
    WedgeSequence,
)

_USERS = (FractionGroupSequence, BeamSequence, IonBeamSequence, ApplicationSetupSequence)
# What the fractions refer to may be elsewhere: it is compared where its module is present (PS3.3 A.20.3.1)
_DELIVERED: tuple[tuple[int, int, tuple[int, ...], int], ...] = (
    (ReferencedBeamSequence, ReferencedBeamNumber, (BeamSequence, IonBeamSequence), BeamNumber),
    (ReferencedBrachyApplicationSetupSequence, ReferencedBrachyApplicationSetupNumber, (ApplicationSetupSequence,),
     ApplicationSetupNumber),
)  # fmt: skip
# Where a number is used, and where it is defined
_REFERENCES: tuple[tuple[tuple[int, ...], int, int, int], ...] = (
    ((FractionGroupSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber, DoseReferenceSequence,
     DoseReferenceNumber),
    ((BeamSequence,), ReferencedToleranceTableNumber, ToleranceTableSequence, ToleranceTableNumber),
    ((BeamSequence,), ReferencedPatientSetupNumber, PatientSetupSequence, PatientSetupNumber),
    ((BeamSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber, DoseReferenceSequence,
     DoseReferenceNumber),
    ((BeamSequence, ControlPointSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber,
     DoseReferenceSequence, DoseReferenceNumber),
    ((IonBeamSequence,), ReferencedToleranceTableNumber, IonToleranceTableSequence, ToleranceTableNumber),
    ((IonBeamSequence,), ReferencedPatientSetupNumber, PatientSetupSequence, PatientSetupNumber),
    ((IonBeamSequence, IonControlPointSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber,
     DoseReferenceSequence, DoseReferenceNumber),
    ((ApplicationSetupSequence, ChannelSequence), ReferencedSourceNumber, SourceSequence, SourceNumber),
    ((ApplicationSetupSequence, ChannelSequence, BrachyControlPointSequence, BrachyReferencedDoseReferenceSequence),
     ReferencedDoseReferenceNumber, DoseReferenceSequence, DoseReferenceNumber),
)  # fmt: skip
# The same within one beam: where the number is used below the beam, and where the beam defines it
_OF_A_BEAM: tuple[tuple[int, tuple[int, ...], int, int, int], ...] = (
    (BeamSequence, (ControlPointSequence, WedgePositionSequence), ReferencedWedgeNumber, WedgeSequence, WedgeNumber),
    (IonBeamSequence, (IonControlPointSequence, IonWedgePositionSequence), ReferencedWedgeNumber, IonWedgeSequence,
     WedgeNumber),
    (IonBeamSequence, (IonControlPointSequence, RangeShifterSettingsSequence), ReferencedRangeShifterNumber,
     RangeShifterSequence, RangeShifterNumber),
    (IonBeamSequence, (IonControlPointSequence, LateralSpreadingDeviceSettingsSequence),
     ReferencedLateralSpreadingDeviceNumber, LateralSpreadingDeviceSequence, LateralSpreadingDeviceNumber),
    (IonBeamSequence, (IonControlPointSequence, RangeModulatorSettingsSequence), ReferencedRangeModulatorNumber,
     RangeModulatorSequence, RangeModulatorNumber),
)  # fmt: skip
# Where control points are: the items that hold them, their sequence, their weight and the final one
_POINTS: tuple[tuple[tuple[int, ...], int, int, int], ...] = (
    ((BeamSequence,), ControlPointSequence, CumulativeMetersetWeight, FinalCumulativeMetersetWeight),
    ((IonBeamSequence,), IonControlPointSequence, CumulativeMetersetWeight, FinalCumulativeMetersetWeight),
    ((ApplicationSetupSequence, ChannelSequence), BrachyControlPointSequence, CumulativeTimeWeight,
     FinalCumulativeTimeWeight),
)  # fmt: skip
_WEIGHTS_DIFFER = 1e-4


@rule_function("plan-references", applies_with(*_USERS))
def plan_references(context: RuleContext) -> Iterator[Problem]:
    """RT004: numbers of beams, application setups, tolerance tables, patient setups, dose references, sources and devices of
    a beam that the plan does not define."""
    any_ = False
    for place, tag, sequence, (defined, defining) in _used(context.dataset):
        number = place.level.value(tag)
        if not isinstance(number, int):
            continue
        any_ = True
        if number not in defined:
            yield Problem(
                message=f"{name_of(tag)} is not defined in {name_of(sequence)}", level=place.level,
                groups=place.groups, tag=tag, found=number, want=f"a number of {name_of(sequence)}",
                rests_on=defining,
            )  # fmt: skip
    if not any_:
        raise NotApplicable


# Numbers, and the attributes that define them
_Numbers = tuple[set[object], tuple[Attribute, ...]]


def _used(dataset: Dataset) -> Iterator[tuple[Place, int, int, _Numbers]]:
    """Each place that may refer to a number: the attribute, the sequence that defines it, and the numbers that it defines."""
    for users, tag, sequences, number in _DELIVERED:
        given = next((sequence for sequence in sequences if sequence in dataset), None)
        if given is not None:
            defined = _numbers(dataset, given, number)
            for place in item_places(dataset, (FractionGroupSequence, users), None):
                yield place, tag, given, defined
    for way, tag, sequence, number in _REFERENCES:
        defined = _numbers(dataset, sequence, number)
        for place in item_places(dataset, way, None):
            yield place, tag, sequence, defined
    for beams, way, tag, sequence, number in _OF_A_BEAM:
        for beam in dataset.items(beams):
            defined = _numbers(beam, sequence, number)
            for place in item_places(beam, way, None):
                yield place, tag, sequence, defined


def _numbers(dataset: Dataset, sequence: int, number: int) -> _Numbers:
    items = dataset.items(sequence)
    return {item.value(number) for item in items}, ((dataset, sequence), *((item, number) for item in items))


@rule_function("control-points", applies_with(BeamSequence, IonBeamSequence, ApplicationSetupSequence))
def control_points(context: RuleContext) -> Iterator[Problem]:
    """RT005: control points that do not count from 0, weights that do not begin at 0, fall or do not reach the final one
    (PS3.3 C.8.8.14.1, C.8.8.15.6)."""
    any_ = False
    for way, sequence, weight, final in _POINTS:
        for place in item_places(context.dataset, way, None):
            points = place.level.items(sequence)
            any_ = any_ or len(points) > 0
            yield from _weights(place.level, points, weight, final)
    if not any_:
        raise NotApplicable


def _weights(holder: Dataset, points: Sequence[Dataset], weight: int, final: int) -> Iterator[Problem]:
    weights: list[float] = []
    for wanted, point in enumerate(points):
        index, given = point.value(ControlPointIndex), point.value(weight)
        if isinstance(index, int) and index != wanted:
            yield Problem(
                message="control points are not numbered from 0 in their order", level=point, tag=ControlPointIndex,
                found=index, want=f"{wanted}",
            )  # fmt: skip
            return
        if not isinstance(given, (int, float)):
            continue
        if wanted == 0 and abs(given) > _WEIGHTS_DIFFER:
            yield Problem(
                message=f"{name_of(weight)} of the first control point is not 0", level=point, tag=weight, found=given,
                want="0",
            )  # fmt: skip
            return
        if weights and given < weights[-1] - _WEIGHTS_DIFFER:
            yield Problem(
                message=f"{name_of(weight)} falls", level=point, tag=weight, found=given,
                want=f"at least {weights[-1]:g}",
            )  # fmt: skip
            return
        weights.append(float(given))
    last = holder.value(final)
    if (
        isinstance(last, (int, float)) and len(weights) > 1
        and abs(last - weights[-1]) > _WEIGHTS_DIFFER * max(1.0, abs(last))
    ):  # fmt: skip
        yield Problem(
            message=f"{name_of(final)} is not that of the last control point", level=holder, tag=final, found=last,
            want=f"{weights[-1]:g}",
        )  # fmt: skip
