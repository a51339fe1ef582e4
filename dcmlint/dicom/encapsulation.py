"""Encapsulated Pixel Data: its items and fragments (PS3.5 A.4). Frames are in ``frame_map``.

Nothing of a fragment but its item header is read here. All offsets are absolute positions in the buffer
unless a name says otherwise, all lengths are in bytes, fragments and frames are counted from 0.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

from dcmlint.dicom.byte_ranges import ByteRange, release_pages, unwrapped
from dcmlint.dicom.codestreams.openings import LARGEST_OPENING, opening_length
from dcmlint.standard.tags import Item, SequenceDelimitationItem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# PS3.5 7.5, Table 7.5-1: the two delimitation tags and the item tag, as one 32-bit number in file order.
_TAGS: Final = {"<": (0xE000FFFE, 0xE0DDFFFE), ">": (Item, SequenceDelimitationItem)}
# PS3.5 7.1.1: this length means "up to the delimiter"; an item of encapsulated Pixel Data must not have it.
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF
# More items than the largest slides have by an order of magnitude; 21 bytes of memory for each.
MAX_ITEMS: Final = 1 << 23
# Pages of a mapped file are given back after this many bytes, so that one pass does not fill the memory.
_RELEASE_EVERY: Final = 1 << 26
# Ways in which fragments begin that are told apart, each with a number of one byte.
_MOST_KINDS: Final = 255


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
    "not-read",
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


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of each fragment when its item header was read, so that nothing need be fetched twice.

    ``kinds`` (uint8): fragments of the same number begin with the same bytes, as many as say all about a code
    stream (`codestreams.openings`); 0 says nothing. ``tails`` (uint32): the last four bytes, the first of
    them lowest; 0 where they were not seen.
    """

    kinds: NDArray[np.uint8]
    tails: NDArray[np.uint32]


class Fragments(msgspec.Struct, frozen=True, kw_only=True):
    """The items of one encapsulated Pixel Data element. PS3.5 A.4, Table A.4-1

    ``offsets`` (int64) are the bytes of the item tags without the Basic Offset Table item, ``lengths``
    (int64) the bytes of each value that are really there: the last is cut where its item runs past the
    end (problem ``item-beyond-end``). ``first`` is the byte that the offset tables count from. ``bot`` is
    None where the Basic Offset Table item is missing or damaged and has no entries where it is empty;
    ``bot_length`` is its length as written. ``end`` is the byte after the delimiter, or the first byte that
    is not part of the sequence where there is no delimiter.  ``seen``: how many item headers were read, where the
    others are taken from an offset table (`sparse_fragments`); None: all.
    """

    offsets: Indices
    lengths: Indices
    first: int
    bot: NDArray[np.uint32] | None
    bot_length: int
    end: int
    delimited: bool
    glance: Glance | None = None
    seen: int | None = None
    problems: tuple[EncapsulationProblem, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets)


def moved(fragments: Fragments, distance: int) -> Fragments:
    """The same fragments, so many bytes further on."""
    problems = tuple(
        msgspec.structs.replace(problem, offset=problem.offset + distance) for problem in fragments.problems
    )
    return msgspec.structs.replace(
        fragments, offsets=fragments.offsets + distance, first=fragments.first + distance,
        end=fragments.end + distance, problems=problems,
    )  # fmt: skip


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
    bot, first, bot_length, problems = read_bot(buf, start, end, order)
    walk = Walk(buf, end, order, problems)
    position, stop = walk.run(first, limit)
    delimited = False
    if stop == "delimiter":
        delimited = True
        length = struct.unpack(order + "I", buf[position + 4 : position + 8])[0]
        if length:
            # PS3.5 7.5, Table 7.5-3: the Sequence Delimitation Item has the length zero
            problems.append(
                _problem("delimiter-length", position, f"sequence delimitation item of length {length}")
            )
        position += 8
    elif stop != "limit":
        problems.append(
            _problem(
                "no-delimiter", position, "the sequence delimitation item after the fragments is missing"
            )
        )
    where, sizes = np.array(walk.offsets, np.int64), np.array(walk.lengths, np.int64)
    # PS3.5 A.4: the length of each fragment is even and at least two; what is left of a cut one says nothing of it
    whole = np.ones(len(sizes), bool)
    whole[len(sizes) - sum(problem.code == "item-beyond-end" for problem in problems) :] = False
    _note_all(problems, "zero-length", "empty fragment", where, whole & (sizes == 0))
    _note_all(problems, "odd-length", "fragment of odd length", where, whole & (sizes % 2 == 1))
    return Fragments(
        offsets=where,
        lengths=sizes,
        first=first,
        bot=bot,
        bot_length=bot_length,
        end=position,
        delimited=delimited,
        glance=walk.glance(sizes),
        problems=tuple(problems),
    )


def read_bot(
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
        return None, start, 0, [_problem("missing-bot-item", start, "the first item contains a code stream")]
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


class Walk:
    """One pass over the items of a value: a read each, of the end of the one before and the beginning of this."""

    def __init__(self, buf: ByteRange, end: int, order: str, problems: list[EncapsulationProblem]) -> None:
        self.buf, self.end, self.order, self.problems = buf, end, order, problems
        self.offsets, self.lengths = array("q"), array("q")
        self._kinds, self._tails = bytearray(), array("I")
        # How fragments began, each way with its number, and the way met last.
        self._openings: dict[bytes, int] = {}
        self._opening, self._kind = b"", 0
        # Hostile files begin each fragment in another way: so many more are tried.
        self._tries = _MOST_KINDS

    def run(self, position: int, limit: int) -> tuple[int, Literal["delimiter", "damage", "limit"]]:
        """Take each item from ``position`` on; return where and why it ended. This loop is the hot one."""
        item_tag, delimiter_tag = _TAGS[self.order]
        unpack, source, end = struct.Struct(self.order + "III").unpack_from, self.buf, self.end
        add_offset, add_length = self.offsets.append, self.lengths.append
        add_kind, add_tail = self._kinds.append, self._tails.append
        opening, reach, kind = b"", 0, 0
        release_at = position + _RELEASE_EVERY
        last = end - 8
        padded: list[int] = []
        stop: Literal["delimiter", "damage", "limit"] = "limit"
        block = bytes(4) + source[position : position + 8]
        for _ in range(limit):
            if position > last or len(block) < 12:  # the source gave less than it said it has
                stop = "damage"
                break
            tail, tag, length = unpack(block)
            if tag == item_tag:
                following = position + 8 + length
                if following > end or length == _UNDEFINED_LENGTH:
                    stop = "damage"
                    break
                add_offset(position)
                add_length(length)
                add_tail(tail)
                if reach and length >= reach and block.startswith(opening, 12):
                    add_kind(kind)
                else:
                    add_kind(self._look(position + 8, length))
                    opening, reach, kind = self._opening, len(self._opening), self._kind
                position = following
                if position > release_at:
                    release_pages(source, release_at - _RELEASE_EVERY, position)
                    release_at = position + _RELEASE_EVERY
            elif tag == delimiter_tag:
                add_tail(tail)
                stop = "delimiter"
                break
            elif self._padded(position):
                # A pad byte that the length does not count: the items go on one byte later.
                padded.append(len(self.offsets) - 1)
                position += 1
            else:
                stop = "damage"
                break
            block = source[position - 4 : position + 8 + reach]
        if stop == "limit":
            self._note("too-many-items", position, f"reading stopped after {limit} items")
        if padded:
            message = "the padding byte is not included in the item length"
            at = self.offsets[padded[0]]
            self._note("odd-length-padded", at, message, padded[0], len(padded))
        if stop == "damage":
            position = self._note_damage(position)
        return position, stop

    def _look(self, start: int, length: int) -> int:
        """The kind of a fragment that does not begin as the one before; remembers it, 0 if it has none."""
        if not self._tries:
            return 0
        block = self.buf[start : start + min(length, LARGEST_OPENING)]
        for opening, kind in self._openings.items():
            if block.startswith(opening):
                self._opening, self._kind = opening, kind
                return kind
        self._tries -= 1
        reach = opening_length(block)
        if not reach:
            return 0
        self._opening, self._kind = block[:reach], len(self._openings) + 1
        self._openings[self._opening] = self._kind
        return self._kind

    def glance(self, lengths: Indices) -> Glance:
        """What was seen of the fragments, whose ``lengths`` are given."""
        kinds, tails = np.zeros(len(lengths), np.uint8), np.zeros(len(lengths), np.uint32)
        kinds[: len(self._kinds)] = np.frombuffer(bytes(self._kinds), np.uint8)
        # The first was read before there was a fragment; that of one that ends the file was not read.
        seen = np.array(self._tails, np.uint32)[1:]
        tails[: len(seen)] = seen if self.order == "<" else seen.byteswap()
        # Behind an odd length there may be a pad byte, before a short fragment there is another's header.
        tails[(lengths < 4) | (lengths % 2 == 1)] = 0
        return Glance(kinds=kinds, tails=tails)

    def _padded(self, position: int) -> bool:
        lengths = self.lengths
        tags = _TAGS[self.order]
        return (
            bool(lengths)
            and lengths[-1] % 2 == 1
            and _tag_at(self.buf, position + 1, self.end, self.order) in tags
        )

    def _note(
        self, code: EncapsulationCode, offset: int, message: str, fragment: int | None = None, count: int = 1
    ) -> None:
        self.problems.append(_problem(code, offset, message, fragment, count))

    def _note_damage(self, position: int) -> int:
        """Say why the walk stopped at ``position``; keep what is left of a cut item. Return the end."""
        header = self.buf[position : min(position + 8, self.end)]
        if not header:
            return position
        if len(header) < 8:
            message = f"{len(header)} bytes instead of 8 for an item header or sequence delimitation item"
            self._note("truncated-item-header", position, message)
            return position
        tag, length = struct.unpack(self.order + "II", header)
        if tag != _TAGS[self.order][0]:
            group, element = struct.unpack(self.order + "HH", header[:4])
            self._note("foreign-tag", position, f"tag ({group:04X},{element:04X}) between the fragments")
            return position
        if length == _UNDEFINED_LENGTH:
            self._note("undefined-length", position, "fragment of undefined length", len(self.offsets))
            return position
        left = self.end - position - 8
        message = f"fragment of {length} bytes, {left} are there"
        self._note("item-beyond-end", position, message, len(self.offsets))
        self.offsets.append(position)
        self.lengths.append(left)
        return self.end


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
