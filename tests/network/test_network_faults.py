"""Peers that misbehave: each ends in a recorded problem within its time, and others are served meanwhile."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from network_peers import (
    CT,
    EXPLICIT,
    Acceptor,
    FaultPeer,
    data_set,
    pdata,
    request_bytes,
    write_instance,
)
from test_network_receive import dialogue, end

from dcmlint.network.acceptor.settings import Timeouts
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import ProposedContext

LONG = {"handshake": 60.0, "request": 60.0, "pdu": 60.0, "idle": 60.0}
STORE = dimse.store_request(1, CT, "2.25.1")
CONTENT = data_set(CT, "2.25.1", 3000)


def silent(peer: FaultPeer) -> None:
    pass


def half_a_header(peer: FaultPeer) -> None:
    peer.send(b"\1\0\0")


def half_a_request(peer: FaultPeer) -> None:
    peer.send(request_bytes()[:50])


def drip(peer: FaultPeer) -> None:
    """A byte at a time: slower than the deadline allows, never silent for long."""
    for byte in request_bytes():
        try:
            peer.send(bytes((byte,)))
        except OSError:
            return
        time.sleep(0.05)


def huge_request(peer: FaultPeer) -> None:
    peer.send(b"\1\0\xff\xff\xff\xff" + bytes(100))


def lying_request(peer: FaultPeer) -> None:
    request = bytearray(request_bytes())
    request[6 + 68 + 2 : 6 + 68 + 4] = b"\xff\xff"  # the length of the application context item
    peer.send(bytes(request))


def http(peer: FaultPeer) -> None:
    peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def tls(peer: FaultPeer) -> None:
    peer.send(b"\x16\3\1\2\0\1\0\1\xfc\3\3" + bytes(32))


def data_first(peer: FaultPeer) -> None:
    peer.send(pdata(1, 3, dimse.echo_request(1)))


def abort_first(peer: FaultPeer) -> None:
    peer.send(b"\7\0\0\0\0\4\0\0\0\0")


def half_a_pdu(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT)[:500])


def silence_in_a_message(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT))


def silence_in_a_command(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 1, STORE[:20]))


def huge_pdu(peer: FaultPeer) -> None:
    peer.associate().send(struct.pack(">BxIIBB", 4, 0xFFFFFFF0, 0xFFFFFFEC, 3, 0) + bytes(1000))


def huge_command(peer: FaultPeer) -> None:
    """Nothing but its length is sent: what ends at once has not waited for the bytes."""
    size = 16 << 20
    peer.associate().send(struct.pack(">BxIIBB", 4, size - 4, size - 8, 3, 1))


def pdv_too_long(peer: FaultPeer) -> None:
    peer.associate().send(struct.pack(">BxIIBB", 4, 100, 5000, 3, 3) + bytes(94))


def pdv_too_short(peer: FaultPeer) -> None:
    peer.associate().send(struct.pack(">BxIIBB", 4, 100, 1, 3, 3) + bytes(94))


def pdu_too_short(peer: FaultPeer) -> None:
    peer.associate().send(b"\4\0\0\0\0\3abc")


def wrong_context(peer: FaultPeer) -> None:
    peer.associate().send(pdata(99, 3, STORE))


def data_in_another_context(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(1, 2, CONTENT))


def data_without_command(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 2, CONTENT))


def command_for_data(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 3, STORE))


def endless_command(peer: FaultPeer) -> None:
    peer.associate()
    for _ in range(9):
        peer.send(pdata(3, 1, bytes(10_000)))


def command_of_garbage(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, b"\xff" * 60))


def early_answer(peer: FaultPeer) -> None:
    request = dimse.decode(STORE)
    peer.associate().send(pdata(3, 3, dimse.response(request, dimse.Answer())))


def request_again(peer: FaultPeer) -> None:
    peer.associate().send(request_bytes())


def abort_in_the_middle(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT) + b"\7\0\0\0\0\4\0\0\2\0")


def close_in_the_middle(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT))
    peer.sock.close()


def reset_in_the_middle(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT))
    time.sleep(0.1)
    peer.reset()


def release_in_the_middle(peer: FaultPeer) -> None:
    peer.associate().send(pdata(3, 3, STORE) + pdata(3, 0, CONTENT) + b"\5\0\0\0\0\4\0\0\0\0")
    peer.pdu()
    peer.sock.close()


def close_at_once(peer: FaultPeer) -> None:
    peer.sock.close()


# fault -> how it ends, and the problems that are recorded
CASES: dict[Callable[[FaultPeer], None], tuple[str, list[str]]] = {
    silent: ("timeout", ["request-timeout"]),
    half_a_header: ("timeout", ["request-timeout"]),
    half_a_request: ("timeout", ["request-timeout"]),
    drip: ("timeout", ["request-timeout"]),
    huge_request: ("aborted", ["pdu-length"]),
    lying_request: ("aborted", ["associate"]),
    http: ("aborted", ["not-dicom"]),
    tls: ("aborted", ["not-dicom"]),
    data_first: ("aborted", ["unexpected"]),
    abort_first: ("aborted by peer", []),
    half_a_pdu: ("timeout", ["pdu-timeout", "partial"]),
    silence_in_a_message: ("timeout", ["pdu-timeout", "partial"]),
    silence_in_a_command: ("timeout", ["pdu-timeout"]),
    huge_pdu: ("aborted", ["pdu-length"]),
    huge_command: ("aborted", ["command"]),
    pdv_too_long: ("aborted", ["pdv-length"]),
    pdv_too_short: ("aborted", ["pdv-length"]),
    pdu_too_short: ("aborted", ["pdv-length"]),
    wrong_context: ("aborted", ["context"]),
    data_in_another_context: ("aborted", ["context", "partial"]),
    data_without_command: ("aborted", ["message"]),
    command_for_data: ("aborted", ["message", "partial"]),
    endless_command: ("aborted", ["command"]),
    command_of_garbage: ("aborted", ["command"]),
    early_answer: ("aborted", ["message"]),
    request_again: ("aborted", ["unexpected"]),
    abort_in_the_middle: ("aborted by peer", ["partial"]),
    close_in_the_middle: ("closed", ["closed", "partial"]),
    reset_in_the_middle: ("closed", ["reset", "partial"]),
    release_in_the_middle: ("released", ["message", "partial"]),
    close_at_once: ("closed", ["closed"]),
}


def patience(kinds: list[str]) -> Timeouts:
    """Short only where it is waited for: a busy machine must not end what should end in another way."""
    for kind, name in (("request-timeout", "request"), ("pdu-timeout", "pdu")):
        if kind in kinds:
            return Timeouts(**{**LONG, name: 0.4})
    return Timeouts(**LONG)


@pytest.mark.parametrize("fault", CASES, ids=lambda fault: fault.__name__)
def test_a_fault_ends_in_time_and_is_recorded(fault: Callable[[FaultPeer], None], tmp_path: Path) -> None:
    ended, kinds = CASES[fault]
    with Acceptor(tmp_path, timeouts=patience(kinds)) as acceptor:
        with FaultPeer(acceptor.port) as peer:
            fault(peer)
            if peer.sock.fileno() >= 0:
                peer.until_closed(LONG["request"] / 2)  # before any time but the short one is over
        (facts,) = acceptor.wait(timeout=LONG["request"])
        assert (facts.end, [problem.kind for problem in facts.problems]) == (ended, kinds)
        assert acceptor.parts() == []
        assert acceptor.received == []
        for instance in facts.instances:
            assert not instance.complete
            assert instance.status == -1
        end(dialogue(acceptor.port))  # it still serves


def test_all_faults_at_once_and_others_are_served_meanwhile(tmp_path: Path) -> None:
    source = tmp_path / "a.dcm"
    (tmp_path / "in").mkdir()
    slow = [fault for fault in CASES if fault is not drip]
    with Acceptor(tmp_path / "in", timeouts=Timeouts(**LONG)) as acceptor:
        peers = [FaultPeer(acceptor.port) for _ in slow]
        served = 0
        for fault, peer in zip(slow, peers, strict=True):
            fault(peer)
            write_instance(source, f"2.25.99.{served}")
            found = dialogue(acceptor.port)
            assert found.store(source).status == 0
            end(found)
            served += 1
        for peer in peers:
            peer.sock.close()
        acceptor.wait(len(slow) * 2, timeout=LONG["request"])
    assert len(list((tmp_path / "in").iterdir())) == served
    assert acceptor.parts() == []


def test_a_context_that_was_refused_cannot_be_used(tmp_path: Path) -> None:
    refused = ProposedContext(5, "1.2.840.10008.5.1.4.1.2.2.1", (EXPLICIT,))
    with (
        Acceptor(tmp_path, timeouts=Timeouts(**LONG)) as acceptor,
        FaultPeer(acceptor.port).associate(refused) as peer,
    ):
        peer.send(pdata(5, 3, STORE))
        assert peer.until_closed()[1] == b"\7\0\0\0\0\4\0\0\2\6"  # A-ABORT: invalid PDU parameter value
        peer.sock.close()
        (facts,) = acceptor.wait()
    assert facts.problems[0].kind == "context"


def test_huge_lengths_do_not_cost_memory(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    process = psutil.Process(os.getpid())
    with Acceptor(tmp_path, timeouts=Timeouts(**LONG)) as acceptor:
        before = process.memory_info().rss
        for _ in range(20):
            with FaultPeer(acceptor.port) as peer:
                huge_request(peer)
                peer.until_closed()
            with FaultPeer(acceptor.port) as peer:
                huge_pdu(peer)
                peer.until_closed()
        assert process.memory_info().rss - before < 30 << 20
