"""What an acceptor is told and what it tells: settings, handlers, and an instance that has arrived."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec

from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.proxy import Network
from dcmlint.network.observed import AssociationFacts, AssociationHead
from dcmlint.network.wire.associate import AcceptedContext, AssociateRequest
from dcmlint.network.wire.dimse import Command
from dcmlint.network.wire.pdu import Rejection


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: for the TLS handshake as a whole, from there to the end of the request, for each PDU
    from its first byte (and between the PDUs of one message), and between messages."""

    handshake: float = 10.0
    request: float = 10.0
    pdu: float = 30.0
    idle: float = 300.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How an acceptor listens; ``port`` 0 takes a free one.

    ``max_pdu`` is announced. A larger PDU is a mistake of the sender, but costs nothing, so it is taken
    and counted up to ``max_pdu_taken``. Beyond ``max_associations`` a request is rejected as transient;
    beyond ``max_connections``, which counts those that have not yet said anything, a connection is
    closed. Of one address at most ``per_address`` associations are served and twice as many connections open
    (0: as many as of all). ``proxies`` are balancers whose PROXY header is demanded and believed. ``durable``
    has each file synchronised before ``on_instance``.
    """

    directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    acceptance: Acceptance = Acceptance()
    tls: ssl.SSLContext | None = None
    timeouts: Timeouts = Timeouts()
    max_pdu: int = 131072
    max_pdu_taken: int = 1 << 24
    max_instance: int = 20 * 10**9
    max_associations: int = 64
    max_connections: int = 160
    per_address: int = 0
    max_instance_facts: int = 100_000
    proxies: tuple[Network, ...] = ()
    durable: bool = False
    digest: bool = False


class ReceivedInstance(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that is whole: its file, the command and context it came with, its association.

    The file is a Part 10 file named ``*.part``. It is the handler's: to rename (``publish``) or remove. ``start``: the
    first bytes of its data set.
    """

    path: Path
    command: Command
    context: AcceptedContext
    association: AssociationHead
    size: int
    sha256: str = ""
    start: bytes = b""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """An N-ACTION that is whole: its command, its context and the bytes of its action information."""

    command: Command
    context: AcceptedContext
    information: bytes
    association: AssociationHead


class Handlers(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of whoever receives. All are called in the thread of the association.

    ``on_instance`` gives the answer to a C-STORE. If it raises ``OSError`` or ``DcmlintError`` the
    sender is told A700H and the file is removed; any other exception aborts the association.
    ``on_action`` gives the answer to an N-ACTION on a context of one of the acceptance's services.
    ``on_request`` may reject an association; ``on_store`` may refuse an instance before its data set,
    which is then read and dropped. ``on_refused`` is told of every instance that ``on_instance`` did not get, or did not
    take, with what its sender is answered. ``on_association_end`` gets the facts of every connection.
    """

    on_instance: Callable[[ReceivedInstance], Answer]
    on_association_end: Callable[[AssociationFacts], None] | None = None
    on_request: Callable[[AssociateRequest, str], Rejection | None] | None = None
    on_action: Callable[[Action], Answer] | None = None
    on_store: Callable[[Command, AcceptedContext, AssociationHead], Answer | None] | None = None
    on_refused: Callable[[Command, AssociationHead, Answer], None] | None = None
