"""The order of what is on the disk before success is answered, as the kernel sees it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from gate_support import HERE, Archive, GateProcess, association, data_set, part10_file, write_config

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

_CALLS = "fdatasync,fsync,rename,renameat,renameat2,sendto,write,pwrite64"


def traced(
    tmp_path: Path,
    count: int,
    script: Path | None = None,
    arguments: tuple[str, ...] = (),
    processes: int = 1,
    mode: str = "enforce",
) -> list[str]:
    """The system calls of a gate that takes ``count`` instances."""
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen=f"processes = {processes}", mode=mode)
        trace = tmp_path / "trace"
        # -D: the gate stays our own child, and ends as it does without a tracer.
        prefix = ("strace", "-D", "-f", "-yy", "-s", "4096", "-e", f"trace={_CALLS}", "-o", str(trace))
        with GateProcess(config, script=script, arguments=arguments, prefix=prefix) as gate:
            if gate.process.poll() is not None:
                pytest.skip("strace may not trace here")
            for number in range(count):
                uid = f"2.25.5{number}"
                (tmp_path / "one").write_bytes(part10_file(uid, data_set(uid)))
                with association(gate.port) as dialogue:
                    assert dialogue.store(tmp_path / "one").status == 0
                    dialogue.release()
            gate.stop()
    return trace.read_text(errors="replace").splitlines()


def order_of(lines: list[str], uid: str) -> list[str]:
    """The steps of one instance, as they ended, up to its response."""
    steps: list[str] = []
    began: dict[str, str] = {}
    part = ""
    written = False
    for line in lines:
        thread = line.split()[0]
        if "<unfinished ...>" in line:
            began[thread] = line
            continue
        if "resumed>" in line:
            line = began.pop(thread, "") + line
        if "fdatasync" in line and ".part" in line:
            part = re.search(r"/([^/]+)\.part", line)[1]  # type: ignore[index]
            steps = ["bytes"]
        elif "rename" in line and part and part in line:
            steps.append("name")
        elif "fsync(" in line and "/data>" in line:
            steps.append("folder")
        elif "pwrite64(" in line and "journal.sqlite-wal" in line and uid in line:
            written = True  # a page with its row; another commit's sync does not count
        elif ("fdatasync(" in line or "fsync(" in line) and "journal.sqlite-wal" in line and written:
            steps.append("row")
        elif (
            "sendto(" in line and uid in line and "TCP" in line and "\\1\\200" in line
        ):  # C-STORE-RSP: 8001H, little endian
            steps.append("answer")
            return steps
    return steps


@pytest.mark.parametrize(("processes", "mode"), [(1, "enforce"), (2, "enforce"), (2, "observe")])
def test_bytes_name_folder_and_row_are_safe_before_the_answer(
    tmp_path: Path, processes: int, mode: str
) -> None:
    lines = traced(tmp_path, 3, processes=processes, mode=mode)
    for number in range(3):
        steps = order_of(lines, f"2.25.5{number}")
        assert list(dict.fromkeys(steps)) == ["bytes", "name", "folder", "row", "answer"], steps


def test_a_gate_that_does_not_synchronise_is_found_out(tmp_path: Path) -> None:
    lines = traced(tmp_path, 1, HERE / "crash_gate.py", ("broken:not synchronised",))
    steps = order_of(lines, "2.25.50")
    assert list(dict.fromkeys(steps)) != ["bytes", "name", "folder", "row", "answer"]
