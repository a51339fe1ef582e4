"""One instance that is slow or huge to check keeps nobody else waiting, and costs the gate nothing."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import monotonic, sleep

import pytest
from gate_support import (
    EXPLICIT,
    PROFILE,
    Archive,
    GateProcess,
    association,
    data_set,
    element,
    part10_file,
    send,
    until,
    write_config,
)

from dcmlint.engine.settings import Settings
from dcmlint.gate.journal import Journal
from dcmlint.intake import checking
from dcmlint.intake.checking import Checks
from dcmlint.intake.child import header_bytes
from dcmlint.intake.task import Start, Task

ITEMS = int(os.environ.get("DCMLINT_GATE_ITEMS", "120000"))


def many_items(uid: str, items: int) -> bytes:
    """A data set with a sequence of ``items`` items of 32 bytes."""
    item = b"\xfe\xff\x00\xe0" + (24).to_bytes(4, "little")
    item += element(0x0008, 0x0100, b"SH", b"A") + element(0x0008, 0x0102, b"SH", b"DCM  A")
    sequence = b"\x08\x00\x40\x11SQ\0\0" + (items * len(item)).to_bytes(4, "little") + item * items
    head = element(0x0008, 0x0016, b"UI", b"1.2.840.10008.5.1.4.1.1.2") + element(
        0x0008, 0x0018, b"UI", uid.encode()
    )
    return (
        head
        + sequence
        + element(0x0010, 0x0020, b"LO", b"MARKER-ID")
        + element(0x0020, 0x000D, b"UI", b"2.25.1")
    )


def memory(pid: int) -> int:
    """Peak memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmHWM")


@pytest.mark.timeout(300)
def test_others_are_answered_while_a_huge_instance_is_checked(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        config.write_text(config.read_text().replace("children = 1", 'children = 2\nmemory = "60MB"'))
        (tmp_path / "huge").mkdir()
        with GateProcess(config) as gate:
            huge = threading.Thread(
                target=send, args=(gate.port, tmp_path / "huge", "2.25.66", many_items("2.25.66", ITEMS))
            )
            huge.start()
            answered = 0
            with association(gate.port) as dialogue:
                while huge.is_alive() or answered < 20:
                    uid = f"2.25.7{answered}"
                    (tmp_path / "one").write_bytes(part10_file(uid, data_set(uid)))
                    assert dialogue.store(tmp_path / "one").status == 0
                    answered += 1
                    sleep(0.01)
            huge.join()
            until(lambda: len(archive.stored) == answered, 60)
            journal = Journal(tmp_path / "gate" / "spool" / "journal.sqlite")
            until(lambda: journal.find("2.25.66")[0].state == "held", 60)
            assert "could not be checked" in journal.find("2.25.66")[0].why
            journal.close()
            assert memory(gate.process.pid) < 300
        assert "2.25.66" not in archive.stored


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    path.write_bytes(part10_file("2.25.1", data_set("2.25.1", held=True)))
    return path


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Children with a profile that is read quickly, and finds something in the instance."""
    (tmp_path / "profile.yaml").write_text(PROFILE)
    return Start(settings=Settings(profile=str(tmp_path / "profile.yaml")))


def task(path: Path) -> Task:
    return Task(
        path=str(path), sop_class="1.2.840.10008.5.1.4.1.1.2", sop_instance="2.25.1", transfer_syntax=EXPLICIT
    )


def test_a_child_that_dies_or_hangs_is_replaced(
    instance: Path, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks(start, children=1, slow=1)
    checks.start()
    try:
        monkeypatch.setattr(checking, "SLOW", 60.0)
        assert checks.submit(task(instance)).wait(30).findings  # type: ignore[union-attr]
        (worker,) = checks._workers
        assert worker._child is not None
        child = worker._child.process.pid
        # A Ctrl-C is for the gate; its low priority counts within its session only.
        assert (os.getpgid(child), os.getsid(child)) == (child, os.getsid(0))
        worker._child.process.kill()
        reply = checks.submit(task(instance)).wait(30)
        assert reply is not None
        assert "SIGKILL" in reply.internal
        assert checks.submit(task(instance)).wait(30).findings  # type: ignore[union-attr]
        monkeypatch.setattr(checking, "_STUCK", 0.2)
        # A FIFO gives nothing: whoever reads it hangs. Meanwhile another child takes the place of this one.
        os.mkfifo(tmp_path / "hangs")
        monkeypatch.setattr(checks, "_seconds", 4.0)
        began = monotonic()
        hangs = checks.submit(task(tmp_path / "hangs"))
        assert checks.submit(task(instance)).wait(30).findings  # type: ignore[union-attr]
        assert hangs.wait(0) is None  # the other one did not wait for it
        reply = hangs.wait(30)
        assert reply is not None
        assert "more than 4 s" in reply.internal
        assert monotonic() - began >= 4.0
    finally:
        checks.stop()


def test_stopping_does_not_wait_for_a_check(start: Start, tmp_path: Path) -> None:
    checks = Checks(start, children=1, slow=0, seconds=3600.0)
    checks.start()
    os.mkfifo(tmp_path / "hangs")
    pending = checks.submit(task(tmp_path / "hangs"))
    sleep(0.2)
    checks.stop()
    assert all(not worker.thread.is_alive() for worker in checks._workers)
    assert pending.wait(0) is None  # it stays as it was, and is begun anew at the next start


def test_a_missing_file_is_not_the_senders_fault(start: Start, tmp_path: Path) -> None:
    checks = Checks(start, children=1)
    checks.start()
    try:
        reply = checks.submit(task(tmp_path / "gone.dcm")).wait(30)
        assert reply is not None
        assert "cannot be read" in reply.internal
    finally:
        checks.stop()


def test_the_header_is_what_stands_before_the_pixel_data(instance: Path, tmp_path: Path) -> None:
    content = instance.read_bytes()
    assert header_bytes(str(instance)) == content.index(b"\xe0\x7f\x10\x00")
    (tmp_path / "none").write_bytes(b"nothing")
    assert header_bytes(str(tmp_path / "none")) == 7
    assert header_bytes("") == 0
