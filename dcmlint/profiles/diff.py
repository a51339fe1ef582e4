"""What differs between two resolved profiles."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.profiles.parameters import text_of
from dcmlint.profiles.resolve import Resolved


class Difference(msgspec.Struct, frozen=True):
    """One difference: what it is about (``rule TILE003``), and what the two profiles say of it; "" for nothing."""

    what: str
    one: str
    other: str

    def __str__(self) -> str:
        if not self.one:
            return f"+ {self.what}: {self.other}"
        if not self.other:
            return f"- {self.what}: {self.one}"
        return f"~ {self.what}: {self.one} -> {self.other}"


def differences(one: Resolved, other: Resolved) -> tuple[Difference, ...]:
    """The differences in rules, severities, locks, parameters, endpoints and actions, in a stable order."""
    found: list[Difference] = []
    for kind, left, right in (
        ("rule", _rules(one), _rules(other)),
        ("parameter", _parameters(one), _parameters(other)),
        ("endpoint", _endpoints(one), _endpoints(other)),
        ("action", dict(one.action), dict(other.action)),
    ):
        for key in dict.fromkeys((*left, *right)):
            a, b = str(left.get(key, "")), str(right.get(key, ""))
            if a != b:
                found.append(Difference(f"{kind} {key}", a, b))
    return tuple(found)


def severity_of(resolved: Resolved, rule_id: str, default: bool, severity: str) -> str:
    """The severity that a rule has in a profile, or ``off``."""
    if rule_id not in resolved.levels:
        return severity if default else "off"
    return resolved.levels[rule_id] or "off"


def _rules(resolved: Resolved) -> dict[str, str]:
    result = {}
    for source in resolved.rules:
        rule = source.rule
        level = severity_of(resolved, rule.id, rule.default, rule.severity)
        if level == "off":
            continue
        text = f"{level}, locked" if rule.id in resolved.locked else level
        if rule.id in resolved.own:
            # The same id may say something else.
            detail = " ".join((rule.when, rule.assert_, rule.want)).strip()
            text += f" ({rule.title})" if not detail else f" ({rule.title}; {detail})"
        result[rule.id] = text
    return result


def _parameters(resolved: Resolved) -> dict[str, str]:
    return {name: text_of(value.value) or "(not set)" for name, value in resolved.parameters.items()}


def _endpoints(resolved: Resolved) -> dict[str, Any]:
    return {one.name: msgspec.json.encode(one).decode() for one in resolved.endpoints}
