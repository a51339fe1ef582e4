"""The acceptor: what is stored, what is answered, what is handed over."""

from __future__ import annotations

import hashlib
import socket
import threading
from pathlib import Path

import pytest
from network_peers import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    QUICK,
    VERIFICATION,
    Acceptor,
    FaultPeer,
    element,
    pdata,
    stored_data_set,
    write_instance,
)

from dcmlint.errors import InputError
from dcmlint.intake import part
from dcmlint.intake.dataset_head import parse_dataset_head, read_dataset_head
from dcmlint.intake.part import publish
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.receiver import ReceivedInstance, Receiver
from dcmlint.network.requestor.association import Dialogue, Target, associate, association_request
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import AcceptedContext, AssociateRequest, ProposedContext
from dcmlint.network.wire.pdu import REJECT_CALLING, Rejection

CONTEXTS = (ProposedContext(1, VERIFICATION, (IMPLICIT,)), ProposedContext(3, CT, (EXPLICIT,)))


def dialogue(port: int, contexts: tuple[ProposedContext, ...] = CONTEXTS, **target: object) -> Dialogue:
    to = Target(host="127.0.0.1", port=port, timeout=5, **target)  # type: ignore[arg-type]
    found, attempt, _ = associate(to, association_request(to, contexts), "test")
    assert found is not None, attempt
    return found


def end(found: Dialogue) -> None:
    assert found.release()
    found.close()


def test_an_instance_is_stored_bit_for_bit_and_its_facts_are_told(tmp_path: Path) -> None:
    content = write_instance(tmp_path / "a.dcm", "2.25.7", pixels=400_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", digest=True, durable=True) as acceptor:
        found = dialogue(acceptor.port)
        assert found.echo().status == 0
        response = found.store(tmp_path / "a.dcm")
        end(found)
        (facts,) = acceptor.wait()
    assert response.status == 0
    assert (response.sop_class, response.sop_instance) == (CT, "2.25.7")
    assert stored_data_set(tmp_path / "in" / "2.25.7.dcm") == content
    assert facts.end == "released"
    assert facts.problems == ()
    assert facts.echoes == 1
    assert facts.largest_pdu == 131072
    assert facts.oversized_pdus == 0
    (instance,) = facts.instances
    assert instance.context == AcceptedContext(3, CT, EXPLICIT)
    assert (instance.size, instance.status, instance.complete, instance.answered) == (
        len(content),
        0,
        True,
        True,
    )
    assert instance.sha256 == hashlib.sha256(content).hexdigest()
    (received,) = acceptor.received
    assert received.association.request.calling == "DCMLINT"
    assert received.sha256 == instance.sha256


def test_the_head_of_a_stored_file_is_a_file_of_the_standard(tmp_path: Path) -> None:
    dcmread = pytest.importorskip("pydicom").dcmread
    write_instance(tmp_path / "a.dcm", "2.25.71")
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor:
        found = dialogue(acceptor.port, called="GATE", calling="SCANNER")
        found.store(tmp_path / "a.dcm")
        end(found)
    read = dcmread(tmp_path / "in" / "2.25.71.dcm")
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID == "2.25.71"
    assert read.file_meta.TransferSyntaxUID == EXPLICIT
    assert read.file_meta.SendingApplicationEntityTitle == "SCANNER"
    assert read.file_meta.ReceivingApplicationEntityTitle == "GATE"


def test_the_status_that_the_handler_gives_is_answered(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor:
        acceptor.answers["2.25.1"] = Answer(0xA904, "TILE003", (0x00480006,))
        acceptor.answers["2.25.2"] = Answer(0xA700)
        found = dialogue(acceptor.port)
        statuses = []
        for number in (1, 2, 3):
            write_instance(tmp_path / "x.dcm", f"2.25.{number}")
            statuses.append(found.store(tmp_path / "x.dcm"))
        end(found)
        (facts,) = acceptor.wait()
    assert [answer.status for answer in statuses] == [0xA904, 0xA700, 0]
    assert (statuses[0].comment, statuses[0].offending) == ("TILE003", (0x00480006,))
    assert [instance.status for instance in facts.instances] == [0xA904, 0xA700, 0]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), InputError("the journal is locked")]
)
def test_a_handler_that_fails_leaves_the_instance_with_its_sender(tmp_path: Path, error: Exception) -> None:
    def broken(_: ReceivedInstance) -> Answer:
        raise error

    write_instance(tmp_path / "a.dcm", "2.25.1")
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", on_instance=broken) as acceptor:
        found = dialogue(acceptor.port)
        assert found.store(tmp_path / "a.dcm").status == 0xA700
        end(found)
        (facts,) = acceptor.wait()
    assert list((tmp_path / "in").iterdir()) == []
    assert [problem.kind for problem in facts.problems] == ["internal"]
    assert not facts.instances[0].stored


def test_a_handler_with_a_bug_aborts_the_association_and_nothing_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: raised.append(arguments.exc_type))

    def broken(_: ReceivedInstance) -> Answer:
        raise ZeroDivisionError

    write_instance(tmp_path / "a.dcm", "2.25.1")
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", on_instance=broken) as acceptor:
        found = dialogue(acceptor.port)
        with pytest.raises(Exception, match="aborted") as caught:
            found.store(tmp_path / "a.dcm")
        found.close()
        (facts,) = acceptor.wait()
        assert acceptor.receiver.wait(5)
    assert "service-provider" in str(caught.value)
    assert raised == [ZeroDivisionError]
    assert facts.end == "aborted"


def test_a_disk_that_does_not_take_it_is_answered_a700_after_the_data_set(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1", pixels=500_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor:
        found = dialogue(acceptor.port)
        (tmp_path / "in").rmdir()
        response = found.store(tmp_path / "a.dcm")
        assert response.status == 0xA700
        assert response.comment.startswith("cannot store")
        (tmp_path / "in").mkdir()
        assert found.store(tmp_path / "a.dcm").status == 0  # the association goes on
        end(found)
        (facts,) = acceptor.wait()
    assert [(instance.status, instance.stored) for instance in facts.instances] == [
        (0xA700, False),
        (0, True),
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_fills_up_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from dcmlint.intake import part

    real = os.write
    full = os.open("/dev/full", os.O_WRONLY)
    calls = 0

    def write(fd: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        return real(full if calls == 3 else fd, data)

    monkeypatch.setattr(part.os, "write", write)
    write_instance(tmp_path / "a.dcm", "2.25.1", pixels=900_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor:
        found = dialogue(acceptor.port)
        assert found.store(tmp_path / "a.dcm").status == 0xA700
        end(found)
        acceptor.wait()
    os.close(full)
    assert list((tmp_path / "in").iterdir()) == []
    assert acceptor.received == []


def test_an_instance_beyond_the_limit_is_refused_and_one_without_an_end_ends_the_association(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "_ENDLESS", 200_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", max_instance=20_000) as acceptor:
        found = dialogue(acceptor.port)
        write_instance(tmp_path / "a.dcm", "2.25.1", pixels=30_000)
        assert found.store(tmp_path / "a.dcm").status == 0x0110
        write_instance(tmp_path / "b.dcm", "2.25.2", pixels=19_000)
        assert found.store(tmp_path / "b.dcm").status == 0
        write_instance(tmp_path / "c.dcm", "2.25.3", pixels=300_000)
        with pytest.raises(Exception, match=r"aborted|closed|reset"):
            found.store(tmp_path / "c.dcm")
        found.close()
        (facts,) = acceptor.wait()
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["2.25.2.dcm"]
    assert [problem.kind for problem in facts.problems] == ["limit", "partial"]


def test_an_instance_can_be_refused_before_it_comes(tmp_path: Path) -> None:
    def on_store(command: dimse.Command, context: AcceptedContext, _: object) -> Answer | None:
        return Answer(0x0124, "not here") if command.sop_instance == "2.25.1" else None

    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", on_store=on_store) as acceptor:
        found = dialogue(acceptor.port)
        for number, status in ((1, 0x0124), (2, 0)):
            write_instance(tmp_path / "a.dcm", f"2.25.{number}")
            assert found.store(tmp_path / "a.dcm").status == status
        end(found)
        (facts,) = acceptor.wait()
    assert [instance.stored for instance in facts.instances] == [False, True]
    assert [r.command.sop_instance for r in acceptor.received] == ["2.25.2"]


def test_a_request_can_be_rejected(tmp_path: Path) -> None:
    def on_request(request: AssociateRequest, peer: str) -> Rejection | None:
        return REJECT_CALLING if request.calling == "NOBODY" and peer == "127.0.0.1" else None

    with Acceptor(
        tmp_path, on_request=on_request, acceptance=Acceptance(called=frozenset(("GATE",)))
    ) as acceptor:
        for calling, called, words in (
            ("NOBODY", "GATE", "calling AE title"),
            ("X", "NO", "called AE title"),
        ):
            to = Target(host="127.0.0.1", port=acceptor.port, calling=calling, called=called)
            none, attempt, _ = associate(to, association_request(to, CONTEXTS), "test")
            assert none is None
            assert attempt.outcome == "rejected"
            assert words in attempt.detail
        facts = acceptor.wait(2)
    assert [each.end for each in facts] == ["rejected", "rejected"]


def test_beyond_the_limit_associations_are_rejected_as_transient_and_places_come_back(tmp_path: Path) -> None:
    with Acceptor(tmp_path, max_associations=2) as acceptor:
        first, second = dialogue(acceptor.port), dialogue(acceptor.port)
        to = Target(host="127.0.0.1", port=acceptor.port)
        none, attempt, _ = associate(to, association_request(to, CONTEXTS), "third")
        assert none is None
        assert attempt.rejection is not None
        assert attempt.rejection.transient
        end(first)
        acceptor.wait(2)
        end(dialogue(acceptor.port))
        end(second)


def test_beyond_the_limit_connections_are_closed(tmp_path: Path) -> None:
    with Acceptor(tmp_path, max_connections=2) as acceptor:
        with FaultPeer(acceptor.port), FaultPeer(acceptor.port), FaultPeer(acceptor.port) as third:
            assert third.until_closed()[1] == b""
        assert acceptor.receiver.turned_away == 1


def test_commands_that_are_not_served_are_answered_and_the_association_goes_on(tmp_path: Path) -> None:
    find = dimse._encode(
        (
            (0x0002, b"1.2.840.10008.5.1.4.1.2.2.1\0"),
            (0x0100, b"\x20\0"),
            (0x0110, b"\5\0"),
            (0x0800, b"\1\0"),
        )
    )
    cancel = dimse._encode(((0x0100, b"\xff\x0f"), (0x0120, b"\5\0"), (0x0800, b"\1\1")))
    with Acceptor(tmp_path) as acceptor, FaultPeer(acceptor.port).associate() as peer:
        peer.send(pdata(3, 3, find) + pdata(3, 2, b"identifier"))
        _, body = peer.pdu()
        answer = dimse.decode(body[6:])
        assert (answer.name, answer.status, answer.responded_id) == ("C-FIND-RSP", 0x0211, 5)
        peer.send(pdata(3, 3, cancel) + pdata(1, 3, dimse.echo_request(6)))
        _, body = peer.pdu()
        assert dimse.decode(body[6:]).responded_id == 6
        peer.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert peer.pdu() == (6, bytes(4))
        peer.sock.close()
        (facts,) = acceptor.wait()
    assert facts.other_commands == ("C-FIND-RQ", "C-CANCEL-RQ")


def test_commands_and_data_sets_in_any_cut(tmp_path: Path) -> None:
    """Several PDVs in a PDU, one in many PDUs, empty ones, everything in single bytes."""
    content = write_instance(tmp_path / "a.dcm", "2.25.1")
    command = dimse.store_request(1, CT, "2.25.1")
    in_bytes = b"".join(
        pdata(3, 1 | (2 if n == len(command) - 1 else 0), command[n : n + 1]) for n in range(len(command))
    )
    both = pdata(3, 0, b"") + pdata(3, 0, content[:100])
    one = pdata(3, 0, content[100:300])[6:] + pdata(3, 0, content[300:])[6:]
    two = bytes((4, 0)) + len(one).to_bytes(4, "big") + one
    stream = in_bytes + both + two + pdata(3, 2, b"")
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor, FaultPeer(acceptor.port).associate() as peer:
        for size in (1, 7, 4096):
            for start in range(0, len(stream), size):
                peer.send(stream[start : start + size])
            _, body = peer.pdu()
            assert dimse.decode(body[6:]).status == 0
            assert stored_data_set(tmp_path / "in" / "2.25.1.dcm") == content


def test_pdus_larger_than_announced_are_taken_and_counted(tmp_path: Path) -> None:
    content = write_instance(tmp_path / "a.dcm", "2.25.1", pixels=300_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in", max_pdu=16384) as acceptor, FaultPeer(acceptor.port).associate() as peer:
        peer.send(pdata(3, 3, dimse.store_request(1, CT, "2.25.1")) + pdata(3, 2, content))
        peer.pdu()
        peer.send(b"\5\0\0\0\0\4\0\0\0\0").pdu()
        peer.sock.close()
        (facts,) = acceptor.wait()
    assert (facts.oversized_pdus, facts.largest_pdu) == (1, len(content) + 6)
    assert stored_data_set(tmp_path / "in" / "2.25.1.dcm") == content


def test_stopping_ends_what_is_open(tmp_path: Path) -> None:
    acceptor = Acceptor(tmp_path)
    with acceptor:
        peers = [FaultPeer(acceptor.port).associate() for _ in range(5)]
    assert {each.end for each in acceptor.ended} == {"stopped"}
    assert len(acceptor.ended) == 5
    for peer in peers:
        peer.sock.close()


def test_an_address_that_is_taken_is_an_input_error(tmp_path: Path) -> None:
    with Acceptor(tmp_path) as acceptor, pytest.raises(InputError, match="cannot listen"):
        Acceptor(tmp_path, port=acceptor.port).receiver.start()
    with pytest.raises(InputError, match="not a directory"):
        Acceptor(tmp_path / "absent").receiver.start()
    with pytest.raises(InputError):
        _ = Receiver(acceptor.receiver.settings, acceptor.receiver.handlers).address


def test_it_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    with Acceptor(tmp_path) as acceptor:
        assert acceptor.receiver.address[0] == "127.0.0.1"
        if socket.has_ipv6:
            with Acceptor(tmp_path, host="::1") as six, FaultPeer(acceptor.port):
                assert six.receiver.address[0] == "::1"


def test_what_an_earlier_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1")
    (tmp_path / "in").mkdir()
    names: list[str] = []

    def leave(instance: ReceivedInstance) -> Answer:
        names.append(instance.path.name)
        return Answer()

    for _ in range(2):
        with Acceptor(tmp_path / "in", on_instance=leave) as acceptor:
            found = dialogue(acceptor.port)
            assert found.store(tmp_path / "a.dcm").status == 0
            end(found)
    assert len(set(names)) == 2
    assert sorted(names) == acceptor.parts()


def test_publishing_gives_the_name_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"new")
    (tmp_path / "a.dcm").write_bytes(b"old")
    publish(tmp_path / "a.part", tmp_path / "a.dcm")
    assert (tmp_path / "a.dcm").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.dcm"]


def test_idle_associations_keep_their_place_and_time_out(tmp_path: Path) -> None:
    with Acceptor(tmp_path, timeouts=QUICK) as acceptor:
        found = dialogue(acceptor.port)
        (facts,) = acceptor.wait()
        found.close()
    assert facts.end == "timeout"
    assert [problem.kind for problem in facts.problems] == ["idle-timeout"]
    assert 0.5 < facts.seconds < 3


# --- the head of a data set --------------------------------------------------------------------------


def test_the_head_of_a_data_set_tells_its_encoding(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.9")
    head = read_dataset_head(tmp_path / "a.dcm")
    assert (head.encoding, head.sop_class, head.sop_instance, head.group2) == (
        "explicit little",
        CT,
        "2.25.9",
        False,
    )
    implicit = b"\x08\0\x16\0\x06\0\0\x001.2.3\0" + b"\x08\0\x18\0\x06\0\0\x001.2.4\0"
    assert parse_dataset_head(implicit).sop_instance == "1.2.4"
    assert parse_dataset_head(implicit).encoding == "implicit little"
    big = b"\0\x08\0\x16UI\0\x061.2.3\0"
    assert (parse_dataset_head(big).encoding, parse_dataset_head(big).sop_class) == ("explicit big", "1.2.3")
    meta = element(0x0002, 0x0010, b"UI", JPEG.encode()) + element(0x0008, 0x0016, b"UI", b"1.2.3")
    assert parse_dataset_head(meta).group2
    assert parse_dataset_head(bytes(128) + b"DICM" + meta).group2
    assert parse_dataset_head(b"").encoding == "empty"
    assert parse_dataset_head(b"\xff\xd8\xff\xe0\0\x10JFIF").encoding == "deflated or unknown"


def _in_sequence(*, explicit: bool) -> bytes:
    """A study UID in the item of a sequence without lengths, and then that of the data set (PS3.5 7.5.2)."""
    undefined = b"\xff\xff\xff\xff"
    inner, outer = (
        (element(0x0020, 0x000D, b"UI", uid) if explicit else b"\x20\0\x0d\0\x08\0\0\0" + uid)
        for uid in (b"2.25.77\0", b"2.25.55\0")
    )
    first = element(0x0008, 0x0016, b"UI", b"1.2.3\0") if explicit else b"\x08\0\x16\0\x06\0\0\x001.2.3\0"
    sequence = b"\x08\0\x40\x11" + (b"SQ\0\0" if explicit else b"") + undefined
    item = b"\xfe\xff\x00\xe0" + undefined + inner + b"\xfe\xff\x0d\xe0" + bytes(4)
    return first + sequence + item + b"\xfe\xff\xdd\xe0" + bytes(4) + outer


@pytest.mark.parametrize("explicit", [True, False])
def test_the_study_is_that_of_the_data_set_and_of_no_item(explicit: bool) -> None:
    data = _in_sequence(explicit=explicit)
    assert parse_dataset_head(data).study == "2.25.55"
    for end in range(len(data)):
        assert parse_dataset_head(data[:end]).study == ""


def test_a_study_that_stands_behind_what_cannot_be_stepped_over_is_not_known() -> None:
    first = element(0x0008, 0x0016, b"UI", b"1.2.3\0")
    unknown = b"\x09\0\x10\0UN\0\0\xff\xff\xff\xff"
    assert parse_dataset_head(first + unknown + element(0x0020, 0x000D, b"UI", b"2.25.1\0")).study == ""
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0" + bytes(4)
    assert parse_dataset_head(first + pixels).study == ""


def test_a_digest_is_right_after_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import os

    write = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: write(fd, bytes(data)[:1000]) if len(data) > 2000 else write(fd, data)
    )
    (tmp_path / "in").mkdir()
    content = write_instance(tmp_path / "a.dcm", "2.25.1", pixels=40_000)
    with Acceptor(tmp_path / "in", digest=True) as acceptor:
        found = dialogue(acceptor.port)
        assert found.store(tmp_path / "a.dcm").status == 0
        end(found)
        (facts,) = acceptor.wait(1)
    assert facts.instances[0].sha256 == hashlib.sha256(content).hexdigest()
