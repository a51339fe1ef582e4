"""The Python interface."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from support import slides
from support.elements import NAME, SOP_CLASS

import dcmlint

GOOD = Path(__file__).resolve().parents[2] / "examples" / "slide-good"


def test_check_takes_paths_and_gives_a_report() -> None:
    report = dcmlint.check(GOOD)
    assert isinstance(report, dcmlint.Report)
    assert [record.status for record in report.files] == ["checked"] * 5
    assert report.exit_code == 0
    assert dcmlint.check([GOOD / "label.dcm", str(GOOD / "level-0.dcm")]).summary.files == 2


def test_check_bytes_with_and_without_file_meta() -> None:
    data = slides.to_bytes(slides.full_native())
    assert dcmlint.check_bytes(data, name="x").files[0].path == "x"
    report = dcmlint.check_bytes(SOP_CLASS + NAME, transfer_syntax="1.2.840.10008.1.2.1")
    assert not [f for f in report.findings if f.rule.startswith("META10")]
    assert any(f.rule == "MOD001" for f in report.findings)
    assert dcmlint.check_bytes(b"nothing").exit_code == 4


def test_check_dataset() -> None:
    assert dcmlint.check_dataset(slides.full_native()).exit_code == 0
    bare = pydicom.Dataset()
    bare.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    assert {f.rule for f in dcmlint.check_dataset(bare).findings} >= {"MOD001", "MOD003"}


def test_settings_reach_the_engine_and_wrong_ones_raise() -> None:
    with pytest.raises(dcmlint.UsageError):
        dcmlint.check(GOOD, select=("NOPE",))
    assert dcmlint.check(GOOD, select=("VR001",)).summary.rules == 1


def test_importing_costs_nothing_heavy() -> None:
    code = "import dcmlint, sys; dcmlint.__version__; print([m for m in ('numpy','pydicom','yaml','rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_checking_needs_no_pydicom() -> None:
    code = f"import dcmlint, sys; dcmlint.check({str(GOOD)!r}); print('pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
