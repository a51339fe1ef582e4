"""The values of functional groups for all frames, as arrays: one way for a few items and for a million.

PS3.3 C.7.6.16: a group stands in the item of each frame, or once in the shared item.  Number of Frames is
never believed: there are as many rows as there are items.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    ColumnPositionInTotalImagePixelMatrix,
    PerFrameFunctionalGroupsSequence,
    PlanePositionSlideSequence,
    RowPositionInTotalImagePixelMatrix,
    SharedFunctionalGroupsSequence,
    ZOffsetInSlideCoordinateSystem,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dcmlint.dicom.column_values import Texts
    from dcmlint.dicom.columns import Columns, Leaf, Shape
    from dcmlint.dicom.items import Items

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]


class FunctionalGroups(msgspec.Struct, frozen=True, kw_only=True):
    """The functional groups of an instance, as far as they were read.

    ``frames``: items of the Per-Frame Functional Groups Sequence
    ``complete``: whether the instance was read to its end
    """

    frames: int
    complete: bool


@facts(
    "functional_groups",
    FunctionalGroups,
    possible=lambda shape: shape.has(SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence),
)
def functional_groups(facts: Facts) -> FunctionalGroups | None:
    """The functional groups of a multi-frame instance; absent without a sequence of them."""
    dataset = facts.instance.dataset
    if SharedFunctionalGroupsSequence not in dataset and PerFrameFunctionalGroupsSequence not in dataset:
        return None
    return FunctionalGroups(
        frames=len(dataset.items(PerFrameFunctionalGroupsSequence)),
        complete=facts.instance.status != "partial",
    )


# Where an attribute stands within the item of a frame: sequences, of each of which the first item is meant,
# and the attribute.
Path = tuple[int, ...]


class FrameColumns:
    """The items of the Per-Frame Functional Groups Sequence, an attribute at a time.

    ``count``: how many items there are.  Where an attribute is not in the item of a frame, the result holds
    NaN, False, 0 or -1; with ``shared`` the value of the shared item stands there instead.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.items: Items = dataset.items(PerFrameFunctionalGroupsSequence)
        self.count = len(self.items)
        shared = dataset.items(SharedFunctionalGroupsSequence)
        self._shared: Dataset | None = shared[0] if len(shared) else None

    # -- what is there -------------------------------------------------------------------------------------

    def has(self, path: Path) -> Flags:
        """Whether the attribute stands in the item of each frame; a sequence needs an item to count."""
        import numpy as np

        result = np.zeros(self.count, bool)
        for rows, template, _ in self.items.parts():
            level = _level_of(template, path)
            if level is not None and path[-1] in level and not _no_items(level, path[-1]):
                result[rows] = True
        return result

    def in_a_group(self, tag: int) -> bool:
        """Whether the attribute stands in the first item of a group, shared or of any frame."""
        levels = [template for _, template, _ in self.items.parts()]
        if self._shared is not None:
            levels.append(self._shared)
        groups = [element.items[0] for level in levels for element in level if element.items]
        return any(tag in group for group in groups)

    def shared_has(self, path: Path) -> bool:
        """Whether the attribute stands in the shared item; a sequence needs an item to count."""
        level = None if self._shared is None else _level_of(self._shared, path)
        return level is not None and path[-1] in level and not _no_items(level, path[-1])

    def tile_positions(self, *, shared: bool = False) -> tuple[Floats, Floats, Floats]:
        """Column and row of the first pixel of each frame in the Total Pixel Matrix, and its Z offset (PS3.3 C.8.12.9)."""
        column, row, height = (
            self.numbers((PlanePositionSlideSequence, tag), shared=shared)
            for tag in (
                ColumnPositionInTotalImagePixelMatrix,
                RowPositionInTotalImagePixelMatrix,
                ZOffsetInSlideCoordinateSystem,
            )
        )
        return column, row, height

    # -- values --------------------------------------------------------------------------------------------

    def numbers(self, path: Path, number: int = 1, *, shared: bool = False) -> Floats:
        """Value ``number`` (1-based) of a number attribute."""
        import numpy as np

        result = np.full(self.count, np.nan)
        if shared and self._shared is not None:
            result[:] = _number(_level_of(self._shared, path), path[-1], number)
        for rows, level, leaf in self._holding(path):
            if leaf is None:
                result[rows] = _number(level, path[-1], number)
                continue
            from dcmlint.dicom.column_values import numbers_of

            result[rows] = numbers_of(self._columns, leaf, number)
        return result

    def most_items(self, group: int) -> int:
        """The greatest number of items that a group has in a frame."""
        return max((len(template.items(group)) for _, template, _ in self.items.parts()), default=0)

    def texts(self, path: Path, *, item: int = 0, shared: bool = False) -> Texts:
        """The first value of a text attribute: the distinct ones, and which of them each frame has (-1: none).

        ``item``: of which item of the group.
        """
        import numpy as np

        from dcmlint.dicom.column_values import Texts, texts_of

        known: dict[str, int] = {}
        which = np.full(self.count, -1, np.int64)
        if shared and self._shared is not None:
            level = _level_of(self._shared, path, item)
            text = level.text(path[-1]) if level is not None else ""
            which[:] = known.setdefault(text, len(known)) if text else -1
        for rows, level, leaf in self._holding(path, item):
            if leaf is None:
                text = level.text(path[-1])
                which[rows] = known.setdefault(text, len(known)) if text else -1
                continue
            found = texts_of(self._columns, level, leaf)
            codes = np.array([known.setdefault(text, len(known)) for text in found.distinct] + [-1], np.int64)
            which[rows] = codes[found.which]
        return Texts(tuple(known), which)

    def counts(self, path: Path) -> Ints:
        """How many values the attribute has."""
        import numpy as np

        result = np.zeros(self.count, np.int64)
        for rows, level, leaf in self._holding(path):
            if leaf is None:
                result[rows] = len(level.values(path[-1]))
                continue
            from dcmlint.dicom.column_values import counts_of

            result[rows] = counts_of(self._columns, level, leaf)
        return result

    def _holding(self, path: Path, item: int = 0) -> Iterator[tuple[Any, Dataset, Leaf | None]]:
        """The parts that have the attribute, with the level that it stands in and the leaf of its values."""
        for rows, template, shape in self.items.parts():
            level = _level_of(template, path, item)
            if level is not None and path[-1] in level:
                yield rows, level, _leaf(shape, path, item)

    @property
    def _columns(self) -> Columns:
        """The items, of which some have leaves."""
        return cast("Columns", self.items)


def _level_of(level: Dataset, path: Path, first: int = 0) -> Dataset | None:
    for step, tag in enumerate(path[:-1]):
        items, number = level.items(tag), 0 if step else first
        if len(items) <= number:
            return None
        level = items[number]
    return level


def _no_items(level: Dataset, tag: int) -> bool:
    items = level.elements[tag].items
    return items is not None and not len(items)


def _leaf(shape: Shape | None, path: Path, first: int = 0) -> Leaf | None:
    if shape is None or len(shape.items) == 1:
        return None
    inner: tuple[int, ...] = ()
    for step, tag in enumerate(path[:-1]):
        inner += (tag, 0 if step else first)
    return shape.leaves.get((*inner, path[-1]))


def _number(level: Dataset | None, tag: int, number: int) -> float:
    value: Any = level.value(tag, number) if level is not None else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("nan")
