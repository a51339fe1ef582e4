"""GitHub Actions: a workflow command for each finding, and a job summary in Markdown where the runner wants one."""

from __future__ import annotations

import io
import os

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import INCOMPLETE, Closing
from dcmlint.findings.finding import FileRecord, Finding
from dcmlint.reports.border import printable
from dcmlint.reports.markdown import MarkdownWriter
from dcmlint.reports.words import VERDICTS, placed_message, unchecked
from dcmlint.reports.writer import Writer

_COMMAND = {"error": "error", "warning": "warning", "info": "notice"}
SUMMARY = "GITHUB_STEP_SUMMARY"
_LARGEST = 1_000_000  # bytes; the service refuses a summary above 1 MiB


class GithubWriter(Writer):
    """Workflow commands on the sink; the summary is appended to the file that ``GITHUB_STEP_SUMMARY`` names."""

    def begin(self) -> None:
        """Begin the summary too."""
        self._page = io.StringIO()
        self._summary = MarkdownWriter(self._page, self.head)
        self._summary.begin()

    def file(self, record: FileRecord) -> None:
        """For the summary."""
        self._summary.file(record)

    def association(self, record: AssociationRecord) -> None:
        """For the summary."""
        self._summary.association(record)

    def finding(self, finding: Finding) -> None:
        """One annotation."""
        self._summary.finding(finding)
        if finding.suppressed:
            return
        text = printable(placed_message(finding))
        if finding.want:
            text += f"\nexpected: {printable(finding.want)}"
        if finding.remedy:
            text += f"\nhelp: {printable(' '.join(finding.remedy.split()))}"
        file = finding.file or next(iter(finding.subject.files), "")
        properties = f"file={_property(printable(file))}," if file else ""
        self.sink.write(
            f"::{_COMMAND[finding.severity]} {properties}title={_property(f'{finding.rule} {finding.name}')}"
            f"::{_data(text)}\n"
        )

    def end(self, closing: Closing) -> None:
        """Write the summary."""
        self._summary.end(closing)
        if closing.exit_code == INCOMPLETE:
            said = "\n".join(printable(one) for one in unchecked(closing))
            self.sink.write(f"::error title=dcmlint {VERDICTS[closing.exit_code]}::{_data(said)}\n")
        target = os.environ.get(SUMMARY)
        if not target:
            return
        text = self._page.getvalue().encode()
        if len(text) > _LARGEST:
            text = text[:_LARGEST].rsplit(b"\n", 1)[0] + b"\n\n(the rest is cut)\n"
        try:
            with open(target, "ab") as stream:
                stream.write(text)
        except OSError as error:
            self.sink.write(
                f"::warning title=dcmlint::the job summary cannot be written{_data(f': {error.strerror}')}\n"
            )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
