"""The result of a run: a value, from which every report is made."""

from __future__ import annotations

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.guard import CRASHED
from dcmlint.findings.finding import RANK, FileRecord, Finding, Outcomes, Severity


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over a whole run; findings that are suppressed do not count."""

    files: int = 0
    checked: int = 0
    partial: int = 0
    unreadable: int = 0
    skipped: int = 0
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    suppressed: int = 0
    rules: int = 0
    not_applicable: int = 0
    undecided: int = 0
    crashed: int = 0
    seconds: float = 0.0
    unreviewed: tuple[str, ...] = ()
    sampled: int = 0
    associations: int = 0


class Unsettled(msgspec.Struct, frozen=True):
    """A rule that could not be decided, or that crashed: why, and the first file or subject where it did."""

    rule: str
    reason: str
    first: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run found, in the order of its inputs.

    ``skipped``: inputs that were found, not named, and are no DICOM; their titles say what they are.
    """

    schema: int = 1
    tool: str = "dcmlint"
    version: str
    edition: str
    profile: str
    config: str | None = None
    files: tuple[FileRecord, ...] = ()
    associations: tuple[AssociationRecord, ...] = ()
    skipped: tuple[FileRecord, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcomes: Outcomes = {}
    undecided: dict[str, dict[str, str]] = {}
    summary: Summary = Summary()
    fail_on: Severity | None = "error"
    exit_code: int = 0

    def unsettled(self) -> tuple[tuple[Unsettled, ...], tuple[Unsettled, ...]]:
        """The rules that could not be decided, and those that crashed."""
        every = [
            Unsettled(rule, reason, first)
            for rule, reasons in self.undecided.items() for reason, first in reasons.items()
        ]  # fmt: skip
        crashed = tuple(
            msgspec.structs.replace(one, reason=one.reason.removeprefix(CRASHED))
            for one in every if one.reason.startswith(CRASHED)
        )  # fmt: skip
        return tuple(one for one in every if not one.reason.startswith(CRASHED)), crashed

    def failed(self) -> bool:
        """Whether a finding is at or above the severity that fails a run."""
        if self.fail_on is None:
            return False
        limit = RANK[self.fail_on]
        return any(RANK[finding.severity] >= limit for finding in self.findings if not finding.suppressed)
