"""Whose fault a finding is: what a converted or anonymized file has from its source, what is new, what was cured."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from dcmlint.engine.report import Report
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import Finding


class Comparison(msgspec.Struct, frozen=True):
    """``inherited``: of each finding whether the source has it; ``new``: the others; ``cured``: kinds that only the source has."""

    inherited: tuple[bool, ...]
    new: int
    cured: int


def compared(report: Report, source: Report) -> Comparison:
    """Compare by rule and DICOM path.

    A file is compared with the source of the same SOP Instance UID, else of the same file name; where there is
    neither (a conversion makes new instances), with all files of the source.
    """
    names = {record.path: (record.sop_instance_uid, PurePath(record.path).stem) for record in source.files}
    by_key: dict[str, set[tuple[str, str]]] = {}
    every: set[tuple[str, str]] = set()
    for finding in source.findings:
        every.add(_kind(finding))
        for key in names.get(finding.file or "", ()):
            by_key.setdefault(key, set()).add(_kind(finding))
    there = {key for keys in names.values() for key in keys if key}
    own = {record.path: (record.sop_instance_uid, PurePath(record.path).stem) for record in report.files}

    def is_inherited(finding: Finding) -> bool:
        key = next((key for key in own.get(finding.file or "", ()) if key and key in there), None)
        return _kind(finding) in (every if key is None else by_key.get(key, set()))

    inherited = tuple(not finding.suppressed and is_inherited(finding) for finding in report.findings)
    cured = every - {_kind(finding) for finding in report.findings}
    shown = sum(not finding.suppressed for finding in report.findings)
    return Comparison(inherited, shown - sum(inherited), len(cured))


def _kind(finding: Finding) -> tuple[str, str]:
    return finding.rule, without_indices(finding.path)
