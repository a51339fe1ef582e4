"""The list of facts: the command, and that every fact says what it means."""

from __future__ import annotations

import json

import pytest

from dcmlint.cli.app import run
from dcmlint.facts.describe import fact_pages, pages_named
from tools.reference import facts_page, functions_page


def test_every_group_of_facts_is_described() -> None:
    pages = fact_pages()
    assert len(pages) > 25
    assert [page.name for page in pages if not page.doc] == []


def test_one_group_one_fact_and_a_word() -> None:
    (group,) = pages_named("tiling")
    assert {"columns", "rows"} <= {field.name for field in group.fields}
    (one,) = pages_named("tiling.columns")
    assert [field.name for field in one.fields] == ["columns"]
    assert "tiling" in {page.name for page in pages_named("matrix")}
    assert pages_named("no-such-fact") == ()


def test_the_command_prints_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["facts", "tiling"]) == 0
    assert "tiling.columns (number)" in capsys.readouterr().out
    assert run(["facts", "tiling", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["name"] == "tiling"


def test_an_unknown_fact_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["facts", "no-such-fact"]) == 2
    assert "no-such-fact" in capsys.readouterr().err


def test_pages_name_facts_and_functions() -> None:
    assert "`tiling.columns`" in facts_page()
    assert "`slide-base-missing`" in functions_page([])
