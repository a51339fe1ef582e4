"""Coordinates and point indices of annotation groups (PS3.3 C.37.1, C.27.4.1 for the list of indices)."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.dicom.path import name_of
from dcmlint.facts.header.annotation_groups import FEWEST, FIXED, Group
from dcmlint.plural import number_of
from dcmlint.rules.builtin_functions.annotations.groups import groups
from dcmlint.rules.builtin_functions.numbers import LARGEST_SLIDE
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    AnnotationCoordinateType,
    LongPrimitivePointIndexList,
    NumberOfAnnotations,
)


@rule_function("annotation-coordinates-whole")
def whole_points(context: RuleContext) -> Iterator[Problem]:
    """ANN003: the coordinates are whole points, two or three values each."""
    for group in groups(context):
        size = group.width * group.dimensions
        if size and group.coordinates and group.value_bytes % size:
            yield Problem(
                message=f"{name_of(group.coordinates)} has {group.value_bytes} bytes, which is not a whole number of points",
                level=group.item, tag=group.coordinates, said=f"{group.value_bytes} bytes",
                want=f"a multiple of {size} bytes ({group.dimensions} values of {group.width} bytes per point)",
            )  # fmt: skip


@rule_function("annotation-coordinates-finite")
def finite(context: RuleContext) -> Iterator[Problem]:
    """ANN004: every coordinate is a finite number."""
    import numpy as np

    for group in groups(context):
        values = group.values()
        if values is None:
            continue
        strange = np.flatnonzero(~np.isfinite(values))
        if strange.size:
            yield Problem(
                message=f"{strange.size} coordinates are not finite, first value {int(strange[0]) + 1}",
                level=group.item, tag=group.coordinates, said=str(values[strange[0]]), want="finite numbers",
            )  # fmt: skip


@rule_function("annotation-point-indices")
def point_indices(context: RuleContext) -> Iterator[Problem]:
    """ANN005: the list of indices begins with 1, ascends by whole annotations and stays within the coordinates."""
    looked_at = False
    for group in groups(context):
        if LongPrimitivePointIndexList not in group.item:
            continue
        looked_at = True
        problem = _indices(group)
        if problem is not None:
            yield problem
    if not looked_at:
        raise NotApplicable


def _indices(group: Group) -> Problem | None:
    """What is wrong with the list of one group: the first thing, since the rest follows from it."""
    import numpy as np

    def wrong(message: str, said: str, want: str) -> Problem:
        return Problem(
            message=message, level=group.item, tag=LongPrimitivePointIndexList, said=said, want=want
        )  # fmt: skip

    if group.graphic_type in FIXED:
        return wrong(
            f"Long Primitive Point Index List is present, but each {group.graphic_type} has the same number of points",
            "present", "absent (only for POLYLINE and POLYGON)",
        )  # fmt: skip
    starts = group.starts()
    fewest = FEWEST.get(group.graphic_type)
    if starts is None or fewest is None or not group.whole:
        return None
    values = starts.astype(np.int64)
    if values.size > 1 and values.size % 2 == 0 and not values[1::2].any() and values[0]:
        return wrong("the indices have 64 bits", "every other value is 0", "32-bit values (VR OL)")
    if values[0] != 1:
        hint = "(indices are 1-based)" if values[0] == 0 else ""
        return wrong(f"the first index is {values[0]}", str(values[0]), f"1{hint}")
    step = np.diff(values)
    back = np.flatnonzero(step <= 0)
    if back.size:
        at = int(back[0]) + 1
        return wrong(
            f"index {at + 1} is {values[at]}, which is not above {values[at - 1]}", str(values[at]),
            "ascending indices",
        )  # fmt: skip
    there = group.value_bytes // group.width
    beyond = np.flatnonzero(values > there)
    if beyond.size:
        at = int(beyond[0])
        return wrong(
            f"index {at + 1} is {values[at]}, but there are {there} coordinates", str(values[at]), f"at most {there}"
        )  # fmt: skip
    uneven = np.flatnonzero((values - 1) % group.dimensions)
    if uneven.size:
        at = int(uneven[0])
        return wrong(
            f"index {at + 1} is {values[at]}, which is not the start of a point", str(values[at]),
            f"1 and a multiple of {group.dimensions}: indices count coordinates, not points",
        )  # fmt: skip
    points = np.diff(np.append(values, there + 1)) // group.dimensions
    short = np.flatnonzero(points < fewest)
    if short.size:
        at = int(short[0])
        return wrong(
            f"annotation {at + 1} has {number_of(points[at], 'point')}: too few for a {group.graphic_type}",
            f"{number_of(points[at], 'point')}; {short.size} of {values.size} annotations have too few", f"at least {fewest} points",
        )  # fmt: skip
    return None


@rule_function("annotation-count")
def annotation_count(context: RuleContext) -> Iterator[Problem]:
    """ANN006: Number of Annotations is what the coordinates or the list of indices give."""
    for group in groups(context):
        stated, found = group.stated, given(group)
        if stated is None or found is None or stated == found[0]:
            continue
        yield Problem(
            message=f"Number of Annotations is {stated}, but {found[1]} give {found[0]}", level=group.item,
            tag=NumberOfAnnotations, found=stated, want=str(found[0]), because=found[1],
        )  # fmt: skip


def given(group: Group) -> tuple[int | str, str] | None:
    """How many annotations there are by the data (text where they are no whole number), and what says so.

    None where the data do not say: that was reported of the coordinates or of the list of indices.
    """
    if not group.whole:
        return None
    points = group.value_bytes // (group.width * group.dimensions)
    each = FIXED.get(group.graphic_type)
    if each is not None:
        whole, left = divmod(points, each)
        count = f"{points} / {each}" if left else whole
        return count, f"{points} points of {group.graphic_type}" + (f", {each} each" if each > 1 else "")
    starts = group.starts()
    if group.graphic_type not in FEWEST or starts is None or _indices(group) is not None:
        return None
    return int(starts.size), f"{starts.size} point indices"


@rule_function("annotation-polygon-open")
def open_polygons(context: RuleContext) -> Iterator[Problem]:
    """ANN008: a POLYGON is closed without its first point at the end again."""
    import numpy as np

    found = [group for group in groups(context) if group.graphic_type == "POLYGON"]
    if not found:
        raise NotApplicable
    for group in found:
        points, starts = group.points(), group.starts()
        if points is None or starts is None or _indices(group) is not None:
            continue
        first = (starts.astype(np.int64) - 1) // group.dimensions
        last = np.append(first[1:], len(points)) - 1
        closed = np.flatnonzero((points[first] == points[last]).all(axis=1) & (last > first))
        if closed.size:
            yield Problem(
                message=f"the last point is equal to the first in {closed.size} of {first.size} polygons",
                level=group.item, tag=group.coordinates, said=f"first in annotation {int(closed[0]) + 1}",
                want="each point once (a POLYGON is closed implicitly)",
            )  # fmt: skip


@rule_function("annotation-on-slide")
def on_slide(context: RuleContext) -> Iterator[Problem]:
    """ANN009: 3D coordinates lie where a slide can be: millimeters from its corner."""
    import numpy as np

    if context.dataset.text(AnnotationCoordinateType) != "3D":
        raise NotApplicable
    for group in groups(context):
        points = group.points()
        if points is None:
            continue
        points = points[:, :2]
        points = points[np.isfinite(points).all(axis=1)]  # ANN004 reports the others
        outside = np.flatnonzero((np.abs(points) > LARGEST_SLIDE).any(axis=1))
        if outside.size:
            yield Problem(
                message=f"{outside.size} of {len(points)} points lie outside any slide", level=group.item,
                tag=group.coordinates, said=f"{float(np.abs(points).max()):g} mm",
                want=f"at most {LARGEST_SLIDE:g} mm (3D coordinates are in millimeters, not pixels or micrometers)",
            )  # fmt: skip
