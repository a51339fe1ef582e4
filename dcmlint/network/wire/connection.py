"""One connection: bytes in through one buffer, under deadlines, over TCP or TLS.

Nothing here knows what the bytes mean beyond the header of a PDU. Deadlines are points of
``time.monotonic()``, and hold for what is asked as a whole: a peer that sends a byte a second does not
win time by it.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from functools import partial
from time import monotonic

from dcmlint.network.wire.pdu import HEADER_BYTES, WireError, bound, parse_header

# Waits are cut into slices, so that a deadline can be looked at without a system call before each read.
_SLICE = 1.0
_SMALL = 1 << 12
_KERNEL_WAITS = sys.platform.startswith("linux")
_SHORTEST = 0.001  # seconds; none at all would be for ever
BULK = 1 << 18  # Two PDUs of the size that most senders stop at (128 KiB); measured as fast as larger ones.

_LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


class TlsError(WireError):
    """TLS ended it; ``alert`` is what the peer said, as ``certificate_required``, or empty."""

    def __init__(self, error: ssl.SSLError, at: int = -1, *, kind: str = "tls") -> None:
        self.alert = alert_name(error)
        super().__init__(kind, f"alert {self.alert}" if self.alert else tls_reason(error), at)


class Line:
    """A connected socket that is read through one buffer.

    Every method raises ``WireError``: ``timeout``, ``closed`` (the peer ended the stream), ``reset``,
    ``tls`` (a broken record or an alert).
    """

    __slots__ = ("_buffer", "_end", "_start", "_view", "_wait", "received", "sent", "sock")

    def __init__(self, sock: socket.socket, size: int = _SMALL) -> None:
        self.sock = sock
        self.received = 0
        self.sent = 0
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._wait = -1.0

    @property
    def offset(self) -> int:
        """How many of the received bytes have been taken."""
        return self.received - (self._end - self._start)

    @property
    def pending(self) -> int:
        """How many received bytes wait in the buffer."""
        return self._end - self._start

    def widen(self, size: int = BULK) -> None:
        """Take a larger buffer; what waits in the old one is kept."""
        if size <= len(self._buffer):
            return
        kept = bytes(self._view[self._start : self._end])
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._view[: len(kept)] = kept
        self._start, self._end = 0, len(kept)

    def acknowledge_at_once(self) -> None:
        """Ask the kernel not to delay the next acknowledgement, where it can be asked.

        A sender with Nagle's algorithm on waits for it before it sends the rest of a command; the
        kernel forgets the wish, so it is repeated before each message.
        """
        if _QUICKACK is not None:
            try:
                self.sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            except OSError:
                pass  # not TCP, or closed already: the next read says so

    def fill(self, deadline: float) -> None:
        """Receive what is there, at least one byte."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer):
            self._view[: self._end - self._start] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, self._end - self._start
        free = self._view[self._end :]
        count = self._moved(partial(self.sock.recv_into, free), deadline, "nothing was received in time")
        if count == 0:
            raise WireError("closed", "the peer closed the connection", self.received)
        self._end += count
        self.received += count

    def need(self, count: int, deadline: float) -> memoryview:
        """Exactly ``count`` bytes, valid until the next call; ``count`` must fit the buffer."""
        while self._end - self._start < count:
            self.fill(deadline)
        start = self._start
        self._start += count
        return self._view[start : start + count]

    def some(self, limit: int, deadline: float) -> memoryview:
        """One to ``limit`` bytes, whatever is there, valid until the next call."""
        if self._start == self._end:
            self.fill(deadline)
        start = self._start
        self._start = min(self._end, start + limit)
        return self._view[start : self._start]

    def peek(self, count: int) -> bytes:
        """Up to ``count`` bytes of what waits; they stay."""
        return bytes(self._view[self._start : min(self._end, self._start + count)])

    def body(self, count: int, deadline: float) -> bytes:
        """``count`` bytes of any number, as they arrive: nothing is reserved before it came."""
        pieces: list[bytes] = []
        while count > 0:
            piece = bytes(self.some(count, deadline))
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)

    def header(self, deadline: float, max_data: int) -> tuple[int, int]:
        """Type and length of the next PDU, its length within bounds (PS3.8 9.3.1)."""
        at = self.offset
        kind, length = parse_header(self.need(HEADER_BYTES, deadline))
        try:
            bound(kind, length, max_data)
        except WireError as error:
            raise WireError(error.problem.kind, error.problem.detail, at) from None
        return kind, length

    def pdu(self, deadline: float, max_data: int) -> tuple[int, bytes]:
        """Type and body of the next PDU."""
        kind, length = self.header(deadline, max_data)
        return kind, self.body(length, deadline)

    def send(self, data: bytes | memoryview, deadline: float) -> None:
        """Send all of ``data``."""
        rest = memoryview(data)
        while rest:
            count = self._moved(partial(self.sock.send, rest), deadline, "the peer does not accept the data")
            self.sent += count
            rest = rest[count:]

    def _moved(self, call: Callable[[], int], deadline: float, late: str) -> int:
        """How many bytes a system call took or gave; ``late`` says what did not happen until the deadline."""
        while True:
            remaining = deadline - monotonic()
            if remaining <= 0:
                raise WireError("timeout", late, self.received)
            try:
                self._limit(remaining)
                return call()
            except (TimeoutError, BlockingIOError):
                continue
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except ssl.SSLError as error:
                raise TlsError(error, self.received) from error
            except (ConnectionResetError, BrokenPipeError) as error:
                raise WireError("reset", "the peer reset the connection", self.received) from error
            except OSError as error:
                raise WireError("closed", error.strerror or str(error), self.received) from error

    def _limit(self, remaining: float) -> None:
        """Bound how long the next system call may wait.

        The kernel does that for a plain socket: one that Python bounds is asked twice, whether it is ready and then for
        the bytes.
        """
        wait = _SLICE if remaining > _SLICE else remaining
        if wait == self._wait:
            return
        if _KERNEL_WAITS and not isinstance(self.sock, ssl.SSLSocket):
            self.sock.settimeout(None)
            seconds, rest = divmod(max(wait, _SHORTEST), 1.0)
            value = struct.pack("ll", int(seconds), int(rest * 1e6))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
        else:
            self.sock.settimeout(wait)
        self._wait = wait

    def drain(self, deadline: float, limit: int = 1 << 22) -> bool:
        """Say no more, read and drop until the peer closes; whether it did in time and ``limit`` bytes.

        Closing with bytes unread makes the kernel send a reset, which can overtake an A-ABORT.
        """
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return True
        try:
            while limit > 0:
                self._start = self._end
                self.fill(deadline)
                limit -= self._end - self._start
        except WireError as error:
            return error.problem.kind in ("closed", "reset")
        return False

    def close(self, *, reset: bool = False) -> None:
        """Close; with ``reset``, without waiting for what is on its way."""
        try:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            else:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # gone already
        self.sock.close()


def prepare(sock: socket.socket) -> None:
    """Switch Nagle's algorithm off: with delayed acknowledgements it costs 40 ms a message."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        pass  # not a TCP socket


def alert_name(error: ssl.SSLError) -> str:
    """The TLS alert that the peer sent, as ``certificate_required``; empty if it sent none.

    OpenSSL names it in the reason: ``TLSV13_ALERT_CERTIFICATE_REQUIRED``, ``SSLV3_ALERT_…``. A reason that Python has no
    name for stands in the text alone: ``[SSL] tlsv1 alert no application protocol (_ssl.c:1006)``.
    """
    _, found, name = (
        (getattr(error, "reason", None) or _text(error).replace(" ", "_")).upper().partition("ALERT_")
    )
    return name.lower() if found else ""


def tls_reason(error: ssl.SSLError) -> str:
    """What OpenSSL says, in words; of a certificate that is not trusted, why."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}".rstrip(" .:")[:200]
    return (getattr(error, "reason", None) or _text(error)).lower().replace("_", " ")[:200]


def _text(error: ssl.SSLError) -> str:
    """The text of an error without the name of its library before it and the line of C behind it."""
    return str(error).rpartition("] ")[2].partition(" (_ssl.c")[0]
