"""Frames of encapsulated Pixel Data: which fragments they have, and the two offset tables (PS3.5 A.4).

Fragments, frames and table entries are counted from 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np

from dcmlint.dicom.byte_ranges import ByteRange, FramePayload
from dcmlint.dicom.encapsulation import Fragments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# What a 32-bit offset of the Basic Offset Table can say. PS3.5 A.4
LARGEST_BASIC_OFFSET: Final = 0xFFFFFFFF
FrameMapCode = Literal[
    "bot-entries",
    "bot-targets",
    "eot-entries",
    "eot-targets",
    "leading-fragments",
    "fewer-fragments",
    "more-fragments",
    "frame-starts",
]
FrameMapBasis = Literal["bot", "eot", "one-to-one", "start-marker", "single-frame", "unknown"]


class FrameMapProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why fragments and frames do not go together as told."""

    code: FrameMapCode
    message: str


class FrameMap(msgspec.Struct, frozen=True, kw_only=True):
    """Which fragments make up each frame: ``count[k]`` fragments from ``first_fragment[k]`` on (int64).

    ``by`` names what was relied on. With "unknown" the arrays are the best guess, and their length need not
    be the Number of Frames. ``frame_starts`` counts the fragments that begin like a code stream, where
    somebody had to look.
    """

    first_fragment: Indices
    count: Indices
    by: FrameMapBasis
    frame_starts: int | None = None
    problems: tuple[FrameMapProblem, ...] = ()

    def __len__(self) -> int:
        return len(self.first_fragment)


class OffsetTableCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What an offset table says, held against the items: facts, no verdict. PS3.5 A.4, PS3.3 C.7.6.3

    Index arrays (int64) name entries, from 0. ``misses`` point to no item tag, ``beyond`` past the last item
    (all of them are misses too), ``disordered`` are not above the entry before. ``wrapped``: the entries
    hit item tags if 2^32 is added at each descent. ``last_offset`` is that of the last item, in bytes from
    the first; ``overflow`` says that 32 bits do not hold it. Of the lengths (Extended Offset Table Lengths
    only; -1 entries where absent): ``length_mismatches`` are neither the item's length nor one less,
    ``unpadded_lengths`` are one less. ``multi_fragment`` are frames of more than one fragment by this table.
    """

    entries: int
    expected: int
    first: int | None
    misses: Indices
    beyond: Indices
    disordered: Indices
    wrapped: bool
    last_offset: int
    overflow: bool
    multi_fragment: Indices
    length_entries: int
    length_mismatches: Indices
    unpadded_lengths: Indices


def frame_payload(buf: ByteRange, fragments: Fragments, frame_map: FrameMap, frame: int) -> FramePayload:
    """The bytes of frame ``frame`` (from 0)."""
    a = int(frame_map.first_fragment[frame])
    b = a + int(frame_map.count[frame])
    return FramePayload(buf, (fragments.offsets[a:b] + 8).tolist(), fragments.lengths[a:b].tolist())


def read_extended_offsets(value: bytes, little_endian: bool = True) -> NDArray[np.uint64] | None:
    """The entries of an Extended Offset Table or its Lengths (VR OV); None if not a multiple of 8 bytes."""
    if len(value) % 8:
        return None
    return np.frombuffer(value, "<u8" if little_endian else ">u8").astype(np.uint64)


def map_frames(
    fragments: Fragments,
    number_of_frames: int,
    extended_offsets: NDArray[np.uint64] | None = None,
    starts_frame: Callable[[int], bool] | None = None,
) -> FrameMap:
    """Find which fragments make up each frame.

    In this order: a usable Extended Offset Table, a usable Basic Offset Table, one fragment for each frame,
    a single frame, fragments that begin a code stream (``starts_frame`` by fragment index; see
    ``codestreams.frame_start_test``). Source: PS3.5 A.4, PS3.3 C.7.6.3.1.8.
    """
    total = len(fragments)
    problems: list[FrameMapProblem] = []
    relative = fragments.offsets - fragments.first
    tables: tuple[tuple[FrameMapBasis, NDArray[Any] | None, FrameMapCode, FrameMapCode], ...] = (
        ("eot", extended_offsets, "eot-entries", "eot-targets"),
        ("bot", fragments.bot, "bot-entries", "bot-targets"),
    )
    for by, table, wrong_entries, wrong_targets in tables:
        if table is None or not len(table):
            continue
        if len(table) != number_of_frames:
            text = f"{len(table)} entries for {number_of_frames} frames"
            problems.append(FrameMapProblem(code=wrong_entries, message=text))
            continue
        at, hits = _targets(table, relative)
        if not hits.all() or (np.diff(at) <= 0).any():
            text = "entries that do not point to an item or do not ascend"
            problems.append(FrameMapProblem(code=wrong_targets, message=text))
            continue
        if at[0]:
            text = f"{int(at[0])} fragments before the first frame"
            problems.append(FrameMapProblem(code="leading-fragments", message=text))
        return _frames_from(at, total, by, None, problems)
    everything = np.arange(total, dtype=np.int64)
    if total == number_of_frames:
        return _frames_from(everything, total, "single-frame" if total == 1 else "one-to-one", None, problems)
    if total < number_of_frames:
        text = f"{total} fragments for {number_of_frames} frames"
        problems.append(FrameMapProblem(code="fewer-fragments", message=text))
    starts: Indices | None = None
    if starts_frame is not None and total:
        starts = np.array([k for k in range(total) if starts_frame(k)], np.int64)
    found = None if starts is None else len(starts)
    if number_of_frames == 1 and total and (found is None or found <= 1):
        return _frames_from(everything[:1], total, "single-frame", found, problems)
    if starts is None:
        if total > number_of_frames:
            text = f"{total} fragments for {number_of_frames} frames"
            problems.append(FrameMapProblem(code="more-fragments", message=text))
        return _frames_from(everything, total, "unknown", None, problems)
    agreed = len(starts) == number_of_frames
    if not agreed:
        text = (
            f"{len(starts)} of {total} fragments begin a code stream, {number_of_frames} frames are declared"
        )
        problems.append(FrameMapProblem(code="frame-starts", message=text))
    if len(starts) and starts[0]:
        text = f"{int(starts[0])} fragments before the first frame"
        problems.append(FrameMapProblem(code="leading-fragments", message=text))
    return _frames_from(starts, total, "start-marker" if agreed else "unknown", found, problems)


def _frames_from(
    first: Indices, total: int, by: FrameMapBasis, found: int | None, problems: list[FrameMapProblem]
) -> FrameMap:
    count = np.diff(np.append(first, total)).astype(np.int64)
    return FrameMap(first_fragment=first, count=count, by=by, frame_starts=found, problems=tuple(problems))


def _targets(table: NDArray[Any], relative: Indices) -> tuple[Indices, NDArray[np.bool_]]:
    """For each entry the index of the last item at or before it (at least 0), and whether it hits its tag."""
    # Offsets of 2^63 and above are as far beyond the end as 2^63 - 1.
    wanted = np.minimum(table.astype(np.uint64), np.uint64(2**63 - 1)).astype(np.int64)
    at = np.searchsorted(relative, wanted, side="right").astype(np.int64) - 1
    at = np.maximum(at, 0)
    if not len(relative):
        return at, np.zeros(len(wanted), np.bool_)
    return at, relative[at] == wanted


def check_basic_offset_table(fragments: Fragments, number_of_frames: int) -> OffsetTableCheck | None:
    """Hold the Basic Offset Table against the items; None where it is absent, damaged or empty."""
    if fragments.bot is None or not len(fragments.bot):
        return None
    return _check_table(fragments, fragments.bot, number_of_frames, None)


def check_extended_offset_table(
    fragments: Fragments,
    number_of_frames: int,
    offsets: NDArray[np.uint64],
    lengths: NDArray[np.uint64] | None,
) -> OffsetTableCheck:
    """Hold the Extended Offset Table (7FE0,0001) and its Lengths (7FE0,0002) against the items."""
    return _check_table(fragments, offsets, number_of_frames, lengths)


def _check_table(
    fragments: Fragments, table: NDArray[Any], expected: int, lengths: NDArray[np.uint64] | None
) -> OffsetTableCheck:
    relative = fragments.offsets - fragments.first
    last = int(relative[-1]) if len(relative) else 0
    at, hits = _targets(table, relative)
    wide = table.astype(np.uint64)
    down = np.nonzero(wide[1:] <= wide[:-1])[0].astype(np.int64) + 1
    beyond = np.nonzero(wide > np.uint64(max(last, 0)))[0].astype(np.int64)
    if not len(relative):
        beyond = np.arange(len(wide), dtype=np.int64)
    none = np.zeros(0, np.int64)
    following = np.append(at[1:], len(relative))
    spans = following - at
    single = hits & (spans > 0)
    mismatch = unpadded = none
    if lengths is not None:
        n = min(len(lengths), len(table))
        ends = np.concatenate(([0], np.cumsum(fragments.lengths)))
        a, b = at[:n], np.maximum(following[:n], at[:n] + 1)
        # A frame of several fragments has the sum of their lengths.
        there = ends[np.minimum(b, len(relative))] - ends[np.minimum(a, len(relative))]
        told = np.minimum(lengths[:n], np.uint64(2**63 - 1)).astype(np.int64)
        mismatch = np.nonzero(hits[:n] & (told != there) & (told != there - 1))[0].astype(np.int64)
        unpadded = np.nonzero(hits[:n] & (told == there - 1))[0].astype(np.int64)
    return OffsetTableCheck(
        entries=len(table),
        expected=expected,
        first=int(table[0]) if len(table) else None,
        misses=np.nonzero(~hits)[0].astype(np.int64),
        beyond=beyond,
        disordered=down,
        wrapped=_wraps(wide, relative),
        last_offset=last,
        overflow=last > LARGEST_BASIC_OFFSET,
        multi_fragment=np.nonzero(single & (spans > 1))[0].astype(np.int64),
        length_entries=-1 if lengths is None else len(lengths),
        length_mismatches=mismatch,
        unpadded_lengths=unpadded,
    )


def _wraps(table: NDArray[np.uint64], relative: Indices) -> bool:
    """Whether the table descends and hits items everywhere once 2^32 is added at each descent."""
    descents = np.cumsum(np.concatenate(([False], table[1:] < table[:-1])))
    if not len(table) or not descents[-1] or int(table.max()) > LARGEST_BASIC_OFFSET:
        return False
    return bool(_targets(table + (descents.astype(np.uint64) << np.uint64(32)), relative)[1].all())
