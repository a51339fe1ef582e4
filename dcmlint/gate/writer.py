"""One thread that writes: it commits together what waits, so that a sync is shared by all who need one."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Generic, Protocol, TypeVar

import msgspec


class Transaction(Protocol):
    """What pieces of work get, all of a commit the same one."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> sqlite3.Cursor:
        """A statement of any kind."""

    def expect(self, uids: Iterable[str]) -> None:
        """The UIDs whose rows will be read."""

    def flush(self) -> None:
        """Write what was put off."""


T = TypeVar("T")
C = TypeVar("C", bound=Transaction)


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What is special about a piece of work.

    ``vital``: it is done from the reserve where the disk is full. ``urgent``: a sender or a person waits for it; what is
    not urgent is put together for a moment. ``first``: done before it, once for all that are committed together.
    ``reads``: a UID whose rows it reads.
    """

    vital: bool = True
    urgent: bool = True
    first: Callable[[], None] | None = None
    reads: str = ""


_NOTHING = Needs()


class _Item(Generic[C]):
    """A piece of work, who waits for it, and what it needs."""

    __slots__ = ("future", "needs", "work")

    def __init__(self, work: Callable[[C], Any], future: Future[Any], needs: Needs) -> None:
        self.work, self.future, self.needs = work, future, needs


_TOGETHER = 512  # pieces of urgent work in one commit
# Seconds that work which is not urgent waits for more: at most, and while nothing urgent comes.
_PUT_TOGETHER, _QUIET = 0.1, 0.01
_LOG_PAGES = 4000  # of the write-ahead log, 16 MB, before it is written into the database: each page once
_BUSY_SECONDS = 10.0  # for which another process may keep the journal to itself
# SQLite's result codes (https://sqlite.org/rescode.html): a database in use, a full disk, or one that fails.
_BUSY, _FULL = 5, 13
_SYNC_FAILED = frozenset({1034, 1290})  # SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC


class JournalError(OSError):
    """The journal cannot be written: nothing that depends on it may be answered with success."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return."""
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    _log_ahead(db)
    # FULL: the log is synchronised at each commit; with NORMAL a power cut takes the last ones back.
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA secure_delete=ON")  # who the patient was is gone with the file of the instance
    db.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    db.execute("PRAGMA temp_store=MEMORY")  # what a savepoint may take back is no file
    return db


def _log_ahead(db: sqlite3.Connection) -> None:
    """Have a write-ahead log. SQLite does not wait here for another process that is doing the same to a new file."""
    end = monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if _code(error) & 0xFF != _BUSY or monotonic() > end:
                raise
            sleep(_BUSY_SECONDS / 200)
        else:
            return


class Writer(Generic[C]):
    """Runs pieces of work in one transaction after the other; ``begin`` makes what they work on.

    ``on_full`` makes room when the disk is full: for vital work, without which no space would ever be freed; other work
    is given up. ``broken``: a sync has failed.
    The system may then take for written what is not on the disk, so that no later sync can be believed either:
    nothing is written any more until the journal is opened anew.
    """

    def __init__(
        self, path: Path, begin: Callable[[sqlite3.Connection], C], on_full: Callable[[], None] = lambda: None
    ) -> None:
        self._db = connect(path)
        self._begin = begin
        self._on_full = on_full
        self._queue: queue.SimpleQueue[_Item[C] | None] = queue.SimpleQueue()
        self._closed = False
        self.broken = False
        self._lock = threading.Lock()
        self.commits = 0
        self.observe: Callable[[float], None] = lambda seconds: None
        self._thread = threading.Thread(target=self._run, name="gate-journal", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[C], T], needs: Needs = _NOTHING) -> Future[T]:
        """Do it with the next commit; the future is done when it is on the disk.

        Work that raises an error must be able to be done a second time.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed or self.broken:
                raise JournalError(
                    "the journal is closed" if self._closed else "a sync of the journal has failed"
                )
            self._queue.put(_Item(work, future, needs))
        return future

    def do(self, work: Callable[[C], T], needs: Needs = _NOTHING) -> T:
        """Do it and wait until it is on the disk; raises ``JournalError`` where it cannot be."""
        return self.submit(work, needs).result()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[_Item[C]] = []  # what is not urgent
        until = 0.0  # when it is committed, whatever comes
        over = False
        while not over:
            batch, over = self._gathered(min(until - monotonic(), _QUIET) if waiting else None)
            came = [item for item in batch if not item.needs.urgent]
            if came and not waiting:
                until = monotonic() + _PUT_TOGETHER
            waiting += came
            urgent = [item for item in batch if item.needs.urgent]
            if over or not batch or monotonic() >= until:
                urgent, waiting = urgent + waiting, []
            if urgent:
                self._commit(urgent)
        self._db.close()

    def _gathered(self, seconds: float | None) -> tuple[list[_Item[C]], bool]:
        """What has come, waited for if there is nothing; and whether it is the last."""
        batch: list[_Item[C]] = []
        try:
            item = self._queue.get(timeout=seconds if seconds is None else max(seconds, 0.0))
            while item is not None:
                batch.append(item)
                if len(batch) == _TOGETHER:
                    return batch, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _commit(self, batch: list[_Item[C]]) -> None:
        began = monotonic()
        batch = self._prepared(batch)
        if not batch:
            return
        changes = self._db.total_changes
        try:
            try:
                done = self._transaction(batch)
            except sqlite3.OperationalError as error:
                vital = [item for item in batch if item.needs.vital]
                if _code(error) & 0xFF != _FULL or not vital:
                    raise
                _give_up([item for item in batch if not item.needs.vital], error)
                batch = vital
                self._on_full()
                done = self._transaction(batch)
        except Exception as error:  # noqa: BLE001 - it is given to everybody who waits, and the thread goes on
            self.broken = self.broken or _code(error) in _SYNC_FAILED
            _give_up(batch, error)
            return
        if self._db.total_changes != changes:  # else nothing was written: a queue was asked, and is empty
            self.commits += 1
            self.observe(monotonic() - began)
        for item, (value, failure) in zip(batch, done, strict=True):
            if failure is not None:
                item.future.set_exception(failure)
            else:
                item.future.set_result(value)

    def _prepared(self, batch: list[_Item[C]]) -> list[_Item[C]]:
        """Do what is to be done before; gives the work that can be committed."""
        for first in {item.needs.first for item in batch if item.needs.first is not None}:
            try:
                first()
            except OSError as error:
                _give_up([item for item in batch if item.needs.first is first], error)
                batch = [item for item in batch if item.needs.first is not first]
        return batch

    def _transaction(self, batch: list[_Item[C]]) -> list[tuple[Any, Exception | None]]:
        """All in one transaction; what fails for a reason of its own takes only itself back."""
        try:
            return self._attempt(batch, apart=False)
        except sqlite3.OperationalError:
            raise  # of the disk, or of the whole database
        except Exception:  # noqa: BLE001 - whose it is shows when each is written for itself
            return self._attempt(batch, apart=True)

    def _attempt(self, batch: list[_Item[C]], *, apart: bool) -> list[tuple[Any, Exception | None]]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            done: list[tuple[Any, Exception | None]]
            if apart:
                done = [self._alone(item) for item in batch]
            else:
                change = self._begin(db)
                change.expect(item.needs.reads for item in batch if item.needs.reads)
                done = [(item.work(change), None) for item in batch]
                change.flush()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return done

    def _alone(self, item: _Item[C]) -> tuple[Any, Exception | None]:
        value, failure = None, None
        self._db.execute("SAVEPOINT one")
        try:
            change = self._begin(self._db)
            value = item.work(change)
            change.flush()
        except sqlite3.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - it is given to whoever asked for the work
            self._db.execute("ROLLBACK TO one")
            failure = error
        self._db.execute("RELEASE one")
        return value, failure


def _give_up(batch: list[_Item[C]], error: Exception) -> None:
    for item in batch:
        item.future.set_exception(JournalError(f"the journal cannot be written: {error}"))


def _code(error: Exception) -> int:
    """SQLite's extended result code; 0 for another error."""
    return int(getattr(error, "sqlite_errorcode", 0))
