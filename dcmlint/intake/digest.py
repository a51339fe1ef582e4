"""SHA-256 of what comes in; of a large instance in a thread of its own, beside the one that reads and writes."""

from __future__ import annotations

import hashlib
import queue
import threading

_DIRECT = 16 << 20  # up to here a thread would cost more than it saves
_PIECE = 1 << 20
_WAITING = 16  # pieces: what comes faster than it can be hashed has to wait


class Digest:
    """Updated in order; ``close`` ends its thread, if it has one."""

    __slots__ = ("_made", "_pending", "_queue", "_size", "_thread")

    def __init__(self) -> None:
        self._made = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()
        self._queue: queue.Queue[bytearray | None] | None = None
        self._thread: threading.Thread | None = None

    def update(self, data: memoryview) -> None:
        """Take in bytes; they may be written over afterwards."""
        self._size += len(data)
        if self._size <= _DIRECT:
            self._made.update(data)
            return
        self._pending += data
        if len(self._pending) >= _PIECE:
            self._hand_over()

    def close(self) -> None:
        """Finish what was handed over."""
        if self._queue is not None and self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._queue = self._thread = None

    def hexdigest(self) -> str:
        """The digest of everything so far."""
        self.close()
        self._made.update(self._pending)
        self._pending = bytearray()
        return self._made.hexdigest()

    def _hand_over(self) -> None:
        if self._queue is None:
            self._queue = queue.Queue(_WAITING)
            self._thread = threading.Thread(
                target=self._run, args=(self._queue,), name="dcmlint-digest", daemon=True
            )
            self._thread.start()
        self._queue.put(self._pending)
        self._pending = bytearray()

    def _run(self, pieces: queue.Queue[bytearray | None]) -> None:
        while (piece := pieces.get()) is not None:
            self._made.update(piece)
