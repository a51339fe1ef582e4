"""What the words of a chain of profiles make of the severities of rules, and what of it is locked.

A profile's words act on what it extends and on itself, never on what extends it.  Its own rows and rules are
meant by their id, name or area only: ``ALL: off`` is about what it inherits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from dcmlint.findings.finding import RANK, Severity
from dcmlint.profiles.model import Level, ProfileSource
from dcmlint.rules.model import Rule, RuleSource


class Refused(msgspec.Struct, frozen=True):
    """A word of a profile that would have lowered a locked rule; ``locked_by``: the profile that locked it."""

    profile: str
    word: str
    rule: str
    locked_by: str


class Lock(msgspec.Struct, frozen=True):
    """A locked rule: who locked it, and the severity that it keeps at least."""

    by: str
    severity: Severity


def named(rules: Iterable[RuleSource], word: str) -> list[RuleSource]:
    """The rules that a word means: an id, a name, an area, a tag, ``basis:NAME`` or ``ALL``."""
    return [source for source in rules if word in source.rule.words]


def by_words(rules: Iterable[RuleSource]) -> dict[str, list[Rule]]:
    """The rules that each word means."""
    found: dict[str, list[Rule]] = {}
    for source in rules:
        for word in source.rule.words:
            found.setdefault(word, []).append(source.rule)
    return found


def levels_of(rules: Sequence[RuleSource], words: Sequence[tuple[str, Level]]) -> dict[str, Severity | None]:
    """What words make of rules, one after the other (None: off); words that mean nothing change nothing."""
    if not words:
        return {}
    means = by_words(rules)
    levels: dict[str, Severity | None] = {}
    for word, level in words:
        for rule in means.get(word, ()):
            levels[rule.id] = _changed(level, levels.get(rule.id, _written(rule)), rule)
    return levels


def _written(rule: Rule) -> Severity | None:
    return rule.severity if rule.default else None


def _changed(level: Level, now: Severity | None, rule: Rule) -> Severity | None:
    if level == "on":
        return rule.severity
    if level == "off":
        return None
    if level in ("at-most-warning", "at-most-info"):
        most: Literal["warning", "info"] = "warning" if level == "at-most-warning" else "info"
        return most if now is not None and RANK[now] > RANK[most] else now
    return level  # type: ignore[return-value]


class ChainLevels:
    """The severities and locks of a chain, one profile after the other.

    ``builtin``: the rules that all of them inherit; `add` adds the rules of a profile and applies its words and its lock.
    """

    def __init__(self, builtin: Sequence[RuleSource]) -> None:
        self._builtin = by_words(builtin)
        self._of: dict[str, dict[str, list[Rule]]] = {}
        self.levels: dict[str, Severity | None] = {}
        self.locks: dict[str, Lock] = {}
        self.refused: list[Refused] = []

    def add(self, source: ProfileSource, own: Sequence[RuleSource]) -> None:
        """The words and the lock of a profile, whose bases were added before."""
        name = source.profile.id
        self._of[name] = by_words(own)
        for word, level in source.profile.rules.items():
            for rule in self._meant(source, word):
                self._set(name, word, rule, _changed(level, self.levels.get(rule.id, _written(rule)), rule))
        for word in source.profile.lock:
            for rule in self._meant(source, word, everything=True):
                level = self.levels.get(rule.id, _written(rule)) or rule.severity
                # What is locked is on, whatever was said of it.
                self.levels[rule.id] = level
                self.locks.setdefault(rule.id, Lock(name, level))

    def _meant(self, source: ProfileSource, word: str, everything: bool = False) -> Iterator[Rule]:
        yield from self._builtin.get(word, ())
        for base in source.bases:
            yield from self._of.get(base, {}).get(word, ())
        for rule in self._of[source.profile.id].get(word, ()):
            if everything or word in (rule.id, rule.name, rule.area):
                yield rule

    def _set(self, profile: str, word: str, rule: Rule, level: Severity | None) -> None:
        lock = self.locks.get(rule.id)
        if lock is not None and (level is None or RANK[level] < RANK[lock.severity]):
            self.refused.append(Refused(profile, word, rule.id, lock.by))
            return
        self.levels[rule.id] = level
