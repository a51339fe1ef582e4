"""Shutters of images and presentation states (PS3.3 C.7.6.11, C.7.6.15)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, applies_with, rule_function
from dcmlint.standard.tags import (
    RadiusOfCircularShutter,
    ShutterLeftVerticalEdge,
    ShutterLowerHorizontalEdge,
    ShutterOverlayGroup,
    ShutterRightVerticalEdge,
    ShutterShape,
    ShutterUpperHorizontalEdge,
    VerticesOfThePolygonalShutter,
)

_EDGES = (
    (ShutterLeftVerticalEdge, ShutterRightVerticalEdge), (ShutterUpperHorizontalEdge, ShutterLowerHorizontalEdge),
)  # fmt: skip
# Overlay Data of a repeating group
_OVERLAY_DATA = 0x3000


@rule_function("shutters", applies_with(ShutterShape))
def shutters(context: RuleContext) -> Iterator[Problem]:
    """PST006: shutters that leave nothing to see: edges crossed, no radius, two vertices; a bitmap that is not there."""
    dataset = context.dataset
    shapes = set(map(str, dataset.values(ShutterShape)))
    if not shapes:
        raise NotApplicable
    if "RECTANGULAR" in shapes:
        for low, high in _EDGES:
            first, last = dataset.value(low), dataset.value(high)
            if isinstance(first, int) and isinstance(last, int) and first >= last:
                yield Problem(
                    message=f"{name_of(high)} is not greater than {name_of(low)}", tag=high, found=last,
                    want=f"more than {first}",
                )  # fmt: skip
    radius = dataset.value(RadiusOfCircularShutter)
    if "CIRCULAR" in shapes and isinstance(radius, int) and radius <= 0:
        yield Problem(
            message="the radius of a shutter is not positive",
            tag=RadiusOfCircularShutter,
            found=radius,
            want="1 or more",
        )
    vertices = dataset.values(VerticesOfThePolygonalShutter)
    if "POLYGONAL" in shapes and vertices and len(vertices) < 6 and not len(vertices) % 2:
        yield Problem(
            message=f"a polygonal shutter has {len(vertices) // 2} vertices", tag=VerticesOfThePolygonalShutter,
            said=f"{len(vertices) // 2} vertices", want="at least 3",
        )  # fmt: skip
    group = dataset.value(ShutterOverlayGroup)
    if "BITMAP" in shapes and isinstance(group, int) and (group << 16 | _OVERLAY_DATA) not in dataset:
        yield Problem(
            message="the overlay of a bitmap shutter is not in the instance", tag=ShutterOverlayGroup, said=f"{group:04X}",
            want="the group of an overlay",
        )  # fmt: skip
