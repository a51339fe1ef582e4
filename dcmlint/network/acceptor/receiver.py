"""An acceptor for C-ECHO and C-STORE: a thread for each association, data sets straight to files.

It decodes nothing of a data set, and its memory does not grow with it. Whoever receives decides the
status: ``Handlers.on_instance`` is called once the file is closed (and safe on the disk, if asked),
before anything is answered, so that a gate can check, move and journal first; whatever goes wrong
before a success is answered leaves the instance with its sender.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Protocol

from dcmlint.errors import InputError
from dcmlint.network.acceptor.association import Association
from dcmlint.network.acceptor.crowd import Crowd
from dcmlint.network.acceptor.proxy import within
from dcmlint.network.acceptor.settings import Handlers, ReceivedInstance, Settings, Timeouts
from dcmlint.network.wire.connection import prepare

__all__ = ["Handlers", "ReceivedInstance", "Receiver", "Settings", "Timeouts"]


class Served(Protocol):
    """A connection as its acceptor sees it: its number, its address, and its thread."""

    number: int
    peer: str

    def run(self) -> None:
        """The whole life of its thread; ``Receiver.leave`` is the last that it calls."""

    def interrupt(self) -> None:
        """Wake the thread wherever it waits; called from another one."""


class Receiver:
    """A listening acceptor; use it as a context manager, or ``start`` and ``stop`` it.

    ``serve`` makes what is run for a connection: of the receiver, the socket, address and port of the peer, a number, and
    when the connection came (monotonic time).
    """

    def __init__(
        self,
        settings: Settings,
        handlers: Handlers,
        serve: Callable[[Receiver, socket.socket, str, int, int, float], Served] = Association,
    ) -> None:
        self.settings = settings
        self.handlers = handlers
        self._serve = serve
        # In the names of files, so that what an earlier process left behind is in nobody's way.
        self.token = os.urandom(4).hex()
        self.crowd = Crowd(settings)
        self.received = 0
        self._listener: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._woken: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._open: dict[int, Served] = {}
        self._stopping = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are listened on."""
        if self._listener is None:
            raise InputError("the receiver is not listening")
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping

    def start(self) -> Receiver:
        """Listen; raises ``InputError`` where the address or the directory cannot be had."""
        if not os.access(self.settings.directory, os.W_OK | os.X_OK):
            raise InputError(f"{self.settings.directory}: not a directory that can be written to")
        family = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name != "nt":  # there it would let others take the port away
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.settings.host, self.settings.port))
            listener.listen(min(self.settings.max_connections, socket.SOMAXCONN))
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise InputError(
                f"cannot listen on {self.settings.host}:{self.settings.port}: {error.strerror or error}"
            ) from error
        self._listener = listener
        # A blocking accept cannot be woken on every system: a byte here ends the waiting.
        self._waker, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name="dcmlint-accept", daemon=True)
        self._acceptor.start()
        return self

    def listen_no_more(self, timeout: float = 5.0) -> None:
        """Take no connection any more; what is open goes on."""
        self._stopping = True
        if self._acceptor is not None and self._waker is not None and self._woken is not None:
            self._waker.send(b"!")
            self._acceptor.join(timeout)
            self._waker.close()
            self._woken.close()
            self._acceptor = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def stop(self, timeout: float = 5.0) -> None:
        """Listen no more, end what is open, and wait up to ``timeout`` seconds for it."""
        self.listen_no_more(timeout)
        with self._lock:
            for association in self._open.values():
                association.interrupt()
        self.wait(timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no connection is open; whether that came about within ``timeout`` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._open, timeout)

    def __enter__(self) -> Receiver:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def turned_away(self) -> int:
        """Connections that were closed because too many were open."""
        return sum(self.crowd.turned_away.values())

    def admit(self, association: Served) -> bool:
        """Take a place among the established associations, if there is one."""
        with self._lock:
            return self.crowd.admit(association.number)

    def rename(self, association: Served) -> bool:
        """The address of a connection is known now, from a proxy; whether there is a place for it."""
        with self._lock:
            self.crowd.leave(association.number)
            return self.crowd.enter(association.number, association.peer)

    def leave(self, association: Served) -> None:
        """An association has ended, and its facts were handed over."""
        with self._idle:
            self._open.pop(association.number, None)
            self.crowd.leave(association.number)
            self._idle.notify_all()

    def _accept(self) -> None:
        listener, woken = self._listener, self._woken
        if listener is None or woken is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._stopping:
                selector.select()
                if self._stopping:
                    return
                try:
                    sock, peer = listener.accept()
                except BlockingIOError:
                    continue
                except OSError:
                    # Out of descriptors, or a connection that was gone before it was taken.
                    sleep(0.05)
                    continue
                sock.setblocking(True)
                self._begin(sock, peer)

    def _begin(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        address = str(peer[0])
        with self._lock:
            number = self.received + 1
            # A proxy speaks for others, who are counted once it has said who they are.
            whose = "" if within(address, self.settings.proxies) else address
            if self._stopping or not self.crowd.enter(number, whose):
                sock.close()
                return
            self.received = number
            association = self._serve(self, sock, address, int(peer[1]), number, monotonic())
            self._open[number] = association
        prepare(sock)
        thread = threading.Thread(target=association.run, name=f"dcmlint-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had
            sock.close()
            self.leave(association)
            self.crowd.turn_away(address)
