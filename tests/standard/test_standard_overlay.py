"""The overlay against the tables that come with dcmlint: every entry has its place, and every expression is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from dcmlint import standard
from dcmlint.errors import RuleError
from dcmlint.standard import Include, Row
from dcmlint.standard.build import OVERLAY
from dcmlint.standard.build.overlay import Patch, read_overlay

expr = pytest.importorskip("dcmlint.expr")

STANDARD = standard.load()
ENTRIES, ERRORS = read_overlay(OVERLAY)


def test_the_overlay_can_be_read() -> None:
    assert not ERRORS


def test_the_shipped_tables_hold_the_overlay() -> None:
    """When this fails, the tables have to be built again."""
    stale = []
    for (name, path), patches in ENTRIES.rows.items():
        rows = [row for found, row in STANDARD.table(name).walk() if found == path]
        assert rows, (name, path)
        for patch in patches:
            given = patch.given
            place = [rows[int(given["nth"]) - 1]] if "nth" in given else rows
            stale += [
                f"{patch.where}: {patch.target}"
                for row in place
                for key in ("when", "otherwise", "type")
                if key in given and patches[-1] is patch and getattr(row, key) != given[key]
            ]
    for kind, patches in (("modules", ENTRIES.modules), ("functional_groups", ENTRIES.functional_groups)):
        for (iod, name), patch in patches.items():
            uses = [use for use in getattr(STANDARD.iod(iod), kind) if use.name == name]
            assert uses, (iod, name)
            stale += [
                f"{patch.where}: {patch.target}"
                for key in ("when", "usage")
                if key in patch.given and any(getattr(use, key) != patch.given[key] for use in uses)
            ]
    assert not stale


class Names:
    def attribute(self, keyword: str) -> object:
        entry = STANDARD.dictionary.by_keyword(keyword)
        return None if entry is None else expr.AttributeName(entry.tag, entry.vr, entry.vm)

    def attribute_names(self) -> Iterable[str]:
        return STANDARD.dictionary.keywords()

    def fact(self, name: str) -> None:
        return None

    def fact_names(self) -> Iterable[str]:
        return ()


def _expressions() -> Iterator[tuple[str, str]]:
    for name in STANDARD.tables():
        table = STANDARD.table(name)
        for path, row in table.walk():
            if row.when is not None:
                yield row.when, f"{name} {path}"
            yield from ((one.when, f"{name} {path}") for one in row.values if one.when is not None)
            yield from _of_includes(row.rows, f"{name} {path}")
        yield from _of_includes(table.rows, name)
    for name in STANDARD.iods():
        iod = STANDARD.iod(name)
        for use in (*iod.modules, *iod.functional_groups):
            if use.when is not None:
                yield use.when, f"{name}: {use.name}"


def _of_includes(rows: Iterable[Row | Include], where: str) -> Iterator[tuple[str, str]]:
    for row in rows:
        if isinstance(row, Include) and row.when is not None:
            yield row.when, f"{where}: include {row.table}"


def test_every_condition_is_an_expression_with_a_truth_value() -> None:
    wrong = []
    for source, where in dict(_expressions()).items():
        try:
            compiled = expr.compile_expression(source, Names())
        except RuleError as error:
            wrong.append(f"{where}: {source}: {error}")
            continue
        if str(compiled.type) not in ("bool", "any", str(expr.BOOL), str(expr.ANY)):
            wrong.append(f"{where}: {source} is {compiled.type}")
    assert not wrong


def test_reviewed_iods_have_no_condition_left() -> None:
    left = []
    for name in STANDARD.iods():
        iod = STANDARD.iod(name)
        if iod.reviewed:
            left += [f"{name}: {use.name}" for use in iod.modules if use.usage == "C" and use.when is None]
            left += [
                f"{name}: {table} {path}"
                for table in STANDARD.tables_of(iod)
                for path, row in STANDARD.table(table).walk()
                if row.conditional and row.when is None
            ]
    assert not left


def test_patches_say_where_they_stand() -> None:
    patches = [patch for group in ENTRIES.rows.values() for patch in group]
    assert patches
    assert all(isinstance(patch, Patch) and ".yaml:" in patch.where for patch in patches)
