"""One thread that writes: it commits together what waits, so that a sync is shared by all who need one."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

_T = TypeVar("_T")
Work = Callable[[sqlite3.Connection], Any]
_Item = tuple[Work, Future[Any], bool]  # what is done, who waits for it, and whether it is vital

_TOGETHER = 512  # pieces of work in one commit
# SQLite's primary result codes (https://sqlite.org/rescode.html): a full disk, or one that fails.
_FULL = 13
_SYNC_FAILED = frozenset({1034, 1290})  # SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC


class JournalError(OSError):
    """The journal cannot be written: nothing that depends on it may be answered with success."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return."""
    db = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    # FULL: the log is synchronised at each commit; with NORMAL a power cut takes the last ones back.
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA secure_delete=ON")  # who the patient was is gone with the file of the instance
    return db


class Writer:
    """Runs pieces of work in one transaction after the other.

    ``on_full`` makes room when the disk is full: for vital work, without which no space would ever be freed; other work
    is given up. ``broken``: a sync has failed.
    The system may then take for written what is not on the disk, so that no later sync can be believed either:
    nothing is written any more until the journal is opened anew.
    """

    def __init__(self, path: Path, on_full: Callable[[], None] = lambda: None) -> None:
        self._db = connect(path)
        self._on_full = on_full
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self.broken = False
        self._lock = threading.Lock()
        self.commits = 0
        self.observe: Callable[[float], None] = lambda seconds: None
        self._thread = threading.Thread(target=self._run, name="gate-journal", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], _T], *, vital: bool = True) -> Future[_T]:
        """Do it with the next commit; the future is done when it is on the disk."""
        future: Future[_T] = Future()
        with self._lock:
            if self._closed or self.broken:
                raise JournalError(
                    "the journal is closed" if self._closed else "a sync of the journal has failed"
                )
            self._queue.put((work, future, vital))
        return future

    def do(self, work: Callable[[sqlite3.Connection], _T], *, vital: bool = True) -> _T:
        """Do it and wait until it is on the disk; raises ``JournalError`` where it cannot be."""
        return self.submit(work, vital=vital).result()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            batch = [] if item is None else [item]
            while item is not None and len(batch) < _TOGETHER:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is not None:
                    batch.append(item)
            if batch:
                self._commit(batch)
            if item is None:
                self._db.close()
                return

    def _commit(self, batch: list[_Item]) -> None:
        began = monotonic()
        try:
            try:
                done = self._transaction(batch)
            except sqlite3.OperationalError as error:
                vital = [item for item in batch if item[2]]
                if _code(error) & 0xFF != _FULL or not vital:
                    raise
                self._give_up([item for item in batch if not item[2]], error)
                batch = vital
                self._on_full()
                done = self._transaction(batch)
        except Exception as error:  # noqa: BLE001 - it is given to everybody who waits, and the thread goes on
            self.broken = self.broken or _code(error) in _SYNC_FAILED
            self._give_up(batch, error)
            return
        self.commits += 1
        self.observe(monotonic() - began)
        for (_, future, _), (value, failure) in zip(batch, done, strict=True):
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(value)

    def _give_up(self, batch: list[_Item], error: Exception) -> None:
        for _, future, _ in batch:
            future.set_exception(JournalError(f"the journal cannot be written: {error}"))

    def _transaction(self, batch: list[_Item]) -> list[tuple[Any, Exception | None]]:
        """All in one transaction; what fails for a reason of its own takes only itself back."""
        done: list[tuple[Any, Exception | None]] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for work, _, _ in batch:
                self._db.execute("SAVEPOINT one")
                try:
                    done.append((work(self._db), None))
                except sqlite3.OperationalError:
                    raise  # of the disk, or of the whole database
                except Exception as error:  # noqa: BLE001 - it is given to whoever asked for the work
                    self._db.execute("ROLLBACK TO one")
                    done.append((None, error))
                self._db.execute("RELEASE one")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return done


def _code(error: Exception) -> int:
    """SQLite's extended result code; 0 for another error."""
    return int(getattr(error, "sqlite_errorcode", 0))
