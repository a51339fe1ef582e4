"""What a front end reads out of the standard, before anything is understood: the input of the one back end.

The texts in here are the standard's: they live while the tables are built and never reach the output.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from dcmlint.standard.terms import UidEntry


class ValueList(msgspec.Struct, frozen=True):
    """A list of values in a description: its title ("Enumerated Values:") and its terms."""

    title: str
    terms: tuple[str, ...]


class AttributeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a module or macro table; ``tag`` is None where the line stands for any attribute.

    ``repeating`` keeps a tag with x as it is written ("60xx3000"); ``tag`` is then the lowest that it stands for.
    ``whole`` says that nothing of the text was lost; ``lists`` are the lists of values in it, None where the front
    end does not see them.
    """

    level: int
    tag: int | None
    name: str
    type: str
    text: str
    repeating: str = ""
    whole: bool = False
    lists: tuple[ValueList, ...] | None = None


class IncludeLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that includes a macro; ``table`` is empty where what is included is not a table."""

    level: int
    table: str
    usage: str


class SourceTable(msgspec.Struct, frozen=True, kw_only=True):
    """A module or macro table as printed."""

    name: str
    caption: str
    section: str
    lines: tuple[AttributeLine | IncludeLine, ...]


class SourceUse(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a module or functional group list; ``usage`` is empty where it was lost."""

    name: str
    section: str
    usage: str
    condition: str = ""


class SourceIod(msgspec.Struct, frozen=True, kw_only=True):
    """An IOD with its lists."""

    name: str
    section: str
    modules: tuple[SourceUse, ...]
    functional_groups: tuple[SourceUse, ...] = ()


class SourceSopClass(msgspec.Struct, frozen=True, kw_only=True):
    """A storage SOP Class (PS3.4 Table B.5-1)."""

    uid: str
    name: str
    iod: str


class SourceElement(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the dictionary; ``tag`` is eight characters, x standing for any digit."""

    tag: str
    keyword: str
    name: str
    vr: str
    vm: str
    retired: bool


class Source(msgspec.Struct, kw_only=True):
    """Everything that a front end gives. ``notes`` is what it could not make sense of."""

    edition: str
    tables: dict[str, SourceTable] = {}
    iods: dict[str, SourceIod] = {}
    sop_classes: list[SourceSopClass] = []
    elements: list[SourceElement] = []
    uids: list[UidEntry] = []
    notes: list[str] = []


def letters(name: str) -> str:
    """The letters and digits of a name in lower case: the sources differ in spaces, signs and capitals."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def sentence_hash(sentence: str) -> str:
    """Ten characters that change when the words of a sentence do, whatever its spaces and case."""
    plain = " ".join(re.sub(r"[^\w()<>=,.]+", " ", sentence).lower().split())
    return hashlib.sha256(plain.encode()).hexdigest()[:10]
