"""The findings of one instance as they are made: repeats are counted, and of one rule no more are listed than can be read."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from dcmlint.dicom.path import path_of
from dcmlint.engine.maker import FindingMaker, Where, lower_of
from dcmlint.engine.placing import Failure
from dcmlint.engine.plan import ActiveRule, Plan
from dcmlint.findings.collapse import Repeats, collapse, without_indices
from dcmlint.findings.finding import RANK, Finding, Fix
from dcmlint.findings.problem import Problem

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

    def add(self, failure: Failure) -> None:
        """Take in what a rule found."""
        active, problem, where = failure.active, failure.problem, failure.where
        if self.kept is not None:
            self.kept.append(failure)
        listed = self._listed.setdefault(active.id, set())
        # Repeats at other items are one finding; where they are not joined, each place is one.
        place = without_indices(where.path) if self._group and "[" in where.path else where.path
        if place not in listed and len(listed) >= (MAX_FINDINGS if self._group else MAX_FINDINGS_APART):
            self._beyond[active] = self._beyond.get(active, 0) + where.count
            return
        listed.add(place)
        if problem.causes and failure.level is not None:
            caused = self._caused.setdefault(active.id, set())
            caused.update(path_of(failure.level, tag) for tag in problem.causes)
        if problem.spoils:
            self._caused.setdefault(active.id, set()).update(problem.spoils)
        if place is not where.path and active.id not in self._plan.bound and not where.places:
            rank = RANK[lower_of(active.severity, problem.severity)]
            if self._repeats.counts(self.made, active.id, place, where.path, rank, where.count):
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
        here, anywhere = self._plan.explains, self._plan.explains_in_file
        rules = {finding.rule for finding in self.made}
        if rules.isdisjoint(here) and rules.isdisjoint(anywhere):
            return set()
        places: dict[str, set[str]] = {}  # by rule, the places at which a finding of it follows from another
        ranks: dict[str, int] = {}  # by rule, the rank up to which it does wherever it stands
        for finding in self.made:
            for other in here.get(finding.rule, ()):
                places.setdefault(other, set()).add(finding.path)
                places[other] |= self._caused.get(finding.rule, set())
                places[other].update(
                    _beside(finding.path, keyword) for keyword in self._plan.causes.get(finding.rule, ())
                )
            for other in anywhere.get(finding.rule, ()):
                ranks[other] = max(ranks.get(other, 0), RANK[finding.severity])

        def follows(finding: Finding) -> bool:
            return RANK[finding.severity] <= ranks.get(finding.rule, -1) or _is_within(
                finding.path, places.get(finding.rule, ())
            )

        self.made = [finding for finding in self.made if not follows(finding)]
        return rules.difference(finding.rule for finding in self.made)

    def all(self) -> tuple[Finding, ...]:
        """The findings, those that are alike joined; a rule of which more was found than is listed says how much."""
        for active, count in self._beyond.items():
            message = f"{count} more findings of this rule in this file are not listed"
            self.made += self._maker.make(active, Problem(message=message), Where(count=count))
        made = self._repeats.added_to(self.made)
        return collapse(made, self._plan.once) if self._group else tuple(made)


def _beside(path: str, keyword: str) -> str:
    """The path of another attribute of the same level."""
    above, dot, _ = path.rpartition(".")
    return f"{above}{dot}{keyword}"


def _is_within(path: str, places: Collection[str]) -> bool:
    """Whether a path is one of ``places``, or within one."""
    if not places:
        return False
    return path in places or any(place and path.startswith((f"{place}.", f"{place}[")) for place in places)
