"""A watched folder: files are taken whole, sorted with their verdicts, and never lost or overwritten."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gate_support import REFUSE, Archive, Bench, GateProcess, data_set, part10_file, sha, until, write_config

from dcmlint.gate.logs import no_log
from dcmlint.gate.watch import FileVerdict, Watcher
from dcmlint.gate.watch_verdict import ByGate


def accept(path: Path, name: str) -> FileVerdict:
    return FileVerdict(file=name, verdict="accepted", status="0000", why="no findings", profile="test")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def put(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def watcher(folder: Path, decide: object = accept, settle: float = 5.0) -> tuple[Watcher, Clock]:
    clock = Clock()
    return Watcher(folder, decide, settle=settle, log=no_log, clock=clock), clock  # type: ignore[arg-type]


def test_a_file_is_taken_once_nothing_has_changed_it(tmp_path: Path) -> None:
    made, clock = watcher(tmp_path)
    path = put(tmp_path / "slide" / "a.dcm")
    assert made.look() == 0
    clock.now = 4.0
    put(path, b"content and more")
    assert made.look() == 0
    clock.now = 8.0
    assert made.look() == 0
    clock.now = 9.5
    assert made.look() == 1
    assert names(tmp_path) == ["accepted/slide/a.dcm", "accepted/slide/a.dcm.verdict.json"]
    verdict = json.loads((tmp_path / "accepted" / "slide" / "a.dcm.verdict.json").read_text())
    assert (verdict["verdict"], verdict["file"]) == ("accepted", "slide/a.dcm")
    clock.now = 60.0
    assert made.look() == 0  # what is sorted is not looked at again


def test_a_full_share_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, clock = watcher(tmp_path)
    put(tmp_path / "a.dcm")
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        write(path, b"")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for clock.now in (0.0, 10.0, 11.0):
        assert made.look() == 0
    assert names(tmp_path) == ["a.dcm"]
    monkeypatch.undo()
    clock.now = 20.0
    assert made.look() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")
def test_a_file_whose_writer_pauses_is_not_taken(tmp_path: Path) -> None:
    made, clock = watcher(tmp_path)
    path = tmp_path / "a.dcm"
    with path.open("wb") as file:
        file.write(b"half")
        file.flush()
        for clock.now in (0.0, 10.0, 20.0):
            assert made.look() == 0
        assert made.given_up == []
    clock.now = 24.0
    assert made.look() == 0  # closed, and not quiet for long enough
    clock.now = 30.0
    assert made.look() == 1


def test_unfinished_names_links_and_hidden_files_stay(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "watched"
    for name in ("a.dcm.tmp", "b.part", ".hidden", "c.dcm~"):
        put(folder / name)
    os.symlink(put(tmp_path / "elsewhere" / "x"), folder / "link.dcm")
    os.symlink(tmp_path / "elsewhere", folder / "linked")
    made, clock = watcher(folder)
    made.look()
    clock.now = 100.0
    assert made.look() == 0
    os.rename(folder / "a.dcm.tmp", folder / "a.dcm")  # how a writer says that it is done
    made.look()
    clock.now = 200.0
    assert made.look() == 1
    assert (tmp_path / "elsewhere" / "x").exists()


def test_a_file_that_is_written_while_it_is_decided_goes_back(tmp_path: Path) -> None:
    def grows(path: Path, name: str) -> FileVerdict:
        with path.open("ab") as file:
            file.write(b"more")
        return accept(path, name)

    made, clock = watcher(tmp_path, grows)
    put(tmp_path / "a.dcm")
    made.look()
    clock.now = 10.0
    assert made.look() == 0
    assert names(tmp_path) == ["a.dcm"]
    assert (tmp_path / "a.dcm").read_bytes() == b"contentmore"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    made, clock = watcher(tmp_path)
    for round_ in range(2):
        put(tmp_path / "a.dcm", b"%d" % round_)
        made.look()
        clock.now += 10.0
        assert made.look() == 1
    assert names(tmp_path / "accepted") == ["a-2.dcm", "a-2.dcm.verdict.json", "a.dcm", "a.dcm.verdict.json"]
    assert (tmp_path / "accepted" / "a.dcm").read_bytes() == b"0"


def test_what_cannot_be_decided_is_tried_again_and_said(tmp_path: Path) -> None:
    made, clock = watcher(tmp_path, lambda path, name: None)
    put(tmp_path / "a.dcm")
    made.look()
    for _ in range(3):
        clock.now += 10.0
        assert made.look() == 0
    assert made.given_up == [tmp_path / "a.dcm"]
    assert not made.waiting
    assert names(tmp_path) == ["a.dcm"]


def test_what_a_killed_watcher_had_taken_comes_back(tmp_path: Path) -> None:
    put(tmp_path / ".dcmlint-taken" / "slide" / "a.dcm", b"old")
    put(tmp_path / "slide" / "a.dcm", b"new")
    made, _ = watcher(tmp_path)
    made.recover()
    assert names(tmp_path) == ["slide/a-2.dcm", "slide/a.dcm"]
    assert (tmp_path / "slide" / "a.dcm").read_bytes() == b"new"


def test_a_name_that_comes_again_while_it_is_decided_overwrites_nothing(tmp_path: Path) -> None:
    inner, other_clock = watcher(tmp_path)

    def decide(path: Path, name: str) -> FileVerdict:
        put(tmp_path / "a.dcm", b"second")  # the scanner writes the same name, and another watcher takes it
        inner.look()
        other_clock.now += 10.0
        assert inner.look() == 1
        assert path.read_bytes() == b"first"
        return accept(path, name)

    outer, clock = watcher(tmp_path, decide)
    put(tmp_path / "a.dcm", b"first")
    outer.look()
    clock.now = 10.0
    assert outer.look() == 1
    accepted = tmp_path / "accepted"
    assert sorted(one.read_bytes() for one in accepted.glob("*.dcm")) == [b"first", b"second"]
    assert names(accepted) == ["a-2.dcm", "a-2.dcm.verdict.json", "a.dcm", "a.dcm.verdict.json"]


def test_a_share_without_hard_links_is_watched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", no_links)
    test_nothing_is_overwritten(tmp_path)


def test_what_another_watcher_is_deciding_stays_with_it(tmp_path: Path) -> None:
    def decide(path: Path, name: str) -> FileVerdict:
        watcher(tmp_path)[0].recover()
        assert path.exists()
        return accept(path, name)

    made, clock = watcher(tmp_path, decide)
    put(tmp_path / "slide" / "a.dcm")
    made.look()
    clock.now = 10.0
    assert made.look() == 1
    (mine,) = (tmp_path / ".dcmlint-taken").iterdir()
    put(mine / "slide" / "b.dcm")
    os.close(made._lock or 0)  # it was killed
    watcher(tmp_path)[0].recover()
    assert names(tmp_path / "slide") == ["b.dcm"]
    assert list((tmp_path / ".dcmlint-taken").iterdir()) == []


def test_two_watchers_take_each_file_once(tmp_path: Path) -> None:
    first, clock = watcher(tmp_path)
    second, other = watcher(tmp_path)
    put(tmp_path / "a.dcm")
    first.look()
    second.look()
    clock.now = other.now = 10.0
    assert [first.look(), second.look()] == [1, 0]


def test_a_gate_takes_the_bytes_and_says_why_it_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    with Bench(tmp_path) as bench:
        closed = [True]
        made, clock = watcher(
            folder, ByGate(bench.core, largest=1 << 20, sender="SHARE", closed=lambda: closed[0])
        )
        put(folder / "a.dcm", part10_file("2.25.1", data_set("2.25.1")))
        put(folder / "b.dcm", part10_file("2.25.2", data_set("2.25.2")))
        put(folder / "c.txt", b"hello")
        bench.checks.reply = lambda task: REFUSE if task.sop_instance == "2.25.2" else type(REFUSE)()
        made.look()
        clock.now = 10.0
        assert made.look() == 0  # no space
        closed[0] = False
        assert made.look() == 0  # not at once: a check of a large file costs something
        clock.now = 20.0
        assert made.look() == 3
        (row,) = bench.journal.find("2.25.1")
        assert (row.state, row.via, row.sender, row.sha256) == (
            "queued",
            "watch",
            "SHARE",
            sha(data_set("2.25.1")),
        )
        assert [row.state for row in bench.journal.find("2.25.2")] == ["refused"]
    held = {
        name: json.loads((folder / "held" / f"{name}.verdict.json").read_text())
        for name in ("b.dcm", "c.txt")
    }
    assert held["b.dcm"]["status"] == "A905"
    assert held["b.dcm"]["findings"][0]["rule"] == "GTT001"
    assert held["c.txt"]["status"] == "C000"
    assert (folder / "accepted" / "a.dcm").exists()
    taken = json.loads((folder / "accepted" / "a.dcm.verdict.json").read_text())
    assert (taken["state"], held["b.dcm"]["state"], held["c.txt"]["state"]) == ("queued", "refused", "")


@pytest.mark.timeout(180)
def test_the_command_sorts_and_says_by_its_exit_code_whether_something_is_held(tmp_path: Path) -> None:
    config = write_config(tmp_path / "gate", 1)
    folder = tmp_path / "Doe^John"
    put(folder / "good.dcm", part10_file("2.25.1", data_set("2.25.1")))
    put(folder / "bad.dcm", part10_file("2.25.2", data_set("2.25.2", refused=True)))
    done = subprocess.run(
        [
            sys.executable, "-m", "dcmlint.cli", "gate", "watch", str(folder), "-p", str(config.parent / "profile.yaml"),
            "--settle", "0.2", "--once",
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Doe" not in done.stderr
    assert names(folder / "held") == ["bad.dcm", "bad.dcm.verdict.json"]
    verdict = json.loads((folder / "held" / "bad.dcm.verdict.json").read_text())
    assert (verdict["sop_instance_uid"], verdict["findings"][0]["rule"]) == ("2.25.2", "GTT001")
    assert names(folder / "accepted") == ["good.dcm", "good.dcm.verdict.json"]
    assert list((folder / ".dcmlint-taken").glob("*")) == []  # nothing of its own is left


@pytest.mark.timeout(180)
def test_a_gate_forwards_what_came_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        config.write_text(config.read_text() + '[[watch]]\nfolder = "../share"\nsettle = "200ms"\n')
        with GateProcess(config) as gate:
            put(tmp_path / "share" / "a.dcm", part10_file("2.25.1", data_set("2.25.1")))
            until(lambda: "2.25.1" in archive.stored, 90)
            assert archive.stored["2.25.1"] == data_set("2.25.1")
            until(lambda: names(tmp_path / "share") == ["accepted/a.dcm", "accepted/a.dcm.verdict.json"], 30)
            assert gate.stop() == 0
