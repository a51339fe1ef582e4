"""Which instances a slide has: levels twice or missing, series, numbers, UIDs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dcmlint.facts.builtin.slide import folder_of
from dcmlint.rules.builtin_functions.slide_levels import base_is_missing
from dcmlint.rules.builtin_functions.slide_values import COMPARED, one_each
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, counted, difference, names, paths, plain, problem

if TYPE_CHECKING:
    from dcmlint.facts.builtin.gathered import Part
    from dcmlint.facts.builtin.pyramids import Level
    from dcmlint.facts.builtin.slide import Slide
    from dcmlint.facts.builtin.slide_image import SlideImage


@rule_function("slide.pyramid-uid-everywhere")
def pyramid_uid_everywhere(context: SlideContext) -> Iterator[Problem]:
    """PYR-004: if one level has a PyramidUID, all have."""
    several = [pyramid for pyramid in context.slide.pyramids if len(pyramid.levels) > 1]
    if not several:
        raise NotApplicable
    for pyramid in several:
        without = [level.parts[0] for level in pyramid.levels if not level.image.pyramid]
        if without and len(without) < len(pyramid.levels):
            yield Problem(message=f"no Pyramid UID in {names(without)}, but in the other levels", files=paths(without))


@rule_function("slide.pyramid-uid-one")
def pyramid_uid_one(context: SlideContext) -> Iterator[Problem]:
    """PYR-005: within a series, images of one optical path, focal plane and depth of field are one pyramid."""
    from dcmlint.rules.builtin_functions.slide_values import replaced_by_file

    layers: dict[object, list[Part]] = {}
    for pyramid in context.slide.pyramids:
        for level in pyramid.levels:
            # A thumbnail may lie in another plane, so that only levels are compared by layer.
            layers.setdefault((level.parts[0].member.series, level.layer), []).append(level.parts[0])
    for thumbnail in context.slide.of("THUMBNAIL"):
        for (series, layer), parts in list(_pairs(layers)):
            if series == thumbnail.member.series and layer[0] == tuple(sorted(thumbnail.image.paths)):
                parts.append(thumbnail)
    for parts in layers.values():
        differs = difference(parts, COMPARED["pyramid"])
        if differs is not None and replaced_by_file(parts, COMPARED["pyramid"]) is None:
            yield problem(differs, "one scan, but several Pyramid UIDs")


def _pairs(layers: dict[object, list[Part]]) -> Iterator[tuple[tuple[str, tuple[object, ...]], list[Part]]]:
    yield from layers.items()  # type: ignore[misc]


@rule_function("slide.series-one")
def series_one(context: SlideContext) -> Iterator[Problem]:
    """PYR-007: the levels of a pyramid stand in one series."""
    several = [pyramid for pyramid in context.slide.pyramids if len(pyramid.levels) > 1]
    if not several:
        raise NotApplicable
    for pyramid in several:
        differs = difference([level.parts[0] for level in pyramid.levels], COMPARED["series"])
        if differs is not None:
            yield problem(differs, f"the levels of one pyramid stand in {len(differs.values)} series")


@rule_function("slide.levels-distinct")
def levels_distinct(context: SlideContext) -> Iterator[Problem]:
    """PYR-013: no level is there twice; silent where CONC-013 or PYR-028 explains it."""
    for levels in twins(context.slide):
        if not looks_split(levels):
            image = levels[0].image
            yield Problem(
                message=f"{len(levels)} images of {image.matrix_columns} x {image.matrix_rows} pixels "
                "show the same optical paths and focal planes",
                found=str(len(levels)), want="one, or one concatenation",
                files=paths(level.parts[0] for level in [*levels[1:], levels[0]]),
            )  # fmt: skip


@rule_function("slide.split-without-uid")
def split_without_uid(context: SlideContext) -> Iterator[Problem]:
    """CONC-013: images that look like the members of a concatenation but do not say so."""
    for levels in twins(context.slide):
        if looks_split(levels):
            yield Problem(
                message=f"{len(levels)} images hold parts of one {levels[0].role} without a Concatenation UID",
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
            key = (level.columns, level.rows, level.layer, level.image.pyramid, place)
            groups.setdefault(key, []).append(level)
        for levels in groups.values():
            if len({level.parts[0].member.sop_instance for level in levels}) > 1:
                yield levels


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
    return all(before[1] < after[0] for before, after in zip(spans, spans[1:], strict=False))


def _whole_grid(image: SlideImage) -> int | None:
    """Frames of the whole grid of tiles (PS3.3 C.7.6.17.3)."""
    if not (image.columns and image.rows and image.matrix_columns and image.matrix_rows) or min(image.columns, image.rows) < 1:
        return None
    tiles = -(-image.matrix_columns // image.columns) * -(-image.matrix_rows // image.rows)
    return tiles * max(1, image.focal_planes or 1) * max(1, len(image.paths))


@rule_function("slide.one-unresampled")
def one_unresampled(context: SlideContext) -> Iterator[Problem]:
    """PYR-017: of the levels exactly one is not resampled."""
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
                    f"so also in {names(smaller)}",
                    found="NONE", want="RESAMPLED", files=paths(smaller),
                )  # fmt: skip
            elif not sizes and base_is_missing(pyramid) is None:
                yield Problem(
                    message="value 4 of Image Type is RESAMPLED in all levels: the base is not stored, or not said to be",
                    severity="info", files=paths([levels[0].parts[0]]),
                )
    if not found:
        raise NotApplicable


@rule_function("slide.one-associated")
def one_associated(context: SlideContext) -> Iterator[Problem]:
    """PYR-019: one LABEL, one OVERVIEW; one THUMBNAIL for the optical paths of each pyramid."""
    slide = context.slide
    groups = [slide.of("LABEL"), slide.of("OVERVIEW")]
    thumbnails: dict[object, list[Part]] = {}
    for number, pyramid in enumerate(slide.pyramids):
        for part in pyramid.thumbnails:
            thumbnails.setdefault((number, tuple(sorted(part.image.paths))), []).append(part)
    if not slide.pyramids:
        groups.append(slide.of("THUMBNAIL"))
    groups += thumbnails.values()
    if not any(groups):
        raise NotApplicable
    for parts in groups:
        if len({part.member.sop_instance for part in parts}) > 1:
            flavour = parts[0].image.flavour
            yield Problem(
                message=f"{len(parts)} {flavour} images of one slide", found=str(len(parts)), want="one",
                files=paths([*parts[1:], parts[0]]),
            )  # fmt: skip


@rule_function("slide.tile-size-same")
def tile_size(context: SlideContext) -> Iterator[Problem]:
    """PYR-025: levels of several frames have tiles of one size."""
    for pyramid in context.slide.pyramids:
        tiled = [level.parts[0] for level in pyramid.levels if level.frames > 1]
        differs = difference(tiled, lambda part: plain(f"{part.image.columns} x {part.image.rows}"))
        if differs is not None:
            yield problem(differs, "the levels have tiles of different size")


@rule_function("slide.no-volume")
def no_volume(context: SlideContext) -> Iterator[Problem]:
    """PYR-032: a slide has a VOLUME image.  Of a single file nothing more than information can be said."""
    slide = context.slide
    if not any(part.image.flavour for part in slide.parts):
        raise NotApplicable
    if not slide.volumes:
        yield Problem(
            message=f"no VOLUME image among {counted(slide.instances, 'instance')}: {names(slide.parts)}",
            severity="info" if slide.instances == 1 else "", files=paths(slide.parts),
        )  # fmt: skip


@rule_function("slide.acquired-together")
def acquired(context: SlideContext) -> Iterator[Problem]:
    """PYR-030: the levels were acquired on one day."""
    for pyramid in context.slide.pyramids:
        parts = [level.parts[0] for level in pyramid.levels if level.image.acquired_days is not None]
        days = [part.image.acquired_days or 0.0 for part in parts]
        if parts and max(days) - min(days) >= 1:
            odd = [part for part in parts if abs((part.image.acquired_days or 0.0) - days[0]) >= 1]
            yield Problem(
                message=f"Acquisition DateTime of the levels differs by {max(days) - min(days):.0f} days",
                found=odd[0].image.acquired.text if odd[0].image.acquired is not None else None, files=paths(odd),
            )


@rule_function("slide.lossy-inherited")
def lossy(context: SlideContext) -> Iterator[Problem]:
    """PYR-031: what was made from a lossy image says that it is lossy (PS3.3 C.7.6.1.1.5)."""
    found = False
    for pyramid in context.slide.pyramids:
        made = [level.parts[0] for level in pyramid.levels[1:] if level.image.resampled == "RESAMPLED"]
        made += pyramid.thumbnails
        if pyramid.base.image.lossy != "01" or not made:
            continue
        found = True
        clean = [part for part in made if part.image.lossy == "00"]
        if clean:
            yield Problem(
                message=f"the base was compressed with loss, but {names(clean)} says it never was",
                found="00", want="01", files=paths(clean),
            )  # fmt: skip
    if not found:
        raise NotApplicable


@rule_function("slide.dimension-organizations-distinct")
def dimension_organizations(context: SlideContext) -> Iterator[Problem]:
    """FG-021: levels of different pixel size do not share a Dimension Organization UID."""
    users: dict[str, list[Level]] = {}
    for pyramid in context.slide.pyramids:
        for level in pyramid.levels:
            for uid in level.image.dimension_organizations:
                users.setdefault(uid, []).append(level)
    if not users:
        raise NotApplicable
    for uid, levels in users.items():
        if len({(level.columns, level.rows) for level in levels}) > 1:
            yield Problem(
                message=f"{len(levels)} levels share the Dimension Organization UID {uid}, "
                "but their indices cannot mean the same positions",
                found=uid, files=paths(level.parts[0] for level in levels[1:]),
            )  # fmt: skip


@rule_function("slide.folder-mixed")
def folder_mixed(context: SlideContext) -> Iterator[Problem]:
    """FILE-003: a folder holds series of more than one slide."""
    slide = context.slide
    folders = {folder_of(part.path) for part in slide.parts}
    mine = {part.member.series for part in slide.parts}
    for folder in sorted(folders):
        here = [other for other in context.gathered.slides if any(folder_of(part.path) == folder for part in other.parts)]
        others = {part.member.series for other in here for part in other.parts} - mine
        if here[0] is slide and len(here) > 1 and others:
            yield Problem(
                message=f"{len(here)} slides in {len(others) + len(mine)} series lie in one folder",
                files=paths(part for other in here for part in other.parts[:1]),
            )


@rule_function("slide.versions")
def versions(context: SlideContext) -> Iterator[Problem]:
    """PYR101: several folders hold a slide with the same UIDs; they are compared each for itself."""
    slide = context.slide
    if not slide.folder:
        return
    series = {part.member.series for part in slide.parts}
    same = [other for other in context.gathered.slides if other.folder and _series_of(other) & series]
    if same[0] is slide and len(same) > 1:
        yield Problem(
            message=f"{len(same)} folders hold this slide with different instances",
            files=paths(part for other in same for part in other.parts[:1]),
        )


def _series_of(slide: Slide) -> set[str]:
    return {part.member.series for part in slide.parts}


@rule_function("slide.uid-roles")
def uid_roles(context: SlideContext) -> Iterator[Problem]:
    """IOD-016 over a slide: a UID has one role; within one instance IOD016 speaks."""
    roles: dict[str, dict[str, list[Part]]] = {}
    for part in one_each(context.slide):
        for uid, role in _roles(part):
            roles.setdefault(uid, {}).setdefault(role, []).append(part)
    for uid, found in roles.items():
        if len(found) < 2:
            continue
        if any(len([role for role in found if part in found[role]]) > 1 for parts in found.values() for part in parts):
            continue
        parts = [part for some in found.values() for part in some]
        yield Problem(
            message=f"{uid} is {' and '.join(f'a {role} UID ({names(some)})' for role, some in found.items())}",
            found=uid, files=paths(reversed(parts)),
        )  # fmt: skip


def _roles(part: Part) -> Iterator[tuple[str, str]]:
    member, image = part.member, part.image
    pairs = [
        (member.sop_instance, "SOP Instance"), (member.series, "Series Instance"), (member.study, "Study Instance"),
        (member.frame_of_reference, "Frame of Reference"), (image.pyramid, "Pyramid"),
        (image.acquisition, "Acquisition"),
        (image.concatenated.uid if image.concatenated is not None else "", "Concatenation"),
        *((uid, "Dimension Organization") for uid in image.dimension_organizations),
        *((uid, "Specimen") for uid, _ in image.specimens),
    ]  # fmt: skip
    yield from ((uid, role) for uid, role in pairs if uid)
