"""A run told as it goes: what every writer of reports takes, and the recorder that makes a report of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.image_exhibit import ImageExhibit
from dcmlint.engine.report import Closing, Report
from dcmlint.engine.spool import Spool, SpooledMapping
from dcmlint.findings.finding import FileRecord, Finding, Severity


class Stream:
    """Who is told of a run, and does nothing with it: each overrides what it needs.  ``begin`` comes first, ``end`` last.

    Between them, for each input in its order: ``skipped``, or ``file``, perhaps ``exhibit``, and ``finding`` for what
    was found in it; for each endpoint or association ``association`` and ``finding``.  Behind all of them stands
    ``finding`` for what is only known then: of slides, series, the run, and of files that came before
    (``finding.file`` names them).
    """

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
        """A finding of the input before; after all of them, of an earlier one, or of several together."""

    def end(self, closing: Closing) -> None:
        """Called once, last."""


class Recorder(Stream):
    """Keeps what it is told, for a `Report`: on disk where it is much."""

    def __init__(self) -> None:
        self._files = Spool(FileRecord)
        self._skipped = Spool(FileRecord)
        self._associations = Spool(AssociationRecord)
        self._findings = Spool(Finding)
        self._exhibits = SpooledMapping(ImageExhibit)
        self._closing: Closing | None = None

    def skipped(self, record: FileRecord) -> None:
        """Kept."""
        self._skipped.append(record)

    def file(self, record: FileRecord) -> None:
        """Kept."""
        self._files.append(record)

    def exhibit(self, path: str, exhibit: ImageExhibit) -> None:
        """Kept."""
        self._exhibits.put(path, exhibit)

    def association(self, record: AssociationRecord) -> None:
        """Kept."""
        self._associations.append(record)

    def finding(self, finding: Finding) -> None:
        """Kept."""
        self._findings.append(finding)

    def end(self, closing: Closing) -> None:
        """Kept."""
        self._closing = closing

    def report(
        self, *, version: str, edition: str, profile: str, config: str | None, fail_on: Severity | None,
        undecided: dict[str, dict[str, str]],
    ) -> Report:  # fmt: skip
        """The report, once the run has ended."""
        closing = self._closing
        assert closing is not None
        return Report(
            version=version, edition=edition, profile=profile, config=config, fail_on=fail_on,
            files=self._files.sealed(), skipped=self._skipped.sealed(), associations=self._associations.sealed(),
            findings=self._findings.sealed(), exhibits=self._exhibits, slides=closing.slides,
            outcomes=closing.outcomes, undecided=undecided, summary=closing.summary, exit_code=closing.exit_code,
        )  # fmt: skip


def deliver(report: Report, to: Iterable[Stream]) -> None:
    """Tell a report that is there already, in the order of its files."""
    streams = list(to)
    for stream in streams:
        stream.begin()
    findings: Iterator[Finding] = iter(report.findings)
    ahead: Finding | None = next(findings, None)
    for record in report.files:
        for stream in streams:
            stream.file(record)
            if record.path in report.exhibits:
                stream.exhibit(record.path, report.exhibits[record.path])
        while ahead is not None and ahead.subject.kind == "file" and ahead.file == record.path:
            for stream in streams:
                stream.finding(ahead)
            ahead = next(findings, None)
    for other in report.skipped:
        for stream in streams:
            stream.skipped(other)
    left = Spool(Finding)
    of_association: dict[str, list[Finding]] = {}
    ids = {endpoint.id for endpoint in report.associations}
    while ahead is not None:
        if ahead.subject.kind == "association" and ahead.subject.id in ids:
            of_association.setdefault(ahead.subject.id, []).append(ahead)
        else:
            left.append(ahead)
        ahead = next(findings, None)
    for endpoint in report.associations:
        for stream in streams:
            stream.association(endpoint)
            for finding in of_association.get(endpoint.id, ()):
                stream.finding(finding)
    for finding in left:
        for stream in streams:
            stream.finding(finding)
    closing = report.closing()
    for stream in streams:
        stream.end(closing)
