"""The journal: what the gate has answered for, where it is, and everything that happened to it.

A table of instances, a table of their deliveries, and a table of events that nobody can change. One thread
writes (`writer`); reading needs no lock. Another store (with an object store behind it, say) would have the
methods of this class and no more.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any
from weakref import WeakSet

from dcmlint.errors import UsageError
from dcmlint.gate import decisions
from dcmlint.gate.change import Change
from dcmlint.gate.records import Arrival, Delivery, Event, Outcome, Row, State, Taken
from dcmlint.gate.tables import (
    DELIVERY,
    EVENT,
    FIRST_UNCHECKED,
    ROW,
    delivery_of,
    ended,
    event_of,
    forget,
    prepare,
    row_of,
)
from dcmlint.gate.writer import Needs, Writer, connect
from dcmlint.intake.verdict import Brief, Verdict


class Journal:
    """The journal in a file; ``destinations`` are the names of where an accepted instance goes.

    ``on_full`` makes room when the disk is full; ``exists`` says whether a file is in the spool; ``names_safe`` makes
    the names in the spool outlive a power cut.
    """

    def __init__(
        self,
        path: Path,
        destinations: Sequence[str] = (),
        on_full: Callable[[], None] = lambda: None,
        exists: Callable[[str], bool] = lambda file: True,
        names_safe: Callable[[], None] = lambda: None,
    ) -> None:
        try:
            with closing(connect(path)) as db:
                prepare(db)
        except sqlite3.Error as error:
            raise UsageError(f"{path}: the journal cannot be opened: {error}") from None
        self.path = path
        self.destinations = tuple(destinations)
        self.exists = exists
        self._names_safe = names_safe
        self.writer = Writer(path, lambda db: Change(db, self.destinations, self.exists), on_full)
        self._local = threading.local()
        self._readers: WeakSet[_Reader] = WeakSet()
        self._lock = threading.Lock()

    # --- what changes it -------------------------------------------------------------------------

    def take(
        self, arrival: Arrival, verdict: Verdict | None, *, waits: bool = False, observe: bool = False
    ) -> Taken:
        """Make the row of an arrival, compared with what came before under its UID. The name of its file, and then the
        row, are on the disk when this returns.

        ``verdict`` None: it is still being checked. ``waits``: what is accepted waits for its study.
        ``observe``: nothing is held for its UID.
        """
        return self.take_soon(arrival, verdict, waits=waits, observe=observe).result()

    def take_soon(
        self, arrival: Arrival, verdict: Verdict | None, *, waits: bool = False, observe: bool = False
    ) -> Future[Taken]:
        """The same, not waited for."""
        needs = Needs(vital=False, first=self._names_safe, reads=arrival.sop_instance)
        return self.writer.submit(
            lambda change: decisions.take(change, arrival, verdict, waits, observe), needs
        )

    def settle(self, number: int, uid: str, verdict: Verdict, *, waits: bool = False) -> Future[State]:
        """Have the verdict written on an instance that was taken before it was known; its state is known then."""
        needs = Needs(urgent=False, reads=uid)
        return self.writer.submit(lambda change: decisions.settle(change, number, uid, verdict, waits), needs)

    def move(
        self, numbers: Iterable[int], state: State, *, who: str, why: str, only: Sequence[State] = (),
        findings: Sequence[Brief] = (),
    ) -> list[int]:  # fmt: skip
        """Change the state of instances (those in a state of ``only``); gives which were changed.

        ``queued`` makes or renews their deliveries, ``discarded`` ends them. ``findings``: of their study, for each of them.
        """
        wanted = list(numbers)
        return self.writer.do(lambda change: decisions.move(change, wanted, state, who, why, only, findings))

    def note(
        self, number: int, *, who: str, why: str, what: str = "note", findings: Sequence[Brief] = ()
    ) -> None:
        """Add an event to an instance that changes nothing else, and perhaps findings of its study."""

        def work(change: Change) -> None:
            row = change.row(number)
            change.event(row, what, who, why)
            decisions.add_findings(change, row, findings)

        self.writer.do(work)

    def trace(self, uid: str, *, who: str, why: str, what: str) -> None:
        """Add an event about something that never became an instance; written soon, and not waited for."""
        self.writer.submit(lambda change: change.trace(uid, what, who, why), Needs(vital=False, urgent=False))

    def exchange(
        self, destination: str, outcomes: Sequence[Outcome], *, lane: int = 0, lanes: int = 1, limit: int = 32
    ) -> list[Delivery]:
        """Write what became of deliveries and claim the next ones, with one commit.

        In the order in which they came, and none while an earlier one of its study is not delivered yet.
        """
        return self.writer.do(
            lambda change: decisions.exchange(change, destination, outcomes, lane, lanes, limit),
            Needs(urgent=False),
        )

    def remove(self, numbers: Iterable[int], why: str) -> None:
        """Write that the files of instances are removed: before they are."""
        wanted = list(numbers)

        def work(change: Change) -> None:
            change.load(wanted)
            for number in wanted:
                change.update(number, kept=False, member=b"", patient=b"")
                change.event(change.row(number), "file removed", "gate", why)

        self.writer.do(work)

    def forget(self, before: float, limit: int) -> int:
        """Remove the history of what ended before a time and has no file here any more; gives how many rows.

        An instance that is not delivered, refused, replaced or given up is never forgotten.
        """
        if not any(self.read(sql, *values) for sql, values in ended(before, 1)):
            return 0  # and nothing is written
        return self.writer.do(lambda change: forget(change, before, limit))

    def restart(self) -> None:
        """Begin anew what an earlier process had begun and not ended."""
        sql = "UPDATE deliveries SET state='queued' WHERE state='sending'"
        self.writer.do(lambda change: change.execute(sql) and None)

    def close(self) -> None:
        """Write what waits, and close."""
        self.writer.close()
        with self._lock:
            for reader in self._readers:
                reader.db.close()
            self._readers.clear()

    # --- what reads it ---------------------------------------------------------------------------

    def rows(self, where: str, *values: object, limit: int = -1) -> list[Row]:
        """The instances that a condition of SQL selects, in the order in which they came."""
        sql = f"SELECT {ROW} FROM instances WHERE {where} ORDER BY id LIMIT {limit:d}"
        return [row_of(values) for values in self.read(sql, *values)]

    def unchecked(self, limit: int) -> list[Row]:
        """The instances that are not checked yet, those that came first."""
        sql = f"SELECT {ROW} FROM instances WHERE state='checking' ORDER BY received LIMIT ?"
        return [row_of(values) for values in self.read(sql, limit)]

    def first_unchecked(self, study: str) -> int | None:
        """The first instance of a study whose verdict is not known yet."""
        found: int | None = self.read(FIRST_UNCHECKED, study)[0][0]
        return found

    def find(self, uid: str) -> list[Row]:
        """Everything that came under a SOP Instance UID."""
        return self.rows("uid=?", uid)

    def files(self) -> dict[str, tuple[int, str, str]]:
        """The files that should be in the spool: number, SOP Instance UID and state of each."""
        sql = (
            "SELECT file, id, uid, state FROM instances WHERE kept=1 UNION ALL "
            "SELECT repaired, id, uid, state FROM instances WHERE kept=1 AND repaired<>''"
        )
        return {file: (number, uid, state) for file, number, uid, state in self.read(sql)}

    def events(self, number: int) -> list[Event]:
        """The history of an instance."""
        sql = f"SELECT {EVENT} FROM events WHERE instance=? ORDER BY id"
        return [event_of(values) for values in self.read(sql, number)]

    def traces(self, uid: str) -> list[Event]:
        """What is known of attempts under a UID that never became an instance."""
        sql = f"SELECT {EVENT} FROM events WHERE uid=? AND instance=0 ORDER BY id"
        return [event_of(values) for values in self.read(sql, uid)]

    def deliveries(self, number: int) -> list[Delivery]:
        """Where an instance goes, and how far it is."""
        sql = f"SELECT {DELIVERY} FROM deliveries d JOIN instances i ON i.id=d.instance WHERE d.instance=?"
        return [delivery_of(values) for values in self.read(sql, number)]

    def members(self, study: str) -> list[tuple[int, bytes]]:
        """What is kept of the instances of a study to check their slides."""
        sql = "SELECT id, member FROM instances WHERE study=? AND state IN ('waiting','queued','delivered') AND member<>x'' ORDER BY id"
        return [(number, member) for number, member in self.read(sql, study)]

    def unfinished_studies(self, quiet: float) -> list[str]:
        """Studies with instances that wait for the others, or of which something came within ``quiet`` seconds before
        the journal was last written to."""
        sql = (
            "SELECT DISTINCT study FROM instances WHERE state='waiting' OR (state IN ('queued','delivered') AND "
            "received >= (SELECT time FROM events ORDER BY id DESC LIMIT 1) - ? AND member<>x'')"
        )
        return [study for (study,) in self.read(sql, quiet)]

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, in a connection of this thread."""
        reader = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _Reader(self.path)
            with self._lock:
                self._readers.add(reader)
        return reader.db.execute(sql, values).fetchall()


class _Reader:
    """A connection that reads. Only its thread holds it, and it is closed when that ends: associations are threads."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA query_only=ON")

    def __del__(self) -> None:
        self.db.close()


__all__ = ["Journal"]
