"""The tables of the journal, and how rows are read from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from dcmlint.errors import UsageError
from dcmlint.gate.records import Delivery, Event, Row
from dcmlint.gate.writer import Transaction

VERSION = 2
_WAITS = "state IN ('queued','sending')"

_SCHEMA = """
CREATE TABLE instances(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL, sop_class TEXT NOT NULL, syntax TEXT NOT NULL,
  study TEXT NOT NULL DEFAULT '', series TEXT NOT NULL DEFAULT '',
  sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  file TEXT NOT NULL UNIQUE, kept INTEGER NOT NULL DEFAULT 1,
  sender TEXT NOT NULL, called TEXT NOT NULL, peer TEXT NOT NULL, via TEXT NOT NULL,
  received REAL NOT NULL, state TEXT NOT NULL, changed REAL NOT NULL, why TEXT NOT NULL DEFAULT '',
  answer INTEGER NOT NULL, findings BLOB NOT NULL DEFAULT x'', member BLOB NOT NULL DEFAULT x'',
  repaired TEXT NOT NULL DEFAULT '', repair BLOB NOT NULL DEFAULT x'', patient BLOB NOT NULL DEFAULT x'');
CREATE INDEX instances_uid ON instances(uid);
CREATE INDEX instances_state ON instances(state, received);
CREATE INDEX instances_kept ON instances(state, changed) WHERE kept=1;
CREATE INDEX instances_study ON instances(study);
CREATE INDEX instances_unchecked ON instances(study, id) WHERE state='checking';
CREATE TABLE deliveries(
  instance INTEGER NOT NULL REFERENCES instances(id), destination TEXT NOT NULL,
  state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT '', lane INTEGER NOT NULL, PRIMARY KEY(instance, destination)) WITHOUT ROWID;
CREATE INDEX deliveries_queue ON deliveries(destination, state, instance);
CREATE TABLE events(
  id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, instance INTEGER NOT NULL, uid TEXT NOT NULL,
  state TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX events_instance ON events(instance);
CREATE INDEX events_traces ON events(time) WHERE instance=0;
CREATE INDEX events_traces_uid ON events(uid) WHERE instance=0;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
-- Events go with the instance that they are about, once its time is over, and not before.
CREATE TABLE retention(before REAL NOT NULL);
INSERT INTO retention VALUES(0);
CREATE TRIGGER events_remain BEFORE DELETE ON events WHEN OLD.time >= (SELECT before FROM retention)
BEGIN SELECT RAISE(ABORT, 'events are not removed before their time'); END;
"""
# Numbers of instances in each state, of repaired ones, and of what waits for each destination. They change within the
# transaction that changes what they count, whoever writes it, so that they are right after any end; and nobody has to
# read the whole history to know them.
_COUNTERS = """
CREATE TABLE counters(kind TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;
INSERT INTO counters SELECT 'state', state, count(*) FROM instances GROUP BY state;
INSERT INTO counters SELECT 'repaired', '', count(*) FROM instances WHERE repaired<>'';
INSERT INTO counters SELECT 'queue', destination, count(*) FROM deliveries WHERE state IN ('queued','sending') GROUP BY destination;
""" + "".join(
    f"CREATE TRIGGER counted_{name} AFTER {event} BEGIN INSERT INTO counters VALUES({kind}, {number}) "
    "ON CONFLICT DO UPDATE SET number=number+excluded.number; END;\n"
    for name, event, kind, number in (
        ("came", "INSERT ON instances", "'state', NEW.state", 1),
        ("from_state", "UPDATE OF state ON instances WHEN OLD.state<>NEW.state", "'state', OLD.state", -1),
        ("to_state", "UPDATE OF state ON instances WHEN OLD.state<>NEW.state", "'state', NEW.state", 1),
        ("forgotten", "DELETE ON instances", "'state', OLD.state", -1),
        ("came_repaired", "INSERT ON instances WHEN NEW.repaired<>''", "'repaired', ''", 1),
        ("repaired", "UPDATE OF repaired ON instances WHEN OLD.repaired='' AND NEW.repaired<>''", "'repaired', ''", 1),
        ("not_repaired", "UPDATE OF repaired ON instances WHEN OLD.repaired<>'' AND NEW.repaired=''", "'repaired', ''", -1),
        ("forgotten_repaired", "DELETE ON instances WHEN OLD.repaired<>''", "'repaired', ''", -1),
        ("enqueued", f"INSERT ON deliveries WHEN NEW.{_WAITS}", "'queue', NEW.destination", 1),
        ("enqueued_again", f"UPDATE OF state ON deliveries WHEN NOT OLD.{_WAITS} AND NEW.{_WAITS}", "'queue', NEW.destination", 1),
        ("dequeued", f"UPDATE OF state ON deliveries WHEN OLD.{_WAITS} AND NOT NEW.{_WAITS}", "'queue', NEW.destination", -1),
        ("forgotten_queued", f"DELETE ON deliveries WHEN OLD.{_WAITS}", "'queue', OLD.destination", -1),
    )
)  # fmt: skip
# Columns that came later, of journals that were made before.
_ADDED = {
    "repaired": "TEXT NOT NULL DEFAULT ''", "repair": "BLOB NOT NULL DEFAULT x''", "patient": "BLOB NOT NULL DEFAULT x''",
}  # fmt: skip
_REPAIRED = "CREATE INDEX IF NOT EXISTS instances_repaired ON instances(id) WHERE repaired<>'';\n"
# Indexes of journals that were made before: that of all events by UID cost a page for each event, and only traces are
# looked for by it; that of what is not checked yet came later.
_INDEXES = """
DROP INDEX IF EXISTS events_uid;
CREATE INDEX IF NOT EXISTS events_traces_uid ON events(uid) WHERE instance=0;
CREATE INDEX IF NOT EXISTS instances_unchecked ON instances(study, id) WHERE state='checking';
"""
_ENDED = "('delivered','refused','superseded','discarded')"

ROW = ("id, uid, sop_class, syntax, study, series, sha256, size, file, kept, sender, called, peer, via, received, "
       "state, changed, why, answer, findings, repaired, repair, patient")  # fmt: skip
_KEPT = Row.__struct_fields__.index("kept")
FIRST_UNCHECKED = "SELECT min(id) FROM instances WHERE study=? AND state='checking'"
EVENT = "id, time, instance, uid, state, who, why, sha256"
# What was repaired goes to the archive in the place of what came.
DELIVERY = ("d.instance, d.destination, d.state, d.tries, d.due, d.detail, "
            "CASE i.repaired WHEN '' THEN i.file ELSE i.repaired END, i.uid, i.sop_class, i.syntax, "
            "i.study, i.patient")  # fmt: skip


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables of a new journal, or what an older one lacks; ``UsageError`` for one that this version cannot read.

    Another process may do so at the same time: what is there is looked at again once nobody else writes.
    """
    if not _lacking(db):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for script in _lacking(db):
            for statement in _statements(script):
                db.execute(statement)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _lacking(db: sqlite3.Connection) -> list[str]:
    """The scripts that bring a journal to what this version needs; none if it is so."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if not version:
        return [_SCHEMA, _REPAIRED, _COUNTERS, f"PRAGMA user_version={VERSION};"]
    if version != VERSION:
        raise UsageError(
            f"the journal has format {version}; this version of dcmlint reads format {VERSION}: let the version that made it "
            "deliver what waits, then begin with a new spool, and keep the old one for its history"
        )
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    columns = {column[1] for column in db.execute("PRAGMA table_info(instances)")}
    added = [
        f"ALTER TABLE instances ADD COLUMN {name} {kind};\n"
        for name, kind in _ADDED.items()
        if name not in columns
    ]
    later = (("instances_unchecked", _INDEXES), ("counters", _COUNTERS))
    return added + [_REPAIRED] * bool(added) + [script for name, script in later if name not in names]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one at a time: run as a whole, it would end the transaction that it is in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def ended(before: float, limit: int) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """The queries for what may be forgotten: numbers of instances, and of events that are about none."""
    instances = (
        f"SELECT id FROM instances WHERE state IN {_ENDED} AND received<? AND changed<? AND kept=0 AND "
        "(SELECT max(time) FROM events WHERE instance=instances.id)<? LIMIT ?"
    )
    traces = "SELECT id FROM events WHERE instance=0 AND time<? LIMIT ?"
    return (instances, (before, before, before, limit)), (traces, (before, limit))


def forget(db: Transaction, before: float, limit: int) -> int:
    """See ``Journal.forget``; at most ``limit`` instances and as many traces."""
    db.execute("UPDATE retention SET before=?", (before,))
    instances, traces = (db.execute(*query).fetchall() for query in ended(before, limit))
    numbers, events = (
        msgspec.json.encode([one for (one,) in found]).decode() for found in (instances, traces)
    )
    for column, table in (("instance", "events"), ("instance", "deliveries"), ("id", "instances")):
        db.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (numbers,))
    db.execute("DELETE FROM events WHERE id IN (SELECT value FROM json_each(?))", (events,))
    return len(instances) + len(traces)


def encoded(value: Any) -> bytes:
    """A value as JSON; empty for None."""
    return b"" if value is None else msgspec.json.encode(value)


def row_of(values: tuple[Any, ...]) -> Row:
    """A row of ``SELECT {ROW}``."""
    made: Callable[..., Row] = Row
    return made(*values[:_KEPT], bool(values[_KEPT]), *values[_KEPT + 1 :])


def event_of(values: tuple[Any, ...]) -> Event:
    """A row of ``SELECT {EVENT}``."""
    return Event(**dict(zip(Event.__struct_fields__, values, strict=True)))


def delivery_of(values: tuple[Any, ...]) -> Delivery:
    """A row of ``SELECT {DELIVERY}``."""
    return Delivery(**dict(zip(Delivery.__struct_fields__, values, strict=True)))
