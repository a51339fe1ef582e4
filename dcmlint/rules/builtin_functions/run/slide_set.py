"""What is said of a slide as a whole: its label and overview, dates, loss, folders, UIDs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint.facts.run.index import folder_of, grouped
from dcmlint.plural import number_of
from dcmlint.rules.builtin_functions.run.slide_values import channels_of, one_each
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, names, paths

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.pyramids import Level
    from dcmlint.facts.run.slide import Slide


@rule_function("slide-one-associated")
def one_associated(context: SlideContext) -> Iterator[Problem]:
    """PYR019: one LABEL, one OVERVIEW of each scan; one THUMBNAIL for the optical paths of each pyramid."""
    slide = context.slide
    groups = [group for flavour in ("LABEL", "OVERVIEW") for group in _by_scan(slide, slide.of(flavour))]
    thumbnails: dict[object, list[KeptFile]] = {}
    for number, pyramid in enumerate(slide.pyramids):
        for part in pyramid.thumbnails:
            thumbnails.setdefault((number, part.image.sorted_paths), []).append(part)
    if not slide.pyramids:
        groups.append(slide.of("THUMBNAIL"))
    groups += thumbnails.values()
    if not any(groups):
        raise NotApplicable
    for parts in groups:
        if len({part.kept.sop_instance for part in parts}) > 1:
            flavour = parts[0].image.flavour
            yield Problem(
                message=f"{len(parts)} {flavour} images of one slide", said=str(len(parts)), want="one",
                files=paths([*parts[1:], parts[0]]),
            )  # fmt: skip


def _by_scan(slide: Slide, parts: list[KeptFile]) -> list[list[KeptFile]]:
    """The images of each scan: those of one series, where scans of the slide stand in series of their own."""
    scans = {pyramid.base.parts[0].kept.series for pyramid in slide.pyramids}
    if len(scans) < 2:
        return [parts]
    return list(grouped(parts, lambda part: part.kept.series).values())


@rule_function("slide-no-volume")
def no_volume(context: SlideContext) -> Iterator[Problem]:
    """PYR032: a slide has a VOLUME image.  Of a single file nothing more than information can be said."""
    slide = context.slide
    if not any(part.image.flavour for part in slide.parts):
        raise NotApplicable
    if not slide.volumes:
        yield Problem(
            message=f"no VOLUME image among {number_of(slide.instances, 'instance')}: {names(slide.parts)}",
            severity="info" if slide.instances == 1 else "", files=paths(slide.parts),
        )  # fmt: skip


@rule_function("slide-acquired-together")
def acquired(context: SlideContext) -> Iterator[Problem]:
    """PYR030: the levels were acquired on one day."""
    dated = [
        [level.parts[0] for level in pyramid.levels if level.image.acquired_days is not None]
        for pyramid in context.slide.pyramids
    ]
    # Channels may be stained and scanned one after another.
    for parts in (some for group in dated for some in grouped(group, channels_of).values()):
        days = [part.image.acquired_days or 0.0 for part in parts]
        if parts and max(days) - min(days) >= 1:
            odd = [part for part in parts if abs((part.image.acquired_days or 0.0) - days[0]) >= 1]
            yield Problem(
                message=f"Acquisition DateTime of the levels differs by {max(days) - min(days):.0f} days",
                found=odd[0].image.acquired.text if odd[0].image.acquired is not None else None,
                files=paths(odd),
            )


@rule_function("slide-lossy-inherited")
def lossy(context: SlideContext) -> Iterator[Problem]:
    """PYR031: what was made from a lossy image says that it is lossy (PS3.3 C.7.6.1.1.5)."""
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
                message=f"the base level was lossy compressed, but Lossy Image Compression of {names(clean)} is 00",
                said="00", want="01", files=paths(clean),
            )  # fmt: skip
    if not found:
        raise NotApplicable


@rule_function("slide-dimension-organizations-distinct")
def dimension_organizations(context: SlideContext) -> Iterator[Problem]:
    """FG021: levels of different pixel size do not share a Dimension Organization UID."""
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
                "but equal indices are different positions in them",
                found=uid, files=paths(level.parts[0] for level in levels[1:]),
            )  # fmt: skip


@rule_function("slide-folder-mixed")
def folder_mixed(context: SlideContext) -> Iterator[Problem]:
    """FILE003: a folder holds series of more than one slide."""
    slide = context.slide
    mine = _series_of(slide)
    for folder in sorted({folder_of(part.path) for part in slide.parts}):
        here = context.index.slides_in_folder[folder]
        others = {uid for other in here for uid in _series_of(other)} - mine if here[0] is slide else set()
        if others:
            yield Problem(
                message=f"{len(here)} slides in {len(others) + len(mine)} series are in one folder",
                files=paths(part for other in here for part in other.parts[:1]),
            )


@rule_function("slide-versions")
def versions(context: SlideContext) -> Iterator[Problem]:
    """PYR101: several folders hold a slide with the same UIDs; they are compared each for itself."""
    slide = context.slide
    if not slide.folder:
        return
    series = {part.kept.series for part in slide.parts}
    parts = (part for uid in series for part in context.index.series[uid].parts if part.on_slide)
    slides = [context.index.slide_of[id(part)] for part in parts if id(part) in context.index.slide_of]
    same = sorted({id(one): one for one in slides if one.folder}.values(), key=lambda one: one.folder)
    if same[0] is slide and len(same) > 1:
        yield Problem(
            message=f"{len(same)} folders contain this slide with different instances",
            files=paths(part for other in same for part in other.parts[:1]),
        )


def _series_of(slide: Slide) -> set[str]:
    return {part.kept.series for part in slide.parts}


@rule_function("slide-uid-roles")
def uid_roles(context: SlideContext) -> Iterator[Problem]:
    """IOD016 over a slide: a UID has one role; within one instance IOD016 speaks."""
    roles: dict[str, dict[str, list[KeptFile]]] = {}
    for part in one_each(context.slide):
        for uid, role in _roles(part):
            roles.setdefault(uid, {}).setdefault(role, []).append(part)
    for uid, found in roles.items():
        if len(found) < 2:
            continue
        if any(
            len([role for role in found if part in found[role]]) > 1
            for parts in found.values()
            for part in parts
        ):
            continue
        parts = [part for some in found.values() for part in some]
        yield Problem(
            message=f"{uid} is {' and '.join(f'a {role} UID ({names(some)})' for role, some in found.items())}",
            found=uid, files=paths(reversed(parts)),
        )  # fmt: skip


def _roles(part: KeptFile) -> Iterator[tuple[str, str]]:
    member, image = part.kept, part.image
    pairs = [
        (member.sop_instance, "SOP Instance"), (member.series, "Series Instance"), (member.study, "Study Instance"),
        (member.frame_of_reference, "Frame of Reference"), (image.pyramid, "Pyramid"),
        (image.acquisition, "Acquisition"),
        (image.concatenated.uid if image.concatenated is not None else "", "Concatenation"),
        *((uid, "Dimension Organization") for uid in image.dimension_organizations),
        *((uid, "Specimen") for uid, _ in image.specimens),
    ]  # fmt: skip
    yield from ((uid, role) for uid, role in pairs if uid)
