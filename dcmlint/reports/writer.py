"""A writer: what each format of report is.

It is made with a sink and the head of the report, and is then told of the run as it goes: the order of the calls is
that of `dcmlint.engine.stream.Stream`.  A writer draws from these values alone and never opens a data set.  What it
cannot write at once it keeps in a `dcmlint.engine.spool.Spool`, or as counts: memory does not grow with the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker
from dcmlint.engine.stream import Stream
from dcmlint.findings.finding import FileRecord, Finding, Severity
from dcmlint.rules.model import Rule
from dcmlint.version import __version__


class TextOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How text is drawn: width in cells, ANSI color, the least severity shown, findings of a rule for a file.

    ``links``: whether the terminal follows OSC 8 links; ``unicode``: whether it shows more than ASCII; ``table``:
    whether a table of files comes before the verdict.
    """

    width: int = 80
    colour: bool = False
    show: Severity = "warning"
    max_per_rule: int = 10
    quiet: bool = False
    verbose: bool = False
    links: bool = False
    unicode: bool = True
    table: bool = False


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is known before anything was checked; ``rules`` by id; ``variant``: what stands after the format's colon."""

    tool: str = "dcmlint"
    version: str
    edition: str
    profile: str
    config: str | None = None
    fail_on: Severity | None = "error"
    rules: Mapping[str, Rule] = {}
    text: TextOptions = TextOptions()
    variant: str = ""
    printed: bool = False


class Writer(Stream):
    """The base of all writers: a writer overrides what it shows of a run.  ``binary``: whether its sink takes bytes."""

    binary = False

    @property
    def live(self) -> bool:
        """Whether it writes while the run goes on, not only at its end."""
        return True

    def __init__(self, sink: IO[Any], head: Head) -> None:
        self.sink, self.head = sink, head


def head_for(
    checker: Checker,
    *,
    config: str | None,
    fail_on: Severity | None,
    text: TextOptions,
    printed: bool = False,
) -> Head:
    """The head of a run that is about to begin."""
    return Head(
        version=__version__, edition=checker.edition, profile=checker.profile.name, config=config, fail_on=fail_on,
        rules=checker.rules, text=text, printed=printed,
    )  # fmt: skip


def head_of(
    report: Report, rules: Mapping[str, Rule], text: TextOptions, variant: str = "", printed: bool = False
) -> Head:
    """The head of a report that is there already."""
    return Head(
        version=report.version, edition=report.edition, profile=report.profile, config=report.config,
        fail_on=report.fail_on, rules=rules, text=text, variant=variant, printed=printed,
    )  # fmt: skip


def belongs(finding: Finding, record: FileRecord | AssociationRecord | None) -> bool:
    """Whether a finding is one of the input or the association that was told last."""
    if isinstance(record, FileRecord):
        return finding.subject.kind == "file" and finding.file == record.path
    return record is not None and finding.subject.kind == "association" and finding.subject.id == record.id


def subject_name(finding: Finding) -> str:
    """How reports head what a finding is about: the path of a file, else its kind and id."""
    subject = finding.subject
    return finding.file or "" if subject.kind == "file" else f"{subject.kind} {subject.id}"
