"""A full disk: nothing that was acknowledged is lost, and when there is room again instances are taken again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest
from gate_support import (
    Archive,
    Bench,
    GateProcess,
    association,
    data_set,
    part10_file,
    sha,
    until,
    write_config,
)
from kill_support import lost

from dcmlint.gate import space
from dcmlint.gate.settings import Forward, GateSettings, Space
from dcmlint.gate.space import Space as Watch
from dcmlint.intake.verdict import Verdict


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("watched", [False, True], ids=["to the last byte", "down to the low mark"])
def test_a_full_disk(tmp_path: Path, small: Path, watched: bool) -> None:
    acknowledged: dict[str, str] = {}
    statuses: list[int] = []

    def send_many(port: int, first: int, count: int) -> None:
        for number in range(first, first + count):
            uid = f"2.25.3{number:05d}"
            content = data_set(uid, filling=bytes([number % 251]) * (1 << 20))
            (tmp_path / "one").write_bytes(part10_file(uid, content))
            try:
                with association(port) as dialogue:
                    status = dialogue.store(tmp_path / "one").status
                    dialogue.release()
            except ConnectionError:  # rejected as transient: there is no space
                statuses.append(-1)
                continue
            statuses.append(status or 0)
            if status == 0:
                acknowledged[uid] = sha(content)

    with Archive(tmp_path / "archive") as archive:
        archive.stop()
        config = write_config(small / "gate", archive.port)
        low, high = ("8MB", "12MB") if watched else ("1B", "1B")
        text = (
            config.read_text()
            .replace('low = "1MB"', f'low = "{low}"')
            .replace('high = "2MB"', f'high = "{high}"')
        )
        config.write_text(text)
        with GateProcess(config) as gate:
            send_many(gate.port, 0, 80)
            assert statuses.count(0) > 30
            assert set(statuses) <= {0, -1, 0xA700}
            assert len(set(statuses)) > 1
            assert lost(small / "gate" / "spool", acknowledged, {}) == []
            # To the very last byte: now the journal cannot be written either.
            ballast = small / "ballast"
            with ballast.open("wb", buffering=0) as file:
                for size in (1 << 20, 1 << 12, 1):
                    try:
                        while True:
                            file.write(bytes(size))
                    except OSError:
                        continue
            before = len(acknowledged)
            send_many(gate.port, 1000, 5)
            assert len(acknowledged) == before
            ballast.unlink()
            archive.restart()
            until(
                lambda: {uid: sha(content) for uid, content in dict(archive.stored).items()} == acknowledged,
                60,
            )

            def taken_again() -> bool:
                send_many(gate.port, 2000 + len(statuses), 1)
                return statuses[-1] == 0

            until(taken_again, 60)
            until(
                lambda: {uid: sha(content) for uid, content in dict(archive.stored).items()} == acknowledged,
                60,
            )
            assert gate.stop() == 0


def watching(bench: Bench, **space: int) -> Watch:
    settings = GateSettings(
        spool="",
        forward=(Forward(name="archive", host="a", port=1, called="A"),),
        space=Space(**space),  # type: ignore[arg-type]
    )
    return Watch(bench.spool, bench.journal, settings)


def test_low_closes_and_only_high_opens_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bench(tmp_path) as bench:
        watch = watching(bench, low=100, high=200)
        states = []
        for free in (150, 99, 150, 201, 150):
            monkeypatch.setattr(bench.spool, "free", lambda free=free: free)
            watch.look()
            states.append(watch.closed)
        assert states == [False, True, True, False, False]


def test_without_the_reserve_nothing_is_taken_until_there_is_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path) as bench:
        watch = watching(bench, low=1, high=1)
        assert (watch.closed, watch.full) == (False, False)
        monkeypatch.setattr(bench.spool, "free", lambda: 1 << 20)
        bench.spool.give_reserve()
        assert watch.full
        watch.look()
        assert (watch.closed, watch.full) == (True, True)
        monkeypatch.setattr(bench.spool, "free", lambda: 1 << 30)
        watch.look()
        assert (watch.closed, watch.full) == (False, False)
        assert (bench.spool.folder / "reserve").stat().st_size == 8 << 20


def test_refused_files_go_first_and_what_is_ours_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path) as bench:
        states = ["refused", "delivered", "held", "queued", "checking", "superseded"]
        for number, state in enumerate(states):
            bench.take(data_set(f"2.25.{number}"), f"2.25.{number}")
            bench.journal.move([number + 1], state, who="test", why="before")  # type: ignore[arg-type]
        watch = watching(bench, low=100, high=200)

        def kept(free: int) -> list[str]:
            monkeypatch.setattr(bench.spool, "free", lambda: free)
            watch.look()
            watch.tidy()
            assert set(bench.spool.names()) == {row.file for row in bench.journal.rows("kept=1")}
            return [row.state for row in bench.journal.rows("kept=1")]

        assert kept(1000) == ["refused", "delivered", "held", "queued", "checking", "superseded"]
        assert kept(150) == ["delivered", "held", "queued", "checking", "superseded"]
        assert kept(50) == ["held", "queued", "checking", "superseded"]
        assert "space is short" in bench.journal.events(1)[-1].why


def test_what_is_kept_for_a_while_is_removed_after_it(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(data_set("2.25.1"), "2.25.1")
        bench.journal.exchange("archive", [])
        bench.journal.move([1], "delivered", who="test", why="before")
        watch = watching(bench, low=0, high=0)
        assert watch.tidy() == 0
        bench.journal.writer.do(lambda db: db.execute("UPDATE instances SET changed=changed-90000"))
        assert watch.tidy() == 1
        assert bench.spool.names() == []
        assert bench.states("2.25.1") == ["delivered"]
        assert Verdict().action == "accept"


def test_a_clock_that_is_set_forward_makes_nothing_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, steady = time(), 1000.0
    with Bench(tmp_path) as bench:
        for number, state in enumerate(("delivered", "refused"), 1):
            bench.take(data_set(f"2.25.{number}"), f"2.25.{number}")
            bench.journal.move([number], state, who="test", why="before")  # type: ignore[arg-type]
        monkeypatch.setattr(space, "time", lambda: wall)
        monkeypatch.setattr(space, "monotonic", lambda: steady)
        watch = watching(bench, low=0, high=0)

        def later(seconds: float, forward: float = 0.0) -> int:
            nonlocal wall, steady
            wall, steady = wall + seconds + forward, steady + seconds
            return watch.tidy()

        assert later(15) == 0
        assert later(15, forward=365 * 86400.0) == 0
        assert later(3600) == 0
        assert later(15, forward=-365 * 86400.0) == 0  # it is right again
        assert later(86400 - 3700) == 0
        assert later(200) == 1  # the copy of what was delivered is a day old now
        assert [row.state for row in bench.journal.rows("kept=1")] == ["refused"]
