"""A sequence of many like items, read in lockstep with NumPy.

The per-frame functional groups of a slide are 10^5 … 10^6 items that differ only in their values.  One item
is read by the plain reader and becomes a *template*; then each element of the template is read for all items
at a time: same tag, same VR, length, start of the value.  Items that do not follow the template get one of
their own; after `MAX_SHAPES` templates the caller falls back to the plain reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element

if TYPE_CHECKING:
    from dcmlint.dicom.tokens import Reader

Ints = npt.NDArray[np.int64]
LeafPath = tuple[int, ...]

MAX_SHAPES = 24
_BATCH = 1 << 16
_SPAN = 1 << 24
_ITEM_UNDEFINED = {True: b"\xfe\xff\x00\xe0\xff\xff\xff\xff", False: b"\xff\xfe\xe0\x00\xff\xff\xff\xff"}
_ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
_ITEM_END = {True: b"\xfe\xff\x0d\xe0\0\0\0\0", False: b"\xff\xfe\xe0\x0d\0\0\0\0"}
_SEQUENCE_END = {True: b"\xfe\xff\xdd\xe0\0\0\0\0", False: b"\xff\xfe\xe0\xdd\0\0\0\0"}


class Leaf(msgspec.Struct, frozen=True):
    """Where one plain element of a shape stands in each of its items: ``start`` and ``length``, int64 arrays."""

    vr: str
    start: Ints
    length: Ints


class Shape:
    """Items with the same elements in the same order.

    ``items``: their numbers in the sequence, ascending; ``template``: the first of them, read plainly;
    ``leaves``: path of tags within the item (items of nested sequences as ``tag, index`` pairs) → `Leaf`.
    """

    __slots__ = ("items", "leaves", "template")

    def __init__(self, template: Dataset) -> None:
        self.template = template
        self.items: Ints = np.empty(0, np.int64)
        self.leaves: dict[LeafPath, Leaf] = {}


class Columns(Sequence[Dataset]):
    """The items of a long sequence: a sequence of data sets, read one by one when asked for.

    ``starts``: byte of each item tag; ``shapes``: every item belongs to one.
    """

    def __init__(self, reader: Reader, level: Dataset, tag: int, explicit: bool, starts: Ints, ends: Ints) -> None:
        self._reader, self._level, self._tag, self._explicit = reader, level, tag, explicit
        self.starts, self._ends = starts, ends
        self.shapes: tuple[Shape, ...] = ()
        self._kept: dict[int, Dataset] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        found = self._kept.get(number)
        if found is None:
            found = _read_item(self._reader, self._level, self._tag, self._explicit, int(self.starts[number]), number)
            if len(self._kept) < 256:
                self._kept[number] = found
        return found

    def __iter__(self) -> Iterator[Dataset]:
        return (self[i] for i in range(len(self)))

    def raw(self, leaf: Leaf) -> npt.NDArray[np.bytes_]:
        """The values of a leaf as an array of bytes, padded with NUL to the longest; order of the shape's items."""
        return gather(self._reader.buffer, leaf.start, leaf.length)


class Read(msgspec.Struct, frozen=True):
    """What `read_columns` found: the items, the end of the value, and the byte after the sequence."""

    items: Columns
    end: int
    after: int


def gather(buffer: Any, start: Ints, length: Ints) -> npt.NDArray[np.bytes_]:
    """The bytes at each start, as fixed-width strings (NUL padded)."""
    data = np.frombuffer(buffer.data, np.uint8)
    width = int(length.max(initial=0)) or 1
    result = np.zeros((len(start), width), np.uint8)
    for low in range(0, len(start), _BATCH):
        part = slice(low, low + _BATCH)
        index = start[part, None] + np.arange(width)
        inside = np.arange(width) < length[part, None]
        np.minimum(index, len(data) - 1, out=index)
        result[part] = np.where(inside, data[index], 0)
    return result.view(f"S{width}").reshape(len(start))


def read_columns(
    reader: Reader, level: Dataset, tag: int, start: int, end: int, undefined: bool, explicit: bool
) -> Read | None:
    """Read a sequence in lockstep; None when it cannot be (damage, too many shapes, no random access)."""
    if not isinstance(reader.buffer, WholeBuffer):
        return None
    oddities = len(reader.oddities)
    work = _Lockstep(reader, level, tag, explicit)
    first = bytes(reader.buffer.data[start + 4 : start + 8])
    found = work.chained(start, end, undefined) if first == b"\xff\xff\xff\xff" else work.counted(start, end, undefined)
    if found is None:
        del reader.oddities[oddities:]
        return None
    reader.count += sum(len(shape.leaves) for shape in found.items.shapes)
    return found


def _read_item(reader: Reader, level: Dataset, tag: int, explicit: bool, start: int, number: int) -> Dataset:
    """One item, read plainly; what is odd in it has been recorded with its shape's template."""
    from dcmlint.dicom.tokens import Reader as PlainReader

    plain = PlainReader(reader.buffer, reader.context)
    return _read_with(plain, level, tag, explicit, start, number)


def _read_with(reader: Reader, level: Dataset, tag: int, explicit: bool, start: int, number: int) -> Dataset:
    little = _is_little(level, explicit)
    length = int.from_bytes(reader.buffer[start + 4 : start + 8], "little" if little else "big")
    item = Dataset(level.context, explicit, start, level, tag, number, length)
    stop = reader.size if length == UNDEFINED else min(reader.size, start + 8 + length)
    position = reader.read_level(item, start + 8, stop, _depth(level) + 1)
    item.end = position if length == UNDEFINED else stop
    return item


def _is_little(level: Dataset, explicit: bool) -> bool:
    return level.context.little if explicit == level.context.syntax.explicit else True


def _depth(level: Dataset) -> int:
    depth = 0
    current = level.parent
    while current is not None:
        depth, current = depth + 1, current.parent
    return depth


class _Lockstep:
    def __init__(self, reader: Reader, level: Dataset, tag: int, explicit: bool) -> None:
        self.reader, self.level, self.tag, self.explicit = reader, level, tag, explicit
        self.little = _is_little(level, explicit)
        self.data = np.frombuffer(reader.buffer.data, np.uint8)  # type: ignore[attr-defined]
        self.raw = reader.buffer.data  # type: ignore[attr-defined]

    # -- where the items are ------------------------------------------------------------------------------

    def counted(self, start: int, end: int, undefined: bool) -> Read | None:
        """Items of defined length: hop from header to header."""
        from struct import Struct

        unpack = Struct("<4sI" if self.little else ">4sI").unpack_from
        item, data, position = _ITEM[self.little], self.raw, start
        starts: list[int] = []
        append = starts.append
        while position + 8 <= end:
            head, length = unpack(data, position)
            if head != item:
                break
            if length == UNDEFINED:
                return None
            append(position)
            position += 8 + length
        if position > end:
            return None
        closing = _SEQUENCE_END[self.little]
        if undefined:
            if data[position : position + 8] != closing:
                return None
            after = position + 8
        elif position != end:
            return None
        else:
            after = end
        array = np.array(starts, np.int64)
        ends = np.append(array[1:], position)
        shapes = self._shapes(array, ends)
        return None if shapes is None else self._result(array, ends, shapes, position, after)

    def chained(self, start: int, end: int, undefined: bool) -> Read | None:
        """Items of undefined length: every byte pattern of an item header is a candidate, and one chain of
        candidates, each beginning where the last one ended, is the sequence."""
        pattern = re.compile(re.escape(_ITEM_UNDEFINED[self.little]))
        templates: list[Dataset] = []
        all_starts: list[Ints] = []
        parts: list[list[tuple[Ints, dict[LeafPath, Leaf]]]] = []
        position, number = start, 0
        closing = _SEQUENCE_END[self.little]
        last_end = start
        while position + 8 <= end and self.raw[position : position + 8] == _ITEM_UNDEFINED[self.little]:
            stop = min(end, position + _SPAN)
            candidates = np.fromiter(
                (match.start() for match in pattern.finditer(self.raw, position, stop)), np.int64
            )
            ends = np.full(len(candidates), -1, np.int64)
            shape_of = np.full(len(candidates), -1, np.int64)
            leaves_of: list[tuple[Ints, dict[LeafPath, Leaf]]] = []

            def run(which: int, candidates: Ints = candidates, ends: Ints = ends, shape_of: Ints = shape_of,
                    leaves_of: list[tuple[Ints, dict[LeafPath, Leaf]]] = leaves_of) -> None:  # fmt: skip
                open_ = np.flatnonzero(shape_of < 0)
                hit, after, leaves = self._follow(templates[which], candidates[open_], None)
                shape_of[open_[hit]] = which
                ends[open_[hit]] = after
                leaves_of.append((open_[hit], leaves))

            for which in range(len(templates)):
                run(which)
            chain: list[int] = []
            at = 0
            here = position
            position_of = {int(c): i for i, c in enumerate(candidates)} if len(candidates) < 512 else None
            while True:
                if position_of is not None:
                    at = position_of.get(here, -1)
                else:
                    at = int(np.searchsorted(candidates, here))
                    if at >= len(candidates) or candidates[at] != here:
                        at = -1
                if at < 0:
                    break
                if shape_of[at] < 0:
                    if len(templates) >= MAX_SHAPES or (stop < end and stop - here < 1 << 16):
                        break
                    template = _read_with(self.reader, self.level, self.tag, self.explicit, here, number + len(chain))
                    if self.reader.stopped:
                        return None
                    templates.append(template)
                    run(len(templates) - 1)
                    if shape_of[at] < 0:
                        return None
                # Follow the chain as far as the known ends go.
                run_of = self._chain(candidates, ends, shape_of, at)
                chain.extend(run_of)
                here = int(ends[run_of[-1]])
            if not chain:
                return None
            taken = np.array(chain, np.int64)
            all_starts.append(candidates[taken])
            rank = np.full(len(candidates), -1, np.int64)
            rank[taken] = np.arange(number, number + len(taken))
            batch: list[tuple[Ints, dict[LeafPath, Leaf]]] = [
                (np.empty(0, np.int64), {}) for _ in templates
            ]
            for which, (rows, leaves) in enumerate(leaves_of):
                keep = rank[rows] >= 0
                batch[which] = (
                    rank[rows][keep],
                    {path: Leaf(leaf.vr, leaf.start[keep], leaf.length[keep]) for path, leaf in leaves.items()},
                )
            parts.append(batch)
            number += len(taken)
            last_end = here
            if here <= position:
                return None
            position = here
        starts = np.concatenate(all_starts) if all_starts else np.empty(0, np.int64)
        if undefined:
            if self.raw[last_end : last_end + 8] != closing:
                return None
            after = last_end + 8
        elif last_end != end:
            return None
        else:
            after = end
        shapes: list[Shape] = []
        for which, template in enumerate(templates):
            shape = Shape(template)
            mine = [batch[which] for batch in parts if which < len(batch) and len(batch[which][0])]
            if not mine:
                continue
            shape.items = np.concatenate([rows for rows, _ in mine])
            for path, leaf in mine[0][1].items():
                shape.leaves[path] = Leaf(
                    leaf.vr,
                    np.concatenate([leaves[path].start for _, leaves in mine]),
                    np.concatenate([leaves[path].length for _, leaves in mine]),
                )
            shapes.append(shape)
        ends_all = np.append(starts[1:], last_end)
        return self._result(starts, ends_all, shapes, last_end, after)

    @staticmethod
    def _chain(candidates: Ints, ends: Ints, shape_of: Ints, at: int) -> list[int]:
        """The candidates from ``at`` on, each beginning where the one before ended."""
        following = np.searchsorted(candidates, ends)
        good = following < len(candidates)
        good[good] &= candidates[following[good]] == ends[good]
        following = np.where(good, following, -1)
        steps, known = following.tolist(), (shape_of >= 0).tolist()
        chain = [at]
        while (next_ := steps[chain[-1]]) > 0 and known[next_]:
            chain.append(next_)
        return chain

    # -- one template for all ------------------------------------------------------------------------------

    def _shapes(self, starts: Ints, ends: Ints) -> list[Shape] | None:
        open_ = np.arange(len(starts))
        shapes: list[Shape] = []
        while len(open_):
            if len(shapes) >= MAX_SHAPES:
                return None
            number = int(open_[0])
            template = _read_with(self.reader, self.level, self.tag, self.explicit, int(starts[number]), number)
            if self.reader.stopped:
                return None
            hit, _, leaves = self._follow(template, starts[open_], ends[open_])
            if not len(hit) or hit[0] != 0:
                return None
            shape = Shape(template)
            shape.items, shape.leaves = open_[hit], leaves
            shapes.append(shape)
            rest = np.ones(len(open_), bool)
            rest[hit] = False
            open_ = open_[rest]
        return shapes

    def _follow(self, template: Dataset, starts: Ints, ends: Ints | None) -> tuple[Ints, Ints, dict[LeafPath, Leaf]]:
        """Items that have the template's structure: their places in ``starts``, where they end, their leaves."""
        hits: list[Ints] = []
        afters: list[Ints] = []
        parts: list[dict[LeafPath, tuple[str, Ints, Ints]]] = []
        for low in range(0, len(starts), _BATCH):
            rows = np.arange(low, min(low + _BATCH, len(starts)))
            walk = _Walk(self, rows, starts[rows])
            after = walk.item(template)
            if ends is not None and len(walk.rows):
                walk.keep(after[walk.alive] == ends[walk.rows])
            hits.append(walk.rows)
            afters.append(walk.position)
            parts.append(walk.leaves)
        leaves: dict[LeafPath, Leaf] = {}
        full = [part for part, hit in zip(parts, hits, strict=True) if len(hit)]
        if full:
            for path, (vr, _, _) in full[0].items():
                leaves[path] = Leaf(
                    vr,
                    np.concatenate([part[path][1] for part in full]),
                    np.concatenate([part[path][2] for part in full]),
                )
        empty = np.empty(0, np.int64)
        return (
            np.concatenate(hits) if hits else empty,
            np.concatenate(afters) if afters else empty,
            leaves,
        )

    def _result(self, starts: Ints, ends: Ints, shapes: list[Shape], end: int, after: int) -> Read:
        items = Columns(self.reader, self.level, self.tag, self.explicit, starts, ends)
        items.shapes = tuple(shapes)
        return Read(items, end, after)


class _Walk:
    """Follows one template through a batch of items; items that differ drop out."""

    def __init__(self, work: _Lockstep, rows: Ints, position: Ints) -> None:
        self.work, self.rows, self.position = work, rows, position
        self.leaves: dict[LeafPath, tuple[str, Ints, Ints]] = {}
        self._ends: list[Ints] = []

    @property
    def alive(self) -> slice:
        return slice(None)

    def keep(self, good: npt.NDArray[np.bool_]) -> None:
        if good.all():
            return
        self.rows, self.position = self.rows[good], self.position[good]
        self.leaves = {p: (vr, start[good], length[good]) for p, (vr, start, length) in self.leaves.items()}
        self._ends = [end[good] for end in self._ends]

    def bytes_at(self, offset: int, count: int) -> npt.NDArray[np.uint8]:
        data = self.work.data
        index = self.position[:, None] + np.arange(offset, offset + count)
        self._in_range(index, len(data))
        return data[index]

    def _in_range(self, index: Ints, size: int) -> None:
        np.clip(index, 0, size - 1, out=index)

    def same(self, offset: int, wanted: bytes) -> None:
        if len(self.rows):
            inside = self.position + offset + len(wanted) <= len(self.work.data)
            found = self.bytes_at(offset, len(wanted))
            self.keep(inside & (found == np.frombuffer(wanted, np.uint8)).all(axis=1))

    def number_at(self, offset: int, size: int) -> Ints:
        found = self.bytes_at(offset, size).astype(np.int64)
        shifts = np.arange(size) * 8
        if not self.work.little:
            shifts = shifts[::-1]
        return (found << shifts).sum(axis=1)

    def item(self, template: Dataset) -> Ints:
        """Follow a whole item, header and delimiter included; returns the byte after each."""
        return self._item(template, ())

    def _item(self, template: Dataset, path: LeafPath) -> Ints:
        work = self.work
        if template.length == UNDEFINED:
            self.same(0, _ITEM_UNDEFINED[work.little])
        else:
            self.same(0, _ITEM[work.little])
            if len(self.rows):
                length = self.number_at(4, 4)
                self._ends.append(self.position + 8 + length)
                # An undefined length is another shape.
                self.keep(length != UNDEFINED)
            else:
                self._ends.append(self.position)
        self.position = self.position + 8
        for element in template:
            if not len(self.rows):
                break
            self._element(template, element, path)
        if template.length == UNDEFINED:
            self.same(0, _ITEM_END[work.little])
            self.position = self.position + 8
        else:
            end = self._ends[-1]
            self.keep(self.position == end)
            self._ends.pop()
        return self.position

    def _element(self, template: Dataset, element: Element, path: LeafPath) -> None:
        raw, work = self.work.raw, self.work
        header = element.start - element.offset
        explicit_long = header == 12
        fixed = 8 if explicit_long else 6 if template.explicit else 4
        self.same(0, bytes(raw[element.offset : element.offset + fixed]))
        if not len(self.rows):
            return
        size = 4 if explicit_long or not template.explicit else 2
        length = self.number_at(header - size, size)
        self.position = self.position + header
        if element.items is None:
            self._bounded(length)
            length = self.number_before(size)
            self.leaves[(*path, element.tag)] = (element.vr, self.position, length)
            self.position = self.position + length
            return
        undefined = element.length == UNDEFINED
        if undefined:
            self.keep(length == UNDEFINED)
        else:
            self._bounded(length)
            self._ends.append(self.position + self.number_before(size))
        for item in element.items:
            if not len(self.rows):
                break
            self._item(item, (*path, element.tag, item.index))
        if undefined:
            self.same(0, _SEQUENCE_END[work.little])
            self.position = self.position + 8
        else:
            self.keep(self.position == self._ends[-1])
            self._ends.pop()

    def _bounded(self, length: Ints) -> None:
        self.keep(self.position + length <= len(self.work.data))

    def number_before(self, size: int) -> Ints:
        """The length that stands right before the value, for the items still here."""
        return self.number_at(-size, size)
