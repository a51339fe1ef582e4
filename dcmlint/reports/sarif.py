"""SARIF 2.1.0, for code scanning: one result a finding, one reporting descriptor a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from dcmlint.engine.report import Report
from dcmlint.findings.finding import Finding
from dcmlint.reports.border import printable
from dcmlint.rules.model import Rule

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def write_sarif(report: Report, rules: Mapping[str, Rule]) -> Iterator[str]:
    """The report as one SARIF log.  ``rules``: the rules by id, for their titles and words."""
    used = sorted({finding.rule for finding in report.findings})
    index = {rule: number for number, rule in enumerate(used)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": report.tool,
                "version": report.version,
                "rules": [_descriptor(rule, rules.get(rule)) for rule in used],
            }
        },
        "results": [_result(finding, index) for finding in report.findings],
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": report.exit_code in (0, 1), "exitCode": report.exit_code}],
        "properties": {"edition": report.edition, "profile": report.profile},
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _descriptor(identifier: str, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"id": identifier}
    return {
        "id": identifier,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(rule.why.split()) or rule.title},
        "help": {"text": " ".join(rule.remedy.split()) or rule.title},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"basis": rule.basis, "references": [str(reference) for reference in rule.references]},
    }


def _result(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    files = [finding.file] if finding.file is not None else list(finding.subject.files[:1])
    physical: list[dict[str, Any]] = []
    for file in files:
        location: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
        if finding.offset is not None:
            location["region"] = {"byteOffset": finding.offset, "byteLength": 0}
        logical = [{"fullyQualifiedName": printable(finding.path)}] if finding.path else []
        physical.append({"physicalLocation": location, **({"logicalLocations": logical} if logical else {})})
    text = printable(finding.message)
    if finding.want:
        text += f" (want: {printable(finding.want)})"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": physical,
        "partialFingerprints": {"dcmlint/v1": finding.fingerprint},
        "occurrenceCount": finding.count,
    }
    if finding.suppressed:
        result["suppressions"] = [{"kind": "external"}]
    return result


def _uri(path: str) -> str:
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = printable(path).encode()
    return quote(raw, safe="/:!-._~")
