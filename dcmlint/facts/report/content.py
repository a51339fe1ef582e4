"""The content tree of a structured report or key object selection (PS3.3 C.17.3).

A content item stands where it is written; an item that only refers to another one (Referenced Content Item Identifier)
is a leaf of its own with the item that it refers to as ``target``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from weakref import ReferenceType, ref

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import ItemList
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    ConceptNameCodeSequence,
    ContentSequence,
    ContentTemplateSequence,
    LongCodeValue,
    MappingResource,
    MeasuredValueSequence,
    MeasurementUnitsCodeSequence,
    ReferencedContentItemIdentifier,
    RelationshipType,
    TemplateIdentifier,
    URNCodeValue,
    ValueType,
)

MOST_ITEMS = 200_000
"""So many content items are read; a document with more is not looked into further."""
_READ_AGAIN = 64
# Items of a long sequence that agree in these are alike.
_ALIKE = frozenset(
    {ValueType, RelationshipType, ReferencedContentItemIdentifier, CodeValue, LongCodeValue, URNCodeValue,
     CodingSchemeDesignator, CodeMeaning, MappingResource, TemplateIdentifier}
)  # fmt: skip


class Code(NamedTuple):
    """A coded concept: its value (short, long or URN), the designator of its scheme, and the meaning beside it."""

    value: str
    scheme: str
    meaning: str

    @property
    def key(self) -> tuple[str, str]:
        """Value and scheme: what the code is."""
        return self.value, self.scheme


def code_of(item: Dataset) -> Code | None:
    """The code that an item of a code sequence holds; None where it has no value (PS3.3 8.8)."""
    value = item.text(CodeValue) or item.text(LongCodeValue) or item.text(URNCodeValue)
    return Code(value, item.text(CodingSchemeDesignator), item.text(CodeMeaning)) if value else None


def code_in(level: Dataset, tag: int) -> Code | None:
    """The first code of a code sequence of a level, None without one."""
    items = level.items(tag)
    return code_of(items[0]) if items else None


class Head:
    """What a content item says of itself apart from its value: shared by items of a long sequence that are alike.

    ``dataset``: the item, or one that has the same elements, codes and references.
    """

    __slots__ = ("_below", "_codes", "_template", "dataset", "reference", "relationship", "value_type")

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.value_type = dataset.text(ValueType)
        self.relationship = dataset.text(RelationshipType)
        self.reference: tuple[int, ...] = ()
        if ReferencedContentItemIdentifier in dataset:
            given = dataset.values(ReferencedContentItemIdentifier)
            self.reference = tuple(value for value in given if isinstance(value, int))
        self._below: list[Head] | None = None
        self._codes: tuple[Code | None, Code | None, Code | None] | None = None
        self._template: tuple[str, str] | None = None

    @property
    def below(self) -> Sequence[Head]:
        """The heads of the items of its Content Sequence, one for each."""
        if ContentSequence not in self.dataset:
            return ()
        if self._below is None:
            items = self.dataset.items(ContentSequence)
            found: list[Head | None] = [None] * len(items)
            for group in items.distinct(_ALIKE):
                head = Head(group.template)
                for number in group.numbers:
                    found[number] = head
            self._below = [head for head in found if head is not None]
        return self._below

    @property
    def codes(self) -> tuple[Code | None, Code | None, Code | None]:
        """The concept name, the value of a CODE item, the units of a NUM item that has a value."""
        if self._codes is None:
            values = self.dataset.items(MeasuredValueSequence)
            self._codes = (
                code_in(self.dataset, ConceptNameCodeSequence),
                code_in(self.dataset, ConceptCodeSequence),
                code_in(values[0], MeasurementUnitsCodeSequence) if values else None,
            )
        return self._codes

    @property
    def template(self) -> tuple[str, str]:
        """See :attr:`ContentItem.template`."""
        if self._template is None:
            items = self.dataset.items(ContentTemplateSequence)
            self._template = (
                (items[0].text(MappingResource), items[0].text(TemplateIdentifier)) if items else ("", "")
            )
        return self._template


class ContentItem:
    """One content item.

    ``parent`` is None for the root, ``place`` (1-based) where it stands among the items of its parent; ``reference`` the
    identifier that an item by reference gives, () for items by value; ``target`` the item that it leads to, None where it
    leads nowhere.
    """

    __slots__ = ("_again", "_anywhere", "_dataset", "_head", "children", "parent", "place", "target")

    def __init__(
        self, head: Head, parent: ContentItem | None, place: int, again: OrderedDict[int, Dataset] | None
    ) -> None:
        """``again``: the data sets that were read again, where that of the head is not its own."""
        self._head, self.parent, self.place, self._again = head, parent, place, again
        self._dataset: ReferenceType[Dataset] | None = None
        self.children: Sequence[ContentItem] = ()
        self.target: ContentItem | None = None
        self._anywhere: dict[tuple[str, int], list[ContentItem]] | None = None

    @property
    def anywhere(self) -> dict[tuple[str, int], list[ContentItem]]:
        """Of the root: the items of the document that pass the tests of conditions, as far as these were asked for."""
        if self._anywhere is None:
            self._anywhere = {}
        return self._anywhere

    @property
    def dataset(self) -> Dataset:
        """The item itself. Those of long sequences are read when asked for, and not kept: :attr:`like` costs less."""
        if self._again is None or self.parent is None:
            return self._head.dataset
        found = self._dataset() if self._dataset is not None else None
        if found is None:
            found = self.parent.dataset.items(ContentSequence)[self.place - 1]
            self._dataset = ref(found)
            self._again[id(self)] = found
            if len(self._again) > _READ_AGAIN:
                self._again.popitem(last=False)
        return found

    @property
    def like(self) -> Dataset:
        """The item, or one that has the same elements, codes and references, but may have other values."""
        return self._head.dataset

    @property
    def value_type(self) -> str:
        """The Value Type, "" for items by reference."""
        return self._head.value_type

    @property
    def relationship(self) -> str:
        """The Relationship Type, "" for the root."""
        return self._head.relationship

    @property
    def reference(self) -> tuple[int, ...]:
        """The identifier of the item that it refers to."""
        return self._head.reference

    @property
    def by_reference(self) -> bool:
        """Whether the item only refers to another one."""
        return ReferencedContentItemIdentifier in self._head.dataset

    @property
    def concept(self) -> Code | None:
        """The concept name."""
        return self._head.codes[0]

    @property
    def value(self) -> Code | None:
        """The value of a CODE item."""
        return self._head.codes[1]

    @property
    def units(self) -> Code | None:
        """The units of a NUM item that has a value."""
        return self._head.codes[2]

    @property
    def template(self) -> tuple[str, str]:
        """The mapping resource and the template identifier that a container declares, ("", "") without."""
        return self._head.template

    @property
    def below(self) -> Sequence[Head]:
        """The heads of its items."""
        return self._head.below

    @property
    def is_own(self) -> bool:
        """Whether the data set of its head is its own."""
        return self._again is None

    def selected(self, relationship: str) -> Iterator[ContentItem]:
        """The items that this one has by a relationship, references followed."""
        for child in self.children:
            if child.relationship == relationship:
                yield child.target if child.target is not None else child

    def ancestors(self) -> Iterator[ContentItem]:
        """The items that enclose this one, the nearest first."""
        item = self.parent
        while item is not None:
            yield item
            item = item.parent


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The content tree of a document.

    ``count``: the number of content items, the root among them
    ``complete``: whether all of them were read
    ``resource``: the mapping resource of the root template, where the root declares one
    ``template``: the identifier of the root template, where the root declares one
    """

    count: int
    complete: bool
    resource: str
    template: str
    nodes: tuple[object, ...] = ()


def content_items(facts: Facts) -> tuple[ContentItem, ...]:
    """The content items of an instance in the order of the document, the root first; () without content."""
    content = facts.of(Content)
    return () if content is None else content.nodes  # type: ignore[return-value]


@facts("content", Content, possible=lambda shape: shape.has(ContentSequence, ValueType))
def content(facts: Facts) -> Content | None:
    """The content tree of a structured report; absent where there is no Value Type and no Content Sequence."""
    dataset = facts.instance.dataset
    if ContentSequence not in dataset and ValueType not in dataset:
        return None
    root = ContentItem(Head(dataset), None, 1, None)
    again: OrderedDict[int, Dataset] = OrderedDict()
    found: list[ContentItem] = []
    todo = [root]
    complete = True
    while todo:
        item = todo.pop()
        found.append(item)
        many = len(item.like.items(ContentSequence))
        if len(found) + len(todo) + many > MOST_ITEMS:
            complete = False
            break
        if many:
            own = item.is_own and isinstance(item.like.items(ContentSequence), ItemList)
            item.children = [
                ContentItem(head, item, place, None if own else again)
                for place, head in enumerate(item.below, start=1)
            ]
            todo.extend(reversed(item.children))
    for item in found:
        if item.reference:
            item.target = _at(root, item.reference)
    resource, template = root.template
    return Content(
        count=len(found), complete=complete, resource=resource, template=template, nodes=tuple(found)
    )


def _at(root: ContentItem, number: tuple[int, ...]) -> ContentItem | None:
    """The item with an identifier ("1.2.1" as numbers, the root is 1: PS3.3 C.17.3.2.5), None where there is none."""
    item = root
    if number[0] != 1:
        return None
    for place in number[1:]:
        if not 0 < place <= len(item.children):
            return None
        item = item.children[place - 1]
    return item
