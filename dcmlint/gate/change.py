"""One transaction of the journal: what is read in it is kept, and what is changed is written in few statements.

Every step of SQLite gives the interpreter's lock away and has to get it back, with many threads in the way. So rows
are written for all pieces of work of a transaction together, and a row is read once.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import time
from typing import Any, TypeVar

import msgspec

from dcmlint.gate.records import UNANSWERED, Arrival, Row, State
from dcmlint.gate.tables import FIRST_UNCHECKED, ROW, encoded, row_of
from dcmlint.intake.verdict import Repair, Verdict
from dcmlint.plural import number_of

T = TypeVar("T")
LANES = 64  # a study always has the same lane, and a lane the same association
_AT_ONCE = (32, 8, 1)  # rows in one statement: few texts, so that each is prepared once

_EVENTS = "INSERT INTO events(time, instance, uid, state, who, why, sha256) VALUES"
_DELIVERIES = "INSERT INTO deliveries(instance, destination, state, lane) VALUES"
_RENEWED = (
    " ON CONFLICT DO UPDATE SET state='queued', due=0, tries=0, lane=excluded.lane WHERE state<>'delivered'"
)
_COLUMNS = (*Row.__struct_fields__, "member")  # what a row keeps for its slide is never read with it
_INSTANCES = f"INSERT INTO instances({', '.join(_COLUMNS)}) VALUES"


class Change:
    """What `decisions` needs of the journal; ``flush`` before it is committed."""

    def __init__(
        self, db: sqlite3.Connection, destinations: tuple[str, ...], exists: Callable[[str], bool]
    ) -> None:
        self.destinations = destinations
        self.exists = exists
        self.now = time()
        self._db = db
        self._rows: dict[int, Row] = {}  # as they are now
        self._expected: frozenset[str] = frozenset()
        self._under: dict[str, list[int]] = {}  # the rows of a UID that still count
        self._new: dict[int, bytes] = {}  # the members of new rows
        self._changed: dict[int, dict[str, Any]] = {}
        self._touched: set[str] = set()  # UIDs of both
        self._deliveries: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._last = 0

    # --- reading -----------------------------------------------------------------------------------

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """A statement of any kind, after all that was changed before it."""
        self.flush()
        self._rows.clear()
        self._under.clear()
        return self._db.execute(sql, values)

    def aside(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """A statement that changes no instance, after all that was changed before it."""
        self.flush()
        return self._db.execute(sql, values)

    def row(self, number: int) -> Row:
        """The row of an instance; raises ``LookupError`` where there is none."""
        known = self._rows.get(number)
        if known is None:
            self._read("id=?", (number,))
            known = self._rows.get(number)
        if known is None:
            raise LookupError(f"no instance {number}")
        return known

    def load(self, numbers: Iterable[int]) -> None:
        """Read rows together that are wanted soon."""
        wanted = [number for number in numbers if number not in self._rows]
        for some in _together(wanted):
            self._read(f"id IN ({','.join('?' * len(some))})", some)

    def expect(self, uids: Iterable[str]) -> None:
        """Have ``same_uid`` read these UIDs together."""
        self._expected = frozenset(uids)

    def first_unchecked(self, study: str) -> int | None:
        """The first instance of a study whose verdict is not known yet."""
        found: int | None = self.aside(FIRST_UNCHECKED, (study,)).fetchone()[0]
        return found

    def same_uid(self, uid: str) -> list[Row]:
        """What came before under a UID and still counts."""
        if uid in self._touched:
            self.flush()
        if uid not in self._under:
            wanted = [
                one for one in self._expected | {uid} if one not in self._under and one not in self._touched
            ]
            for one in wanted:
                self._under[one] = []
            for some in _together(wanted):
                marks = ",".join("?" * len(some))
                where = f"uid IN ({marks}) AND state NOT IN ('discarded','superseded') ORDER BY id"
                for row in self._read(where, some):
                    self._under[row.uid].append(row.id)
        return [self._rows[number] for number in self._under[uid]]

    # --- changing ----------------------------------------------------------------------------------

    def insert(self, arrival: Arrival, state: State, why: str, answer: int, verdict: Verdict | None) -> Row:
        """A new row and its first event."""
        known = verdict or Verdict()
        if not self._last:
            found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='instances'").fetchone()
            self._last = int(found[0]) if found else 0
        self._last += 1
        recovered = arrival.via == "recovery"
        row = Row(
            id=self._last, uid=arrival.sop_instance, sop_class=arrival.sop_class, syntax=arrival.transfer_syntax,
            study=known.study or arrival.study, series=known.series, sha256=arrival.sha256, size=arrival.size, file=arrival.file, kept=True,
            sender=arrival.sender, called=arrival.called, peer=arrival.peer, via=arrival.via, received=self.now, state=state,
            changed=self.now, why=why, answer=UNANSWERED if recovered else answer,
            findings=encoded(known.findings or None), patient=encoded(known.patient),
        )  # fmt: skip
        self._rows[row.id], self._new[row.id] = row, known.member
        self._touched.add(row.uid)
        if recovered:
            self.event(row, "adopted", "gate", "found in the spool at the start; it was never answered")
        else:
            self.event(row, "received", source_of(arrival), f"{arrival.size} bytes over {arrival.via}")
        if known.repair is not None:
            self.repair(row, known.repair)
        self.event(row, state, "gate", why)
        return self._rows[row.id]

    def update(self, number: int, *, member: bytes | None = None, **fields: Any) -> None:
        """Other values of a row."""
        row = self.row(number)
        self._rows[number] = msgspec.structs.replace(row, **fields)
        if number in self._new:
            self._new[number] = self._new[number] if member is None else member
            return
        if member is not None:
            fields["member"] = member
        self._changed.setdefault(number, {}).update(fields)
        self._touched.add(row.uid)

    def repair(self, row: Row, repair: Repair) -> None:
        """What was repaired in an instance; its event has the digest of what is forwarded now."""
        self.update(row.id, repaired=repair.file, repair=msgspec.json.encode(repair))
        changes = number_of(repair.count, "change")
        why = f"{changes} for {', '.join(repair.rules)}; what came is kept"
        self.event(row, "repaired", "gate", why, repair.sha256)

    def set(self, row: Row, state: State, who: str, why: str) -> None:
        """A new state, and its event."""
        self.update(row.id, state=state, why=why, changed=self.now)
        self.event(row, state, who, why)

    def event(self, row: Row, state: str, who: str, why: str, sha256: str = "") -> None:
        """One line of the history."""
        self._events.append((self.now, row.id, row.uid, state, who, why, sha256 or row.sha256))

    def trace(self, uid: str, state: str, who: str, why: str) -> None:
        """One line about something that never became an instance."""
        self._events.append((self.now, 0, uid, state, who, why, ""))

    def enqueue(self, number: int) -> None:
        """A delivery to each destination that does not have it yet."""
        row = self.row(number)
        lane = zlib.crc32((row.study or f"#{row.id}").encode()) % LANES
        self._deliveries += [(number, name, "queued", lane) for name in self.destinations]

    def flush(self) -> None:
        """Write what was changed."""
        if self._new:
            new, self._new = self._new, {}
            rows = [(*msgspec.structs.astuple(self._rows[one]), member) for one, member in new.items()]
            self._insert(_INSTANCES, rows)
        if self._changed:
            changed, self._changed = self._changed, {}
            alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
            for number, fields in changed.items():
                alike.setdefault(tuple(fields), []).append((number, *fields.values()))
            for columns, values in alike.items():
                assigned = ", ".join(f"{column}=given.column{at}" for at, column in enumerate(columns, 2))
                self._insert(
                    f"UPDATE instances SET {assigned} FROM (VALUES",
                    values,
                    ") AS given WHERE id=given.column1",
                )
        for uid in self._touched:
            self._under.pop(uid, None)
        self._touched.clear()
        if self._deliveries:
            deliveries, self._deliveries = self._deliveries, []
            self._insert(_DELIVERIES, deliveries, _RENEWED)
        if self._events:
            events, self._events = self._events, []
            self._insert(_EVENTS, events)

    def _read(self, where: str, values: Sequence[object]) -> list[Row]:
        found = self._db.execute(f"SELECT {ROW} FROM instances WHERE {where}", values).fetchall()
        rows = [row_of(one) for one in found]
        self._rows.update((row.id, row) for row in rows)
        return rows

    def _insert(self, head: str, rows: Sequence[tuple[Any, ...]], end: str = "") -> None:
        """Many rows of values between two pieces of SQL."""
        one = f"({','.join('?' * len(rows[0]))})"
        for some in _together(rows):
            sql = f"{head} {','.join([one] * len(some))}{end}"
            self._db.execute(sql, [value for row in some for value in row])


def _together(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pieces of a few lengths, so that few statements have to be prepared."""
    at = 0
    for size in _AT_ONCE:
        while len(values) - at >= size:
            yield values[at : at + size]
            at += size


def source_of(arrival: Arrival) -> str:
    """Who sent an arrival, as events name it."""
    return f"{arrival.sender} at {arrival.peer}" if arrival.peer else arrival.sender
