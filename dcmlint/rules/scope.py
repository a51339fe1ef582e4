"""Data sets as expressions see them."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset, FileContext
from dcmlint.dicom.transfer_syntaxes import transfer_syntax
from dcmlint.expr import ABSENT, UNKNOWN, Expression
from dcmlint.rules.tables.groups import groups_of
from dcmlint.standard.uids import ExplicitVRLittleEndian

FactLookup = Callable[[str], object]


def _no_facts(name: str) -> object:
    return ABSENT


class ItemScopes(Sequence[Any]):
    """The items of a sequence as scopes, made when asked for."""

    __slots__ = ("_facts", "_items", "_meta", "_type")

    def __init__(self, items: Sequence[Dataset], type_: Any, facts: FactLookup, meta: Dataset | None) -> None:
        self._items, self._type, self._facts, self._meta = items, type_, facts, meta

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._type(item, self._facts, self._meta) for item in self._items[index]]
        return self._type(self._items[index], self._facts, self._meta)


class DatasetScope:
    """One level of a data set: bare names are its own attributes."""

    __slots__ = ("_facts", "_meta", "_seen", "dataset")

    def __init__(self, dataset: Dataset, facts: FactLookup = _no_facts, meta: Dataset | None = None) -> None:
        self.dataset, self._facts, self._meta = dataset, facts, meta
        self._seen: dict[int, object] = {}

    def __repr__(self) -> str:
        return "(an item)"  # in what a rule computed its verdict from

    def attribute(self, tag: int) -> object:
        """The value of an attribute of this level: ABSENT, None when empty, a scalar, a tuple, or items."""
        seen = self._seen
        if tag in seen:
            return seen[tag]
        value = seen[tag] = self._value(self.dataset, tag)
        return value

    def _value(self, dataset: Dataset, tag: int) -> object:
        element = dataset.elements.get(tag)
        if element is None:
            # What may stand behind the end of a file that is cut is neither there nor absent.
            return UNKNOWN if dataset.cut and dataset.may_have(tag) else ABSENT
        if element.items is not None:
            if dataset.cut and not dataset.is_whole(element):
                return UNKNOWN
            return ItemScopes(element.items, type(self), self._facts, self._meta)
        if element.fragments is not None:
            return b""
        if element.vr == "SQ":
            return ()
        if element.end - element.start > 1 << 16:
            # Bulk data: expressions only ask for its presence and size.
            return _Bulk(element.end - element.start)
        if element.is_cut:
            # Cut off by damage: what it would say is not known.
            return UNKNOWN
        values = dataset.values(tag)
        return None if not values else values[0] if len(values) == 1 else values

    def may_have(self, tag: int) -> bool:
        """Whether an attribute that is not here, nor around, may stand in what could not be read."""
        level: Dataset | None = self.dataset
        while level is not None and tag not in level.elements:
            if level.may_have(tag):
                return True
            level = level.parent
        return False

    def fact(self, name: str) -> object:
        """The value of a fact of the instance."""
        return self._facts(name)

    @property
    def root(self) -> DatasetScope:
        """The main data set."""
        return self if self.dataset.parent is None else type(self)(self.dataset.root, self._facts, self._meta)

    @property
    def file(self) -> DatasetScope:
        """The file meta group; an empty level when there is none."""
        if self._meta is None:
            return DatasetScope(Dataset(self.dataset.context, True, 0))
        return DatasetScope(self._meta)

    def up(self, tag: int) -> object:
        """The value in the nearest enclosing level that has the attribute, this one first."""
        level: Dataset | None = self.dataset
        while level is not None:
            if tag in level.elements or (level.cut and level.may_have(tag)):
                return self._value(level, tag)
            level = level.parent
        return ABSENT


class ConditionScope(DatasetScope):
    """A level as the conditions of tables see it: what is not here is looked for around it.

    The sentences of the standard name attributes without saying where; they mean the item itself, else what
    encloses it, and within functional groups the other groups of the same frame (PS3.3 C.7.6.16).  ``here``
    are the attributes that the tables know in this level: they are looked for nowhere else.
    """

    __slots__ = ("_here",)

    def __init__(
        self, dataset: Dataset, facts: FactLookup = _no_facts, meta: Dataset | None = None,
        here: Container[int] = (),
    ) -> None:  # fmt: skip
        super().__init__(dataset, facts, meta)
        self._here = here

    def attribute(self, tag: int) -> object:
        """The attribute here, in the groups of the same frame, or in an enclosing level."""
        seen = self._seen
        if tag in seen:
            return seen[tag]
        value: object = ABSENT
        level: Dataset | None = self.dataset
        while level is not None:
            if tag in level.elements or (level.cut and level.may_have(tag)):
                value = self._value(level, tag)
                break
            if level is self.dataset and tag in self._here:
                break
            group = groups_of(level, tag)
            if group is not None:
                value = self._value(group, tag)
                break
            level = level.parent
        seen[tag] = value
        return value


class _Bulk:
    """A long value of which only the length is looked at."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class _Anything:
    """A level of which nothing is known."""

    __slots__ = ()

    def attribute(self, tag: int) -> object:
        return UNKNOWN

    def may_have(self, tag: int) -> bool:
        return True


ANYTHING = _Anything()
NOTHING = Dataset(FileContext(WholeBuffer(b""), transfer_syntax(ExplicitVRLittleEndian)), True, 0)
"""A data set without elements: what a condition is where nothing of what it names is there."""

# What looks elsewhere depends on more than the attributes of a level.
_ELSEWHERE = ("file.", "root.", "up.")


def value_when_absent(condition: Expression | None, scope: type[DatasetScope]) -> object:
    """What a condition is where none of its attributes is there; None where that does not decide it."""
    if condition is None or not condition.attributes or condition.facts or condition.lets:
        return None
    if any(word in condition.source for word in _ELSEWHERE):
        return None
    return condition(scope(NOTHING), {})


__all__ = [
    "ANYTHING",
    "NOTHING",
    "ConditionScope",
    "DatasetScope",
    "FactLookup",
    "ItemScopes",
    "value_when_absent",
]
