"""The coded concepts of an instance, wherever they stand (PS3.3 8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    CodeValue,
    CodingSchemeDesignator,
    DirectoryRecordSequence,
    EquivalentCodeSequence,
)

_MOST_ITEMS = 50_000
_SKIPPED = frozenset({EquivalentCodeSequence, DirectoryRecordSequence})


class CodedConcepts(msgspec.Struct, frozen=True, kw_only=True):
    """The items of code sequences; of long sequences one item of each shape.

    ``count``: the number of these items
    """

    count: int
    items: tuple[Dataset, ...]


@facts("codes", CodedConcepts)
def codes(facts: Facts) -> CodedConcepts | None:
    """The coded concepts of an instance, in the order of the data set; absent without any."""
    found: list[Dataset] = []
    todo = [facts.instance.dataset]
    left = _MOST_ITEMS
    while todo and left:
        level = todo.pop()
        left -= 1
        if CodeValue in level and CodingSchemeDesignator in level and level.parent is not None:
            found.append(level)
        below: list[Dataset] = []
        for element in level:
            if element.items is not None and element.tag not in _SKIPPED and not element.tag >> 16 & 1:
                below += _few(element.items)
        todo += reversed(below)
    return CodedConcepts(count=len(found), items=tuple(found)) if found else None


def _few(items: Any) -> Iterable[Dataset]:
    shapes = getattr(items, "shapes", None)
    return items if shapes is None else [shape.template for shape in shapes]
