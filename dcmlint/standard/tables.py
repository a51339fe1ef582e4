"""What the tables of PS3.3 say: IODs, modules, functional groups, attributes.

These are the shapes in which the compiled tables are stored and read. A :class:`Table` keeps the macros that it
includes as references: nothing is expanded, and nothing but what an instance needs is ever decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

Type = Literal["1", "1C", "2", "2C", "3", "-"]  # PS3.5 7.4; "-" where a table gives none
Usage = Literal["M", "C", "U"]  # PS3.3 A.1.3
Otherwise = Literal["may", "not", "unread"]
Placement = Literal["any", "shared", "per-frame"]
Numbering = Literal["", "unique", "from-1"]

FUNCTIONAL_GROUPS = "IODFunctionalGroupMacros"
"""The table name of the include that stands for the functional groups of the IOD at hand (PS3.3 C.7.6.16)."""


class ValueSet(msgspec.Struct, frozen=True, array_like=True):
    """The values that a row lists.

    ``kind`` is "enumerated" (no other value is allowed), "defined" (others are, PS3.5 6.3), "least" (one number, and
    those above it), "above" (those above it alone) or "range" (from the first number to the second). ``position`` is
    the 1-based value it holds for, 0 for every value. ``when`` is the source of the condition under which it holds.
    """

    kind: Literal["enumerated", "defined", "least", "above", "range"]
    position: int
    values: tuple[str | int, ...]
    when: str | None = None


class Row(msgspec.Struct, frozen=True, array_like=True, tag_field="_kind", tag=0):
    """One attribute of a table.

    ``when`` is the source of the expression under which a row of type 1C or 2C is required, None where nobody
    knows. ``otherwise`` says whether it may be present when the condition is false: "not" only where the whole
    sentence was read. ``items`` is (fewest, most) of a sequence, most None for any number. ``condition_hash`` marks
    the sentence that ``when`` was read from. ``open`` says that the items may hold any attribute. ``since`` and
    ``until`` are the first and last edition that have the row as it stands here, empty when not known to have
    changed. ``count`` is the tag of the attribute whose value is the number of items, 0 for none; ``numbering`` says that
    the attribute numbers the items that hold it, from 1 or at least each with another number.
    """

    tag: int
    keyword: str
    type: Type
    when: str | None = None
    otherwise: Otherwise = "unread"
    values: tuple[ValueSet, ...] = ()
    items: tuple[int, int | None] | None = None
    rows: tuple[Row | Include, ...] = ()
    condition_hash: str | None = None
    parsed_by: Literal["reviewed", "parser"] | None = None
    open: bool = False
    since: str = ""
    until: str = ""
    count: int = 0
    numbering: Numbering = ""

    @property
    def conditional(self) -> bool:
        """Whether the type depends on a condition (1C, 2C)."""
        return self.type in ("1C", "2C")

    @property
    def repeating(self) -> bool:
        """Whether the row speaks of a repeating group; its tag is that of the first (PS3.5 7.6)."""
        return self.tag >> 16 in (0x5000, 0x6000)


class Include(msgspec.Struct, frozen=True, array_like=True, tag_field="_kind", tag=1):
    """A macro that a table includes at this place.

    ``context_group`` is the CID that binds the code sequence it stands in, 0 where none is known; ``binding`` is "B"
    (baseline), "D" (defined), "E" (enumerated) or empty (PS3.16 6, PS3.3 5.6). ``when`` is the condition under which
    the macro is included at all, None when it always is; ``otherwise`` "not" says that its attributes shall not be
    present when the condition is false.
    """

    table: str
    context_group: int = 0
    binding: Literal["", "B", "D", "E"] = ""
    when: str | None = None
    otherwise: Otherwise = "unread"
    parsed_by: Literal["reviewed", "parser"] | None = None


class Table(msgspec.Struct, frozen=True, array_like=True):
    """One module or macro table: ``name`` is its number ("C.8.12.4-1")."""

    name: str
    caption: str
    section: str
    rows: tuple[Row | Include, ...]
    open: bool = False

    def walk(self) -> Iterator[tuple[str, Row]]:
        """Each row of the table with its path ("OpticalPathSequence.ICCProfile"), includes not followed."""
        return _walk(self.rows, "")

    def row(self, path: str) -> Row | None:
        """The first row with this path, None without one."""
        return next((row for found, row in self.walk() if found == path), None)


def _walk(rows: tuple[Row | Include, ...], above: str) -> Iterator[tuple[str, Row]]:
    for row in rows:
        if isinstance(row, Row):
            path = f"{above}.{row.keyword}" if above else row.keyword
            yield path, row
            yield from _walk(row.rows, path)


class ModuleUse(msgspec.Struct, frozen=True, array_like=True):
    """How an IOD uses a module (PS3.3 A.1.3). ``when`` and ``otherwise`` as in :class:`Row`."""

    name: str
    section: str
    tables: tuple[str, ...]
    usage: Usage
    when: str | None = None
    otherwise: Otherwise = "unread"
    parsed_by: Literal["reviewed", "parser"] | None = None
    condition_hash: str | None = None
    since: str = ""
    until: str = ""


class MacroUse(msgspec.Struct, frozen=True, array_like=True):
    """How an IOD uses a functional group macro; ``placement`` says where it must stand (PS3.3 C.7.6.16)."""

    name: str
    section: str
    table: str
    usage: Usage
    when: str | None = None
    otherwise: Otherwise = "unread"
    placement: Placement = "any"
    parsed_by: Literal["reviewed", "parser"] | None = None
    condition_hash: str | None = None
    since: str = ""
    until: str = ""


class ProhibitedModule(msgspec.Struct, frozen=True, array_like=True):
    """A module that an IOD excludes, with the table of its attributes and the section that excludes it."""

    name: str
    table: str
    section: str


class Iod(msgspec.Struct, frozen=True, array_like=True):
    """One IOD of PS3.3 Annex A.

    ``reviewed`` when a person has read every condition that it uses; ``prohibited``: the modules that its content
    constraints exclude, also from a Standard Extended SOP Class (PS3.3 A.38.1.3.1 and others).
    """

    name: str
    section: str
    modules: tuple[ModuleUse, ...]
    functional_groups: tuple[MacroUse, ...] = ()
    reviewed: bool = False
    prohibited: tuple[ProhibitedModule, ...] = ()


class SopClass(msgspec.Struct, frozen=True, array_like=True):
    """A storage SOP Class and the name of its IOD (PS3.4 B.5)."""

    uid: str
    name: str
    keyword: str
    iod: str
