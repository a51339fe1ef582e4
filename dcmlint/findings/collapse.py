"""Repeats over frames and items become one finding with a count and the first places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import nsmallest

import msgspec

from dcmlint.findings.finding import RANK, Finding

_INDEX = re.compile(r"\[\d+\]")
SHOWN_PLACES = 3


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
