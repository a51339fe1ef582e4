"""The PROXY protocol: what a balancer says is believed from whom it is expected, and never guessed."""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path
from time import monotonic

import pytest
from network_peers import Acceptor, FaultPeer, request_bytes

from dcmlint.network.acceptor.proxy import Network, read_proxy_header, within
from dcmlint.network.wire.pdu import WireError

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = (
    SIGNATURE
    + b"\x21\x11"
    + struct.pack("!H4s4sHH", 12, bytes((10, 1, 2, 3)), bytes((10, 0, 0, 1)), 5123, 104)
)
V6 = (
    SIGNATURE
    + b"\x21\x21"
    + struct.pack("!H16s16sHH", 36, ipaddress.ip_address("fd00::7").packed, bytes(16), 77, 1)
)


def read(data: bytes) -> tuple[tuple[str, int] | None, bytes]:
    """What a header says, and what is left behind it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        found = read_proxy_header(ours, monotonic() + 0.5)
        return found, ours.recv(100)


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (b"PROXY TCP4 10.1.2.3 10.0.0.1 5123 104\r\n", ("10.1.2.3", 5123)),
        (b"PROXY TCP6 fd00::7 fd00::1 77 104\r\n", ("fd00::7", 77)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
        (V4, ("10.1.2.3", 5123)),
        (V6, ("fd00::7", 77)),
        (SIGNATURE + b"\x20\x00\0\0", None),  # LOCAL: a health check
        (SIGNATURE + b"\x21\x31\0\x04abcd", None),  # a UNIX socket
        (V4[:14] + struct.pack("!H", 19) + V4[16:] + b"\x04\0\x04more", ("10.1.2.3", 5123)),
    ],
)
def test_headers(header: bytes, client: tuple[str, int] | None) -> None:
    assert read(header + b"rest") == (client, b"rest")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (request_bytes(), "proxy"),
        (b"PROXY TCP4 10.1.2.3 10.0.0.1 5123\r\n", "proxy"),
        (b"PROXY TCP4 fd00::7 10.0.0.1 5123 104\r\n", "proxy"),
        (b"PROXY TCP4 10.1.2.3 10.0.0.1 99999 104\r\n", "proxy"),
        (b"PROXY " + b"x" * 200, "proxy"),
        (SIGNATURE + b"\x21\x11\xff\xff", "proxy"),
        (SIGNATURE + b"\x21\x11\0\x04abcd", "proxy"),
        (SIGNATURE + b"\x22\x11\0\0", "proxy"),
        (b"PROXY TCP4 10.1", "closed"),
        (b"", "closed"),
    ],
)
def test_what_is_no_header_ends_the_connection(data: bytes, kind: str) -> None:
    with pytest.raises(WireError) as error:
        read(data)
    assert error.value.problem.kind == kind


def test_silence_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(WireError) as error:
        read_proxy_header(ours, monotonic() + 0.05)
    assert error.value.problem.kind == "timeout"


def test_facts_name_the_client_and_not_the_balancer(tmp_path: Path) -> None:
    proxies = (ipaddress.ip_network("127.0.0.1"),)
    with Acceptor(tmp_path, proxies=proxies) as acceptor:
        with FaultPeer(acceptor.port) as peer:
            peer.send(V4).associate().send(b"\x05\0\0\0\0\x04\0\0\0\0")
            peer.until_closed()
        (facts,) = acceptor.wait()
        assert (facts.peer, facts.peer_port, facts.end) == ("10.1.2.3", 5123, "released")
        with FaultPeer(acceptor.port) as peer:
            peer.send(request_bytes())
            peer.until_closed()
        facts = acceptor.wait(2)[1]
        assert facts.request is None
        assert [problem.kind for problem in facts.problems] == ["proxy"]


@pytest.mark.parametrize("proxies", [(), (ipaddress.ip_network("10.9.9.9"),)])
def test_a_header_of_somebody_else_is_not_believed(tmp_path: Path, proxies: tuple[Network, ...]) -> None:
    with Acceptor(tmp_path, proxies=proxies) as acceptor:
        with FaultPeer(acceptor.port) as peer:
            peer.send(V4)
            peer.until_closed()
        (facts,) = acceptor.wait()
        assert facts.peer == "127.0.0.1"
        assert facts.request is None
        with FaultPeer(acceptor.port) as peer:  # and none is demanded
            peer.associate().send(b"\x05\0\0\0\0\x04\0\0\0\0")
            peer.until_closed()
        assert acceptor.wait(2)[1].end == "released"


def test_networks() -> None:
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    assert within("10.1.2.3", networks)
    assert within("::ffff:10.1.2.3", networks)
    assert within("fd00::1%eth0", networks)
    assert not within("10.2.0.1", networks)
    assert not within("no address", networks)
