"""pynetdicom as requestor: pinned, and without the race that loses a response."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")

from network_peers import CT, EXPLICIT, VERIFICATION, Acceptor, serve, write_instance
from support.pynetdicom_requestor import check_version, held, requested, store

from dcmlint.errors import InputError, UsageError
from dcmlint.intake.status import Answer
from dcmlint.network.requestor.association import Target
from dcmlint.network.wire.associate import ProposedContext

CONTEXTS = (ProposedContext(1, VERIFICATION, ("1.2.840.10008.1.2",)), ProposedContext(3, CT, (EXPLICIT,)))


def test_the_pin() -> None:
    check_version()
    check_version("3.0.4")
    check_version("3.0.9")
    for version in ("3.0.3", "3.1.0", "4.0.0", "2.1.1"):
        with pytest.raises(UsageError):
            check_version(version)


def test_the_private_parts_that_the_mitigation_needs_are_there() -> None:
    from pynetdicom import AE
    from pynetdicom.association import Association

    association = Association(AE(), "requestor")
    assert isinstance(association._reactor_checkpoint, threading.Event)
    assert hasattr(association, "_is_paused")


def test_stores_and_statuses(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor:
        acceptor.answers["2.25.2"] = Answer(0xA900)
        target = Target(host="127.0.0.1", port=acceptor.port, timeout=5)
        with requested(target, CONTEXTS) as association:
            statuses = []
            for number in (1, 2, 3):
                write_instance(tmp_path / "a.dcm", f"2.25.{number}")
                statuses.append(store(association, tmp_path / "a.dcm"))
            assert association.send_c_echo().Status == 0
        (facts,) = acceptor.wait()
    assert statuses == [0, 0xA900, 0]
    assert facts.end == "released"


def test_while_held_no_other_thread_takes_a_response(tmp_path: Path) -> None:
    """With other threads busy and many switches, the association's own thread must never serve a message."""
    import sys

    write_instance(tmp_path / "a.dcm", "2.25.1")
    (tmp_path / "in").mkdir()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            sum(range(200))

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
    interval = sys.getswitchinterval()
    with Acceptor(tmp_path / "in") as acceptor:
        target = Target(host="127.0.0.1", port=acceptor.port, timeout=20)
        with requested(target, CONTEXTS) as association:
            stolen: list[object] = []
            association._serve_request = lambda message, context: stolen.append(message)
            for thread in threads:
                thread.start()
            sys.setswitchinterval(1e-4)
            try:
                statuses = [store(association, tmp_path / "a.dcm") for _ in range(60)]
            finally:
                sys.setswitchinterval(interval)
                stop.set()
        acceptor.wait()
    assert statuses == [0] * 60
    assert stolen == []


def test_holding_stops_the_thread_and_lets_it_go(tmp_path: Path) -> None:
    from pynetdicom import AE, build_context

    with Acceptor(tmp_path) as acceptor:
        association = AE().associate("127.0.0.1", acceptor.port, contexts=[build_context(VERIFICATION)])
        before = association._reactor_checkpoint
        with held(association):
            assert association._is_paused
            association._reactor_checkpoint.set()  # what pynetdicom does after each response
            time.sleep(0.02)
            assert association._is_paused
            assert not association._reactor_checkpoint.is_set()
        assert association._reactor_checkpoint is before
        association.release()
        association.join(5)
        assert not association.is_alive()
        (facts,) = acceptor.wait()
    assert facts.end == "released"


def test_a_peer_that_goes_away_ends_the_store_at_once(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1")

    def gone(_: object) -> Answer:
        raise KeyError

    threading.excepthook, before = (lambda _: None), threading.excepthook
    try:
        with Acceptor(tmp_path, on_instance=gone) as acceptor:
            target = Target(host="127.0.0.1", port=acceptor.port, timeout=5)
            began = time.monotonic()
            with requested(target, CONTEXTS) as association:
                assert store(association, tmp_path / "a.dcm") is None
                thread = association
            thread.join(5)
            assert not thread.is_alive()
            assert time.monotonic() - began < 10
    finally:
        threading.excepthook = before


def test_who_cannot_be_had_is_an_input_error(tmp_path: Path) -> None:
    from dcmlint.network.acceptor.negotiate import Acceptance

    with (
        Acceptor(tmp_path, acceptance=Acceptance(called=frozenset(("X",)))) as acceptor,
        pytest.raises(InputError, match="rejected"),
        requested(Target(host="127.0.0.1", port=acceptor.port), CONTEXTS),
    ):
        pass

    def close(sock: socket.socket) -> None:
        sock.recv(10)

    with (
        serve(close) as port,
        pytest.raises(InputError, match="aborted or not reached"),
        requested(Target(host="127.0.0.1", port=port, timeout=1), CONTEXTS),
    ):
        pass
