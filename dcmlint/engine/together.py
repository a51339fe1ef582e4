"""Instances that belong together: slides and series.  (Rules of scope slide and series.)"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.settings import Settings
from dcmlint.facts.registry import Facts
from dcmlint.findings.finding import Finding, OutcomeKind


class Together(msgspec.Struct, frozen=True):
    """What the rules about slides and series found."""

    findings: tuple[Finding, ...] = ()
    outcomes: tuple[dict[str, OutcomeKind], ...] = ()


def member_of(facts: Facts, path: str) -> bytes:
    """What must be kept of an instance to check the slide that it belongs to; empty for what belongs to none."""
    return b""


def check_together(members: Sequence[bytes], rules: Sequence[ActiveRule], settings: Settings) -> Together:
    """Join members into slides and hold the rules against each."""
    return Together()
