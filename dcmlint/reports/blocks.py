"""Findings as blocks of text: one block for one cause.

Findings of the same rule in the same file are one block with a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from dcmlint.dicom.path import tag_text
from dcmlint.findings.finding import RANK, Finding
from dcmlint.plural import number_of
from dcmlint.reports.border import printable
from dcmlint.reports.distinct import Distinct
from dcmlint.reports.links import listed, reference_link
from dcmlint.reports.pen import LABEL, STYLE, Pen
from dcmlint.reports.words import placed_message
from dcmlint.rules.model import Rule

_NARROW = 60  # cells
_NAMES = 40  # attributes listed in one block
_OF_SEVERAL = ("series", "slide", "run")  # what a finding about several files is of


def shown(findings: Iterable[Finding], pen: Pen) -> list[Finding]:
    """The findings that text shows."""
    least = RANK[pen.options.show]
    return [finding for finding in findings if RANK[finding.severity] >= least and not finding.suppressed]


def write_blocks(
    found: Iterable[Finding], pen: Pen, rules: Mapping[str, Rule], edition: str
) -> Iterator[str]:
    """The blocks of one subject."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.rule, finding.severity), []).append(finding)
    for group in groups.values():
        rule = rules.get(group[0].rule)
        yield from _one(group[0], pen, edition) if len(group) == 1 else _many(group, rule, pen, edition)


def _head(finding: Finding, text: str, pen: Pen, indent: str = "  ") -> Iterator[str]:
    head = f"{finding.severity}[{finding.rule}]"
    lines = list(pen.lines(f"{head} {printable(text)}", indent, indent + "  "))
    lines[0] = lines[0].replace(head, pen.paint(head, STYLE[finding.severity]), 1)
    yield from lines


def _one(finding: Finding, pen: Pen, edition: str) -> Iterator[str]:
    yield from _head(finding, finding.message, pen)
    rows = [
        ("file", _file_of(finding)),
        ("at", _at(finding)),
        ("found", finding.is_),
        ("expected", finding.want),
        ("computed from", finding.because),
    ]
    if finding.count > 1:
        first = ", ".join(filter(None, finding.places))  # the data set itself has no path
        rows.append(("in", f"{finding.count} places, first {first}" if first else f"{finding.count} places"))
    yield from _rows([*rows, *_related(finding)], pen)
    yield from _footer((finding,), None, pen, edition)


def _file_of(finding: Finding) -> str:
    """The file that a finding about several names first; that of one file stands in its heading."""
    return finding.file or "" if finding.subject.kind in _OF_SEVERAL else ""


def _place(finding: Finding) -> str:
    return " ".join(part for part in (_file_of(finding), finding.path) if part)


def _related(finding: Finding) -> Iterator[tuple[str, str]]:
    for place in finding.related[:3]:
        yield "also", " ".join(part for part in (place.file or "", place.path, place.message) if part)


def _many(group: list[Finding], rule: Rule | None, pen: Pen, edition: str) -> Iterator[str]:
    """One cause in several places: what all have in common once, then a list."""
    first = group[0]
    title = rule.title if rule is not None else first.name
    same_message = _same(group, lambda one: one.message)
    alike = "" if same_message else _alike(group)
    yield from _head(first, first.message if same_message else alike or title, pen)
    rows: list[tuple[str, str]] = []
    paths = [_place(one) for one in group]
    if same_message or alike:
        names = paths if len(set(paths)) > 1 or paths[0] else []
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        rows.append(("at" if alike else number_of(len(group), "place"), ", ".join(names[:_NAMES]) + more))
    else:
        limit = pen.options.max_per_rule or len(group)
        places = number_of(len(group), "place")
        apart = not _same(group, _want)  # else it has a row of its own
        rows += [
            (places if not number else "", _short(one, apart)) for number, one in enumerate(group[:limit])
        ]
        if len(group) > limit:
            rows.append(("", f"{len(group) - limit} more of the same rule: --max-per-rule 0 shows them"))
    for label, value in (("found", _is), ("expected", _want), ("computed from", _because)):
        if _same(group, value):
            rows.append((label, value(first)))
    yield from _rows(rows, pen)
    yield from _footer(group, rule, pen, edition)


def _is(finding: Finding) -> str:
    return finding.is_


def _want(finding: Finding) -> str:
    return finding.want


def _because(finding: Finding) -> str:
    return finding.because


def _remedy(finding: Finding) -> str:
    return finding.remedy


def _same(group: Sequence[Finding], value: Callable[[Finding], str]) -> bool:
    return len({value(one) for one in group}) == 1


def _alike(group: list[Finding]) -> str:
    """One sentence for messages that say the same, each of its own attribute: ``7 attributes are missing (Type 2)``."""
    sentences = set()
    for one in group:
        name = one.path.rpartition(".")[2].partition("[")[0]
        said = one.message.removeprefix(f"{name} is ")
        if not name or said == one.message or one.is_ not in ("", "absent", "empty"):
            return ""
        sentences.add(said)
    return f"{len(group)} attributes are {sentences.pop()}" if len(sentences) == 1 else ""


def _short(finding: Finding, with_want: bool) -> str:
    times = f" ({finding.count} places)" if finding.count > 1 else ""
    with_want = with_want and finding.want not in finding.message
    expected = f"; expected {finding.want}" if with_want else ""
    file = f"{_file_of(finding)}: " if _file_of(finding) else ""
    return f"{file}{placed_message(finding)}{expected}{times}"


def _footer(group: Sequence[Finding], rule: Rule | None, pen: Pen, edition: str) -> Iterator[str]:
    """Remedy, rule, and what any of the findings refers to: attributes of one block may be of several modules."""
    first = group[0]
    general = rule.remedy if rule is not None else first.remedy
    remedy = first.remedy if _same(group, _remedy) else general
    references, more = listed(reference for one in group for reference in one.references)
    links = {printable(str(one)): reference_link(one, edition) for one in references}
    # The longest first: one may be how another begins.
    written = re.compile("|".join(map(re.escape, sorted(links, key=len, reverse=True))) or "$^")
    yield from _rows([("help", " ".join(remedy.split()))], pen)
    for line in _rows([("see", "; ".join(map(str, references)) + more)], pen):
        yield written.sub(lambda found: pen.link(found[0], links[found[0]]), line)
    yield from _rows([("rule", f"{first.name} · dcmlint explain {first.rule}")], pen)
    yield "\n"


def _rows(rows: Iterable[tuple[str, str]], pen: Pen) -> Iterator[str]:
    narrow = pen.width < _NARROW  # no room for a column of labels
    for label, text in rows:
        if text:
            blank = "      " if narrow else " " * (LABEL + 2) + " | "
            first = f"  {label:>{LABEL}} | " if label else blank
            if narrow and label:
                first = f"    {label}: "
            yield from pen.lines(printable(text), first, blank)


def _at(finding: Finding) -> str:
    parts = [finding.path] if finding.path else []
    if finding.tag and not finding.path.startswith("("):
        parts.append(tag_text(int(finding.tag, 16)))
    if finding.offset is not None and finding.is_ != "absent":
        parts.append(f"{'@' if parts else 'byte'} {finding.offset:#x}")
    return " ".join(parts)


def concise(finding: Finding, pen: Pen) -> str:
    """One line, for other programs and for grep."""
    place = f" {_place(finding)}" if _place(finding) else ""
    times = f" ({finding.count} places)" if finding.count > 1 else ""
    head = pen.paint(f"{finding.severity}[{finding.rule}]", STYLE[finding.severity])
    subject = (
        finding.file if finding.subject.kind == "file" else f"{finding.subject.kind} {finding.subject.id}"
    )
    return pen.out(
        f"{printable(subject or '')}:{printable(place)} {head} {printable(finding.message)}{times}\n"
    )


class _Group:
    """The findings of a rule: the first of the worst, the first file, and in how many files each attribute has one."""

    __slots__ = ("file", "files", "first", "names")

    def __init__(self, first: Finding) -> None:
        self.first, self.file = first, first.file or first.subject.id
        self.files = Distinct()
        self.names: dict[str, Distinct] = {}

    def add(self, finding: Finding) -> None:
        if RANK[finding.severity] > RANK[self.first.severity]:
            self.first = finding
        file = finding.file or finding.subject.id
        self.files.add(file)
        name = finding.path.rpartition(".")[2].partition("[")[0]
        if name:
            counted = self.names.get(name)
            if counted is None:
                counted = self.names[name] = Distinct()
            counted.add(file)


class Groups:
    """Rules by severity and number of files: the rule's title, a count for each attribute, one example."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add(self, finding: Finding) -> None:
        """Count a finding that text shows."""
        group = self._groups.get(finding.rule)
        if group is None:
            group = self._groups[finding.rule] = _Group(finding)
        group.add(finding)

    def lines(self, pen: Pen, rules: Mapping[str, Rule]) -> Iterator[str]:
        """All groups."""
        ordered = sorted(
            self._groups.values(),
            key=lambda group: (-RANK[group.first.severity], -group.files.count, group.first.rule),
        )
        for group in ordered:
            first = group.first
            rule = rules.get(first.rule)
            title = rule.title if rule is not None else first.name
            yield from _head(first, f"{number_of(group.files.count, 'file')}: {title}", pen, "")
            ranked = sorted(group.names.items(), key=lambda item: (-item[1].count, item[0]))
            listed = ", ".join(f"{name} ({counted.count})" for name, counted in ranked[:10])
            if listed:
                more = f" and {len(ranked) - 10} more" if len(ranked) > 10 else ""
                yield from pen.lines(printable(listed + more), "    ", "      ")
            yield from pen.lines(
                f"for example {printable(f'{group.file}: {first.message}')}", "    ", "      "
            )
            if first.remedy:
                yield from pen.lines(printable(f"help: {' '.join(first.remedy.split())}"), "    ", "      ")
            yield f"    dcmlint explain {first.rule}\n\n"
