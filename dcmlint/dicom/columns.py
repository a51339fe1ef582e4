"""A sequence of many like items, held as columns.

The per-frame functional groups of a slide are 10^5 … 10^6 items that differ only in their values.  Items of
the same structure form a `Shape`; of each plain element of a shape it is known where its value stands in
every item (`Leaf`).  `dcmlint.dicom.read_columns` reads them so; single items are read plainly when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset, Oddity
from dcmlint.dicom.items import BLANK_BYTES, Group, Items

Ints = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]
LeafPath = tuple[int, ...]

_BATCH = 1 << 14
# Items that were read one by one are kept: so many, and all of a sequence that takes no more than so many bytes.
_KEPT = 256
_ALL_KEPT = 1 << 20


class Leaf(msgspec.Struct, frozen=True):
    """Where one plain element of a shape stands in each of its items.

    ``vr`` as in `Element`; ``little``: byte order of its values; ``start`` (byte of the file) and ``length``
    (bytes) have one entry for each item of the shape.  All lengths are zero, or none is.
    """

    vr: str
    little: bool
    start: Ints
    length: Lengths


class Shape:
    """Items with the same elements in the same order, of which the same ones are empty.

    ``items``: their numbers in the sequence, ascending; ``template``: the first of them, read plainly;
    ``leaves``: path of tags within the item (items of nested sequences as ``tag, index`` pairs) → `Leaf`.
    """

    __slots__ = ("_leaves", "items", "template")

    def __init__(self, template: Dataset, items: Ints, leaves: dict[LeafPath, Leaf] | None) -> None:
        """``leaves``: None for the template alone: found when asked for."""
        self.template, self.items, self._leaves = template, items, leaves

    @property
    def leaves(self) -> dict[LeafPath, Leaf]:
        """Where the values of the plain elements stand."""
        if self._leaves is None:
            self._leaves = leaves_of(self.template)
        return self._leaves

    def holds(self, tag: int) -> bool:
        """Whether a plain element of this tag is in the items, or in items of theirs."""
        if self._leaves is not None:
            return any(path[-1] == tag for path in self._leaves)
        return _holds(self.template, tag)


def _holds(level: Dataset, tag: int) -> bool:
    return tag in level.elements or any(
        _holds(item, tag)
        for element in level.elements.values()
        if element.items is not None
        for item in element.items
    )


class Columns(Items):
    """The items of a long sequence: a sequence of data sets, read one by one when asked for.

    Every item belongs to one of ``shapes``; an item that is like no other has one of its own.
    ``read_with``: the templates with which several items were read, and the numbers of these items.
    """

    __slots__ = (
        "_buffer",
        "_distinct",
        "_kept",
        "_more",
        "_odd",
        "_read",
        "_read_with",
        "_room",
        "_shapes",
        "_starts",
    )

    def __init__(self, starts: Ints, shapes: Sequence[Shape], read: Callable[[int, int], Dataset],
                 buffer: WholeBuffer, read_with: Mapping[int, tuple[Dataset, Ints]],
                 odd: Callable[[int, int], Sequence[Oddity]]) -> None:  # fmt: skip
        self._odd = odd
        short = len(starts) > 0 and starts[-1] - starts[0] <= _ALL_KEPT
        self._room = len(starts) if short else _KEPT
        self._starts, self._read, self._buffer, self._read_with = starts, read, buffer, read_with
        self._shapes = list(shapes)
        self._distinct: dict[tuple[frozenset[int], frozenset[int]], list[Group]] = {}
        self._more: list[Dataset] = []
        self._kept: dict[int, Dataset] = {}

    @property
    def buffer(self) -> WholeBuffer:
        """The bytes in which the items stand."""
        return self._buffer

    @property
    def shapes(self) -> Sequence[Shape]:
        """The shapes, in the order of their first items."""
        return self._shapes

    def groups(self) -> Sequence[Group]:
        """One group for each shape."""
        return [Group(shape.template, shape.items) for shape in self._shapes]

    def parts(self) -> Iterator[tuple[Ints, Dataset, Shape]]:
        """The shapes."""
        return ((shape.items, shape.template, shape) for shape in self._shapes)

    def distinct(
        self, values: frozenset[int] | None, blanks: frozenset[int] = frozenset()
    ) -> Iterable[Group]:
        """The shapes, divided by the values of these attributes."""
        if values is None:
            return (Group(item, (number,)) for number, item in enumerate(self))
        found = self._distinct.get((values, blanks))
        if found is None:
            found = []
            for shape in self._shapes:
                found += self._divided(shape, values, blanks)
            found.sort(key=lambda group: int(group.numbers[0]))
            if len(self._distinct) < _KEPT:
                self._distinct[values, blanks] = found
        return found

    def read_as(self, item: Dataset) -> Ints | tuple[int, ...]:
        """The items that had the structure of this one when they were read."""
        found = self._read_with.get(id(item))
        return () if found is None else found[1]

    def odd(self, number: int) -> Sequence[Oddity]:
        """What is odd in an item of those that were read together."""
        return self._odd(int(self._starts[number]), number) if number < len(self._starts) else ()

    def cut_last(self) -> None:
        """Mark it, and give it a shape of its own: it is like no other."""
        item, number = self[-1], len(self) - 1
        item.cut = True
        if number < len(self._starts):
            self._kept[number] = item
        place, shape = next(
            (place, shape) for place, shape in enumerate(self._shapes) if shape.items[-1] == number
        )
        if len(shape.items) == 1:
            shape.template.cut = True
            return
        leaves = {
            path: Leaf(leaf.vr, leaf.little, leaf.start[:-1], leaf.length[:-1])
            for path, leaf in shape.leaves.items()
        }
        self._shapes[place] = Shape(shape.template, shape.items[:-1], leaves)
        self._shapes.append(Shape(item, shape.items[-1:], None))

    def _divided(self, shape: Shape, values: frozenset[int], blanks: frozenset[int]) -> list[Group]:
        rows = divided(self, shape, values, blanks) if len(shape.items) > 1 else None
        if rows is None:
            return [Group(shape.template, shape.items)]
        numbers = [shape.items[some] for some in rows]
        return [
            Group(shape.template if row[0] == 0 else self[int(some[0])], some)
            for row, some in zip(rows, numbers, strict=True)
        ]

    def append(self, item: Dataset) -> None:
        """Add one more item, which was read plainly."""
        self._shapes.append(Shape(item, np.array([len(self)], np.int64), None))
        self._more.append(item)

    def __len__(self) -> int:
        return len(self._starts) + len(self._more)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        if number >= len(self._starts):
            return self._more[number - len(self._starts)]
        found = self._kept.get(number)
        if found is None:
            found = self._read(int(self._starts[number]), number)
            if len(self._kept) < self._room:
                self._kept[number] = found
        return found

    def __iter__(self) -> Iterator[Dataset]:
        return (self[i] for i in range(len(self)))

    def raw(self, leaf: Leaf) -> npt.NDArray[np.bytes_]:
        """The values of a leaf, padded with NUL to a multiple of 8 bytes, in the order of the shape's items."""
        return gather(self._buffer, leaf.start, leaf.length)

    def bytes_of(self, leaf: Leaf, row: int) -> bytes:
        """The value of a leaf in one row of its shape, as it is written."""
        start = int(leaf.start[row])
        return self._buffer[start : start + int(leaf.length[row])]


def leaves_of(item: Dataset) -> dict[LeafPath, Leaf]:
    """The leaves of one item that was read plainly."""
    found: list[tuple[LeafPath, str, bool, int, int]] = []
    _collect(item, (), found)
    start = np.array([one[3] for one in found], np.int64)
    size = np.array([one[4] for one in found], np.uint32)
    return {
        path: Leaf(vr, little, start[at : at + 1], size[at : at + 1])
        for at, (path, vr, little, _, _) in enumerate(found)
    }


def _collect(level: Dataset, path: LeafPath, found: list[tuple[LeafPath, str, bool, int, int]]) -> None:
    little = level.little
    for element in level:
        if element.items is not None:
            for number, item in enumerate(element.items):
                _collect(item, (*path, element.tag, number), found)
        elif element.fragments is None:
            size = 0 if element.is_cut else element.end - element.start
            found.append(((*path, element.tag), element.vr, little, element.start, size))


def level_at(template: Dataset, path: LeafPath) -> Dataset:
    """The level of a template in which the leaf of this path stands."""
    level = template
    for tag, index in zip(path[:-1:2], path[1::2], strict=True):
        level = level.items(tag)[index]
    return level


def words_of(buffer: WholeBuffer, little: bool = True, size: int = 8) -> npt.NDArray[Any]:
    """The number that begins at each byte: an array as long as the buffer, less ``size - 1``.

    Only to be indexed with arrays: nothing is copied then, and the numbers may stand at any address.
    """
    count = max(0, len(buffer) - size + 1)
    kind = f"{'<' if little else '>'}u{size}"
    return np.ndarray((count,), kind, buffer=buffer.data if count else b"", strides=(1,))


_BLANK = (0x00, 0x20)
_WIDEST = 1024  # bytes of a value that goes into an array
FEW_ROWS = 16  # which are looked at sooner one by one than by arrays


def divided(
    columns: Columns, shape: Shape, values: frozenset[int], blanks: frozenset[int] = frozenset()
) -> list[Ints] | None:
    """The rows of a shape that agree in the values of some attributes; None where all do.

    See `Items.distinct`.  The rows of each part ascend.
    """
    codes: Ints | None = None
    for path, leaf in shape.leaves.items():
        tags = path[::2]
        if not values.isdisjoint(tags):
            more = _codes_of(columns, leaf)
        elif path[-1] in blanks:
            more = blank_of(columns, leaf).astype(np.int64)
        else:
            continue
        if more is not None and (more != more[0]).any():
            codes = more if codes is None else _joined(codes, more)
    if codes is None:
        return None
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(order, edges)


def _codes_of(columns: Columns, leaf: Leaf) -> Ints | None:
    """A number for each row, the same for the same bytes; None where all are the same."""
    longest = int(leaf.length.max(initial=0))
    if not longest:
        return None
    if longest > _WIDEST or len(leaf.start) <= FEW_ROWS:
        known: dict[bytes, int] = {}
        return np.array(
            [known.setdefault(columns.bytes_of(leaf, row), len(known)) for row in range(len(leaf.start))],
            np.int64,
        )
    raw = columns.raw(leaf)
    words = np.ascontiguousarray(raw).view("<u8").reshape(len(raw), -1)
    codes: Ints | None = None
    for column in (leaf.length, *words.T):
        if (column != column[0]).any():
            which = np.unique(column, return_inverse=True)[1].reshape(-1).astype(np.int64)
            codes = which if codes is None else _joined(codes, which)
    return codes


def _joined(codes: Ints, more: Ints) -> Ints:
    """A number for each pair of numbers, as small as can be."""
    pairs = codes * (int(more.max(initial=0)) + 1) + more
    joined: Ints = np.unique(pairs, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return joined


def blank_of(columns: Columns, leaf: Leaf) -> npt.NDArray[np.bool_]:
    """Where a value is nothing but spaces and NULs; of values of up to `BLANK_BYTES`."""
    result = np.zeros(len(leaf.start), bool)
    short = np.flatnonzero((leaf.length > 0) & (leaf.length <= BLANK_BYTES))
    # Most values begin with something.
    first = np.frombuffer(columns.buffer.data, np.uint8)[leaf.start[short]]
    rows = short[np.isin(first, _BLANK)]
    if len(rows):
        raw = columns.raw(Leaf(leaf.vr, leaf.little, leaf.start[rows], leaf.length[rows]))
        letters = raw.view(np.uint8).reshape(len(rows), -1)
        result[rows] = np.isin(letters, _BLANK).all(axis=1)
    return result


# The bytes of a little endian word that belong to a value of so many bytes.
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


def gather(buffer: WholeBuffer, start: Ints, length: Lengths) -> npt.NDArray[np.bytes_]:
    """The bytes at each start as fixed-width strings, padded with NUL to a multiple of 8 bytes."""
    longest = int(length.max(initial=0))
    width = max(1, -(-longest // 8))
    if len(start) <= FEW_ROWS:
        values = [buffer[at : at + size] for at, size in zip(start.tolist(), length.tolist(), strict=True)]
        return np.array(values, f"S{8 * width}")
    result = np.zeros((len(start), width), np.uint64)
    words = words_of(buffer)
    last = len(words) - 1
    for low in range(0, len(start), _BATCH):
        rows = slice(low, low + _BATCH)
        at, left = start[rows], length[rows].astype(np.int64)
        for number in range(width):
            mask = _MASKS[np.minimum(np.maximum(left - 8 * number, 0), 8)]
            result[rows, number] = words[np.minimum(at + 8 * number, last)] & mask if last >= 0 else 0
    # The last bytes of the file begin no whole word.
    for row in np.flatnonzero((start + (length.astype(np.int64) + 7) // 8 * 8 > len(buffer)) & (length > 0)):
        value = buffer[int(start[row]) : int(start[row]) + int(length[row])]
        result[row] = np.frombuffer(value.ljust(8 * width, b"\0"), "<u8")
    return result.view(f"S{8 * width}").reshape(len(start))
