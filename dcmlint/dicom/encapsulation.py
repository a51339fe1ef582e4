"""Encapsulated Pixel Data: its items and fragments (PS3.5 A.4). Frames are in ``frame_map``.

Nothing of a fragment but its item header is read here. All offsets are absolute positions in the buffer
unless a name says otherwise, all lengths are in bytes, fragments and frames are counted from 0.
"""

from __future__ import annotations

import mmap
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec
import numpy as np

from dcmlint.dicom.buffers import WholeBuffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# PS3.5 7.5, Table 7.5-1: the two delimitation tags and the item tag, as one 32-bit number in file order.
_TAGS: Final = {"<": (0xE000FFFE, 0xE0DDFFFE), ">": (0xFFFEE000, 0xFFFEE0DD)}
# PS3.5 7.1.1: this length means "up to the delimiter"; an item of encapsulated Pixel Data must not have it.
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF
# More items than the largest slides have by an order of magnitude; 16 bytes of memory for each.
MAX_ITEMS: Final = 1 << 23
# Pages of a mapped file are given back after this many bytes, so that one pass does not fill the memory.
_RELEASE_EVERY: Final = 1 << 26


class ByteRange(Protocol):
    """Bytes that are read by slicing: ``bytes``, ``mmap``, a ``Buffer``; a slice past the end is short."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


EncapsulationCode = Literal[
    "missing-bot-item",
    "bot-length",
    "odd-length",
    "odd-length-padded",
    "zero-length",
    "undefined-length",
    "item-beyond-end",
    "truncated-item-header",
    "foreign-tag",
    "no-delimiter",
    "delimiter-length",
    "too-many-items",
]


class EncapsulationProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of damage in the sequence of items: where it is first, and how often.

    ``offset`` is the byte of the first case, ``fragment`` its index (None where no fragment is meant).
    """

    code: EncapsulationCode
    offset: int
    message: str
    fragment: int | None = None
    count: int = 1


class Fragments(msgspec.Struct, frozen=True, kw_only=True):
    """The items of one encapsulated Pixel Data element. PS3.5 A.4, Table A.4-1

    ``offsets`` (int64) are the bytes of the item tags without the Basic Offset Table item, ``lengths``
    (int64) the bytes of each value that are really there: the last is cut where its item runs past the
    end (problem ``item-beyond-end``). ``first`` is the byte that the offset tables count from. ``bot`` is
    None where the Basic Offset Table item is missing or damaged and has no entries where it is empty;
    ``bot_length`` is its length as written. ``end`` is the byte after the delimiter, or the first byte that
    is not part of the sequence where there is no delimiter.
    """

    offsets: Indices
    lengths: Indices
    first: int
    bot: NDArray[np.uint32] | None
    bot_length: int
    end: int
    delimited: bool
    problems: tuple[EncapsulationProblem, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets)


def read_fragments(
    buf: ByteRange, start: int, end: int, little_endian: bool = True, limit: int = MAX_ITEMS
) -> Fragments:
    """Read the item headers of encapsulated Pixel Data whose value begins at ``start``.

    ``end`` is where the parent ends: the delimiter is searched up to there. Never raises on what the bytes
    say; reading stops at the first thing that is neither item nor delimiter, and after ``limit`` items.
    Source: PS3.5 A.4.
    """
    buf = unwrapped(buf)
    end = max(start, min(end, len(buf)))
    order = "<" if little_endian else ">"
    bot, first, bot_length, problems = _read_bot(buf, start, end, order)
    offsets, lengths = array("q"), array("q")
    position, stop = _walk(buf, first, end, order, limit, offsets, lengths, problems)
    delimited = False
    if stop == "delimiter":
        delimited = True
        length = struct.unpack(order + "I", buf[position + 4 : position + 8])[0]
        if length:
            # PS3.5 7.5, Table 7.5-3: the Sequence Delimitation Item has the length zero
            problems.append(_problem("delimiter-length", position, f"sequence delimiter of length {length}"))
        position += 8
    elif stop != "limit":
        problems.append(_problem("no-delimiter", position, "no sequence delimiter ends the fragments"))
    where, sizes = np.array(offsets, np.int64), np.array(lengths, np.int64)
    # PS3.5 A.4: the length of each fragment is even and at least two
    _note_all(problems, "zero-length", "empty fragment", where, sizes == 0)
    _note_all(problems, "odd-length", "fragment of odd length", where, sizes % 2 == 1)
    return Fragments(
        offsets=where,
        lengths=sizes,
        first=first,
        bot=bot,
        bot_length=bot_length,
        end=position,
        delimited=delimited,
        problems=tuple(problems),
    )


def _read_bot(
    buf: ByteRange, start: int, end: int, order: str
) -> tuple[NDArray[np.uint32] | None, int, int, list[EncapsulationProblem]]:
    """The Basic Offset Table, the byte of the first item after it, its length, the problems."""
    item_tag = _TAGS[order][0]
    header = buf[start : min(start + 8, end)]
    if len(header) < 8 or struct.unpack(order + "I", header[:4])[0] != item_tag:
        return None, start, 0, [_problem("missing-bot-item", start, "no Basic Offset Table item")]
    length: int = struct.unpack(order + "I", header[4:])[0]
    value = start + 8
    if length == _UNDEFINED_LENGTH:
        return None, start, 0, [_problem("missing-bot-item", start, "the first item has no defined length")]
    opening = buf[value : min(value + 12, value + length, end)]
    if _opens_code_stream(opening, length, order):
        return None, start, 0, [_problem("missing-bot-item", start, "the first item holds a code stream")]
    if value + length > end:
        message = f"Basic Offset Table of {length} bytes, {end - value} are there"
        return None, end, length, [_problem("item-beyond-end", start, message)]
    first = value + length
    if length % 4 or length > 4 * MAX_ITEMS:
        message = f"Basic Offset Table of {length} bytes"
        return None, first, length, [_problem("bot-length", start, message)]
    raw = buf[value:first]
    if len(raw) != length:
        return None, first, length, [_problem("bot-length", start, "Basic Offset Table cannot be read")]
    return np.frombuffer(raw, order + "u4").astype(np.uint32), first, length, []


def _opens_code_stream(opening: bytes, length: int, order: str) -> bool:
    """Whether the first item is a frame: the table's first entry is 0, a code stream never begins so.

    JPEG (SOI and another marker), JPEG 2000 (SOC, SIZ), the signature boxes of JP2 and JPEG XL, and the RLE
    header, whose second number is 64 (PS3.5 G.5).
    """
    if opening.startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a")):
        return True
    if opening[4:8] in (b"jP  ", b"JXL "):
        return True
    if len(opening) >= 8 and length >= 66:
        segments, offset = struct.unpack(order + "II", opening[:8])
        return bool(1 <= segments <= 15 and offset == 64)
    return False


def _walk(
    buf: ByteRange,
    position: int,
    end: int,
    order: str,
    limit: int,
    offsets: array[int],
    lengths: array[int],
    problems: list[EncapsulationProblem],
) -> tuple[int, Literal["delimiter", "damage", "limit"]]:
    """Append each item from ``position`` on; return where and why it ended. This loop is the hot one."""
    item_tag, delimiter_tag = _TAGS[order]
    header = struct.Struct(order + "II")
    source: Any = buf
    if isinstance(buf, bytes | mmap.mmap):
        read: Callable[[Any, int], tuple[Any, ...]] = header.unpack_from
    else:

        def read(source: ByteRange, position: int) -> tuple[Any, ...]:
            return header.unpack(source[position : position + 8])

    add_offset, add_length = offsets.append, lengths.append
    release_at = position + _RELEASE_EVERY
    last = end - 8
    padded: list[int] = []
    stop: Literal["delimiter", "damage", "limit"] = "limit"
    for _ in range(limit):
        if position > last:
            stop = "damage"
            break
        try:
            tag, length = read(source, position)
        except struct.error:  # the source gave less than it said it has
            stop = "damage"
            break
        if tag == item_tag:
            following = position + 8 + length
            if following > end or length == _UNDEFINED_LENGTH:
                stop = "damage"
                break
            add_offset(position)
            add_length(length)
            position = following
            if position > release_at:
                release_pages(buf, release_at - _RELEASE_EVERY, position)
                release_at = position + _RELEASE_EVERY
        elif tag == delimiter_tag:
            stop = "delimiter"
            break
        elif lengths and lengths[-1] % 2 and _tag_at(buf, position + 1, end, order) in _TAGS[order]:
            # A pad byte that the length does not count: the items go on one byte later.
            padded.append(len(offsets) - 1)
            position += 1
        else:
            stop = "damage"
            break
    if stop == "limit":
        problems.append(_problem("too-many-items", position, f"reading stopped after {limit} items"))
    if padded:
        message = "the pad byte is not counted in the item length"
        at = offsets[padded[0]]
        problems.append(_problem("odd-length-padded", at, message, padded[0], len(padded)))
    if stop == "damage":
        position = _note_damage(buf, position, end, order, offsets, lengths, problems)
    return position, stop


def _note_damage(
    buf: ByteRange,
    position: int,
    end: int,
    order: str,
    offsets: array[int],
    lengths: array[int],
    problems: list[EncapsulationProblem],
) -> int:
    """Say why the walk stopped at ``position``; keep what is left of a cut item. Return the end."""
    header = buf[position : min(position + 8, end)]
    if not header:
        return position
    if len(header) < 8:
        message = f"{len(header)} bytes where an item header or the delimiter needs 8"
        problems.append(_problem("truncated-item-header", position, message))
        return position
    tag, length = struct.unpack(order + "II", header)
    if tag != _TAGS[order][0]:
        group, element = struct.unpack(order + "HH", header[:4])
        message = f"tag ({group:04X},{element:04X}) between the fragments"
        problems.append(_problem("foreign-tag", position, message))
        return position
    if length == _UNDEFINED_LENGTH:
        problems.append(_problem("undefined-length", position, "fragment of undefined length", len(offsets)))
        return position
    left = end - position - 8
    message = f"fragment of {length} bytes, {left} are there"
    problems.append(_problem("item-beyond-end", position, message, len(offsets)))
    offsets.append(position)
    lengths.append(left)
    return end


def _tag_at(buf: ByteRange, position: int, end: int, order: str) -> int | None:
    raw = buf[position : min(position + 4, end)]
    return struct.unpack(order + "I", raw)[0] if len(raw) == 4 else None


def _problem(
    code: EncapsulationCode, offset: int, message: str, fragment: int | None = None, count: int = 1
) -> EncapsulationProblem:
    return EncapsulationProblem(code=code, offset=offset, message=message, fragment=fragment, count=count)


def _note_all(
    problems: list[EncapsulationProblem],
    code: EncapsulationCode,
    message: str,
    offsets: Indices,
    hit: NDArray[np.bool_],
) -> None:
    count = int(np.count_nonzero(hit))
    if count:
        at = int(np.argmax(hit))
        problems.append(_problem(code, int(offsets[at]), message, at, count))


def unwrapped(buf: ByteRange) -> ByteRange:
    """The bytes object or memory map in a whole buffer, which slices faster; else what was given."""
    if isinstance(buf, WholeBuffer) and isinstance(buf.data, bytes | mmap.mmap):
        return buf.data
    return buf


def release_pages(buf: ByteRange, start: int, end: int) -> None:
    """Give the pages of a read-only memory map between two bytes back to the system; else do nothing.

    They stay in the system's cache: reading them again costs a page fault, not a disk access.
    """
    buf = unwrapped(buf)
    if not isinstance(buf, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    with memoryview(buf) as view:
        read_only = view.readonly
    if read_only:  # in a private writable map this would undo changes
        start -= start % mmap.PAGESIZE
        end -= end % mmap.PAGESIZE
        if end > start:
            buf.madvise(mmap.MADV_DONTNEED, start, end - start)


class FramePayload:
    """The bytes of one frame, its fragments joined; read by slicing, nothing is copied before."""

    __slots__ = ("_buf", "_ends", "_size", "_starts")

    def __init__(self, buf: ByteRange, starts: Sequence[int], lengths: Sequence[int]) -> None:
        self._buf = buf
        # Empty pieces would make a slice cost as many steps as a hostile file has empty items.
        pieces = [(start, length) for start, length in zip(starts, lengths, strict=True) if length > 0]
        self._starts = [start for start, _ in pieces]
        self._ends: list[int] = []
        total = 0
        for _, length in pieces:
            total += length
            self._ends.append(total)
        self._size = total

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice, /) -> bytes:
        a, b, _ = key.indices(self._size)
        if a >= b:
            return b""
        if len(self._starts) == 1:
            start = self._starts[0]
            return self._buf[start + a : start + b]
        parts = []
        piece = bisect_right(self._ends, a)
        while a < b:
            piece_end = self._ends[piece]
            upto = min(b, piece_end)
            begin = self._ends[piece - 1] if piece else 0
            at = self._starts[piece] - begin
            parts.append(self._buf[at + a : at + upto])
            a = upto
            piece += 1
        return b"".join(parts)

    def position(self, offset: int) -> int:
        """The byte of the buffer where byte ``offset`` of the frame is (the end for one past the last)."""
        if not self._starts:
            return 0
        piece = min(bisect_right(self._ends, offset), len(self._starts) - 1)
        begin = self._ends[piece - 1] if piece else 0
        return self._starts[piece] + offset - begin
