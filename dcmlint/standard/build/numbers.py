"""Sentences that say how many items a sequence has, by another attribute, and how items are numbered."""

from __future__ import annotations

import re
from collections.abc import Callable

from dcmlint.standard.build.conditions import sentences
from dcmlint.standard.build.source import letters
from dcmlint.standard.dictionary import Entry
from dcmlint.standard.tables import Numbering

_NAMED = r"(?P<name>[A-Z][\w '’/-]*?) ?\((?P<tag>[0-9A-Fa-f]{4}, ?[0-9A-Fa-f]{4})\)"
_COUNT = (
    re.compile(
        r"(?:The )?number of Items(?: included)?(?: in (?:this|the) Sequence)? (?:shall|must) (?:be )?equal (?:to )?"
        rf"(?:the )?(?:value of )?{_NAMED}",
        re.I,
    ),
    re.compile(rf"There shall be {_NAMED} Items in the Sequence", re.I),
)
_FROM_1 = re.compile(
    r"The (?:value|number) shall (?:start at 1,? and increase monotonically by 1|be 1 for the first Item and increase by 1"
    r"|be an integer, increasing monotonically by 1, starting from 1)\b(?! within)",
    re.I,
)
# The number is that of the items of one sequence: it stands once in what the sentence names.
_UNIQUE = re.compile(
    rf"The value (?:of {_NAMED} )?shall be unique within (?:the|its) (?P<scope>[\w ]*Sequence|Beam|RT Plan|RT Ion Plan"
    r"|Structure Set|Application Setup|Channel)\b",
    re.I,
)
# What is an item itself, and the level of its attributes: what stands in it once is unique there of itself.
_ITEMS = {"beam": 1, "application setup": 1, "channel": 2}


def count_of(text: str, lookup: Callable[[int], Entry | None]) -> int:
    """The tag of the attribute whose value is the number of items of the sequence described; 0 where none is named."""
    for sentence in sentences(text):
        for form in _COUNT:
            found = form.fullmatch(sentence)
            if found is None:
                continue
            tag = _tag(found["tag"])
            entry = lookup(tag)
            if entry is not None and letters(entry.name) == letters(found["name"]):
                return tag
    return 0


def numbering_of(text: str, tag: int, level: int) -> Numbering:
    """How the items that hold the attribute ``tag`` are numbered by it: "from-1", "unique", or "" where it is not said.

    ``level``: how many sequences it stands in.
    """
    for sentence in sentences(text):
        if _FROM_1.match(sentence):
            return "from-1"
        found = _UNIQUE.match(sentence)
        if found is None or level <= _ITEMS.get(found["scope"].lower(), 0):
            continue
        if not found["tag"] or _tag(found["tag"]) == tag:
            return "unique"
    return ""


def _tag(text: str) -> int:
    """The tag that stands as `0040,A730` or `0040, A730`."""
    group, number = text.split(",")
    return int(group, 16) << 16 | int(number, 16)
