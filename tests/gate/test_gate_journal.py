from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

import msgspec
import pytest
from gate_support import Bench, arrival_of, data_set, sha, until

from dcmlint.errors import UsageError
from dcmlint.gate.change import Change
from dcmlint.gate.explain import explain
from dcmlint.gate.journal import Journal
from dcmlint.gate.operate import summary
from dcmlint.gate.records import Arrival, Outcome
from dcmlint.gate.writer import JournalError, Needs, Writer
from dcmlint.intake.verdict import Action, Repair, Verdict


@pytest.fixture
def journal(tmp_path: Path):
    made = Journal(tmp_path / "journal.sqlite", ["archive"])
    yield made
    made.close()


def arrival(number: int, uid: str = "", content: bytes = b"x", study: str = "") -> Arrival:
    made = arrival_of(content, uid or f"2.25.{number}")
    return msgspec.structs.replace(made, file=f"{number}.dcm", study=study)


URGENT = Needs()


def change_of(db: sqlite3.Connection) -> Change:
    return Change(db, (), lambda file: True)


def test_what_is_taken_is_there_for_another_connection(journal: Journal) -> None:
    taken = journal.take(arrival(1), Verdict(study="2.25.9"))
    with sqlite3.connect(journal.path) as other:
        assert other.execute("SELECT uid, state, study FROM instances").fetchall() == [
            ("2.25.1", "queued", "2.25.9")
        ]
    assert [event.state for event in journal.events(taken.id)] == ["received", "queued"]
    assert journal.events(taken.id)[0].sha256 == sha(b"x")


def test_events_cannot_be_changed_or_removed(journal: Journal) -> None:
    journal.take(arrival(1), Verdict())
    with sqlite3.connect(journal.path) as other:
        for sql in ("UPDATE events SET why='nothing'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError):
                other.execute(sql)


def test_commits_are_synchronised_and_shared(journal: Journal) -> None:
    (mode,) = journal.writer.do(lambda db: db.execute("PRAGMA synchronous").fetchone())
    (kind,) = journal.writer.do(lambda db: db.execute("PRAGMA journal_mode").fetchone())
    assert (mode, kind) == (2, "wal")
    gate = threading.Event()
    journal.writer.submit(lambda db: gate.wait(5))
    before = journal.writer.commits
    futures = [journal.writer.submit(lambda db: None) for _ in range(100)]
    gate.set()
    for future in futures:
        future.result(5)
    assert journal.writer.commits - before <= 3


def test_a_queue_that_is_asked_and_empty_is_no_commit(journal: Journal) -> None:
    seconds: list[float] = []
    journal.writer.observe = seconds.append
    assert journal.exchange("archive", []) == []
    assert (seconds, journal.writer.commits) == ([], 0)
    journal.take(arrival(1), None)
    assert (len(seconds), journal.writer.commits) == (1, 1)


def test_every_commit_is_on_the_disk_whatever_it_is_about(journal: Journal) -> None:
    def mode(change: Change) -> int:
        return int(change.execute("PRAGMA synchronous").fetchone()[0])

    for needs in (Needs(), Needs(urgent=False), Needs(vital=False), Needs(vital=False, urgent=False)):
        assert journal.writer.do(mode, needs) == 2


def test_a_sender_does_not_wait_for_what_can_wait(journal: Journal) -> None:
    gate = threading.Event()
    journal.writer.submit(lambda change: gate.wait(5))
    done: list[str] = []
    waiting = [
        journal.writer.submit(lambda change: done.append("waits"), Needs(urgent=False)) for _ in range(3)
    ]
    urgent = journal.writer.submit(lambda change: done.append("urgent"))
    before = journal.writer.commits
    gate.set()
    urgent.result(5)
    for future in waiting:
        future.result(5)
    assert done == ["urgent", "waits", "waits", "waits"]
    assert journal.writer.commits - before <= 3  # the first, the urgent one, and all that waited


def test_what_can_wait_is_written_at_the_latest_when_the_journal_is_closed(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "db", change_of)
    writer.do(lambda change: change.execute("CREATE TABLE t(x)"))
    future = writer.submit(lambda change: change.execute("INSERT INTO t VALUES(1)"), Needs(urgent=False))
    writer.close()
    assert future.result(0) is not None
    with sqlite3.connect(tmp_path / "db") as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (1,)


def test_what_can_wait_is_not_put_off_for_ever(journal: Journal) -> None:
    over = threading.Event()

    def keep_busy() -> None:
        while not over.is_set():
            journal.writer.do(lambda change: None)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        journal.writer.do(lambda change: None, Needs(urgent=False))
        assert not over.is_set()
    finally:
        over.set()
        busy.join()


def test_a_person_and_a_sender_are_waited_for_by_the_journal_and_a_queue_is_not(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, bool]] = []
    submit = journal.writer.submit

    def noted(work: Callable[[Change], object], needs: Needs = URGENT) -> Future[object]:
        asked.append((needs.urgent, needs.vital))
        return submit(work, needs)

    monkeypatch.setattr(journal.writer, "submit", noted)
    journal.take(arrival(1), None)
    journal.settle(1, "2.25.1", Verdict()).result(5)
    journal.exchange("archive", [])
    journal.exchange("archive", [Outcome(instance=1, state="delivered", detail="said")])
    journal.move([1], "held", who="test", why="a decision")
    journal.remove([1], "kept long enough")
    # What comes never takes the last space from what frees some.
    assert asked == [(True, False), (False, True), (False, True), (False, True), (True, True), (True, True)]


def test_work_that_fails_takes_only_itself_back(journal: Journal) -> None:
    with pytest.raises(LookupError):
        journal.note(99, who="nobody", why="nothing")
    with pytest.raises(sqlite3.IntegrityError):
        (
            journal.take(arrival(1), Verdict()),
            journal.take(
                Arrival(
                    **{**{f: getattr(arrival(2), f) for f in Arrival.__struct_fields__}, "file": "1.dcm"}
                ),
                Verdict(),
            ),
        )
    assert [row.uid for row in journal.rows("1")] == ["2.25.1"]


def test_a_full_disk_is_an_error_and_the_next_commit_works(tmp_path: Path) -> None:
    given: list[str] = []
    writer = Writer(tmp_path / "j.sqlite", change_of, lambda: given.append("reserve"))
    try:
        writer.do(lambda db: db.execute("CREATE TABLE t(x)"))
        writer.do(lambda db: db.execute("PRAGMA max_page_count=10"))
        with pytest.raises(JournalError):
            writer.do(lambda db: db.execute("INSERT INTO t VALUES(zeroblob(200000))"))
        assert given == ["reserve"]
        writer.do(lambda db: db.execute("INSERT INTO t VALUES(1)"))
        assert writer.do(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (1,)
    finally:
        writer.close()


def test_the_reserve_is_for_what_frees_space_and_not_for_what_comes(tmp_path: Path) -> None:
    given: list[str] = []
    writer = Writer(tmp_path / "j.sqlite", change_of)
    try:
        writer.do(lambda db: db.execute("CREATE TABLE t(x)"))
        writer.do(lambda db: db.execute("PRAGMA max_page_count=10"))

        def reserve() -> None:
            given.append("reserve")
            writer._db.execute("PRAGMA max_page_count=1000")

        writer._on_full = reserve
        gate = threading.Event()
        writer.submit(lambda db: gate.wait(5))  # what follows is one commit

        def fill(db: Change) -> None:
            db.execute("INSERT INTO t VALUES(zeroblob(200000))")

        comes, goes = writer.submit(fill, Needs(vital=False)), writer.submit(fill)
        gate.set()
        goes.result(5)
        with pytest.raises(JournalError):
            comes.result(5)
        assert given == ["reserve"]
        writer._on_full = lambda: given.append("again")
        writer.do(lambda db: db.execute("PRAGMA max_page_count=55"))
        with pytest.raises(JournalError):
            writer.do(fill, Needs(vital=False))
        assert given == ["reserve"]
    finally:
        writer.close()


def test_after_a_sync_that_failed_nothing_is_believed(journal: Journal) -> None:
    def fails(db: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(JournalError):
        journal.writer.do(fails)
    with pytest.raises(JournalError, match="a sync of the journal has failed"):
        journal.take(arrival(1), Verdict())


def test_a_defect_in_a_piece_of_work_does_not_end_the_thread(journal: Journal) -> None:
    def defect(db: sqlite3.Connection) -> None:
        raise TypeError("ours")

    with pytest.raises(TypeError):
        journal.writer.do(defect)
    assert journal.take(arrival(1), Verdict()).state == "queued"


def test_what_is_no_journal_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(UsageError, match="cannot be opened"):
        Journal(tmp_path / "journal.sqlite")


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(UsageError, match="format 99"):
        Journal(path)


def test_a_journal_that_was_made_before_has_the_indexes_of_today(tmp_path: Path) -> None:
    def indexes() -> set[str]:
        with sqlite3.connect(tmp_path / "j") as db:
            return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='index'")}

    Journal(tmp_path / "j").close()
    today = indexes()
    with sqlite3.connect(tmp_path / "j") as db:
        db.execute("DROP INDEX instances_unchecked")
        db.execute("DROP INDEX events_traces_uid")
        db.execute("CREATE INDEX events_uid ON events(uid)")
    Journal(tmp_path / "j").close()
    assert indexes() == today


NO_COUNTERS = "".join(
    f"DROP TRIGGER counted_{name};" for name in ("came", "from_state", "to_state", "forgotten", "came_repaired",
    "repaired", "not_repaired", "forgotten_repaired", "enqueued", "enqueued_again", "dequeued", "forgotten_queued")
) + "DROP TABLE counters;"  # fmt: skip
NO_COLUMNS = "DROP INDEX instances_repaired;" + "".join(
    f"ALTER TABLE instances DROP COLUMN {name};" for name in ("repaired", "repair", "patient")
)
# What makes of a journal one that was made before.
BEFORE = {
    "new": "", "indexes": "DROP INDEX instances_unchecked;", "counters": NO_COUNTERS, "columns": NO_COUNTERS + NO_COLUMNS,
}  # fmt: skip


@pytest.mark.parametrize("lacking", BEFORE)
def test_processes_that_open_a_journal_at_once_make_what_it_lacks_once(tmp_path: Path, lacking: str) -> None:
    def opened(path: Path, together: threading.Barrier) -> str:
        together.wait(10)
        try:
            Journal(path, ["archive"]).close()
        except UsageError as error:
            return str(error)
        return ""

    for turn in range(5):
        path = tmp_path / f"journal-{turn}"
        if BEFORE[lacking]:
            Journal(path, ["archive"]).close()
            with closing(sqlite3.connect(path)) as db:
                db.executescript(BEFORE[lacking])
        together = threading.Barrier(6)
        with ThreadPoolExecutor(6) as pool:
            ends = [pool.submit(opened, path, together) for _ in range(6)]
            assert [end.result() for end in ends] == [""] * 6
        journal = Journal(path, ["archive"])
        journal.take(arrival(1), Verdict())
        assert counters_agree(journal)
        journal.close()


# What the counters say, counted anew.
COUNTED = {
    "SELECT name, number FROM counters WHERE kind='state' AND number<>0": "SELECT state, count(*) FROM instances GROUP BY state",
    "SELECT name, number FROM counters WHERE kind='queue' AND number<>0": (
        "SELECT destination, count(*) FROM deliveries WHERE state IN ('queued','sending') GROUP BY destination"
    ),
    "SELECT number FROM counters WHERE kind='repaired' AND number<>0": (
        "SELECT count(*) FROM instances WHERE repaired<>'' HAVING count(*)>0"
    ),
}


def counters_agree(journal: Journal) -> bool:
    return all(sorted(journal.read(kept)) == sorted(journal.read(anew)) for kept, anew in COUNTED.items())


def a_history(journal: Journal) -> None:
    """Instances in many states, and some whose history was forgotten."""
    repair = Repair(rules=("GTT001",), count=1, file="9.repaired", sha256="0", size=1)
    verdicts = [
        Verdict(),
        Verdict(action="refuse"),
        Verdict(action="quarantine"),
        None,
        Verdict(repair=repair),
    ]
    ids = [journal.take(arrival(n), verdict).id for n, verdict in enumerate(verdicts * 4)]
    journal.settle(ids[3], "2.25.3", Verdict(action="quarantine", repair=repair)).result()
    journal.take(arrival(101, uid="2.25.1"), Verdict())  # takes the place of what was refused
    held = [row.id for row in journal.rows("state='held'")]
    journal.move(held[:1], "queued", who="nina", why="released", only=("held",))
    journal.move(held[1:2], "discarded", who="nina", why="discarded", only=("held",))
    claimed = journal.exchange("archive", [], limit=3)
    journal.exchange(
        "archive",
        [Outcome(instance=one.instance, state="delivered", detail="0000H") for one in claimed[:2]],
        limit=4,
    )
    gone = [row.id for row in journal.rows("state='refused'")][:2]
    journal.remove(gone, "kept for 0 s")
    assert journal.forget(time() + 60, 500) > 0


def test_counters_are_what_counting_would_give_also_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", ["archive"])
    a_history(journal)
    assert counters_agree(journal)
    found = summary(journal)
    assert found["repaired"] == len(journal.rows("repaired<>''")) > 0
    journal.close()
    again = Journal(tmp_path / "j", ["archive"])
    again.restart()
    assert summary(again) == found
    assert counters_agree(again)
    again.close()


def test_a_journal_that_was_made_before_is_counted_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", ["archive"])
    a_history(journal)
    found = summary(journal)
    journal.close()
    with sqlite3.connect(tmp_path / "j") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'counted_%'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DROP TABLE counters")
    again = Journal(tmp_path / "j", ["archive"])
    assert summary(again) == found
    again.take(arrival(200), Verdict())
    assert counters_agree(again)
    again.close()


def test_no_number_is_counted_anew_for_each_request(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every query of `summary` finds what it wants in an index, or reads the counters."""
    asked: list[tuple[str, tuple[object, ...]]] = []
    read = journal.read

    def noted(sql: str, *values: object) -> list[tuple[Any, ...]]:
        asked.append((sql, values))
        return read(sql, *values)

    journal.take(arrival(1), Verdict())
    monkeypatch.setattr(journal, "read", noted)
    assert summary(journal)["states"] == {"queued": 1}
    plans = [line for sql, values in asked for *_, line in read(f"EXPLAIN QUERY PLAN {sql}", *values)]
    scanned = [line for line in plans if line.startswith("SCAN") and "counters" not in line]
    assert [line for line in scanned if not line.startswith("SCAN (subquery")] == []
    assert not any("TEMP B-TREE" in line for line in plans)


def test_the_connection_of_a_thread_ends_with_it(journal: Journal) -> None:
    for _ in range(20):
        thread = threading.Thread(target=journal.rows, args=("1",))
        thread.start()
        thread.join()
    assert journal.rows("1") == []
    assert len(journal._readers) == 1


# --- the table of same UIDs ------------------------------------------------------------------------------

SAME, OTHER = data_set("2.25.77"), data_set("2.25.77", filling=b"other!" * 20)


@pytest.mark.parametrize(
    ("before", "content", "states", "answer"),
    [
        ("queued", SAME, ["queued"], 0),
        ("queued", OTHER, ["queued", "held"], 0),
        ("checking", SAME, ["checking"], 0),
        ("checking", OTHER, ["checking", "held"], 0),
        ("delivered", SAME, ["delivered"], 0),
        ("delivered", OTHER, ["delivered", "held"], 0),
        ("held", SAME, ["held"], 0),
        ("held", OTHER, ["superseded", "queued"], 0),
        ("refused", OTHER, ["superseded", "queued"], 0),
        ("superseded", SAME, ["superseded", "queued"], 0),
        ("discarded", SAME, ["discarded", "queued"], 0),
    ],
)
def test_the_same_uid_again(
    tmp_path: Path, before: str, content: bytes, states: list[str], answer: int
) -> None:
    with Bench(tmp_path) as bench:
        bench.take(SAME)
        bench.journal.move([1], before, who="test", why="before")  # type: ignore[arg-type]
        assert bench.take(content) == answer
        assert bench.states() == states
        kept = [row for row in bench.journal.find("2.25.77") if row.kept]
        assert {row.file for row in kept} <= set(bench.spool.names())
        assert len(bench.spool.names()) == len(states)  # the same bytes are stored once


def test_the_same_uid_at_once_from_ten_senders(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        contents = [SAME] * 5 + [data_set("2.25.77", filling=bytes([n]) * 64) for n in range(1, 6)]
        answers: list[int] = []
        threads = [threading.Thread(target=lambda c=c: answers.append(bench.take(c))) for c in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert answers == [0] * 10
        rows = bench.journal.find("2.25.77")
        assert [row.state for row in rows].count("queued") == 1
        # What is not on its way is held, or was replaced by a later version that is: nothing has vanished.
        assert all(row.state in ("queued", "held", "superseded") for row in rows)
        known = {row.sha256 for row in rows}
        assert {sha(content) for content in contents} == known


def test_bytes_sent_again_take_the_place_of_a_missing_file(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(SAME)
        (row,) = bench.journal.find("2.25.77")
        bench.spool.remove(row.file)
        assert bench.take(SAME) == 0
        (row,) = bench.journal.find("2.25.77")
        assert bench.spool.path(row.file).exists()


# --- deliveries ------------------------------------------------------------------------------------------


def test_deliveries_keep_the_order_of_a_study(journal: Journal) -> None:
    for number in range(1, 7):
        journal.take(arrival(number), Verdict(study="2.25.900" if number % 2 else "2.25.901"))
    first = journal.exchange("archive", [], limit=2)
    assert [one.instance for one in first] == [1, 2]
    later = Outcome(instance=1, state="queued", detail="A700", due=time() + 100)
    done = Outcome(instance=2, state="delivered", detail="0000")
    # 3 and 5 are of the study of 1, which is not delivered yet.
    assert [one.instance for one in journal.exchange("archive", [later, done])] == [4, 6]
    assert journal.find("2.25.2")[0].state == "delivered"
    assert journal.deliveries(1)[0].tries == 1


@pytest.mark.parametrize(("action", "then"), [("accept", [1, 2]), ("quarantine", [2])])
def test_what_came_before_in_its_study_is_waited_for_until_it_is_checked(
    journal: Journal, action: Action, then: list[int]
) -> None:
    journal.take(arrival(1, study="2.25.900"), None)
    journal.take(arrival(2, study="2.25.900"), Verdict(study="2.25.900"))
    journal.take(arrival(3, study="2.25.901"), Verdict(study="2.25.901"))
    journal.take(arrival(4), None)  # of which nobody knows its study
    assert [one.instance for one in journal.exchange("archive", [])] == [3]
    assert "  it waits for instance 1 of its study, which came before and is not checked yet" in list(
        explain(journal, "2.25.2")
    )
    journal.settle(1, "2.25.1", Verdict(study="2.25.900", action=action)).result(5)
    assert [one.instance for one in journal.exchange("archive", [])] == then


def test_what_was_not_attempted_does_not_count(journal: Journal) -> None:
    journal.take(arrival(1), Verdict())
    journal.exchange("archive", [])
    journal.exchange("archive", [Outcome(instance=1, state="queued", detail="", attempted=False)], limit=0)
    (delivery,) = journal.deliveries(1)
    assert (delivery.state, delivery.tries) == ("queued", 0)
    assert [event.state for event in journal.events(1)] == ["received", "queued"]


def test_an_instance_is_delivered_when_every_destination_has_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", ["one", "two"])
    try:
        journal.take(arrival(1), Verdict())
        for name, state in (("one", "delivered"), ("two", "held")):
            journal.exchange(name, [])
            journal.exchange(name, [Outcome(instance=1, state=state, detail="said")], limit=0)  # type: ignore[arg-type]
            assert journal.rows("1")[0].state == ("queued" if name == "one" else "held")
        assert "two refused it: said" in journal.rows("1")[0].why
        journal.move([1], "queued", who="operator", why="mended", only=("held",))
        assert [(d.destination, d.state) for d in journal.deliveries(1)] == [
            ("one", "delivered"),
            ("two", "queued"),
        ]
    finally:
        journal.close()


def test_sending_is_begun_anew_after_a_restart(journal: Journal) -> None:
    journal.take(arrival(1), Verdict())
    assert len(journal.exchange("archive", [])) == 1
    assert journal.exchange("archive", []) == []
    journal.restart()
    assert len(journal.exchange("archive", [])) == 1


# --- retention --------------------------------------------------------------------------------------------


def test_what_has_ended_is_forgotten_after_its_time_and_nothing_else_is(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        journal = bench.journal
        for number, state in enumerate(("delivered", "refused", "held", "queued", "discarded"), 1):
            bench.take(data_set(f"2.25.{number}"), f"2.25.{number}")
            journal.move([number], state, who="test", why="before")  # type: ignore[arg-type]
        journal.trace("2.25.99", who="X at 127.0.0.1", why="cut", what="cut off")
        until(lambda: journal.traces("2.25.99"))  # it is written soon
        assert journal.forget(time() - 100, 500) == 0  # nothing is so old
        journal.remove([1, 2], "kept long enough")  # the file of 5 went with the decision
        assert journal.forget(time() + 1, 500) == 4  # three instances and a trace
        assert [row.state for row in journal.rows("1")] == ["held", "queued"]
        assert journal.events(1) == []
        assert journal.deliveries(1) == []
        assert journal.traces("2.25.99") == []
        assert len(journal.events(3)) == 3


def test_events_of_what_is_remembered_cannot_be_removed_after_something_was_forgotten(
    journal: Journal,
) -> None:
    journal.take(arrival(1), Verdict())
    journal.forget(time() - 100, 500)
    with sqlite3.connect(journal.path) as other, pytest.raises(sqlite3.IntegrityError, match="their time"):
        other.execute("DELETE FROM events")


def test_an_instance_that_was_sent_again_lately_is_remembered(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(SAME)
        bench.journal.move([1], "delivered", who="test", why="before")
        bench.journal.remove([1], "kept long enough")
        between = time()
        bench.take(SAME)
        assert bench.journal.forget(between, 500) == 0
        assert bench.states() == ["delivered"]
