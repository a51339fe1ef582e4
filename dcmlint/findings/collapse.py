"""Repeats over frames and items become one finding with a count and the first places."""

from __future__ import annotations

import re
from collections.abc import Iterable
from heapq import nsmallest

import msgspec

from dcmlint.findings.finding import RANK, Finding

_INDEX = re.compile(r"\[\d+\]")
SHOWN_PLACES = 3


def without_indices(path: str) -> str:
    """A path without its item indices."""
    return _INDEX.sub("", path)


def collapse(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join findings with the same rule, file and path without item indices; the worst severity stays.

    The order is that of the first of each group.
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
    return tuple(result)


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(int(index[1:-1]) for index in _INDEX.findall(path))
