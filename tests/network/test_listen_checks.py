"""Instances are checked in processes of their own: one that is slow or huge costs nobody else anything."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from network_peers import CT, EXPLICIT, ProposedContext, element, write_instance

from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings as CheckSettings
from dcmlint.intake import part10
from dcmlint.intake.folder import incoming_folder
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.settings import Settings
from dcmlint.network.listen_settings import ListenSettings
from dcmlint.network.listening import Event, Listening
from dcmlint.network.pending import Earlier, Verdict
from dcmlint.network.requestor.association import Dialogue, Target, associate, association_request
from dcmlint.network.wire.pdu import WireError

MEMORY = 110 << 20


@contextmanager
def listening(folder: Path, **settings: object) -> Iterator[tuple[Listening, int]]:
    """A listener in a thread; it is stopped in the end."""
    (folder / "in").mkdir(parents=True)
    made = Listening(
        Checker(CheckSettings(profile="dicom")),
        ListenSettings(receive=Settings(directory=folder / "in"), **settings),  # type: ignore[arg-type]
        lambda told: None,
    )
    ready = threading.Event()
    ports: list[int] = []

    def begun(host: str, port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=made.run, args=(begun,))
    thread.start()
    assert ready.wait(60)
    try:
        yield made, ports[0]
    finally:
        made.stop()
        thread.join(30)
        assert not thread.is_alive()


def dialogue(port: int) -> Dialogue:
    target = Target(host="127.0.0.1", port=port, calling="SCANNER", timeout=60)
    made, attempt, _ = associate(
        target, association_request(target, (ProposedContext(1, CT, (EXPLICIT,)),)), "test"
    )
    assert made is not None, attempt
    return made


def huge(path: Path, uid: str, items: int = 1_000_000) -> None:
    """A file whose data set is a sequence of very many items; its header seems to be short."""
    item = element(0x0008, 0x0100, b"SH", b"A ") + element(0x0008, 0x0102, b"SH", b"DCM ")
    item = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    sequence = b"\x08\x00\x40\x11SQ\0\0" + (items * len(item)).to_bytes(4, "little") + item * items
    head = element(0x0007, 0x1001, b"OB", b"\xe0\x7f\x10\0")  # looks like the tag of Pixel Data
    head += element(0x0008, 0x0016, b"UI", CT.encode()) + element(0x0008, 0x0018, b"UI", uid.encode())
    path.write_bytes(part10.file_meta(CT, uid, EXPLICIT, "TEST", "TEST") + head + sequence)


@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name == "nt", reason="limits of memory are POSIX")
def test_an_instance_that_takes_too_much_memory_is_one_finding_and_refuses_nobody(tmp_path: Path) -> None:
    huge(tmp_path / "huge", "2.25.66")
    write_instance(tmp_path / "small", "2.25.7")
    with listening(tmp_path, status="by-policy", keep=None, memory=MEMORY, deadline=120.0) as (made, port):
        statuses: list[int | None] = []
        first = dialogue(port)
        sender = threading.Thread(target=lambda: statuses.append(first.store(tmp_path / "huge").status))
        sender.start()
        second = dialogue(port)
        # The profile refuses it for its errors: it was checked, and not told to come again.
        assert second.store(tmp_path / "small").status == 0xA901
        sender.join(120)
        for one in (first, second):
            one.release()
            one.close()
    assert statuses == [0]  # kept for a person: that it cannot be checked is no fault of its sender's
    report = made.report(started=0.0, fail_on="error", config=None)
    assert {one.status for one in report.files} == {"checked", "unreadable"}
    (finding,) = [one for one in report.findings if one.rule == "FILE902"]
    assert "Cannot be checked: more than 110 MB of memory" in finding.message
    assert report.exit_code == 4


@pytest.mark.timeout(120)
def test_what_is_still_being_checked_at_the_end_is_reported_as_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmlint.network.listening._STOP_SECONDS", 0.1)
    write_instance(tmp_path / "a", "2.25.1")
    with listening(tmp_path) as (made, port):
        monkeypatch.setattr(made._checks, "submit", lambda task: Never())
        sender = dialogue(port)
        assert sender.store(tmp_path / "a").status == 0
        sender.release()
        sender.close()
    report = made.report(started=0.0, fail_on="error", config=None)
    assert [one.status for one in report.files] == ["unreadable"]
    assert "the run was stopped before" in report.findings[0].message
    assert report.exit_code == 4


class Never:
    """A check that does not end."""

    def then(self, later: object) -> None:
        """Nobody is called."""


@pytest.mark.timeout(120)
def test_a_sender_that_waits_when_the_run_ends_keeps_its_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmlint.network.listening._STOP_SECONDS", 0.1)
    write_instance(tmp_path / "a", "2.25.1")
    outcomes: list[int | None] = []
    (tmp_path / "kept").mkdir()
    with listening(tmp_path, status="by-policy", keep=tmp_path / "kept") as (made, port):
        submitted = threading.Event()

        def submit(task: object) -> Never:
            submitted.set()
            return Never()

        monkeypatch.setattr(made._checks, "submit", submit)
        sender = dialogue(port)

        def send() -> None:
            try:
                outcomes.append(sender.store(tmp_path / "a").status)
            except WireError:  # closed without an answer, which is no acknowledgment either
                outcomes.append(None)

        thread = threading.Thread(target=send)
        thread.start()
        assert submitted.wait(30)
    thread.join(30)
    sender.close()
    assert len(outcomes) == 1
    assert outcomes != [0]
    assert made.report(started=0.0, fail_on="error", config=None).files == ()
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.timeout(120)
def test_the_same_uid_with_other_bytes_is_refused_by_policy(tmp_path: Path) -> None:
    profile = tmp_path / "gate.yaml"
    profile.write_text(
        "id: gate\nversion: '1'\ntitle: A gate\nextends: [dicom]\nrules: {ALL: off, NET502: error}\n"
    )
    told: list[Event] = []
    (tmp_path / "in").mkdir()
    (tmp_path / "kept").mkdir()
    made = Listening(
        Checker(CheckSettings(profile=str(profile))),
        ListenSettings(
            receive=Settings(directory=tmp_path / "in"), status="by-policy", keep=tmp_path / "kept", deadline=60.0
        ),
        told.append,
    )  # fmt: skip
    ports: list[int] = []
    ready = threading.Event()
    thread = threading.Thread(target=made.run, args=(lambda host, port: (ports.append(port), ready.set()),))
    thread.start()
    assert ready.wait(60)
    sender = dialogue(ports[0])
    write_instance(tmp_path / "a", "2.25.1")
    write_instance(tmp_path / "b", "2.25.1", pixels=8)
    assert sender.store(tmp_path / "a").status == 0
    answer = sender.store(tmp_path / "b")
    assert (answer.status, answer.comment[:6]) == (0xA900, "NET502")
    sender.release()
    sender.close()
    made.stop()
    thread.join(30)
    assert sorted(str(one.relative_to(tmp_path / "kept")) for one in (tmp_path / "kept").rglob("*.dcm")) == [
        "2.25.1.dcm",
        "refused/2.25.1-2.dcm",
    ]


def test_a_verdict_is_given_or_given_up_never_both() -> None:
    late = Verdict()
    assert late.wait(0.0) is None
    assert not late.claim()
    early = Verdict()
    assert early.claim()
    early.give_up()
    early.give(Answer(0xA900))
    assert early.wait(0.0) == Answer(0xA900)
    given_up = Verdict()
    given_up.give_up()
    assert given_up.wait(3600.0) is None


def test_what_came_earlier_is_remembered_up_to_a_number(tmp_path: Path) -> None:
    earlier = Earlier(most=2)
    assert earlier.digest("1.1", "aa") == ""
    assert earlier.digest("1.1", "bb") == "aa"
    assert earlier.digest("1.2", "cc") == earlier.digest("1.3", "dd") == ""
    assert earlier.digest("1.1", "bb") == ""  # forgotten
    (tmp_path / "1.1.dcm").touch()
    assert earlier.name("1.1", tmp_path) == "1.1-2.dcm"
    assert earlier.name("1.1", tmp_path) == "1.1-3.dcm"
    assert earlier.name("../x", tmp_path) == "instance.dcm"


@pytest.mark.skipif(os.name == "nt", reason="locks are POSIX")
def test_what_a_killed_process_left_is_removed_and_what_another_one_uses_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".dcmlint-incoming-x"
    left.mkdir()
    (left / "a.part").touch()
    with incoming_folder(tmp_path) as first, incoming_folder(tmp_path) as second:
        assert not left.exists()
        assert first != second
        assert {one.name for one in tmp_path.iterdir()} == {first.name, second.name}
    assert list(tmp_path.iterdir()) == []
