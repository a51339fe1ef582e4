"""Graphic annotations of presentation states: points, coordinates and layers (PS3.3 C.10.5, C.10.7)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.rules.builtin_functions.numbers import number_wanted
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.classes import may_be_tiled
from dcmlint.standard.tags import (
    AnchorPoint,
    AnchorPointAnnotationUnits,
    BoundingBoxAnnotationUnits,
    BoundingBoxBottomRightHandCorner,
    BoundingBoxTopLeftHandCorner,
    GraphicAnnotationSequence,
    GraphicAnnotationUnits,
    GraphicData,
    GraphicLayer,
    GraphicLayerSequence,
    GraphicObjectSequence,
    GraphicType,
    NumberOfGraphicPoints,
    ReferencedImageSequence,
    ReferencedSOPClassUID,
    TextObjectSequence,
)

# PS3.3 C.10.5.1.2: fewest and most points
_POINTS: dict[str, tuple[int, int | None]] = {
    "POINT": (1, 1), "POLYLINE": (2, None), "INTERPOLATED": (2, None), "CIRCLE": (2, 2), "ELLIPSE": (4, 4),
}  # fmt: skip
# Coordinates, and the attribute with their units
_COORDINATES = (
    (GraphicData, GraphicAnnotationUnits), (BoundingBoxTopLeftHandCorner, BoundingBoxAnnotationUnits),
    (BoundingBoxBottomRightHandCorner, BoundingBoxAnnotationUnits), (AnchorPoint, AnchorPointAnnotationUnits),
)  # fmt: skip
# Overlay Activation Layer of the repeating groups 6000 to 601E (PS3.3 C.11.7)
_ACTIVATION_LAYERS = tuple(0x60001001 + (group << 17) for group in range(16))


def _annotations(context: RuleContext) -> tuple[Dataset, ...]:
    items = context.dataset.items(GraphicAnnotationSequence)
    if not items:
        raise NotApplicable
    return tuple(items)


@rule_function("graphic-points")
def graphic_points(context: RuleContext) -> Iterator[Problem]:
    """PST001: Number of Graphic Points against Graphic Data and against the graphic type (PS3.3 C.10.5.1.2)."""
    any_ = False
    for annotation in _annotations(context):
        for graphic in annotation.items(GraphicObjectSequence):
            stated, kind = graphic.value(NumberOfGraphicPoints), graphic.text(GraphicType)
            values = len(graphic.values(GraphicData))
            if values < 2 or not isinstance(stated, int):
                continue  # the tables say so
            any_ = True
            count = values / 2
            wanted = number_wanted(count, *_POINTS.get(kind, (1, None)))
            if count != stated:
                yield Problem(
                    message=f"{values} values of Graphic Data are not {stated} points", level=graphic,
                    tag=NumberOfGraphicPoints, found=stated, want=f"{count:g}",
                )  # fmt: skip
            elif wanted:
                yield Problem(
                    message=f"{_article(kind)} has {stated} points", level=graphic, tag=NumberOfGraphicPoints,
                    found=stated, want=wanted,
                )  # fmt: skip
    if not any_:
        raise NotApplicable


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'EI' else 'a'} {kind}"


@rule_function("graphic-coordinates")
def graphic_coordinates(context: RuleContext) -> Iterator[Problem]:
    """PST002: coordinates outside of their space: DISPLAY from 0 to 1, PIXEL and MATRIX not negative (PS3.3 C.10.5.1.1)."""
    any_ = False
    for annotation in _annotations(context):
        classes = {one.text(ReferencedSOPClassUID) for one in annotation.items(ReferencedImageSequence)}
        plain = bool(classes) and all(may_be_tiled(one) is False for one in classes)
        for sequence in (GraphicObjectSequence, TextObjectSequence):
            for level in annotation.items(sequence):
                any_ = True
                yield from _outside(level, plain)
    if not any_:
        raise NotApplicable


def _outside(level: Dataset, plain: bool) -> Iterator[Problem]:
    """``plain``: no image that is annotated can have a Total Pixel Matrix."""
    told: set[int] = set()
    for tag, units_tag in _COORDINATES:
        units = level.text(units_tag)
        numbers = [value for value in level.values(tag) if isinstance(value, (int, float))]
        if not units or not numbers:
            continue
        worst = max(numbers, key=lambda value: abs(value - 0.5) if math.isfinite(value) else math.inf)
        if units == "MATRIX" and plain and units_tag not in told:
            told.add(units_tag)
            yield Problem(
                message="units MATRIX for an image without Total Pixel Matrix", level=level, tag=units_tag,
                found=units, want="PIXEL or DISPLAY",
            )  # fmt: skip
        elif not math.isfinite(worst):
            yield Problem(
                message=f"{name_of(tag)} contains a value that is not finite", level=level, tag=tag, found=worst,
                want="finite coordinates",
            )  # fmt: skip
        elif units == "DISPLAY" and not -0.001 <= worst <= 1.001:
            yield Problem(
                message=f"{name_of(tag)} in units of DISPLAY is outside the displayed area", level=level, tag=tag,
                found=worst, want="0 to 1",
            )  # fmt: skip
        elif units in ("PIXEL", "MATRIX") and min(numbers) < -0.5:
            yield Problem(
                message=f"{name_of(tag)} is outside the image", level=level, tag=tag, found=min(numbers),
                want="0 or more", severity="warning",
            )  # fmt: skip


@rule_function("graphic-layers")
def graphic_layers(context: RuleContext) -> Iterator[Problem]:
    """PST003: layers of annotations and overlays that Graphic Layer Sequence does not define, or defines twice."""
    dataset = context.dataset
    used = [(level, GraphicLayer) for level in dataset.items(GraphicAnnotationSequence)]
    used += [(dataset, tag) for tag in _ACTIVATION_LAYERS if tag in dataset]
    defined = dataset.items(GraphicLayerSequence)
    if not defined:
        raise NotApplicable  # where they are required, the tables say so
    names: set[str] = set()
    for layer in defined:
        name = layer.text(GraphicLayer)
        if name and name in names:
            yield Problem(
                message="Graphic Layer Sequence defines a layer twice", level=layer, tag=GraphicLayer, found=name,
                want="each layer once",
            )  # fmt: skip
        names.add(name)
    for level, tag in used:
        name = level.text(tag)
        if name and name not in names:
            yield Problem(
                message=f"{name_of(tag)} is not defined in Graphic Layer Sequence", level=level, tag=tag, found=name,
                want="a layer of Graphic Layer Sequence",
            )  # fmt: skip
