"""GitLab code quality: one JSON array of issues, each with a fingerprint that no other has."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import msgspec

from dcmlint.engine.report import Closing
from dcmlint.findings.finding import FileRecord, Finding
from dcmlint.reports.border import printable
from dcmlint.reports.words import placed_message
from dcmlint.reports.writer import Writer

_SEVERITY = {"error": "major", "warning": "minor", "info": "info"}


class GitlabWriter(Writer):
    """Issues are written as they come."""

    def begin(self) -> None:
        """Open the array."""
        self._before = "["
        self._seen: Counter[str] = Counter()

    def file(self, record: FileRecord) -> None:
        """Fingerprints hold the file: those of another one are other ones."""
        self._seen.clear()

    def finding(self, finding: Finding) -> None:
        """One issue."""
        if finding.suppressed:
            return
        self._seen[finding.fingerprint] += 1
        number = self._seen[finding.fingerprint]
        name = finding.fingerprint if number == 1 else f"{finding.fingerprint}/{number}"
        remedy = f" ({' '.join(finding.remedy.split())})" if finding.remedy else ""
        issue: dict[str, Any] = {
            "type": "issue",
            "check_name": finding.rule,
            "description": printable(f"{placed_message(finding)}{remedy}"),
            "categories": ["Compatibility"],
            "severity": _SEVERITY[finding.severity],
            "fingerprint": hashlib.sha256(name.encode()).hexdigest(),
            "location": {
                "path": printable(finding.file or next(iter(finding.subject.files), finding.subject.id)),
                "lines": {"begin": 1},
            },
        }
        self.sink.write(f"{self._before}\n{msgspec.json.encode(issue).decode()}")
        self._before = ","

    def end(self, closing: Closing) -> None:
        """Close the array."""
        self.sink.write("[]\n" if self._before == "[" else "\n]\n")
