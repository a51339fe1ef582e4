"""Markdown for pull requests and job summaries: the verdict, a table of files, findings by rule."""

from __future__ import annotations

import re
from collections import Counter

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing
from dcmlint.findings.finding import RANK, FileRecord, Finding
from dcmlint.plural import number_of
from dcmlint.reports.border import printable
from dcmlint.reports.distinct import Distinct
from dcmlint.reports.links import listed, reference_link
from dcmlint.reports.words import VERDICTS, counts_of, unchecked
from dcmlint.reports.writer import Writer, subject_name

_MOST_FILES = 50
_MOST_PLACES = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$@&:])")


class _OfRule:
    """The findings of a rule: the first of the worst, the first few, how many there are, and what they refer to."""

    __slots__ = ("count", "few", "first", "references")

    def __init__(self, first: Finding) -> None:
        self.first, self.few, self.count = first, [first], 1
        self.references = dict.fromkeys(first.references)

    def add(self, finding: Finding) -> None:
        self.count += 1
        if len(self.few) < _MOST_PLACES:
            self.few.append(finding)
            self.references.update(dict.fromkeys(finding.references))
        if RANK[finding.severity] > RANK[self.first.severity]:
            self.first = finding


class MarkdownWriter(Writer):
    """Everything is counted first: the verdict comes first."""

    @property
    def live(self) -> bool:
        """The verdict comes first."""
        return False

    def begin(self) -> None:
        """Nothing was counted yet."""
        self._open = self._title = ""
        self._subjects: dict[str, tuple[str, Counter[str]]] = {}
        self._more = Distinct()
        self._rules: dict[str, _OfRule] = {}

    def file(self, record: FileRecord) -> None:
        """A row of the table, if something was found."""
        self._open = record.path
        self._title = record.title if record.status == "checked" else f"{record.title} · {record.status}"

    def association(self, record: AssociationRecord) -> None:
        """A row of the table, if something was found."""
        self._open, self._title = record.id, record.title

    def finding(self, finding: Finding) -> None:
        """Counted for its rule and its subject."""
        if finding.suppressed:
            return
        rule = self._rules.get(finding.rule)
        if rule is None:
            self._rules[finding.rule] = _OfRule(finding)
        else:
            rule.add(finding)
        name = finding.subject.id if finding.subject.kind == "association" else subject_name(finding)
        row = self._subjects.get(name)
        if row is None and len(self._subjects) == _MOST_FILES:
            self._more.add(name)
            return
        if row is None:
            row = self._subjects[name] = (self._title if name == self._open else "", Counter())
        row[1][finding.severity] += 1

    def end(self, closing: Closing) -> None:
        """Write everything."""
        head, write = self.head, self.sink.write
        write(f"## dcmlint: {VERDICTS[closing.exit_code]}\n\n")
        write(
            f"{counts_of(closing.summary)} · profile {text_of(head.profile)} · DICOM {text_of(head.edition)}\n\n"
        )
        if self._subjects:
            write("| subject | errors | warnings | information |\n|---|--:|--:|--:|\n")
            for name, (title, counts) in self._subjects.items():
                shown = code_of(name) + (f"<br>{text_of(title)}" if title else "")
                write(f"| {shown} | {counts['error']} | {counts['warning']} | {counts['info']} |\n")
            if self._more.count:
                write(f"\nand {number_of(self._more.count, 'more subject')}\n")
            write("\n")
        ordered = sorted(
            self._rules.values(), key=lambda group: (-RANK[group.first.severity], group.first.rule)
        )
        for group in ordered:
            self._rule(group)
        notes = unchecked(closing)
        if notes:
            write("### Not checked\n\n")
            self.sink.writelines(f"- {text_of(note)}\n" for note in notes)

    def _rule(self, group: _OfRule) -> None:
        first = group.first
        rule = self.head.rules.get(first.rule)
        title = rule.title if rule is not None else first.message
        write = self.sink.write
        write(f"### {first.severity} {first.rule}: {text_of(title)}\n\n")
        if first.remedy:
            write(f"{text_of(' '.join(first.remedy.split()))}\n\n")
        for finding in group.few:
            place = f" {code_of(finding.path)}" if finding.path else ""
            name = finding.file or f"{finding.subject.kind} {finding.subject.id}"
            write(f"- {code_of(name)}{place}: {text_of(finding.message)}\n")
        if group.count > len(group.few):
            write(f"- and {group.count - len(group.few)} more\n")
        references, more = listed(group.references)
        see = "; ".join(map(self._reference, references)) + more
        write(f"\nSee {see}\n\n" if see else "\n")

    def _reference(self, reference: object) -> str:
        link = reference_link(reference, self.head.edition)  # type: ignore[arg-type]
        return f"[{text_of(str(reference))}]({link})" if link else text_of(str(reference))


def text_of(text: str) -> str:
    """Text without meaning to Markdown."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code_of(text: str) -> str:
    """Text as code: a fence longer than any in it; a pipe would end the cell of a table."""
    shown = printable(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"
