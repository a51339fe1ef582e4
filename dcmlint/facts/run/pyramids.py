"""Pyramids: the levels of one scan, and which instances make them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dcmlint.facts.frame.covered import MOST_PLANES
from dcmlint.facts.run.index import KeptFile
from dcmlint.facts.run.slide_image import SlideImage

_SAME_PLACE = 1.0  # mm; levels of one scan begin at one place, but for half a pixel or a slip of the pen


class Layer(NamedTuple):
    """What may have a pyramid of its own: optical paths, focal planes, depth of field."""

    paths: tuple[str, ...]
    planes: tuple[float, int]
    extended: bool


class Level(msgspec.Struct, frozen=True):
    """One VOLUME image: an instance, or the members of a concatenation in their order."""

    parts: tuple[KeptFile, ...]

    @property
    def image(self) -> SlideImage:
        """The image, as its first member says it."""
        return self.parts[0].image

    @property
    def columns(self) -> int:
        """Width of the Total Pixel Matrix, 0 where it is not known."""
        return max(0, self.image.matrix_columns or 0)

    @property
    def rows(self) -> int:
        """Height of the Total Pixel Matrix, 0 where it is not known."""
        return max(0, self.image.matrix_rows or 0)

    @property
    def frames(self) -> int:
        """Frames of all members."""
        return sum(max(0, part.image.frames or 0) for part in self.parts)

    @property
    def role(self) -> str:
        """What it is, in a word and a size."""
        return self.parts[0].role.partition(" part")[0]

    @property
    def layer(self) -> Layer:
        """What it shows of the slide."""
        return Layer(self.image.sorted_paths, planes_of(self), self.image.extended_depth == "YES")


class Pyramid(msgspec.Struct, frozen=True):
    """The levels of one scan from the largest on, and the thumbnails that go with them."""

    levels: tuple[Level, ...]
    thumbnails: tuple[KeptFile, ...]

    @property
    def base(self) -> Level:
        """The level with the largest Total Pixel Matrix."""
        return self.levels[0]

    @property
    def parts(self) -> list[KeptFile]:
        """All instances of the levels."""
        return [part for level in self.levels for part in level.parts]


def planes_of(level: Level) -> tuple[float, int]:
    """The focal planes of a level: where they begin in um and how many there are, whether its frames say it or its
    header."""
    image = level.image
    if image.covered is not None and image.covered.planes:
        return (round(min(image.covered.planes), 2), len(image.covered.planes))
    height = image.origin[2] if image.origin is not None and image.origin[2] is not None else 0.0
    return (round(height, 2), min(image.focal_planes or 1, MOST_PLANES))


def levels_of(parts: Sequence[KeptFile]) -> list[Level]:
    """VOLUME instances as levels, from the largest on; the members of a concatenation are one."""
    levels: list[Level] = []
    concatenations: dict[str, list[KeptFile]] = {}
    for part in parts:
        concatenated = part.image.concatenated
        if concatenated is not None and concatenated.uid:
            concatenations.setdefault(concatenated.uid, []).append(part)
        else:
            levels.append(Level((part,)))
    for members in concatenations.values():
        levels.append(Level(tuple(sorted(members, key=_place))))
    return sorted(levels, key=lambda level: (-level.columns * level.rows, level.parts[0].path))


def _place(part: KeptFile) -> tuple[int, str]:
    concatenated = part.image.concatenated
    number = concatenated.number if concatenated is not None else None
    return (number if number is not None else 1 << 32, part.path)


def pyramids_of(parts: Sequence[KeptFile]) -> tuple[Pyramid, ...]:
    """The pyramids of a slide: levels that share a PyramidUID or, without one, a series.

    Series that hold one another's missing levels are one pyramid, written in pieces; series that hold the
    same levels are scans of their own.
    """
    groups = _by_series(levels_of([part for part in parts if part.image.flavour == "VOLUME"]))
    groups = [part for group in groups for part in _by_scan(group)]
    groups = [half for group in groups for half in _by_region(group)]
    groups = _pieces_joined(groups)
    thumbnails = [part for part in parts if part.image.flavour == "THUMBNAIL"]
    result = []
    for number, levels in enumerate(groups):
        mine = [part for part in thumbnails if _home(part, groups) == number]
        ordered = sorted(levels, key=lambda level: (-level.columns * level.rows, level.parts[0].path))
        result.append(Pyramid(tuple(ordered), tuple(mine)))
    return tuple(result)


def _by_series(levels: Sequence[Level]) -> list[list[Level]]:
    """Levels joined by PyramidUID or by series."""
    groups: list[tuple[set[tuple[str, str]], list[Level]]] = []
    for level in levels:
        marks = {("series", part.kept.series) for part in level.parts if part.kept.series}
        marks |= {("pyramid", part.image.pyramid) for part in level.parts if part.image.pyramid}
        met = [group for group in groups if group[0] & marks]
        joined = (
            marks.union(*(group[0] for group in met)),
            [one for group in met for one in group[1]] + [level],
        )
        groups = [group for group in groups if group not in met] + [joined]
    return [group for _, group in groups]


def _by_scan(levels: list[Level]) -> list[list[Level]]:
    """A series may hold several pyramids, each with its PyramidUID: other regions, other optical paths, scans anew.

    Levels of different PyramidUIDs stay together where they are the levels of one scan by all else that they say:
    then their UIDs are wrong.
    """
    by_uid: dict[str, list[Level]] = {}
    for level in levels:
        by_uid.setdefault(level.image.pyramid, []).append(level)
    if len(by_uid) < 2:
        return [levels]
    scans: list[list[Level]] = []
    for group in by_uid.values():
        home = next((scan for scan in scans if _one_scan(scan, group)), None)
        if home is None:
            scans.append(group)
        else:
            home += group
    return scans


def _one_scan(one: Sequence[Level], other: Sequence[Level]) -> bool:
    """Whether two groups of levels complete one another: one area of the same paths, no size twice, one base."""
    first, second = one[0].image, other[0].image
    sizes = [(level.columns, level.rows) for level in (*one, *other)]
    if len(set(sizes)) < len(sizes) or not _one_shape(sizes) or first.sorted_paths != second.sorted_paths:
        return False
    if (
        len(one) > 1
        and len(other) > 1
        and all(any(level.image.resampled == "NONE" for level in group) for group in (one, other))
    ):
        return False
    places = [image.origin for image in (first, second) if image.origin is not None]
    return len(places) < 2 or all(
        a is None or b is None or abs(a - b) <= _SAME_PLACE
        for a, b in zip(places[0][:2], places[1][:2], strict=True)
    )


def _by_region(levels: list[Level]) -> list[list[Level]]:
    """Without PyramidUIDs, a series may hold scans of several regions: equal spacing at different origins."""
    if any(level.image.pyramid for level in levels):
        return [levels]
    regions: dict[tuple[float, float] | None, list[Level]] = {}
    places: dict[int, set[object]] = {}
    for level in levels:
        place = _origin(level.image)
        regions.setdefault(place, []).append(level)
        spacing = level.image.column_spacing
        if spacing is not None and spacing > 0:
            # Spacings within some percent of each other.
            places.setdefault(round(20 * math.log(spacing)), set()).add(place)
    return list(regions.values()) if any(len(some) > 1 for some in places.values()) else [levels]


def _origin(image: SlideImage) -> tuple[float, float] | None:
    if image.origin is None or image.origin[0] is None or image.origin[1] is None:
        return None
    return (round(image.origin[0], 1), round(image.origin[1], 1))


def _pieces_joined(groups: list[list[Level]]) -> list[list[Level]]:
    """Series whose levels complete one another, when nothing says that they are different scans."""
    if len(groups) < 2:
        return groups
    levels = [level for group in groups for level in group]
    sizes = [(level.columns, level.rows) for level in levels]
    frames = {part.kept.frame_of_reference for level in levels for part in level.parts} - {""}
    pyramids = {level.image.pyramid for level in levels} - {""}
    apart = len(set(sizes)) < len(sizes) or len(frames) > 1 or len(pyramids) > 1 or not _one_shape(sizes)
    return groups if apart else [levels]


def _one_shape(sizes: Sequence[tuple[int, int]]) -> bool:
    """Whether matrices have one aspect ratio, within the rounding of the smaller ones."""
    columns, rows = max(sizes)
    return columns > 0 and rows > 0 and all(
        abs(c * rows - r * columns) <= 2 * max(columns, rows) for c, r in sizes
    )  # fmt: skip


def _home(thumbnail: KeptFile, groups: Sequence[Sequence[Level]]) -> int:
    """The pyramid that a thumbnail goes with."""

    def closeness(number: int) -> tuple[int, int]:
        score = 0
        for level in groups[number]:
            image, member = level.image, level.parts[0].kept
            score = max(
                score,
                4 * (image.pyramid == thumbnail.image.pyramid != "")
                + 2 * (member.series == thumbnail.kept.series != "")
                + (member.frame_of_reference == thumbnail.kept.frame_of_reference != ""),
            )
        return (score, -number)

    return max(range(len(groups)), key=closeness, default=-1)
