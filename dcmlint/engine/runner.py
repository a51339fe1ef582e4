"""The one loop that holds rules against a subject: an instance, an SVS file, a slide, a series, an association."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dcmlint.dicom.items import Group
from dcmlint.dicom.path import parse_path
from dcmlint.engine.evaluate import applies, evaluate, failure
from dcmlint.engine.guard import Outcome, guarded
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.findings.finding import RANK, Finding, OutcomeKind
from dcmlint.findings.problem import Problem

Groups = tuple[Group, ...]

_ORDER = {"not_applicable": 0, "pass": 1, "undecided": 2, "fail": 3, "error": 4}


class Ends:
    """How rules ended.

    ``outcomes``: of those that did not simply pass; ``undecided``: why some stayed open or crashed.
    """

    __slots__ = ("outcomes", "undecided")

    def __init__(self) -> None:
        self.outcomes: dict[str, OutcomeKind] = {}
        self.undecided: dict[str, str] = {}

    def of(self, rules: Iterable[ActiveRule]) -> dict[str, OutcomeKind]:
        """The outcome of each of the rules."""
        return {active.id: self.outcomes.get(active.id, "pass") for active in rules}


class RuleSubject:
    """What rules are held against, and what becomes of what they find.

    ``scope``: what expressions see of it, and the ``when`` of functions; ``context``: what functions get.
    A subject overrides what is particular to it.
    """

    def __init__(self, scope: Any, context: Any, maker: FindingMaker) -> None:
        self.scope, self.context, self.maker = scope, context, maker
        self.findings: list[Finding] = []

    def concerns(self, active: ActiveRule) -> bool:
        """Whether a rule may apply at all, without an evaluation."""
        return True

    def scopes(self, active: ActiveRule) -> Iterable[tuple[Any, Groups]]:
        """What the expressions of a rule are evaluated on, and the items for which each of these stands."""
        return ((self.scope, ()),)

    def failed(self, active: ActiveRule, scope: Any, lets: dict[str, object], groups: Groups) -> None:
        """Take in that an expression is false; ``lets``: the values of the rule's lets."""
        self.found(active, failure(active.compiled, scope, lets, active.severity, self.maker))

    def found(self, active: ActiveRule, problem: Problem) -> None:
        """Take in a problem of a rule."""
        path = problem.path or active.rule.at
        self.findings += self.maker.make(active, problem, Where(path, _tag(path)))


def hold(rules: Iterable[ActiveRule], subject: RuleSubject, ends: Ends) -> None:
    """Hold rules against a subject, one after the other; one that crashes gets the outcome *error*."""
    outcomes = ends.outcomes
    for active in rules:
        if not subject.concerns(active):
            outcomes.setdefault(active.id, "not_applicable")
            continue
        outcome, reason = guarded(_held, active, subject)
        # A rule that has an outcome already, as an alias of a general one, says nothing new by another one.
        if outcome != "pass" and active.id not in outcomes:
            outcomes[active.id] = outcome
            if reason:
                ends.undecided[active.id] = reason


def _held(active: ActiveRule, subject: RuleSubject) -> Outcome:
    compiled = active.compiled
    if compiled.function is not None:
        if compiled.when is not None:
            applied = applies(compiled, subject.scope)
            if applied.outcome != "pass":
                return applied.outcome, applied.reason
        problems = list(compiled.function(subject.context, **compiled.arguments))
        for problem in problems:
            subject.found(active, problem)
        return ("fail" if problems else "pass"), ""
    worst: Outcome = ("not_applicable", "")
    for scope, groups in subject.scopes(active):
        verdict = evaluate(compiled, scope)
        if verdict.outcome == "fail":
            subject.failed(active, scope, verdict.lets, groups)
        if _ORDER[verdict.outcome] > _ORDER[worst[0]]:
            worst = (verdict.outcome, verdict.reason)
    return worst


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules made of a subject; ``undecided`` says why some stayed open."""

    findings: tuple[Finding, ...] = ()
    outcomes: dict[str, OutcomeKind] = {}
    undecided: dict[str, str] = {}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a subject as reports list them: the worst first."""
    return tuple(
        sorted(findings, key=lambda f: (-RANK[f.severity], f.rule, f.file or "", f.offset or 0, f.path))
    )


def _tag(path: str) -> int:
    if not path:
        return 0
    try:
        return parse_path(path)[-1].tag
    except ValueError:
        return 0  # a place in words
