"""Rows for attributes that are not at the level where a profile looks for them: such a row would pass in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from dcmlint import standard
from dcmlint.standard import FUNCTIONAL_GROUPS, Include, Iod, Row

_SHARED_GROUPS = "SharedFunctionalGroupsSequence"
_DEEPEST = 6
_SHOWN = 3


def holders(tag: int, sop_classes: Sequence[str]) -> tuple[str, ...]:
    """Sequences, as paths, whose items have an attribute that no data set of these classes has itself; none: it has, or
    nothing is known of it.  Without classes, those of every IOD count.
    """
    tables = standard.load()
    found = [tables.sop_class(uid) for uid in sop_classes] or list(tables.sop_classes())
    names = tuple(dict.fromkeys(one.iod for one in found if one is not None))
    return _holders(tag, names)


@cache
def _holders(tag: int, names: tuple[str, ...]) -> tuple[str, ...]:
    tables = standard.load()
    paths: dict[str, None] = {}
    for name in names:
        for path in _paths(tables.iod(name), tag):
            if not path:
                return ()
            paths[path] = None
    return tuple(sorted(paths, key=lambda path: (path.count("."), path))[:_SHOWN])


def _paths(iod: Iod, tag: int) -> Iterator[str]:
    """Where an IOD has an attribute: "" for the data set itself, else the path of the sequence."""
    tables = standard.load()
    for module in iod.modules:
        for name in module.tables:
            yield from _within(tables.table(name).rows, tag, "", 0)
    for macro in iod.functional_groups:
        yield from _within(tables.table(macro.table).rows, tag, _SHARED_GROUPS, 0)


def _within(rows: Iterable[Row | Include], tag: int, path: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    for row in rows:
        if isinstance(row, Row):
            if row.tag == tag:
                yield path
            if row.rows:
                yield from _within(row.rows, tag, f"{path}.{row.keyword}".lstrip("."), depth + 1)
        elif row.table != FUNCTIONAL_GROUPS:
            yield from _within(standard.load().table(row.table).rows, tag, path, depth + 1)
