"""Concatenations: one image in several instances (PS3.3 C.7.6.16.2.2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from dcmlint import standard
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import Difference, SlideContext, Value, difference, paths, plain, problem
from dcmlint.rules.tables.levels import iod_spec
from dcmlint.standard.tags import SOPInstanceUIDOfConcatenationSource, StudyInstanceUID

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.slide_image import Concatenated

_SHOWN = 6


class Chain:
    """The members of one concatenation, in the order of their numbers."""

    def __init__(self, uid: str, parts: list[KeptFile]) -> None:
        self.uid = uid
        self.parts = sorted(parts, key=lambda part: (_said(part).number or 0, part.path))

    @property
    def numbers(self) -> list[int]:
        """The In-concatenation Numbers that are there."""
        return [number for part in self.parts if (number := _said(part).number) is not None]

    @property
    def total(self) -> int | None:
        """In-concatenation Total Number, where a member says it."""
        return next((total for part in self.parts if (total := _said(part).total) is not None), None)

    @property
    def complete(self) -> bool:
        """Whether the numbers are 1 to n, and n is the total if there is one."""
        return self.numbers == list(range(1, len(self.parts) + 1)) and self.total in (None, len(self.parts))

    @property
    def frames(self) -> int | None:
        """Frames of all members; None where one does not say."""
        frames = [part.image.frames for part in self.parts]
        return None if None in frames else sum(count or 0 for count in frames)

    @property
    def want(self) -> int | None:
        """Frames of the whole grid, for TILED_FULL (PS3.3 C.7.6.17.3)."""
        image = self.parts[0].image
        if image.organization != "TILED_FULL" or not image.focal_planes or not image.paths:
            return None
        sizes = (image.columns, image.rows, image.matrix_columns, image.matrix_rows)
        if any(size is None or size < 1 for size in sizes):
            return None
        across = -(-(image.matrix_columns or 0) // (image.columns or 1))
        down = -(-(image.matrix_rows or 0) // (image.rows or 1))
        return across * down * image.focal_planes * len(image.paths)


def _said(part: KeptFile) -> Concatenated:
    concatenated = part.image.concatenated
    assert concatenated is not None
    return concatenated


def _chains(context: SlideContext, least: int = 2) -> list[Chain]:
    groups: dict[str, list[KeptFile]] = {}
    for part in context.slide.parts:
        concatenated = part.image.concatenated
        if concatenated is not None and concatenated.uid:
            groups.setdefault(concatenated.uid, []).append(part)
    chains = [Chain(uid, parts) for uid, parts in groups.items() if len(parts) >= least]
    if not chains:
        raise NotApplicable
    return chains


@rule_function("concatenation-numbers-complete")
def numbers_complete(context: SlideContext) -> Iterator[Problem]:
    """CONC004: the members are numbered from 1 on, each once; a member that is not here is a warning."""
    from dcmlint.facts.run.index import folder_of

    all_chains = _chains(context, least=1)
    chains = [chain for chain in all_chains if len(chain.parts) > 1]
    scattered = _scattered([chain for chain in all_chains if len(chain.parts) == 1])
    if not chains and not scattered:
        raise NotApplicable
    for parts in scattered:
        yield Problem(
            message=f"{len(parts)} members of one image have a Concatenation UID each",
            said=str(len(parts)), want="one Concatenation UID", path="ConcatenationUID", files=paths(parts),
        )  # fmt: skip
    for chain in chains:
        numbers = chain.numbers
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            odd = [part for part in chain.parts if _said(part).number in twice]
            yield Problem(
                message=f"{len(odd)} members of a concatenation have the duplicated number {', '.join(map(str, twice[:_SHOWN]))}",
                said=_list(numbers), want="each number once", files=paths(odd),
            )  # fmt: skip
            continue
        # A number beyond the total is CONC002.
        highest = chain.total or max(numbers, default=0)
        if any(folder_of(part.path) in context.index.lost for part in chain.parts):
            continue  # the member that is missing may be a file that could not be read
        if len(numbers) == len(chain.parts) and len(numbers) < highest:
            missing = [number for number in range(1, min(highest, 10_000) + 1) if number not in set(numbers)]
            if len(missing) <= sum(not _is_numbered(part) for part in chain.parts) + _of_other_classes(
                context, chain
            ):
                continue
            strays = [part for part in _strays(context, chain) if _said(part).number in missing]
            if strays and len(strays) == len(missing):
                # Within the smaller of two that claim each other's members it is told.
                if len(strays) <= len(chain.parts):
                    yield Problem(
                        message=f"{number_of(len(strays), 'member')} of a concatenation of {highest} with another Concatenation UID: "
                        f"number {_list(missing)}",
                        said=_said(strays[0]).uid or "(none)", want=chain.uid, path="ConcatenationUID", files=paths(strays),
                        parties=(paths(strays), paths(chain.parts)), attributes=(("ConcatenationUID", *_QUARTET),),
                    )  # fmt: skip
                continue
            yield Problem(
                message=f"{number_of(len(missing), 'member')} of a concatenation of {highest} not found: "
                f"number {_list(missing)}",
                said=_list(numbers), want=f"1 to {highest}", severity="warning", files=paths(chain.parts),
            )  # fmt: skip


def _scattered(chains: list[Chain]) -> list[list[KeptFile]]:
    """The members of each source that are alone under their Concatenation UID, where together they are all of them."""
    groups: dict[tuple[str, int], list[KeptFile]] = {}
    for chain in chains:
        said = _said(chain.parts[0])
        if said.source and said.total:
            groups.setdefault((said.source, said.total), []).append(chain.parts[0])
    return [
        parts
        for (_, total), parts in groups.items()
        if total > 1 and sorted(_said(part).number or 0 for part in parts) == list(range(1, total + 1))
    ]


# Attributes that stand only together with the Concatenation UID (PS3.3 C.7.6.16-1): CONC001 names one of them.
_QUARTET = (
    "ConcatenationFrameOffsetNumber",
    "InConcatenationNumber",
    "SOPInstanceUIDOfConcatenationSource",
)


def _is_numbered(part: KeptFile) -> bool:
    """Whether its number can be right; if not, that is CONC002."""
    number, total = _said(part).number, _said(part).total
    return number is None or (number >= 1 and (total is None or total < 2 or number <= total))


def _of_other_classes(context: SlideContext, chain: Chain) -> int:
    """How many instances are members but for their SOP Class: META001 or FILE004 speaks."""
    series = {part.kept.series for part in chain.parts}
    return sum(
        not part.on_slide
        and part.has_image
        and (said := part.image.concatenated) is not None
        and said.uid == chain.uid
        for uid in series
        for part in context.index.series[uid].parts
    )


def _strays(context: SlideContext, chain: Chain) -> list[KeptFile]:
    """Images that come from the same source as a concatenation, and are none of its members."""
    source = next((source for part in chain.parts if (source := _said(part).source)), "")
    return [
        part
        for part in context.slide.parts
        if source
        and part.image.concatenated is not None
        and _said(part).source == source
        and _said(part).uid != chain.uid
    ]


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:_SHOWN])) + (" ..." if len(numbers) > _SHOWN else "")


@rule_function("concatenation-offsets-chain")
def offsets_chain(context: SlideContext) -> Iterator[Problem]:
    """CONC005: each member begins where the one before ends.

    Silent where frames are missing (CONC006, GEO007), where a number cannot be right (CONC002), and for a later member
    beyond the end (CONC007).
    """
    for chain in _chains(context, least=1):
        if _wrong_total(chain) is not None or not _is_countable(chain):
            continue
        before: KeptFile | None = None
        total: int | None = 0
        for number, part in enumerate(chain.parts, 1):
            said = _said(part)
            # From the first member on, or from the one before: one wrong offset is one finding.
            expected = {total if said.number == number else None, _after(before, part)} - {None}
            beyond = before is not None and _is_beyond(chain, part)
            if expected and said.offset is not None and said.offset not in expected and not beyond:
                yield Problem(
                    message=f"member {said.number} of a concatenation begins at frame offset {said.offset}",
                    found=said.offset, want=" or ".join(map(str, expected)),
                    files=(part.path, *(one.path for one in chain.parts[number:] if _is_beyond(chain, one))),
                    because="" if before is None else f"offset {_said(before).offset} + {before.image.frames} frames "
                    f"of member {_said(before).number}",
                )  # fmt: skip
            frames = part.image.frames
            total = (
                total + frames if total is not None and frames is not None and said.number == number else None
            )
            before = part


def _after(before: KeptFile | None, part: KeptFile) -> int | None:
    number = _said(part).number
    if before is None or number is None or _said(before).number != number - 1:
        return None
    offset, frames = _said(before).offset, before.image.frames
    return None if offset is None or frames is None else offset + frames


def _is_beyond(chain: Chain, part: KeptFile) -> bool:
    offset, frames, want = _said(part).offset, part.image.frames, chain.want
    return offset is not None and frames is not None and want is not None and offset + frames > want


@rule_function("concatenation-frames-total")
def frames_total(context: SlideContext) -> Iterator[Problem]:
    """CONC006: the members of a TILED_FULL concatenation hold one frame for each tile."""
    for chain in _chains(context):
        found = _wrong_total(chain)
        if found is not None:
            frames, want = found
            yield Problem(
                message=f"the members of a concatenation have {number_of(frames, 'frame')}, but {want} tiles cover the "
                "Total Pixel Matrix",
                found=frames, want=str(want), files=paths(chain.parts),
                because=" + ".join(str(part.image.frames) for part in chain.parts[:16]),
            )  # fmt: skip


def _is_countable(chain: Chain) -> bool:
    """Whether each member has a number that can be right, and a frame."""
    return all(_is_numbered(part) and part.image.frames != 0 for part in chain.parts)


def _wrong_total(chain: Chain) -> tuple[int, int] | None:
    if not chain.complete or not _is_countable(chain):
        return None
    frames, want = chain.frames, chain.want
    return (frames, want) if frames is not None and want is not None and frames != want else None


@rule_function("concatenation-source-distinct")
def source_distinct(context: SlideContext) -> Iterator[Problem]:
    """CONC008: the members name one source, which is none of them."""
    for chain in _chains(context, least=1):
        differs = difference(
            chain.parts, lambda part: plain(_said(part).source) if _said(part).source else None
        )
        if differs is not None:
            yield problem(
                differs, "the members of a concatenation have different Concatenation Source UIDs",
                "SOPInstanceUIDOfConcatenationSource",
            )  # fmt: skip
            continue
        own = {part.kept.sop_instance for part in chain.parts}
        wrong = [part for part in chain.parts if _said(part).source in own]
        if wrong:
            yield Problem(
                message="the Concatenation Source UID is the UID of a member", found=_said(wrong[0]).source,
                want="the UID of the undivided instance", files=paths(wrong),
            )  # fmt: skip


@rule_function("concatenation-attributes-identical")
def attributes_identical(context: SlideContext) -> Iterator[Problem]:
    """CONC009: the members differ in nothing but what the standard names."""
    dictionary = standard.load().dictionary
    for chain in _chains(context):
        said = {part.path: {one.tag: one.said.key for one in _said(part).shared} for part in chain.parts}
        required = _required(chain.parts[0].kept.sop_class)
        # One series in several studies is ENT005, whatever its instances are.
        told = {SOPInstanceUIDOfConcatenationSource} | (
            {StudyInstanceUID} if len({part.kept.series for part in chain.parts}) == 1 else set()
        )
        differing: dict[int, Difference] = {}
        for tag in dict.fromkeys(tag for one in said.values() for tag in one):
            if tag in told:
                continue
            # A member without the attribute differs from one that has it; what each must have is told of it alone.
            values = {
                path: Value(one.get(tag), "")
                for path, one in said.items()
                if tag in one or tag not in required
            }
            differs = difference(chain.parts, partial(_of_path, values=values))
            if differs is not None:
                differing[tag] = differs
        if differing:
            entries = [(dictionary.entry(tag), tag) for tag in differing]
            words = [
                entry.keyword if entry is not None else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
                for entry, tag in entries
            ]
            usual = next(iter(differing.values()))
            yield Problem(
                message=f"the members of a concatenation differ in {', '.join(words[:_SHOWN])}"
                + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""),
                path=words[0], files=paths(part for differs in differing.values() for part in differs.others),
                parties=tuple(paths(parts) for _, parts in usual.values), attributes=tuple((word, *_TOLD_AT.get(word, ())) for word in words),
                follows=not _LAYOUT.isdisjoint(words),
            )  # fmt: skip


# What decides where a member's frames lie and how large the image is.
_LAYOUT = frozenset({
    "Columns", "ImagedVolumeHeight", "ImagedVolumeWidth", "Rows", "SharedFunctionalGroupsSequence",
    "TotalPixelMatrixColumns", "TotalPixelMatrixFocalPlanes", "TotalPixelMatrixRows",
})  # fmt: skip

# Where a value of one member that cannot be right beside its other values is told: by attribute, the places.
_TOLD_AT = {
    "BitsAllocated": ("BitsStored",),
    "Columns": ("PixelData",),
    "DimensionOrganizationType": ("DimensionIndexSequence", "PerFrameFunctionalGroupsSequence"),
    "HighBit": ("BitsStored",),
    "ImageType": ("ConcatenationUID",),
    "PhotometricInterpretation": ("SamplesPerPixel",),
    "Rows": ("PixelData",),
    "SharedFunctionalGroupsSequence": ("ConcatenationUID",),
    "TotalPixelMatrixFocalPlanes": (
        "SharedFunctionalGroupsSequence.PixelMeasuresSequence.SpacingBetweenSlices",
    ),
    "TotalPixelMatrixRows": ("TotalPixelMatrixColumns",),
}


def _of_path(part: KeptFile, values: Mapping[str, Value]) -> Value | None:
    return values.get(part.path)


@standard.per_edition(64)
def _required(sop_class: str) -> frozenset[int]:
    """What each instance of a SOP Class must have, whatever else it has."""
    known = standard.load().sop_class(sop_class)
    if known is None:
        return frozenset()
    spec = iod_spec(known.iod)
    mandatory = frozenset(
        number for number, module in enumerate(spec.modules) if module.usage == "M" and module.when is None
    )
    level = spec.level(mandatory)
    return level.required | level.present


@rule_function("concatenation-instance-number")
def instance_number(context: SlideContext) -> Iterator[Problem]:
    """CONC010: the members have one Instance Number; numbering the instances through is information."""
    for chain in _chains(context):
        differs = difference(
            chain.parts, lambda part: plain(part.image.number) if part.image.number is not None else None
        )
        if differs is not None:
            through = len(differs.values) == len(chain.parts)
            numbers = [part.image.number or 0 for part in chain.parts]
            yield Problem(
                message="the members of a concatenation have different Instance Numbers",
                said=_list(numbers), want="the same number in all members", severity="info" if through else "",
                files=paths(differs.others),
            )  # fmt: skip


@rule_function("concatenation-lonely-member")
def lonely(context: SlideContext) -> Iterator[Problem]:
    """CONC012: a concatenation of which one member is here."""
    for chain in _chains(context, least=1):
        if len(chain.parts) == 1 and chain.total != 1:
            said = _said(chain.parts[0])
            place = (
                f" ({said.number} of {said.total})"
                if said.number is not None and said.total is not None
                else ""
            )
            yield Problem(
                message=f"one member of a concatenation{place} without the others",
                files=(chain.parts[0].path,),
            )
