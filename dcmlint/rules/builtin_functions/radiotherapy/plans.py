"""Plans: the numbers by which their parts refer to each other, and control points (PS3.3 C.8.8.10 to C.8.8.14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Items, item_places
from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    ApplicationSetupNumber,
    ApplicationSetupSequence,
    BeamNumber,
    BeamSequence,
    BrachyControlPointSequence,
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
    PatientSetupNumber,
    PatientSetupSequence,
    ReferencedBeamNumber,
    ReferencedBeamSequence,
    ReferencedBrachyApplicationSetupNumber,
    ReferencedBrachyApplicationSetupSequence,
    ReferencedDoseReferenceNumber,
    ReferencedDoseReferenceSequence,
    ReferencedPatientSetupNumber,
    ReferencedSourceNumber,
    ReferencedToleranceTableNumber,
    SourceNumber,
    SourceSequence,
    ToleranceTableNumber,
    ToleranceTableSequence,
)

# Where a number is used, and the sequences one of which defines it
_REFERENCES: Final[tuple[tuple[tuple[int, ...], int, tuple[int, ...], int], ...]] = (
    ((FractionGroupSequence, ReferencedBeamSequence), ReferencedBeamNumber, (BeamSequence, IonBeamSequence), BeamNumber),
    ((FractionGroupSequence, ReferencedBrachyApplicationSetupSequence), ReferencedBrachyApplicationSetupNumber,
     (ApplicationSetupSequence,), ApplicationSetupNumber),
    ((FractionGroupSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber, (DoseReferenceSequence,),
     DoseReferenceNumber),
    ((BeamSequence,), ReferencedToleranceTableNumber, (ToleranceTableSequence,), ToleranceTableNumber),
    ((IonBeamSequence,), ReferencedToleranceTableNumber, (IonToleranceTableSequence,), ToleranceTableNumber),
    ((BeamSequence,), ReferencedPatientSetupNumber, (PatientSetupSequence,), PatientSetupNumber),
    ((IonBeamSequence,), ReferencedPatientSetupNumber, (PatientSetupSequence,), PatientSetupNumber),
    ((BeamSequence, ControlPointSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber,
     (DoseReferenceSequence,), DoseReferenceNumber),
    ((IonBeamSequence, IonControlPointSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber,
     (DoseReferenceSequence,), DoseReferenceNumber),
    ((ApplicationSetupSequence, ChannelSequence), ReferencedSourceNumber, (SourceSequence,), SourceNumber),
)  # fmt: skip
_WEIGHTS_DIFFER = 1e-4


@rule_function("plan-references", applies_with(BeamSequence, IonBeamSequence, ApplicationSetupSequence))
def plan_references(context: RuleContext) -> Iterator[Problem]:
    """RT004: numbers of beams, application setups, sources, tolerance tables, patient setups and dose references that the plan
    does not define."""
    any_ = False
    for way, tag, sequences, number_tag in _REFERENCES:
        defined = {
            item.value(number_tag) for sequence in sequences for item in context.dataset.items(sequence)
        }
        where = name_of(next((one for one in sequences if one in context.dataset), sequences[0]))
        for place in item_places(context.dataset, way, None):
            number = place.level.value(tag)
            if not isinstance(number, int):
                continue
            any_ = True
            if number not in defined:
                yield Problem(
                    message=f"{name_of(tag)} is not defined in {where}", level=place.level,
                    groups=place.groups, tag=tag, found=number, want=f"a number of {where}",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


# Beams or channels, their control points, weights, and the final one
_POINTS: Final = (
    ((BeamSequence,), ControlPointSequence, CumulativeMetersetWeight, FinalCumulativeMetersetWeight),
    ((IonBeamSequence,), IonControlPointSequence, CumulativeMetersetWeight, FinalCumulativeMetersetWeight),
    ((ApplicationSetupSequence, ChannelSequence), BrachyControlPointSequence, CumulativeTimeWeight, FinalCumulativeTimeWeight),
)  # fmt: skip


@rule_function("control-points", applies_with(BeamSequence, IonBeamSequence, ApplicationSetupSequence))
def control_points(context: RuleContext) -> Iterator[Problem]:
    """RT005: control points that do not count from 0, weights that fall or do not reach the final one (PS3.3 C.8.8.14.5,
    C.8.8.25.7, C.8.8.15.9)."""
    any_ = False
    for path, sequence, tag, final in _POINTS:
        for place in item_places(context.dataset, path, None):
            points = place.level.items(sequence)
            any_ = any_ or bool(len(points))
            yield from _counted(place.level, points, tag, final)
    if not any_:
        raise NotApplicable


def _counted(beam: Dataset, points: Items, tag: int, final_tag: int) -> Iterator[Problem]:
    weights: list[float] = []
    for wanted, point in enumerate(points):
        index, weight = point.value(ControlPointIndex), point.value(tag)
        if isinstance(index, int) and index != wanted:
            yield Problem(
                message="control points are not numbered from 0 in their order", level=point, tag=ControlPointIndex,
                found=index, want=f"{wanted}",
            )  # fmt: skip
            return
        if not isinstance(weight, (int, float)):
            continue
        if weights and weight < weights[-1] - _WEIGHTS_DIFFER:
            yield Problem(
                message=f"{name_of(tag)} falls", level=point, tag=tag, found=weight, want=f"at least {weights[-1]:g}",
            )  # fmt: skip
            return
        weights.append(float(weight))
    final = beam.value(final_tag)
    if (
        isinstance(final, (int, float)) and len(weights) > 1
        and abs(final - weights[-1]) > _WEIGHTS_DIFFER * max(1.0, abs(final))
    ):  # fmt: skip
        yield Problem(
            message=f"{name_of(final_tag)} is not that of the last control point", level=beam, tag=final_tag,
            found=final, want=f"{weights[-1]:g}",
        )  # fmt: skip
