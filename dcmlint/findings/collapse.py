"""Repeats over frames and items become one finding with a count and the first places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import nsmallest

import msgspec

from dcmlint.findings.finding import RANK, Finding

_INDEX = re.compile(r"\[\d+\]")
SHOWN_PLACES = 3
# Findings of one rule at the items of one path that are made before further ones are only counted.
_MADE = 64


def without_indices(path: str) -> str:
    """A path without its item indices."""
    return _INDEX.sub("", path)


def collapse(findings: Iterable[Finding], once: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Join findings with the same rule, file and path without item indices; the worst severity stays.

    ``once``: rules of which there is one finding for a file.  The order is that of the first of each group.
    """
    groups: dict[tuple[str, str | None, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.file, finding.subject.id, without_indices(finding.path))
        groups.setdefault(key, []).append(finding)
    result: list[Finding] = []
    for group in groups.values():
        first = group[0]
        if len(group) > 1:
            # In the order of the items, whatever order they were found in.
            group.sort(key=lambda finding: _numbers(finding.path))
            first = max(group, key=lambda f: RANK[f.severity])
            places = (place for finding in group for place in finding.places or (finding.path,))
            first = msgspec.structs.replace(
                first, count=sum(finding.count for finding in group),
                places=tuple(nsmallest(SHOWN_PLACES, places, key=_numbers)),
            )  # fmt: skip
        result.append(first)
    return tuple(_at_once(result, once)) if once else tuple(result)


class _Counted:
    """What is known of the findings of one rule at the items of one path, and how many more there are."""

    __slots__ = ("count", "first", "rank", "shown")

    def __init__(self, made: Iterable[Finding]) -> None:
        known = [(RANK[finding.severity], _numbers(finding.path)) for finding in made]
        self.rank = max(rank for rank, _ in known)
        self.first = min(numbers for rank, numbers in known if rank == self.rank)
        self.shown = sorted(numbers for _, numbers in known)[:SHOWN_PLACES]
        self.count = 0

    def adds_nothing(self, rank: int, numbers: tuple[int, ...]) -> bool:
        """Whether `collapse` would take no more from a finding than its number."""
        worse = rank > self.rank or (rank == self.rank and numbers < self.first)
        return not worse and numbers >= self.shown[-1]

    def remember(self, rank: int, numbers: tuple[int, ...]) -> None:
        """One more finding was made."""
        if rank > self.rank:
            self.rank, self.first = rank, numbers
        elif rank == self.rank:
            self.first = min(self.first, numbers)
        self.shown = sorted((*self.shown, numbers))[:SHOWN_PLACES]


class Repeats:
    """Counts what is found again and again at the items of a path, without a finding for each: what `collapse` would not show."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}
        self._counted: dict[tuple[str, str], _Counted] = {}

    def counts(
        self, made: Iterable[Finding], rule: str, place: str, path: str, rank: int, count: int
    ) -> bool:
        """Whether a problem at ``path`` needs no finding of its own.

        ``place``: the path without indices; ``made``: the findings up to now; ``count``: for how many places it stands.
        """
        key = (rule, place)
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen <= _MADE:
            return False
        counted = self._counted.get(key)
        if counted is None:
            alike = (one for one in made if one.rule == rule and without_indices(one.path) == place)
            counted = self._counted[key] = _Counted(alike)
        numbers = _numbers(path)
        if not counted.adds_nothing(rank, numbers):
            counted.remember(rank, numbers)
            return False
        counted.count += count
        return True

    def counts_again(self, rule: str, place: str, numbers: tuple[int, ...], rank: int, count: int) -> bool:
        """The same for a place of which it is known that findings at it are counted; False changes nothing."""
        counted = self._counted.get((rule, place))
        if counted is None or not counted.adds_nothing(rank, numbers):
            return False
        counted.count += count
        return True

    def added_to(self, findings: list[Finding]) -> list[Finding]:
        """The findings, one of each kind with the number of those that were only counted."""
        left = {key: counted.count for key, counted in self._counted.items()}
        for number, finding in enumerate(findings) if left else ():
            if more := left.pop((finding.rule, without_indices(finding.path)), 0):
                findings[number] = msgspec.structs.replace(finding, count=finding.count + more)
        return findings


def _at_once(findings: list[Finding], once: frozenset[str]) -> Iterator[Finding]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.rule in once:
            groups.setdefault(finding.rule, []).append(finding)
    for finding in findings:
        group = groups.get(finding.rule)
        if group is None or len(group) == 1:
            yield finding
        elif finding is group[0]:
            group = sorted(group, key=lambda one: one.offset or 0)
            first = max(group, key=lambda one: RANK[one.severity])
            places = [one.path for one in group][:SHOWN_PLACES]
            yield msgspec.structs.replace(first, count=sum(one.count for one in group), places=tuple(places))


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(int(index[1:-1]) for index in _INDEX.findall(path))
