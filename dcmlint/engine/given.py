"""Holds rules against a subject that has facts and no data set: an association, an endpoint, a sender, an SVS file.

The same rules, outcomes and findings as for instances; only that the facts are given and nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dcmlint.engine.maker import FindingMaker
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.runner import Checked, Ends, RuleSubject, hold, ordered
from dcmlint.engine.settings import Settings
from dcmlint.expr import ABSENT
from dcmlint.facts.registry import GivenFacts
from dcmlint.findings.collapse import collapse
from dcmlint.findings.finding import Subject


class GivenScope:
    """A scope without attributes: expressions see only facts."""

    __slots__ = ("fact",)

    def __init__(self, facts: GivenFacts) -> None:
        self.fact = facts

    def attribute(self, tag: int) -> object:
        """There is no data set."""
        return ABSENT

    up = attribute

    @property
    def root(self) -> GivenScope:
        """There is only this level."""
        return self

    file = root


class GivenContext(msgspec.Struct, frozen=True):
    """What a rule's function sees: facts by group."""

    facts: GivenFacts


class _Given(RuleSubject):
    def concerns(self, active: ActiveRule) -> bool:
        """Not where the rule is about data sets of some class or modality."""
        applies = active.rule.applies
        return not applies.sop_class and not applies.modality


def check_given(
    rules: Sequence[ActiveRule], given: Mapping[str, Any], subject: Subject, settings: Settings
) -> Checked:
    """Hold rules against facts.

    ``rules``: those that are about this kind of subject; ``given``: structs by the name of their group of facts;
    ``subject``: how reports name it (an association by host and port, or by the calling AE title).
    """
    facts = GivenFacts(given)
    file = subject.id if subject.kind == "file" else None
    held = _Given(GivenScope(facts), GivenContext(facts), FindingMaker(subject, file, settings))
    ends = Ends()
    hold(rules, held, ends)
    findings = collapse(held.findings) if settings.group else held.findings
    return Checked(findings=ordered(findings), outcomes=ends.of(rules), undecided=ends.undecided)
