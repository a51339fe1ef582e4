"""A limit of time for one file, in whatever thread it is checked, and of memory for a process."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# How long an exception that was sent to a thread may take to arrive (seconds).
_ARRIVAL = 1.0


class TimeLimitError(BaseException):
    """Raised within a check that took too long; nothing that guards rules catches it."""


class Watch:
    """Watches what one thread does, one piece of work after the other.

    ``seconds``: for each piece; None or 0 for no limit.  It is met between two steps of Python code, up to a quarter
    late.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds or 0.0
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._thread = 0
        self._fired = False
        self._closed = threading.Event()
        if self._seconds:
            threading.Thread(target=self._watch, daemon=True, name="time limit").start()

    def run(self, work: Callable[[], T]) -> T:
        """Do a piece of work; raises `TimeLimitError` where it takes too long."""
        if not self._seconds:
            return work()
        done: list[T] = []
        try:
            with self._lock:
                self._thread, self._fired = threading.get_ident(), False
                self._deadline = time.monotonic() + self._seconds
            done.append(work())
            if self._disarmed():
                time.sleep(_ARRIVAL)  # it is on its way: it must not arrive in the next piece of work
        except TimeLimitError:
            self._disarmed()
            if not done:
                raise
        return done[0]

    def close(self) -> None:
        """End the watching."""
        self._closed.set()

    def _disarmed(self) -> bool:
        with self._lock:
            self._deadline = None
            return self._fired

    def _watch(self) -> None:
        while not self._closed.wait(min(1.0, self._seconds / 4)):
            with self._lock:
                if self._deadline is not None and time.monotonic() > self._deadline:
                    self._deadline, self._fired = None, True
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self._thread), ctypes.py_object(TimeLimitError)
                    )


def limit_memory(size: int | None) -> None:
    """Let this process allocate no more than so many bytes; where the system has no such limit, nothing happens.

    Files that are mapped do not count.
    """
    if not size:
        return
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
