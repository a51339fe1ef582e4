"""A profile as a run needs it: rules, severities, locks."""

from __future__ import annotations

import msgspec

from dcmlint.findings.finding import Severity
from dcmlint.rules.load import builtin_rules
from dcmlint.rules.model import RuleSource


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved profile: its rules, what it makes of their severities (None: off), and what it locks."""

    name: str
    rules: tuple[RuleSource, ...]
    levels: dict[str, Severity | None] = {}
    locked: frozenset[str] = frozenset()


def resolve_profile(name: str) -> Resolved:
    """The built-in profile of this name."""
    return Resolved(name=name, rules=builtin_rules())
