"""Positions of leaves and jaws against the beam limiting devices of their beam (PS3.3 C.8.8.14, C.8.8.21, C.8.8.25, C.8.8.26)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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


@rule_function("leaf-positions", applies_with(LeafJawPositions))
def leaf_positions(context: RuleContext) -> Iterator[Problem]:
    """RT008: positions of a device that the beam does not have, or of more or fewer leaves than it has.

    An odd number of them is a multiplicity that the attribute does not have, which is reported as such.
    """
    any_ = False
    for beams, devices, points in _BEAMS:
        for beam in context.dataset.items(beams):
            pairs = {
                device.text(RTBeamLimitingDeviceType): device.value(NumberOfLeafJawPairs)
                for device in beam.items(devices)
            }
            if not pairs or "" in pairs:
                continue
            for point in beam.items(points):
                for position in point.items(BeamLimitingDevicePositionSequence):
                    kind, values = position.text(RTBeamLimitingDeviceType), position.values(LeafJawPositions)
                    stated = pairs.get(kind)
                    any_ = any_ or bool(kind)
                    if kind and kind not in pairs:
                        yield Problem(
                            message="positions of a beam limiting device that the beam does not have", level=position,
                            tag=RTBeamLimitingDeviceType, found=kind, want=", ".join(sorted(pairs)),
                        )  # fmt: skip
                    elif (
                        values
                        and isinstance(stated, int)
                        and len(values) % 2 == 0
                        and len(values) != 2 * stated
                    ):
                        yield Problem(
                            message=f"{len(values)} positions of {stated} leaf or jaw pairs", level=position,
                            tag=LeafJawPositions, said=f"{len(values)} values", want=f"{2 * stated} values",
                        )  # fmt: skip
    if not any_:
        raise NotApplicable
