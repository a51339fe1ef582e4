"""Facts kept beside the builder: what was harvested once, and read by people, so that a build needs no network.

Each file maps a table to its paths, and each path to what is known of that row. ``harvest.py`` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.tables import Otherwise, ValueSet
from dcmlint.standard.terms import UidEntry

FOLDER = Path(__file__).parent / "facts"


class KnownSentence(msgspec.Struct, frozen=True):
    """A conditional sentence that was seen whole: its hash, and what it allows when the condition is false.

    ``same`` says that it is the newest sentence word for word; else the newest tables have lost it, and ``when`` is
    what was read from it (None: nothing), ``absent`` the keywords whose absence it speaks of.
    """

    hash: str
    otherwise: Otherwise
    same: bool = False
    when: str | None = None
    absent: frozenset[str] = frozenset()


class LostTable(msgspec.Struct, frozen=True):
    """A table that the newest source lacks: lines as [level, tag, name, type]."""

    caption: str
    section: str
    lines: list[tuple[int, str, str, str]]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All facts, each by (table, path).

    ``since``: the first edition that may have a row as it stands now: the one after the newest that is known to be
    without it, or to ask less.  ``uses_since``: the same of the modules and functional groups, by IOD and name.
    """

    values: dict[tuple[str, str], tuple[ValueSet, ...]]
    sentences: dict[tuple[str, str], KnownSentence]
    items: dict[tuple[str, str], tuple[int, int | None]]
    context_groups: dict[tuple[str, str], str]
    placements: dict[str, str]
    tables: dict[str, LostTable]
    uids: list[UidEntry]
    since: dict[tuple[str, str], str]
    uses_since: dict[tuple[str, str], str]


def read_facts(folder: Path = FOLDER) -> Facts:
    """The facts in ``folder``; :class:`StandardError` when a file is damaged. A missing file holds none."""
    return Facts(
        values={key: _value_sets(entry, key) for key, entry in _by_path(folder / "values.json").items()},
        sentences=_convert(_by_path(folder / "sentences.json"), dict[tuple[str, str], KnownSentence]),
        items=_convert(_by_path(folder / "items.json"), dict[tuple[str, str], tuple[int, int | None]]),
        context_groups=_convert(_by_path(folder / "context_groups.json"), dict[tuple[str, str], str]),
        placements=_convert(_json(folder / "placements.json"), dict[str, str]),
        tables=_convert(_json(folder / "tables.json"), dict[str, LostTable]),
        uids=_convert(_json(folder / "uids.json") or [], list[UidEntry]),
        since=_convert(_by_path(folder / "since.json"), dict[tuple[str, str], str]),
        uses_since=_convert(_by_path(folder / "uses_since.json"), dict[tuple[str, str], str]),
    )


def _convert(value: Any, type_: Any) -> Any:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise StandardError(f"a file of facts is damaged: {error}") from None


def _json(path: Path) -> Any:
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StandardError(f"the facts in {path.name} cannot be read: {error}") from None


def _by_path(path: Path) -> dict[tuple[str, str], Any]:
    return {(table, name): entry for table, paths in _json(path).items() for name, entry in paths.items()}


def _value_sets(entry: Any, key: tuple[str, str]) -> tuple[ValueSet, ...]:
    try:
        return tuple(
            ValueSet(kind=kind, position=position, values=tuple(values)) for kind, position, values in entry
        )
    except (TypeError, ValueError) as error:
        raise StandardError(f"facts, values of {': '.join(key)}: {error}") from None
