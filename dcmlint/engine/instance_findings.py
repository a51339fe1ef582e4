"""The findings of one instance as they are made: repeats are counted, and of one rule no more are listed than can be read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from dcmlint.dicom.path import path_of
from dcmlint.engine.maker import FindingMaker, Where, lower_of
from dcmlint.engine.placing import Failure
from dcmlint.engine.plan import ActiveRule, Plan
from dcmlint.engine.unusable import Unusable
from dcmlint.findings.collapse import Repeats, collapse, without_indices
from dcmlint.findings.finding import RANK, Finding, Fix
from dcmlint.findings.problem import Problem, attributes

# Findings of one rule for one file that are listed, joined over items or each by itself; more are counted.
MAX_FINDINGS = 1000
MAX_FINDINGS_APART = 10_000


class InstanceFindings:
    """Takes failures of rules, makes findings of those that are listed, and counts the others.

    ``fixes`` gives what would repair a failure; it is asked for those that become findings, unless ``kept`` is a list:
    then all failures are appended to it, and findings have no fixes.
    """

    def __init__(
        self, plan: Plan, maker: FindingMaker, group: bool, fixes: Callable[[Failure], tuple[Fix, ...]]
    ) -> None:
        self.made: list[Finding] = []
        self.kept: list[Failure] | None = None
        self._plan, self._maker, self._group, self._fixes = plan, maker, group, fixes
        self._repeats = Repeats()
        self._listed: dict[str, set[str]] = {}
        self._beyond: dict[ActiveRule, int] = {}
        # By rule, the places that its problems have spoilt beside their own.
        self._caused: dict[str, set[str]] = {}
        self._unusable = Unusable()
        # What follows from values that cannot be used: it is not told, but what follows from it is not either.
        self._following: list[Finding] = []

    def note(self, active: ActiveRule, problem: Problem) -> None:
        """Take in what a general check tells of a value, before what others make of it."""
        rank = RANK[lower_of(active.severity, problem.severity)]
        self._unusable.note(active.id, problem, rank)

    def add(self, failure: Failure) -> None:
        """Take in what a rule found."""
        active, problem, where = failure.active, failure.problem, failure.where
        if self.kept is not None:
            self.kept.append(failure)
        rank = RANK[lower_of(active.severity, problem.severity)]
        if self._unusable.explains(failure, rank, self._plan.explained(active.id)):
            if len(self._following) < MAX_FINDINGS:
                self._following += self._maker.make(active, problem, where)
            return
        if problem.check:
            self.note(active, problem)
        listed = self._listed.setdefault(active.id, set())
        # Repeats at other items are one finding; where they are not joined, each place is one.
        place = without_indices(where.path) if self._group and "[" in where.path else where.path
        if place not in listed and len(listed) >= (MAX_FINDINGS if self._group else MAX_FINDINGS_APART):
            self._beyond[active] = self._beyond.get(active, 0) + where.count
            return
        listed.add(place)
        causes = problem.causes
        if failure.level is not None:
            causes += attributes(failure.level, *self._plan.causes.get(active.id, ()))
        if causes:
            self._caused.setdefault(active.id, set()).update(path_of(*one) for one in causes)
        joined = place is not where.path and active.id not in self._plan.bound and not where.places
        if joined and self._repeats.counts(self.made, active.id, place, where.path, rank, where.count):
            return
        if self.kept is None and not problem.fixes and (fixes := self._fixes(failure)):
            problem = msgspec.structs.replace(problem, fixes=fixes)
        self.made += self._maker.make(active, problem, where)

    def counts_again(
        self, active: ActiveRule, place: str, numbers: tuple[int, ...], problem: Problem
    ) -> bool:
        """Whether a problem at a place without indices is one more of those that are only counted; else nothing is done."""
        if self.kept is not None:
            return False
        rank = RANK[lower_of(active.severity, problem.severity)]
        return self._repeats.counts_again(active.id, place, numbers, rank, max(1, problem.count))

    def left_out(self) -> set[str]:
        """Leave out findings that follow from another one: one defect, one finding.

        Gives the rules that have no finding any more.
        """
        rules = {finding.rule for finding in (*self.made, *self._following)}
        kept = self._without_what_follows(self.made, frozenset())
        # A value that cannot be used is told, whatever was made of it.
        self.made = self._without_what_follows(kept, self._unusable.rules, self._following)
        return rules.difference(finding.rule for finding in self.made)

    def _without_what_follows(
        self, made: list[Finding], spared: Collection[str], causes: Sequence[Finding] | None = None
    ) -> list[Finding]:
        """Findings without those that rules explain by others of them, or by ``causes``; ``spared``: rules that stay."""
        here, anywhere = self._plan.explains, self._plan.explains_in_file
        places: dict[str, set[str]] = {}  # by rule, the places at which a finding of it follows from another
        ranks: dict[str, int] = {}  # by rule, the rank up to which it does wherever it stands
        for finding in made if causes is None else causes:
            for other in here.get(finding.rule, ()):
                places.setdefault(other, set()).add(finding.path)
                places[other] |= self._caused.get(finding.rule, set())
            for other in anywhere.get(finding.rule, ()):
                ranks[other] = max(ranks.get(other, 0), RANK[finding.severity])
        if not places and not ranks:
            return made
        return [
            finding for finding in made
            if finding.rule in spared or not (
                RANK[finding.severity] <= ranks.get(finding.rule, -1)
                or _is_within(finding.path, places.get(finding.rule, ()))
            )
        ]  # fmt: skip

    def all(self) -> tuple[Finding, ...]:
        """The findings, those that are alike joined; a rule of which more was found than is listed says how much."""
        for active, count in self._beyond.items():
            message = f"{count} more findings of this rule in this file are not listed"
            self.made += self._maker.make(active, Problem(message=message), Where(count=count))
        made = self._repeats.added_to(self.made)
        return collapse(made, self._plan.once) if self._group else tuple(made)


def _is_within(path: str, places: Collection[str]) -> bool:
    """Whether a path is one of ``places``, or within one."""
    if not places:
        return False
    return path in places or any(place and path.startswith((f"{place}.", f"{place}[")) for place in places)
