"""What the tests of the gate share: instances, a profile, checks without processes, a gate as a process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import msgspec
from support.ports import free_port

from dcmlint.gate.core import Core
from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Arrival
from dcmlint.gate.spool import Spool
from dcmlint.intake import part10
from dcmlint.intake.checking import Pending
from dcmlint.intake.policy import Policy
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Brief, ProfileFacts, Reply
from dcmlint.network.requestor.association import Dialogue, Target, ask, association_request
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.connection import Line

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
HERE = Path(__file__).parent

# One rule: an instance without Patient ID is refused, and nothing else is said of it.
PROFILE = """\
id: gate-test
version: "1"
title: What the tests of the gate demand
area: GTT
action: {error: refuse, warning: quarantine, info: accept}
rules: {ALL: off, GTT: on}
attributes:
  - {id: GTT001, attribute: PatientID, presence: always}
  - {id: GTT002, attribute: PatientSex, presence: always, severity: warning}
"""


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    if vr in (b"OB", b"OW"):
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def data_set(
    uid: str, *, study: str = "2.25.1", refused: bool = False, held: bool = False, filling: bytes = b""
) -> bytes:
    """A small data set that the profile above takes, refuses or holds."""
    parts = [
        element(0x0008, 0x0016, b"UI", CT.encode()),
        element(0x0008, 0x0018, b"UI", uid.encode()),
        element(0x0010, 0x0010, b"PN", b"Marker^Patient"),
    ]
    if not refused:
        parts.append(element(0x0010, 0x0020, b"LO", b"MARKER-ID"))
    if not held:
        parts.append(element(0x0010, 0x0040, b"CS", b"O"))
    parts += [
        element(0x0020, 0x000D, b"UI", study.encode()),
        element(0x0020, 0x000E, b"UI", b"2.25.2"),
        element(0x7FE0, 0x0010, b"OW", filling or bytes(64)),
    ]
    return b"".join(parts)


def part10_file(uid: str, content: bytes, *, sop_class: str = CT, syntax: str = EXPLICIT) -> bytes:
    return part10.file_meta(sop_class, uid, syntax, "TESTER", "GATE") + content


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stored(path: Path) -> bytes:
    content = path.read_bytes()
    return content[part10.dataset_offset(content) :]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something to become true; a test fails if it does not."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "it did not come about"
        sleep(0.02)


# --- a core without processes ------------------------------------------------------------------------


class FakeChecks:
    """Checks that answer at once, or when they are told to."""

    def __init__(self, reply: Callable[[Task], Reply] | None = None) -> None:
        self.reply = reply or (lambda task: Reply(study="2.25.1"))
        self.later: list[tuple[Task, Pending]] = []
        self.slow = False
        self.waiting = 0
        self.done: list[str] = []

    def submit(self, task: Task) -> Pending:
        pending = Pending()
        if self.slow:
            self.later.append((task, pending))
        else:
            self._do(task, pending)
        return pending

    def _do(self, task: Task, pending: Pending) -> None:
        self.done.append(task.sop_instance)
        pending.give(self.reply(task))

    def finish(self) -> None:
        later, self.later = self.later, []
        for task, pending in later:
            self._do(task, pending)


def finding(rule: str = "GTT001", severity: str = "error") -> Brief:
    return Brief(rule=rule, name="some-rule", severity=severity, message="wrong")  # type: ignore[arg-type]


REFUSE = Reply(findings=(finding(),), study="2.25.1")
HOLD = Reply(findings=(finding("GTT002", "warning"),), study="2.25.1")
FACTS = ProfileFacts(
    name="gate-test", action={"error": "refuse", "warning": "quarantine"}, own=frozenset({"GTT001", "GTT002"})
)


class Bench:
    """A spool, a journal and a core in this process."""

    def __init__(self, folder: Path, *, observe: bool = False, waits: bool = False, **policy: object) -> None:
        self.spool = Spool(folder / "spool")
        self.journal = Journal(
            self.spool.journal, ["archive"], self.spool.give_reserve, lambda f: self.spool.path(f).exists(),
            self.spool.names_safe,
        )  # fmt: skip
        self.checks = FakeChecks()
        self.core = Core(
            self.spool, self.journal, self.checks,  # type: ignore[arg-type]
            Policy(profile=FACTS, observe=observe, **policy),  # type: ignore[arg-type]
            answer_within=0.05, waits=waits,
        )  # fmt: skip
        self._count = 0

    def part(self, content: bytes, uid: str) -> Path:
        self._count += 1
        path = self.core.incoming / f"{os.urandom(3).hex()}-{self._count}.part"
        path.write_bytes(part10_file(uid, content))
        return path

    def take(self, content: bytes, uid: str = "2.25.77", **fields: object) -> int:
        """The status that a sender is answered."""
        arrival = msgspec.structs.replace(arrival_of(content, uid), **fields)
        return self.core.take(self.part(content, uid), arrival).status

    def states(self, uid: str = "2.25.77") -> list[str]:
        assert self.core.rest(10)
        return [row.state for row in self.journal.find(uid)]

    def close(self) -> None:
        self.core.rest(10)
        self.journal.close()
        self.spool.close()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def arrival_of(content: bytes, uid: str) -> Arrival:
    return Arrival(
        file="", sop_instance=uid, sop_class=CT, transfer_syntax=EXPLICIT, sha256=sha(content), size=len(content),
        sender="TESTER", called="GATE", peer="127.0.0.1",
    )  # fmt: skip


# --- a gate as a process -------------------------------------------------------------------------------


def write_config(
    folder: Path, archive: int, *, port: int = 0, extra: str = "", listen: str = "", **top: object
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.yaml").write_text(PROFILE)
    values = {
        "mode": "enforce",
        "profile": str(folder / "profile.yaml"),
        "spool": "spool",
        "answer_within": "8s",
        **top,
    }
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in values.items()]
    processes = os.environ.get(
        "DCMLINT_GATE_PROCESSES", "1"
    )  # has all tests of the gate run with receiving processes
    if "processes" not in listen:
        listen += f"\nprocesses = {processes}"
    lines += ["[listen]", f"port = {port or free_port()}", listen, "[space]", 'low = "1MB"', 'high = "2MB"']
    lines += ["[check]", "children = 1"]  # a second one costs a third of a second at each start
    lines += [
        "[[forward]]", 'name = "archive"', 'host = "127.0.0.1"', f"port = {archive}", 'called = "ARCHIVE"',
        'retry_first = "100ms"', 'retry_most = "500ms"', 'timeout = "5s"', extra,
    ]  # fmt: skip
    path = folder / "gate.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


class GateProcess:
    """A gate in a process of its own, killed by its process id. ``script``: a gate that is broken or traced."""

    def __init__(
        self, config: Path, *, script: Path | None = None, arguments: tuple[str, ...] = (), prefix: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        from dcmlint.gate.config import read_config

        self.config = config
        self.settings = read_config(config)
        self.port = self.settings.listen.port
        self.log = config.parent / "gate.log"
        command = (
            [str(script), str(config), *arguments]
            if script
            else ["-m", "dcmlint.cli", "gate", "run", "-c", str(config)]
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, *command], stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait_open()

    def wait_open(self, seconds: float = 60.0) -> None:
        end = monotonic() + seconds
        while monotonic() < end:
            if self.process.poll() is not None:
                return
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
                return
            sleep(0.02)
        raise TimeoutError("the gate does not listen")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def __enter__(self) -> GateProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


@contextlib.contextmanager
def association(
    port: int, *, calling: str = "TESTER", timeout: float = 20.0, source: str = "127.0.0.1"
) -> Iterator[Dialogue]:
    target = Target(host="127.0.0.1", port=port, called="GATE", calling=calling, timeout=timeout)
    request = association_request(target, (ProposedContext(1, CT, (EXPLICIT,)),))
    sock = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    dialogue, facts = ask(Line(sock), request, "test", timeout)
    if dialogue is None:
        raise ConnectionError(facts.detail)
    try:
        yield dialogue
    finally:
        dialogue.close()


def send(port: int, folder: Path, uid: str, content: bytes, **options: object) -> int:
    """The status of one C-STORE, in an association of its own."""
    path = folder / f"{uid}.send"
    path.write_bytes(part10_file(uid, content))
    with association(port, **options) as dialogue:  # type: ignore[arg-type]
        status = dialogue.store(path).status
        dialogue.release()
    path.unlink()
    assert status is not None
    return status


# --- an archive that plays a script ---------------------------------------------------------------------


class Archive:
    """An acceptor whose answers a test decides; ``stored``: data sets by UID, ``order``: UIDs as they came."""

    def __init__(self, folder: Path, answer: Callable[[str, int], int | Exception] | None = None) -> None:
        from dcmlint.intake.status import Answer
        from dcmlint.network.acceptor.receiver import Handlers, ReceivedInstance, Receiver, Settings

        folder.mkdir(parents=True, exist_ok=True)
        self.answer = answer or (lambda uid, count: 0)
        self.words = "as the test says"  # its Error Comment
        self.stored: dict[str, bytes] = {}
        self.order: list[str] = []
        self.attempts: dict[str, int] = {}
        self.lock = threading.Lock()

        def keep(instance: ReceivedInstance) -> Answer:
            uid = instance.command.sop_instance
            with self.lock:
                count = self.attempts[uid] = self.attempts.get(uid, 0) + 1
            status = self.answer(uid, count)
            if isinstance(status, Exception):
                raise status
            if status == 0 or status & 0xF000 == 0xB000:
                with self.lock:
                    self.stored[uid] = stored(instance.path)
                    self.order.append(uid)
            instance.path.unlink()
            return Answer(status, self.words if status else "")

        self.make = lambda port: Receiver(
            Settings(directory=folder, port=port, max_instance_facts=10), Handlers(on_instance=keep)
        )
        self.receiver = self.make(0).start()
        self.port = self.receiver.address[1]

    def digests(self) -> dict[str, str]:
        """SHA-256 of what it has, by UID."""
        with self.lock:
            return {uid: sha(content) for uid, content in self.stored.items()}

    def stop(self) -> None:
        self.receiver.stop(1)

    def restart(self) -> None:
        self.receiver = self.make(self.port).start()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
