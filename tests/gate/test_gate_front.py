"""Who may send, what is taken, and what an attack costs."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_support import Archive, GateProcess, association, data_set, part10_file, send, until, write_config
from network_certificates import Certificates
from network_peers import FaultPeer
from starlette.applications import Starlette
from test_gate_isolation import memory

from dcmlint.errors import UsageError
from dcmlint.gate.config import read_config
from dcmlint.gate.explain import explain
from dcmlint.gate.journal import Journal
from dcmlint.gate.running import Gate
from dcmlint.gate.serving import HttpServer


@contextlib.contextmanager
def gate(tmp_path: Path, listen: str = "", **top: object) -> Iterator[Gate]:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen=listen, **top)
        made = Gate(read_config(config), config.parent)
        made.start()
        try:
            yield made
        finally:
            made.stop(2)


@pytest.mark.parametrize("kind", ["", "good"])
def test_a_balancer_that_looks_whether_the_port_is_open_fills_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: Certificates, kind: str
) -> None:
    tls = "certificate = {}\nkey = {}".format(*map(json.dumps, certificates[kind])) if kind else ""
    with gate(tmp_path, f'proxies = ["127.0.0.1"]\n{tls}') as made:
        lines: list[str] = []
        ended: list[object] = []
        made.log = lambda event, **fields: lines.append(event)
        monkeypatch.setattr(made.front, "_ended", lambda facts: ended.append(made._ended(facts)))
        for reset in (True, False):
            sock = socket.create_connection(made.address, 5)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        until(lambda: len(ended) == 2)
        assert lines == []
        # What says something, and no more, is not such a look.
        with socket.create_connection(made.address, 5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            until(lambda: len(ended) == 3)
        assert lines == ["association"]


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ('addresses = ["10.0.0.0/8"]', "calling AE title not recognized"),
        ('senders = ["CT1"]', "calling AE title not recognized"),
        ('titles = ["OTHER"]', "called AE title not recognized"),
    ],
)
def test_who_is_not_allowed_is_rejected(tmp_path: Path, listen: str, words: str) -> None:
    with gate(tmp_path, listen) as made:
        with pytest.raises(ConnectionError, match=words):
            send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1"))
        assert made.journal.rows("1") == []


def test_who_is_allowed_gets_in(tmp_path: Path) -> None:
    listen = 'addresses = ["127.0.0.0/8"]\nsenders = ["TESTER"]\ntitles = ["GATE"]\nsop_classes = ["CTImageStorage"]'
    with gate(tmp_path, listen) as made:
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0


def test_a_class_that_does_not_exist_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen='sop_classes = ["CTImageStorag"]')
        with pytest.raises(UsageError, match="did you mean CTImageStorage"):
            Gate(read_config(config), config.parent)


def test_too_large_is_permanent_and_said_to_the_operator(tmp_path: Path) -> None:
    with gate(tmp_path, 'largest = "2KB"') as made:
        large, small = data_set("2.25.1", filling=bytes(9000)), data_set("2.25.2")
        (tmp_path / "large").write_bytes(part10_file("2.25.1", large))
        (tmp_path / "small").write_bytes(part10_file("2.25.2", small))
        with association(made.address[1]) as dialogue:
            assert dialogue.store(tmp_path / "large").status == 0x0110
            assert dialogue.store(tmp_path / "small").status == 0
        until(lambda: bool(made.journal.traces("2.25.1")))
        (trace,) = made.journal.traces("2.25.1")
        assert (trace.state, trace.why) == (
            "not taken",
            "answered 0110H: larger than the limit of 2000 bytes",
        )
        assert [name for name in made.spool.names() if name.endswith(".part")] == []


def test_without_space_associations_are_rejected_as_transient(tmp_path: Path) -> None:
    with gate(tmp_path) as made:
        with association(made.address[1]) as dialogue:
            made.space.closed = made.space._full = True
            made.space.look = lambda: None  # type: ignore[method-assign]
            made.front.look()
            (tmp_path / "one").write_bytes(part10_file("2.25.1", data_set("2.25.1")))
            assert dialogue.store(tmp_path / "one").status == 0xA700
        with pytest.raises(ConnectionError, match="rejected-transient"):
            send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1"))


def test_running_associations_go_on_while_space_is_only_low(tmp_path: Path) -> None:
    with gate(tmp_path) as made, association(made.address[1]) as dialogue:
        made.space.closed = True
        made.space.look = lambda: None  # type: ignore[method-assign]
        (tmp_path / "one").write_bytes(part10_file("2.25.1", data_set("2.25.1")))
        assert dialogue.store(tmp_path / "one").status == 0


def test_what_differs_from_its_command_is_refused(tmp_path: Path) -> None:
    profile = tmp_path / "gate" / "profile.yaml"
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, extra='[rules]\nNET501 = "refuse"')
        profile.write_text(profile.read_text().replace("GTT: on", "GTT: on, NET501: on"))
        made = Gate(read_config(config), config.parent)
        made.start()
        try:
            assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.2")) == 0xA900
            assert made.journal.find("2.25.1")[0].state == "refused"
        finally:
            made.stop(2)


@pytest.mark.timeout(180)
def test_an_attack_costs_little_and_is_reported(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        with GateProcess(config) as process, contextlib.ExitStack() as stack:
            aborted = 0
            for number in range(60):
                peer = stack.enter_context(FaultPeer(process.port, f"127.0.1.{number + 1}"))
                peer.associate()
                with contextlib.suppress(OSError):  # it hangs up before it has read that
                    # A command of 16 MB that never ends.
                    peer.send(struct.pack(">BxIIBB", 4, 1 << 24, (1 << 24) - 4, 3, 1) + bytes(1 << 16))
                with contextlib.suppress(OSError):
                    aborted += peer.until_closed()[1][:1] == b"\x07"
            assert aborted > 50  # a reset can overtake an abort
            silent = []
            for _ in range(200):
                with contextlib.suppress(OSError):
                    silent.append(
                        stack.enter_context(socket.create_connection(("127.0.0.1", process.port), 5))
                    )
            (tmp_path / "one").write_bytes(part10_file("2.25.1", data_set("2.25.1")))

            def gets_in() -> bool:
                try:
                    with association(process.port, source="127.0.0.9") as dialogue:
                        return dialogue.store(tmp_path / "one").status == 0
                except (ConnectionError, OSError):
                    return False

            assert gets_in()  # at once, and not when the silent ones have timed out
            assert memory(process.process.pid) < 200
            until(lambda: "2.25.1" in archive.stored)
            until(lambda: process.log.read_text().count('"problems": ["command"]') == 60)
            until(lambda: '"event": "turned away"' in process.log.read_text())
            process.stop()
        lines = [json.loads(line) for line in process.log.read_text().splitlines()]
        commands = [line for line in lines if line.get("problems") == ["command"]]
        assert {line["peer"] for line in commands} == {f"127.0.1.{number + 1}" for number in range(60)}
        turned_away = [line for line in lines if line["event"] == "turned away"]
        assert turned_away[-1]["connections"] >= 100
        assert "127.0.0.1" in turned_away[-1]["addresses"]


def test_a_destination_that_is_still_waited_for_cannot_be_left_out(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        archive.stop()
        config = write_config(tmp_path / "gate", archive.port)
        made = Gate(read_config(config), config.parent)
        made.start()
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0
        made.stop(2)
        config.write_text(config.read_text().replace('name = "archive"', 'name = "pacs"'))
        with pytest.raises(UsageError, match="1 instances wait for the destination 'archive'"):
            Gate(read_config(config), config.parent)


def test_a_rule_that_the_profile_does_not_have_is_a_mistake(tmp_path: Path) -> None:
    config = write_config(tmp_path / "gate", 104, extra='[rules]\nGTT0011 = "refuse"')
    with pytest.raises(UsageError, match="did you mean GTT001"):
        Gate(read_config(config), config.parent)
    # Nothing is held after that: the spool can be had.
    config = write_config(tmp_path / "gate", 104)
    Gate(read_config(config), config.parent).spool.close()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = write_config(tmp_path / "gate", 104, port=taken.getsockname()[1])
        command = [sys.executable, "-m", "dcmlint.cli", "gate", "run", "-c", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert "cannot listen on 127.0.0.1" in done.stderr
        assert "Traceback" not in done.stderr
        with pytest.raises(
            UsageError, match=r"page cannot listen on 127.0.0.1:[0-9]+: Address already in use"
        ):
            HttpServer(Starlette(), "page", "127.0.0.1", taken.getsockname()[1])


# --- studies ----------------------------------------------------------------------------------------------


def test_a_study_waits_until_it_is_quiet(tmp_path: Path) -> None:
    with gate(tmp_path, slides="hold", study_quiet="500ms") as made:
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0
        assert made.journal.find("2.25.1")[0].state == "waiting"
        until(lambda: made.journal.find("2.25.1")[0].state == "delivered")
        assert [event.state for event in made.journal.events(1)][1:3] == ["waiting", "queued"]


def test_studies_that_waited_are_taken_up_at_the_next_start(tmp_path: Path) -> None:
    with gate(tmp_path, slides="hold", study_quiet="1h") as made:
        assert send(made.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0
    with gate(tmp_path, slides="hold", study_quiet="500ms") as made:
        until(lambda: made.journal.find("2.25.1")[0].state == "delivered")


def test_a_study_whose_slides_fail_is_held_as_a_whole(tmp_path: Path) -> None:
    from gate_support import Bench, finding

    from dcmlint.gate.studies import Studies
    from dcmlint.intake.verdict import Reply

    with Bench(tmp_path, waits=True) as bench:
        bench.checks.reply = lambda task: (
            Reply(findings=(finding("PYR001"),))
            if task.members is not None
            else Reply(study="2.25.9", member=b"member")
        )
        studies = Studies(bench.core, 0.0, hold=True)
        told: list[tuple[int, str, str]] = []
        studies.held = lambda *held: told.append(held)
        for uid in ("2.25.1", "2.25.2"):
            bench.take(data_set(uid), uid)
        studies.arrived("2.25.9")
        studies.look()
        assert bench.states("2.25.1") == bench.states("2.25.2") == ["held"]
        assert "its study: PYR001" in bench.journal.find("2.25.1")[0].why
        # Whoever decides is told of each, and sees what was found.
        assert told == [(number, f"2.25.{number}", "its study: PYR001 some-rule") for number in (1, 2)]
        assert "error[PYR001] wrong" in "\n".join(explain(bench.journal, "2.25.2"))
        journal: Journal = bench.journal
        assert journal.deliveries(1) == []
