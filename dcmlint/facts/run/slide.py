"""A slide: the instances that show one piece of glass, and the pyramids that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dcmlint.facts.registry import Facts, facts
from dcmlint.facts.run.index import KeptFile, RunIndex, folder_of, grouped, same_content
from dcmlint.facts.run.pyramids import Pyramid, levels_of, pyramids_of

_RANK = {"VOLUME": 0, "THUMBNAIL": 1, "LABEL": 2, "OVERVIEW": 3}


class Slide(msgspec.Struct, frozen=True, kw_only=True):
    """The instances of one slide.

    ``id``: a UID that names it: its PyramidUID, else its Series Instance UID
    ``instances``: number of instances, copies once
    ``volumes``: number of VOLUME images, a concatenation once
    ``labels``: number of LABEL images
    ``overviews``: number of OVERVIEW images
    ``thumbnails``: number of THUMBNAIL images
    ``series``: number of series that the instances stand in
    ``smallest_side``: the longer side, in pixels, of the smallest VOLUME image
    ``header_bytes``: bytes before the pixel data of all instances together
    ``largest_header``: the most bytes before the pixel data of one instance
    ``folder``: the folder, where other folders hold whole slides with the same UIDs; else empty
    """

    id: str
    parts: tuple[KeptFile, ...]
    pyramids: tuple[Pyramid, ...]
    instances: int
    volumes: int
    labels: int
    overviews: int
    thumbnails: int
    series: int
    smallest_side: int | None
    header_bytes: int
    largest_header: int
    folder: str = ""

    def of(self, *flavours: str) -> list[KeptFile]:
        """The instances of some flavours."""
        return [part for part in self.parts if part.image.flavour in flavours]


@facts("slide", Slide)
def slide(facts: Facts) -> Slide | None:
    """The slide; known only to rules about slides, not to one instance."""
    return None


def slides_of(index: RunIndex) -> list[Slide]:
    """The slides of a run, in the order of their first paths."""
    parts = _without_copies([part for part in index.parts if part.on_slide])
    slides: list[Slide] = []
    seen: dict[str, int] = {}
    whole = [half for component in _components(parts) for half in _by_folder(component)]
    for component, folder in whole:
        made = _slide(component, folder)
        seen[made.id] = times = seen.get(made.id, 0) + 1
        slides.append(made if times == 1 else msgspec.structs.replace(made, id=f"{made.id} ({times})"))
    return slides


def _without_copies(parts: Sequence[KeptFile]) -> list[KeptFile]:
    result: list[KeptFile] = []
    for same in grouped(parts, lambda part: part.kept.sop_instance).values():
        kept: list[KeptFile] = []
        for part in same:
            if not any(same_content(part, other) for other in kept[:8]):
                kept.append(part)
        result += kept
    return sorted(result, key=lambda part: part.path)


def _links(part: KeptFile) -> Iterable[tuple[str, ...]]:
    member, image = part.kept, part.image
    if image.pyramid:
        yield ("pyramid", image.pyramid)
    if member.series and member.frame_of_reference:
        yield ("series", member.series, member.frame_of_reference)
    if image.concatenated is not None and image.concatenated.uid:
        yield ("concatenation", image.concatenated.uid)
    if image.container is not None and not image.container.empty and member.study:
        yield ("container", member.study, image.container.key.hex())


def _components(parts: Sequence[KeptFile]) -> list[list[KeptFile]]:
    """Instances joined by what they share: PyramidUID, series and frame of reference, concatenation, container."""
    leader = list(range(len(parts)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    def join(one: int, other: int) -> None:
        a, b = sorted((find(one), find(other)))
        leader[b] = a

    first: dict[tuple[str, ...], int] = {}
    for number, part in enumerate(parts):
        for link in _links(part):
            join(first.setdefault(link, number), number)
    # An instance that names no container goes with its series, where that is one slide.
    loose: dict[str, list[int]] = {}
    fixed: dict[str, set[int]] = {}
    for number, part in enumerate(parts):
        series = part.kept.series
        container = part.image.container
        if not series:
            continue
        if container is None or container.empty:
            loose.setdefault(series, []).append(number)
        else:
            fixed.setdefault(series, set()).add(find(number))
    for series, numbers in loose.items():
        targets = fixed.get(series, set())
        for number in numbers:
            if not targets:
                join(numbers[0], number)
            elif len({find(target) for target in targets}) == 1:
                join(next(iter(targets)), number)
    components: dict[int, list[KeptFile]] = {}
    for number, part in enumerate(parts):
        components.setdefault(find(number), []).append(part)
    return list(components.values())


def _order(part: KeptFile) -> tuple[int, int, int, int, str]:
    image = part.image
    number = image.concatenated.number if image.concatenated is not None else None
    return (
        _RANK.get(image.flavour, 4), -(image.matrix_columns or 0) * (image.matrix_rows or 0),
        number or 0, image.number or 0, part.path,
    )  # fmt: skip


def _by_folder(component: Sequence[KeptFile]) -> list[tuple[list[KeptFile], str]]:
    """A slide by folders, if each of several holds it whole: versions of one slide are not one slide.

    A folder holds a slide whole if it has a VOLUME image of the largest size and something else with it.
    """
    folders = grouped(component, lambda part: folder_of(part.path))
    volumes = [part for part in component if part.image.flavour == "VOLUME"]
    if len(folders) < 2 or not volumes:
        return [(list(component), "")]
    largest = max((part.image.matrix_columns or 0, part.image.matrix_rows or 0) for part in volumes)
    for parts in folders.values():
        sizes = [
            (part.image.matrix_columns, part.image.matrix_rows)
            for part in parts
            if part.image.flavour == "VOLUME"
        ]
        if (
            largest not in sizes
            or len({(part.image.flavour, part.image.matrix_columns) for part in parts}) < 2
        ):
            return [(list(component), "")]
    return [(parts, folder) for folder, parts in folders.items()]


def _slide(component: Sequence[KeptFile], folder: str) -> Slide:
    parts = tuple(sorted(component, key=_order))
    volumes = levels_of([part for part in parts if part.image.flavour == "VOLUME"])
    sides = [max(level.columns, level.rows) for level in volumes if level.columns and level.rows]
    count = {
        flavour: len(found) for flavour, found in grouped(parts, lambda part: part.image.flavour).items()
    }
    headers = [part.image.header_bytes for part in parts]
    return Slide(
        id=next((part.image.pyramid for part in parts if part.image.pyramid), "") or parts[0].kept.series or "unnamed",
        parts=parts, pyramids=pyramids_of(parts), instances=len(parts), volumes=len(volumes),
        labels=count.get("LABEL", 0), overviews=count.get("OVERVIEW", 0), thumbnails=count.get("THUMBNAIL", 0),
        series=len({part.kept.series for part in parts}), smallest_side=min(sides, default=None),
        header_bytes=sum(headers), largest_header=max(headers), folder=folder,
    )  # fmt: skip
