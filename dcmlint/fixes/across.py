"""What repairs do to slides and series: after them no rule about several files may fail that did not fail before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set

from dcmlint import standard
from dcmlint.engine.across import check_together
from dcmlint.engine.members import Members, of_itself
from dcmlint.engine.session import Checker
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import Finding
from dcmlint.fixes.run import Taken
from dcmlint.fixes.spared import Place


class Together:
    """Collects what became of the files of a run, in their order."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._members: dict[str, tuple[bytes, bytes]] = {}  # before and after, by path
        self._done: set[str] = set()  # files that were changed at once

    def add(self, taken: Taken) -> None:
        """Take in a file, in place of what was known of it."""
        if taken.before or taken.after:
            self._members[taken.outcome.path] = of_itself(taken.before), of_itself(taken.after)
            if not taken.waits:
                self._done.add(taken.outcome.path)

    def withheld(self, waiting: Sequence[str]) -> dict[str, str]:
        """Of the files that wait, by path, those whose changes must not be made, and why."""
        left = set(waiting)
        why: dict[str, str] = {}
        counts = _counted(self._found(frozenset()))
        while left:
            files, reason = _worse(self._found(left | self._done), counts, left)
            if not files:
                break
            why.update(dict.fromkeys(files, reason))
            left -= files
        return why

    def to_blame(
        self, waiting: Collection[str], blamed: Mapping[str, Mapping[Place, bytes]]
    ) -> dict[str, dict[Place, str]]:
        """Of the files whose changes must not all be made the parts that must not, and why.

        ``blamed``: of each of them, what is seen of each part alone; of the others of ``waiting`` all changes are made.
        """
        counts = _counted(self._found(frozenset()))
        changed = {*self._done, *waiting} - blamed.keys()
        why: dict[str, dict[Place, str]] = {}
        for part in sorted({part for parts in blamed.values() for part in parts}):
            left = {path: of_itself(parts[part]) for path, parts in blamed.items() if part in parts}
            while left:
                found = self._found(changed, left)
                files, reason = _worse(found, counts, left)
                if not files:
                    break
                for path in files:
                    why.setdefault(path, {})[part] = reason
                    del left[path]
        return why

    def _found(self, changed: Set[str], instead: Mapping[str, bytes] = {}) -> tuple[Finding, ...]:
        """What the rules about several files find where these files are changed; ``instead``: what is seen of some."""
        members = Members(
            instead.get(path, after if path in changed else before)
            for path, (before, after) in self._members.items()
        )
        with standard.using(self._checker.tables):
            return check_together(members, self._checker.planner.together, self._checker.settings).findings


def _worse(
    found: Sequence[Finding], counts: Counter[tuple[str, str, str]], left: Collection[str]
) -> tuple[set[str], str]:
    """The files of those left that are to blame for what was not found before, and what it is; none: nothing is."""
    new = _counted(found) - counts
    worse = [finding for finding in found if new[_key(finding)]]
    if not worse:
        return set(), ""
    files = {file for finding in worse for file in finding.subject.files}.intersection(left) or set(left)
    return files, f"{worse[0].rule} would fail in {worse[0].subject.kind} {worse[0].subject.id}"


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.subject.kind, without_indices(finding.path)


def _counted(findings: Sequence[Finding]) -> Counter[tuple[str, str, str]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        counts[_key(finding)] += max(1, finding.count)
    return counts
