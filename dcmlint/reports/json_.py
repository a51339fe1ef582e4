"""JSON and JSON Lines: the contract of ``schemas/report.json``; never cut.

JSON strings carry any text safely, but a reader prints them: they pass the border all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dcmlint.engine.report import Report
from dcmlint.findings.finding import Finding
from dcmlint.reports.border import printable


def finding_value(finding: Finding) -> dict[str, Any]:
    """A finding as JSON sees it."""
    value: dict[str, Any] = _clean(msgspec.to_builtins(finding))
    value["references"] = [_clean(str(reference)) for reference in finding.references]
    return value


def report_value(report: Report) -> dict[str, Any]:
    """A report as JSON sees it."""
    undecided, crashed = report.unsettled()
    return {
        "schema": report.schema,
        "tool": report.tool,
        "version": report.version,
        "edition": report.edition,
        "profile": report.profile,
        "config": _clean(report.config),
        "files": [
            {
                "path": printable(record.path),
                "sop_class": printable(record.sop_class),
                "sop_instance_uid": printable(record.sop_instance_uid),
                "transfer_syntax": printable(record.transfer_syntax),
                "status": record.status,
            }
            for record in report.files
        ],
        "skipped": [
            {"path": printable(record.path), "kind": printable(record.title)} for record in report.skipped
        ],
        "associations": [
            {
                "id": printable(record.id),
                "title": printable(record.title),
                "status": record.status,
                "undecided": list(record.undecided),
                "contexts": [_clean(msgspec.to_builtins(row)) for row in record.contexts],
                "facts": _clean(record.facts),
            }
            for record in report.associations
        ],
        "findings": [finding_value(finding) for finding in report.findings],
        "outcomes": report.outcomes,
        "undecided": [_clean(msgspec.to_builtins(one)) for one in undecided],
        "crashed": [_clean(msgspec.to_builtins(one)) for one in crashed],
        "summary": msgspec.to_builtins(report.summary),
        "exit_code": report.exit_code,
    }


def write_json(report: Report) -> Iterator[str]:
    """One JSON object, indented."""
    yield msgspec.json.format(msgspec.json.encode(report_value(report)), indent=2).decode() + "\n"


def write_jsonl(report: Report) -> Iterator[str]:
    """One finding a line."""
    for finding in report.findings:
        yield msgspec.json.encode(finding_value(finding)).decode() + "\n"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return value
