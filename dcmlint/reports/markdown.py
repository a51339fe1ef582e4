"""Markdown for pull requests and job summaries: the verdict, a table of files, findings by rule."""

from __future__ import annotations

import re

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing
from dcmlint.findings.finding import RANK, FileRecord, Finding
from dcmlint.reports.border import printable
from dcmlint.reports.links import reference_link
from dcmlint.reports.words import VERDICTS, counts_of, number_of, unchecked
from dcmlint.reports.writer import Writer

_MOST_FILES = 50
_MOST_PLACES = 20
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$@&:])")


class MarkdownWriter(Writer):
    """Everything is counted first: the verdict comes first."""

    def begin(self) -> None:
        """Nothing was counted yet."""
        self._subjects: dict[str, tuple[str, dict[str, int]]] = {}
        self._open = ""
        self._rules: dict[str, list[Finding]] = {}

    def file(self, record: FileRecord) -> None:
        """A row of the table, if something was found."""
        self._begin(
            record.path, record.title if record.status == "checked" else f"{record.title} · {record.status}"
        )

    def association(self, record: AssociationRecord) -> None:
        """A row of the table, if something was found."""
        self._begin(record.id, record.title)

    def _begin(self, name: str, title: str) -> None:
        self._open = name
        self._subjects.setdefault(name, (title, {}))

    def finding(self, finding: Finding) -> None:
        """Counted for its rule and its subject."""
        if finding.suppressed:
            return
        self._rules.setdefault(finding.rule, []).append(finding)
        one_file = finding.subject.kind in ("file", "association")
        name = self._open if one_file else f"{finding.subject.kind} {finding.subject.id}"
        counts = self._subjects.setdefault(name, ("", {}))[1]
        counts[finding.severity] = counts.get(finding.severity, 0) + 1

    def end(self, closing: Closing) -> None:
        """Write everything."""
        head, write = self.head, self.sink.write
        write(f"## dcmlint: {VERDICTS[closing.exit_code]}\n\n")
        write(
            f"{counts_of(closing.summary)} · profile {text_of(head.profile)} · DICOM {text_of(head.edition)}\n\n"
        )
        found = {name: row for name, row in self._subjects.items() if row[1]}
        if found:
            write("| subject | errors | warnings | information |\n|---|--:|--:|--:|\n")
            for name, (title, counts) in list(found.items())[:_MOST_FILES]:
                shown = code_of(name) + (f"<br>{text_of(title)}" if title else "")
                write(
                    f"| {shown} | {counts.get('error', 0)} | {counts.get('warning', 0)} | {counts.get('info', 0)} |\n"
                )
            if len(found) > _MOST_FILES:
                write(f"\nand {number_of(len(found) - _MOST_FILES, 'more subject')}\n")
            write("\n")
        ordered = sorted(
            self._rules.values(), key=lambda group: (-max(RANK[f.severity] for f in group), group[0].rule)
        )
        for group in ordered:
            self._rule(group)
        notes = unchecked(closing)
        if notes:
            write("### Not checked\n\n")
            self.sink.writelines(f"- {text_of(note)}\n" for note in notes)

    def _rule(self, group: list[Finding]) -> None:
        first = max(group, key=lambda one: RANK[one.severity])
        rule = self.head.rules.get(first.rule)
        title = rule.title if rule is not None else first.message
        write = self.sink.write
        write(f"### {first.severity} {first.rule}: {text_of(title)}\n\n")
        if first.remedy:
            write(f"{text_of(' '.join(first.remedy.split()))}\n\n")
        for finding in group[:_MOST_PLACES]:
            place = f" {code_of(finding.path)}" if finding.path else ""
            name = finding.file or f"{finding.subject.kind} {finding.subject.id}"
            write(f"- {code_of(name)}{place}: {text_of(finding.message)}\n")
        if len(group) > _MOST_PLACES:
            write(f"- and {len(group) - _MOST_PLACES} more\n")
        see = [self._reference(one) for one in dict.fromkeys(first.references)]
        write(("\nSee " + "; ".join(see) + "\n\n") if see else "\n")

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
