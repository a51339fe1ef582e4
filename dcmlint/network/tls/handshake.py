"""One TLS handshake over memory, so that every byte of the server can be looked at on its way."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any

from dcmlint.network.tls.server_flight import Flight
from dcmlint.network.wire.connection import alert_name, tls_reason


class Shake:
    """What became of a handshake.

    ``local`` says why the local library made no offer at all; then nothing was sent. ``chain`` is in
    DER, the server's own certificate first, and only there if the handshake came to its end.
    """

    def __init__(self, local: str = "", detail: str = "") -> None:
        self.flight = Flight()
        self.local = local
        self.detail = detail
        self.complete = False
        self.closed = False
        self.verify_code = 0
        self.chain: tuple[bytes, ...] = ()

    @property
    def alert(self) -> str:
        """The alert that the server sent."""
        return self.flight.alert


def shake(sock: socket.socket, context: ssl.SSLContext, name: str, timeout: float, *, whole: bool) -> Shake:
    """Shake hands until the server has said what it says in the clear, or, if ``whole``, to the end.

    Never raises: what goes wrong is in the result. The socket stays open.
    """
    result = Shake()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    deadline = monotonic() + timeout
    try:
        session = context.wrap_bio(incoming, outgoing, server_hostname=name or None)
    except ValueError:  # a name that cannot stand in a ClientHello
        session = context.wrap_bio(incoming, outgoing)
    offered = False
    while not result.complete:
        try:
            session.do_handshake()
            result.complete = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            result.verify_code = error.verify_code
            result.detail = error.verify_message
            _send(sock, outgoing)  # our alert, so that the server knows
            return result
        except ssl.SSLError as error:
            if not offered:
                result.local = f"the local library cannot offer it ({tls_reason(error)})"
            result.detail = tls_reason(error)
            if not result.flight.alert:
                result.flight.alert = alert_name(error)
            return result
        try:
            sock.settimeout(max(deadline - monotonic(), 0.01))
            _send(sock, outgoing)
            offered = True
            if result.complete:
                break
            data = sock.recv(1 << 14)
        except TimeoutError:
            result.detail = "timeout"
            return result
        except OSError as error:
            result.closed = True
            result.detail = error.strerror or str(error)
            return result
        if not data:
            result.closed = True
            result.detail = "closed"
            return result
        result.flight.feed(data)
        if result.flight.chose and result.flight.done and not whole:
            return result
        incoming.write(data)
    result.chain = _chain(session)
    return result


def _send(sock: socket.socket, outgoing: ssl.MemoryBIO) -> None:
    data = outgoing.read()
    if data:
        sock.sendall(data)


def _chain(session: ssl.SSLObject) -> tuple[bytes, ...]:
    own = session.getpeercert(binary_form=True)
    # Public from Python 3.13 on; before that only the object beneath has it.
    public: Callable[[], list[bytes]] | None = getattr(session, "get_unverified_chain", None)
    if public is not None:
        return tuple(public())
    beneath: Any = getattr(getattr(session, "_sslobj", None), "get_unverified_chain", None)
    if beneath is not None:
        chain = tuple(ssl.PEM_cert_to_DER_cert(entry.public_bytes()) for entry in beneath() or ())
        if chain:
            return chain
    return (own,) if own else ()
