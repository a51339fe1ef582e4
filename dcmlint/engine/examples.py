"""Runs the examples of rules: the same way as a real run, with one rule on (or all table rules)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from typing import Any

import msgspec

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.given import check_given
from dcmlint.engine.plan import ActiveRule, Planner
from dcmlint.engine.run import InstanceRun
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import RANK, Finding, OutcomeKind, Subject
from dcmlint.rules.compile import sop_classes_of
from dcmlint.rules.example_facts import example_facts
from dcmlint.rules.examples import ExampleFile, example_files
from dcmlint.rules.model import Example, RuleSource
from dcmlint.rules.tables.elements import ValueCache

_WORST: tuple[OutcomeKind, ...] = ("fail", "error", "undecided", "pass", "not_applicable")
_SETTINGS = Settings(frames="all", decode=True)
_VALUES: ValueCache = set()


class ExampleResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one example; ``problem`` is empty where it is what the example says.

    ``reason`` is why the rule was undecided or crashed.
    """

    rule: str
    example: str
    file: str
    line: int
    column: int
    outcome: OutcomeKind
    wanted: OutcomeKind
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    problem: str = ""


def wanted_outcome(example: Example) -> OutcomeKind:
    """The outcome that an example promises."""
    if example.fails:
        return "fail"
    return "pass" if example.passes else "undecided" if example.undecided else "not_applicable"


def run_examples(source: RuleSource, others: Sequence[RuleSource] = ()) -> Iterable[ExampleResult]:
    """Run all examples of a rule.  ``others``: rules among which those of kind table run along.

    Raises RuleError with its place where an example cannot be made.
    """
    for number in range(len(source.rule.examples)):
        yield run_example(source, number, others)


def run_example(source: RuleSource, number: int, others: Sequence[RuleSource] = ()) -> ExampleResult:
    """Run example ``number`` (0-based) of a rule; see `run_examples`."""
    rule = source.rule
    example = rule.examples[number]
    line, column = source.marks.get(f"$.examples[{number}]", (0, 0))
    files = example_files(source, number)
    facts = example_facts(source, number)
    active = ActiveRule(source, rule.severity)
    reason = ""
    if rule.scope in ("slide", "series"):
        outcome, findings, reason = _together(active, files)
    elif not files:
        outcome, findings, reason = _on_facts(active, facts)
    else:
        outcome, findings, reason = _on_file(active, files[0], facts, others)
    return ExampleResult(
        rule=rule.id, example=example.name, file=source.file, line=line, column=column, outcome=outcome,
        wanted=wanted_outcome(example), findings=findings, reason=reason, problem=_problem(example, outcome, findings),
    )  # fmt: skip


def _problem(example: Example, outcome: OutcomeKind, findings: Sequence[Finding]) -> str:
    wanted = wanted_outcome(example)
    if outcome != wanted:
        return f"{wanted} was expected, but got {outcome}"
    count = sum(finding.count for finding in findings)
    if example.count and count != example.count:
        return f"{example.count} places were expected, but found {count}"
    if example.severity is not None and findings:
        worst = max(findings, key=lambda finding: RANK[finding.severity]).severity
        if worst != example.severity:
            return f"severity {example.severity} was expected, but got {worst}"
    return ""


_Came = tuple[OutcomeKind, tuple[Finding, ...], str]


def _on_file(
    active: ActiveRule, file: ExampleFile, facts: Mapping[str, Any], others: Sequence[RuleSource]
) -> _Came:
    rule = active.rule
    instance = read_instance(WholeBuffer(file.data))
    if instance is None:
        failed = rule.kind == "table" and "input.not-dicom" in rule.check
        return ("fail" if failed else "not_applicable"), (), "not DICOM"
    wanted = sop_classes_of(rule)
    if wanted and instance.sop_class not in wanted:
        return "not_applicable", (), ""
    rules = [active]
    if rule.kind == "table":
        rules = [
            ActiveRule(one, one.rule.severity)
            for one in others
            if one.rule.kind == "table" and one.rule.id != rule.id
        ]
        rules.append(active)
    plan = Planner(rules).plan(instance.sop_class)
    run = InstanceRun(instance, file.name, plan, _SETTINGS, _VALUES)
    for name, value in facts.items():
        run.facts.give(name, value)
    checked = run.run()
    outcome = checked.outcomes.get(rule.id, "pass" if rule.id in run.plan.ids else "not_applicable")
    findings = tuple(finding for finding in checked.findings if finding.rule == rule.id)
    return outcome, findings, checked.undecided.get(rule.id, "")


def _on_facts(active: ActiveRule, facts: Mapping[str, Any]) -> _Came:
    """A rule about an association: no data set, only what is known of it."""
    checked = check_given((active,), facts, Subject("association", ""), _SETTINGS)
    return checked.outcomes[active.id], checked.findings, checked.undecided.get(active.id, "")


@cache
def _checker() -> Checker:
    return Checker(_SETTINGS)


def _together(active: ActiveRule, files: Sequence[ExampleFile]) -> _Came:
    checker = copy(_checker())
    checker.planner = Planner([active])
    totals = Totals(checker)
    for file in files:
        totals.add(checker.check_buffer(Task(file.name, True), WholeBuffer(file.data)))
    report = totals.report(started=time.monotonic(), fail_on=None, config=None)
    rule_id = active.rule.id
    row = report.outcomes.get(rule_id, {})
    outcome: OutcomeKind = next((kind for kind in _WORST if row.get(kind)), "not_applicable")
    reason = ", ".join(report.undecided.get(rule_id, {}))
    return outcome, tuple(finding for finding in report.findings if finding.rule == rule_id), reason
