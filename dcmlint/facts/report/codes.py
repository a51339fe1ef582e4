"""The coded concepts of an instance, wherever they stand (PS3.3 8)."""

from __future__ import annotations

import msgspec

from dcmlint.dicom.items import Place
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    CodingSchemeVersion,
    DirectoryRecordSequence,
    EquivalentCodeSequence,
    LongCodeValue,
    URNCodeValue,
)

_MOST_ITEMS = 50_000
_SKIPPED = frozenset({EquivalentCodeSequence, DirectoryRecordSequence})
# Items of a long sequence that say the same in all of these are one place.
SAID_BY_A_CODE = frozenset(
    {CodeValue, LongCodeValue, URNCodeValue, CodingSchemeDesignator, CodingSchemeVersion, CodeMeaning}
)


class CodedConcepts(msgspec.Struct, frozen=True, kw_only=True):
    """The items of code sequences.

    ``count``: the number of these items
    ``places``: each item; those of a long sequence that hold the same codes are one
    """

    count: int
    places: tuple[Place, ...]


@facts(
    "codes", CodedConcepts, possible=lambda shape: not shape.anywhere.isdisjoint({CodeValue, LongCodeValue})
)
def codes(facts: Facts) -> CodedConcepts | None:
    """The coded concepts of an instance, in the order of the data set; absent without any."""
    found: list[Place] = []
    todo = [Place(facts.instance.dataset)]
    left = _MOST_ITEMS
    while todo and left:
        place = todo.pop()
        level = place.level
        left -= 1
        valued = CodeValue in level or LongCodeValue in level
        if valued and CodingSchemeDesignator in level and level.parent is not None:
            found.append(place)
        below: list[Place] = []
        for element in level:
            if element.items is not None and element.tag not in _SKIPPED and not element.tag >> 16 & 1:
                below += (place.within(group) for group in element.items.distinct(SAID_BY_A_CODE))
        todo += reversed(below)
    return CodedConcepts(count=sum(one.many for one in found), places=tuple(found)) if found else None
