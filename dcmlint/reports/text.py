"""Text for people: full blocks, groups by rule for many files, or one line a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing, Report
from dcmlint.engine.spool import Spool
from dcmlint.findings.finding import RANK, FileRecord, Finding
from dcmlint.plural import number_of
from dcmlint.reports.association import contexts_text
from dcmlint.reports.blocks import Groups, concise, shown, write_blocks
from dcmlint.reports.border import printable
from dcmlint.reports.pen import Pen
from dcmlint.reports.words import VERDICTS, counts_of, unchecked
from dcmlint.reports.writer import Head, TextOptions, Writer, belongs, subject_name

# Above so many files the default is a list of rules rather than of findings.
GROUP_ABOVE = 20
_VERDICT = {0: "1;32", 1: "1;31", 3: "1;33", 4: "1;31"}
_TABLE_ROWS = 40
# How redaction writes a value that it does not show: `Aaa^Aaaa (PN, 8 characters)`.
_is_shape = re.compile(r"\([A-Z]{2}, \d+ characters?\)").search


def _is_masked(finding: Finding) -> bool:
    return any(_is_shape(text) for text in (finding.is_, finding.want, finding.because, finding.message))


class _Subject:
    """A file or an association, and what was found in it that is shown."""

    __slots__ = ("found", "record")

    def __init__(self, record: FileRecord | AssociationRecord) -> None:
        self.record = record
        self.found: list[Finding] = []


class _Endpoint(msgspec.Struct, frozen=True):
    record: AssociationRecord
    found: list[Finding]


class TextWriter(Writer):
    """The layout is the head's variant: full, grouped, concise, or auto, which is full for a few files.

    In the full layout a file is written when the next one begins; of the others only counts are kept.
    """

    @property
    def live(self) -> bool:
        """The layout may depend on the number of files."""
        return self.head.variant in ("full", "concise")

    def begin(self) -> None:
        """Nothing was written yet."""
        self.pen = Pen(self.head.text)
        self._layout = "" if self.head.printed else self.head.variant
        self._few: list[_Subject] = []  # while the layout is not known
        self._open: _Subject | None = None
        self._groups = Groups()
        self._broken, self._first_broken = 0, ""
        self._endpoints = Spool(_Endpoint)
        self._together = Spool(Finding)
        self._skipped = Spool(FileRecord)
        self._rows: dict[str, list[int]] = {}
        self._status: dict[str, str] = {}
        self._left_out = 0
        self._masked = False

    def skipped(self, record: FileRecord) -> None:
        """Named with ``-v``."""
        if self.head.text.verbose:
            self._skipped.append(record)

    def file(self, record: FileRecord) -> None:
        """The heading of what follows."""
        self._close()
        self._open = _Subject(record)
        if record.status in ("partial", "unreadable"):
            self._broken += 1
            self._first_broken = self._first_broken or record.path
            self._count(record.path, status=record.status)

    def association(self, record: AssociationRecord) -> None:
        """The heading of what follows."""
        self._close()
        self._open = _Subject(record)

    def finding(self, finding: Finding) -> None:
        """Of the file or association before, of an earlier file, or of several files."""
        if finding.subject.kind != "association":
            self._count(subject_name(finding), finding)
        if not shown([finding], self.pen):
            return
        self._masked = self._masked or _is_masked(finding)
        if self.head.variant == "concise":
            self.sink.write(concise(finding, self.pen))
        elif self._layout == "grouped" and finding.subject.kind != "association":
            self._groups.add(finding)
        elif self._open is not None and belongs(finding, self._open.record):
            self._open.found.append(finding)
        else:
            earlier = next((one for one in self._few if belongs(finding, one.record)), None)
            (earlier.found if earlier is not None else self._together).append(finding)

    def _close(self) -> None:
        """Write the open file, or keep it while the layout is not known."""
        subject, self._open = self._open, None
        if subject is None or self._layout in ("", "concise"):
            return
        record = subject.record
        if isinstance(record, AssociationRecord):
            self._endpoints.append(_Endpoint(record, subject.found))
        elif self._layout == "full":
            self.sink.writelines(write_file(record, subject.found, self.head))
        elif self._layout == "auto":
            self._few.append(subject)
            if len(self._few) > GROUP_ABOVE:
                self._layout = "grouped"
                for finding in (finding for one in self._few for finding in one.found):
                    self._groups.add(finding)
                self._few = []

    def end(self, closing: Closing) -> None:
        """What was kept, then the verdict."""
        self._close()
        write = self.sink.writelines
        if self._layout in ("full", "grouped", "auto"):
            if self._layout == "grouped":
                write(self._groups.lines(self.pen, self.head.rules))
            for one in self._few:
                assert isinstance(one.record, FileRecord)
                write(write_file(one.record, one.found, self.head))
            for endpoint in self._endpoints:
                write(write_association(endpoint.record, endpoint.found, self.head))
            if self._layout == "grouped":
                write(self._unread())
            write(self._others())
            if self.head.text.table and not self.head.text.quiet:
                write(self._table())
        if self.head.variant != "concise" or not self.head.text.quiet:
            write(self._closing(closing))

    def _others(self) -> Iterator[str]:
        """What is only known of all together, subject after subject."""
        for name, found in groupby(self._together, subject_name):
            group = list(found)
            files = group[0].subject.files
            title = (
                name
                if group[0].subject.kind == "file" or not files
                else f"{name} · {number_of(len(files), 'file')}"
            )
            yield from self.pen.lines(printable(title), "", "  ")
            yield "\n"
            yield from write_blocks(group, self.pen, self.head.rules, self.head.edition)

    def _unread(self) -> Iterator[str]:
        if self._broken:
            said = f"{number_of(self._broken, 'file')} could not be read, or only in part, first {printable(self._first_broken)}"
            yield from self.pen.lines(said, "", "  ")
            yield "\n"

    def _table(self) -> Iterator[str]:
        """Subjects with their counts, drawn by rich: for terminals only."""
        if len(self._rows) < 2:
            return
        import io

        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("subject", overflow="fold", ratio=1)
        for name, style in (("errors", "red"), ("warnings", "yellow"), ("information", "cyan")):
            table.add_column(name, justify="right", style=style)
        left_out = self._left_out + len(self._rows) - _TABLE_ROWS
        for name, counts in self._ranked():
            mark = f" ({self._status[name]})" if name in self._status else ""
            table.add_row(
                Text(self.pen.out(printable(name)) + mark), *(str(one) if one else "" for one in counts)
            )
        if left_out > 0:
            table.add_row(Text(f"and {left_out} more"))
        options = self.head.text
        buffer = io.StringIO()
        Console(
            file=buffer, width=self.pen.width, force_terminal=options.colour, color_system="standard" if options.colour else None,
            highlight=False, markup=False, legacy_windows=False,
        ).print(table)  # fmt: skip
        yield buffer.getvalue() + "\n"

    def _ranked(self) -> list[tuple[str, list[int]]]:
        """The rows of the table: those with the most findings."""
        return sorted(self._rows.items(), key=lambda row: [-one for one in row[1]])[:_TABLE_ROWS]

    def _count(self, name: str, finding: Finding | None = None, status: str = "checked") -> None:
        """A row of the table, for a finding or for what could not be read."""
        if not self.head.text.table:
            return
        row = self._rows.setdefault(name, [0, 0, 0])
        if finding is not None and not finding.suppressed:
            row[2 - RANK[finding.severity]] += 1
        if status != "checked":
            self._status[name] = status
        if len(self._rows) > _TABLE_ROWS * 10:
            kept = dict(self._ranked())
            self._left_out += len(self._rows) - len(kept)
            self._rows = kept
            self._status = {name: one for name, one in self._status.items() if name in kept}

    def _closing(self, closing: Closing) -> Iterator[str]:
        s, pen, options = closing.summary, self.pen, self.head.text
        yield from pen.lines(
            f"{counts_of(s)} · {s.not_applicable} not applicable · {s.undecided} undecided", "", "  "
        )
        notes: list[str] = []
        if s.skipped:
            how = "" if options.verbose else ", such as files that are not DICOM (-v names them)"
            notes.append(f"{number_of(s.skipped, 'file')} skipped{how}")
            if options.verbose:
                notes.extend(f"skipped: {record.path} ({record.title})" for record in self._skipped)
        notes += unchecked(closing)
        if options.verbose:
            alike: dict[tuple[str, str], list[str]] = {}
            for one in closing.undecided:
                alike.setdefault((one.reason, one.first), []).append(one.rule)
            notes.extend(
                f"undecided: {', '.join(rules)}: {reason}, first in {first}"
                for (reason, first), rules in alike.items()
            )
        if s.suppressed:
            notes.append(f"{number_of(s.suppressed, 'finding')} suppressed")
        if s.infos and options.show != "info":
            notes.append("information is not shown: --show info")
        if self._masked and self.head.variant != "concise":
            notes.append(
                "values that can identify a patient are shown by their shape (A, a, 9): --show-values all"
            )
        for note in notes:
            yield from pen.lines(printable(note), "  ", "    ")
        verdict = pen.paint(VERDICTS[closing.exit_code], _VERDICT[closing.exit_code])
        config = f" · config {printable(self.head.config)}" if self.head.config else ""
        yield pen.out(
            f"{verdict}  profile {printable(self.head.profile)}, DICOM {self.head.edition}{config} · {s.seconds:.2f} s\n"
        )


def write_file(record: FileRecord, findings: Iterable[Finding], head: Head) -> Iterator[str]:
    """One file: its heading and its findings; nothing where nothing is shown."""
    pen = Pen(head.text)
    found = shown(findings, pen)
    if not found and not head.text.verbose and record.status == "checked":
        return
    yield pen.paint(pen.out(printable(record.path)), "1") + "\n"
    title = printable(record.title)
    if record.status in ("partial", "unreadable"):
        title = f"{title} · {record.status}" if title else record.status
    if title:
        yield from pen.lines(title, "  ", "  ")
    if head.text.verbose and record.passed:
        said = f"{number_of(record.passed, 'rule')} passed, {record.not_applicable} not applicable"
        yield from pen.lines(said, "  ", "  ")
    if head.text.verbose:
        for one in record.not_checked:
            yield from pen.lines(f"not checked: {printable(one)}", "  ", "    ")
    yield "\n"
    yield from write_blocks(found, pen, head.rules, head.edition)
    if not found:
        yield "  no finding\n\n" if record.status == "checked" else "  no finding in what could be read\n\n"


def write_association(record: AssociationRecord, findings: Iterable[Finding], head: Head) -> Iterator[str]:
    """One endpoint or association: what it is, its contexts, its findings."""
    pen = Pen(head.text)
    yield from contexts_text(record, pen)
    yield from write_blocks(shown(findings, pen), pen, head.rules, head.edition)


def write_findings(findings: Iterable[Finding], head: Head) -> Iterator[str]:
    """Findings without a heading."""
    pen = Pen(head.text)
    yield from write_blocks(shown(findings, pen), pen, head.rules, head.edition)


def text_of_report(report: Report, options: TextOptions, layout: str = "auto") -> str:
    """A whole report as text, without the titles of rules."""
    import io

    from dcmlint.engine.stream import deliver
    from dcmlint.reports.writer import head_of

    sink = io.StringIO()
    deliver(report, [TextWriter(sink, head_of(report, {}, options, layout))])
    return sink.getvalue()
