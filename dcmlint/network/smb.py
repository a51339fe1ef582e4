"""What an SMB server negotiates: its dialect, and whether it demands signing ([MS-SMB2] 2.2.3, 2.2.4).

One request and one answer; nobody logs in.  Dialect 3.1.1 needs a negotiation of its own and is not asked
for, so a server of that dialect answers with 3.0.2.
"""

from __future__ import annotations

import os
import socket
import struct
from time import monotonic

_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2"}  # [MS-SMB2] 2.2.3
_SIGNING_ENABLED, _SIGNING_REQUIRED = 0x0001, 0x0002  # [MS-SMB2] 2.2.4, SecurityMode
_HEADER = 64  # [MS-SMB2] 2.2.1.2
_LONGEST = 1 << 16


def negotiate(sock: socket.socket, host: str, timeout: float) -> list[tuple[str, str]]:
    """Labels and texts of what the server says on a connected socket; never raises for what it does."""
    try:
        sock.settimeout(timeout)
        sock.sendall(request())
        deadline = monotonic() + timeout
        (length,) = struct.unpack(">I", _exactly(sock, 4, deadline))
        length &= 0xFFFFFF  # [MS-SMB2] 2.1: a zero byte, then the length in three bytes
        if length > _LONGEST:
            return [("SMB", "reachable only: what answers is no SMB 2")]
        return parse(_exactly(sock, length, deadline))
    except (OSError, EOFError):
        return [("SMB", "reachable only: SMB 2 is not answered")]


def request() -> bytes:
    """SMB2 NEGOTIATE with the dialects 2.0.2 to 3.0.2 ([MS-SMB2] 2.2.3)."""
    header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, bytes(16))
    body = struct.pack("<HHHHI16sQ", 36, len(_DIALECTS), _SIGNING_ENABLED, 0, 0, os.urandom(16), 0)
    body += struct.pack(f"<{len(_DIALECTS)}H", *_DIALECTS)
    return struct.pack(">I", len(header) + len(body)) + header + body


def parse(message: bytes) -> list[tuple[str, str]]:
    """The answer to ``request`` ([MS-SMB2] 2.2.4)."""
    if len(message) < _HEADER + 8 or not message.startswith(b"\xfeSMB"):
        return [("SMB", "reachable only: what answers is no SMB 2")]
    (status,) = struct.unpack_from("<I", message, 8)
    if status:
        return [("SMB", f"reachable only: no dialect of 2.0.2 to 3.0.2 is taken (status {status:08X}H)")]
    _, mode, dialect = struct.unpack_from("<HHH", message, _HEADER)
    name = _DIALECTS.get(dialect, f"{dialect:04X}H")
    signing = "required" if mode & _SIGNING_REQUIRED else "not required"
    return [("SMB", f"dialect {name} (3.1.1 is not asked for)"), ("signing", signing)]


def _exactly(sock: socket.socket, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        if monotonic() > deadline:
            raise EOFError
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
