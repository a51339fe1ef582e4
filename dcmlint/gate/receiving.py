"""The processes that receive for a gate, as the gate sees them.

The gate accepts each connection, counts it, and hands it to one of them; it answers what the association asks
(`receiving_messages`). What is promised to a sender stays here: the row of an instance, and so its answer, is made by
the gate alone. A process that dies takes its own associations with it, and another one takes its place.
"""

from __future__ import annotations

import mmap
import os
import pickle
import queue
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from dcmlint.errors import DcmlintError, UsageError
from dcmlint.gate import receiving_messages as messages
from dcmlint.gate.logs import Log
from dcmlint.gate.receiving_calls import Calls
from dcmlint.gate.receiving_messages import Channel, Connected, Start
from dcmlint.gate.reception import Desk
from dcmlint.gate.records import Arrival
from dcmlint.intake.checking import ending
from dcmlint.intake.part import SUFFIX, discard
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.messages import part_prefix
from dcmlint.network.acceptor.receiver import Receiver
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.pdu import Problem

_START_SECONDS = 60.0
_MOMENT = 1.0  # seconds that a process gets to end by itself
_MODULE = "dcmlint.gate.receiving_child"


_POSSIBLE = hasattr(os, "memfd_create")  # Linux


def default_count() -> int:
    """How many processes receive where nobody says so: a second one is of use where it has a processor."""
    return 2 if _POSSIBLE and len(os.sched_getaffinity(0)) > 1 else 1


class GateDesk(Desk, Protocol):
    """The desk of the gate itself."""

    def arrives(self, part: Path, arrival: Arrival) -> Future[Answer] | None:
        """``arrived`` without waiting; None where there is something to wait for."""


class Processes:
    """Receiving processes; ``serve`` makes what a receiver runs for a connection. ``count`` of them share the connections."""

    def __init__(self, start: Start, count: int, desk: GateDesk, log: Log) -> None:
        if not _POSSIBLE:
            raise UsageError("listen.processes: several processes can receive on Linux only")
        self._start = start
        self._desk = desk
        self._log = log
        self._lock = threading.Lock()
        self._shared_fd = os.memfd_create("dcmlint-gate", os.MFD_CLOEXEC)
        os.ftruncate(self._shared_fd, messages.SHARED_BYTES)
        self._shared = mmap.mmap(self._shared_fd, messages.SHARED_BYTES)
        self._children: list[_Child | None] = [None] * count
        self._stopped = False
        self.calls = Calls()

    def serve(
        self, receiver: Receiver, sock: socket.socket, peer: str, port: int, number: int, began: float
    ) -> RemoteAssociation:
        """A connection that one of the processes serves."""
        return RemoteAssociation(self, self._desk, receiver, sock, peer, port, number, began)

    def start(self) -> None:
        """Start the processes before the first connection has to wait for one."""
        for number in range(len(self._children)):
            self._child(number)
        self.calls.start()

    def look(self) -> None:
        """Let the processes know whether there is space."""
        self._shared[messages.FULL] = self._desk.full()

    def stopping(self) -> None:
        """Let the processes know that associations are ended by the gate."""
        self._shared[messages.STOPPING] = 1

    def stop(self) -> None:
        """End the processes."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            for child in self._children:
                if child is not None:
                    child.end()
            os.close(self._shared_fd)
        self.calls.stop(_MOMENT)

    def hand_over(self, connected: Connected, sock: socket.socket, calls: socket.socket) -> None:
        """Give a connection, and the socket of its calls, to a process. Raises ``OSError`` where none can be had."""
        message = msgspec.msgpack.encode(connected)
        for _ in range(2):  # once more where the process has just died
            child = self._child(connected.number % len(self._children))
            try:
                socket.send_fds(child.control, [message], [sock.fileno(), calls.fileno()])
                return
            except (BrokenPipeError, ConnectionResetError):
                child.end()
        raise OSError("a receiving process ends again and again")

    def _child(self, number: int) -> _Child:
        with self._lock:
            if self._stopped:
                raise OSError("the gate ends")
            child = self._children[number]
            if child is not None and child.process.poll() is None:
                return child
            if child is not None:
                self._log("a receiving process ended", level="error", how=child.end())
            self._children[number] = child = _Child(self._start, self._shared_fd)
            return child


class _Child:
    """One process. Raises ``OSError`` where it does not start."""

    def __init__(self, start: Start, shared: int) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), str(shared)],
                pass_fds=(theirs.fileno(), shared), stdin=subprocess.DEVNULL,
                process_group=0,  # out of reach of a Ctrl-C
            )  # fmt: skip
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()
        try:
            self.control.send(pickle.dumps(start))
            ready, _, _ = select.select([self.control], [], [], _START_SECONDS)
            if not ready or not self.control.recv(16):
                raise OSError("it did not get ready")
        except OSError as error:
            raise OSError(f"a receiving process does not start: {self.end()}") from error

    def end(self) -> str:
        """Have it end, as it does when its gate is gone; gives how it ended, in words."""
        self.control.close()
        try:
            code = self.process.wait(_MOMENT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "stopped by its parent"
        return ending(code)


class RemoteAssociation:
    """A connection that a receiving process serves, as the gate's own acceptor sees it; ``run`` is the life of its thread.

    What the association asks comes to the thread of `Calls`, which has instances taken; whatever may be waited for is
    answered by the thread of this one.
    """

    def __init__(
        self, processes: Processes, desk: GateDesk, receiver: Receiver, sock: socket.socket, peer: str, port: int, number: int,
        began: float,
    ) -> None:  # fmt: skip
        self.number, self.peer = number, peer
        self._port, self._began = port, began
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._processes, self._desk, self._receiver, self._sock = processes, desk, receiver, sock
        self._asked: queue.SimpleQueue[messages.Call | Exception] = queue.SimpleQueue()
        # Held by whoever reads or writes the channel while it may be closed: its descriptor can be another one's then.
        self._open = threading.Lock()

    def interrupt(self) -> None:
        """End the connection, which wakes whoever serves it."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Answer what the association asks until it has ended."""
        try:
            try:
                self._serve()
            except (OSError, EOFError, msgspec.MsgspecError) as error:
                self._cut(error)
        finally:
            self._sock.close()
            self._receiver.leave(self)

    def _serve(self) -> None:
        ours, theirs = socket.socketpair()
        connected = Connected(
            token=self._receiver.token, number=self.number, peer=self.peer, port=self._port, began=self._began
        )  # fmt: skip
        self.channel = Channel(ours)
        calls = self._processes.calls
        try:
            with theirs:
                self._processes.hand_over(connected, self._sock, theirs)
            calls.watch(self)
            while not isinstance(call := self._asked.get(), messages.Ended):
                if isinstance(call, Exception):
                    raise call
                reply = self._reply(call)
                if reply is not None:
                    self.channel.send(reply)
        finally:
            calls.forget(self)
            with self._open:
                self.channel.close()
        self._desk.ended(call.facts, call.coming)

    def look(self) -> None:
        """Take what the association asks."""
        try:
            with self._open:
                asked = list(self.channel.calls())
            for call in asked:
                if not (isinstance(call, messages.Arrived) and self._takes(call)):
                    self._asked.put(call)
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            self._processes.calls.forget(self)  # its end would be told again and again
            self._asked.put(error)

    def _takes(self, call: messages.Arrived) -> bool:
        """Have an instance taken, if nothing has to be waited for."""
        answer = self._desk.arrives(self._part(call), call.arrival)
        if answer is None:
            return False
        answer.add_done_callback(self._answer)
        return True

    def _answer(self, answer: Future[Answer]) -> None:
        try:
            reply = _answered(answer.result)
        except Exception as error:  # noqa: BLE001 - a defect: it ends the association, as it ends its thread
            self._asked.put(error)
            return
        with suppress(OSError), self._open:  # the process is gone, which its end of the connection says
            self.channel.send(reply)

    def _part(self, call: messages.Arrived) -> Path:
        return self._receiver.settings.directory / call.part

    def _reply(self, call: messages.Call) -> messages.Reply | None:
        match call:
            case messages.Arrived():
                return _answered(partial(self._desk.arrived, self._part(call), call.arrival))
            case messages.Requested(request, peer):
                return messages.Rejected(self._desk.requested(request, peer))
            case messages.Admitted():
                return messages.Place(self._receiver.admit(self))
            case messages.Renamed(peer):
                self.peer = peer
                return messages.Place(self._receiver.rename(self))
            case messages.Acted(action):
                return _answered(partial(self._desk.acted, action))
            case messages.NotTaken(uid, sender, peer, answer):
                self._desk.not_taken(uid, sender, peer, answer)
        return None

    def _cut(self, error: BaseException) -> None:
        """The process is gone: nothing that was on its way was acknowledged, and nothing of it is kept."""
        for part in Path(self._receiver.settings.directory).glob(
            f"{part_prefix(self._receiver.token, self.number)}*{SUFFIX}"
        ):
            discard(str(part))
        facts = AssociationFacts(
            number=self.number, peer=self.peer, peer_port=self._port, end="aborted", started=self._started,
            seconds=monotonic() - self._began, problems=(Problem(kind="internal", detail=str(error) or "the receiving process ended"),),
        )  # fmt: skip
        self._desk.ended(facts, "")


def _answered(ask: Callable[[], Answer]) -> messages.Reply:
    try:
        return messages.Answered(ask())
    except (OSError, DcmlintError) as error:
        return messages.Failed(f"{type(error).__name__}: {error}"[:200])
