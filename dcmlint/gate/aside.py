"""What is told of an instance once its answer is fixed: in a thread of its own, so that no sender waits for a log."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from time import sleep
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 5000  # that wait; who brings more waits for those that read the log, as each would without this
_MOMENT = 0.02  # seconds in which more may come: a thread that wakes for each takes the interpreter from those that receive


class Aside(Generic[T]):
    """Calls ``tell`` with what it is given, in the order in which that came; ``close`` tells what waits, and ends."""

    def __init__(self, tell: Callable[[T], None], name: str) -> None:
        self._tell = tell
        self._waiting: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_MOST)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __call__(self, what: T) -> None:
        """Have it told soon; at once where this is closed."""
        if self._closed:
            self._tell(what)
            return
        self._room.acquire()
        self._waiting.put(what)

    def close(self, seconds: float) -> None:
        """Tell what waits, for so long."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (what := self._waiting.get()) is not None:
            try:
                self._tell(what)
            finally:
                self._room.release()
            if self._waiting.empty() and not self._closed:
                sleep(_MOMENT)
