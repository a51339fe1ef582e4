"""The examples of every built-in rule, and what holds for all of them together."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest

from dcmlint.dicom import tokens
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.examples import run_example, run_examples
from dcmlint.engine.plan import Planner, active_rules
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import RANK, Finding
from dcmlint.rules.check import check_files
from dcmlint.rules.examples import ExampleFile, base_names, example_files
from dcmlint.rules.load import data_folder, read_folder, rule_files
from dcmlint.rules.model import Example, RuleSource
from dcmlint.rules.tables import CHECKS

ROOT = data_folder("rules").parent
SOURCES = {source.rule.id: source for source in read_folder(data_folder("rules"))}
EVERY = tuple(SOURCES.values())

# Checks that nothing fails yet: no rule could have an example.
WITHOUT_RULE = {"table.module-missing": "counts conditions of modules that stay open"}
# (rule whose example it is, name of the example): the rules that may speak of the same place, and why.
SAME_PLACE: dict[tuple[str, str], tuple[frozenset[str], str]] = {
    ("ELM010", "real values of complex points"): (frozenset({"ELM010", "MOD012"}), "no base has spectra"),
}


@pytest.mark.parametrize("rule_id", SOURCES)
def test_examples_come_out_as_they_say(rule_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever reader: in the second run every sequence of two items and more is read a column at a time."""
    source = SOURCES[rule_id]
    results = list(run_examples(source, EVERY))
    problems = [
        f"{result.file}:{result.line} {result.example!r}: {result.problem} {result.reason}"
        for result in results
        if result.problem
    ]
    assert not problems, "\n".join(problems)
    monkeypatch.setattr(tokens, "MANY_ITEMS", 1)
    for number, (example, result) in enumerate(zip(source.rule.examples, results, strict=True)):
        if example.dataset is not None or example.datasets:
            assert run_example(source, number, EVERY) == result


def test_every_rule_has_a_failing_and_a_passing_example() -> None:
    lacking = []
    for rule_id, source in SOURCES.items():
        examples = source.rule.examples
        if not examples and _is_about_inputs(source):
            continue
        if not any(example.fails for example in examples):
            lacking.append(f"{rule_id} has no failing example")
        if not any(example.passes for example in examples):
            lacking.append(f"{rule_id} has no passing example")
    assert not lacking, "\n".join(lacking)


def _is_about_inputs(source: RuleSource) -> bool:
    """Whether a rule is about what stands on a disk, which no data set can show."""
    return bool(source.rule.check) and all(code.startswith("input.") for code in source.rule.check)


def test_names_of_examples_are_unique_within_a_rule() -> None:
    for source in EVERY:
        names = [example.name for example in source.rule.examples]
        assert len(set(names)) == len(names), source.file


@cache
def _checker() -> Checker:
    """All rules that are on by default, as their files have them, whatever a profile says."""
    checker = Checker(Settings(frames="all"))
    checker.planner = Planner(active_rules(EVERY, Settings()))
    return checker


def _all_findings(files: tuple[ExampleFile, ...]) -> tuple[Finding, ...]:
    checker = _checker()
    totals = Totals(checker)
    for file in files:
        task, data = Task(file.name, True), WholeBuffer(file.data)
        first = checker.check_buffer(task, data)
        # What is known of its shape by now must not keep anything back.
        assert _told(checker.check_buffer(task, data)) == _told(first), file.name
        totals.add(first)
    return totals.report(started=time.monotonic(), fail_on=None, config=None).findings


def _told(result: Result) -> object:
    return result.findings, result.outcomes, result.undecided


def _failing() -> list[tuple[str, int]]:
    return [
        (rule_id, number)
        for rule_id, source in SOURCES.items()
        for number, example in enumerate(source.rule.examples)
        if example.fails and (example.dataset is not None or example.datasets)
    ]


def _at_same_place(findings: tuple[Finding, ...]) -> list[frozenset[str]]:
    places: dict[object, set[str]] = {}
    for finding in findings:
        # A finding without path is about the whole file, or about a byte.
        place = (finding.subject.kind, finding.file, finding.path or finding.offset)
        places.setdefault(place, set()).add(finding.rule)
    return [frozenset(rules) for place, rules in places.items() if len(rules) > 1]


@pytest.mark.parametrize("rule_id", sorted({rule_id for rule_id, _ in _failing()}))
def test_one_defect_gives_one_finding(rule_id: str) -> None:
    source: RuleSource = SOURCES[rule_id]
    wrong = []
    for number, example in enumerate(source.rule.examples):
        if not example.fails or (example.dataset is None and not example.datasets):
            continue
        for rules in _at_same_place(_all_findings(example_files(source, number))):
            allowed, _ = SAME_PLACE.get((rule_id, example.name), (frozenset(), ""))
            if not rules <= allowed:
                wrong.append(f"{source.file} {example.name!r}: {', '.join(sorted(rules))} at one place")
    assert not wrong, "\n".join(wrong)


def test_exceptions_are_still_needed() -> None:
    for rule_id, name in SAME_PLACE:
        examples: tuple[Example, ...] = SOURCES[rule_id].rule.examples
        number = next(number for number, example in enumerate(examples) if example.name == name)
        assert _at_same_place(_all_findings(example_files(SOURCES[rule_id], number))), (rule_id, name)


@pytest.mark.parametrize("base", base_names())
def test_bases_are_clean(base: str) -> None:
    example = Example(name="base", passes=True, dataset={"use": base})
    source = RuleSource(_any_rule(example), "")
    findings = _all_findings(example_files(source, 0))
    # A DICOMDIR alone: the files that it names are not there.
    told = [f for f in findings if f.rule != "DIR004"]
    loud = [f"{f.rule} {f.path}: {f.message}" for f in told if RANK[f.severity] > RANK["info"]]
    assert not loud, "\n".join(loud)


def _any_rule(example: Example):
    import msgspec

    return msgspec.structs.replace(EVERY[0].rule, examples=(example,))


def test_every_generic_check_has_its_rule() -> None:
    wanted = set(CHECKS) - set(WITHOUT_RULE)
    # An instance of no SOP Class meets all rules that are for every instance.
    assert set(_checker().planner.plan("").generic) == wanted
    rules: dict[str, list[str]] = {}
    for source in EVERY:
        if not source.rule.attributes and not source.rule.applies.sop_class:
            for code in source.rule.check:
                rules.setdefault(code, []).append(source.rule.id)
    assert {code: found for code, found in rules.items() if len(found) > 1} == {}


def test_severity_follows_basis() -> None:
    wrong = []
    for source in EVERY:
        rule = source.rule
        if rule.basis == "local":
            wrong.append(f"{rule.id}: no built-in rule is local")
        if rule.severity == "error" and rule.basis not in ("requirement", "inference"):
            wrong.append(f"{rule.id}: {rule.basis} is no reason for an error")
        for downgrade in rule.downgrade:
            if RANK[downgrade.severity] >= RANK[rule.severity]:
                wrong.append(f"{rule.id}: the downgrade to {downgrade.severity} is none")
    assert not wrong, "\n".join(wrong)


def test_rules_cite_and_explain() -> None:
    for source in EVERY:
        rule = source.rule
        assert rule.references or rule.basis in ("recommendation", "interop"), rule.id
        assert rule.title, rule.id
        assert rule.why, rule.id
        assert rule.remedy, rule.id
        assert not rule.title.endswith("."), rule.id


def test_files_are_named_after_their_rules() -> None:
    for source in EVERY:
        assert Path(source.file).name == f"{source.rule.id}-{source.rule.name}.yaml"


def test_rule_files_have_no_static_mistakes() -> None:
    files = [(path, str(path.relative_to(ROOT))) for path in rule_files(data_folder("rules"))]
    sources, mistakes = check_files(files)
    assert [str(mistake) for mistake in mistakes] == []
    assert len(sources) == len(files)
