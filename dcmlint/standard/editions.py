"""One edition of the standard, opened lazily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property, lru_cache, wraps
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.container import Container, decode
from dcmlint.standard.dictionary import Dictionary, DictionaryColumns
from dcmlint.standard.tables import FUNCTIONAL_GROUPS, Include, Iod, Row, SopClass, Table
from dcmlint.standard.terms import (
    Confidentiality,
    ConfidentialityTable,
    ContextGroup,
    ContextGroupBody,
    UidEntry,
)

EDITIONS = ("2025e",)
"""The editions whose tables come with dcmlint, newest first."""

_Made = TypeVar("_Made")
_DATA = Path(__file__).parent / "data"


class Core(msgspec.Struct, frozen=True):
    """The section "core": what every check needs first. Tables and IODs stay packed until they are asked for."""

    sop_classes: dict[str, SopClass]
    iods: dict[str, msgspec.Raw]
    tables: dict[str, msgspec.Raw]


class IodCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one IOD: its rows (macros included once each), and its conditions.

    ``types`` counts rows by type. A condition is ``decidable`` when it has an expression that a file can show,
    ``unknowable`` when its expression says that no file can, ``undecided`` when nobody has read it. ``read`` counts
    those of the first two that a person has read.
    """

    name: str
    reviewed: bool
    types: dict[str, int]
    decidable: int
    unknowable: int
    undecided: int
    read: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one edition holds."""

    edition: str
    sop_classes: int
    iods: int
    tables: int
    rows: int
    elements: int
    uids: int
    context_groups: int
    per_iod: tuple[IodCounts, ...]


class Standard:
    """One edition of the standard's tables.

    Names are as in the standard without their last words: the IOD "CT Image", the table "C.8.12.4-1". Raises
    :class:`StandardError` when the file of tables is damaged.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self.edition = container.edition
        # Whether somebody asked for this edition: then its rows are asked of older instances too.
        self.asked = False
        self._tables: dict[str, Table] = {}
        self._iods: dict[str, Iod] = {}
        self._groups: dict[int, ContextGroup | None] = {}

    @cached_property
    def _core(self) -> Core:
        return self._container.read("core", Core)

    @cached_property
    def dictionary(self) -> Dictionary:
        """The data elements."""
        return Dictionary(self._container.read("dictionary", DictionaryColumns))

    @cached_property
    def _uids(self) -> dict[str, UidEntry]:
        return {entry.uid: entry for entry in self._container.read("uids", list[UidEntry])}

    @cached_property
    def _bodies(self) -> dict[int, msgspec.Raw]:
        return self._container.read("codes", dict[int, msgspec.Raw])

    @cached_property
    def _confidentiality(self) -> ConfidentialityTable:
        return self._container.read("confidentiality", ConfidentialityTable)

    def section(self, name: str, type_: type[_Made]) -> _Made:
        """A section of the file as it is stored, to build the tables of another edition with."""
        return self._container.read(name, type_)

    def sop_class(self, uid: str) -> SopClass | None:
        """The storage SOP Class with this UID, None for any other UID (private classes too)."""
        return self._core.sop_classes.get(uid)

    def sop_classes(self) -> Iterable[SopClass]:
        """Every storage SOP Class that has an IOD."""
        return self._core.sop_classes.values()

    def iods(self) -> Iterable[str]:
        """The names of the IODs, in the order of PS3.3."""
        return self._core.iods

    def tables(self) -> Iterable[str]:
        """The names of the tables, in the order of PS3.3."""
        return self._core.tables

    def iod(self, name: str) -> Iod:
        """The IOD of this name ("CT Image"); :class:`KeyError` without one."""
        found = self._iods.get(name)
        if found is None:
            found = self._iods[name] = decode(self._core.iods[name], Iod)
        return found

    def table(self, name: str) -> Table:
        """The module or macro table of this number ("C.8.12.4-1"); :class:`KeyError` without one."""
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = decode(self._core.tables[name], Table)
        return found

    def uid(self, uid: str) -> UidEntry | None:
        """What PS3.6 Annex A says of a UID, None for one that is not there."""
        return self._uids.get(uid)

    def uids(self, type_: str | None = None) -> Iterator[UidEntry]:
        """Every UID of PS3.6 Annex A, or those of one type ("Transfer Syntax")."""
        return (entry for entry in self._uids.values() if type_ is None or entry.type == type_)

    def context_group(self, cid: int) -> ContextGroup | None:
        """The context group of PS3.16 with this number, included groups followed; None without one."""
        if cid not in self._groups:
            self._groups[cid] = self._context_group(cid)
        return self._groups[cid]

    def context_groups(self) -> Iterable[int]:
        """The numbers of the context groups."""
        return self._bodies

    def confidentiality(self, tag: int) -> str | None:
        """The action of the Basic Profile ("X", "Z", "D", "U", "X/Z", ...) on an attribute (PS3.15 Table E.1-1).

        None when the table does not name it. Private attributes and repeating groups are known.
        """
        row = self._confidentiality.find(tag)
        return None if row is None else row.basic

    def confidentiality_row(self, tag: int) -> Confidentiality | None:
        """The whole row of PS3.15 Table E.1-1, with the columns of the options."""
        return self._confidentiality.find(tag)

    def counts(self) -> Counts:
        """What this edition holds, for ``dcmlint standard info``. Opens everything: half a second."""
        return Counts(
            edition=self.edition,
            sop_classes=len(self._core.sop_classes),
            iods=len(self._core.iods),
            tables=len(self._core.tables),
            rows=sum(1 for name in self.tables() for _ in self.table(name).walk()),
            elements=len(self.dictionary),
            uids=len(self._uids),
            context_groups=len(self._bodies),
            per_iod=tuple(self._iod_counts(name) for name in self.iods()),
        )

    def tables_of(self, iod: Iod) -> tuple[str, ...]:
        """The names of all tables that an IOD reaches, macros within macros too, each once."""
        found: dict[str, None] = {}
        todo = [name for use in iod.modules for name in use.tables]
        todo += [use.table for use in iod.functional_groups]
        while todo:
            name = todo.pop(0)
            if name and name not in found and name in self._core.tables:
                found[name] = None
                todo += _included(self.table(name).rows)
        return tuple(found)

    def _context_group(self, cid: int) -> ContextGroup | None:
        if cid not in self._bodies:
            return None
        codes: dict[tuple[str, str], str] = {}
        todo, seen, name = [cid], {cid}, ""
        while todo:
            raw = self._bodies.get(todo.pop(0))
            if raw is None:
                continue
            body = decode(raw, ContextGroupBody)
            name = name or body.name
            for scheme, flat in body.codes.items():
                for value, meaning in zip(flat[::2], flat[1::2], strict=True):
                    codes.setdefault((value, scheme), meaning)
            fresh = [other for other in body.includes if other not in seen]
            seen.update(fresh)
            todo += fresh
        return ContextGroup(cid, name, codes)

    def _iod_counts(self, name: str) -> IodCounts:
        iod = self.iod(name)
        types: dict[str, int] = {}
        tally = {"decidable": 0, "unknowable": 0, "undecided": 0, "read": 0}
        conditions: list[tuple[str | None, str | None]] = []
        conditions += [(use.when, use.parsed_by) for use in iod.modules if use.usage == "C"]
        conditions += [(use.when, use.parsed_by) for use in iod.functional_groups if use.usage == "C"]
        for table in self.tables_of(iod):
            for _, row in self.table(table).walk():
                types[row.type] = types.get(row.type, 0) + 1
                if row.conditional:
                    conditions.append((row.when, row.parsed_by))
        for when, parsed_by in conditions:
            tally[_knowledge(when)] += 1
            tally["read"] += parsed_by == "reviewed"
        return IodCounts(name=name, reviewed=iod.reviewed, types=types, **tally)


def _knowledge(when: str | None) -> str:
    if when is None:
        return "undecided"
    # `unknown("...")` alone: the condition was read, and no file can show it.
    alone = when.startswith("unknown(") and when.endswith(")") and when.count("(") == 1
    return "unknowable" if alone else "decidable"


def _included(rows: tuple[Row | Include, ...]) -> list[str]:
    names: list[str] = []
    for row in rows:
        if isinstance(row, Include):
            if row.table != FUNCTIONAL_GROUPS:
                names.append(row.table)
        else:
            names += _included(row.rows)
    return names


# A variable of the context, which each thread and task has for itself, rather than an argument: the tables are asked
# for at the bottom of calls that know nothing of a checker (a VR of UN read as its attribute's, the name of a tag in a
# path, the keyword in an expression).  A Checker sets its own for as long as it checks, so that Checkers of several
# editions run at once; what is made from tables is kept for each edition (`per_edition`).
_IN_USE: ContextVar[Standard | None] = ContextVar("dcmlint_edition", default=None)


def load(edition: str | None = None) -> Standard:
    """The tables in use (see :func:`using`; without, those of the newest edition), or those of an edition by name.

    The same object each time. Raises :class:`StandardError` for an edition that does not come with dcmlint, and for a
    damaged file.
    """
    if edition is None:
        return _IN_USE.get() or _shipped(EDITIONS[0])
    return _shipped(edition)


@contextmanager
def using(tables: Standard | None) -> Iterator[None]:
    """Let :func:`load` give these tables to this thread as long as the context lasts; None: the newest edition's."""
    before = _IN_USE.set(tables)
    try:
        yield
    finally:
        _IN_USE.reset(before)


def open_edition(edition: str) -> Standard:
    """The tables that a user asks for: an edition that comes with dcmlint ("2025e"), or a file of ``standard build``.

    Their rows are asked of every instance, whatever its date (`Standard.asked`). :class:`StandardError` for neither.
    """
    if edition not in EDITIONS and Path(edition).suffix != ".bin":
        raise StandardError(
            f"edition {edition!r}: dcmlint comes with {', '.join(EDITIONS)}; "
            "or name a .bin file that `dcmlint standard build` wrote"
        )
    tables = load_file(Path(edition) if edition not in EDITIONS else _DATA / f"{edition}.bin")
    tables.asked = True
    return tables


def per_edition(maxsize: int | None = None) -> Callable[[Callable[..., _Made]], Callable[..., _Made]]:
    """Like :func:`functools.lru_cache`, for what is made from the tables in use: kept for each edition apart."""

    def decorate(make: Callable[..., _Made]) -> Callable[..., _Made]:
        @lru_cache(maxsize)
        def kept(_: Standard, *arguments: Any) -> _Made:
            return make(*arguments)

        @wraps(make)
        def found(*arguments: Any) -> _Made:
            return kept(load(), *arguments)

        return found

    return decorate


@cache
def _shipped(name: str) -> Standard:
    if name not in EDITIONS:
        raise StandardError(f"edition {name!r} is not shipped: dcmlint comes with {', '.join(EDITIONS)}")
    return load_file(_DATA / f"{name}.bin")


def load_file(path: Path) -> Standard:
    """The tables in a file that ``dcmlint standard build`` wrote; :class:`StandardError` when it is none."""
    try:
        return Standard(Container(path.read_bytes()))
    except OSError as error:
        raise StandardError(f"cannot read the compiled tables {path.name}: {error.strerror}") from None
