"""JSON and JSON Lines: the contract of ``schemas/report.json``; never cut.

JSON strings carry any text safely, but a reader prints them: they pass the border all the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing, Report
from dcmlint.findings.finding import FileRecord, Finding
from dcmlint.reports.border import printable
from dcmlint.reports.writer import Head, TextOptions, Writer, deliver, head_of


def finding_value(finding: Finding) -> dict[str, Any]:
    """A finding as JSON sees it."""
    value: dict[str, Any] = _clean(msgspec.to_builtins(finding))
    value["references"] = [_clean(str(reference)) for reference in finding.references]
    return value


def file_value(record: FileRecord) -> dict[str, Any]:
    """A file as JSON sees it."""
    return {
        "path": printable(record.path),
        "sop_class": printable(record.sop_class),
        "sop_instance_uid": printable(record.sop_instance_uid),
        "transfer_syntax": printable(record.transfer_syntax),
        "status": record.status,
        "title": printable(record.title),
        "passed": record.passed,
        "not_applicable": record.not_applicable,
        "undecided": list(record.undecided),
        "crashed": list(record.crashed),
        "not_checked": [printable(one) for one in record.not_checked],
    }


class JsonWriter(Writer):
    """One JSON object, indented."""

    def begin(self) -> None:
        """Nothing is written before the end: the arrays of files and findings stand apart."""
        self._files: list[msgspec.Raw] = []
        self._skipped: list[dict[str, Any]] = []
        self._associations: list[dict[str, Any]] = []
        self._findings: list[msgspec.Raw] = []

    def skipped(self, record: FileRecord) -> None:
        """Only its path and kind."""
        self._skipped.append({"path": printable(record.path), "kind": printable(record.title)})

    def file(self, record: FileRecord) -> None:
        """Encoded at once: bytes take less memory than values."""
        self._files.append(msgspec.Raw(msgspec.json.encode(file_value(record))))

    def association(self, record: AssociationRecord) -> None:
        """With its table of contexts and its facts."""
        self._associations.append(association_value(record))

    def finding(self, finding: Finding) -> None:
        """Encoded at once."""
        self._findings.append(msgspec.Raw(msgspec.json.encode(finding_value(finding))))

    def end(self, closing: Closing) -> None:
        """The whole object."""
        value = {
            **_head(self.head),
            "files": self._files,
            "skipped": self._skipped,
            "associations": self._associations,
            "findings": self._findings,
            **_closing(closing),
        }
        self.sink.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


class JsonLinesWriter(Writer):
    """One finding a line; the last line is the summary, so that a clean run is not an empty file."""

    def finding(self, finding: Finding) -> None:
        """A line."""
        self.sink.write(msgspec.json.encode(finding_value(finding)).decode() + "\n")

    def end(self, closing: Closing) -> None:
        """The summary: an object with the key ``summary``, which no finding has."""
        value = {**_head(self.head), **_closing(closing)}
        del value["outcomes"]
        self.sink.write(msgspec.json.encode(value).decode() + "\n")


def report_value(report: Report) -> dict[str, Any]:
    """A report as JSON sees it."""
    import io

    sink = io.StringIO()
    deliver(report, [JsonWriter(sink, head_of(report, {}, TextOptions()))])
    value: dict[str, Any] = msgspec.json.decode(sink.getvalue())
    return value


def association_value(record: AssociationRecord) -> dict[str, Any]:
    """An endpoint or association as JSON sees it."""
    return {
        "id": printable(record.id),
        "title": printable(record.title),
        "status": record.status,
        "undecided": list(record.undecided),
        "contexts": [_clean(msgspec.to_builtins(row)) for row in record.contexts],
        "facts": _clean(record.facts),
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "schema": 1,
        "tool": head.tool,
        "version": head.version,
        "edition": head.edition,
        "profile": head.profile,
        "config": _clean(head.config),
    }


def _closing(closing: Closing) -> dict[str, Any]:
    return {
        "outcomes": closing.outcomes,
        "undecided": [_clean(msgspec.to_builtins(one)) for one in closing.undecided],
        "crashed": [_clean(msgspec.to_builtins(one)) for one in closing.crashed],
        "summary": msgspec.to_builtins(closing.summary),
        "exit_code": closing.exit_code,
    }


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return value
