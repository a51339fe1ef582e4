"""The content tree of a structured report or key object selection (PS3.3 C.17.3).

A content item stands where it is written; an item that only refers to another one (Referenced Content Item Identifier)
is a leaf of its own with the item that it refers to as ``target``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import msgspec

from dcmlint.dicom.dataset import Dataset
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


class ContentItem:
    """One content item.

    ``number`` is its identifier, 1-based ("1.2.1" as numbers, PS3.3 C.17.3.2.5); ``parent`` is None for the root.
    ``reference`` is the identifier that an item by reference gives, () for items by value; ``target`` the item that it
    leads to, None where it leads nowhere.
    """

    def __init__(self, dataset: Dataset, parent: ContentItem | None, number: tuple[int, ...]) -> None:
        self.dataset, self.parent, self.number = dataset, parent, number
        self.children: list[ContentItem] = []
        self.value_type = dataset.text(ValueType)
        self.relationship = dataset.text(RelationshipType)
        self.reference: tuple[int, ...] = ()
        self.target: ContentItem | None = None
        if ReferencedContentItemIdentifier in dataset:
            given = dataset.values(ReferencedContentItemIdentifier)
            self.reference = tuple(value for value in given if isinstance(value, int))

    @property
    def by_reference(self) -> bool:
        """Whether the item only refers to another one."""
        return ReferencedContentItemIdentifier in self.dataset

    @cached_property
    def concept(self) -> Code | None:
        """The concept name."""
        return code_in(self.dataset, ConceptNameCodeSequence)

    @cached_property
    def value(self) -> Code | None:
        """The value of a CODE item."""
        return code_in(self.dataset, ConceptCodeSequence)

    @cached_property
    def units(self) -> Code | None:
        """The units of a NUM item that has a value."""
        values = self.dataset.items(MeasuredValueSequence)
        return code_in(values[0], MeasurementUnitsCodeSequence) if values else None

    @cached_property
    def template(self) -> tuple[str, str]:
        """The mapping resource and the template identifier that a container declares, ("", "") without."""
        items = self.dataset.items(ContentTemplateSequence)
        return (items[0].text(MappingResource), items[0].text(TemplateIdentifier)) if items else ("", "")

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
    root = ContentItem(dataset, None, (1,))
    found: list[ContentItem] = []
    todo = [root]
    complete = True
    while todo:
        item = todo.pop()
        found.append(item)
        below = item.dataset.items(ContentSequence)
        if len(found) + len(todo) + len(below) > MOST_ITEMS:
            complete = False
            break
        item.children = [
            ContentItem(level, item, (*item.number, place)) for place, level in enumerate(below, start=1)
        ]
        todo.extend(reversed(item.children))
    by_number = {item.number: item for item in found}
    for item in found:
        if item.reference:
            item.target = by_number.get(item.reference)
    resource, template = root.template
    return Content(
        count=len(found), complete=complete, resource=resource, template=template, nodes=tuple(found)
    )
