"""Reads the items of a long sequence in lockstep: each element of one item, for all items at a time.

One item is read by the plain reader and becomes a *template*; then the header of each of its elements is
compared in all items at once, and the lengths lead on to the next.  Items that do not follow get a template
of their own; the few that are like no other, and what is damaged, are left to the plain reader.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.buffers import Buffer, RangeBuffer, WholeBuffer
from dcmlint.dicom.columns import (
    Columns,
    Ints,
    Leaf,
    LeafPath,
    Lengths,
    Shape,
    gather,
    words_of,
)
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Oddity
from dcmlint.dicom.walk import ITEM, ITEM_END, OPEN, Leaves, Walk
from dcmlint.standard.tags import PixelRepresentation, SpecificCharacterSet

if TYPE_CHECKING:
    from dcmlint.dicom.tokens import Reader

MAX_SHAPES = 256
_BATCH = 1 << 13  # items at a time: what is looked at stays in the processor's cache
_SPAN = 1 << 24  # bytes in which items of undefined length are looked for at a time
_FEW_CODES = 64
_FEW_ITEMS = 64
_TURNS = 64  # between items of defined and of undefined length

# Float Pixel Data, Double Float Pixel Data, Pixel Data, and their offset tables: PS3.6
_PIXELS = {
    True: tuple(b"\xe0\x7f" + bytes((number, 0)) for number in (1, 8, 9, 16)),
    False: tuple(b"\x7f\xe0\0" + bytes((number,)) for number in (1, 8, 9, 16)),
}


class Read(msgspec.Struct, frozen=True):
    """What `read_columns` found: the items, and the byte after the last of them."""

    items: Columns
    position: int


def read_columns(
    reader: Reader, level: Dataset, tag: int, start: int, end: int, explicit: bool, depth: int
) -> Read | None:
    """Read the items from ``start`` on, as many as can be; None without random access.

    What follows the last one (a delimiter, an item that is damaged, the end) is for the plain reader.
    """
    buffer = _in_memory(reader.buffer, end, level.context.little)
    if buffer is None or len(buffer) < 16:
        return None
    end = min(end, len(buffer))
    work = _Lockstep(reader, buffer, level, tag, explicit, depth, end)
    parts: list[Ints] = []
    position, number = start, 0
    for _ in range(_TURNS):
        open_ = buffer[position + 4 : position + 8] == OPEN
        found, position = (work.chained if open_ else work.counted)(position, end, number)
        parts.append(found)
        number += len(found)
        if not len(found) or position >= end or reader.stopped:
            break
    if not number:
        return None
    starts = np.concatenate(parts)
    shapes, read_with = work.finished(starts)
    level.context.long = True
    return Read(Columns(starts, shapes, work.plain, buffer, read_with, work.odd), position)


def _in_memory(buffer: Buffer, end: int, little: bool) -> WholeBuffer | None:
    """The bytes to random access: of what is read in ranges, those up to the pixel data; None where there is none.

    The end of a sequence of undefined length is not known before it is read.  Where the tag of pixel data stands
    in a value, the items behind it are read one by one.
    """
    if isinstance(buffer, RangeBuffer):
        return buffer.prefix(end, _PIXELS[little])
    return buffer if isinstance(buffer, WholeBuffer) else None


class _Growing:
    """A shape while its items are found: parts that are joined at the end."""

    __slots__ = ("leaves", "rows", "single", "template")

    def __init__(self, template: Dataset) -> None:
        self.template = template
        self.single = False
        self.rows: list[Ints] = []
        self.leaves: dict[LeafPath, list[tuple[str, bool, Ints, Lengths]]] = {}

    def add(self, rows: Ints, leaves: Leaves) -> None:
        if len(rows):
            self.rows.append(rows)
            for path, leaf in leaves.items():
                self.leaves.setdefault(path, []).append(leaf)

    def cut(self, count: int) -> None:
        """Forget the items from ``count`` on."""
        if all(int(rows.max()) < count for rows in self.rows):
            return
        good = np.concatenate(self.rows) < count
        for path, parts in self.leaves.items():
            vr, little, _, _ = parts[0]
            start, length = np.concatenate([p[2] for p in parts]), np.concatenate([p[3] for p in parts])
            self.leaves[path] = [(vr, little, start[good], length[good])]
        rows = np.concatenate(self.rows)[good]
        self.rows = [rows] if len(rows) else []

    def finished(self) -> Shape:
        if self.single:
            return Shape(self.template, self.rows[0], None)
        joined: dict[LeafPath, Leaf] = {}
        if len(self.rows) == 1:
            for path, ((vr, little, start, length),) in self.leaves.items():
                joined[path] = Leaf(vr, little, start, length)
            return Shape(self.template, self.rows[0], joined)
        rows = np.concatenate(self.rows)
        order = None if (rows[1:] > rows[:-1]).all() else np.argsort(rows, kind="stable")
        for path in list(self.leaves):
            parts = self.leaves.pop(path)
            vr, little, _, _ = parts[0]
            start, length = np.concatenate([p[2] for p in parts]), np.concatenate([p[3] for p in parts])
            joined[path] = Leaf(
                vr,
                little,
                start if order is None else start[order],
                length if order is None else length[order],
            )
        return Shape(self.template, rows if order is None else rows[order], joined)


class _Lockstep:
    def __init__(
        self,
        reader: Reader,
        buffer: WholeBuffer,
        level: Dataset,
        tag: int,
        explicit: bool,
        depth: int,
        end: int,
    ) -> None:
        """``end``: no item goes beyond this byte, whether it is read now or again."""
        self.reader, self.buffer, self.level, self.tag, self.explicit = reader, buffer, level, tag, explicit
        self.depth = depth
        self.size, self.end = len(buffer), end
        self.raw = buffer.data
        self.little = level.context.little_in(explicit)
        self._words: dict[tuple[bool, int], npt.NDArray[Any]] = {}
        self.found: list[_Growing] = []

    def words(self, little: bool, size: int = 8) -> npt.NDArray[Any]:
        """The numbers at each byte, in this byte order."""
        found = self._words.get((little, size))
        if found is None:
            found = self._words[little, size] = words_of(self.buffer, little, size)
        return found

    # -- plain reading -------------------------------------------------------------------------------------

    def plain(self, start: int, number: int) -> Dataset:
        """One item, read plainly; what is odd in it was recorded with its shape's template."""
        from dcmlint.dicom.tokens import Reader as PlainReader

        return self._read(PlainReader(self.buffer, self.reader.context), start, number, self.end)

    def odd(self, start: int, number: int) -> list[Oddity]:
        """What is odd in one item."""
        from dcmlint.dicom.tokens import Reader as PlainReader

        reader = PlainReader(self.buffer, self.reader.context, together=False)
        self._read(reader, start, number, self.end)
        return reader.oddities

    def _read(self, reader: Reader, start: int, number: int, end: int) -> Dataset:
        length = int.from_bytes(self.buffer[start + 4 : start + 8], "little" if self.little else "big")
        item = Dataset(self.level.context, self.explicit, start, self.level, self.tag, number, length)
        stop = end if length == UNDEFINED else min(end, start + 8 + length)
        position = reader.read_level(item, start + 8, stop, self.depth + 1)
        item.end = position if length == UNDEFINED else stop
        return item

    def _template(self, start: int, number: int, end: int) -> _Growing:
        """A new shape of the item at ``start``."""
        shape = _Growing(self._read(self.reader, start, number, end))
        self.found.append(shape)
        return shape

    def worth(self, shape: _Growing) -> bool:
        """Whether other items may be like this template: it is read as it stands, and there is room."""
        if self.reader.stopped or len(self.found) > MAX_SHAPES:
            return False
        walk = Walk(self, np.array([shape.template.offset], np.int64))
        walk.item(shape.template)
        return len(walk.rows) == 1 and int(walk.position[0]) == shape.template.end

    def _single(self, shape: _Growing, number: int) -> None:
        """Make a shape hold its template alone."""
        shape.single = True
        shape.rows, shape.leaves = [np.array([number], np.int64)], {}

    # -- items of defined length ---------------------------------------------------------------------------

    def counted(self, start: int, end: int, first: int) -> tuple[Ints, int]:
        """Hop from header to header; then find the shapes.  Gives the starts, and where the hopping ended.

        ``first``: the number of the first item.
        """
        unpack = Struct("<4sI" if self.little else ">4sI").unpack_from
        item, data, position = ITEM[self.little], self.raw, start
        parts: list[Ints] = []
        found = array("q")
        room = self.reader.bounds.items - self.reader.items
        count, before = 0, -1
        while position + 8 <= end and count < room:
            head, length = unpack(data, position)
            after = position + 8 + length
            if head != item or after > end or length == UNDEFINED:
                break
            if length == before:
                # Items of one length follow one another more often than not: all of them at once.
                many = self._alike(position, end, 8 + length, room - count)
                parts += (np.array(found, np.int64), position + (8 + length) * np.arange(many))
                found = array("q")
                count += many
                position += many * (8 + length)
                before = -1
                continue
            found.append(position)
            count += 1
            before, position = length, after
        self.reader.items += count
        starts = np.concatenate((*parts, np.array(found, np.int64)))
        if not count:
            return starts, position
        del found, parts
        ends = np.append(starts[1:], position)
        open_ = np.arange(len(starts))
        for shape in [shape for shape in self.found if not shape.single]:
            open_ = self._follow(shape, first, open_, starts, ends)
        while len(open_):
            if len(self.found) > MAX_SHAPES:
                return self._one_by_one(starts, ends, open_, first, position)
            at = int(open_[0])
            shape = self._template(int(starts[at]), first + at, int(ends[at]))
            # Where few are left, to follow them tells as well what a template is worth; the last one is like no other.
            few = len(open_) <= _FEW_ITEMS
            if len(open_) > 1 and (not self.reader.stopped if few else self.worth(shape)):
                open_ = self._follow(shape, first, open_, starts, ends, its=True)
            else:
                self._single(shape, first + at)
                open_ = open_[1:]
            if self.reader.stopped:
                return starts[: at + 1], position
        if len(starts) >= room:
            self.reader.too_many_items(self.level, self.tag, position)
        return starts, position

    def _alike(self, position: int, end: int, stride: int, most: int) -> int:
        """How many items from ``position`` on have the tag and the length of the one that is there."""
        count, step = 0, 256
        room = min(most, (end - position) // stride)
        head = np.ndarray((), "<u8", self.raw, position)[()]
        while count < room:
            step = min(step, room - count)
            heads = np.ndarray((step,), "<u8", self.raw, position + count * stride, (stride,))
            same = heads == head
            if not same.all():
                return count + int(np.argmin(same))
            count += step
            step = min(4 * step, 1 << 16)
        return count

    def _one_by_one(
        self, starts: Ints, ends: Ints, open_: Ints, first: int, position: int
    ) -> tuple[Ints, int]:
        """The items that are like none of many others: each has a shape of its own."""
        for at in open_.tolist():
            self._single(self._template(int(starts[at]), first + at, int(ends[at])), first + at)
            if self.reader.stopped:
                return starts[: at + 1], position
        return starts, position

    def _follow(
        self, shape: _Growing, first: int, open_: Ints, starts: Ints, ends: Ints, its: bool = False
    ) -> Ints:
        """Add the items that have the template's structure and end where they should; gives the places of the others.

        ``its``: the first place is that of the template, which stays alone if it is not read as it stands.
        """
        rest = np.ones(len(open_), bool)
        for low in range(0, len(open_), _BATCH):
            some = open_[low : low + _BATCH]
            walk = Walk(self, starts[some])
            walk.item(shape.template)
            walk.keep(walk.position == ends[some][walk.rows])
            if its and not low and (not len(walk.rows) or walk.rows[0]):
                self._single(shape, first + int(open_[0]))
                return open_[1:]
            rest[low + walk.rows] = False
            shape.add(first + some[walk.rows], walk.leaves)
        return open_[rest]

    # -- items of undefined length -------------------------------------------------------------------------

    def chained(self, start: int, end: int, first: int) -> tuple[Ints, int]:
        """Wherever the end of an item stands before the beginning of one, an item may begin; one chain of
        such places, each where the item before it ends, is the sequence."""
        opening = ITEM[self.little] + OPEN
        pattern = re.compile(re.escape(ITEM_END[self.little] + opening))
        parts: list[Ints] = []
        position, number = start, first
        while (
            position + 8 <= end and self.raw[position : position + 8] == opening and not self.reader.stopped
        ):
            stop = min(end, position + _SPAN)
            matches = pattern.finditer(self.raw, position, min(end, stop + 16))
            places = np.fromiter((match.start() + 8 for match in matches), np.int64)
            places = np.concatenate([np.array([position], np.int64), places])
            taken, position = _Span(self, places, number, end).chain(stop)
            parts.append(taken)
            number += len(taken)
            self.reader.items += len(taken)
            if self.reader.items > self.reader.bounds.items:
                self.reader.too_many_items(self.level, self.tag, position)
        return np.concatenate(parts) if parts else np.zeros(0, np.int64), position

    # -- what was found ------------------------------------------------------------------------------------

    def finished(self, starts: Ints) -> tuple[list[Shape], dict[int, tuple[Dataset, Ints]]]:
        """The shapes in the order of their first items, and the templates of several items.

        Shapes are divided by what decides how an item is read, and by codes where there are few different ones.
        """
        growing, self.found = self.found, []
        shapes: list[Shape] = []
        read_with: dict[int, tuple[Dataset, Ints]] = {}
        if self.reader.stopped:
            for one in growing:
                one.cut(len(starts))
        self._count(growing)
        for one in growing:
            if one.rows:
                shape = one.finished()
                if len(shape.items) > 1:
                    read_with[id(shape.template)] = (shape.template, shape.items)
                shapes += self._by_codes(shape, starts)
        shapes.sort(key=lambda shape: int(shape.items[0]))
        return shapes, read_with

    def _count(self, growing: Iterable[_Growing]) -> None:
        """What is odd in a template is odd in all items of its shape."""
        sizes = {id(shape.template): sum(map(len, shape.rows)) for shape in growing}
        oddities = self.reader.oddities
        for place, oddity in enumerate(oddities):
            level = oddity.level
            while level is not None:
                size = sizes.get(id(level), 1)
                if size > 1:
                    oddities[place] = msgspec.structs.replace(oddity, count=oddity.count * size)
                    break
                level = level.parent

    def _by_codes(self, shape: Shape, starts: Ints) -> Iterable[Shape]:
        """What the tables ask of an item may depend on its codes: items of one shape have the same ones."""
        if len(shape.items) == 1:
            return [shape]
        coded = [path for path, leaf in shape.leaves.items()
                 if (leaf.vr == "CS" or _decides(path[-1])) and leaf.length[0] > 0]  # fmt: skip
        if not coded:
            return [shape]
        group = np.zeros(len(shape.items), np.int64)
        groups = 1
        for path in coded:
            leaf = shape.leaves[path]
            if int(leaf.length.max()) > 256 and not _decides(path[-1]):
                continue
            raw = gather(self.buffer, leaf.start, leaf.length)
            if (raw == raw[0]).all():
                continue
            values, which = np.unique(raw, return_inverse=True)
            joined, again = np.unique(group * len(values) + which.reshape(-1), return_inverse=True)
            if len(joined) <= _FEW_CODES or _decides(path[-1]):
                group, groups = again.reshape(-1), len(joined)
        if groups == 1:
            return [shape]
        result = []
        for code in range(groups):
            rows = np.flatnonzero(group == code)
            number = int(shape.items[rows[0]])
            template = shape.template if rows[0] == 0 else self.plain(int(starts[number]), number)
            leaves = {
                path: Leaf(leaf.vr, leaf.little, leaf.start[rows], leaf.length[rows])
                for path, leaf in shape.leaves.items()
            }
            result.append(Shape(template, shape.items[rows], leaves))
        return result


class _Span:
    """Places at which items of undefined length may begin, and what is known of each."""

    def __init__(self, work: _Lockstep, places: Ints, number: int, end: int) -> None:
        self.work, self.places, self.end = work, places, end
        self.number = number
        self.ends = np.full(len(places), -1, np.int64)
        self.parts: list[tuple[_Growing, Ints, Leaves]] = []
        for shape in work.found:
            if not shape.single:
                self._run(shape, 0)

    def _run(self, shape: _Growing, first: int) -> None:
        """Follow a template from all places, from the first one on, of which nothing is known yet."""
        open_ = first + np.flatnonzero(self.ends[first:] < 0)
        for low in range(0, len(open_), _BATCH):
            part = open_[low : low + _BATCH]
            walk = Walk(self.work, self.places[part])
            walk.item(shape.template)
            walk.keep(walk.position <= self.end)
            if len(walk.rows):
                rows = part[walk.rows]
                self.ends[rows] = walk.position
                self.parts.append((shape, rows, walk.leaves))

    def chain(self, stop: int) -> tuple[Ints, int]:
        """The items from the first place on, and the byte after the last one that begins before ``stop``."""
        work, places = self.work, self.places
        rank = np.full(len(places), -1, np.int64)
        at, count = 0, 0
        position = int(places[0])
        opening = ITEM[work.little] + OPEN
        order: list[Ints] = []
        while position < stop and work.raw[position : position + 8] == opening:
            if at < 0:
                at = int(np.searchsorted(places, position))
            known = at < len(places) and int(places[at]) == position
            if known and self.ends[at] >= 0:
                run = self._known_run(at)
                rank[run] = np.arange(count, count + len(run))
                order.append(places[run])
                count += len(run)
                position = int(self.ends[run[-1]])
                at = -1
                continue
            shape = work._template(position, self.number + count, self.end)
            if known and work.worth(shape):
                self._run(shape, at)
                if self.ends[at] >= 0:
                    continue
            work._single(shape, self.number + count)
            order.append(np.array([position], np.int64))
            count += 1
            position = shape.template.end
            at = -1
            if work.reader.stopped:
                break
        for shape, rows, leaves in self.parts:
            keep = rank[rows] >= 0
            if keep.all():
                shape.add(rank[rows] + self.number, leaves)
            elif keep.any():
                shape.add(
                    rank[rows][keep] + self.number,
                    {path: (vr, little, start[keep], length[keep])
                     for path, (vr, little, start, length) in leaves.items()},
                )  # fmt: skip
        return np.concatenate(order) if order else np.zeros(0, np.int64), position

    def _known_run(self, at: int) -> Ints:
        """The places from ``at`` on, each where the one before ended, as far as their ends are known."""
        places, ends = self.places, self.ends
        straight = (ends[at:-1] == places[at + 1 :]) & (ends[at + 1 :] >= 0)
        broken = np.flatnonzero(~straight)
        length = int(broken[0]) + 1 if len(broken) else len(places) - at
        return np.arange(at, at + length)


def _decides(tag: int) -> bool:
    """Whether the value of an attribute decides how others of the item are read: PS3.3 C.12.1.1.2, PS3.5 7.8.1."""
    return tag in (SpecificCharacterSet, PixelRepresentation) or (
        bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF
    )
