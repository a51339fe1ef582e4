"""JUnit XML for CI systems: a suite for each file, a case for each rule that failed.

Besides, a suite has one skipped case that lists what stayed undecided, and one passed case for the rules
that hold.  ``junit:all`` gives every rule its own case.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint.engine.report import Report
from dcmlint.findings.finding import Finding, Status
from dcmlint.reports.border import xml_text

_FAILS = {"error": "failure", "warning": "failure"}


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
    failures = sum(_failed(found, report) for _, found, _ in suites)
    errors = sum(status == "unreadable" for _, _, status in suites)
    tests = sum(_count(found, undecided.get(name), report) for name, found, _ in suites)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="dcmlint" tests="{tests}" failures="{failures}" errors="{errors}">\n'
    for name, found, status in suites:
        yield from _suite(name, found, status, undecided.get(name, ()), report, every_rule)
    yield "</testsuites>\n"


def _rules(found: list[Finding]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.rule, []).append(finding)
    return groups


def _is_failure(findings: list[Finding], report: Report) -> bool:
    limit = {"error": 2, "warning": 1, "info": 0}
    least = limit[report.fail_on] if report.fail_on is not None else 3
    return any(limit[finding.severity] >= least for finding in findings)


def _failed(found: list[Finding], report: Report) -> int:
    return sum(_is_failure(group, report) for group in _rules(found).values())


def _count(found: list[Finding], undecided: tuple[str, ...] | None, report: Report) -> int:
    return sum(_is_failure(group, report) for group in _rules(found).values()) + 1 + bool(undecided)


def _suite(
    name: str, found: list[Finding], status: str, undecided: tuple[str, ...], report: Report, every_rule: bool
) -> Iterator[str]:
    groups = _rules(found)
    failing = {rule: group for rule, group in groups.items() if _is_failure(group, report)}
    holding = [rule for rule in report.outcomes if rule not in failing and rule not in undecided]
    extra = len(holding) if every_rule else 1
    shown = xml_text(name)
    tests = len(failing) + extra + bool(undecided)
    errors = int(status == "unreadable")
    yield (
        f'  <testsuite name="{shown}" tests="{tests}" failures="{len(failing)}" errors="{errors if not failing else 0}"'
        f' skipped="{int(bool(undecided))}">\n'
    )
    for rule, group in failing.items():
        text = xml_text(group[0].message)
        yield f'    <testcase classname="{shown}" name="{rule} {xml_text(group[0].name)}" time="0">\n'
        yield f'      <failure type="{group[0].severity}" message="{text}">'
        yield "\n".join(_lines(finding) for finding in group)
        yield "</failure>\n    </testcase>\n"
    if undecided:
        yield (
            f'    <testcase classname="{shown}" name="undecided" time="0"><skipped message="'
            f'{len(undecided)} rules: {xml_text(" ".join(undecided))}"/></testcase>\n'
        )
    if every_rule:
        for rule in holding:
            yield f'    <testcase classname="{shown}" name="{rule}" time="0"/>\n'
    else:
        yield f'    <testcase classname="{shown}" name="{len(holding)} rules hold" time="0"/>\n'
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
