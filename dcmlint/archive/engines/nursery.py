"""A process that forks others: each begins with all modules and rules that this one has loaded, in a few milliseconds.

It is made while there is one thread here: what is forked from several may wait forever for a lock that none of its threads
holds.  Elsewhere, and where the system cannot do it, processes are spawned.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import struct
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from dcmlint.forking import leave_signals_to_parent

if TYPE_CHECKING:  # slow to load, and not needed where nothing is left to do
    from multiprocessing.connection import Connection

_PID = struct.Struct("i")
Serve = Callable[["Connection"], None]


class Forked:
    """A process that the nursery has forked; the methods are those of `multiprocessing.Process`.  Raises OSError."""

    def __init__(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended(0.0)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, so many seconds at most."""
        self._ended(timeout)

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def close(self) -> None:
        """Forget it."""
        os.close(self._handle)

    def _ended(self, timeout: float | None) -> bool:
        waiting = select.poll()
        waiting.register(self._handle, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else 1000 * timeout))

    def _send(self, what: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, what)


class Nursery:
    """Forks processes that serve a connection each.

    ``prepare`` is called once in it, before it forks first; ``serve`` in each process.  Made where `can_fork`; raises OSError.
    """

    def __init__(self, prepare: Callable[[], None], serve: Serve) -> None:
        self._socket, there = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = _fork()
        if not self._pid:
            _end_with(lambda: _run(there, prepare, serve))
        there.close()

    def process(self) -> tuple[Forked, Connection]:
        """A new process, and this end of its connection.  Raises OSError."""
        from multiprocessing import Pipe

        here, there = Pipe()
        try:
            socket.send_fds(self._socket, [b"\0"], [there.fileno()])
            data = self._socket.recv(_PID.size, socket.MSG_WAITALL)
            if len(data) < _PID.size:
                raise ConnectionResetError
            return Forked(*_PID.unpack(data)), here
        except OSError:
            here.close()
            raise
        finally:
            there.close()

    def close(self) -> None:
        """End, once all processes have ended."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _fork() -> int:
    with warnings.catch_warnings():  # of threads, which `can_fork` has looked at
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _end_with(work: Callable[[], None]) -> NoReturn:
    """Do what a forked process does, which never comes back to what its parent was about to do."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _run(there: socket.socket, prepare: Callable[[], None], serve: Serve) -> None:
    leave_signals_to_parent()
    _forget_files(there.fileno())
    from multiprocessing.connection import Connection

    prepared = False
    while True:
        data, files, _, _ = socket.recv_fds(there, 1, 1)
        if not data:
            break
        if not prepared:
            prepare()
            gc.freeze()  # what stays untouched stays shared
            prepared = True
        _reap(os.WNOHANG)
        (file,) = files
        pid = _fork()
        if not pid:
            there.close()
            _end_with(lambda: serve(Connection(file)))  # noqa: B023 - which is called at once
        os.close(file)
        there.sendall(_PID.pack(pid))
    _reap(0)


def _reap(how: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def _forget_files(but: int) -> None:
    """Let go of files that the parent has open, such as its lock; their numbers stay taken by nothing."""
    empty = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        if number not in (1, 2, but, empty):
            with contextlib.suppress(OSError):
                os.fstat(number)  # the folder that was listed is closed again
                os.dup2(empty, number)
    os.close(empty)
