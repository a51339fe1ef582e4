"""Repeats over frames and items become one finding with a count and the first places."""

from __future__ import annotations

import re
from collections.abc import Iterable

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
        first = max(group, key=lambda f: RANK[f.severity]) if len(group) > 1 else group[0]
        if len(group) > 1:
            places: list[str] = []
            for finding in group:
                places += finding.places or (finding.path,)
                if len(places) >= SHOWN_PLACES:
                    break
            first = msgspec.structs.replace(
                first, count=sum(finding.count for finding in group), places=tuple(places[:SHOWN_PLACES])
            )
        result.append(first)
    return tuple(result)
