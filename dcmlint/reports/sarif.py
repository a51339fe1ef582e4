"""SARIF 2.1.0, for code scanning: one result a finding, one reporting descriptor a rule."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from dcmlint.engine.report import Closing
from dcmlint.engine.spool import Spool
from dcmlint.findings.finding import FileRecord, Finding, Fix
from dcmlint.reports.border import printable
from dcmlint.reports.links import first_link
from dcmlint.reports.writer import Writer
from dcmlint.rules.model import Rule

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifWriter(Writer):
    """One SARIF log; results are written as they come, a line each, and the rules stand behind them."""

    def begin(self) -> None:
        """No rule was used yet."""
        self._index: dict[str, int] = {}
        self._links: dict[str, str] = {}
        self._between = ""
        self._notes = Spool(bytes)
        self.sink.write(f'{{"$schema":"{_SCHEMA}","version":"2.1.0","runs":[{{"results":[')

    def file(self, record: FileRecord) -> None:
        """What is incomplete is a notification of the tool."""
        if record.status in ("partial", "unreadable") or record.crashed:
            said = (
                record.status
                if not record.crashed
                else f"{record.status}; crashed: {' '.join(record.crashed)}"
            )
            note = {
                "level": "error",
                "message": {"text": f"{printable(record.path)}: {said}"},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(record.path)}}}],
            }
            self._notes.append(msgspec.json.encode(note))

    def finding(self, finding: Finding) -> None:
        """One result."""
        number = self._index.setdefault(finding.rule, len(self._index))
        self._links.setdefault(finding.rule, first_link(finding.references, self.head.edition))
        self.sink.write(f"{self._between}\n{msgspec.json.encode(_result(finding, number)).decode()}")
        self._between = ","

    def end(self, closing: Closing) -> None:
        """The whole log."""
        head = self.head
        invocation: dict[str, Any] = {
            "executionSuccessful": closing.exit_code in (0, 1), "exitCode": closing.exit_code,
        }  # fmt: skip
        if self._notes:
            invocation["toolExecutionNotifications"] = [msgspec.Raw(note) for note in self._notes]
        run: dict[str, Any] = {
            "tool": {
                "driver": {
                    "name": head.tool,
                    "fullName": f"{head.tool} {head.version}",
                    "version": head.version,
                    "rules": [
                        _descriptor(rule, head.rules.get(rule), self._links[rule]) for rule in self._index
                    ],
                }
            },
            "automationDetails": {"id": f"{head.tool}/{quote(printable(head.profile), safe='')}/"},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "properties": {"edition": head.edition, "profile": head.profile},
        }
        self.sink.write(f"\n],\n{msgspec.json.encode(run).decode()[1:]}]}}\n")


def _descriptor(identifier: str, rule: Rule | None, link: str) -> dict[str, Any]:
    address = {"helpUri": link} if link else {}
    if rule is None:
        return {"id": identifier, **address}
    return {
        **address,
        "id": identifier,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(rule.why.split()) or rule.title},
        "help": {"text": f"{' '.join(rule.remedy.split()) or rule.title}\n\ndcmlint explain {rule.id}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"basis": rule.basis, "references": [str(reference) for reference in rule.references]},
    }


def _result(finding: Finding, number: int) -> dict[str, Any]:
    files = [finding.file] if finding.file is not None else list(finding.subject.files[:1])
    text = printable(finding.message)
    if finding.want:
        text += f" (expected: {printable(finding.want)})"
    if finding.remedy:
        text += f". {printable(' '.join(finding.remedy.split()))}"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(file, finding.path, finding.offset) for file in files if file],
        "partialFingerprints": {"dcmlint/v1": finding.fingerprint},
        "occurrenceCount": max(1, finding.count),
    }
    related = [
        _location(one.file or (files[0] if files else ""), one.path, one.offset, one.message)
        for one in finding.related
    ]
    related += [_location(file, "", None) for file in finding.subject.files[:20] if file not in files]
    if related:
        result["relatedLocations"] = [{"id": place, **one} for place, one in enumerate(related, 1)]
    if finding.fixes and files:
        result["fixes"] = [_fix(fix, files[0], finding.offset) for fix in finding.fixes]
    if finding.suppressed:
        result["suppressions"] = [{"kind": "external"}]
    return result


def _fix(fix: Fix, file: str, offset: int | None) -> dict[str, Any]:
    """What `dcmlint fix` would do: a place in the file, and the operations as properties.

    SARIF replaces regions by content; the new content is not told, since it may hold what a report may not show.
    """
    return {
        "description": {"text": printable(f"{fix.label} ({fix.applicability})")},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": uri(file)},
                "replacements": [{"deletedRegion": {"byteOffset": offset or 0, "byteLength": 0}}],
            }
        ],
        "properties": {
            "applicability": fix.applicability,
            "operations": [
                {
                    key: printable(value) if isinstance(value, str) else value
                    for key, value in operation.items()
                }
                for operation in msgspec.to_builtins(fix.operations)
            ],
        },
    }


def _location(file: str, path: str, offset: int | None, message: str = "") -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(file)}}
    if offset is not None:
        physical["region"] = {"byteOffset": offset, "byteLength": 0}
    location: dict[str, Any] = {"physicalLocation": physical}
    if path:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(path)}]
    if message:
        location["message"] = {"text": printable(message)}
    return location


def uri(path: str) -> str:
    """A path as a relative URI reference, or an absolute one as a URI (SARIF 3.4.3 takes no path that begins with /)."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = printable(path).encode()
    if path.startswith("/"):
        return "file://" + quote(raw, safe="/!-._~")
    # A colon in the first segment would read as a scheme.
    return quote(raw, safe="/!-._~")
