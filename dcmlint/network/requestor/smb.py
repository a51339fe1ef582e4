"""What an SMB server negotiates: its dialect, and whether it demands signing ([MS-SMB2] 2.2.3, 2.2.4).

One request for the dialects 2.0.2 to 3.1.1 and one answer; nobody logs in.  On port 139 the session service of NetBIOS
is asked for first (RFC 1002 4.3.2).
"""

from __future__ import annotations

import os
import socket
import struct
from time import monotonic

import msgspec

from dcmlint.errors import UsageError

_DIALECTS = {
    0x0202: "2.0.2",
    0x0210: "2.1",
    0x0300: "3.0",
    0x0302: "3.0.2",
    0x0311: "3.1.1",
}  # [MS-SMB2] 2.2.3
_SMB_1 = 0x0100
_SIGNING_ENABLED, _SIGNING_REQUIRED = 0x0001, 0x0002  # [MS-SMB2] 2.2.4, SecurityMode
_HEADER = 64  # [MS-SMB2] 2.2.1.2
_BODY = 36
_LONGEST = 1 << 16
_SESSION_REQUEST, _SESSION_GRANTED, _SESSION_PORT = 0x81, 0x82, 139  # RFC 1002 4.3.1


class Share(msgspec.Struct, frozen=True):
    """What a server said.

    ``dialect`` is its number, 0 where none was chosen; ``name`` its name: 1 for SMB 1, refused where an SMB server takes no
    dialect of the request, none where what answers is no SMB.
    """

    dialect: int = 0
    name: str = "none"
    lines: tuple[tuple[str, str], ...] = ()


def smb_number(text: str) -> int:
    """The number of a dialect as a profile writes it: 3 is 3.0, "" nothing (0).  Raises ``UsageError``."""
    if not text:
        return 0
    parts = (text + ".0.0").split(".")[:3]
    if not all(part.isdecimal() and len(part) == 1 for part in parts):
        raise UsageError(f"{text!r} is not a dialect of SMB (2.0.2, 2.1, 3, 3.0.2, 3.1.1)")
    major, minor, patch = (int(part) for part in parts)
    return major << 8 | minor << 4 | patch


def negotiate(sock: socket.socket, host: str, timeout: float, port: int = 445) -> Share:
    """What the server says on a connected socket; never raises for what it does."""
    try:
        sock.settimeout(timeout)
        deadline = monotonic() + timeout
        if port == _SESSION_PORT:
            sock.sendall(session_request())
            answer = _message(sock, deadline)[0]
            if answer != _SESSION_GRANTED:
                return _none("the session is refused")
        sock.sendall(request())
        return parse(_message(sock, deadline)[1])
    except (OSError, EOFError):
        return _none("SMB 2 is not answered")


def _none(why: str) -> Share:
    return Share(lines=(("SMB", f"reachable only: {why}"),))


def _message(sock: socket.socket, deadline: float) -> tuple[int, bytes]:
    """The type and the content of a message: a byte, then the length in three ([MS-SMB2] 2.1, RFC 1002 4.3.1)."""
    (head,) = struct.unpack(">I", _exactly(sock, 4, deadline))
    length = head & 0xFFFFFF
    if length > _LONGEST:
        return head >> 24, b""
    return head >> 24, _exactly(sock, length, deadline)


def session_request() -> bytes:
    """SESSION REQUEST of NetBIOS to any server of the host (RFC 1002 4.3.2)."""

    def encoded(name: bytes) -> bytes:
        letters = bytes(part for byte in name.ljust(16) for part in (0x41 + (byte >> 4), 0x41 + (byte & 15)))
        return b"\x20" + letters + b"\x00"

    body = encoded(b"*SMBSERVER") + encoded(b"DCMLINT")
    return struct.pack(">I", _SESSION_REQUEST << 24 | len(body)) + body


def request() -> bytes:
    """SMB2 NEGOTIATE with all dialects ([MS-SMB2] 2.2.3), and the contexts that 3.1.1 needs (2.2.3.1)."""
    header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, bytes(16))
    dialects = struct.pack(f"<{len(_DIALECTS)}H", *_DIALECTS)
    at = _padded(_HEADER + _BODY + len(dialects))
    contexts = [
        (
            1,
            struct.pack("<HHH", 1, 32, 1) + os.urandom(32),
        ),  # preauthentication integrity: SHA-512 and a salt
        (2, struct.pack("<HHH", 2, 2, 1)),  # encryption: AES-128-GCM, AES-128-CCM
    ]
    body = struct.pack(
        "<HHHHI16sIHH", _BODY, len(_DIALECTS), _SIGNING_ENABLED, 0, 0, os.urandom(16), at, len(contexts), 0
    )
    message = (header + body + dialects).ljust(at, b"\x00")
    for kind, data in contexts:
        message = (
            message.ljust(_padded(len(message)), b"\x00") + struct.pack("<HHI", kind, len(data), 0) + data
        )
    return struct.pack(">I", len(message)) + message


def _padded(length: int) -> int:
    return -(-length // 8) * 8


def parse(message: bytes) -> Share:
    """The answer to ``request`` ([MS-SMB2] 2.2.4)."""
    if message.startswith(b"\xffSMB"):  # [MS-CIFS] 2.2.3.1
        return Share(_SMB_1, "1", (("SMB", "dialect 1"),))
    if len(message) < _HEADER + 8 or not message.startswith(b"\xfeSMB"):
        return _none("what answers is no SMB 2")
    (status,) = struct.unpack_from("<I", message, 8)
    if status:
        why = f"no dialect of 2.0.2 to 3.1.1 is taken (status {status:08X}H)"
        return Share(name="refused", lines=(("SMB", f"reachable only: {why}"),))
    _, mode, dialect = struct.unpack_from("<HHH", message, _HEADER)
    name = _DIALECTS.get(dialect, f"{dialect:04X}H")
    signing = "required" if mode & _SIGNING_REQUIRED else "not required"
    return Share(dialect, name, (("SMB", f"dialect {name}"), ("signing", signing)))


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
