"""What repairs do to slides and series: after them no rule about several files may fail that did not fail before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from dcmlint import standard
from dcmlint.engine.across import check_together
from dcmlint.engine.members import Members
from dcmlint.engine.session import Checker
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import Finding
from dcmlint.fixes.run import Taken


class Together:
    """Collects what became of the files of a run, in their order."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._members: list[tuple[str, bytes, bytes]] = []
        self._done: set[str] = set()  # files that were changed at once

    def add(self, taken: Taken) -> None:
        """Take in a file."""
        if taken.before or taken.after:
            self._members.append((taken.outcome.path, taken.before, taken.after))
            if not taken.waits:
                self._done.add(taken.outcome.path)

    def withheld(self, waiting: Sequence[str]) -> dict[str, str]:
        """Of the files that wait, by path, those whose changes must not be made, and why."""
        left = set(waiting)
        why: dict[str, str] = {}
        counts = _counted(self._found(frozenset()))
        while left:
            found = self._found(left | self._done)
            new = _counted(found) - counts
            worse = [finding for finding in found if new[_key(finding)]]
            if not worse:
                break
            files = {file for finding in worse for file in finding.subject.files} & left or left
            reason = f"{worse[0].rule} would fail in {worse[0].subject.kind} {worse[0].subject.id}"
            why.update(dict.fromkeys(files, reason))
            left -= files
        return why

    def _found(self, changed: Set[str]) -> tuple[Finding, ...]:
        """What the rules about several files find where these files are changed."""
        members = Members(after if path in changed else before for path, before, after in self._members)
        with standard.using(self._checker.tables):
            return check_together(members, self._checker.planner.together, self._checker.settings).findings


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.subject.kind, without_indices(finding.path)


def _counted(findings: Sequence[Finding]) -> Counter[tuple[str, str, str]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        counts[_key(finding)] += max(1, finding.count)
    return counts
