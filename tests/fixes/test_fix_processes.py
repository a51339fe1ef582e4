"""Many files in processes."""

from __future__ import annotations

import os
from pathlib import Path

from support.repairs import checker, made

from dcmlint.dicom.buffers import Buffer
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.processes import fix_many
from dcmlint.fixes.run import Target
from dcmlint.sources.input import Input
from dcmlint.sources.inputs import list_inputs, open_input

OLD = made('{use: ct, PatientID: !raw "EX-17"}')
NEW = made("{use: ct, PatientID: EX-17}")
COUNT = 60


def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    for number in range(COUNT):
        (place / f"{number:02}.dcm").write_bytes(OLD if number % 2 else NEW)
    return place


def test_many_files_come_out_in_their_order(tmp_path: Path) -> None:
    place, out = folder(tmp_path), tmp_path / "out"
    target = Target(out=str(out), roots=(str(place),))
    outcomes = list(fix_many(checker(), list_inputs([str(place)]), open_input, Choice(), target, 2))
    assert [Path(one.path).name for one in outcomes] == [f"{number:02}.dcm" for number in range(COUNT)]
    assert [one.status for one in outcomes] == ["unchanged", "fixed"] * (COUNT // 2)
    assert {path.read_bytes() for path in out.iterdir()} == {NEW}


def dies(source: Input) -> Buffer:
    """Opens inputs; at one of them the process ends."""
    if source.path.endswith("30.dcm"):
        os._exit(9)
    return open_input(source)


def test_a_process_that_dies_costs_a_few_inputs_and_leaves_files_whole(tmp_path: Path) -> None:
    place = folder(tmp_path)
    outcomes = list(fix_many(checker(), list_inputs([str(place)]), dies, Choice(), Target(in_place=True), 2))
    assert len(outcomes) == COUNT
    failed = {Path(one.path).name for one in outcomes if one.status == "failed"}
    assert "30.dcm" in failed
    assert all((place / f"{number:02}.dcm").read_bytes() in (OLD, NEW) for number in range(COUNT))
    assert all(one.status in ("fixed", "unchanged") for one in outcomes if Path(one.path).name not in failed)
