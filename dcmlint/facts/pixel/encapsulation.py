"""Encapsulated Pixel Data: its fragments, how they fall into frames, and what the offset tables say.

PS3.5 A.4, PS3.3 C.7.6.3.1.8. Frames and table entries are counted from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.expr import UNKNOWN, Unknown
from dcmlint.facts.pixel.pixels import number_of_frames
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import ExtendedOffsetTable, ExtendedOffsetTableLengths, PixelData

if TYPE_CHECKING:
    from dcmlint.dicom.encapsulation import Fragments
    from dcmlint.dicom.frame_map import FrameMap

# A table with more bytes than this (8 million frames) is not read.
_LARGEST_TABLE: Final = 1 << 26
# With more fragments than this nobody looks which of them begin a code stream.
_MOST_LOOKED_AT: Final = 1 << 20
# What ends the reading of the sequence before its delimiter.
BROKEN: Final = frozenset({"no-delimiter", "foreign-tag", "truncated-item-header", "undefined-length",
                           "item-beyond-end", "too-many-items", "not-read"})  # fmt: skip


class Encapsulation(msgspec.Struct, frozen=True, kw_only=True):
    """The sequence of fragments, and the tables that point into it.

    ``video``: whether the fragments hold one video stream rather than frames
    ``broken``: whether the fragments were not read to their end
    ``fragments``: fragments of Pixel Data, the Basic Offset Table not counted
    ``payload_bytes``: bytes of all fragments
    ``frames``: frames that the fragments make up; unknown where nothing tells, and for video
    ``frames_by``: what told the frames apart: bot, eot, one-to-one, start-marker, single-frame or unknown
    ``frame_starts``: fragments that begin like a code stream, where somebody had to look
    ``multi_fragment_frames``: frames of more than one fragment
    ``last_offset``: byte of the last fragment's item, from the first one's
    ``bot_bytes``: bytes of the Basic Offset Table as its length says
    ``bot_entries``: entries of the Basic Offset Table; absent where the table is missing or damaged
    ``bot_misplaced``: entries of the Basic Offset Table that hit no fragment, or are not above the entry before
    ``bot_wrapped``: whether the entries of the Basic Offset Table are right but for multiples of 2^32
    ``eot_entries``: entries of the Extended Offset Table; absent without one
    ``eot_misplaced``: entries of the Extended Offset Table that hit no fragment, or are not above the entry before
    ``eot_lengths``: entries of Extended Offset Table Lengths; absent without it
    ``eot_wrong_lengths``: frames whose length in Extended Offset Table Lengths is not the fragment's
    ``eot_unpadded_lengths``: frames whose length there is one less than the fragment's
    """

    video: bool = False
    broken: bool = False
    fragments: int
    payload_bytes: int
    frames: int | Unknown
    frames_by: str
    frame_starts: int | None = None
    multi_fragment_frames: Sequence[int] | Unknown = ()
    last_offset: int = 0
    bot_bytes: int = 0
    bot_entries: int | None = None
    bot_misplaced: Sequence[int] = ()
    bot_wrapped: bool = False
    eot_entries: int | Unknown | None = None
    eot_misplaced: Sequence[int] = ()
    eot_lengths: int | Unknown | None = None
    eot_wrong_lengths: Sequence[int] = ()
    eot_unpadded_lengths: Sequence[int] = ()
    _fragments: Any = None
    _frame_map: Any = None


def layout_of(facts: Facts) -> tuple[Fragments, FrameMap] | None:
    """The items and how they fall into frames, for functions; None for native pixels and for video."""
    group = facts.of(Encapsulation)
    if group is None or group._frame_map is None:
        return None
    return group._fragments, group._frame_map


@facts("encapsulation", Encapsulation, possible=lambda shape: shape.fragments)
def encapsulation(facts: Facts) -> Encapsulation | None:
    """Encapsulated Pixel Data of the main data set; nothing for native pixels."""
    instance = facts.instance
    dataset = instance.dataset
    element = dataset.get(PixelData)
    if element is None or element.fragments is None:
        return None
    if not instance.syntax.encapsulated and instance.syntax.known:
        return None  # native by its transfer syntax: VR007 says so
    fragments = element.fragments
    payload = int(fragments.lengths.sum())
    last = int(fragments.offsets[-1]) - fragments.first if len(fragments) else 0
    basic = None if fragments.bot is None else len(fragments.bot)
    broken = any(problem.code in BROKEN for problem in fragments.problems)
    if _is_video(instance.syntax.uid):
        return Encapsulation(
            video=True, broken=broken, fragments=len(fragments), payload_bytes=payload, frames=UNKNOWN, frames_by="unknown",
            multi_fragment_frames=UNKNOWN, last_offset=last, bot_bytes=fragments.bot_length, bot_entries=basic,
            _fragments=fragments,
        )  # fmt: skip
    return _of_frames(facts, fragments, payload, last, basic, broken)


def _of_frames(
    facts: Facts, fragments: Any, payload: int, last: int, basic: int | None, broken: bool
) -> Encapsulation:
    from dcmlint.dicom.codestreams import frame_start_test
    from dcmlint.dicom.frame_map import check_basic_offset_table, check_extended_offset_table, map_frames

    instance = facts.instance
    dataset = instance.dataset
    stated = number_of_frames(dataset)
    # Where the number is missing, a table of offsets tells it as well.
    number = stated if isinstance(stated, int) else basic or 0
    offsets, lengths = _table(dataset, ExtendedOffsetTable), _table(dataset, ExtendedOffsetTableLengths)
    starts = None
    if fragments.seen is None and len(fragments) <= _MOST_LOOKED_AT:
        starts = frame_start_test(dataset.context.buffer, fragments, instance.syntax.uid)
    known = offsets is not None and offsets is not UNKNOWN
    frame_map = map_frames(fragments, number, offsets if known else None, starts)
    told = frame_map.by != "unknown"
    bot = check_basic_offset_table(fragments, number)
    eot = None
    if known:
        has_lengths = lengths is not None and lengths is not UNKNOWN
        eot = check_extended_offset_table(fragments, number, offsets, lengths if has_lengths else None)
    return Encapsulation(
        broken=broken,
        fragments=len(fragments),
        payload_bytes=payload,
        frames=len(frame_map) if told else UNKNOWN,
        frames_by=frame_map.by,
        frame_starts=frame_map.frame_starts,
        multi_fragment_frames=_numbers((frame_map.count > 1).nonzero()[0]) if told else UNKNOWN,
        last_offset=last,
        bot_bytes=fragments.bot_length,
        bot_entries=basic,
        bot_misplaced=() if bot is None else _misplaced(bot),
        bot_wrapped=bot is not None and bot.wrapped,
        eot_entries=_entries(offsets),
        eot_misplaced=() if eot is None else _misplaced(eot),
        eot_lengths=_entries(lengths),
        eot_wrong_lengths=() if eot is None else _numbers(eot.length_mismatches),
        eot_unpadded_lengths=() if eot is None else _numbers(eot.unpadded_lengths),
        _fragments=fragments,
        _frame_map=frame_map,
    )


def _is_video(uid: str) -> bool:
    """MPEG2, MPEG-4 and HEVC: one stream, however it is cut into fragments. PS3.5 A.4.5 to A.4.10"""
    head, _, tail = uid.partition("1.2.840.10008.1.2.4.")
    number = tail.removesuffix(".1")
    return not head and number.isdigit() and 100 <= int(number) <= 108


def _table(dataset: Dataset, tag: int) -> Any:
    """The entries of an extended table; None where it is absent, UNKNOWN where it cannot be read."""
    from dcmlint.dicom.frame_map import read_extended_offsets

    element = dataset.get(tag)
    if element is None:
        return None
    if not element.is_plain or element.length > _LARGEST_TABLE:
        return UNKNOWN
    table = read_extended_offsets(dataset.raw(tag), dataset.context.little)
    return UNKNOWN if table is None else table


def _entries(table: Any) -> int | Unknown | None:
    return table if table is None or table is UNKNOWN else len(table)


def _numbers(array: Any) -> Sequence[int]:
    """An array as the sequence that it is."""
    result: Sequence[int] = array
    return result


def _misplaced(check: Any) -> Any:
    """Entries that point to no item, or stand in the wrong order; the first must be 0 (PS3.5 A.4)."""
    import numpy as np

    from dcmlint.dicom.distinct import distinct

    first = np.zeros(0 if check.first == 0 else 1, np.int64)
    return distinct(check.misses, check.disordered, first)
