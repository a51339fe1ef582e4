"""Places: in all, of one address, and for whom there was none."""

from __future__ import annotations

import threading
from pathlib import Path

from network_peers import CT, EXPLICIT, Acceptor, FaultPeer, ProposedContext

from dcmlint.network.acceptor.crowd import Crowd
from dcmlint.network.acceptor.negotiate import Acceptance, accepted_contexts, answer_request
from dcmlint.network.acceptor.settings import Settings
from dcmlint.network.association_record import turned_away_record
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.wire.associate import AssociateAccept, AssociateRequest, UserInformation

HERE = Path()


def test_one_address_cannot_take_every_place() -> None:
    crowd = Crowd(Settings(directory=HERE, max_connections=160, per_address=8))
    taken = [crowd.enter(number, "10.0.0.1") for number in range(200)]
    assert taken.count(True) == 16
    assert crowd.turned_away == {"10.0.0.1": 184}
    assert crowd.enter(1000, "10.0.0.2")
    crowd.leave(0)
    assert crowd.enter(1001, "10.0.0.1")
    assert not crowd.enter(1002, "10.0.0.1")


def test_associations_of_one_address_are_limited_too() -> None:
    crowd = Crowd(Settings(directory=HERE, max_associations=3, per_address=2))
    for number, address in enumerate(("a", "a", "a", "b", "c")):
        assert crowd.enter(number, address)
    assert [crowd.admit(number) for number in range(5)] == [True, True, False, True, False]
    crowd.leave(0)
    assert crowd.admit(2)
    for number in range(5):
        crowd.leave(number)
    crowd.leave(0)  # a second time
    assert crowd.enter(9, "a")
    assert crowd.admit(9)


def test_addresses_of_many_are_counted_together() -> None:
    crowd = Crowd(Settings(directory=HERE, max_connections=0))
    for number in range(1200):
        crowd.enter(number, f"10.0.{number}")
    assert len(crowd.turned_away) == 1001
    assert crowd.turned_away["other addresses"] == 200
    record = turned_away_record(crowd.turned_away)
    assert record.title == "1200 connections closed: too many were open"
    assert record.lines[0] == ("other addresses", "200 connections")
    assert record.status == "refused"


def test_silent_connections_of_one_address_leave_a_place_for_another(tmp_path: Path) -> None:
    peers = []
    with Acceptor(tmp_path, max_connections=40, per_address=2) as acceptor:
        peers = [FaultPeer(acceptor.port) for _ in range(30)]
        try:
            assert all(peer.until_closed()[1] == b"" for peer in peers[4:])
            assert acceptor.receiver.turned_away == 26
            # Another address of this machine.
            free = threading.Event()
            from socket import create_connection

            with create_connection(
                ("127.0.0.1", acceptor.port), source_address=("127.0.0.2", 0), timeout=10
            ) as sock:
                sock.sendall(request())
                free.set() if sock.recv(1) == b"\2" else None
            assert free.is_set()
        finally:
            for peer in peers:
                peer.sock.close()


def request() -> bytes:
    from network_peers import request_bytes

    return request_bytes(ProposedContext(1, CT, (EXPLICIT,)))


def test_an_id_of_two_contexts_is_refused_once() -> None:
    asked = AssociateRequest(
        called="A", calling="B", user=UserInformation(),
        contexts=(
            ProposedContext(1, CT, (EXPLICIT,)), ProposedContext(1, "1.2.840.10008.1.1", (EXPLICIT,)),
            ProposedContext(3, CT, (EXPLICIT,)),
        ),
    )  # fmt: skip
    accept = answer_request(asked, Acceptance(), 16384)
    assert isinstance(accept, AssociateAccept)
    assert [(one.id, one.result) for one in accept.contexts] == [(1, 2), (3, 0)]
    assert list(accepted_contexts(asked, accept)) == [3]


def test_a_rejection_for_want_of_a_place_is_transient(tmp_path: Path) -> None:
    with Acceptor(tmp_path, per_address=1) as acceptor:
        to = Target(host="127.0.0.1", port=acceptor.port)
        first, _, _ = associate(to, association_request(to, (ProposedContext(1, CT, (EXPLICIT,)),)), "first")
        assert first is not None
        none, attempt, _ = associate(
            to, association_request(to, (ProposedContext(1, CT, (EXPLICIT,)),)), "second"
        )
        assert none is None
        assert attempt.rejection is not None
        assert attempt.rejection.transient
        first.release()
        first.close()
