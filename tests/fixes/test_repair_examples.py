"""The examples of every repair: the bytes after it, and what has to hold of any repair."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pydicom
import pytest

from dcmlint.compare.peers import run_dciodvfy
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.across import check_together
from dcmlint.engine.plan import Planner, active_rules
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan, worse
from dcmlint.fixes.whole_set import over_the_set
from dcmlint.rules.examples import ExampleFile, repair_files
from dcmlint.rules.load import data_folder, read_folder
from dcmlint.rules.model import RuleSource
from dcmlint.sources.input import Input

SOURCES = {source.rule.id: source for source in read_folder(data_folder("rules"))}
EXAMPLES = [
    (rule_id, number, example)
    for rule_id, source in SOURCES.items()
    for number, repair in enumerate(source.rule.repairs)
    for example in range(len(repair.examples))
]
# Repairs that no small data set can show, or that write the version of dcmlint; tests of their own show them.
WITHOUT_EXAMPLE = {"META102", "PIX024", "PIX031"}


@cache
def checker() -> Checker:
    """All rules that are on by default, whatever a profile says."""
    made = Checker(Settings(frames="all"))
    made.planner = Planner(active_rules(tuple(SOURCES.values()), Settings()))
    return made


def planned(source: RuleSource, repair: int, data: bytes, beside: tuple[ExampleFile, ...] = ()) -> Planned:
    choice = Choice(unsafe=source.rule.repairs[repair].safety == "unsafe")
    if source.rule.scope == "slide":
        inputs = [Input(path="a.dcm", kind="bytes", data=data)]
        inputs += [Input(path=one.name, kind="bytes", data=one.data) for one in beside]
        choice = over_the_set(checker(), inputs, lambda one: WholeBuffer(one.data), choice, False)
    return plan(checker(), Task("a.dcm", True), WholeBuffer(data), choice)


def found(source: RuleSource, data: bytes, beside: tuple[ExampleFile, ...]) -> set[str]:
    """The rules that fail, those about several files too."""
    files = (ExampleFile("a.dcm", data), *beside)
    results = [checker().check_opened(Task(one.name, True), WholeBuffer(one.data)) for one in files]
    rules = checker().planner.together if source.rule.scope == "slide" else []
    together = check_together([one.member for one in results], rules, checker().settings)
    return {finding.rule for finding in (*results[0].findings, *together.findings)}


def _name(value: object) -> str:
    return str(value)


@pytest.mark.parametrize(("rule_id", "repair", "example"), EXAMPLES, ids=_name)
def test_a_repair_makes_the_bytes_that_its_example_has(rule_id: str, repair: int, example: int) -> None:
    source = SOURCES[rule_id]
    before, after, beside = repair_files(source, repair, example)
    made = planned(source, repair, before.data, beside)
    assert rule_id in found(source, before.data, beside)
    if after is None:
        assert made.data is None
        assert made.refused or made.refusals or source.rule.scope == "slide"
        return
    assert made.data is not None, made
    result = made.data[0 : len(made.data)]
    assert result == after.data
    assert rule_id in {change.rule for change in made.changes}
    assert made.after is not None
    assert rule_id not in found(source, result, beside)
    assert not worse(made)
    again = planned(source, repair, result, beside)
    assert again.data is None, again.changes


@pytest.mark.parametrize(("rule_id", "repair", "example"), EXAMPLES, ids=_name)
def test_other_tools_read_what_a_repair_makes(
    rule_id: str, repair: int, example: int, tmp_path: Path
) -> None:
    before, after, _ = repair_files(SOURCES[rule_id], repair, example)
    if after is None:
        return
    pydicom.dcmread(io.BytesIO(after.data)).walk(lambda _, element: element.value)
    old, new = tmp_path / "old.dcm", tmp_path / "new.dcm"
    old.write_bytes(before.data)
    new.write_bytes(after.data)
    if shutil.which("dcmdump"):
        done = subprocess.run(["dcmdump", "-q", str(new)], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    theirs = run_dciodvfy(str(new))
    if theirs is not None:
        known = Counter(str(remark.key) for remark in run_dciodvfy(str(old)) or ())
        new_ones = Counter(str(remark.key) for remark in theirs) - known
        assert not new_ones, new_ones


def test_every_repair_has_an_example_that_changes_something() -> None:
    lacking = [
        rule_id
        for rule_id, source in SOURCES.items()
        for repair in source.rule.repairs
        if repair.safety != "never" and not any(example.after is not None for example in repair.examples)
    ]
    assert set(lacking) == WITHOUT_EXAMPLE
