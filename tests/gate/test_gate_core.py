from __future__ import annotations

from pathlib import Path

import pytest
from gate_support import HOLD, REFUSE, Bench, arrival_of, data_set, finding, part10_file, sha, stored, until

from dcmlint.errors import UsageError
from dcmlint.gate import core as cores
from dcmlint.gate import spool as spools
from dcmlint.gate.aside import Aside
from dcmlint.gate.decisions import OTHER_BYTES
from dcmlint.gate.explain import explain
from dcmlint.gate.records import Outcome
from dcmlint.gate.recovery import recover
from dcmlint.gate.spool import Spool
from dcmlint.gate.studies import Studies
from dcmlint.intake.policy import Policy
from dcmlint.intake.verdict import ProfileFacts, Reply

CONTENT = data_set("2.25.77")


def test_what_is_answered_with_success_has_its_row_and_its_bytes(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.take(CONTENT) == 0
        (row,) = bench.journal.find("2.25.77")
        assert (row.state, row.sha256, row.answer) == ("queued", sha(CONTENT), 0)
        assert stored(bench.spool.path(row.file)) == CONTENT
        assert [one.state for one in bench.journal.deliveries(row.id)] == ["queued"]


def test_what_is_refused_is_kept_and_never_delivered(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: REFUSE
        assert bench.take(CONTENT) == 0xA905
        (row,) = bench.journal.find("2.25.77")
        assert (row.state, row.answer, row.kept) == ("refused", 0xA905, True)
        assert bench.journal.deliveries(row.id) == []


def test_a_warning_that_the_profile_quarantines_is_held(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: HOLD
        assert bench.take(CONTENT) == 0
        assert bench.states() == ["held"]


def test_observing_accepts_everything_and_says_what_would_have_been_done(tmp_path: Path) -> None:
    with Bench(tmp_path, observe=True) as bench:
        bench.checks.reply = lambda task: REFUSE
        assert bench.take(CONTENT) == 0
        assert bench.core.rest(10)
        (row,) = bench.journal.find("2.25.77")
        assert row.state == "queued"
        assert "would be refused: GTT001" in row.why


def test_observing_holds_nothing_for_its_uid_either_and_says_that_it_would(tmp_path: Path) -> None:
    with Bench(tmp_path, observe=True) as bench:
        contents = [data_set("2.25.77"), data_set("2.25.77", filling=b"other" * 10)]
        assert [bench.take(content) for content in contents] == [0, 0]
        assert bench.states() == ["queued", "queued"]
        assert [one.why for one in bench.journal.events(2) if one.state == "observed"] == [
            "would be held: NET502: another instance was accepted under this SOP Instance UID"
        ]
        assert not [one for one in bench.journal.events(1) if one.state == "observed"]
        assert bench.take(contents[1]) == 0
        assert bench.states() == ["queued", "queued"]  # the same bytes once more are stored once


def test_a_long_backlog_of_checks_waits_in_the_journal_and_not_in_memory(tmp_path: Path) -> None:
    count = 40
    with Bench(tmp_path, observe=True) as bench, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cores, "_BACKLOG", 10)
        bench.checks.slow = True
        for number in range(count):
            assert bench.take(data_set(f"2.25.{number}"), f"2.25.{number}") == 0
            bench.checks.waiting = len(bench.checks.later)
        assert len(bench.checks.later) == len(bench.core._checked) == 10
        bench.checks.waiting = 0
        bench.checks.slow = False
        bench.checks.finish()
        until(lambda: all(row.state == "queued" for row in bench.journal.rows("1")))
        assert bench.core.rest(10)
        assert bench.core._checked == set()
        assert bench.checks.done == [f"2.25.{number}" for number in range(count)]


def test_a_verdict_after_the_answer_can_only_hold(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.slow = True
        bench.checks.reply = lambda task: REFUSE
        told: list[str] = []
        bench.core.settled = lambda number, state, verdict: told.append(state)
        assert bench.take(CONTENT) == 0
        assert bench.states() == ["checking"]
        bench.checks.finish()
        assert bench.states() == ["held"]
        assert told == ["held"]


def test_a_command_without_uids_is_refused_whatever_the_mode(tmp_path: Path) -> None:
    with Bench(tmp_path, observe=True) as bench:
        assert bench.take(CONTENT, sop_instance="") == 0xA900
        assert bench.spool.names() == []


def test_nothing_is_answered_when_the_row_cannot_be_written(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.journal.writer.do(lambda db: db.execute("PRAGMA max_page_count=1"))

        def fill() -> None:
            for number in range(200):
                bench.take(data_set(f"2.25.8{number}"), f"2.25.8{number}")

        with pytest.raises(OSError, match="journal"):
            fill()
        rows = {row.file for row in bench.journal.rows("1")}
        assert set(bench.spool.names()) == rows
        bench.journal.writer.do(lambda db: db.execute("PRAGMA max_page_count=100000"))
        assert bench.take(CONTENT) == 0


def test_a_verdict_that_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.slow = True
        bench.take(CONTENT)
        settle = bench.journal.settle

        def full(*_: object, **__: object) -> str:
            raise OSError("full")

        bench.journal.settle = full  # type: ignore[method-assign, assignment]
        bench.checks.finish()
        bench.journal.settle = settle  # type: ignore[method-assign]
        assert bench.states() == ["checking"]
        bench.core.retry_settling()
        assert bench.states() == ["queued"]


# --- the start ------------------------------------------------------------------------------------------


def test_the_start_brings_files_and_rows_to_agree(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        for uid in ("2.25.1", "2.25.2", "2.25.3", "2.25.4"):
            bench.take(data_set(uid), uid)
        rows = {row.uid: row for row in bench.journal.rows("1")}
        (bench.spool.data / "cut-off.part").write_bytes(b"half")
        (bench.spool.data / "no-row.dcm").write_bytes(part10_file("2.25.9", data_set("2.25.9")))
        (bench.spool.data / "again.dcm").write_bytes(part10_file("2.25.1", data_set("2.25.1")))
        (bench.spool.data / "no-dicom.dcm").write_bytes(b"nothing")
        bench.journal.move([rows["2.25.2"].id], "discarded", who="test", why="before")
        bench.spool.remove(rows["2.25.3"].file)
        bench.journal.move([rows["2.25.4"].id], "checking", who="test", why="before")
        found = recover(bench.core)
        assert (found.partial, found.adopted, found.rechecked, found.removed) == (1, 2, 2, 1)
        assert found.missing == ("2.25.3",)
        assert found.unreadable == ("no-dicom.dcm",)
        # The same bytes are stored once; what was adopted is checked like anything else.
        assert "found again (TESTER): the same bytes" in "\n".join(explain(bench.journal, "2.25.1"))
        assert bench.states("2.25.1") == ["queued"]
        assert bench.states("2.25.9") == ["queued"]
        assert bench.states("2.25.4") == ["queued"]
        assert sorted(bench.spool.names()) == sorted(
            [rows["2.25.1"].file, rows["2.25.4"].file, "no-row.dcm", "no-dicom.dcm"]
        )


def test_what_was_adopted_and_fails_is_not_ours(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: REFUSE
        (bench.spool.data / "no-row.dcm").write_bytes(part10_file("2.25.9", data_set("2.25.9")))
        (bench.spool.data / "link.dcm").symlink_to(tmp_path / "elsewhere.dcm")
        (tmp_path / "elsewhere.dcm").write_bytes(part10_file("2.25.8", data_set("2.25.8")))
        assert recover(bench.core).adopted == 1
        assert bench.states("2.25.9") == ["refused"]
        said = "\n".join(explain(bench.journal, "2.25.9"))
        assert "refused: it was never answered, and its sender still has it" in said
        assert "accepted" not in said
        assert "told so" not in said


def test_one_gate_for_one_spool(tmp_path: Path) -> None:
    with Bench(tmp_path), pytest.raises(UsageError, match="another gate"):
        Spool(tmp_path / "spool")


def test_a_spool_with_something_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path):
        pass
    for name in ("data", "journal.sqlite", "lock"):
        monkeypatch.setattr(spools.os, "access", lambda path, mode, name=name: path.name != name)
        with pytest.raises(UsageError, match=f"{name}: cannot be read and written by this user"):
            Spool(tmp_path / "spool")
    monkeypatch.undo()
    Spool(tmp_path / "spool").close()


def test_a_spool_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "_mounts", lambda: iter([("/", "ext4"), (str(tmp_path), "nfs4")]))
    with pytest.raises(UsageError, match="nfs4"):
        Spool(tmp_path / "spool")


# --- the policy -----------------------------------------------------------------------------------------


def policy(**fields: object) -> Policy:
    facts = ProfileFacts(
        name="p",
        action={"error": "refuse", "warning": "quarantine"},
        own=frozenset({"GTT001"}),
        locked=frozenset({"TILE003"}),
    )
    return Policy(profile=facts, observe=False, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "action", "status"),
    [
        (Reply(), "accept", 0),
        (Reply(status="unreadable"), "refuse", 0xC000),
        (Reply(status="partial", findings=(finding("FILE010"),)), "refuse", 0xC000),
        (Reply(findings=(finding("GTT001"),)), "refuse", 0xA905),
        (Reply(findings=(finding("NET501"),)), "refuse", 0xA900),
        (Reply(findings=(finding("TILE003"),)), "refuse", 0xA904),
        (Reply(findings=(finding("VR001"),)), "refuse", 0xA902),
        (Reply(findings=(finding("PIX001", "warning"),)), "quarantine", 0),
        (Reply(findings=(finding("PIX001", "info"),)), "accept", 0),
        (Reply(internal="signal SIGKILL"), "quarantine", 0),
        (Reply(crashed=("PIX001",)), "quarantine", 0),
    ],
)
def test_the_policy(reply: Reply, action: str, status: int) -> None:
    verdict = policy().decide(reply)
    assert (verdict.action, verdict.status) == (action, status)


def test_single_rules_have_an_action_of_their_own_and_locks_hold() -> None:
    rules = {"VR001": "accept", "TILE003": "accept", "PIX001": "refuse"}
    made = policy(rules=rules)
    assert made.decide(Reply(findings=(finding("VR001"),))).action == "accept"
    assert made.decide(Reply(findings=(finding("TILE003"),))).action == "refuse"
    assert made.decide(Reply(findings=(finding("PIX001", "info"),))).action == "refuse"


def test_what_cannot_be_checked_is_forwarded_if_it_is_wished() -> None:
    assert policy(on_internal="forward").decide(Reply(internal="died")).action == "accept"


def test_an_arrival_names_its_sender_in_its_history(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(CONTENT)
        assert bench.journal.events(1)[0].who == "TESTER at 127.0.0.1"
        assert arrival_of(CONTENT, "2.25.77").sha256 == bench.journal.events(1)[0].sha256


# --- nothing that was acknowledged can be lost through what was not ----------------------------------------


def adopt(bench: Bench, content: bytes, name: str = "no-row.dcm") -> None:
    """A file without a row, as a crash before the row leaves it, and the start after it."""
    (bench.spool.data / name).write_bytes(part10_file("2.25.77", content))
    recover(bench.core)


def test_what_was_adopted_and_is_acknowledged_before_its_verdict_is_held_not_refused(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: REFUSE
        bench.checks.slow = True
        adopt(bench, CONTENT)
        assert bench.take(CONTENT) == 0
        bench.checks.finish()
        assert bench.states() == ["held"]


def test_what_was_adopted_and_refused_in_time_is_refused(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: REFUSE
        bench.checks.slow = True
        adopt(bench, CONTENT)
        bench.checks.slow = False
        assert bench.take(CONTENT) == 0xA905
        bench.checks.finish()
        assert bench.states() == ["refused", "refused"]


@pytest.mark.parametrize(
    ("reply", "states"), [(REFUSE, ["held", "refused"]), (Reply(), ["superseded", "queued"])]
)
def test_what_was_adopted_replaces_what_is_held_only_if_it_is_not_refused(
    tmp_path: Path, reply: Reply, states: list[str]
) -> None:
    other = data_set("2.25.77", filling=b"another" * 20)
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: HOLD
        assert bench.take(CONTENT) == 0
        bench.checks.reply = lambda task: reply
        adopt(bench, other)
        assert bench.states() == states


def test_what_is_held_when_it_is_adopted_is_told(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(CONTENT)
        (bench.spool.data / "no-row.dcm").write_bytes(
            part10_file("2.25.77", data_set("2.25.77", filling=b"another" * 20))
        )
        assert recover(bench.core).held == ((2, "2.25.77", OTHER_BYTES),)


def test_an_answer_that_was_lost_is_given_again_whatever_the_verdict_is_now(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        assert bench.take(CONTENT) == 0
        bench.checks.reply = lambda task: REFUSE
        assert bench.take(CONTENT) == 0
        assert bench.states() == ["queued"]


def test_bytes_in_place_of_a_missing_file_are_decided_like_any_others(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.slow = True
        assert bench.take(CONTENT) == 0
        bench.spool.remove(bench.journal.find("2.25.77")[0].file)
        bench.checks.slow = False
        bench.checks.reply = lambda task: REFUSE
        assert bench.take(CONTENT) == 0
        assert bench.states() == ["held"]


def test_what_one_archive_has_is_not_replaced_through_another(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.journal.destinations = ("one", "two")
        assert bench.take(CONTENT) == 0
        bench.journal.exchange("one", [])
        bench.journal.exchange("one", [Outcome(instance=1, state="delivered", detail="0000")], limit=0)
        bench.journal.exchange("two", [])
        bench.journal.exchange("two", [Outcome(instance=1, state="held", detail="A900")], limit=0)
        assert bench.states() == ["held"]
        assert bench.take(data_set("2.25.77", filling=b"another" * 20)) == 0
        assert bench.states() == ["held", "held"]


# --- studies --------------------------------------------------------------------------------------------


def test_what_comes_while_a_study_is_checked_waits_for_the_next_check(tmp_path: Path) -> None:
    with Bench(tmp_path, waits=True) as bench:
        member = Reply(study="2.25.1", member=b"m")
        bench.checks.reply = lambda task: Reply() if task.members else member
        studies = Studies(bench.core, 0.0, hold=True)
        assert bench.take(data_set("2.25.1"), "2.25.1") == 0
        studies.arrived("2.25.1")
        bench.checks.slow = True
        studies.look()
        bench.checks.slow = False
        assert bench.take(data_set("2.25.2"), "2.25.2") == 0
        bench.checks.finish()
        assert (bench.states("2.25.1"), bench.states("2.25.2")) == (["queued"], ["waiting"])


def test_a_study_that_was_not_quiet_yet_is_taken_up_again(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.checks.reply = lambda task: Reply(study="2.25.1", member=b"m")
        assert bench.take(CONTENT) == 0
        assert bench.journal.unfinished_studies(60.0) == ["2.25.1"]
        bench.journal.writer.do(lambda db: db.execute("UPDATE instances SET received=received-120"))
        assert bench.journal.unfinished_studies(60.0) == []


def test_what_is_told_comes_in_order_and_before_the_end() -> None:
    told: list[int] = []
    aside = Aside(told.append, "tell")
    for number in range(100):
        aside(number)
    aside.close(10)
    assert told == list(range(100))
    aside(100)
    assert told[-1] == 100


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a core sleeps; its clock goes on by them and by nothing else."""
    made: list[float] = []
    monkeypatch.setattr(cores, "monotonic", lambda: 100.0 + sum(made))
    monkeypatch.setattr(cores, "sleep", made.append)
    return made


def test_a_check_that_nobody_waits_for_gives_way_to_what_comes_in(tmp_path: Path, slept: list[float]) -> None:
    with Bench(tmp_path, observe=True) as bench:
        bench.core.give_way()
        assert slept == []  # nothing came
        bench.take(CONTENT)
        bench.core.give_way()
        assert slept == [pytest.approx(cores._CALM)]  # and nothing more


def test_a_check_gives_way_for_a_moment_and_checks_for_no_longer_than_a_burst(
    tmp_path: Path, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bench(tmp_path, observe=True) as bench:

        def comes(seconds: float) -> None:
            slept.append(seconds)
            bench.core._came = cores.monotonic()

        monkeypatch.setattr(cores, "sleep", comes)
        bench.checks.waiting = 1
        bench.take(CONTENT)
        bench.core._burst = bench.core._came
        bench.core.give_way()
        assert sum(slept) == pytest.approx(cores._MOMENT)
        for _ in range(100):
            bench.core.give_way()
        assert sum(slept) == pytest.approx(cores._BURST, abs=cores._MOMENT)
        bench.checks.waiting = 0  # it was all checked: a new burst
        bench.core.give_way()
        assert sum(slept) == pytest.approx(cores._BURST + cores._MOMENT, abs=cores._MOMENT)


def test_a_check_that_a_sender_waits_for_gives_way_to_nothing(tmp_path: Path, slept: list[float]) -> None:
    with Bench(tmp_path) as bench:
        bench.take(CONTENT)
        bench.core.give_way()
        assert slept == []
