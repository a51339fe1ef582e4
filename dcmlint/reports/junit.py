"""JUnit XML for CI systems: a suite for each file, a case for each rule that failed.

Besides, a suite has one skipped case that lists what stayed undecided, and one passed case for the rules
that hold.  ``junit:all`` gives every rule its own case.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcmlint.engine.report import Report
from dcmlint.findings.finding import RANK, Finding, Status
from dcmlint.reports.border import xml_text


def write_junit(report: Report, every_rule: bool = False) -> Iterator[str]:
    """The lines of a JUnit file."""
    by_file: dict[str, list[Finding]] = {}
    others: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.suppressed:
            continue
        if finding.subject.kind == "file" and finding.file is not None:
            by_file.setdefault(finding.file, []).append(finding)
        else:
            others.setdefault(f"{finding.subject.kind} {finding.subject.id}", []).append(finding)
    undecided = {record.path: record.undecided for record in report.files}
    suites = [(record.path, by_file.get(record.path, []), record.status) for record in report.files]
    for record in report.associations:
        name = f"association {record.id}"
        answered: Status = "checked" if record.status in ("checked", "not checked") else "unreadable"
        undecided[name] = record.undecided
        suites.append((name, others.pop(name, []), answered))
    suites += [(name, found, "checked") for name, found in others.items()]
    made = [
        _suite(name, found, status, undecided.get(name, ()), report, every_rule)
        for name, found, status in suites
    ]
    tests = sum(suite.tests for suite in made) + len(report.skipped)
    failures = sum(len(suite.failing) for suite in made)
    errors = sum(suite.errors for suite in made)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="dcmlint" tests="{tests}" failures="{failures}" errors="{errors}">\n'
    for suite in made:
        yield from _written(suite)
    if report.skipped:
        yield f'  <testsuite name="not DICOM" tests="{len(report.skipped)}" failures="0" errors="0" skipped="{len(report.skipped)}">\n'
        for other in report.skipped:
            yield (
                f'    <testcase classname="not DICOM" name="{xml_text(other.path)}" time="0">'
                f'<skipped message="{xml_text(other.title)}"/></testcase>\n'
            )
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


class _Suite(msgspec.Struct, frozen=True):
    """One suite: by rule the findings that fail, the names of the cases that pass, the undecided rules."""

    name: str
    failing: dict[str, list[Finding]]
    passing: tuple[str, ...]
    undecided: tuple[str, ...]
    errors: int

    @property
    def tests(self) -> int:
        """The number of cases."""
        return len(self.failing) + len(self.passing) + bool(self.undecided)


def _suite(
    name: str, found: list[Finding], status: str, undecided: tuple[str, ...], report: Report, every_rule: bool
) -> _Suite:
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.rule, []).append(finding)
    failing = {rule: group for rule, group in groups.items() if _is_failure(group, report)}
    holding = tuple(rule for rule in report.outcomes if rule not in failing and rule not in undecided)
    # What could not be read is an error unless a rule has told it.
    errors = int(status == "unreadable" and not failing)
    return _Suite(
        name, failing, holding if every_rule else (f"{len(holding)} rules hold",), undecided, errors
    )


def _is_failure(findings: list[Finding], report: Report) -> bool:
    return report.fail_on is not None and any(
        RANK[finding.severity] >= RANK[report.fail_on] for finding in findings
    )


def _written(suite: _Suite) -> Iterator[str]:
    shown = xml_text(suite.name)
    yield (
        f'  <testsuite name="{shown}" tests="{suite.tests}" failures="{len(suite.failing)}" errors="{suite.errors}"'
        f' skipped="{int(bool(suite.undecided))}">\n'
    )
    for rule, group in suite.failing.items():
        text = xml_text(group[0].message)
        yield f'    <testcase classname="{shown}" name="{rule} {xml_text(group[0].name)}" time="0">\n'
        yield f'      <failure type="{group[0].severity}" message="{text}">'
        yield "\n".join(_lines(finding) for finding in group)
        yield "</failure>\n    </testcase>\n"
    if suite.undecided:
        yield (
            f'    <testcase classname="{shown}" name="undecided" time="0"><skipped message="'
            f'{len(suite.undecided)} rules: {xml_text(" ".join(suite.undecided))}"/></testcase>\n'
        )
    for case in suite.passing:
        yield f'    <testcase classname="{shown}" name="{case}" time="0"/>\n'
    yield "  </testsuite>\n"


def _lines(finding: Finding) -> str:
    parts = [f"{finding.severity}[{finding.rule}] {xml_text(finding.message)}"]
    for label, text in (("at", finding.path), ("is", finding.is_), ("want", finding.want),
                        ("because", finding.because), ("see", "; ".join(map(str, finding.references)))):  # fmt: skip
        if text:
            parts.append(f"  {label}: {xml_text(text)}")
    if finding.count > 1:
        parts.append(f"  {finding.count} times, first {xml_text(', '.join(finding.places))}")
    return "\n".join(parts)
