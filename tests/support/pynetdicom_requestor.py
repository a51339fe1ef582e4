"""pynetdicom as requestor, for tests and benchmarks, without the race that stalls it.

While a request waits for its response, pynetdicom 3.0 lets the association's own thread look into the
same queue: it pauses that thread by an event, but a thread that has just passed the event is taken for
paused. What it then takes is reported as "unexpected" and lost, and the request waits for its timeout
and aborts. Here the thread is stopped for good before the first request, which is a private matter of
pynetdicom; hence the pin.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from dcmlint.errors import InputError, UsageError
from dcmlint.network.requestor.association import Target
from dcmlint.network.wire.associate import ProposedContext

try:
    import pynetdicom
    from pynetdicom import AE, _config, build_context
except ImportError as error:
    raise UsageError("live associations need the extra dcmlint[network] (pynetdicom)") from error

PINNED = ((3, 0, 4), (3, 1))  # the first that is known to work, and the first that is not
_STOPPED_WITHIN = 5.0


class _Checkpoint(threading.Event):
    """In place of the association's event: knows when the thread has come to wait, and lets nobody wake it.

    ``wait`` finds the event clear and says so before it blocks; nobody but ``open`` sets it, so a thread
    that was seen here stays here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            self.reached.set()
        return super().wait(timeout)

    def set(self) -> None:
        """Nothing: pynetdicom would let the thread go after each response."""

    def open(self) -> None:
        """Let the thread go."""
        super().set()


def check_version(version: str = "") -> None:
    """Refuse a pynetdicom whose private parts are not known; raises ``UsageError``."""
    text = version or pynetdicom.__version__
    numbers = tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
    first, beyond = PINNED
    if not first <= numbers < beyond:
        raise UsageError(f"pynetdicom {text} is installed; 3.0.4 or later below 3.1 is needed")


@contextmanager
def held(association: Any) -> Iterator[None]:
    """Within: no thread of an established association takes a response from the one who waits for it."""
    before = association._reactor_checkpoint
    checkpoint = _Checkpoint()
    association._reactor_checkpoint = checkpoint
    deadline = monotonic() + _STOPPED_WITHIN
    while not checkpoint.reached.wait(0.02):
        if not association.is_established or monotonic() > deadline:
            break  # it has ended; whoever sends will find out
    try:
        yield
    finally:
        association._reactor_checkpoint = before
        before.set()
        checkpoint.open()


@contextmanager
def requested(
    target: Target, contexts: tuple[ProposedContext, ...], *, handlers: list[Any] | None = None
) -> Iterator[Any]:
    """An association of pynetdicom, established, held and released in the end.

    Files are sent in pieces, not read into memory (a setting of pynetdicom for the whole process).
    Raises ``InputError`` where the association is not to be had, ``UsageError`` for another pynetdicom.
    """
    check_version()
    _config.STORE_SEND_CHUNKED_DATASET = True
    entity = AE(ae_title=target.calling)
    entity.acse_timeout = entity.connection_timeout = target.timeout
    entity.dimse_timeout = entity.network_timeout = max(target.timeout, 30.0)
    entity.maximum_pdu_size = 131072
    proposed = [build_context(c.abstract_syntax, list(c.transfer_syntaxes)) for c in contexts]
    tls: tuple[ssl.SSLContext, str] | None = None
    if target.tls is not None:
        tls = (target.tls, target.server_name or target.host)
    association = entity.associate(
        target.host,
        target.port,
        contexts=proposed,
        ae_title=target.called,
        evt_handlers=handlers or [],
        tls_args=tls,
    )
    if not association.is_established:
        _close(association)
        how = "rejected" if association.is_rejected else "aborted or not reached"
        raise InputError(f"{target.host}:{target.port}: the association was {how}")
    _no_delay(association)
    try:
        with held(association):
            yield association
    finally:
        if association.is_established:
            association.release()
        if association.is_established:
            association.abort()
        _close(association)


def store(association: Any, path: Path) -> int | None:
    """C-STORE of a file; its status, or None if no response came (the association is over then)."""
    response = association.send_c_store(path)
    return int(response.Status) if "Status" in response else None


def _no_delay(association: Any) -> None:
    sock = association.dul.socket.socket
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, AttributeError):
        pass  # only slower


def _close(association: Any) -> None:
    """Close the socket, which pynetdicom leaves to the collector where the peer ended the association."""
    holder = association.dul.socket
    sock = getattr(holder, "socket", None)
    if sock is not None:
        sock.close()
