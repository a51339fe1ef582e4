"""The items of a sequence, however many, and places within them.

Rules, tables and element checks work on `Items` and never ask how they were read.  Short sequences are an
`ItemList`; long ones are `dcmlint.dicom.columns.Columns`, which hold items that are alike together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from dcmlint.dicom.columns import Ints, Shape
    from dcmlint.dicom.dataset import Dataset, Oddity

    Numbers: TypeAlias = Sequence[int] | Ints
    Tags: TypeAlias = frozenset[int]


class Group(NamedTuple):
    """Items of one sequence of which one stands for all.

    ``template``: the first of them; ``numbers``: which they are (0-based, ascending).
    """

    template: Dataset
    numbers: Numbers


class Items(Sequence["Dataset"]):
    """The items of a sequence."""

    __slots__ = ()

    @abstractmethod
    def groups(self) -> Iterable[Group]:
        """The items, those together that have the same elements and are read alike; by their first items.

        Alike: with the same character set, private creators and sign of pixels, and a value is there in
        all of them or in none.
        """

    @abstractmethod
    def parts(self) -> Iterable[tuple[int | Numbers, Dataset, Shape | None]]:
        """The same for who reads values as arrays: numbers, the item that stands for them, and where their values are.

        One number, the item itself and None where it was read by itself.
        """

    @abstractmethod
    def distinct(self, values: Tags | None, blanks: Tags = frozenset()) -> Iterable[Group]:
        """The same, but those together that also agree in the values of some attributes, wherever within the item.

        ``values``: tags whose values (all that is within, for a sequence) must be the same, None: each item stands
        for itself; ``blanks``: tags of which it only matters whether the value is nothing but padding.
        """

    @abstractmethod
    def read_as(self, item: Dataset) -> Numbers:
        """The numbers of the items that were read with this one as their template; empty: it stands for itself."""

    @abstractmethod
    def odd(self, number: int) -> Sequence[Oddity]:
        """What is odd within one item, where items that are alike were read together."""

    @abstractmethod
    def cut_last(self) -> None:
        """Note that the last item may have more elements than those that were read."""


class ItemList(list["Dataset"], Items):
    """Items that were read one by one: each stands for itself."""

    __slots__ = ()

    def groups(self) -> Iterator[Group]:
        """Each item alone."""
        return (Group(item, (number,)) for number, item in enumerate(self))

    def parts(self) -> Iterator[tuple[int, Dataset, None]]:
        """Each item alone."""
        return ((number, item, None) for number, item in enumerate(self))

    def distinct(self, values: Tags | None, blanks: Tags = frozenset()) -> Iterator[Group]:
        """Each item alone."""
        return self.groups()

    def read_as(self, item: Dataset) -> Numbers:
        """Nothing: no item stands for another."""
        return ()

    def odd(self, number: int) -> Sequence[Oddity]:
        """Nothing: the reader told it of each item."""
        return ()

    def cut_last(self) -> None:
        """Mark it."""
        self[-1].cut = True


NO_ITEMS = ItemList()
# A value of so many bytes, all of them padding, is none.
BLANK_BYTES = 1024


class Place(NamedTuple):
    """A level, and the levels above it (or it itself) that stand for other items too, outermost first."""

    level: Dataset
    groups: tuple[Group, ...] = ()

    @property
    def many(self) -> int:
        """For how many levels it stands."""
        return count_of(self.groups)

    def within(self, group: Group) -> Place:
        """The place of the items of a group of one of its sequences."""
        return Place(group.template, self.groups if len(group.numbers) == 1 else (*self.groups, group))


def count_of(groups: Iterable[Group]) -> int:
    """For how many places a level stands."""
    result = 1
    for group in groups:
        result *= len(group.numbers)
    return result


def indices(groups: Sequence[Group], most: int) -> Iterator[tuple[int, ...]]:
    """The first item numbers of a place, one for each group, in the order of the bytes."""
    return islice(product(*(group.numbers[:most] for group in groups)), most)


def groups_above(level: Dataset | None) -> tuple[Group, ...]:
    """What the reader met in a level that was the template of others: the groups for which it holds."""
    found: list[Group] = []
    while level is not None and level.parent is not None:
        element = level.parent.elements.get(level.parent_tag)
        if element is not None and element.items is not None:
            numbers = element.items.read_as(level)
            if len(numbers) > 1:
                found.append(Group(level, numbers))
        level = level.parent
    return tuple(reversed(found))


def all_places(level: Dataset, tags: Tags | None, groups: tuple[Group, ...] = ()) -> Iterator[Place]:
    """A level and all levels within it, in the order of the bytes; items that agree in ``tags`` are one place
    (None: none are)."""
    yield Place(level, groups)
    for element in level:
        if element.items is not None:
            for group in element.items.distinct(tags):
                inner = Place(level, groups).within(group)
                yield from all_places(inner.level, tags, inner.groups)


def item_places(dataset: Dataset, path: Iterable[int], tags: Tags | None) -> list[Place]:
    """The items of a path of sequences; items that agree in ``tags`` are one place
    (None: none are)."""
    current = [Place(dataset)]
    for tag in path:
        current = [
            place.within(group) for place in current for group in place.level.items(tag).distinct(tags)
        ]
    return current
