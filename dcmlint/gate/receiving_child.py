"""A process that only receives: its associations write what arrives to the spool and ask the gate about it.

It is started as ``python -m dcmlint.gate.receiving_child FD SHARED`` and gets connections over the first file
descriptor; the second one is memory that the gate shares with it. It knows nothing that a gate must not lose, and
ends at once when the gate is gone, because nobody can then say what is safe.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from dcmlint.errors import DcmlintError
from dcmlint.gate import receiving_messages as messages
from dcmlint.gate.logs import json_log, on_defect
from dcmlint.gate.receiving_messages import Channel, Connected, Start
from dcmlint.gate.reception import Reception, acceptor_settings, classes_of
from dcmlint.gate.records import Arrival
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.association import Association
from dcmlint.network.acceptor.settings import Action, Settings
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.associate import AssociateRequest
from dcmlint.network.wire.connection import prepare
from dcmlint.network.wire.pdu import Rejection


class Gone(Exception):
    """The gate did not answer."""


class Asking:
    """The desk, and the host, of one association, both of which are the gate."""

    def __init__(
        self, channel: Channel, token: str, settings: Settings, reception: Callable[[Asking], Reception], shared: mmap.mmap
    ) -> None:  # fmt: skip
        self._channel = channel
        self._shared = shared
        self.settings = settings
        self.token = token
        self.handlers = reception(self).handlers

    # --- the host of an association ----------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether the gate ends."""
        return bool(self._shared[messages.STOPPING])

    def admit(self, association: Association) -> bool:
        """Take a place among the established associations, if there is one."""
        return self._place(messages.Admitted())

    def rename(self, association: Association) -> bool:
        """The address of a connection is known now; whether there is a place for it."""
        return self._place(messages.Renamed(association.peer))

    def leave(self, association: Association) -> None:
        """The association has ended: the gate sees it at the end of the connection."""
        self._channel.close()

    # --- the desk ----------------------------------------------------------------------------------

    def full(self) -> bool:
        """Whether there is so little space that associations that run have to end."""
        return bool(self._shared[messages.FULL])

    def requested(self, request: AssociateRequest, peer: str) -> Rejection | None:
        """Whether an association is rejected."""
        reply = self._ask(messages.Requested(request, peer))
        if not isinstance(reply, messages.Rejected):
            raise Gone
        return reply.rejection

    def arrived(self, part: Path, arrival: Arrival) -> Answer:
        """The answer to an instance whose bytes are safe. Raises ``OSError`` where it cannot be taken."""
        return self._answer(messages.Arrived(part.name, arrival))

    def acted(self, action: Action) -> Answer:
        """The answer to an N-ACTION. Raises ``OSError``."""
        return self._answer(messages.Acted(action))

    def not_taken(self, uid: str, sender: str, peer: str, answer: Answer) -> None:
        """Told of an instance that never came to be decided."""
        self._tell(messages.NotTaken(uid, sender, peer, answer))

    def ended(self, facts: AssociationFacts, coming: str) -> None:
        """Told of each connection."""
        self._tell(messages.Ended(facts, coming))

    def _place(self, call: messages.Admitted | messages.Renamed) -> bool:
        reply = self._ask(call)
        return isinstance(reply, messages.Place) and reply.free

    def _answer(self, call: messages.Arrived | messages.Acted) -> Answer:
        reply = self._ask(call)
        if isinstance(reply, messages.Answered):
            return reply.answer
        raise OSError(reply.why if isinstance(reply, messages.Failed) else "no answer of the gate")

    def _ask(self, call: messages.Call) -> messages.Reply:
        try:
            self._channel.send(call)
            return self._channel.reply()
        except (OSError, EOFError) as error:
            # An OSError would be answered with A700H, but the gate may have taken it before it was gone.
            raise Gone from error

    def _tell(self, call: messages.Call) -> None:
        try:
            self._channel.send(call)
        except OSError as error:
            raise Gone from error


def main(fd: int, shared_fd: int) -> None:
    """Serve until the gate is gone."""
    # The gate ends this process; a signal to all of its group must not cut what it can still end in order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    threading.excepthook = on_defect(json_log())
    control = socket.socket(fileno=fd)
    shared = mmap.mmap(shared_fd, messages.SHARED_BYTES, prot=mmap.PROT_READ)
    start: Start = pickle.loads(control.recv(1 << 20))
    try:
        classes = classes_of(start.listen.sop_classes)
        settings = acceptor_settings(
            start.listen, start.base, start.directory, classes, commits=start.commits
        )
    except (OSError, DcmlintError):
        return  # the gate has read the same settings before, and says so when this process is gone
    reception = partial(Reception, classes=classes, commits=start.commits)
    control.send(b"ready")
    decoder = msgspec.msgpack.Decoder(Connected)
    while True:
        data, fds, _, _ = socket.recv_fds(control, messages.MAX_CONNECTED_BYTES, 2)
        if not data:
            os._exit(0)  # whatever its threads wait for
        if (
            len(fds) < 2
        ):  # more descriptors than this process may have: the gate sees that the connection is gone
            for one in fds:
                os.close(one)
            continue
        connected = decoder.decode(data)
        sock, asking = socket.socket(fileno=fds[0]), Channel(socket.socket(fileno=fds[1]))
        _begin(connected, sock, Asking(asking, connected.token, settings, reception, shared))


def _begin(connected: Connected, sock: socket.socket, asking: Asking) -> None:
    association = Association(asking, sock, connected.peer, connected.port, connected.number, connected.began)
    prepare(sock)
    thread = threading.Thread(target=_run, args=(association,), daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no thread to be had
        sock.close()
        asking.leave(association)


def _run(association: Association) -> None:
    try:
        association.run()
    except Gone:
        pass  # the association was aborted, and the gate, if it is there, tells of it


if __name__ == "__main__":
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    main(int(sys.argv[1]), int(sys.argv[2]))
