"""Findings that somebody accepted, each with a reason: what they suppress, which are unused, expired or refused."""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from dcmlint.engine.baseline import suppressed
from dcmlint.engine.maker import FindingMaker, Where
from dcmlint.engine.report import Report, tallied
from dcmlint.engine.session import Checker
from dcmlint.engine.spool import Spool
from dcmlint.errors import ConfigError, did_you_mean
from dcmlint.findings.finding import Finding, Subject
from dcmlint.findings.problem import Problem

UNUSED, EXPIRED = "FILE908", "FILE909"


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry: findings of a ``rule`` (id, name, area, tag), in files whose path matches ``path``, of the instance ``uid``.

    At least one of the three is given, and the ``reason``.  ``until``: the last day on which it holds, YYYY-MM-DD.
    """

    reason: str
    rule: str = ""
    path: str = ""
    uid: str = ""
    until: str = ""

    @property
    def words(self) -> str:
        """It in words."""
        parts = [("rule", self.rule), ("path", self.path), ("uid", self.uid)]
        return ", ".join(f"{name} {value}" for name, value in parts if value)

    def holds(self, today: datetime.date) -> bool:
        """Whether it has not expired."""
        return not self.until or _day(self, "") >= today


def check_entries(entries: Sequence[Accepted], checker: Checker, file: str) -> None:
    """Raise `ConfigError` for an entry that can mean nothing."""
    words = {word for rule in checker.profile.rules for word in rule.rule.words}
    for one in entries:
        if not one.reason.strip():
            raise ConfigError(f"ignore ({one.words}): a reason is required", file)
        if not (one.rule or one.path or one.uid):
            raise ConfigError("ignore: one of rule, path, uid is required", file)
        if one.rule and one.rule not in words:
            hint = did_you_mean(one.rule, words, "`dcmlint rules` lists them")
            raise ConfigError(f"ignore: {one.rule!r} is not a rule, area or tag", file, hint=hint)
        if one.until:
            _day(one, file)


def without_accepted(
    report: Report, entries: Sequence[Accepted], checker: Checker, today: datetime.date
) -> tuple[Report, tuple[str, ...]]:
    """The report without what was accepted, with findings for entries that are unused or expired; and what was refused.

    What the profile locks stays: the entry is refused for it, and the second value names the rules.
    """
    uids = {record.path: record.sop_instance_uid for record in report.files}
    words = {source.rule.id: frozenset(source.rule.words) for source in checker.profile.rules}
    live = [one for one in entries if one.holds(today)]
    used: set[Accepted] = set()
    refused: dict[str, None] = {}
    which: list[bool] = []
    for finding in report.findings:
        found = [one for one in live if accepts(one, finding, uids, words)]
        used.update(found)
        if found and finding.rule in checker.profile.locked:
            refused[finding.rule] = None
        which.append(bool(found) and finding.rule not in checker.profile.locked)
    report = suppressed(report, which)
    extra: list[Finding] = []
    for one in entries:
        if one not in live:
            extra += _finding(
                checker, EXPIRED, one, f"the accepted finding ({one.words}) expired on {one.until}"
            )
        elif one not in used:
            extra += _finding(checker, UNUSED, one, f"the accepted finding ({one.words}) was not found")
    if extra:
        findings = Spool(Finding, chain(report.findings, extra)).sealed()
        report = tallied(msgspec.structs.replace(report, findings=findings))
    return report, tuple(refused)


def _day(one: Accepted, file: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(one.until)
    except ValueError:
        raise ConfigError(
            f"ignore ({one.words}): until {one.until!r} is not a date YYYY-MM-DD", file
        ) from None


def accepts(
    one: Accepted, finding: Finding, uids: Mapping[str, str], words: Mapping[str, frozenset[str]]
) -> bool:
    """Whether an entry is about a finding; ``words``: of rules by id, ``uids``: of files by path."""
    if one.rule and one.rule not in words.get(finding.rule, frozenset({finding.rule})):
        return False
    files = (finding.file,) if finding.file is not None else finding.subject.files
    if one.path and not any(fnmatch.fnmatch(file, one.path) for file in files):
        return False
    return not one.uid or one.uid == finding.subject.id or any(uids.get(file) == one.uid for file in files)


def _finding(checker: Checker, rule: str, one: Accepted, message: str) -> list[Finding]:
    active = checker.active.get(rule)
    if active is None:
        return []
    maker = FindingMaker(Subject("run", "configuration"), None, checker.settings)
    return list(maker.make(active, Problem(message=message, because=f"reason = {one.reason}"), Where()))
