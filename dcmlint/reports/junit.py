"""JUnit XML for CI systems: a suite for each file, a case for each rule that failed.

A suite counts what was decided for its file: one passed case names how many rules passed, a skipped case lists what
stayed undecided (``junit:all``: a case for each such rule), and what is incomplete is a case with an error.
"""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing
from dcmlint.engine.spool import Spool
from dcmlint.findings.finding import RANK, FileRecord, Finding
from dcmlint.plural import number_of
from dcmlint.reports.border import xml_text
from dcmlint.reports.writer import Writer, belongs, subject_name


class JunitWriter(Writer):
    """A suite is made when the next one begins; the totals stand in the first line, so all waits on disk for the end."""

    @property
    def live(self) -> bool:
        """The totals come first."""
        return False

    def begin(self) -> None:
        """Nothing was counted yet."""
        self._suites = Spool(str)
        self._skipped = Spool(FileRecord)
        self._open: FileRecord | AssociationRecord | None = None
        self._found: list[Finding] = []
        self._name = ""  # of the subject whose findings are gathered, where it has no record
        self.tests = self.failures = self.errors = 0

    def skipped(self, record: FileRecord) -> None:
        """All of these make one suite."""
        self._skipped.append(record)

    def file(self, record: FileRecord) -> None:
        """Begins a suite."""
        self._close()
        self._open = record

    def association(self, record: AssociationRecord) -> None:
        """Begins a suite."""
        self._close()
        self._open = record

    def finding(self, finding: Finding) -> None:
        """Of the open suite, or of one of its own for what concerns several files."""
        if finding.suppressed:
            return
        if not belongs(finding, self._open):
            # What is only known at the end comes subject after subject.
            name = subject_name(finding)
            if self._open is not None or name != self._name:
                self._close()
            self._name = name
        self._found.append(finding)

    def end(self, closing: Closing) -> None:
        """Write everything."""
        self._close()
        count = len(self._skipped)
        if count:
            self.tests += count
        write = self.sink.write
        write('<?xml version="1.0" encoding="UTF-8"?>\n')
        write(
            f'<testsuites name="dcmlint" tests="{self.tests}" failures="{self.failures}" errors="{self.errors}">\n'
        )
        self.sink.writelines(self._suites)
        if count:
            write(
                f'  <testsuite name="not DICOM" tests="{count}" failures="0" errors="0" skipped="{count}">\n'
            )
            self.sink.writelines(
                f'    <testcase classname="not DICOM" name="{xml_text(one.path)}" time="0">'
                f'<skipped message="{xml_text(one.title)}"/></testcase>\n'
                for one in self._skipped
            )
            write("  </testsuite>\n")
        write("</testsuites>\n")

    def _close(self) -> None:
        record, found, name = self._open, self._found, self._name
        self._open, self._found, self._name = None, [], ""
        if record is None:
            if found:
                self._suite(name, found, [], 0, (), None)
            return
        if isinstance(record, FileRecord):
            incomplete = {"partial": "read only in part", "unreadable": "could not be read"}.get(
                record.status, ""
            )
            self._suite(
                record.path, found, record.undecided, record.passed, record.crashed, incomplete, record.not_checked
            )  # fmt: skip
        else:
            incomplete = record.title if record.status in ("unreachable", "refused") else ""
            self._suite(f"association {record.id}", found, record.undecided, None, (), incomplete)

    def _suite(
        self, name: str, found: list[Finding], undecided: Iterable[str], passed: int | None, crashed: Iterable[str],
        incomplete: str | None, not_checked: Iterable[str] = (),
    ) -> None:  # fmt: skip
        shown = xml_text(name)
        groups: dict[str, list[Finding]] = {}
        for finding in found:
            groups.setdefault(finding.rule, []).append(finding)
        cases = [_failure(shown, rule, group) for rule, group in groups.items() if self._fails(group)]
        failures = len(cases)
        below = [finding for group in groups.values() if not self._fails(group) for finding in group]
        broken = [("complete", incomplete)] if incomplete else []
        broken += [(rule, "the rule crashed: a defect of dcmlint") for rule in crashed]
        for case, message in broken:
            cases.append(
                f'<testcase classname="{shown}" name="{xml_text(case)}" time="0">'
                f'<error type="incomplete" message="{xml_text(message)}"/></testcase>'
            )
        skipped = 0
        open_rules = list(undecided)
        if open_rules:
            all_rules = self.head.variant == "all"
            rows = [(rule, "undecided") for rule in open_rules] if all_rules else [
                ("undecided", f"{number_of(len(open_rules), 'rule')} could not be decided: {' '.join(open_rules)}")
            ]  # fmt: skip
            skipped = len(rows)
            cases += [
                f'<testcase classname="{shown}" name="{xml_text(case)}" time="0"><skipped message="{xml_text(message)}"/></testcase>'
                for case, message in rows
            ]
        for one in not_checked:
            skipped += 1
            cases.append(
                f'<testcase classname="{shown}" name="not checked" time="0"><skipped message="{xml_text(one)}"/></testcase>'
            )
        if passed or below or not cases:
            case = "no failure" if not passed else f"{number_of(passed, 'rule')} passed"
            lines = "\n".join(_lines(finding) for finding in below)
            inner = f"><system-out>{lines}</system-out></testcase>" if below else "/>"
            cases.append(f'<testcase classname="{shown}" name="{case}" time="0"{inner}')
        self._add(name, cases, failures, len(broken), skipped)

    def _add(self, name: str, cases: list[str], failures: int, errors: int, skipped: int) -> None:
        self.tests += len(cases)
        self.failures += failures
        self.errors += errors
        body = "".join(f"    {case}\n" for case in cases)
        self._suites.append(
            f'  <testsuite name="{xml_text(name)}" tests="{len(cases)}" failures="{failures}" errors="{errors}"'
            f' skipped="{skipped}">\n{body}  </testsuite>\n'
        )

    def _fails(self, findings: list[Finding]) -> bool:
        limit = self.head.fail_on
        return limit is not None and any(RANK[finding.severity] >= RANK[limit] for finding in findings)


def _failure(shown: str, rule: str, group: list[Finding]) -> str:
    first = group[0]
    text = "\n".join(_lines(finding) for finding in group)
    return (
        f'<testcase classname="{shown}" name="{rule} {xml_text(first.name)}" time="0">'
        f'<failure type="{first.severity}" message="{xml_text(first.message)}">{text}</failure></testcase>'
    )


def _lines(finding: Finding) -> str:
    parts = [f"{finding.severity}[{finding.rule}] {xml_text(finding.message)}"]
    for label, text in (
        ("at", finding.path), ("found", finding.is_), ("expected", finding.want), ("computed from", finding.because),
        ("help", " ".join(finding.remedy.split())), ("see", "; ".join(map(str, finding.references))),
    ):  # fmt: skip
        if text:
            parts.append(f"  {label}: {xml_text(text)}")
    if finding.count > 1:
        parts.append(f"  {finding.count} times, first {xml_text(', '.join(finding.places))}")
    return "\n".join(parts)
