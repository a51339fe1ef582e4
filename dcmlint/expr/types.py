"""The types of expressions, and what the names in them stand for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol

import msgspec


class Type(msgspec.Struct, frozen=True):
    """The type of an expression, known before any file is read.

    ``kind`` is text, number, tag, bool, item, items, bytes, null, any, list or values.  ``list`` and
    ``values`` have an ``element``; ``values`` is an attribute whose VM may exceed 1: one value or a list.
    ``at_least`` is the smallest VM of ``values``.
    """

    kind: str
    element: Type | None = None
    at_least: int = 1

    def __str__(self) -> str:
        if self.element is None:
            return self.kind
        return f"{self.kind}({self.element})"


TEXT: Final = Type("text")
NUMBER: Final = Type("number")
TAG: Final = Type("tag")  # a number that names an attribute (VR AT)
BOOL: Final = Type("bool")
ITEM: Final = Type("item")
ITEMS: Final = Type("items")
BYTES: Final = Type("bytes")
NULL: Final = Type("null")
ANY: Final = Type("any")
SAME: Final = Type("same")  # as the result of a function: the type of its first argument

_SINGLE = {str(t): t for t in (TEXT, NUMBER, TAG, BOOL, ITEM, ITEMS, BYTES, ANY)}
_WORDS = {
    "text": "text",
    "number": "a number",
    "tag": "a tag",
    "bool": "true or false",
    "item": "an item",
    "items": "a sequence of items",
    "bytes": "bytes",
    "null": "null",
    "any": "of any type",
}
_PLURALS = {"text": "text", "number": "numbers", "tag": "tags", "bool": "true or false", "item": "items"}


def list_of(element: Type) -> Type:
    """The type of a list of ``element``."""
    return Type("list", element)


def named_type(text: str) -> Type:
    """The type written ``number``, ``text``, ``list(number)`` and so on; ValueError for anything else."""
    text = text.strip()
    if text.startswith("list(") and text.endswith(")") and text.count("(") <= 8:
        return list_of(named_type(text[5:-1]))
    found = _SINGLE.get(text)
    if found is None:
        raise ValueError(f"{text!r} is not a type: {', '.join(sorted(_SINGLE))} or list(...)")
    return found


def words(kind: Type) -> str:
    """A type in words that follow "is": ``a number``, ``text``, ``a list of numbers``."""
    if kind.element is not None:
        of = _PLURALS.get(kind.element.kind, "")
        return f"a list of {of}" if of else "a list"
    return _WORDS[kind.kind]


class AttributeName(msgspec.Struct, frozen=True):
    """What the dictionary says of a keyword: tag, VR as written there (``US or SS``), VM (``1-n``)."""

    tag: int
    vr: str
    vm: str


class FactType(msgspec.Struct, frozen=True):
    """The type of a fact, its meaning in one line, and the tags whose values it may repeat (for redaction)."""

    type: Type
    doc: str = ""
    sources: frozenset[int] = frozenset()


class Names(Protocol):
    """The names that an expression may use."""

    def attribute(self, keyword: str) -> AttributeName | None:
        """What the dictionary says of a keyword; None if it has no such keyword."""
        ...

    def attribute_names(self) -> Iterable[str]:
        """All keywords, for "did you mean"."""
        ...

    def fact(self, name: str) -> FactType | None:
        """The type of a fact; None if there is no such fact."""
        ...

    def fact_names(self) -> Iterable[str]:
        """All facts, for "did you mean"."""
        ...


# PS3.5 6.2, Table 6.2-1
_TEXT_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_NUMBER_VRS = frozenset(["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"])
_BYTE_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])


@lru_cache(maxsize=512)
def attribute_type(vr: str, vm: str) -> Type:
    """The type of an attribute's value, from the VR and VM of the dictionary (PS3.6 6)."""
    vrs = frozenset(part for part in vr.replace("/", " ").split() if part != "or")
    if not vrs:
        return ANY
    if vrs <= _TEXT_VRS:
        one = TEXT
    elif vrs <= _NUMBER_VRS:
        one = NUMBER
    elif vrs == {"AT"}:
        one = TAG
    elif vrs == {"SQ"}:
        return ITEMS
    elif vrs <= _BYTE_VRS:
        return BYTES
    else:
        return ANY  # "US or OW": numbers in one file, bytes in the next
    least, most = multiplicity(vm)
    return one if most == 1 else Type("values", one, least)


def multiplicity(vm: str) -> tuple[int, int | None]:
    """The least and the most values that a VM of PS3.6 allows; None for no limit (``2-2n`` is 2, None)."""
    ends = vm.replace("or", "-").replace(" ", "").split("-")
    least = int(ends[0]) if ends[0].isdecimal() else 1
    last = ends[-1]
    return least, int(last) if last.isdecimal() else None
