"""Runs the examples of rules: the same way as a real run, with one rule on (or all table rules)."""

from __future__ import annotations

import time
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.engine.plan import ActiveRule, Plan, Planner
from dcmlint.engine.run import InstanceRun
from dcmlint.engine.session import Checker, Task, Totals
from dcmlint.engine.settings import Settings
from dcmlint.errors import RuleError
from dcmlint.expr import UNKNOWN
from dcmlint.facts.registry import Facts, groups
from dcmlint.findings.finding import RANK, Finding, OutcomeKind
from dcmlint.rules.compile import sop_classes_of
from dcmlint.rules.examples import ExampleFile, example_files
from dcmlint.rules.model import Example, RuleSource
from dcmlint.rules.tables.elements import ValueCache
from dcmlint.rules.yaml_source import Tagged

_WORST: tuple[OutcomeKind, ...] = ("fail", "error", "undecided", "pass", "not_applicable")
_SETTINGS = Settings(frames="all")
_VALUES: ValueCache = {}


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
    active = ActiveRule(source, rule.severity)
    reason = ""
    if rule.scope in ("slide", "series"):
        outcome, findings, reason = _together(active, files)
    elif not files:
        outcome, findings, reason = _on_facts(active, example)
    else:
        outcome, findings, reason = _on_file(active, files[0], example, others)
    return ExampleResult(
        rule=rule.id, example=example.name, file=source.file, line=line, column=column, outcome=outcome,
        wanted=wanted_outcome(example), findings=findings, reason=reason, problem=_problem(example, outcome, findings),
    )  # fmt: skip


def _problem(example: Example, outcome: OutcomeKind, findings: Sequence[Finding]) -> str:
    wanted = wanted_outcome(example)
    if outcome != wanted:
        return f"{wanted} was wanted, {outcome} came"
    count = sum(finding.count for finding in findings)
    if example.count and count != example.count:
        return f"{example.count} places were wanted, {count} came"
    if example.severity is not None and findings:
        worst = max(findings, key=lambda finding: RANK[finding.severity]).severity
        if worst != example.severity:
            return f"severity {example.severity} was wanted, {worst} came"
    return ""


_Came = tuple[OutcomeKind, tuple[Finding, ...], str]


def _on_file(active: ActiveRule, file: ExampleFile, example: Example, others: Sequence[RuleSource]) -> _Came:
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
    run = InstanceRun(instance, file.name, Plan(rules, instance.sop_class), _SETTINGS, _VALUES)
    _give(run.facts, example.facts)
    checked = run.run()
    outcome = checked.outcomes.get(rule.id, "not_applicable")
    findings = tuple(finding for finding in checked.findings if finding.rule == rule.id)
    return outcome, findings, checked.undecided.get(rule.id, "")


def _on_facts(active: ActiveRule, example: Example) -> _Came:
    """A rule about an association: no data set, only what is known of it."""
    run = InstanceRun(Instance(WholeBuffer(b"")), "", Plan((), ""), _SETTINGS, _VALUES)
    (run.plan.functions if active.rule.kind == "function" else run.plan.expressions).append(active)
    _give(run.facts, example.facts)
    checked = run.run()
    return checked.outcomes[active.rule.id], checked.findings, checked.undecided.get(active.rule.id, "")


def _together(active: ActiveRule, files: Sequence[ExampleFile]) -> _Came:
    checker = Checker(_SETTINGS)
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


# -- facts ----------------------------------------------------------------------------------------------


def _give(facts: Facts, given: Mapping[str, Any]) -> None:
    known = groups() if given else {}
    for name, value in given.items():
        group = known.get(name)
        if group is None:
            raise RuleError(
                f"an example gives {name!r}, which is no group of facts", hint=f"known: {', '.join(known)}"
            )
        try:
            facts.give(name, None if _is(value, "absent") else fact_value(group.struct, value))
        except (TypeError, ValueError) as problem:
            raise RuleError(f"an example gives {name!r}: {problem}") from None


def fact_value(hint: Any, value: Any, where: str = "") -> Any:
    """A value of a rule file as a fact of type ``hint``; fields that are not given are empty.

    ``!unknown`` is what cannot be known, ``!absent`` nothing.  Raises ValueError with the field.
    """
    if _is(value, "unknown"):
        return UNKNOWN
    if _is(value, "absent"):
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _first_that_fits(
            [part for part in typing.get_args(hint) if part is not type(None)], value, where
        )
    if origin is typing.Literal:
        if value not in typing.get_args(hint):
            raise ValueError(f"{where}: {value!r} is none of {', '.join(map(str, typing.get_args(hint)))}")
        return value
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, value, where)
    if hint is bool:
        if value not in ("true", "false"):
            raise ValueError(f"{where}: true or false, not {value!r}")
        return value == "true"
    if hint in (int, float):
        try:
            return hint(value)
        except (TypeError, ValueError):
            raise ValueError(f"{where}: {value!r} is no number") from None
    if origin is dict:
        kind = typing.get_args(hint)[1]
        return {key: fact_value(kind, one, f"{where}.{key}") for key, one in dict(value).items()}
    if isinstance(value, list):
        arguments = typing.get_args(hint)
        made = [
            fact_value(arguments[0] if arguments else str, one, f"{where}[{i}]")
            for i, one in enumerate(value)
        ]
        return frozenset(made) if origin in (frozenset, set) else made if origin is list else tuple(made)
    return value


def _first_that_fits(parts: Sequence[Any], value: Any, where: str) -> Any:
    problem: Exception | None = None
    for part in parts:
        try:
            return fact_value(part, value, where)
        except (TypeError, ValueError) as mistake:
            problem = problem or mistake
    raise ValueError(str(problem) if problem else f"{where}: {value!r} does not fit")


def _struct(kind: type[msgspec.Struct], value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: a mapping is wanted")
    hints = typing.get_type_hints(kind)
    made: dict[str, Any] = {}
    known = {field.name for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in known:
            raise ValueError(f"{where or kind.__name__}: no field {name!r}")
    for field in msgspec.structs.fields(kind):
        place = f"{where}.{field.name}".lstrip(".")
        if field.name in value:
            made[field.name] = fact_value(hints[field.name], value[field.name], place)
        elif field.required:
            made[field.name] = _nothing(hints[field.name], place)
    return kind(**made)


def _nothing(hint: Any, where: str) -> Any:
    """What a required field holds that an example does not give."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in typing.get_args(hint):
        return None
    if origin in (tuple, list, frozenset, set) or getattr(origin, "__name__", "") == "Sequence":
        return ()
    if hint in (str, int, float, bool):
        return hint()
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, {}, where)
    raise ValueError(f"{where} must be given")


def _is(value: Any, tag: str) -> bool:
    return isinstance(value, Tagged) and value.tag == tag
