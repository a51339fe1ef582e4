"""Series of whole slide images: their numbers, their UIDs, and what stands among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dcmlint.plural import number_of
from dcmlint.rules.builtin_functions.run.slide_pyramid import looks_split, of_one_source, twins
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext, names, paths

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile


@rule_function("series-instance-numbers-unique")
def instance_numbers(context: SlideContext) -> Iterator[Problem]:
    """PYR021: every instance has an Instance Number of its own, a concatenation one for all its members."""
    numbers: dict[tuple[int, str], dict[str, KeptFile]] = {}
    slide_of = context.index.slide_of
    # The members have the number of their source, which may be beside them.
    members = [part.image.concatenated for part in context.parts if part.on_slide]
    sources = {one.uid: one.source for one in members if one is not None and one.uid and one.source}
    for part in context.parts:
        if not part.on_slide or part.image.number is None:
            continue
        concatenated = part.image.concatenated
        unit = part.kept.sop_instance
        if concatenated is not None and concatenated.uid:
            unit = sources.get(concatenated.uid, concatenated.uid)
        folder = slide_of[id(part)].folder if id(part) in slide_of else ""
        numbers.setdefault((part.image.number, folder), {}).setdefault(unit, part)
    if not numbers:
        raise NotApplicable
    for (number, _), units in numbers.items():
        parts = list(units.values())
        # The parts of an image that should be a concatenation rightly share a number: CONC013 speaks.
        if len(parts) > 1 and not of_one_source(parts) and not _parts_of_one(context, parts):
            yield Problem(
                message=f"Instance Number {number} is used by {names(parts)}", found=number,
                want="unique within the series", files=paths([*parts[1:], parts[0]]),
            )  # fmt: skip


def _parts_of_one(context: SlideContext, parts: Sequence[KeptFile]) -> bool:
    mine = {id(part) for part in parts}
    return any(
        looks_split(levels) and mine <= {id(part) for level in levels for part in level.parts}
        for slide in context.index.slides for levels in twins(slide)
    )  # fmt: skip


@rule_function("series-non-images")
def non_images(context: SlideContext) -> Iterator[Problem]:
    """FILE004: a series of slide images holds nothing else."""
    slides = [part for part in context.parts if part.on_slide]
    images = [part for part in slides if _is_picture(part)]
    if not images:
        raise NotApplicable
    empty = [part for part in slides if not _is_picture(part)]
    if empty:
        yield Problem(
            message=f"{number_of(len(empty), 'instance')} without pixels among {number_of(len(images), 'slide image')}",
            files=paths(empty), parties=(paths(empty), paths(images)),
            attributes=(("TotalPixelMatrixColumns", "TotalPixelMatrixRows", "Columns", "Rows"),),
        )  # fmt: skip
    others = [part for part in context.parts if not part.on_slide]
    if others:
        yield Problem(
            message=f"{number_of(len(others), 'other instance')} among {number_of(len(images), 'slide image')} of one series",
            files=paths(others), parties=(paths(others), paths(slides)), attributes=(("MediaStorageSOPClassUID",),),
        )  # fmt: skip


def _is_picture(part: KeptFile) -> bool:
    image = part.image
    return all(value is not None and value > 0 for value in (
        image.matrix_columns, image.matrix_rows, image.columns, image.rows
    ))  # fmt: skip


@rule_function("instances-unique")
def unique(context: SlideContext, slides: str) -> Iterator[Problem]:
    """ENT009, PYR028: no SOP Instance UID stands for two instances; copies of one are information.

    ``slides``: "only" for whole slide images, "none" for all others.
    """
    from dcmlint.facts.run.index import same_content

    here = {id(part) for part in context.parts}
    for uid in dict.fromkeys(part.kept.sop_instance for part in context.parts):
        # Of a file whose pixels are cut nobody knows whether it is a copy.
        same = [part for part in context.index.instances[uid] if not part.kept.partial]
        if len(same) < 2 or id(same[0]) not in here:
            continue
        if all(part.on_slide for part in same) != (slides == "only"):
            continue
        different = [part for part in same[1:] if not same_content(part, same[0])]
        if different:
            yield Problem(
                message=f"{len(different) + 1} different instances have the SOP Instance UID {uid}", found=uid,
                want="a UID for each instance", files=paths([*different, same[0]]),
            )  # fmt: skip
            continue
        yield Problem(
            message=f"{len(same)} copies of the instance {uid}{_how_same(same)}", found=uid, severity="info",
            files=paths([*same[1:], same[0]]),
        )  # fmt: skip


def _how_same(same: Sequence[KeptFile]) -> str:
    first = same[0].kept.sameness
    if any(part.kept.sameness.file != first.file for part in same):
        return ", encoded differently"
    return "" if first.whole else ", as far as their bytes were compared"
