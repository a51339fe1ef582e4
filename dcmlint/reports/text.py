"""Text for people: full blocks, groups by rule for many files, or one line a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from dcmlint.dicom.path import tag_text
from dcmlint.engine.report import Report
from dcmlint.findings.finding import RANK, FileRecord, Finding, Severity
from dcmlint.reports.border import printable

# Above so many files the default is a list of rules rather than of findings.
GROUP_ABOVE = 20
_STYLE = {"error": "1;31", "warning": "1;33", "info": "1;36"}
_LABEL = 9
# The parts of a long word, each with the separator that ends it.
_PART = re.compile(r"[^./\\]*[./\\]+|[^./\\]+")


class TextOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How text is drawn: width in columns, ANSI color, the least severity shown, findings a file."""

    width: int = 80
    colour: bool = False
    show: Severity = "warning"
    max_per_rule: int = 10
    quiet: bool = False
    verbose: bool = False


def write_text(report: Report, options: TextOptions, layout: str = "auto") -> Iterator[str]:
    """The report as text.  ``layout``: "full", "concise", "grouped" or "auto"."""
    if layout == "auto":
        layout = "grouped" if len(report.files) > GROUP_ABOVE else "full"
    pen = _Pen(options)
    if layout == "concise":
        for finding in _shown(report.findings, options):
            yield _concise(finding, pen)
        if not options.quiet:
            yield from _closing(report, pen)
        return
    yield from _grouped(report, pen) if layout == "grouped" else _full(report, pen)
    yield from _closing(report, pen)


class _Pen:
    def __init__(self, options: TextOptions) -> None:
        self.options = options
        self.width = max(40, options.width)

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.options.colour and style else text

    def wrap(self, text: str, first: str, rest: str) -> list[str]:
        """Lines of at most the width; a word longer than a line breaks after a period, slash or backslash."""
        lines: list[str] = []
        line, empty = first, True
        for word in text.split():
            parts = [word]
            if len(word) > self.width - len(rest):
                parts = _PART.findall(word)
            for number, part in enumerate(parts):
                gap = "" if empty or number else " "
                if len(line) + len(gap) + len(part) > self.width and not empty:
                    lines.append(line)
                    line, empty, gap = rest, True, ""
                while len(line) + len(part) > self.width:
                    cut = self.width - len(line)
                    lines.append(line + part[:cut])
                    line, part = rest, part[cut:]
                line, empty = line + gap + part, False
        lines.append(line.rstrip())
        return lines


def _shown(findings: Iterable[Finding], options: TextOptions) -> list[Finding]:
    least = RANK[options.show]
    return [finding for finding in findings if RANK[finding.severity] >= least and not finding.suppressed]


def _full(report: Report, pen: _Pen) -> Iterator[str]:
    by_file: dict[str, list[Finding]] = {}
    together: list[Finding] = []
    for finding in _shown(report.findings, pen.options):
        if finding.subject.kind == "file" and finding.file is not None:
            by_file.setdefault(finding.file, []).append(finding)
        else:
            together.append(finding)
    for record in report.files:
        found = by_file.get(record.path, [])
        if not found and not pen.options.verbose:
            continue
        yield from _heading(record, pen)
        yield from _blocks(found, pen)
        if not found:
            yield "  no finding\n\n"
    by_subject: dict[str, list[Finding]] = {}
    for finding in together:
        by_subject.setdefault(f"{finding.subject.kind} {finding.subject.id}", []).append(finding)
    for name, found in by_subject.items():
        files = found[0].subject.files
        title = f"{name} · {_n(len(files), 'file')}" if files else name
        yield from (line + "\n" for line in pen.wrap(printable(title), "", "  "))
        yield "\n"
        yield from _blocks(found, pen)


def _heading(record: FileRecord, pen: _Pen) -> Iterator[str]:
    yield pen.paint(printable(record.path), "1") + "\n"
    title = printable(record.title)
    if record.status in ("partial", "unreadable"):
        title = f"{title} · {record.status}" if title else record.status
    if title:
        yield from (line + "\n" for line in pen.wrap(title, "  ", "  "))
    yield "\n"


def _blocks(found: list[Finding], pen: _Pen) -> Iterator[str]:
    times: dict[str, int] = {}
    limit = pen.options.max_per_rule
    hidden = 0
    for finding in found:
        times[finding.rule] = times.get(finding.rule, 0) + 1
        if limit and times[finding.rule] > limit:
            hidden += 1
            continue
        yield from _block(finding, pen)
    if hidden:
        yield f"  {hidden} more of the same rules: --max-per-rule 0 shows them\n\n"


def _block(finding: Finding, pen: _Pen) -> Iterator[str]:
    head = f"{finding.severity}[{finding.rule}]"
    lines = pen.wrap(f"{head} {printable(finding.message)}", "  ", "    ")
    lines[0] = lines[0].replace(head, pen.paint(head, _STYLE[finding.severity]), 1)
    yield from (line + "\n" for line in lines)
    rows = [("at", _at(finding)), ("is", finding.is_), ("want", finding.want), ("because", finding.because)]
    if finding.count > 1:
        more = f"{finding.count} places, first {', '.join(finding.places)}"
        rows.append(("in", more))
    see = "; ".join(dict.fromkeys(str(reference) for reference in finding.references))
    rows += [("see", see), ("rule", f"{finding.name} · dcmlint explain {finding.rule}")]
    for label, text in rows:
        if not text:
            continue
        first = f"  {label:>{_LABEL - 2}} | "
        yield from (line + "\n" for line in pen.wrap(printable(text), first, " " * (_LABEL) + " | "))
    yield "\n"


def _at(finding: Finding) -> str:
    parts = [finding.path] if finding.path else []
    if finding.tag and not finding.path.startswith("("):
        parts.append(tag_text(int(finding.tag, 16)))
    if finding.offset is not None:
        parts.append(f"@ {finding.offset:#x}")
    return " ".join(parts)


def _concise(finding: Finding, pen: _Pen) -> str:
    place = f" {finding.path}" if finding.path else ""
    times = f" ({finding.count} places)" if finding.count > 1 else ""
    head = pen.paint(f"{finding.severity}[{finding.rule}]", _STYLE[finding.severity])
    subject = (
        finding.file if finding.subject.kind == "file" else f"{finding.subject.kind} {finding.subject.id}"
    )
    return f"{printable(subject or '')}:{printable(place)} {head} {printable(finding.message)}{times}\n"


def _grouped(report: Report, pen: _Pen) -> Iterator[str]:
    groups: dict[str, list[Finding]] = {}
    for finding in _shown(report.findings, pen.options):
        groups.setdefault(finding.rule, []).append(finding)
    ordered = sorted(
        groups.values(),
        key=lambda group: (
            -max(RANK[f.severity] for f in group),
            -len({f.file for f in group}),
            group[0].rule,
        ),
    )
    for group in ordered:
        first = max(group, key=lambda f: RANK[f.severity])
        files = list(dict.fromkeys(f.file or f.subject.id for f in group))
        head = f"{first.severity}[{first.rule}]"
        count = _n(len(files), "file")
        lines = pen.wrap(f"{head} {count}: {printable(first.message)}", "", "    ")
        lines[0] = lines[0].replace(head, pen.paint(head, _STYLE[first.severity]), 1)
        yield from (line + "\n" for line in lines)
        where = f" {first.path}" if first.path else ""
        yield from (
            line + "\n" for line in pen.wrap(f"for example {printable(files[0] + where)}", "    ", "      ")
        )
        yield f"    dcmlint explain {first.rule}\n\n"
    broken = [record for record in report.files if record.status in ("partial", "unreadable")]
    if broken:
        yield f"{_n(len(broken), 'file')} could not be read, or only in part, first {printable(broken[0].path)}\n\n"


def _closing(report: Report, pen: _Pen) -> Iterator[str]:
    s = report.summary
    counts = f"{_n(s.errors, 'error')}, {_n(s.warnings, 'warning')}"
    if s.infos:
        counts += f", {_n(s.infos, 'information', 'information')}"
    subjects = [_n(s.files, "file")] if s.files or not s.associations else []
    if s.associations:
        subjects.append(_n(s.associations, "association"))
    line = f"{', '.join(subjects)}, {_n(s.rules, 'rule')}: {counts} · {s.not_applicable} not applicable · {s.undecided} undecided"
    yield from (text + "\n" for text in pen.wrap(line, "", "  "))
    notes: list[str] = []
    if s.skipped:
        notes.append(
            f"{_n(s.skipped, 'file')} skipped: not DICOM{'' if pen.options.verbose else ' (-v names them)'}"
        )
        if pen.options.verbose:
            notes.extend(f"skipped: {record.path} ({record.title})" for record in report.skipped)
    if s.unreadable:
        notes.append(f"{_n(s.unreadable, 'input')} could not be read")
    if s.partial:
        notes.append(f"{_n(s.partial, 'file')} read only in part")
    if s.crashed:
        notes.append(f"{_n(s.crashed, 'rule')} crashed: please report it (--debug shows where)")
        notes += [f"  {one.rule}: {one.reason}, first in {one.first}" for one in report.unsettled()[1]]
    if s.suppressed:
        notes.append(f"{_n(s.suppressed, 'finding')} suppressed")
    if s.undecided:
        names = list(dict.fromkeys(one.rule for one in report.unsettled()[0]))
        notes.append(
            "not decided: " + ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        )
    if s.unreviewed:
        notes.append("conditions that nobody has reviewed: " + ", ".join(s.unreviewed))
    if s.infos and pen.options.show != "info":
        notes.append("information is not shown: --show info")
    for note in notes:
        yield from (text + "\n" for text in pen.wrap(printable(note), "  ", "    "))
    verdict, style = {
        0: ("PASS", "1;32"),
        1: ("FAIL", "1;31"),
        3: ("NO INPUT", "1;33"),
        4: ("INCOMPLETE", "1;31"),
    }[report.exit_code]
    config = f" · config {printable(report.config)}" if report.config else ""
    yield f"{pen.paint(verdict, style)}  profile {report.profile}, DICOM {report.edition}{config} · {s.seconds:.2f} s\n"


def write_record(record: FileRecord, findings: Iterable[Finding], options: TextOptions) -> Iterator[str]:
    """One file as soon as it is known: its heading and its findings; nothing where nothing is shown."""
    pen = _Pen(options)
    found = _shown(findings, options)
    if found or options.verbose:
        yield from _heading(record, pen)
        yield from _blocks(found, pen)


def write_findings(findings: Iterable[Finding], options: TextOptions) -> Iterator[str]:
    """Findings without a heading."""
    yield from _blocks(_shown(findings, options), _Pen(options))


def write_closing(report: Report, options: TextOptions) -> Iterator[str]:
    """What a run comes to: counts, what was not checked, the verdict."""
    yield from _closing(report, _Pen(options))


def wrapped(text: str, first: str, rest: str, options: TextOptions) -> list[str]:
    """Lines of at most the width, the first and the others with a beginning of their own."""
    return _Pen(options).wrap(printable(text), first, rest)


def painted(text: str, style: str, options: TextOptions) -> str:
    """Text in an ANSI style, where color is wanted."""
    return _Pen(options).paint(text, style)


def _n(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
