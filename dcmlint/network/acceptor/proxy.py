"""The PROXY protocol, versions 1 and 2: a balancer says for whom it connects (HAProxy's proxy-protocol.txt)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Sequence
from time import monotonic

from dcmlint.network.wire.pdu import WireError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # section 2.2
_LONGEST_LINE = 107  # section 2.1, with CR and LF
_LONGEST_BLOCK = 2048  # addresses and what may follow them; a balancer sends a few dozen bytes
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x11: "!4s4sHH", 0x21: "!16s16sHH"}  # TCP over IPv4 and IPv6


def within(peer: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks; an IPv4 address that IPv6 carries counts as itself."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def read_proxy_header(sock: socket.socket, deadline: float) -> tuple[str, int] | None:
    """Address and port of the client that a balancer connects for; None if it connects for itself.

    Reads exactly the header. Raises ``WireError`` (``proxy``) where there is none: whoever is trusted to send
    one, and does not, is not guessed at.
    """
    start = _exactly(sock, len(_SIGNATURE), deadline)
    if start == _SIGNATURE:
        return _binary(sock, deadline)
    if start.startswith(b"PROXY "):
        return _line(sock, start, deadline)
    raise WireError("proxy", "a proxy sent no PROXY header", 0)


def _line(sock: socket.socket, start: bytes, deadline: float) -> tuple[str, int] | None:
    line = bytearray(start)
    while not line.endswith(b"\r\n"):
        if len(line) >= _LONGEST_LINE:
            raise WireError("proxy", "a PROXY line that does not end", len(line))
        line += _exactly(sock, 1, deadline)
    words = line[:-2].decode("ascii", "replace").split(" ")
    if words[1:2] == ["UNKNOWN"]:
        return None
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise WireError("proxy", "a PROXY line that cannot be read", 0)
    try:
        address = ipaddress.ip_address(words[2])
        port = int(words[4])
    except ValueError as error:
        raise WireError("proxy", "a PROXY line that cannot be read", 0) from error
    if address.version != int(words[1][3]) or not 0 <= port < 65536:
        raise WireError("proxy", "a PROXY line that cannot be read", 0)
    return str(address), port


def _binary(sock: socket.socket, deadline: float) -> tuple[str, int] | None:
    command, family, length = struct.unpack("!BBH", _exactly(sock, 4, deadline))
    if length > _LONGEST_BLOCK:
        raise WireError("proxy", f"a PROXY header of {length} bytes", 0)
    block = _exactly(sock, length, deadline)
    if command == _LOCAL:
        return None
    if command != _PROXY:
        raise WireError("proxy", f"PROXY command {command:02X}H", 0)
    if family not in _ADDRESSES:
        return None  # section 2.2: what is not understood is taken as LOCAL
    form = _ADDRESSES[family]
    if length < struct.calcsize(form):
        raise WireError("proxy", "a PROXY header without its addresses", 0)
    source, _, port, _ = struct.unpack_from(form, block)
    return str(ipaddress.ip_address(source)), int(port)


def _exactly(sock: socket.socket, count: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < count:
        remaining = deadline - monotonic()
        if remaining <= 0:
            raise WireError("timeout", "no PROXY header in time", len(data))
        sock.settimeout(remaining)
        try:
            piece = sock.recv(count - len(data))
        except TimeoutError as error:
            raise WireError("timeout", "no PROXY header in time", len(data)) from error
        except OSError as error:
            raise WireError("closed", error.strerror or str(error), len(data)) from error
        if not piece:
            raise WireError("closed", "the peer closed the connection", len(data))
        data += piece
    return bytes(data)
