"""Repairs from Python, and the call that a gate makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.repairs import checker, made

import dcmlint
from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.errors import InputError
from dcmlint.fixes.interface import described, repair_file, repair_instance

OLD = made('{use: ct, PatientID: !raw "EX-17"}')
NEW = made("{use: ct, PatientID: EX-17}")


def test_fix_says_what_would_change_and_writes_only_where_told(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(OLD)
    (seen,) = dcmlint.fix(path, profile="dicom")
    assert isinstance(seen, dcmlint.Outcome)
    assert (seen.status, len(seen.changes)) == ("would-change", 1)
    assert path.read_bytes() == OLD
    (done,) = dcmlint.fix([path], out=tmp_path / "out", profile="dicom")
    assert done.status == "fixed"
    assert Path(done.written).read_bytes() == NEW
    assert dcmlint.fix(tmp_path / "out", profile="dicom")[0].status == "unchanged"


def test_fix_refuses_a_wrong_setting() -> None:
    with pytest.raises(dcmlint.UsageError, match="not a setting"):
        dcmlint.fix("x", no_such="y")


def test_a_gate_gets_a_new_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    source, target = tmp_path / "received.dcm", tmp_path / "spool" / "fixed.dcm"
    source.write_bytes(OLD)
    done = repair_file(checker(), source, target, record=False)
    assert target.read_bytes() == NEW
    assert source.read_bytes() == OLD
    assert [finding.rule for finding in done.before.findings] == ["ENC004"]
    assert not done.after.findings
    (change,) = described(done.changes)
    assert (change["rule"], change["operation"]["path"]) == ("ENC004", "PatientID")
    assert "EX-17" not in str(change)
    with pytest.raises(InputError, match="exists already"):
        repair_file(checker(), source, target)


def test_a_gate_writes_nothing_where_nothing_is_to_be_done(tmp_path: Path) -> None:
    source, target = tmp_path / "received.dcm", tmp_path / "fixed.dcm"
    source.write_bytes(NEW)
    assert repair_file(checker(), source, target).data is None
    source.write_bytes(OLD[:-40])
    assert ODDITIES["truncated"] in repair_file(checker(), source, target).refused
    assert not target.exists()


def test_an_instance_in_memory() -> None:
    done = repair_instance(checker(), WholeBuffer(OLD))
    assert done.data is not None
    assert done.data[0 : len(done.data)] == NEW
