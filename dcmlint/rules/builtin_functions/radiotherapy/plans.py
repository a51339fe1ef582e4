"""Plans: the numbers by which their parts refer to each other, and control points (PS3.3 C.8.8.10 to C.8.8.14)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.items import item_places
from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    BeamNumber,
    BeamSequence,
    ControlPointIndex,
    ControlPointSequence,
    CumulativeMetersetWeight,
    DoseReferenceNumber,
    DoseReferenceSequence,
    FinalCumulativeMetersetWeight,
    FractionGroupSequence,
    PatientSetupNumber,
    PatientSetupSequence,
    ReferencedBeamNumber,
    ReferencedBeamSequence,
    ReferencedDoseReferenceNumber,
    ReferencedDoseReferenceSequence,
    ReferencedPatientSetupNumber,
    ReferencedToleranceTableNumber,
    ToleranceTableNumber,
    ToleranceTableSequence,
)

# Where a number is used, and where it is defined
_REFERENCES: tuple[tuple[tuple[int, ...], int, int, int], ...] = (
    ((FractionGroupSequence, ReferencedBeamSequence), ReferencedBeamNumber, BeamSequence, BeamNumber),
    ((FractionGroupSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber, DoseReferenceSequence,
     DoseReferenceNumber),
    ((BeamSequence,), ReferencedToleranceTableNumber, ToleranceTableSequence, ToleranceTableNumber),
    ((BeamSequence,), ReferencedPatientSetupNumber, PatientSetupSequence, PatientSetupNumber),
    ((BeamSequence, ControlPointSequence, ReferencedDoseReferenceSequence), ReferencedDoseReferenceNumber,
     DoseReferenceSequence, DoseReferenceNumber),
)  # fmt: skip
_WEIGHTS_DIFFER = 1e-4


@rule_function("plan-references", applies_with(BeamSequence))
def plan_references(context: RuleContext) -> Iterator[Problem]:
    """RT004: numbers of beams, tolerance tables, patient setups and dose references that the plan does not define."""
    any_ = False
    for way, tag, sequence, number_tag in _REFERENCES:
        defined = {item.value(number_tag) for item in context.dataset.items(sequence)}
        for place in item_places(context.dataset, way, None):
            number = place.level.value(tag)
            if not isinstance(number, int):
                continue
            any_ = True
            if number not in defined:
                yield Problem(
                    message=f"{name_of(tag)} is not defined in {name_of(sequence)}", level=place.level,
                    groups=place.groups, tag=tag, found=number, want=f"a number of {name_of(sequence)}",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("control-points", applies_with(BeamSequence))
def control_points(context: RuleContext) -> Iterator[Problem]:
    """RT005: control points that do not count from 0, weights that fall or do not reach the final one (PS3.3 C.8.8.14.5)."""
    any_ = False
    for beam in context.dataset.items(BeamSequence):
        weights: list[float] = []
        for wanted, point in enumerate(beam.items(ControlPointSequence)):
            index, weight = point.value(ControlPointIndex), point.value(CumulativeMetersetWeight)
            any_ = True
            if isinstance(index, int) and index != wanted:
                yield Problem(
                    message="control points are not numbered from 0 in their order", level=point, tag=ControlPointIndex,
                    found=index, want=f"{wanted}",
                )  # fmt: skip
                break
            if not isinstance(weight, (int, float)):
                continue
            if weights and weight < weights[-1] - _WEIGHTS_DIFFER:
                yield Problem(
                    message="Cumulative Meterset Weight falls", level=point, tag=CumulativeMetersetWeight, found=weight,
                    want=f"at least {weights[-1]:g}",
                )  # fmt: skip
                break
            weights.append(float(weight))
        else:
            final = beam.value(FinalCumulativeMetersetWeight)
            if (
                isinstance(final, (int, float)) and len(weights) > 1
                and abs(final - weights[-1]) > _WEIGHTS_DIFFER * max(1.0, abs(final))
            ):  # fmt: skip
                yield Problem(
                    message="Final Cumulative Meterset Weight is not that of the last control point", level=beam,
                    tag=FinalCumulativeMetersetWeight, found=final, want=f"{weights[-1]:g}",
                )  # fmt: skip
    if not any_:
        raise NotApplicable
