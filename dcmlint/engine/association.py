"""Holds the rules of scope association against facts of an association, a TLS session or an endpoint.

The same rules, outcomes and findings as for files; only that the facts are given and nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dcmlint.engine.evaluate import hold
from dcmlint.engine.guard import guarded
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.expr import ABSENT
from dcmlint.facts.registry import GivenFacts
from dcmlint.findings.collapse import collapse
from dcmlint.findings.finding import RANK, Finding, OutcomeKind, Subject


class GivenScope:
    """A scope without attributes: expressions see only facts."""

    __slots__ = ("fact",)

    def __init__(self, facts: GivenFacts) -> None:
        self.fact = facts

    def attribute(self, tag: int) -> object:
        """An association has no data set."""
        return ABSENT

    up = attribute

    @property
    def root(self) -> GivenScope:
        """There is only this level."""
        return self

    file = root


class AssociationContext(msgspec.Struct, frozen=True):
    """What a rule's function sees of an association: its facts by group."""

    facts: GivenFacts


class AssociationChecked(msgspec.Struct, frozen=True):
    """Findings, the outcome of each rule, and why some stayed undecided."""

    findings: tuple[Finding, ...]
    outcomes: dict[str, OutcomeKind]
    undecided: dict[str, str]


def check_association(
    rules: Sequence[ActiveRule], given: Mapping[str, Any], subject: Subject, settings: Settings
) -> AssociationChecked:
    """Hold rules against facts.

    ``rules``: those of scope association that are on; ``given``: structs by the name of their group of facts;
    ``subject``: of kind association, its id is how reports name it (host and port, or the calling AE title).
    """
    facts = GivenFacts(given)
    scope, context = GivenScope(facts), AssociationContext(facts)
    findings: list[Finding] = []
    outcomes: dict[str, OutcomeKind] = {}
    undecided: dict[str, str] = {}

    maker = FindingMaker(subject, None, settings)

    def outcome(active: ActiveRule) -> tuple[OutcomeKind, str]:
        held = hold(active, scope, context, maker)
        for problem in held.problems:
            findings.extend(maker.make(active, problem, Where(problem.path)))
        return held.outcome, held.reason

    for active in rules:
        rule_id = active.rule.id
        outcomes[rule_id], reason = guarded(outcome, active)
        if reason:
            undecided[rule_id] = reason
    joined = collapse(findings) if settings.group else tuple(findings)
    ordered = sorted(joined, key=lambda finding: (-RANK[finding.severity], finding.rule))
    return AssociationChecked(tuple(ordered), outcomes, undecided)
