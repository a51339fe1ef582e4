"""Findings of many files share the texts that they have in common."""

from __future__ import annotations

import msgspec

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task, Totals
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Finding


def test_findings_from_other_processes_share_their_texts():
    checker = Checker(Settings())
    totals = Totals(checker)
    for name in ("a.dcm", "b.dcm"):
        result = checker.check_buffer(Task(name, True), WholeBuffer(b"no DICOM"))
        # As a worker sends it: encoded, so that nothing is shared.
        findings = msgspec.json.decode(msgspec.json.encode(result.findings), type=tuple[Finding, ...])
        totals.add(msgspec.structs.replace(result, findings=findings))
    first, second = totals.findings
    assert first.message is second.message
    assert first.remedy is second.remedy
    assert first.file != second.file
