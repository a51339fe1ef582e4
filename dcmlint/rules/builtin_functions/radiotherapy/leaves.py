"""Positions of leaves and jaws against the beam limiting devices of their beam (PS3.3 C.8.8.14, C.8.8.21, C.8.8.25, C.8.8.26)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    BeamLimitingDeviceLeafPairsSequence,
    BeamLimitingDevicePositionSequence,
    BeamLimitingDeviceSequence,
    BeamSequence,
    ControlPointDeliverySequence,
    ControlPointSequence,
    IonBeamLimitingDeviceSequence,
    IonBeamSequence,
    IonControlPointDeliverySequence,
    IonControlPointSequence,
    LeafJawPositions,
    NumberOfLeafJawPairs,
    RTBeamLimitingDeviceType,
    TreatmentSessionBeamSequence,
    TreatmentSessionIonBeamSequence,
)

# Beams, their beam limiting devices, and their control points
_BEAMS: Final = (
    (BeamSequence, BeamLimitingDeviceSequence, ControlPointSequence),
    (IonBeamSequence, IonBeamLimitingDeviceSequence, IonControlPointSequence),
    (TreatmentSessionBeamSequence, BeamLimitingDeviceLeafPairsSequence, ControlPointDeliverySequence),
    (TreatmentSessionIonBeamSequence, BeamLimitingDeviceLeafPairsSequence, IonControlPointDeliverySequence),
)
# In mm: leaves of a closed pair may be rounded
_OVERLAP: Final = 1.0


@rule_function("leaf-positions", applies_with(LeafJawPositions))
def leaf_positions(context: RuleContext) -> Iterator[Problem]:
    """RT008: positions of a device that the beam does not have, of more or fewer leaves than it has, or of leaves that overlap.

    An odd number of them is a multiplicity that the attribute does not have, which is reported as such.
    """
    any_ = False
    for position, pairs in _positions(context.dataset):
        kind, values = position.text(RTBeamLimitingDeviceType), position.values(LeafJawPositions)
        stated = pairs.get(kind)
        any_ = any_ or bool(kind)
        if kind and kind not in pairs:
            yield Problem(
                message="positions of a beam limiting device that the beam does not have", level=position,
                tag=RTBeamLimitingDeviceType, found=kind, want=", ".join(sorted(pairs)),
            )  # fmt: skip
        elif values and isinstance(stated, int) and len(values) % 2 == 0 and len(values) != 2 * stated:
            yield Problem(
                message=f"{len(values)} positions of {stated} leaf or jaw pairs", level=position,
                tag=LeafJawPositions, said=f"{len(values)} values", want=f"{2 * stated} values",
            )  # fmt: skip
        elif _cross(values):
            yield Problem(
                message="the first leaf or jaw of a pair is beyond the second one", level=position,
                tag=LeafJawPositions, severity="warning", want="positions of first leaves below those of second ones",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _positions(dataset: Dataset) -> Iterator[tuple[Dataset, dict[str, object]]]:
    """Each item with positions, and the numbers of pairs by the type of the devices of its beam."""
    for beams, devices, points in _BEAMS:
        for beam in dataset.items(beams):
            pairs = {
                device.text(RTBeamLimitingDeviceType): device.value(NumberOfLeafJawPairs)
                for device in beam.items(devices)
            }
            if not pairs or "" in pairs:
                continue
            for point in beam.items(points):
                for position in point.items(BeamLimitingDevicePositionSequence):
                    yield position, pairs


def _cross(values: Sequence[object]) -> bool:
    """Whether the first leaf of a pair is beyond the second one; the first half of the values are the first leaves."""
    half = len(values) // 2
    return any(
        isinstance(first, (int, float)) and isinstance(last, (int, float)) and first > last + _OVERLAP
        for first, last in zip(values[:half], values[half:], strict=False)
    )
