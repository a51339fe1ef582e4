"""The result of a run: a value, from which every report is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.guard import CRASHED
from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.findings.finding import RANK, FileRecord, Finding, Outcomes, Severity

INCOMPLETE = 4
"""The exit code of a run in which something was not checked."""


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
    unknown_classes: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    not_concerned: str = ""
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
    """Everything that a run found, in the order of its inputs; what is only known of all together stands last.

    ``files``, ``skipped``, ``associations`` and ``findings`` are tuples where they are few; of a large run they are
    sequences that are read from a temporary file.
    ``skipped``: inputs that were found, not named, and are no DICOM; their titles say what they are.
    ``exhibits``: what a report draws, by path, where the settings ask for it; ``slides``: id and paths of each slide.
    """

    schema: int = 1
    tool: str = "dcmlint"
    version: str
    edition: str
    profile: str
    config: str | None = None
    files: Sequence[FileRecord] = ()
    associations: Sequence[AssociationRecord] = ()
    skipped: Sequence[FileRecord] = ()
    findings: Sequence[Finding] = ()
    outcomes: Outcomes = {}
    undecided: dict[str, dict[str, str]] = {}
    summary: Summary = Summary()
    exhibits: Mapping[str, ImageExhibit] = {}
    slides: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fail_on: Severity | None = "error"
    exit_code: int = 0

    def unsettled(self) -> tuple[tuple[Unsettled, ...], tuple[Unsettled, ...]]:
        """The rules that could not be decided, and those that crashed."""
        return unsettled(self.undecided)

    def closing(self) -> Closing:
        """What ends a report, without its files and findings."""
        undecided, crashed = self.unsettled()
        return Closing(
            summary=self.summary, outcomes=self.outcomes, undecided=undecided, crashed=crashed,
            exit_code=self.exit_code, slides=self.slides,
        )  # fmt: skip


def unsettled(
    reasons: Mapping[str, Mapping[str, str]],
) -> tuple[tuple[Unsettled, ...], tuple[Unsettled, ...]]:
    """The rules that could not be decided, and those that crashed, of rule, reason, and the first file or subject."""
    every = [Unsettled(rule, reason, first) for rule, row in reasons.items() for reason, first in row.items()]
    crashed = tuple(
        msgspec.structs.replace(one, reason=one.reason.removeprefix(CRASHED))
        for one in every if one.reason.startswith(CRASHED)
    )  # fmt: skip
    return tuple(one for one in every if not one.reason.startswith(CRASHED)), crashed


class Tally:
    """Counts what a run found, as it goes; it gives summary and exit code, which nothing else counts.

    ``away``: an endpoint that nobody answers, or that refuses, was among the associations.
    """

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.shown: Counter[Severity] = Counter()
        self.suppressed = self.skipped = self.sampled = self.associations = self.endpoints = 0
        self.away = False

    def finding(self, finding: Finding) -> None:
        """Count a finding."""
        if finding.suppressed:
            self.suppressed += 1
        else:
            self.shown[finding.severity] += 1

    def association(self, record: AssociationRecord) -> None:
        """Count an endpoint or association; a sender is judged over the associations that it had, and is none itself."""
        self.endpoints += 1
        self.associations += bool(record.facts) and "sender" not in record.facts
        self.away |= record.status in ("unreachable", "refused")

    def summary(self, outcomes: Outcomes, before: Summary) -> Summary:
        """The counts; ``before`` says the rest of a summary."""
        rows = outcomes.values()
        return msgspec.structs.replace(
            before,
            files=self.statuses.total(), checked=self.statuses["checked"], partial=self.statuses["partial"],
            unreadable=self.statuses["unreadable"], skipped=self.skipped, sampled=self.sampled,
            associations=self.associations, errors=self.shown["error"], warnings=self.shown["warning"],
            infos=self.shown["info"], suppressed=self.suppressed, rules=len(outcomes),
            not_applicable=sum(
                bool(row["not_applicable"] and not (row["pass"] or row["fail"] or row["undecided"])) for row in rows
            ),
            undecided=sum(bool(row["undecided"]) for row in rows), crashed=sum(bool(row["error"]) for row in rows),
        )  # fmt: skip

    def exit_code(self, summary: Summary, fail_on: Severity | None, received: bool) -> int:
        """0 nothing at or above the limit, 1 findings, 3 no input, 4 incomplete (which beats 1).

        An endpoint that nobody answers, or that refuses, leaves a run incomplete.  Whoever listens for instances and
        gets none has checked nothing, unless how they were offered is wrong (``received``: files were to be checked).
        """
        if self.away or summary.partial or summary.unreadable or summary.crashed:
            return INCOMPLETE
        nothing = not (summary.files if received else summary.associations)
        if nothing and not self.endpoints:
            return 3
        if fail_on is not None and any(
            RANK[one] >= RANK[fail_on] for one, count in self.shown.items() if count
        ):
            return 1
        return 3 if nothing else 0


def tallied(report: Report, *, received: bool = True) -> Report:
    """The report with its findings counted anew, and with its exit code."""
    tally = Tally()
    for finding in report.findings:
        tally.finding(finding)
    for endpoint in report.associations:
        tally.association(endpoint)
    before = report.summary
    tally.statuses.update(record.status for record in report.files)
    tally.skipped, tally.sampled = before.skipped, before.sampled
    summary = tally.summary(report.outcomes, before)
    code = tally.exit_code(summary, report.fail_on, received)
    return msgspec.structs.replace(report, summary=summary, exit_code=code)
