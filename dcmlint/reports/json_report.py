"""JSON and JSON Lines: the contract of ``schemas/report.json``; never cut.

JSON strings carry any text safely, but a reader prints them: they pass the border all the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing, Report
from dcmlint.engine.spool import Spool
from dcmlint.engine.stream import deliver
from dcmlint.findings.finding import FileRecord, Finding, Reference
from dcmlint.reports.border import LONGEST, printable
from dcmlint.reports.writer import Head, TextOptions, Writer, head_of


def finding_json(finding: Finding) -> bytes:
    """A finding as JSON."""
    references: Any = _cited(finding.references)
    value = msgspec.structs.replace(finding, references=references)
    try:
        raw = msgspec.json.encode(value)
        if len(raw) <= LONGEST and _HARMLESS(raw):
            return raw  # no text in it that the border would change: that of most findings
    except UnicodeEncodeError:
        pass  # the name of a file that is not UTF-8
    return msgspec.json.encode(_clean(msgspec.to_builtins(value)))


@lru_cache(maxsize=4096)
def _cited(references: tuple[Reference, ...]) -> tuple[str, ...]:
    """References as text: those of a rule are the same each time."""
    return tuple(str(reference) for reference in references)


# What `msgspec.json.format` writes around the elements of an array in an object.
_BEFORE, _AFTER = '{\n  "": [', "\n  ]\n}"
_AT_ONCE = 64  # elements that are laid out together

# JSON of printable ASCII, which escapes nothing but quotes and backslashes.
_HARMLESS = re.compile(rb'(?:[\x20-\x5b\x5d-\x7e]++|\\["\\])*+').fullmatch


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
    """One JSON object, indented: files are written as they come, the arrays that follow them wait on disk."""

    def begin(self) -> None:
        """The head, and the begin of the files."""
        head = msgspec.json.format(msgspec.json.encode(_head(self.head)), indent=2).decode()
        self.sink.write(head.removesuffix("\n}") + ',\n  "files": [')
        self._between = ""
        self._skipped = Spool(bytes)
        self._associations = Spool(bytes)
        self._findings = Spool(bytes)

    def skipped(self, record: FileRecord) -> None:
        """Only its path and kind."""
        value = {"path": printable(record.path), "kind": printable(record.title)}
        self._skipped.append(msgspec.json.encode(value))

    def file(self, record: FileRecord) -> None:
        """Written."""
        self._element(msgspec.json.encode(file_value(record)))

    def association(self, record: AssociationRecord) -> None:
        """With its table of contexts and its facts."""
        self._associations.append(msgspec.json.encode(association_value(record)))

    def finding(self, finding: Finding) -> None:
        """Encoded at once."""
        self._findings.append(finding_json(finding))

    def end(self, closing: Closing) -> None:
        """The other arrays, and what is known at the end."""
        for name, spool in (
            ("skipped", self._skipped), ("associations", self._associations), ("findings", self._findings),
        ):  # fmt: skip
            self._close(f',\n  "{name}": [')
            values = iter(spool)
            while some := list(islice(values, _AT_ONCE)):
                self._element(b",".join(some))
        rest = msgspec.json.format(msgspec.json.encode(_closing(closing)), indent=2).decode()
        self._close(f",{rest[1:]}\n")

    def _element(self, raw: bytes) -> None:
        """Write one value, or several with commas between them, as deep as they stand in the report."""
        text = msgspec.json.format(b'{"":[' + raw + b"]}", indent=2).decode()
        self.sink.write(self._between + text[len(_BEFORE) : -len(_AFTER)])
        self._between = ","

    def _close(self, then: str) -> None:
        """End the open array, and write what follows."""
        self.sink.write(("\n  ]" if self._between else "]") + then)
        self._between = ""


class JsonLinesWriter(Writer):
    """One finding a line, as they come; the last line is the summary, so that a clean run is not an empty file."""

    def finding(self, finding: Finding) -> None:
        """A line."""
        self.sink.write(finding_json(finding).decode() + "\n")

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
