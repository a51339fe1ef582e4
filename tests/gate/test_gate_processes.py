"""Receiving processes: what is received is decided by the gate all the same, and one that dies takes nothing along."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gate_support import (
    CT,
    EXPLICIT,
    Archive,
    GateProcess,
    association,
    data_set,
    part10_file,
    send,
    sha,
    stored,
    until,
    write_config,
)

from dcmlint.errors import UsageError
from dcmlint.gate.config import read_config
from dcmlint.gate.receiving import Processes, default_count
from dcmlint.gate.running import Gate
from dcmlint.network.requestor.association import Target, ask, association_request
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.connection import Line
from dcmlint.network.wire.pdu import WireError

Told = list[tuple[str, dict[str, Any]]]


@contextlib.contextmanager
def gate(tmp_path: Path, told: Told, listen: str = "", mode: str = "enforce") -> Iterator[Gate]:
    def log(event: str, **fields: Any) -> None:
        told.append((event, fields))

    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen=f"processes = 2\n{listen}", mode=mode)
        made = Gate(read_config(config), config.parent, log=log)
        made.start()
        try:
            yield made
        finally:
            made.stop(2)


def receiving(pid: int) -> list[int]:
    """The receiving processes of a gate."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                if b"receiving_child" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return sorted(found)


def of(told: Told, event: str) -> list[dict[str, Any]]:
    return [fields for name, fields in told if name == event]


def begin_to_send(port: int, path: Path) -> socket.socket:
    """Half of an instance, over an association that stays open."""
    target = Target(host="127.0.0.1", port=port, called="GATE", calling="TESTER", timeout=20)
    sock = socket.create_connection(("127.0.0.1", port), 20)
    sent: list[bytes] = []
    line = Line(sock)
    dialogue, facts = ask(
        line, association_request(target, (ProposedContext(1, CT, (EXPLICIT,)),)), "test", 20
    )
    assert dialogue is not None, facts.detail

    class Half:
        """A socket that sends what it gets, but not the end of the data set."""

        def send(self, data: memoryview) -> int:
            sent.append(bytes(data))
            return len(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(sock, name)

    line.sock = Half()  # type: ignore[assignment]
    with contextlib.suppress(WireError):
        dialogue.timeout = 0.2
        dialogue.store(path)
    sock.sendall(b"".join(sent)[:-1000])
    return sock


def test_what_is_taken_refused_too_large_and_not_supported(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told, 'largest = "3KB"') as made:
        port = made.address[1]
        assert [send(port, tmp_path, f"2.25.{n}", data_set(f"2.25.{n}"), calling=f"S{n}") for n in range(4)] == [0] * 4  # fmt: skip
        assert send(port, tmp_path, "2.25.7", data_set("2.25.7", refused=True)) & 0xF000 == 0xA000
        assert send(port, tmp_path, "2.25.8", data_set("2.25.8", filling=bytes(5000))) == 0x0110
        until(lambda: len(of(told, "association")) == 6)
        rows = {row.uid: row for row in made.journal.rows("1")}
        assert [rows[f"2.25.{n}"].sender for n in range(4)] == ["S0", "S1", "S2", "S3"]
        assert rows["2.25.0"].peer == "127.0.0.1"
        assert rows["2.25.0"].sha256 == sha(data_set("2.25.0"))
        assert stored(made.spool.path(rows["2.25.3"].file)) == data_set("2.25.3")
        assert rows["2.25.7"].state == "refused"
        until(lambda: [one.state for one in made.journal.traces("2.25.8")] == ["not taken"])
        assert [one["end"] for one in of(told, "association")] == ["released"] * 6
        assert made.spool.names() == sorted(row.file for row in rows.values())


def test_where_nothing_is_refused_no_answer_waits_for_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Told = []
    with gate(tmp_path, told, mode="observe") as made:
        port = made.address[1]
        monkeypatch.setattr(made.core, "take", None)  # which would wait for one
        with association(port, calling="FIRST") as first, association(port, calling="SECOND") as second:
            for number in range(6):
                path = tmp_path / f"{number}"
                path.write_bytes(
                    part10_file(f"2.25.{number}", data_set(f"2.25.{number}", refused=number == 5))
                )
                assert (first, second)[number % 2].store(path).status == 0
            first.release()
            second.release()
        until(lambda: len(of(told, "checked")) == 6)
        assert {row.uid: row.sender for row in made.journal.rows("1")} == {
            f"2.25.{number}": ("FIRST", "SECOND")[number % 2] for number in range(6)
        }
        assert [row.uid for row in made.journal.rows("why LIKE '%would be refused%'")] == ["2.25.5"]


def test_what_the_journal_does_not_take_stays_with_its_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Told = []

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with gate(tmp_path, told, mode="observe") as made:
        with monkeypatch.context() as patch:
            patch.setattr(made.journal, "take_soon", full)
            assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0xA700
        assert made.spool.names() == []
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0


def test_two_processes_receive_where_they_have_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, count in (({0}, 1), ({0, 3}, 2), (set(range(64)), 2)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, processors=processors: processors)
        assert default_count() == count


def test_limits_count_over_all_processes(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told, "per_address = 2\nconnections = 3") as made:
        port = made.address[1]
        with (
            association(port),
            association(port),
            pytest.raises(ConnectionError, match="local limit exceeded"),
        ):
            send(port, tmp_path, "2.25.1", data_set("2.25.1"))
        until(lambda: not made.front.receiver._open)
        assert send(port, tmp_path, "2.25.1", data_set("2.25.1")) == 0


def test_an_association_that_is_cut_off_is_told_of(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told) as made:
        (tmp_path / "one").write_bytes(part10_file("2.25.1", data_set("2.25.1", filling=bytes(90_000))))
        sock = begin_to_send(made.address[1], tmp_path / "one")
        until(lambda: any(name.endswith(".part") for name in made.spool.names()))
        sock.close()
        until(lambda: bool(made.journal.traces("2.25.1")))
        (trace,) = made.journal.traces("2.25.1")
        assert (trace.state, trace.who) == ("cut off", "TESTER at 127.0.0.1")
        until(lambda: not made.spool.names())


def test_a_process_that_is_killed_takes_its_associations_along_and_nothing_else(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told) as made:
        port = made.address[1]
        before = receiving(os.getpid())
        assert len(before) == 2
        (tmp_path / "one").write_bytes(part10_file("2.25.1", data_set("2.25.1", filling=bytes(90_000))))
        first = begin_to_send(port, tmp_path / "one")  # connection 1: the second process
        until(lambda: any(name.endswith(".part") for name in made.spool.names()))
        (tmp_path / "two").write_bytes(part10_file("2.25.2", data_set("2.25.2")))
        with association(port) as second:
            for pid in before:
                if any(".part" in os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()):
                    os.kill(pid, signal.SIGKILL)
            assert first.recv(100) == b""  # the sender is told at once
            until(lambda: not made.spool.names())
            assert second.store(tmp_path / "two").status == 0
            second.release()
        assert [send(port, tmp_path, f"2.25.{n}", data_set(f"2.25.{n}")) for n in (3, 4)] == [0, 0]
        first.close()
        (ended,) = of(told, "a receiving process ended")
        assert ended["how"] == "signal SIGKILL"
        assert {row.uid for row in made.journal.rows("1")} == {"2.25.2", "2.25.3", "2.25.4"}
        assert ["internal"] in [one["problems"] for one in of(told, "association")]
        after = receiving(os.getpid())
        assert len(after) == 2
        assert len(set(after) & set(before)) == 1


@pytest.mark.parametrize("end", [GateProcess.kill, GateProcess.stop])
def test_the_processes_end_with_their_gate(tmp_path: Path, end: Callable[[GateProcess], object]) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen="processes = 2")
        with GateProcess(config) as running:
            until(lambda: len(receiving(running.process.pid)) == 2)
            children = receiving(running.process.pid)
            with association(running.port):
                end(running)
            until(lambda: not any(Path(f"/proc/{one}").exists() for one in children), 10)


def test_an_association_that_the_gate_ends_is_no_fault_of_its_sender(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told) as made, association(made.address[1]):
        made.front.stop(2)
        assert [(one["end"], one["problems"]) for one in of(told, "association")] == [("stopped", [])]


def test_a_gate_whose_processes_do_not_start_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmlint.gate.receiving._MODULE", "dcmlint.gate.no_such_module")
    config = write_config(tmp_path / "gate", 1, listen="processes = 2")
    made = Gate(read_config(config), config.parent)
    try:
        with pytest.raises(UsageError, match="a receiving process does not start: exit code 1"):
            made.start()
    finally:
        made.stop(1)


def test_a_connection_for_which_no_process_can_be_had_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Told = []

    def hand_over(*_: object) -> None:
        raise OSError("no process can be had")

    with gate(tmp_path, told) as made:
        monkeypatch.setattr(Processes, "hand_over", hand_over)
        with pytest.raises((ConnectionError, WireError)):
            send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1"))
        until(lambda: bool(of(told, "association")))
        assert of(told, "association")[0]["problems"] == ["internal"]
        monkeypatch.undo()
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0


def test_a_process_without_descriptors_loses_the_connection_and_goes_on(tmp_path: Path) -> None:
    told: Told = []
    with gate(tmp_path, told) as made:
        before = receiving(os.getpid())
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in before}
        for pid in before:
            taken = {int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()}
            first_free = min(set(range(len(taken) + 1)) - taken)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free + 1, limits[pid][1]))  # one, of two
        with pytest.raises((ConnectionError, WireError)):
            send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1"))
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
        assert [send(made.address[1], tmp_path, f"2.25.{n}", data_set(f"2.25.{n}")) for n in (2, 3)] == [0, 0]
        assert receiving(os.getpid()) == before
