"""Which levels a pyramid has: one pyramid, one series, each level once, one that is not resampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from dcmlint.rules.builtin_functions.run.slide_levels import base_is_missing
from dcmlint.rules.builtin_functions.run.slide_values import COMPARED, replaced_by_file
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, difference, names, paths, plain, problem

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.pyramids import Layer, Level, Pyramid
    from dcmlint.facts.run.slide import Slide
    from dcmlint.facts.run.slide_image import SlideImage


def _of_several_levels(context: SlideContext) -> list[Pyramid]:
    several = [pyramid for pyramid in context.slide.pyramids if len(pyramid.levels) > 1]
    if not several:
        raise NotApplicable
    return several


@rule_function("slide-pyramid-uid-everywhere")
def pyramid_uid_everywhere(context: SlideContext) -> Iterator[Problem]:
    """PYR004: if one level has a PyramidUID, all have."""
    for pyramid in _of_several_levels(context):
        without = [level.parts[0] for level in pyramid.levels if not level.image.pyramid]
        if without and len(without) < len(pyramid.levels):
            yield Problem(
                message=f"no Pyramid UID in {names(without)}, although the other levels have one",
                files=paths(without), attributes=(("PyramidUID",),),
                parties=(paths(without), paths(level.parts[0] for level in pyramid.levels if level.image.pyramid)),
            )  # fmt: skip


@rule_function("slide-pyramid-uid-one")
def pyramid_uid_one(context: SlideContext) -> Iterator[Problem]:
    """PYR005: within a series, images of one scan, optical path, focal plane and depth of field are one pyramid."""
    layers: dict[tuple[int, str, Layer], list[KeptFile]] = {}
    for number, pyramid in enumerate(context.slide.pyramids):
        for level in pyramid.levels:
            # A thumbnail may lie in another plane, so that only levels are compared by layer.
            layers.setdefault((number, level.parts[0].kept.series, level.layer), []).append(level.parts[0])
    groups = list(layers.values())
    for thumbnail in context.slide.of("THUMBNAIL"):
        # It goes with one of the pyramids of its optical paths, whichever that is.
        near = [
            part
            for (_, series, layer), parts in layers.items()
            for part in parts
            if series == thumbnail.kept.series and layer.paths == thumbnail.image.sorted_paths
        ]
        if thumbnail.image.pyramid not in {part.image.pyramid for part in near}:
            groups.append([*near, thumbnail])
    for parts in groups:
        differs = difference(parts, COMPARED["pyramid"])
        if differs is not None and replaced_by_file(parts, COMPARED["pyramid"]) is None:
            yield problem(differs, "several Pyramid UIDs in one scan", "PyramidUID")


@rule_function("slide-series-one")
def series_one(context: SlideContext) -> Iterator[Problem]:
    """PYR007: the levels of a pyramid stand in one series."""
    for pyramid in _of_several_levels(context):
        parts = [level.parts[0] for level in pyramid.levels]
        differs = difference(parts, COMPARED["series"])
        # One Series Instance UID in several studies is ENT005.
        if differs is not None and len({part.kept.series for part in parts}) > 1:
            yield problem(
                differs, f"the levels of one pyramid are in {len(differs.values)} series", "SeriesInstanceUID"
            )


@rule_function("slide-levels-distinct")
def levels_distinct(context: SlideContext) -> Iterator[Problem]:
    """PYR013: no level is there twice; silent where CONC013 or PYR028 explains it."""
    for levels in twins(context.slide):
        if not looks_split(levels):
            image = levels[0].image
            yield Problem(
                message=f"{len(levels)} images of {image.matrix_columns} × {image.matrix_rows} pixels "
                "show the same optical paths and focal planes",
                said=str(len(levels)), want="one, or one concatenation",
                files=paths(level.parts[0] for level in [*levels[1:], levels[0]]),
            )  # fmt: skip


@rule_function("slide-split-without-uid")
def split_without_uid(context: SlideContext) -> Iterator[Problem]:
    """CONC013: images that look like the members of a concatenation but do not say so."""
    for levels in twins(context.slide):
        if looks_split(levels):
            yield Problem(
                message=f"{len(levels)} images contain parts of one {levels[0].role} without a Concatenation UID",
                files=paths(part for level in levels for part in level.parts),
            )


def twins(slide: Slide) -> Iterator[list[Level]]:
    """Levels of one pyramid with the same matrix, layer and origin, but SOP Instance UIDs of their own."""
    for pyramid in slide.pyramids:
        groups: dict[object, list[Level]] = {}
        for level in pyramid.levels:
            if not level.columns or not level.rows:
                continue
            origin = level.image.origin
            place = tuple(round(value or 0.0, 1) for value in origin[:2]) if origin is not None else ()
            # Identifiers of optical paths are unique within their sequence alone (PS3.3 C.8.12.5.1.1).
            image = level.image
            key = (level.columns, level.rows, level.layer, image.pyramid, place, image.channels)
            groups.setdefault(key, []).append(level)
        for levels in groups.values():
            if len({level.parts[0].kept.sop_instance for level in levels}) > 1 and not of_one_source(
                part for level in levels for part in level.parts
            ):
                yield levels


def of_one_source(parts: Iterable[KeptFile]) -> bool:
    """Whether images are parts of one source with numbers of their own: a concatenation, whatever its UIDs (CONC001, CONC004)."""
    said = [part.image.concatenated for part in parts]
    sources = {one.source if one is not None else "" for one in said}
    numbers = {one.number if one is not None else None for one in said}
    return len(sources) == 1 and "" not in sources and None not in numbers and len(numbers) == len(said)


def looks_split(levels: Sequence[Level]) -> bool:
    """Whether images of the same matrix hold different parts of it, in the order of the tiles."""
    if any(level.image.concatenated is not None for level in levels):
        return False
    full = _whole_grid(levels[0].image)
    frames = [level.frames for level in levels]
    if full is not None and sum(frames) == full and all(0 < count < full for count in frames):
        return True
    covered = [level.image.covered for level in levels]
    spans = sorted((one.first, one.last) for one in covered if one is not None)
    if len(spans) < len(levels):
        return False
    return all(before[1] < after[0] for before, after in pairwise(spans))


def _whole_grid(image: SlideImage) -> int | None:
    """Frames of the whole grid of tiles (PS3.3 C.7.6.17.3)."""
    tiles = _tiles(image)
    return None if tiles is None else tiles * max(1, image.focal_planes or 1) * max(1, len(image.paths))


def _tiles(image: SlideImage) -> int | None:
    """Tiles of the whole grid; None where the sizes are not known."""
    if (
        not (image.columns and image.rows and image.matrix_columns and image.matrix_rows)
        or min(image.columns, image.rows) < 1
    ):
        return None
    return -(-image.matrix_columns // image.columns) * -(-image.matrix_rows // image.rows)


@rule_function("slide-one-unresampled")
def one_unresampled(context: SlideContext) -> Iterator[Problem]:
    """PYR017: of the levels exactly one is not resampled."""
    found = False
    for pyramid in context.slide.pyramids:
        layers: dict[object, list[Level]] = {}
        for level in pyramid.levels:
            if level.image.resampled in ("NONE", "RESAMPLED"):
                layers.setdefault(level.layer, []).append(level)
        for levels in layers.values():
            if len({(level.columns, level.rows) for level in levels}) < 2:
                continue
            found = True
            unresampled = [level for level in levels if level.image.resampled == "NONE"]
            sizes = {(level.columns, level.rows) for level in unresampled}
            if len(sizes) > 1:
                smaller = [level.parts[0] for level in unresampled[1:]]
                yield Problem(
                    message=f"value 4 of Image Type is NONE in {len(sizes)} of {len(levels)} levels, "
                    f"including {names(smaller)}",
                    said="NONE", want="RESAMPLED", files=paths(smaller),
                )  # fmt: skip
            elif not sizes and not _has_base(pyramid, levels[0]) and base_is_missing(pyramid) is None:
                yield Problem(
                    message="value 4 of Image Type is RESAMPLED in all levels: the base level is absent, or not marked as NONE",
                    severity="info",
                    files=paths([levels[0].parts[0]]),
                )
    if not found:
        raise NotApplicable


def _has_base(pyramid: Pyramid, level: Level) -> bool:
    """Whether another plane of the same optical paths is unresampled: levels may have been focused anew."""
    return any(
        one.image.sorted_paths == level.image.sorted_paths and one.image.resampled == "NONE"
        for one in pyramid.levels
    )


@rule_function("slide-level-without-holes")
def level_without_holes(context: SlideContext) -> Iterator[Problem]:
    """TILE104: a level that was computed from a base without holes has none."""
    for pyramid in _of_several_levels(context):
        if not _is_complete(pyramid.base):
            continue
        for level in pyramid.levels[1:]:
            if level.image.resampled == "RESAMPLED" and len(level.parts) == 1 and not _is_complete(level):
                covered, tiles = level.image.covered, _tiles(level.image)
                if covered is not None and tiles is not None:
                    yield Problem(
                        message=f"{tiles - covered.tiles} of {tiles} tiles are missing in {level.role}, none in the base level",
                        said=f"{covered.tiles} tiles", want=f"{tiles} tiles", files=(level.parts[0].path,),
                    )  # fmt: skip


def _is_complete(level: Level) -> bool:
    """Whether a level surely has a frame for each tile of its grid."""
    image = level.image
    if image.organization == "TILED_FULL":
        return True
    return len(level.parts) == 1 and image.covered is not None and image.covered.tiles == _tiles(image)


@rule_function("slide-tile-size-same")
def tile_size(context: SlideContext) -> Iterator[Problem]:
    """PYR025: levels of several frames have tiles of one size."""
    for pyramid in context.slide.pyramids:
        tiled = [level.parts[0] for level in pyramid.levels if level.frames > 1]
        differs = difference(tiled, lambda part: plain(f"{part.image.columns} × {part.image.rows}"))
        if differs is not None:
            yield problem(differs, "the levels have different tile sizes", "Columns", "Rows")
