"""What is not needed any more is freed at once, without the garbage collector."""

import gc
import weakref
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.run import InstanceRun
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings


@pytest.mark.parametrize("name", ["no_meta_group_length.dcm", "rtdose_rle_1frame.dcm"])
def test_a_run_with_its_findings_is_freed_when_it_has_ended(name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    checker = Checker(Settings(profile="dicom"))
    runs: list[weakref.ref[InstanceRun]] = []
    gc.collect()
    gc.disable()
    try:
        result = checker.check_opened(
            Task(name, True), WholeBuffer(path.read_bytes()), keep=lambda run: runs.append(weakref.ref(run))
        )
        assert result.findings
        assert [run() for run in runs] == [None]
    finally:
        gc.enable()
