"""Text for people: full blocks, groups by rule for many files, or one line a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing, Report
from dcmlint.findings.finding import FileRecord, Finding
from dcmlint.reports.association import contexts_text
from dcmlint.reports.blocks import concise, shown, write_blocks, write_groups
from dcmlint.reports.border import printable
from dcmlint.reports.pen import Pen
from dcmlint.reports.words import VERDICTS, counts_of, number_of, unchecked
from dcmlint.reports.writer import Head, TextOptions, Writer

# Above so many files the default is a list of rules rather than of findings.
GROUP_ABOVE = 20
_VERDICT = {0: "1;32", 1: "1;31", 3: "1;33", 4: "1;31"}
_TABLE_ROWS = 40


class TextWriter(Writer):
    """The layout is the head's variant: full, grouped, concise, or auto, which is known at the end."""

    def begin(self) -> None:
        """Nothing was written yet."""
        self.pen = Pen(self.head.text)
        self._files: list[tuple[FileRecord, list[Finding]]] = []
        self._associations: list[tuple[AssociationRecord, list[Finding]]] = []
        self._found: list[Finding] = []
        self._together: list[Finding] = []
        self._skipped: list[FileRecord] = []

    def skipped(self, record: FileRecord) -> None:
        """Named with ``-v``."""
        self._skipped.append(record)

    def file(self, record: FileRecord) -> None:
        """The heading of what follows."""
        self._found = []
        self._files.append((record, self._found))

    def association(self, record: AssociationRecord) -> None:
        """The heading of what follows."""
        self._found = []
        self._associations.append((record, self._found))

    def finding(self, finding: Finding) -> None:
        """Of the file or association before, or of several files."""
        if self.head.variant == "concise":
            self.sink.writelines(concise(one, self.pen) for one in shown([finding], self.pen))
        elif finding.subject.kind in ("file", "association") and (self._files or self._associations):
            self._found.append(finding)
        else:
            self._together.append(finding)

    def end(self, closing: Closing) -> None:
        """Blocks or groups, then the verdict."""
        layout = self.head.variant
        grouped = layout == "grouped" or (layout == "auto" and len(self._files) > GROUP_ABOVE)
        write = self.sink.writelines
        if layout != "concise" and not self.head.printed:
            write(self._grouped() if grouped else self._full())
            if self.head.text.table and not self.head.text.quiet:
                write(self._table())
        if layout != "concise" or not self.head.text.quiet:
            write(self._closing(closing))

    def _full(self) -> Iterator[str]:
        for file, of_file in self._files:
            yield from write_file(file, of_file, self.head)
        yield from self._endpoints()
        by_subject: dict[str, list[Finding]] = {}
        for finding in shown(self._together, self.pen):
            by_subject.setdefault(f"{finding.subject.kind} {finding.subject.id}", []).append(finding)
        for name, found in by_subject.items():
            files = found[0].subject.files
            title = f"{name} · {number_of(len(files), 'file')}" if files else name
            yield from self.pen.lines(printable(title), "", "  ")
            yield "\n"
            yield from write_blocks(found, self.pen, self.head.rules, self.head.edition)

    def _endpoints(self) -> Iterator[str]:
        for record, found in self._associations:
            yield from write_association(record, found, self.head)

    def _grouped(self) -> Iterator[str]:
        every = [one for _, found in self._files for one in found] + self._together
        yield from write_groups(shown(every, self.pen), self.pen, self.head.rules)
        yield from self._endpoints()
        broken = [record for record, _ in self._files if record.status in ("partial", "unreadable")]
        if broken:
            said = f"{number_of(len(broken), 'file')} could not be read, or only in part, first {printable(broken[0].path)}"
            yield from self.pen.lines(said, "", "  ")
            yield "\n"

    def _table(self) -> Iterator[str]:
        """Files with their counts, drawn by rich: for terminals only."""
        rows: dict[str, list[int]] = {}
        status = {record.path: record.status for record, _ in self._files}
        for record, found in self._files:
            if found or record.status != "checked":
                rows[record.path] = _counts(found)
        for finding in self._together:
            name = f"{finding.subject.kind} {finding.subject.id}"
            row = rows.setdefault(name, [0, 0, 0])
            for place, one in enumerate(_counts([finding])):
                row[place] += one
        if len(rows) < 2:
            return
        import io

        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("subject", overflow="fold", ratio=1)
        for name, style in (("errors", "red"), ("warnings", "yellow"), ("information", "cyan")):
            table.add_column(name, justify="right", style=style)
        ranked = sorted(rows.items(), key=lambda row: [-one for one in row[1]])
        for name, counts in ranked[:_TABLE_ROWS]:
            mark = "" if status.get(name, "checked") == "checked" else f" ({status[name]})"
            table.add_row(
                Text(self.pen.out(printable(name)) + mark), *(str(one) if one else "" for one in counts)
            )
        if len(ranked) > _TABLE_ROWS:
            table.add_row(Text(f"and {len(ranked) - _TABLE_ROWS} more"))
        options = self.head.text
        buffer = io.StringIO()
        Console(
            file=buffer, width=self.pen.width, force_terminal=options.colour, color_system="standard" if options.colour else None,
            highlight=False, markup=False, legacy_windows=False,
        ).print(table)  # fmt: skip
        yield buffer.getvalue() + "\n"

    def _closing(self, closing: Closing) -> Iterator[str]:
        s, pen, options = closing.summary, self.pen, self.head.text
        yield from pen.lines(
            f"{counts_of(s)} · {s.not_applicable} not applicable · {s.undecided} undecided", "", "  "
        )
        notes: list[str] = []
        if s.skipped:
            how = "" if options.verbose else " (-v names them)"
            notes.append(f"{number_of(s.skipped, 'file')} skipped: not DICOM{how}")
            if options.verbose:
                notes.extend(f"skipped: {record.path} ({record.title})" for record in self._skipped)
        notes += unchecked(closing)
        if options.verbose:
            notes.extend(
                f"undecided: {one.rule}: {one.reason}, first in {one.first}" for one in closing.undecided
            )
        if s.suppressed:
            notes.append(f"{number_of(s.suppressed, 'finding')} suppressed")
        if s.infos and options.show != "info":
            notes.append("information is not shown: --show info")
        for note in notes:
            yield from pen.lines(printable(note), "  ", "    ")
        verdict = pen.paint(VERDICTS[closing.exit_code], _VERDICT[closing.exit_code])
        config = f" · config {printable(self.head.config)}" if self.head.config else ""
        yield pen.out(
            f"{verdict}  profile {printable(self.head.profile)}, DICOM {self.head.edition}{config} · {s.seconds:.2f} s\n"
        )


def _counts(found: Iterable[Finding]) -> list[int]:
    kept = [one.severity for one in found if not one.suppressed]
    return [kept.count("error"), kept.count("warning"), kept.count("info")]


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

    from dcmlint.reports.writer import deliver, head_of

    sink = io.StringIO()
    deliver(report, [TextWriter(sink, head_of(report, {}, options, layout))])
    return sink.getvalue()
