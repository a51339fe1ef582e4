"""What differs between two resolved profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from dcmlint.profiles.placed_endpoints import endpoint_words
from dcmlint.profiles.resolved import Resolved
from dcmlint.rules.model import Rule

Direction = Literal["stricter", "looser", "other"]
_ACTIONS = ("accept", "fix", "quarantine", "refuse")  # from the mildest
_LEVELS = ("off", "info", "warning", "error")


class Difference(msgspec.Struct, frozen=True):
    """One difference: what it is about (``rule TILE003``), what the two profiles say of it ("" for nothing), and
    whether the second is stricter or looser there; other where it is neither, or both.
    """

    what: str
    one: str
    other: str
    direction: Direction = "other"

    def __str__(self) -> str:
        direction = f" [{self.direction}]" if self.direction != "other" else ""
        if self.one in ("", "off"):
            return f"+ {self.what}: {self.other}{direction}"
        if self.other in ("", "off"):
            return f"- {self.what}: {self.one}{direction}"
        return f"~ {self.what}: {self.one} -> {self.other}{direction}"


def differences(one: Resolved, other: Resolved) -> tuple[Difference, ...]:
    """What differs in effect in rules, endpoints and actions, in a stable order.

    Parameters and words that come to the same rules are no difference.
    """
    found: list[Difference] = []
    left, right = _rules(one), _rules(other)
    for key in dict.fromkeys((*left, *right)):
        found += _rule(key, left.get(key, _OFF), right.get(key, _OFF))
    mine, theirs = ({end.name: end for end in side.endpoints} for side in (one, other))
    for key in dict.fromkeys((*mine, *theirs)):
        a, b = (endpoint_words(side[key]) if key in side else "" for side in (mine, theirs))
        if a != b:
            found.append(Difference(f"endpoint {key}", a, b, _of_presence(a, b)))
    for severity in dict.fromkeys((*one.action, *other.action)):
        done, done2 = one.action.get(severity, ""), other.action.get(severity, "")
        if done != done2:
            found.append(Difference(f"action {severity}", done, done2, _of_action(done, done2)))
    return tuple(found)


def _rule(key: str, one: tuple[str, bool, str], other: tuple[str, bool, str]) -> Iterator[Difference]:
    (level, locked, demand), (level2, locked2, demand2) = one, other
    text, text2 = (f"{a}, locked" if b else a for a, b in ((level, locked), (level2, locked2)))
    if text != text2:
        rank, rank2 = ((_LEVELS.index(a), b) for a, b in ((level, locked), (level2, locked2)))
        direction: Direction = "stricter" if rank2 > rank else "looser"
        title = demand2 if level == "off" else demand if level2 == "off" else ""
        shown = f" ({title})" if title else ""
        yield Difference(f"rule {key}", text, text2 + shown, direction)
    if level != "off" and level2 != "off" and demand != demand2:
        yield Difference(f"rule {key} demands", demand, demand2)


def _of_presence(one: str, other: str) -> Direction:
    return "stricter" if not one else "looser" if not other else "other"


def _of_action(one: str, other: str) -> Direction:
    if not one or not other:
        return "other"
    return "stricter" if _ACTIONS.index(other) > _ACTIONS.index(one) else "looser"


def severity_of(resolved: Resolved, rule_id: str, default: bool, severity: str) -> str:
    """The severity that a rule has in a profile, or ``off``."""
    if rule_id not in resolved.levels:
        return severity if default else "off"
    return resolved.levels[rule_id] or "off"


_OFF = ("off", False, "")


def _rules(resolved: Resolved) -> dict[str, tuple[str, bool, str]]:
    """Severity, lock and, of a profile's own rules, the demand: the same id may say something else."""
    result = {}
    for source in resolved.rules:
        rule = source.rule
        level = severity_of(resolved, rule.id, rule.default, rule.severity)
        if level != "off":
            result[rule.id] = (
                level,
                rule.id in resolved.locked,
                _demand(rule) if rule.id in resolved.own else "",
            )
    return result


def _demand(rule: Rule) -> str:
    said = f"{rule.title}; {rule.want or rule.assert_}" if rule.want or rule.assert_ else rule.title
    parameters = msgspec.json.encode(rule.parameters).decode() if rule.parameters else ""
    return "; ".join(part for part in (said, f"where {rule.when}" if rule.when else "", parameters) if part)
