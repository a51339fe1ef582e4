"""Rules over the items of encapsulated Pixel Data and its offset tables (PS3.5 A.4, PS3.3 C.7.6.3.1.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from dcmlint import standard
from dcmlint.facts.pixel.encapsulation import Encapsulation
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, Undecided, rule_function
from dcmlint.standard.tags import BitsAllocated, BitsStored, ExtendedOffsetTableLengths, PixelData
from dcmlint.standard.uids import RLELossless

_FRAGMENT: Final = frozenset({"zero-length", "odd-length", "odd-length-padded"})
_SEQUENCE: Final = frozenset({"no-delimiter", "delimiter-length", "foreign-tag", "truncated-item-header",
                              "undefined-length", "item-beyond-end"})  # fmt: skip
_TABLE: Final = frozenset({"missing-bot-item", "bot-length"})


def _encapsulation(context: RuleContext) -> Encapsulation:
    group = context.facts.of(Encapsulation)
    if group is None:
        raise NotApplicable
    return group


def _items(context: RuleContext) -> Any:
    return _encapsulation(context)._fragments


def _problem(offset: int, message: str, found: str = "", want: str = "") -> Problem:
    return Problem(path="PixelData", tag=PixelData, offset=offset, message=message, said=found, want=want)


@rule_function("fragment-lengths")
def fragment_lengths(context: RuleContext) -> Iterable[Problem]:
    """Fragments that are empty, or of odd length."""
    fragments = _items(context)
    codes = {problem.code for problem in fragments.problems}
    for problem in fragments.problems:
        # The pad byte that a length does not count makes the length odd as well.
        if problem.code in _FRAGMENT and not (problem.code == "odd-length" and "odd-length-padded" in codes):
            which = f"fragment {(problem.fragment or 0) + 1} of {len(fragments)}: "
            if problem.count > 1:
                which = (
                    f"{problem.count} of {len(fragments)} fragments, from {(problem.fragment or 0) + 1} on: "
                )
            yield _problem(problem.offset, f"{which}{problem.message}", want="an even length of at least 2")


@rule_function("fragment-sequence")
def fragment_sequence(context: RuleContext) -> Iterable[Problem]:
    """A sequence of fragments that does not end with its delimiter, or holds something else."""
    fragments = _items(context)
    found = {problem.code: problem for problem in fragments.problems if problem.code in _SEQUENCE}
    # Whatever broke the sequence is why no delimiter was met.
    if len(found) > 1:
        found.pop("no-delimiter", None)
    for problem in found.values():
        yield _problem(problem.offset, problem.message, want="items, then (FFFE,E0DD) of length 0")


@rule_function("basic-offset-table-length")
def basic_offset_table_length(context: RuleContext) -> Iterable[Problem]:
    """A Basic Offset Table that is not there, or has not one entry for each frame."""
    group = _encapsulation(context)
    for problem in group._fragments.problems:
        if problem.code in _TABLE:
            yield _problem(problem.offset, problem.message, want="an item with 4 bytes per frame, or empty")
            return
    if not group.bot_entries:
        return
    frames = context.facts("pixels.frames")
    if group.video:
        raise NotApplicable
    if not isinstance(frames, int):
        raise Undecided("NumberOfFrames missing")
    if group.bot_entries != frames:
        yield _problem(
            group._fragments.first - group.bot_bytes - 8,
            f"the Basic Offset Table has {_count(group.bot_entries)}, there are {frames} frames",
            _count(group.bot_entries), f"{frames} entries, or none",
        )  # fmt: skip


def _count(entries: int) -> str:
    return f"{entries} entr{'y' if entries == 1 else 'ies'}"


@rule_function("frames-in-fragments")
def frames_in_fragments(context: RuleContext) -> Iterable[Problem]:
    """Fragments that do not make up the frames that are told, where no table says which belong together."""
    group = _encapsulation(context)
    if group.video:
        raise NotApplicable
    if group.bot_entries or group.eot_entries is not None:
        return  # the tables have rules of their own
    if group.broken or group.bot_entries is None:
        raise Undecided("the fragments are damaged, or exceed the limit of what is read")
    frames = context.facts("pixels.frames")
    if not isinstance(frames, int):
        raise Undecided("NumberOfFrames missing")
    if group.frames_by != "unknown":
        return
    found = number_of(group.fragments, "fragment")
    if group.frame_starts is None and group.fragments >= frames:
        if context.instance.syntax.uid == RLELossless:
            # PS3.5 A.4.2: a frame of RLE is one fragment
            yield _problem(-1, f"{found} for {frames} frames of RLE", found, f"{frames} fragments")
            return
        raise Undecided("the start of the frames is unknown")
    starts = group.frame_starts
    message = f"{found} for {number_of(frames, 'frame')}"
    if starts is not None and starts != group.fragments:
        message += f", {starts} of them begin{'s' * (starts == 1)} a code stream"
    yield _problem(-1, message, found, f"fragments of {number_of(frames, 'frame')}")


@rule_function("extended-offset-table-lengths")
def extended_offset_table_lengths(context: RuleContext) -> Iterable[Problem]:
    """Extended Offset Table Lengths that are not those of the frames; lengths without the pad byte are noted."""
    group = _encapsulation(context)
    if group.eot_lengths is None or group.eot_entries is None:
        raise NotApplicable
    if group.broken:
        raise Undecided("the fragments are damaged, or exceed the limit of what is read")
    if group.eot_entries != group.eot_lengths:
        raise Undecided("the numbers of lengths and offsets differ")  # PIX026 says so
    wrong, unpadded = group.eot_wrong_lengths, group.eot_unpadded_lengths
    level, tag = context.dataset, ExtendedOffsetTableLengths
    if len(wrong):
        message = f"{len(wrong)} of {group.eot_lengths} lengths differ from those of the frames, first in entry {int(wrong[0]) + 1}"
        yield Problem(level=level, tag=tag, message=message, want="the length of each frame's fragment")
    elif len(unpadded):
        message = f"{len(unpadded)} of {group.eot_lengths} lengths do not include the padding byte, on which readers disagree"
        yield Problem(
            level=level, tag=tag, message=message, want="the length of each frame's fragment", severity="info"
        )


@rule_function("native-length")
def native_length(context: RuleContext) -> Iterable[Problem]:
    """Native pixels of another length than their attributes tell, a pad byte apart (PS3.5 8.1.1)."""
    pixels = context.facts.group("pixels")
    if pixels is None or not pixels.native:
        raise NotApplicable
    expected, padded = pixels.expected_bytes, pixels.padded_bytes
    if not isinstance(expected, int) or not isinstance(padded, int):
        raise Undecided("an attribute that determines the length is missing or invalid")
    if pixels.bytes in (expected, padded):
        return
    allocated, stored = context.dataset.value(BitsAllocated), context.dataset.value(BitsStored)
    if isinstance(allocated, int) and isinstance(stored, int) and stored > allocated:
        return  # what follows from Bits Allocated cannot be right (GEO002)
    entry = standard.load().dictionary.by_keyword(pixels.element)
    assert entry is not None
    difference = pixels.bytes - padded
    how = f"{abs(difference)} bytes too {'long' if difference > 0 else 'short'}"
    yield Problem(
        level=context.dataset, tag=entry.tag, said=f"{pixels.bytes} bytes", want=f"{padded} bytes",
        message=f"{how} for {number_of(pixels.frames, 'frame')}",
    )  # fmt: skip
