"""Which remarks two validators share, and which only one of them makes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dcmlint.compare.remark import Kind, Remark
from dcmlint.findings.finding import Finding

# Our rules by what they say, as far as others say it too.
_KINDS: dict[str, Kind] = {
    "MOD001": "missing", "MOD003": "missing", "MOD004": "missing", "MOD006": "missing", "FG101": "missing",
    "MOD002": "empty", "MOD005": "empty", "MOD009": "value", "MOD010": "value", "MOD007": "present",
    "MOD008": "present", "MOD011": "items", "ELM004": "vm", "ELM001": "vr", "ELM002": "vr", "ELM003": "vr",
}  # fmt: skip


class Agreement(msgspec.Struct, frozen=True):
    """For one file and one peer: remarks of both, of dcmlint alone, of the peer alone."""

    both: tuple[Remark, ...]
    ours: tuple[Remark, ...]
    theirs: tuple[Remark, ...]


def remarks_of(findings: Iterable[Finding]) -> list[Remark]:
    """Findings as remarks."""
    result = []
    for finding in findings:
        result.append(
            Remark(finding.tag, kind_of(finding), finding.severity, f"{finding.rule} {finding.message}")
        )
    return result


def kind_of(finding: Finding) -> Kind:
    """What a finding says, in the words of remarks; aliases are told by their message."""
    kind = _KINDS.get(finding.rule)
    if kind is not None:
        return kind
    if " is missing" in finding.message:
        return "missing"
    if "has no value" in finding.message or "has no items" in finding.message:
        return "empty"
    if finding.rule.startswith("VR"):
        return "value"
    return "other"


def agree(ours: Iterable[Remark], theirs: Iterable[Remark]) -> Agreement:
    """Compare by attribute and kind."""
    mine = {remark.key: remark for remark in ours}
    other = {remark.key: remark for remark in theirs}
    both = tuple(mine[key] for key in sorted(mine.keys() & other.keys()))
    return Agreement(
        both,
        tuple(mine[key] for key in sorted(mine.keys() - other.keys())),
        tuple(other[key] for key in sorted(other.keys() - mine.keys())),
    )
