"""Adding up the outcomes of many instances.

Most rules pass on most instances: what is kept of an instance is its plan and the exceptions to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dcmlint.engine.plan import Planner
from dcmlint.findings.finding import OutcomeKind, Outcomes


class OutcomeCounts:
    """How often each rule ended in each way."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._planned: Counter[str] = Counter()
        self._exceptions: Counter[tuple[str, OutcomeKind]] = Counter()
        self._others: Counter[tuple[str, OutcomeKind]] = Counter()

    def add_instance(self, sop_class: str, exceptions: Mapping[str, OutcomeKind]) -> None:
        """Count an instance that was held against the plan of a SOP Class: all pass but the exceptions."""
        self._planned[sop_class] += 1
        self._exceptions.update(exceptions.items())

    def add(self, outcomes: Mapping[str, OutcomeKind]) -> None:
        """Count outcomes outside of a plan: of a slide, or of an input that could not be read."""
        self._others.update(outcomes.items())

    def add_counted(
        self, planned: Mapping[str, int], exceptions: Mapping[tuple[str, OutcomeKind], int],
        others: Mapping[tuple[str, OutcomeKind], int],
    ) -> None:  # fmt: skip
        """Take in counts: instances by SOP Class, exceptions to their plans, and outcomes outside of plans."""
        self._planned.update(planned)
        self._exceptions.update(exceptions)
        self._others.update(others)

    def total(self) -> Outcomes:
        """All outcomes by rule."""
        total: Outcomes = {}

        def row(rule: str) -> dict[str, int]:
            return total.setdefault(
                rule, {"pass": 0, "fail": 0, "not_applicable": 0, "undecided": 0, "error": 0}
            )

        for sop_class, count in self._planned.items():
            for rule in self._planner.plan(sop_class).ids:
                row(rule)["pass"] += count
        for (rule, outcome), count in self._exceptions.items():
            row(rule)["pass"] -= count
            row(rule)[outcome] += count
        for (rule, outcome), count in self._others.items():
            row(rule)[outcome] += count
        return total
