"""CSV for spreadsheets (RFC 4180): one finding a row; no cell begins a formula."""

from __future__ import annotations

import csv

from dcmlint.findings.finding import Finding
from dcmlint.reports.border import printable
from dcmlint.reports.writer import Writer

COLUMNS = (
    "file", "subject", "severity", "rule", "name", "path", "tag", "offset", "count", "message", "found", "expected",
    "computed_from", "remedy", "references", "basis", "fingerprint", "suppressed",
)  # fmt: skip


class CsvWriter(Writer):
    """Rows are written as they come."""

    def begin(self) -> None:
        """The header."""
        self._rows = csv.writer(self.sink, lineterminator="\r\n")
        self._rows.writerow(COLUMNS)

    def finding(self, finding: Finding) -> None:
        """One row."""
        subject = finding.subject
        self._rows.writerow(
            _cell(value)
            for value in (
                finding.file or "", f"{subject.kind} {subject.id}", finding.severity, finding.rule, finding.name,
                finding.path, finding.tag, "" if finding.offset is None else str(finding.offset), str(finding.count),
                finding.message, finding.is_, finding.want, finding.because, " ".join(finding.remedy.split()),
                "; ".join(map(str, finding.references)), finding.basis, finding.fingerprint,
                "yes" if finding.suppressed else "no",
            )
        )  # fmt: skip


def _cell(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@", "\t", "\r") else shown
