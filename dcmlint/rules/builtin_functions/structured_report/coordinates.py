"""Spatial and temporal coordinates of content items (PS3.3 C.18.6, C.18.7, C.18.9)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dcmlint.facts.report.content import ContentItem, content_items
from dcmlint.facts.report.template import template_issues
from dcmlint.rules.builtin_functions.numbers import positions_wanted
from dcmlint.rules.builtin_functions.structured_report.evidence import of_another_class
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard import documents
from dcmlint.standard.classes import class_name, may_be_tiled
from dcmlint.standard.tags import (
    ContentSequence,
    GraphicData,
    GraphicType,
    PixelOriginInterpretation,
    ReferencedDateTime,
    ReferencedFrameOfReferenceUID,
    ReferencedSamplePositions,
    ReferencedSOPClassUID,
    ReferencedSOPSequence,
    ReferencedTimeOffsets,
    ReferencedWaveformChannels,
    SOPClassUID,
    TemporalRangeType,
    ValueType,
)

_DIMENSIONS = {"SCOORD": 2, "SCOORD3D": 3}
# Fewest and most points of each graphic type: PS3.3 C.18.6.1.2 and C.18.9.1.2
_POINTS: dict[str, dict[str, tuple[int, int | None]]] = {
    "SCOORD": {
        "POINT": (1, 1), "MULTIPOINT": (1, None), "POLYLINE": (2, None), "CIRCLE": (2, 2), "ELLIPSE": (4, 4),
    },
    "SCOORD3D": {
        "POINT": (1, 1), "MULTIPOINT": (1, None), "POLYLINE": (2, None), "POLYGON": (4, None), "ELLIPSE": (4, 4),
        "ELLIPSOID": (6, 6),
    },
}  # fmt: skip
_TEMPORAL = (ReferencedSamplePositions, ReferencedTimeOffsets, ReferencedDateTime)
# Coordinates are single floats, often of a drawing tool: a part of the whole size is no contradiction.
_LOOSE = 0.05
_SHOWN = 4


Point = tuple[float, ...]


def _graphics(context: RuleContext, *kinds: str) -> list[ContentItem]:
    found = [item for item in content_items(context.facts) if item.value_type in kinds]
    if not found:
        raise NotApplicable
    return found


def points(item: ContentItem) -> list[Point] | None:
    """The points of a SCOORD or SCOORD3D item; None where the values are no whole finite points."""
    size = _DIMENSIONS[item.value_type]
    values = item.dataset.values(GraphicData)
    if not values or len(values) % size or not all(_finite(value) for value in values):
        return None
    return [tuple(values[at : at + size]) for at in range(0, len(values), size)]


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


@rule_function("graphic-data-count")
def graphic_data_count(context: RuleContext) -> Iterator[Problem]:
    """SR007: the number of values of Graphic Data against the graphic type; all of them finite."""
    for item in _graphics(context, "SCOORD", "SCOORD3D"):
        values = item.dataset.values(GraphicData)
        kind = item.dataset.text(GraphicType)
        known = _POINTS[item.value_type].get(kind)
        size = _DIMENSIONS[item.value_type]
        if len(values) < 2:
            continue  # the tables say so
        strange = next((value for value in values if not _finite(value)), None)
        if strange is not None:
            yield Problem(
                message="Graphic Data contains a value that is not finite", level=item.dataset, tag=GraphicData,
                found=strange, want="finite coordinates",
            )  # fmt: skip
        if known is None:
            continue
        fewest, most = known
        count = len(values) / size
        if count.is_integer() and count >= fewest and (most is None or count <= most):
            continue
        want = (
            f"{fewest * size} values" if most == fewest else f"a multiple of {size}, at least {fewest * size}"
        )
        yield Problem(
            message=f"{kind} of {item.value_type} has {len(values)} values in Graphic Data", level=item.dataset,
            tag=GraphicData, said=f"{len(values)} values", want=want,
        )  # fmt: skip


@rule_function("temporal-coordinates-count")
def temporal_count(context: RuleContext) -> Iterator[Problem]:
    """SR018: the number of positions of a TCOORD item against its temporal range type."""
    for item in _graphics(context, "TCOORD"):
        kind = item.dataset.text(TemporalRangeType)
        for tag in _TEMPORAL:
            count = len(item.dataset.values(tag))
            want = positions_wanted(kind, count) if count else ""
            if want:
                yield Problem(
                    message=f"temporal coordinates of type {kind} have {count} values", level=item.dataset, tag=tag,
                    said=f"{count} values", want=want,
                )  # fmt: skip


@rule_function("temporal-positions")
def temporal_positions(context: RuleContext) -> Iterator[Problem]:
    """SR033: samples before the first one or in channels of several multiplex groups, segments that end before they begin.

    PS3.3 Table C.18.7-1 and C.18.7.1.1.
    """
    for item in _graphics(context, "TCOORD"):
        level = item.dataset
        samples = [one for one in level.values(ReferencedSamplePositions) if isinstance(one, int)]
        if samples and min(samples) < 1:
            yield Problem(
                message="samples are counted from 1", level=level, tag=ReferencedSamplePositions, found=min(samples),
                want="1 or more",
            )  # fmt: skip
        groups = {
            number
            for source in item.selected("SELECTED FROM")
            for reference in source.dataset.items(ReferencedSOPSequence)
            for number in reference.values(ReferencedWaveformChannels)[::2]
        }
        if samples and len(groups) > 1:
            yield Problem(
                message="sample positions in channels of several multiplex groups", level=level,
                tag=ReferencedSamplePositions, said=f"channels of {len(groups)} groups",
                want="channels of one multiplex group, or Referenced Time Offsets",
            )  # fmt: skip
        if level.text(TemporalRangeType) not in ("SEGMENT", "MULTISEGMENT"):
            continue
        for tag in (ReferencedSamplePositions, ReferencedTimeOffsets):
            given = [one for one in level.values(tag) if isinstance(one, (int, float))]
            if any(first > last for first, last in zip(given[::2], given[1::2], strict=False)):
                yield Problem(
                    message="a segment ends before it begins", level=level, tag=tag, found=given,
                    want="the first position before the last one",
                )  # fmt: skip


@rule_function("graphic-polygon")
def polygon(context: RuleContext) -> Iterator[Problem]:
    """SR008: a POLYGON of SCOORD3D ends where it begins (PS3.3 C.18.9.1.2)."""
    found = [item for item in _graphics(context, "SCOORD3D") if item.dataset.text(GraphicType) == "POLYGON"]
    if not found:
        raise NotApplicable
    for item in found:
        where = points(item)
        if where and len(where) >= _POINTS["SCOORD3D"]["POLYGON"][0] and where[0] != where[-1]:
            yield Problem(
                message="the first and the last point of a POLYGON differ", level=item.dataset, tag=GraphicData,
                said=f"{_written(where[0])} and {_written(where[-1])}", want="the same point",
            )  # fmt: skip


@rule_function("graphic-shape")
def shape(context: RuleContext) -> Iterator[Problem]:
    """SR019: polygons and ellipses that lie in a plane, and axes of ellipses that halve each other at right angles."""
    for item in _graphics(context, "SCOORD", "SCOORD3D"):
        kind, where = item.dataset.text(GraphicType), points(item)
        if not where:
            continue
        if kind == "POLYGON" and _out_of_plane(where) > _LOOSE:
            yield Problem(
                message="the points of a POLYGON are not coplanar", level=item.dataset, tag=GraphicData,
                want="coplanar points",
            )  # fmt: skip
        if (kind, len(where)) == ("CIRCLE", 2) and where[0] == where[1]:
            yield Problem(
                message="the radius of a CIRCLE is 0", level=item.dataset, tag=GraphicData, found=_written(where[1]),
                want="a point of the circle that is not its center",
            )  # fmt: skip
        if (kind, len(where)) in (("ELLIPSE", 4), ("ELLIPSOID", 6)):
            why = _axes(where, 2.0 if item.value_type == "SCOORD" else 0.0)
            if why:
                yield Problem(
                    message=f"{why} of {_article(kind)}", level=item.dataset, tag=GraphicData,
                    want="end points of the axes, the longest axis first",
                )  # fmt: skip


def _article(kind: str) -> str:
    return f"an {kind}"


def _axes(where: Sequence[Point], short: float) -> str:
    """What is wrong with the axes, given by their end points; "" where nothing is. Axes up to ``short`` have no direction."""
    ends = [(where[at], where[at + 1]) for at in range(0, len(where), 2)]
    lengths = [math.dist(*pair) for pair in ends]
    longest = max(lengths)
    if longest == 0:
        return "all points are the same"
    middles = [tuple((a + b) / 2 for a, b in zip(*pair, strict=True)) for pair in ends]
    if max(math.dist(middles[0], middle) for middle in middles) > max(_LOOSE * longest, 1.0):
        return "the axes do not bisect each other"
    for first in range(len(ends)):
        for second in range(first + 1, len(ends)):
            one = [b - a for a, b in zip(*ends[first], strict=True)]
            two = [b - a for a, b in zip(*ends[second], strict=True)]
            dot = abs(sum(a * b for a, b in zip(one, two, strict=True)))
            if lengths[second] > short and dot > 4 * _LOOSE * lengths[first] * lengths[second]:
                return "the axes are not at right angles"
    if lengths[0] < lengths[1] * (1 - _LOOSE) - 1:
        return "the minor axis is given before the major axis"
    return ""


def _out_of_plane(where: Sequence[Point]) -> float:
    """How far the points are from one plane, as a part of their extent; 0 where they span none."""
    middle = [sum(values) / len(where) for values in zip(*where, strict=True)]
    from_middle = [[a - b for a, b in zip(point, middle, strict=True)] for point in where]
    extent = max(math.hypot(*one) for one in from_middle)
    normal = [0.0, 0.0, 0.0]  # Newell's: twice the area of the projections
    for one, two in zip(from_middle, [*from_middle[1:], from_middle[0]], strict=True):
        normal[0] += (one[1] - two[1]) * (one[2] + two[2])
        normal[1] += (one[2] - two[2]) * (one[0] + two[0])
        normal[2] += (one[0] - two[0]) * (one[1] + two[1])
    length = math.hypot(*normal)
    if not extent or length <= 1e-6 * extent * extent:
        return 0.0
    farthest = max(abs(sum(a * b for a, b in zip(one, normal, strict=True))) for one in from_middle) / length
    return float(farthest / extent)


@rule_function("coordinates-source")
def coordinates_source(context: RuleContext) -> Iterator[Problem]:
    """SR009: coordinates without the content item that they were selected from (PS3.3 Table C.17.3-7).

    Where the template asks for that item, SR101 says so.
    """
    said = {id(issue.level) for issue in template_issues(context.facts) if issue.kind == "missing"}
    permitted = documents.load().constraints(context.dataset.text(SOPClassUID))
    for item in _graphics(context, "SCOORD", "TCOORD"):
        if permitted is not None and item.value_type not in permitted.value_types():
            continue  # SR002
        sources = {(child.target or child).value_type for child in item.children}
        if id(item.dataset) not in said and sources.isdisjoint(
            {"IMAGE", "WAVEFORM", "SCOORD", "SCOORD3D", ""}
        ):
            what = "an IMAGE" if item.value_type == "SCOORD" else "an IMAGE, a WAVEFORM or an SCOORD"
            yield Problem(
                message=f"{item.value_type} without the content item from which it was selected",
                level=item.dataset, tag=ContentSequence if ContentSequence in item.like else ValueType,
                want=f"SELECTED FROM {what}",
            )  # fmt: skip


@rule_function("coordinates-negative")
def coordinates_negative(context: RuleContext) -> Iterator[Problem]:
    """SR010: image coordinates above or left of the first pixel (PS3.3 C.18.6.1.1)."""
    for item in _graphics(context, "SCOORD"):
        where = points(item)
        if where is None:
            continue
        outside = [point for point in where if min(point) < 0]
        # The centre and a point of a circle, or the ends of axes, may be drawn by hand: half a pixel is nothing.
        if outside and min(map(min, outside)) < -0.5:
            yield Problem(
                message=f"{len(outside)} of {len(where)} points lie outside the image", level=item.dataset,
                tag=GraphicData, found=_written(min(outside, key=min)), want="columns and rows of 0 or more",
            )  # fmt: skip


@rule_function("pixel-origin")
def pixel_origin(context: RuleContext) -> Iterator[Problem]:
    """SR025: coordinates relative to the Total Pixel Matrix of an image that cannot have one (PS3.3 Table C.18.6-1)."""
    doubted = of_another_class(context)
    for item in _graphics(context, "SCOORD"):
        if item.dataset.text(PixelOriginInterpretation) != "VOLUME":
            continue
        classes = [
            reference.text(ReferencedSOPClassUID)
            for source in item.selected("SELECTED FROM")
            for reference in source.dataset.items(ReferencedSOPSequence)
            if id(reference) not in doubted
        ]
        if classes and all(may_be_tiled(one) is False for one in classes):
            yield Problem(
                message=f"coordinates relative to the Total Pixel Matrix of {class_name(classes[0])}, which has none",
                level=item.dataset, tag=PixelOriginInterpretation, found="VOLUME", want="FRAME, or absent",
            )  # fmt: skip


@rule_function("coordinates-frames")
def coordinates_frames(context: RuleContext) -> Iterator[Problem]:
    """SR011: 3D coordinates of one container that lie in several frames of reference."""
    groups: dict[int, list[ContentItem]] = {}
    for item in _graphics(context, "SCOORD3D"):
        groups.setdefault(id(item.parent), []).append(item)
    for group in groups.values():
        first = group[0].dataset.text(ReferencedFrameOfReferenceUID)
        for item in group[1:]:
            uid = item.dataset.text(ReferencedFrameOfReferenceUID)
            if uid and first and uid != first:
                yield Problem(
                    message="3D coordinates of one measurement have different Frame of Reference UIDs",
                    level=item.dataset, tag=ReferencedFrameOfReferenceUID, found=uid, wanted=first,
                )  # fmt: skip


def _written(point: Point) -> str:
    return "\\".join(f"{value:.6g}" for value in point)
