"""`action: fix`: what is repaired between sender and archive, what is not, and that what came is kept."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from time import time

import pydicom
import pytest
from gate_support import (
    CT,
    EXPLICIT,
    PROFILE,
    Bench,
    GateProcess,
    data_set,
    element,
    finding,
    free_port,
    part10_file,
    sha,
    stored,
    until,
    write_config,
)
from network_peers import need, run, storescp

from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.gate import operate
from dcmlint.gate.explain import explain
from dcmlint.gate.journal import Journal
from dcmlint.gate.recovery import recover
from dcmlint.gate.repairing_child import repaired
from dcmlint.gate.settings import Forward, GateSettings
from dcmlint.gate.space import Space
from dcmlint.gate.spool import digest, read_identity
from dcmlint.intake.child import check
from dcmlint.intake.policy import Policy
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import ProfileFacts, Repair, Reply

FIXING = PROFILE.replace("warning: quarantine", "warning: fix").replace("GTT: on", "GTT: on, VR111: on")
UID = "2.25.77"


def dotted(uid: str = UID, **options: bool) -> bytes:
    """A data set whose Study Date is written as ACR-NEMA did: VR111."""
    content = data_set(uid, **options)
    at = content.index(element(0x0010, 0x0010, b"PN", b"Marker^Patient"))
    return content[:at] + element(0x0008, 0x0020, b"DA", b"2024.03.15") + content[at:]


# --- the whole way ----------------------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.parametrize("_", [pytest.param("", marks=[need("storescu"), need("storescp")])])
def test_what_is_repaired_reaches_the_archive_and_what_came_is_kept(tmp_path: Path, _: str) -> None:
    (tmp_path / "archive").mkdir()
    page = free_port()
    with storescp(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive, extra=f"[page]\nport = {page}")
        (config.parent / "profile.yaml").write_text(FIXING)
        for number, content in enumerate(
            (dotted("2.25.1"), data_set("2.25.2"), dotted("2.25.3", refused=True))
        ):
            (tmp_path / f"{number}.dcm").write_bytes(part10_file(f"2.25.{number + 1}", content))
        with GateProcess(config) as gate:
            files = [str(tmp_path / f"{number}.dcm") for number in range(3)]
            done = run(["storescu", "-nh", "-v", "127.0.0.1", str(gate.port), *files])
            assert "DataSetDoesNotMatchSOPClass" in done.stderr  # the third: an error that nothing repairs
            until(lambda: len(list((tmp_path / "archive").iterdir())) == 2)
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=5) as answer:
                assert "dcmlint_gate_repaired_total 1.0" in answer.read().decode()
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/instances/1", timeout=5) as answer:
                shown = answer.read().decode()
            assert "VR111 write the date without dots: StudyDate" in shown
            assert "2024" not in re.sub(r"20\d\d-\d\d-\d\d", "", shown)  # the date of the study is masked
            assert gate.stop() == 0
    there = {path.name.split(".", 1)[1]: path for path in (tmp_path / "archive").iterdir()}
    assert stored(there["2.25.2"]) == data_set("2.25.2")
    made = pydicom.dcmread(there["2.25.1"])
    assert (made.StudyDate, made.SOPInstanceUID) == ("20240315", "2.25.1")
    assert made.PixelData == bytes(64)
    original = made.OriginalAttributesSequence[0]
    assert original.NonconformingModifiedAttributesSequence[0].NonconformingDataElementValue == b"2024.03.15"
    assert made.ContributingEquipmentSequence[0].ContributionDescription == "Repaired: VR111"
    journal = Journal(config.parent / "spool" / "journal.sqlite")
    try:
        row, _, refused = journal.rows("1")
        data = config.parent / "spool" / "data"
        assert (row.sha256, stored(data / row.file)) == (sha(dotted("2.25.1")), dotted("2.25.1"))
        assert stored(data / row.repaired) == stored(there["2.25.1"])
        assert (refused.state, refused.repaired) == ("refused", "")
        assert {path.name for path in data.iterdir()} == {
            f for one in journal.rows("kept=1") for f in one.files
        }
        (event,) = [one for one in journal.events(1) if one.state == "repaired"]
        assert event.why == "1 change for VR111; what came is kept"
        assert event.sha256 == sha(stored(data / row.repaired))
        assert operate.audit(journal, config.parent / "spool") == []
        content = (data / row.repaired).read_bytes()
        (data / row.repaired).write_bytes(content[:-1] + b"!")
        (found,) = operate.audit(journal, config.parent / "spool")
        assert f"{row.repaired} was altered" in found
    finally:
        journal.close()


# --- the child ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    path = tmp_path_factory.mktemp("profile") / "profile.yaml"
    path.write_text(FIXING)
    return Checker(Settings(profile=str(path)))


def policy(**fields: object) -> Policy:
    facts = ProfileFacts(name="p", action={"error": "refuse", "warning": "fix"}, locked=frozenset({"GTT001"}))
    return Policy(profile=facts, observe=False, **fields)  # type: ignore[arg-type]


def tried(checker: Checker, folder: Path, content: bytes, made: Policy, **fields: str) -> Reply:
    (folder / "a.part").write_bytes(part10_file(UID, content))
    task = Task(
        path=str(folder / "a.part"), name=UID, repaired=str(folder / "a.repaired"),
        **{"sop_class": CT, "sop_instance": UID, "transfer_syntax": EXPLICIT, **fields},  # type: ignore[arg-type]
    )  # fmt: skip
    return repaired(checker, made, task, check(checker, task))


def test_a_repair_is_written_beside_and_checked_again(tmp_path: Path, checker: Checker) -> None:
    (tmp_path / "a.repaired").write_bytes(b"of an earlier attempt")
    reply = tried(checker, tmp_path, dotted(), policy())
    assert reply.findings == ()
    assert reply.repair is not None
    assert (reply.repair.rules, reply.repair.count, reply.repair.file) == (("VR111",), 1, "a.repaired")
    identity = read_identity(tmp_path / "a.repaired")
    assert (reply.repair.sha256, reply.repair.size) == digest(tmp_path / "a.repaired", identity.offset)
    assert stored(tmp_path / "a.part") == dotted()
    assert policy().decide(reply).why == "repaired: VR111"


@pytest.mark.parametrize(
    "content", [data_set(UID), data_set(UID, held=True), dotted()[:-80]], ids=["good", "no repair", "cut"]
)
def test_what_needs_none_or_has_none_is_left_alone(tmp_path: Path, checker: Checker, content: bytes) -> None:
    reply = tried(checker, tmp_path, content, policy())
    assert reply.repair is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]


def test_a_gate_that_observes_says_what_it_would_do(tmp_path: Path, checker: Checker) -> None:
    observing = policy()
    observing = Policy(profile=observing.profile, observe=True)
    reply = tried(checker, tmp_path, dotted(), observing)
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]
    verdict = observing.decide(reply)
    assert (verdict.action, verdict.would, verdict.why) == (
        "accept",
        "fix",
        "observed only; would be repaired: VR111",
    )
    assert verdict.repair is None


def test_a_repair_never_makes_another_instance_of_it(tmp_path: Path, checker: Checker) -> None:
    reply = tried(checker, tmp_path, dotted(), policy(), sop_instance="2.25.78")
    assert reply.repair is None
    assert reply.not_repaired == "it would be another instance then"
    assert "not repaired: it would be another instance then" in policy().decide(reply).why
    assert not (tmp_path / "a.repaired").exists()


def test_a_repair_that_cannot_be_written_holds_the_instance(tmp_path: Path, checker: Checker) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "a.part").write_bytes(part10_file(UID, dotted()))
    task = Task(
        path=str(tmp_path / "a.part"), repaired=str(tmp_path / "file" / "a.repaired"), sop_class=CT, sop_instance=UID,
        transfer_syntax=EXPLICIT,
    )  # fmt: skip
    reply = repaired(checker, policy(), task, check(checker, task))
    assert reply.internal.startswith("could not be repaired: ")
    assert policy().decide(reply).action == "quarantine"


# --- the policy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "rules", "action"),
    [
        ("warning", {}, "accept"),
        ("error", {"PIX001": "fix"}, "refuse"),
        ("error", {}, "refuse"),
        ("info", {"PIX001": "fix"}, "accept"),
    ],
)
def test_what_is_not_repaired_counts_as_if_nothing_were_said(
    severity: str, rules: dict[str, str], action: str
) -> None:
    found = finding("PIX001", severity)
    assert policy(rules=rules).decide(Reply(findings=(found,))).action == action


def test_a_rule_that_is_locked_is_not_repaired_where_it_is_refused() -> None:
    assert policy(rules={"GTT001": "fix"}).to_repair([finding("GTT001", "error")]) == frozenset()


def test_nothing_is_repaired_unless_it_is_said() -> None:
    silent = Policy(profile=ProfileFacts(name="p"), observe=False)
    assert (
        silent.to_repair([finding("GTT001", severity) for severity in ("error", "warning", "info")])
        == frozenset()
    )


# --- the core -----------------------------------------------------------------------------------------------


def fixing(bench: Bench, findings: tuple[object, ...] = ()) -> None:
    """Checks that repair: the repaired file is beside the one that came."""

    def reply(task: Task) -> Reply:
        target = Path(task.repaired)
        target.write_bytes(part10_file(task.sop_instance, data_set(task.sop_instance)))
        content = data_set(task.sop_instance)
        repair = Repair(rules=("VR111",), count=1, file=target.name, sha256=sha(content), size=len(content))
        return Reply(study="2.25.1", repair=repair, findings=findings)  # type: ignore[arg-type]

    bench.checks.reply = reply


def names(bench: Bench) -> set[str]:
    return {file for row in bench.journal.rows("kept=1") for file in row.files}


def test_what_is_delivered_is_the_repaired_file(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench)
        assert bench.take(dotted()) == 0
        (row,) = bench.journal.find(UID)
        (delivery,) = bench.journal.exchange("archive", [])
        assert delivery.file == row.repaired != row.file
        assert row.sha256 == sha(dotted())
        # The same again: one file of each.
        assert bench.take(dotted()) == 0
        assert set(bench.spool.names()) == set(row.files)
        assert any("repaired before it is forwarded" in line for line in explain(bench.journal, UID))


def test_a_late_repair_is_forwarded_too(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench)
        bench.checks.slow = True
        assert bench.take(dotted()) == 0
        bench.checks.finish()
        assert bench.core.rest(10)
        (row,) = bench.journal.find(UID)
        assert (row.state, set(bench.spool.names())) == ("queued", set(row.files))
        assert row.repaired


def test_a_repair_that_comes_after_its_duplicate_was_dropped_is_dropped_too(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench)
        assert bench.take(dotted()) == 0
        bench.checks.slow = True
        assert bench.take(dotted()) == 0
        bench.checks.finish()
        assert bench.core.rest(10)
        assert set(bench.spool.names()) == names(bench)


def test_what_is_refused_after_all_leaves_no_repair(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench, (finding(),))
        assert bench.take(dotted()) == 0xA905
        assert [row.repaired for row in bench.journal.find(UID)] == [""]
        assert set(bench.spool.names()) == names(bench)


def test_what_is_held_is_released_exported_and_discarded_with_its_repair(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench, (finding("GTT002", "warning"),))
        for uid in ("2.25.1", "2.25.2"):
            bench.take(dotted(uid), uid)
        one, two = bench.journal.rows("state='held'")
        made = operate.export(bench.journal, bench.spool.folder, [one], tmp_path / "out", who="a", reason="b")
        assert [path.name for path in made] == ["2.25.1-1.dcm", "2.25.1-1-repaired.dcm"]
        assert stored(made[0]) == dotted("2.25.1")
        operate.release(bench.journal, [one], who="a", reason="b")
        assert [d.file for d in bench.journal.exchange("archive", [])] == [one.repaired]
        operate.discard(bench.journal, bench.spool.folder, [two], who="a", reason="b")
        assert set(bench.spool.names()) == set(one.files)


def test_after_a_kill_a_repair_without_a_row_is_made_anew(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        fixing(bench)
        bench.checks.slow = True
        assert bench.take(dotted()) == 0
        (row,) = bench.journal.find(UID)
        (bench.spool.data / "orphan.repaired").write_bytes(b"half")
        bench.spool.path(row.file).with_suffix(".repaired").write_bytes(b"half")
        bench.checks.later.clear()  # they died with the process
        bench.core._checked.clear()
        bench.checks.slow = False
        assert recover(bench.core).rechecked == 1
        assert bench.core.rest(10)
        (row,) = bench.journal.find(UID)
        assert (row.state, set(bench.spool.names())) == ("queued", set(row.files))
        assert stored(bench.spool.path(row.repaired)) == data_set(UID)


def test_what_came_outlives_the_copies_of_what_the_archive_has(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        bench.take(data_set("2.25.1"), "2.25.1")
        fixing(bench)
        bench.take(dotted("2.25.2"), "2.25.2")
        bench.journal.move([1, 2], "delivered", who="test", why="before")
        forward = (Forward(name="archive", host="a", port=1, called="A"),)
        watch = Space(bench.spool, bench.journal, GateSettings(spool="", forward=forward))
        bench.journal.writer.do(
            lambda db: db.execute("UPDATE instances SET changed=?", (time() - 2 * 86400,))
        )
        watch.free = 1 << 40
        assert watch.tidy() == 1
        assert [row.uid for row in bench.journal.rows("kept=1")] == ["2.25.2"]
        bench.journal.writer.do(
            lambda db: db.execute("UPDATE instances SET changed=?", (time() - 91 * 86400,))
        )
        assert watch.tidy() == 1
        assert bench.spool.names() == []
