"""The archive is down, slow, full, picky or dies: everything is delivered once, or held with its words."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep, time

import msgspec
import pytest
from gate_support import Archive, Bench, data_set, free_port, sha, stored, until

from dcmlint.gate.deliver import Destination, said
from dcmlint.gate.forward import Backoff, Forwarder
from dcmlint.intake.status import Answer
from dcmlint.intake.verdict import Reply
from dcmlint.network.wire import dimse


@contextmanager
def forwarding(
    bench: Bench, port: int, *, timeout: float = 3.0, associations: int = 1
) -> Iterator[Forwarder]:
    destination = Destination(name="archive", host="127.0.0.1", port=port, called="ARCHIVE", timeout=timeout)
    forwarder = Forwarder(
        destination,
        bench.journal,
        bench.spool,
        associations=associations,
        backoff=Backoff(first=0.05, most=0.2),
    )
    bench.core.queued = forwarder.wake
    forwarder.start()
    try:
        yield forwarder
    finally:
        forwarder.stop()


def fill(bench: Bench, count: int, *, studies: int = 5) -> dict[str, bytes]:
    contents = {}
    for number in range(count):
        uid, study = f"2.25.1{number:05d}", f"2.25.9{number % studies}"
        contents[uid] = data_set(uid, study=study)
        bench.checks.reply = lambda task, study=study: Reply(study=study)  # type: ignore[misc]
        assert bench.take(contents[uid], uid) == 0
    return contents


def all_in(bench: Bench, *states: str) -> Callable[[], bool]:
    return lambda: all(row.state in states for row in bench.journal.rows("1"))


def test_bytes_arrive_as_they_came_once_and_in_order(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench, Archive(tmp_path / "archive") as archive:
        contents = fill(bench, 100)
        with forwarding(bench, archive.port, associations=3):
            until(all_in(bench, "delivered"))
        assert archive.stored == contents
        assert set(archive.attempts.values()) == {1}
        for study in range(5):
            mine = [uid for uid in archive.order if int(uid[-5:]) % 5 == study]
            assert mine == sorted(mine)


def test_the_file_stays_until_it_is_delivered(tmp_path: Path) -> None:
    seen: list[bool] = []
    with Bench(tmp_path) as bench:

        def answer(uid: str, count: int) -> int:
            (row,) = bench.journal.find(uid)
            seen.append(row.kept and bench.spool.path(row.file).exists() and row.state == "queued")
            return 0

        with Archive(tmp_path / "archive", answer) as archive:
            fill(bench, 5)
            with forwarding(bench, archive.port):
                until(all_in(bench, "delivered"))
    assert seen == [True] * 5


def test_an_archive_that_is_down_gets_everything_when_it_is_back(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench, Archive(tmp_path / "archive") as archive:
        archive.stop()
        contents = fill(bench, 30)
        with forwarding(bench, archive.port) as forwarder:
            until(lambda: forwarder.down_since is not None)
            assert "connection refused" in forwarder.trouble
            archive.restart()
            until(all_in(bench, "delivered"))
            assert forwarder.down_since is None
        assert archive.stored == contents
        # Attempts that never reached the archive are not counted against an instance.
        assert {
            delivery.tries for row in bench.journal.rows("1") for delivery in bench.journal.deliveries(row.id)
        } == {1}


@pytest.mark.parametrize("status", [0xA700, 0xA7FF, 0x0213])
def test_a_transient_refusal_is_tried_again_until_it_is_taken(tmp_path: Path, status: int) -> None:
    with (
        Bench(tmp_path) as bench,
        Archive(tmp_path / "archive", lambda uid, count: status if count <= 3 else 0) as archive,
    ):
        contents = fill(bench, 6, studies=2)
        with forwarding(bench, archive.port):
            until(all_in(bench, "delivered"))
        assert archive.stored == contents
        assert set(archive.attempts.values()) == {4}
        assert [uid for uid in archive.order if int(uid[-5:]) % 2 == 0] == sorted(contents)[::2]


@pytest.mark.parametrize("status", [0xA900, 0xC123, 0x0122, 0x0110, 0x0124])
def test_a_permanent_refusal_is_held_with_the_archives_words(tmp_path: Path, status: int) -> None:
    bad = "2.25.100002"
    with (
        Bench(tmp_path) as bench,
        Archive(tmp_path / "archive", lambda uid, count: status if uid == bad else 0) as archive,
    ):
        contents = fill(bench, 6, studies=1)
        with forwarding(bench, archive.port):
            until(all_in(bench, "delivered", "held"))
        (row,) = bench.journal.find(bad)
        assert row.state == "held"
        assert f"{status:04X}H" in row.why
        assert "as the test says" in row.why
        assert archive.attempts[bad] == 1
        assert archive.stored.keys() == contents.keys() - {bad}
        assert stored(bench.spool.path(row.file)) == contents[bad]


def test_a_warning_says_that_it_was_stored() -> None:
    assert said(0xB000, "").delivered
    assert not said(0xA700, "").delivered
    assert said(0xA700, "").transient
    assert not said(0xFE00, "").delivered


def test_no_context_is_held(tmp_path: Path) -> None:
    from dcmlint.intake.status import Answer
    from dcmlint.network.acceptor.negotiate import Acceptance
    from dcmlint.network.acceptor.receiver import Handlers, Receiver, Settings

    (tmp_path / "other").mkdir()
    picky = Settings(directory=tmp_path / "other", acceptance=Acceptance(sop_classes=frozenset({"1.2.3"})))
    with (
        Bench(tmp_path) as bench,
        Receiver(picky, Handlers(on_instance=lambda instance: Answer())) as receiver,
    ):
        fill(bench, 2)
        with forwarding(bench, receiver.address[1]):
            until(all_in(bench, "held"))
        assert (
            "no presentation context was accepted for CT Image (1.2.840.10008.5.1.4.1.1.2) in"
            in bench.journal.rows("1")[0].why
        )


@contextmanager
def misbehaving(play: Callable[[socket.socket], None], port: int) -> Iterator[None]:
    """A server that plays a script for each connection."""
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.1)
    stop = threading.Event()
    open_: list[socket.socket] = []

    def accept() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            open_.append(sock)
            threading.Thread(target=play, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2)
        listener.close()
        for sock in open_:
            sock.close()


def hang(sock: socket.socket) -> None:
    sleep(30)


def close(sock: socket.socket) -> None:
    sock.close()


def garbage(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the gate may be gone
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    sock.close()


@pytest.mark.parametrize("play", [hang, close, garbage])
def test_a_server_that_is_no_archive_is_waited_for(
    tmp_path: Path, play: Callable[[socket.socket], None]
) -> None:
    port = free_port()
    with Bench(tmp_path) as bench:
        contents = fill(bench, 3)
        with forwarding(bench, port, timeout=0.3) as forwarder:
            with misbehaving(play, port):
                until(lambda: forwarder.down_since is not None)
            with Archive(tmp_path / "archive") as archive:
                archive.stop()
                archive.port = port
                archive.restart()
                until(all_in(bench, "delivered"))
                assert archive.stored == contents


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_archive_that_breaks_off_or_is_too_slow_gets_it_again_on_a_new_association(tmp_path: Path) -> None:
    def answer(uid: str, count: int) -> int | Exception:
        if count > 1:
            return 0
        if int(uid[-5:]) % 2:
            return RuntimeError("the association is aborted in the middle")
        sleep(1.0)
        return 0

    with Bench(tmp_path) as bench, Archive(tmp_path / "archive", answer) as archive:
        contents = fill(bench, 4)
        with forwarding(bench, archive.port, timeout=0.5):
            until(all_in(bench, "delivered"), 60)
        assert archive.stored == contents
        assert max(archive.attempts.values()) == 2
        assert archive.receiver.received == 5  # the first association, and one after each of four failures


@pytest.mark.parametrize(
    "changed", [{"message_id": 999}, {"sop_instance": "2.25.999"}, {"field": dimse.C_ECHO_RQ}]
)
def test_an_answer_to_something_else_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]
) -> None:
    respond, wrong = dimse.response, [changed]

    def response(request: dimse.Command, answer: Answer) -> bytes:
        return respond(msgspec.structs.replace(request, **(wrong.pop() if wrong else {})), answer)

    monkeypatch.setattr(dimse, "response", response)
    with Bench(tmp_path) as bench, Archive(tmp_path / "archive") as archive:
        contents = fill(bench, 2, studies=1)
        with forwarding(bench, archive.port):
            until(all_in(bench, "delivered"))
        assert archive.stored == contents
        assert list(archive.attempts.values()) == [2, 1]
        assert archive.receiver.received == 2


def test_what_was_delivered_while_the_journal_was_full_is_written_later(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench, Archive(tmp_path / "archive") as archive:
        contents = fill(bench, 3)
        exchange = bench.journal.exchange
        failures = iter([False, True, True, True])

        def full(*arguments: object, **keywords: object):
            if next(failures, False):
                raise OSError("full")
            return exchange(*arguments, **keywords)  # type: ignore[arg-type]

        bench.journal.exchange = full  # type: ignore[method-assign]
        with forwarding(bench, archive.port):
            until(all_in(bench, "delivered"))
        assert set(archive.attempts.values()) == {1}
        assert {uid: sha(content) for uid, content in archive.stored.items()} == {
            uid: sha(content) for uid, content in contents.items()
        }


def test_an_archive_that_needs_longer_than_the_timeout_has_it_in_the_end(tmp_path: Path) -> None:
    def answer(uid: str, count: int) -> int:
        sleep(0.9)
        return 0

    with Bench(tmp_path) as bench, Archive(tmp_path / "archive", answer) as archive:
        contents = fill(bench, 1)
        with forwarding(bench, archive.port, timeout=0.25):
            until(all_in(bench, "delivered"), 60)
        assert archive.stored == contents
        assert 2 <= max(archive.attempts.values()) <= 4


def test_a_clock_that_is_set_back_does_not_stop_a_queue(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fill(bench, 1)
        bench.journal.writer.do(lambda db: db.execute("UPDATE deliveries SET due=?", (time() + 100,)))
        assert bench.journal.exchange("archive", []) == []
        bench.journal.writer.do(lambda db: db.execute("UPDATE deliveries SET due=?", (time() + 86400,)))
        assert len(bench.journal.exchange("archive", [])) == 1


def test_the_order_is_that_of_arrival_however_long_a_check_takes(tmp_path: Path) -> None:
    with Bench(tmp_path, observe=True) as bench, Archive(tmp_path / "archive") as archive:
        bench.checks.slow = True
        uids = [f"2.25.{number}" for number in range(1, 5)]
        for uid, study in zip(uids, ["2.25.9", "2.25.9", "2.25.8", "2.25.9"], strict=True):
            bench.take(data_set(uid, study=study), uid, study=study)
        (first, *others), bench.checks.later = bench.checks.later, []
        with forwarding(bench, archive.port, associations=2):
            bench.core.queued = lambda: None  # looked for once a second by itself
            for task, pending in others:
                pending.give(Reply(study="2.25.8" if task.sop_instance == "2.25.3" else "2.25.9"))
            until(lambda: bench.states("2.25.3") == ["delivered"])
            assert archive.order == ["2.25.3"]
            first[1].give(Reply(study="2.25.9"))
            until(all_in(bench, "delivered"))
        assert [uid for uid in archive.order if uid != "2.25.3"] == ["2.25.1", "2.25.2", "2.25.4"]


OUTAGE = float(os.environ.get("DCMLINT_GATE_OUTAGE", "1"))


@pytest.mark.timeout(3600)
def test_a_long_outage_drains_faster_than_it_filled(tmp_path: Path) -> None:
    count = 5000 if OUTAGE > 60 else 300
    with Bench(tmp_path) as bench, Archive(tmp_path / "archive") as archive:
        archive.stop()
        with forwarding(bench, archive.port, associations=2) as forwarder:
            commits = bench.journal.writer.commits
            contents = fill(bench, count, studies=20)
            came_in = bench.journal.writer.commits - commits
            sleep(OUTAGE)
            until(lambda: forwarder.down_since is not None)
            archive.restart()
            commits = bench.journal.writer.commits
            until(all_in(bench, "delivered"), 600)
            # A commit is what costs: many deliveries share one, where each arrival needs its own.
            assert bench.journal.writer.commits - commits < came_in / 2
        assert archive.stored == contents
        assert set(archive.attempts.values()) == {1}
