"""A writer: what each format of report is.

It is made with a sink and the head of the report, and is then called in this order: ``begin``; ``file`` for each
input, ``association`` for each endpoint, each followed by ``finding`` for what was found in it; ``finding`` for what
concerns several files together; ``end``.  A writer draws from these values alone and never opens a data set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.engine.report import Closing, Report
from dcmlint.findings.finding import FileRecord, Finding, Severity
from dcmlint.rules.model import Rule


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


class Writer:
    """The base of all writers: a writer overrides what it shows.  ``binary``: whether its sink takes bytes."""

    binary = False

    def __init__(self, sink: IO[Any], head: Head) -> None:
        self.sink, self.head = sink, head

    def begin(self) -> None:
        """Called once, first."""

    def skipped(self, record: FileRecord) -> None:
        """An input that was found, not named, and is no DICOM; its title says what it is."""

    def file(self, record: FileRecord) -> None:
        """An input that was checked, or could not be."""

    def exhibit(self, path: str, exhibit: ImageExhibit) -> None:
        """What there is to draw of the file before."""

    def association(self, record: AssociationRecord) -> None:
        """An endpoint, an association, or a sender."""

    def finding(self, finding: Finding) -> None:
        """A finding of the input before, or of several inputs together."""

    def end(self, closing: Closing) -> None:
        """Called once, last."""


def head_of(
    report: Report, rules: Mapping[str, Rule], text: TextOptions, variant: str = "", printed: bool = False
) -> Head:
    """The head of a report that is there already."""
    return Head(
        version=report.version, edition=report.edition, profile=report.profile, config=report.config,
        fail_on=report.fail_on, rules=rules, text=text, variant=variant, printed=printed,
    )  # fmt: skip


def deliver(report: Report, writers: Iterable[Writer]) -> None:
    """Hand a report to its writers, one file after the other."""
    made = list(writers)
    of_file, of_association, together = _sorted(report)
    for writer in made:
        writer.begin()
        done: set[str] = set()
        for record in report.files:
            writer.file(record)
            if record.path in report.exhibits:
                writer.exhibit(record.path, report.exhibits[record.path])
            # The same path may be given twice: what was found belongs to its first record.
            found = () if record.path in done else of_file.get(record.path, ())
            done.add(record.path)
            for finding in found:
                writer.finding(finding)
        for other in report.skipped:
            writer.skipped(other)
        for endpoint in report.associations:
            writer.association(endpoint)
            for finding in of_association.get(endpoint.id, ()):
                writer.finding(finding)
        for finding in together:
            writer.finding(finding)
        writer.end(report.closing())


Groups = dict[str, list[Finding]]


def _sorted(report: Report) -> tuple[Groups, Groups, list[Finding]]:
    """Findings by file, by association, and the others."""
    files = {record.path for record in report.files}
    associations = {record.id for record in report.associations}
    of_file: Groups = {}
    of_association: Groups = {}
    together: list[Finding] = []
    for finding in report.findings:
        subject = finding.subject
        if subject.kind == "file" and finding.file in files:
            of_file.setdefault(finding.file or "", []).append(finding)
        elif subject.kind == "association" and subject.id in associations:
            of_association.setdefault(subject.id, []).append(finding)
        else:
            together.append(finding)
    return of_file, of_association, together
