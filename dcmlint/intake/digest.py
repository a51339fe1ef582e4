"""SHA-256 of what comes in; of a large instance in a thread of its own, which reads what was written to the file.

So the thread that receives neither hashes nor copies, and what is not hashed yet takes no memory.
"""

from __future__ import annotations

import hashlib
import threading
from io import FileIO

_DIRECT = 16 << 20  # up to here a thread would cost more than it saves
_PIECE = 1 << 20


class Digest:
    """Updated in order with what is in the file at ``path`` already, which has ``offset`` other bytes before it.

    ``close`` ends its thread, if it has one; it raises ``OSError`` where the file could not be read.
    """

    __slots__ = (
        "_changed",
        "_error",
        "_hashed",
        "_made",
        "_offset",
        "_over",
        "_path",
        "_size",
        "_thread",
        "_told",
    )

    def __init__(self, path: str = "", offset: int = 0) -> None:
        self._path, self._offset = path, offset
        self._made = hashlib.sha256()
        self._size = self._hashed = self._told = 0
        self._over = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def update(self, data: memoryview) -> None:
        """Take in bytes, which are in the file; they may be written over afterwards."""
        self._size += len(data)
        if self._size <= _DIRECT:
            self._made.update(data)
            self._hashed = self._told = self._size
        elif self._size - self._told >= _PIECE:
            self._tell(over=False)

    def close(self) -> None:
        """Finish what is in the file."""
        if self._told < self._size and not self._over:
            self._tell(over=True)
        self._end()
        if self._error is not None:
            raise self._error

    def drop(self) -> None:
        """End, whatever is not hashed yet."""
        self._told = 0
        self._end()

    def hexdigest(self) -> str:
        """The digest of everything; raises ``OSError`` as ``close`` does."""
        self.close()
        return self._made.hexdigest()

    def _tell(self, *, over: bool) -> None:
        with self._changed:
            self._told = self._size
            self._over = over
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="dcmlint-digest", daemon=True)
            self._thread.start()

    def _end(self) -> None:
        if self._thread is None:
            return
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        try:
            with open(self._path, "rb", buffering=0) as file:
                file.seek(self._offset + self._hashed)
                self._follow(file)
        except OSError as error:
            self._error = error

    def _follow(self, file: FileIO) -> None:
        block = memoryview(bytearray(_PIECE))
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._over or self._told > self._hashed)
            if self._told <= self._hashed:
                return
            while (due := self._told - self._hashed) > 0:
                count = file.readinto(block[:due])
                if not count:
                    raise OSError("the file became shorter while it was written")
                self._made.update(block[:count])
                self._hashed += count
