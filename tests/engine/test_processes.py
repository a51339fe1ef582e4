"""Several processes say what one says, and one that dies costs one input."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from support import slides

from dcmlint.dicom.buffers import Buffer, WholeBuffer, open_file
from dcmlint.engine.processes import check_inputs
from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.sources.input import Input

CT = slides.to_bytes(slides.ct())


def opening(one: Input) -> Buffer:
    if one.path == "killer":
        os.kill(os.getpid(), signal.SIGKILL)
    return WholeBuffer(one.data)


def inputs(count: int, *killers: int) -> list[Input]:
    return [
        Input(path="killer" if number in killers else f"{number}.dcm", kind="bytes", data=CT, size=len(CT))
        for number in range(count)
    ]


@pytest.fixture(params=["spawned", "forked"])
def begun(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How processes begin: under a parallel run of tests there are threads, and nothing would be forked."""
    if request.param == "forked" and sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    monkeypatch.setattr("dcmlint.engine.pool.can_fork", lambda: request.param == "forked")
    return str(request.param)


@pytest.mark.usefixtures("begun")
def test_a_process_that_dies_costs_one_input() -> None:
    checker = Checker(Settings())
    done = list(check_inputs(checker, inputs(60, 3, 41), opening, 2))
    lost = [number for number, (_, result) in enumerate(done) if result.record.status == "unreadable"]
    assert lost == [3, 41]
    assert len(done) == 60
    assert [one.path for one, _ in done] == [one.path for one in inputs(60, 3, 41)]
    (finding,) = done[3][1].findings
    assert finding.rule == "FILE902"
    assert "died" in finding.message


def _cut_while_mapped(one: Input) -> Buffer:
    """The file is longer again for each reader, and cut as soon as it is mapped."""
    path = Path(one.path)
    if path.name.startswith("cut"):
        path.write_bytes(CT.ljust(1 << 20, b"\0"))
    buffer = open_file(path)
    if path.name.startswith("cut"):
        os.truncate(path, 0)
    return buffer


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and SIGBUS")
def test_a_file_that_is_cut_while_it_is_read_costs_itself(tmp_path: Path) -> None:
    files = []
    for name in ("before", "cut-one", "between", "cut-two", "small"):
        path = tmp_path / f"{name}.dcm"
        path.write_bytes(CT if name == "small" else CT.ljust(1 << 20, b"\0"))
        files.append(Input(path=str(path), named=True))
    assert [one.mapped for one in files] == [True, True, True, True, False]
    done = list(check_inputs(Checker(Settings()), files, _cut_while_mapped, 1, apart=True))
    assert [Path(one.path).stem for one, _ in done] == ["before", "cut-one", "between", "cut-two", "small"]
    assert [result.record.status for _, result in done] == [
        "checked",
        "unreadable",
        "checked",
        "unreadable",
        "checked",
    ]
    assert done[1][1].findings[0].message == "Not checked: the process that checked it died"
    here = list(check_inputs(Checker(Settings()), [files[0], files[4]], _file, 1))
    assert [result.findings for _, result in here] == [done[0][1].findings, done[4][1].findings]


@pytest.mark.usefixtures("begun")
def test_any_number_of_processes_says_the_same(tmp_path: Path) -> None:
    files = []
    for number in range(20):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(CT[: len(CT) - 97 * number])
        files.append(Input(path=str(path)))
    checker = Checker(Settings())

    def said(jobs: int) -> list[object]:
        return [
            (one, result.record, result.findings) for one, result in check_inputs(checker, files, _file, jobs)
        ]

    assert said(1) == said(2) == said(0)


def _file(one: Input) -> Buffer:
    return open_file(one.path)
