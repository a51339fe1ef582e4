"""The files that the benchmark of many frames is measured with break no rule."""

from __future__ import annotations

import importlib.util
import io
import time
from pathlib import Path
from types import ModuleType

import pytest

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "big_sparse.py"


def big_sparse() -> ModuleType:
    spec = importlib.util.spec_from_file_location("big_sparse", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("jitter", [False, True])
def test_many_tiny_frames(undefined: bool, jitter: bool) -> None:
    out = io.BytesIO()
    big_sparse().write(out, 3000, undefined, jitter)
    checker = Checker(Settings())
    totals = Totals(checker)
    totals.add(checker.check_buffer(Task("big.dcm", True), WholeBuffer(out.getvalue())))
    report = totals.report(started=time.monotonic(), fail_on=None, config=None)
    assert {finding.rule for finding in report.findings if finding.severity != "info"} == set()
    passed = {rule for rule, counts in report.outcomes.items() if counts["pass"]}
    assert passed >= {"FG006", "FG013", "FG014", "TILE008", "TILE009", "TILE013", "TILE014"}
