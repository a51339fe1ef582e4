"""One rule followed on one file: each step of its evaluation with the values that it used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dcmlint.engine.evaluate import applies
from dcmlint.engine.maker import FindingMaker
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.run import InstanceRun
from dcmlint.engine.session import INSTANCE_COUNT, Checker, Opener, Task
from dcmlint.errors import InputError
from dcmlint.expr import UNKNOWN, Expression, Missing
from dcmlint.findings.finding import Finding, OutcomeKind, Subject

# What rules that are not about an instance are about, and how they are evaluated.
_ELSEWHERE = {
    "slide": "a whole slide: check its folder",
    "series": "a whole series: check its folder",
    "association": "an association: dcmlint probe and dcmlint listen evaluate it",
}
_MOST_PLACES = 3  # items of which the steps are shown


class Step(msgspec.Struct, frozen=True):
    """A part of a rule: where it is from (``when``, ``let NAME``, ``assert``), its text, what came of it, from what."""

    part: str
    text: str
    result: str
    values: str = ""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule did with one file; ``places``: the steps of each item that the rule is held for.

    ``reason``: why it was undecided or did not apply; ``findings`` as a report would have them.
    """

    outcome: OutcomeKind
    title: str
    reason: str = ""
    places: tuple[tuple[str, tuple[Step, ...]], ...] = ()
    more: int = 0
    findings: tuple[Finding, ...] = ()


def follow(checker: Checker, rule: str, path: str, open_: Opener) -> Followed:
    """Check one file and say what the rule with this id did.  Raises `InputError` for what is not one instance."""
    runs: list[InstanceRun] = []
    result = checker.check_opened(Task(path, True), open_(), keep=runs.append)
    if not runs:
        raise InputError(
            result.findings[0].message
            if result.findings
            else f"not one DICOM instance ({result.record.title})"
        )
    run = runs[0]
    findings = tuple(one for one in result.findings if one.rule == rule)
    active = checker.active[rule]
    scope = active.rule.scope
    if scope in _ELSEWHERE:
        return Followed(
            outcome="not_applicable",
            title=result.record.title,
            reason=f"the rule is about {_ELSEWHERE[scope]}",
        )
    if active.of_all_inputs:
        command = "dcmlint check --expect N" if rule == INSTANCE_COUNT else "dcmlint check"
        reason = f"the rule is about all inputs of a run: {command} evaluates it"
        return Followed(outcome="not_applicable", title=result.record.title, reason=reason)
    if rule not in run.plan.ids:
        kinds = ", ".join((*active.rule.applies.sop_class, *active.rule.applies.modality))
        reason = f"the rule applies to {kinds}" if kinds else "it is not evaluated on such a file"
        return Followed(outcome="not_applicable", title=result.record.title, reason=reason)
    outcome = result.outcomes.get(rule, "fail" if findings else "pass")
    maker = FindingMaker(Subject("file", path, (path,)), path, checker.settings)
    places = run.places(active)
    return Followed(
        outcome=outcome, title=result.record.title, reason=result.undecided.get(rule, ""), findings=findings,
        places=tuple(
            (name, tuple(_steps(active, scope, maker))) for name, scope in places[:_MOST_PLACES]
        ),
        more=max(0, len(places) - _MOST_PLACES),
    )  # fmt: skip


def _steps(active: ActiveRule, scope: Any, maker: FindingMaker) -> Iterator[Step]:
    compiled = active.compiled
    applied = applies(compiled, scope)
    if compiled.when is not None:
        yield from _clauses("when", compiled.when, scope, applied.lets, maker)
    if applied.outcome != "pass":
        return
    for name, let in compiled.lets:
        operands = [one for _, _, found in let.clauses(scope, applied.lets) for one in found]
        yield Step(f"let {name}", let.source, _shown(applied.lets[name], maker), maker.operands(operands))
    if compiled.assertion is not None:
        yield from _clauses("assert", compiled.assertion, scope, applied.lets, maker)


def _clauses(
    part: str, expression: Expression, scope: Any, lets: dict[str, object], maker: FindingMaker
) -> Iterator[Step]:
    known = {name: lets[name] for name in expression.lets if name in lets}
    if len(known) < len(expression.lets):
        return  # the condition before it was not met
    for text, value, operands in expression.clauses(scope, known):
        yield Step(part, text, _shown(value, maker), maker.operands(operands))


def _shown(value: object, maker: FindingMaker) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Missing):
        return f"undecided: {', '.join(value.names)} missing"
    if value is UNKNOWN:
        return "undecided: it cannot be known"
    return maker.show(value)
