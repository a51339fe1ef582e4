"""The result of a run: a value, from which every report is made."""

from __future__ import annotations

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.guard import CRASHED
from dcmlint.engine.image_exhibit import ImageExhibit
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
    not_checked: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    sampled: int = 0
    associations: int = 0


class Unsettled(msgspec.Struct, frozen=True):
    """A rule that could not be decided, or that crashed: why, and the first file or subject where it did."""

    rule: str
    reason: str
    first: str


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when everything was checked: counts, what was not decided and why, the slides, the exit code."""

    summary: Summary
    outcomes: Outcomes
    undecided: tuple[Unsettled, ...]
    crashed: tuple[Unsettled, ...]
    exit_code: int
    slides: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run found, in the order of its inputs.

    ``skipped``: inputs that were found, not named, and are no DICOM; their titles say what they are.
    ``exhibits``: what a report draws, by path, where the settings ask for it; ``slides``: id and paths of each slide.
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
    exhibits: dict[str, ImageExhibit] = {}
    slides: tuple[tuple[str, tuple[str, ...]], ...] = ()
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

    def closing(self) -> Closing:
        """What ends a report, without its files and findings."""
        undecided, crashed = self.unsettled()
        return Closing(
            summary=self.summary, outcomes=self.outcomes, undecided=undecided, crashed=crashed,
            exit_code=self.exit_code, slides=self.slides,
        )  # fmt: skip

    def failed(self) -> bool:
        """Whether a finding is at or above the severity that fails a run."""
        if self.fail_on is None:
            return False
        limit = RANK[self.fail_on]
        return any(RANK[finding.severity] >= limit for finding in self.findings if not finding.suppressed)


def tallied(report: Report, *, received: bool = True) -> Report:
    """The report with the counts of its findings and outcomes, and with its exit code: the one place for both.

    ``received``: files were to be checked (a run that only looks at endpoints has none).
    """
    shown = [finding for finding in report.findings if not finding.suppressed]
    rows = report.outcomes.values()
    summary = msgspec.structs.replace(
        report.summary,
        errors=sum(finding.severity == "error" for finding in shown),
        warnings=sum(finding.severity == "warning" for finding in shown),
        infos=sum(finding.severity == "info" for finding in shown),
        suppressed=len(report.findings) - len(shown),
        rules=len(report.outcomes),
        not_applicable=sum(
            bool(row["not_applicable"] and not (row["pass"] or row["fail"] or row["undecided"]))
            for row in rows
        ),
        undecided=sum(bool(row["undecided"]) for row in rows),
        crashed=sum(bool(row["error"]) for row in rows),
    )
    report = msgspec.structs.replace(report, summary=summary)
    return msgspec.structs.replace(report, exit_code=_exit_code(report, received))


def _exit_code(report: Report, received: bool) -> int:
    """0 nothing at or above the limit, 1 findings, 3 no input, 4 incomplete (which beats 1).

    An endpoint that nobody answers, or that refuses, leaves a run incomplete.  Whoever listens for instances and
    gets none has checked nothing, unless how they were offered is wrong.
    """
    summary = report.summary
    away = any(record.status in ("unreachable", "refused") for record in report.associations)
    if away or summary.partial or summary.unreadable or summary.crashed:
        return 4
    nothing = not (summary.files if received else summary.associations)
    if nothing and not report.associations:
        return 3
    if report.failed():
        return 1
    return 3 if nothing else 0
