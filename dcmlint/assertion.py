"""`assert_conforms`: an assertion for the tests of whoever writes DICOM; it needs no test framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dcmlint.plural import number_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dcmlint.api import Bytes, Checker, Path
    from dcmlint.engine.report import Report
    from dcmlint.findings.finding import Finding, Severity

SHOWN = 20
"""Findings that a failure shows one by one; the others are counted."""


def assert_conforms(
    source: Path | Bytes | Dataset | Iterable[Path], *, profile: str = "wsi", fail_on: Severity = "error",
    checker: Checker | None = None, **settings: Any,
) -> Report:  # fmt: skip
    """Raise `AssertionError` unless an input was checked whole and nothing at or above ``fail_on`` was found.

    ``source``: a path (a file, a folder, an archive), several, the bytes of an instance, or a pydicom data set.
    ``checker``: one that is kept, which then says profile, limit and settings; ``settings``: see `dcmlint.Checker`.
    Returns the report, so that a test can look at warnings too.
    """
    __tracebackhide__ = True
    from dcmlint.api import Checker

    if checker is None:
        checker = Checker(profile, fail_on=fail_on, **settings)
    report = checker.check(source)
    if report.exit_code:
        raise AssertionError(failure_text(report))
    return report


def failure_text(report: Report) -> str:
    """Why a report is no success: its findings, errors first, and what could not be checked."""
    from dcmlint.findings.finding import RANK
    from dcmlint.reports.border import printable

    summary = report.summary
    lines = [
        f"not conformant (profile {report.profile}, DICOM {report.edition}): "
        f"{number_of(summary.errors, 'error')}, {number_of(summary.warnings, 'warning')}"
    ]
    if not summary.files:
        lines.append("  there was no DICOM to check")
    for record in report.files:
        if record.status in ("partial", "unreadable"):
            lines.append(f"  {record.path}: {record.status}, not all of it was checked")
    _, crashed = report.unsettled()
    lines += [f"  rule {one.rule} crashed at {one.first}: {one.reason}" for one in crashed]
    found = sorted(
        (finding for finding in report.findings if not finding.suppressed),
        key=lambda finding: -RANK[finding.severity],
    )
    for finding in found[:SHOWN]:
        lines += _finding_lines(finding)
    if len(found) > SHOWN:
        lines.append(f"  and {number_of(len(found) - SHOWN, 'more finding')}")
    return "\n".join(printable(line) for line in lines)


def _finding_lines(finding: Finding) -> list[str]:
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    rows = [
        ("at", " ".join(part for part in (finding.file or finding.subject.id, finding.path) if part)),
        ("found", finding.is_),
        ("expected", finding.want),
        ("help", finding.remedy),
        ("see", ", ".join(str(reference) for reference in finding.references)),
    ]
    return [
        f"  {finding.severity}[{finding.rule}] {finding.message}{times}",
        *(f"    {label:>8}: {text}" for label, text in rows if text),
    ]
