"""The geometry of a pyramid: each level against its base."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext

if TYPE_CHECKING:
    from dcmlint.facts.run.pyramids import Level, Pyramid
    from dcmlint.facts.run.slide_image import SlideImage

ORIGIN_TOLERANCE = 0.02  # mm: resampling moves the first pixel's centre by half a pixel
ORIENTATION_TOLERANCE = 1e-4  # Decimal Strings have 16 characters
RATIO_TOLERANCE = 0.1  # more is another level's spacing; less is a rounded magnification (extent-equal)
EXTENT_TOLERANCE = 0.001
VOLUME_TOLERANCE = 0.01
THUMBNAIL_TOLERANCE = 0.01
DYADIC_TOLERANCE = 0.01
LARGEST_GAP = 4.5
LARGEST_BASE = 20.0  # um x magnification: a base level has about 10


def _below(context: SlideContext) -> Iterator[tuple[Pyramid, Level]]:
    """Every level that is smaller than its base, with the pyramid; raises NotApplicable where there is none."""
    found = False
    for pyramid in context.slide.pyramids:
        base = pyramid.base
        for level in pyramid.levels[1:]:
            if level.columns and level.rows and (level.columns, level.rows) != (base.columns, base.rows):
                found = True
                yield pyramid, level
    if not found:
        raise NotApplicable


def _reference(pyramid: Pyramid, agree: Callable[[Level, Level], bool | None]) -> Level:
    """The level with which the others are compared: the base, or the next one where the base alone is unlike all others."""
    base, others = pyramid.base, [one for one in pyramid.levels[1:] if one.columns and one.rows]
    if len(others) < 2 or any(agree(base, one) is not False for one in others):
        return base
    return others[0] if all(agree(others[0], one) for one in others[1:]) else base


def _pairs(
    context: SlideContext, agree: Callable[[Level, Level], bool | None]
) -> Iterator[tuple[Pyramid, Level, Level]]:
    """Pyramid, reference and level that do not agree: a level with the base, or the base that is the odd one with the next level."""
    for pyramid, level in _below(context):
        if agree(pyramid.base, level) is not False:
            continue
        reference = _reference(pyramid, agree)
        if reference is pyramid.base:
            yield pyramid, reference, level
        elif level is reference:
            yield pyramid, reference, pyramid.base


def _size(image: SlideImage) -> str:
    return f"{image.matrix_columns} × {image.matrix_rows} pixels"


def _spacing(image: SlideImage) -> tuple[float, float] | None:
    """Column and row spacing in mm; None where it is not there or not positive."""
    column, row = image.column_spacing, image.row_spacing
    return (column, row) if column is not None and row is not None and column > 0 and row > 0 else None


def _deviation(base: Level, level: Level) -> tuple[float, float] | None:
    """By how much (columns, rows) the spacing of a level fails to be its share of the base's; 0 is exact."""
    first, second = _spacing(base.image), _spacing(level.image)
    if first is None or second is None or not (base.columns and base.rows):
        return None
    return (
        base.columns / level.columns * first[0] / second[0] - 1,
        base.rows / level.rows * first[1] / second[1] - 1,
    )  # fmt: skip


def _scaled(base: Level, level: Level) -> bool | None:
    """Whether the spacing of a level is in proportion to its matrix; None where it is not known."""
    deviation = _deviation(base, level)
    if deviation is None:
        return None
    return all(
        abs(by) <= max(1 / pixels + EXTENT_TOLERANCE, RATIO_TOLERANCE)
        for by, pixels in zip(deviation, (level.columns, level.rows), strict=True)
    )


@rule_function("slide-origin-consistent")
def origin(context: SlideContext) -> Iterator[Problem]:
    """PYR008: the origin of each level and thumbnail is the base's, but for a pixel."""
    yield from _thumbnail_origins(context)
    pyramids = context.slide.pyramids
    # Without a level below, and with a thumbnail, the thumbnail alone was compared.
    if any(len(pyramid.levels) > 1 for pyramid in pyramids) or not any(one.thumbnails for one in pyramids):
        yield from _level_origins(context)


def _apart(one: SlideImage, other: SlideImage) -> tuple[float, float] | None:
    """The distance of two origins and the distance that is allowed, in mm; None where they are not known."""
    first, second = one.origin, other.origin
    if first is None or second is None or None in (*first[:2], *second[:2]):
        return None
    x, y = (float(second[n] or 0) - float(first[n] or 0) for n in (0, 1))
    return math.hypot(x, y), max(*(_spacing(one) or (0.0,)), *(_spacing(other) or (0.0,)), ORIGIN_TOLERANCE)


def _near(base: Level, level: Level) -> bool | None:
    apart = _apart(base.image, level.image)
    return None if apart is None else apart[0] <= apart[1] * (1 + 1e-9)


def _elsewhere(reference: Level, role: str, image: SlideImage, path: str) -> Iterator[Problem]:
    apart, first, second = _apart(reference.image, image), reference.image.origin, image.origin
    if apart is None or first is None or second is None or apart[0] <= apart[1] * (1 + 1e-9):
        return
    yield Problem(
        message=f"the origin of {role} is {apart[0]:.4g} mm away from that of {reference.role}",
        said=f"{second[0]:g}, {second[1]:g}", want=f"{first[0]:g}, {first[1]:g} within {apart[1]:.3g} mm",
        files=(path,),
    )  # fmt: skip


def _level_origins(context: SlideContext) -> Iterator[Problem]:
    for _, reference, level in _pairs(context, _near):
        yield from _elsewhere(reference, level.role, level.image, level.parts[0].path)


def _thumbnail_origins(context: SlideContext) -> Iterator[Problem]:
    """Thumbnails that lie as the base does but begin elsewhere, where viewers would show them shifted."""
    for pyramid in context.slide.pyramids:
        for part in pyramid.thumbnails:
            reference = _reference(pyramid, _near)
            if _spacing(part.image) is not None and _aligned(reference.image, part.image):
                yield from _elsewhere(reference, part.role, part.image, part.path)


def _aligned(one: SlideImage, other: SlideImage) -> bool | None:
    """Whether two images lie the same way on the slide; None where it is not known."""
    first, second = one.orientation, other.orientation
    if not first or not second:
        return None
    return all(abs(a - b) <= ORIENTATION_TOLERANCE for a, b in zip(first, second, strict=True))


@rule_function("slide-orientation-same")
def orientation(context: SlideContext) -> Iterator[Problem]:
    """PYR009: the levels lie the same way on the slide."""
    for _, reference, level in _pairs(context, lambda one, other: _aligned(one.image, other.image)):
        first, second = reference.image.orientation, level.image.orientation
        yield Problem(
            message=f"{level.role} has another orientation than {reference.role}",
            found="\\".join(f"{value:g}" for value in second), want="\\".join(f"{value:g}" for value in first),
            files=(level.parts[0].path,),
        )  # fmt: skip


def _padded(base: Level, level: Level) -> Problem | None:
    """The finding where a matrix was rounded up to whole tiles; None where its size agrees, or is wrong in another way.

    The Total Pixel Matrix ends where the image ends: the last tiles are padded, not the matrix (PS3.3 C.7.6.17.3).
    """
    first, second, image = _spacing(base.image), _spacing(level.image), level.image
    if first is None or second is None or not image.columns or not image.rows:
        return None
    sizes = (
        ("TotalPixelMatrixColumns", level.columns, base.columns * first[0] / second[0], image.columns),
        ("TotalPixelMatrixRows", level.rows, base.rows * first[1] / second[1], image.rows),
    )
    path = ""
    for name, size, exact, tile in sizes:
        if abs(size - exact) <= 1:
            continue
        # A tile that holds the last pixel and more: the matrix ends with it.
        if size % tile or not size - tile < exact + 1 < size + 1:
            return None
        path = path or name
    if not path:
        return None
    want = f"about {sizes[0][2]:.0f} × {sizes[1][2]:.0f} pixels"
    return Problem(
        message=f"the Total Pixel Matrix of {level.role} is rounded up to whole tiles", path=path,
        said=_size(image), want=want, because=f"the base has {_size(base.image)}, its Pixel Spacing is {first[1] / second[1]:.5g} of that of the level",
        files=(level.parts[0].path,),
    )  # fmt: skip


def _padded_base(pyramid: Pyramid) -> Problem | None:
    """The finding where the matrix of the base was rounded up to whole tiles, and those below it were not."""
    base, levels = pyramid.base, [level for level in pyramid.levels[1:] if level.columns and level.rows]
    first, image = _spacing(base.image), base.image
    if first is None or not image.columns or not image.rows:
        return None
    exact, path = (float(base.columns), float(base.rows)), ""
    for level in levels:
        second = _spacing(level.image)
        if second is None:
            return None
        implied = (level.columns * second[0] / first[0], level.rows * second[1] / first[1])
        for name, size, told, tile, scale in (
            ("TotalPixelMatrixColumns", base.columns, implied[0], image.columns, second[0] / first[0]),
            ("TotalPixelMatrixRows", base.rows, implied[1], image.rows, second[1] / first[1]),
        ):
            if abs(size - told) <= scale + EXTENT_TOLERANCE * size:
                continue
            if size % tile or not 0 < size - told < tile + scale:
                return None
            exact, path = (min(exact[0], implied[0]), min(exact[1], implied[1])), path or name
    # Where the levels do not imply one size, it is one of them that is wrong.
    if not path or not all(_implies(level, base, exact) for level in levels):
        return None
    return Problem(
        message=f"the Total Pixel Matrix of {base.role} is rounded up to whole tiles", path=path,
        said=_size(image), want=f"about {exact[0]:.0f} × {exact[1]:.0f} pixels",
        because=f"the size and the Pixel Spacing of {levels[0].role}", files=(base.parts[0].path,),
    )  # fmt: skip


def _implies(level: Level, base: Level, exact: tuple[float, float]) -> bool:
    """Whether a level is one of a base of ``exact`` columns and rows, but for a pixel of its own."""
    first, second = _spacing(base.image), _spacing(level.image)
    return first is not None and second is not None and all(
        abs(size * low / high - wanted) <= low / high + EXTENT_TOLERANCE * wanted
        for size, low, high, wanted in zip((level.columns, level.rows), second, first, exact, strict=True)
    )  # fmt: skip


def _one_axis(reference: Level, level: Level) -> Problem | None:
    """The finding where square pixels show that columns or rows are wrong, and not the spacing."""
    first, second = _spacing(reference.image), _spacing(level.image)
    if first is None or second is None or first[0] != first[1] or second[0] != second[1]:
        return None
    sizes = (level.columns, level.rows)
    exact = (reference.columns * first[0] / second[0], reference.rows * first[1] / second[1])
    wrong = [
        abs(size - wanted) > 1 + EXTENT_TOLERANCE * wanted for size, wanted in zip(sizes, exact, strict=True)
    ]
    if wrong[0] == wrong[1]:
        return None
    axis = wrong.index(True)
    name = ("TotalPixelMatrixColumns", "TotalPixelMatrixRows")[axis]
    return Problem(
        message=f"{name} of {level.role} is not in proportion to that of {reference.role}", path=name,
        said=str(sizes[axis]), want=f"about {exact[axis]:.0f}",
        because=f"the other side and Pixel Spacing fit {_size(reference.image)}", files=(level.parts[0].path,),
    )  # fmt: skip


@rule_function("slide-spacing-scales")
def spacing_scales(context: SlideContext) -> Iterator[Problem]:
    """PYR010: Pixel Spacing grows as the Total Pixel Matrix shrinks."""
    told: list[Pyramid] = []
    for pyramid, reference, level in _pairs(context, _scaled):
        spacing, first = _spacing(level.image), _spacing(reference.image)
        if spacing is None or first is None:
            continue
        whole_tiles = _padded_base(pyramid)
        if whole_tiles is not None:
            if pyramid not in told:
                yield whole_tiles
                told.append(pyramid)
            continue
        padded = _padded(reference, level) if reference is pyramid.base else None
        if padded is not None:
            yield padded
            continue
        side = _one_axis(reference, level)
        if side is not None:
            yield side
            continue
        want = (first[1] * reference.rows / level.rows, first[0] * reference.columns / level.columns)
        yield Problem(
            message=f"Pixel Spacing of {level.role} is not proportional to that of {reference.role}",
            said=f"{spacing[1]:.6g}\\{spacing[0]:.6g}", want=f"{want[0]:.6g}\\{want[1]:.6g}",
            because=f"{'the base' if reference is pyramid.base else reference.role} has {first[1]:.6g}\\{first[0]:.6g} mm for {_size(reference.image)}",
            files=(level.parts[0].path,),
        )  # fmt: skip


def _spacing_told(pyramid: Pyramid) -> bool:
    """Whether PYR010 speaks of a level of the pyramid."""
    levels = (level for level in pyramid.levels[1:] if level.columns and level.rows)
    return any(_scaled(pyramid.base, level) is False for level in levels)


@rule_function("slide-extent-equal")
def extent(context: SlideContext) -> Iterator[Problem]:
    """PYR011: the levels show the same area; silent where the spacing itself is wrong (PYR010)."""
    told: list[Pyramid] = []
    for pyramid, reference, level in _pairs(context, _same_area):
        whole_tiles = _padded_base(pyramid)
        if whole_tiles is not None:
            if pyramid not in told and not _spacing_told(pyramid):
                yield whole_tiles
            told.append(pyramid)
            continue
        explained = (_padded(reference, level) if reference is pyramid.base else None) or _one_axis(
            reference, level
        )
        if explained is not None:
            yield explained
            continue
        extents = _extents(reference, level)
        assert extents is not None
        (wide, high) = extents[0], extents[1]
        yield Problem(
            message=f"{level.role} does not cover the same area as {reference.role}",
            said=f"{wide[1]:.5g} × {high[1]:.5g} mm", want=f"{wide[0]:.5g} × {high[0]:.5g} mm",
            files=(level.parts[0].path,),
        )  # fmt: skip


def _same_area(base: Level, level: Level) -> bool | None:
    """Whether two levels show the same area; None where it is not known, or the spacing itself is wrong (PYR010)."""
    extents = _extents(base, level) if _scaled(base, level) else None
    return None if extents is None else _agree(extents)


_Extents = tuple[tuple[float, float, float], tuple[float, float, float]]


def _extents(base: Level, level: Level) -> _Extents | None:
    """Width and height, each of the base and the level with the level's pixel, in mm."""
    first, second = _spacing(base.image), _spacing(level.image)
    if first is None or second is None:
        return None
    return (
        (base.columns * first[0], level.columns * second[0], second[0]),
        (base.rows * first[1], level.rows * second[1], second[1]),
    )  # fmt: skip


def _agree(extents: _Extents) -> bool:
    return all(abs(base - level) <= pixel + EXTENT_TOLERANCE * base for base, level, pixel in extents)


@rule_function("slide-imaged-volume-equal")
def imaged_volume(context: SlideContext) -> Iterator[Problem]:
    """PYR012: Imaged Volume Width and Height are the same at all levels.

    Silent where the sizes of the levels differ themselves (PYR010, PYR011).
    """
    for pyramid, reference, level in _pairs(context, _same_volume):
        extents = _extents(pyramid.base, level if reference is pyramid.base else reference)
        if extents is not None and not _agree(extents):
            continue
        first, second = reference.image, level.image
        both = None not in (
            first.volume_width,
            first.volume_height,
            second.volume_width,
            second.volume_height,
        )
        yield Problem(
            message=f"the imaged volume of {level.role} differs from that of {reference.role}",
            said=f"{second.volume_width:.5g} × {second.volume_height:.5g} mm" if both else "",
            want=f"{first.volume_width:.5g} × {first.volume_height:.5g} mm" if both else "",
            files=(level.parts[0].path,),
        )  # fmt: skip


def _same_volume(base: Level, level: Level) -> bool | None:
    """Whether two levels state the same width and height; None where one of them states none, or none above 0."""
    first, second = base.image, level.image
    pixels = _spacing(first) or (0.0, 0.0), _spacing(second) or (0.0, 0.0)
    pairs = (
        (first.volume_width, second.volume_width, max(pixels[0][0], pixels[1][0])),
        (first.volume_height, second.volume_height, max(pixels[0][1], pixels[1][1])),
    )
    known = [(a, b, one) for a, b, one in pairs if a is not None and b is not None and a > 0 and b > 0]
    if not known:
        return None
    # Small levels drop a part of a pixel.
    return all(abs(a - b) <= max(VOLUME_TOLERANCE * a, one + EXTENT_TOLERANCE * a) for a, b, one in known)


@rule_function("slide-dyadic")
def dyadic(context: SlideContext) -> Iterator[Problem]:
    """PYR014: each level is smaller by a power of two."""
    for pyramid, level in _below(context):
        first, second = _spacing(pyramid.base.image), _spacing(level.image)
        if first is None or second is None or not _scaled(pyramid.base, level):
            continue
        ratio = second[0] / first[0]
        if (
            ratio <= 0
            or abs(math.log2(ratio) - round(math.log2(ratio))) <= DYADIC_TOLERANCE + 1.5 / level.columns
        ):
            continue
        whole = abs(ratio - round(ratio)) <= DYADIC_TOLERANCE * ratio
        yield Problem(
            message=f"{level.role} is smaller than the base level by a factor of {ratio:.4g}, "
            f"{'which is not a power of two' if whole else 'which is not an integer'}",
            said=f"{ratio:.4g}", want="a power of two", files=(level.parts[0].path,),
        )  # fmt: skip


@rule_function("slide-level-gap")
def gap(context: SlideContext) -> Iterator[Problem]:
    """PYR015: no level is missing between two others."""
    for pyramid in context.slide.pyramids:
        levels = [level for level in pyramid.levels if level.columns]
        for larger, smaller in pairwise(levels):
            ratio = larger.columns / smaller.columns
            if ratio > LARGEST_GAP:
                yield Problem(
                    message=f"{smaller.role} is {ratio:.3g} times smaller than {larger.role}, the next larger level",
                    said=f"{ratio:.3g}", want=f"at most {LARGEST_GAP:g}", files=(smaller.parts[0].path,),
                )  # fmt: skip


@rule_function("slide-base-missing")
def base_missing(context: SlideContext) -> Iterator[Problem]:
    """PYR018: the largest level is coarser than its objective lens."""
    if context.slide.instances < 2:
        raise NotApplicable  # a single file is looked at for itself
    for pyramid in context.slide.pyramids:
        found = base_is_missing(pyramid)
        if found is not None:
            yield Problem(
                message=f"all levels are resampled, and {pyramid.base.role} has pixels of {found[0]:.3g} µm at {found[1]:g}×",
                said=f"{found[0] * found[1]:.3g}", want=f"at most {LARGEST_BASE:g}", files=(pyramid.base.parts[0].path,),
            )  # fmt: skip


def base_is_missing(pyramid: Pyramid) -> tuple[float, float] | None:
    """Spacing in um and power of a base that is surely no base; None where it may be one."""
    spacing, power = _spacing(pyramid.base.image), pyramid.base.image.objective
    if spacing is None or power is None or power <= 0:
        return None
    if any(level.image.resampled != "RESAMPLED" for level in pyramid.levels):
        return None
    um = spacing[0] * 1000
    return (um, power) if um * power > LARGEST_BASE else None


@rule_function("slide-thumbnail-scale")
def thumbnail(context: SlideContext) -> Iterator[Problem]:
    """PYR020: a thumbnail's Pixel Spacing is in proportion to its size."""
    found = False
    for pyramid in context.slide.pyramids:
        reference = _reference(pyramid, _scaled)
        first = _spacing(reference.image)
        for part in pyramid.thumbnails:
            image, second = part.image, _spacing(part.image)
            columns, rows = image.matrix_columns or 0, image.matrix_rows or 0
            if first is None or columns < 1 or rows < 1 or not (reference.columns and reference.rows):
                continue
            found = True
            if second is None:
                if image.column_spacing is None:
                    yield Problem(message="the THUMBNAIL has no Pixel Spacing", files=(part.path,))
                continue
            width, height = first[0] * reference.columns, first[1] * reference.rows
            if _turned(reference.image, image):
                width, height = height, width
            want = (height / rows, width / columns)
            off = (abs(second[1] / want[0] - 1), abs(second[0] / want[1] - 1))
            if off[0] > THUMBNAIL_TOLERANCE + 1 / rows or off[1] > THUMBNAIL_TOLERANCE + 1 / columns:
                yield Problem(
                    message=f"Pixel Spacing of {part.role} is not proportional to that of {reference.role}",
                    said=f"{second[1]:.6g}\\{second[0]:.6g}", want=f"{want[0]:.6g}\\{want[1]:.6g}", files=(part.path,),
                )  # fmt: skip
    if not found:
        raise NotApplicable


def _turned(one: SlideImage, other: SlideImage) -> bool:
    """Whether the rows of one image run along the columns of the other."""
    if len(one.orientation) < 6 or len(other.orientation) < 6:
        return False
    return abs(sum(a * b for a, b in zip(one.orientation[:3], other.orientation[:3], strict=True))) < 0.5
