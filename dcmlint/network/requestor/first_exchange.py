"""What answers behind TLS: the first exchange of HTTP (RFC 9112) and of AMQP (0-9-1 section 4.2.2, ISO/IEC 19464 2.2).

One request and the first bytes of the answer; nobody logs in.  The certificate is not judged here.
"""

from __future__ import annotations

import socket
from time import monotonic

from dcmlint.network.tls.context import Credentials, client_context
from dcmlint.network.wire.protocol_guess import speaks

_ENOUGH = 8
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_ACCEPT_OR_REJECT_OR_ABORT = (2, 3, 7)  # PS3.8 9.3.1: the types of the PDUs that may answer a first one


def spoken_behind_tls(
    host: str,
    port: int,
    protocol: str,
    *,
    timeout: float,
    server_name: str = "",
    credentials: Credentials | None = None,
) -> str:
    """Which protocol answers the first exchange of ``protocol`` (https or amqps) on a TLS connection.

    http, amqp, dicom, silent where nothing comes within ``timeout`` seconds, or unknown; empty where TLS cannot
    be opened (a client certificate is demanded, say).  Never raises for what the peer does.
    """
    deadline = monotonic() + timeout
    context = client_context(credentials, verify=False, alpn=("http/1.1",) if protocol == "https" else ())
    try:
        raw = socket.create_connection((host, port), timeout)
    except OSError:
        return ""
    with raw:
        try:
            with context.wrap_socket(raw, server_hostname=server_name or host) as line:
                line.sendall(_AMQP_HEADER if protocol == "amqps" else _options(host, port))
                return protocol_of(_answer(line, deadline))
        except (OSError, ValueError):
            return ""


def spoken_in_lines(host: str, port: int, *, timeout: float) -> str:
    """What answers a request in lines, without TLS: http, ssh …; empty where nothing that is known does."""
    deadline = monotonic() + timeout
    try:
        with socket.create_connection((host, port), timeout) as line:
            line.sendall(_options(host, port))
            found = speaks(_answer(line, deadline))
    except OSError:
        return ""
    return found if found.isalpha() or " or " in found else ""


def protocol_of(answer: bytes) -> str:
    """The protocol whose first bytes these are: http, amqp, dicom, silent (no bytes) or unknown."""
    if not answer:
        return "silent"
    if answer.startswith(b"HTTP/"):
        return "http"
    # Connection.Start on channel 0 (class 10, method 10), or the header of the version that the server speaks.
    if answer.startswith(b"AMQP") or (answer[:3] == b"\x01\x00\x00" and len(answer) >= 7):
        return "amqp"
    if answer[0] in _ACCEPT_OR_REJECT_OR_ABORT and answer[1:2] == b"\x00":
        return "dicom"
    return "unknown"


def _options(host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host
    return f"OPTIONS * HTTP/1.1\r\nHost: {name}:{port}\r\nUser-Agent: dcmlint\r\nConnection: close\r\n\r\n".encode()


def _answer(line: socket.socket, deadline: float) -> bytes:
    """The first bytes of the answer, eight at most; what came before the peer closed or the time was up."""
    got = b""
    while len(got) < _ENOUGH and (left := deadline - monotonic()) > 0:
        line.settimeout(left)
        try:
            part = line.recv(_ENOUGH - len(got))
        except OSError:
            break
        if not part:
            break
        got += part
    return got
