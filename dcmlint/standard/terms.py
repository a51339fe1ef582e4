"""UIDs (PS3.6 Annex A), context groups (PS3.16 Annex B) and confidentiality (PS3.15 Annex E)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec


class UidEntry(msgspec.Struct, frozen=True, array_like=True):
    """One UID of PS3.6 Annex A; ``type`` is as there ("Transfer Syntax", "SOP Class", ...)."""

    uid: str
    name: str
    keyword: str
    type: str
    retired: bool = False


class ContextGroup(msgspec.Struct, frozen=True):
    """One context group: ``codes`` maps (code value, coding scheme designator) to the code meaning.

    The codes of included groups are in it.
    """

    cid: int
    name: str
    codes: Mapping[tuple[str, str], str]

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def __len__(self) -> int:
        return len(self.codes)


class ContextGroupBody(msgspec.Struct, frozen=True, array_like=True):
    """A context group as it is stored: codes by scheme as [value, meaning, value, meaning, ...]; groups included."""

    name: str
    codes: dict[str, list[str]]
    includes: list[int] = []


class Confidentiality(msgspec.Struct, frozen=True, array_like=True):
    """One row of PS3.15 Table E.1-1.

    ``basic`` is the action of the Basic Profile: X remove, Z zero or dummy, D dummy, K keep, C clean, U replace UID,
    and combinations ("X/Z/D"). ``options`` maps an option's column to its action (K or C). ``since`` is the edition of
    PS3.15 that is known to have the row, where older ones lack it; "" otherwise.
    """

    basic: str
    options: dict[str, str] = {}
    in_standard_iod: bool = False
    since: str = ""


class ConfidentialityTable(msgspec.Struct, frozen=True, array_like=True):
    """PS3.15 Table E.1-1: rows by tag, and rows of repeating groups as (mask, pattern, row)."""

    rows: dict[int, Confidentiality]
    patterns: list[tuple[int, int, Confidentiality]]
    private: Confidentiality

    def find(self, tag: int) -> Confidentiality | None:
        """The row of a tag, None when the table has none."""
        row = self.rows.get(tag)
        if row is not None:
            return row
        if tag >> 16 & 1:
            return self.private  # PS3.15 E.1: (gggg,eeee) where gggg is odd
        return next((row for mask, pattern, row in self.patterns if tag & mask == pattern), None)

    def tags(self) -> Iterator[int]:
        """The tags of the rows that name a single attribute."""
        return iter(self.rows)
