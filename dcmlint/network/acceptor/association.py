"""One received connection, from its first byte to its last (PS3.8 9.2, PS3.7 9)."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime
from socket import SHUT_RDWR, socket
from time import monotonic
from typing import Protocol

import msgspec

from dcmlint.network.acceptor.messages import Messages
from dcmlint.network.acceptor.negotiate import accepted_contexts, answer_request
from dcmlint.network.acceptor.proxy import read_proxy_header, within
from dcmlint.network.acceptor.settings import Handlers, Settings
from dcmlint.network.observed import (
    AssociationEnd,
    AssociationFacts,
    AssociationHead,
    TlsSession,
)
from dcmlint.network.tls.session import session_of
from dcmlint.network.wire.associate import (
    AcceptedContext,
    AssociateAccept,
    AssociateRequest,
    encode_accept,
    parse_request,
)
from dcmlint.network.wire.connection import Line, TlsError
from dcmlint.network.wire.pdu import (
    ABORT,
    ABORT_INVALID,
    ABORT_NOT_SPECIFIED,
    ABORT_UNEXPECTED,
    ABORT_UNRECOGNIZED,
    ASSOCIATE_RQ,
    P_DATA,
    PDU_NAMES,
    REJECT_LOCAL_LIMIT,
    RELEASE_RQ,
    Abort,
    Problem,
    Rejection,
    WireError,
    encode_abort,
    encode_rejection,
    encode_release_reply,
    parse_abort,
)
from dcmlint.network.wire.protocol_guess import speaks

_LINGER = 1.0  # PS3.8 9.1.5: ARTIM after the last PDU; on a living line the peer closes within a round trip
_MAX_PROBLEMS = 100

# What this side says when it ends an association (PS3.8 Table 9-26).
_ABORTS = {
    "pdu-type": ABORT_UNRECOGNIZED,
    "unexpected": ABORT_UNEXPECTED,
    "pdu-length": ABORT_INVALID,
    "pdv-length": ABORT_INVALID,
    "associate": ABORT_INVALID,
    "context": ABORT_INVALID,
    "command": ABORT_INVALID,
    "message": ABORT_INVALID,
}


class Host(Protocol):
    """What an association needs of the acceptor that it belongs to."""

    settings: Settings
    handlers: Handlers
    token: str

    @property
    def stopping(self) -> bool:
        """Whether the acceptor is being stopped."""

    def admit(self, association: Association) -> bool:
        """Take a place among the established associations, if there is one."""

    def rename(self, association: Association) -> bool:
        """The address of a connection is known now, from a proxy; whether there is a place for it."""

    def leave(self, association: Association) -> None:
        """The association has ended, and its facts were handed over."""


class Association:
    """A connection and what it has come to; ``run`` is the whole life of its thread."""

    def __init__(self, host: Host, sock: socket, peer: str, port: int, number: int, began: float) -> None:
        self.number = number
        self._host = host
        self._settings = host.settings
        self._handlers = host.handlers
        self._sock = sock
        self._line = Line(sock)
        self.peer, self._port = peer, port
        self._began = began
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._end: AssociationEnd = "closed"
        self._request: AssociateRequest | None = None
        self._accept: AssociateAccept | None = None
        self._rejection: Rejection | None = None
        self._abort: Abort | None = None
        self._identity = 0
        self._tls: TlsSession | None = None
        self._handshake_ms = 0.0
        self._request_ms = 0.0
        self._contexts: dict[int, AcceptedContext] = {}
        self._messages: Messages | None = None
        self._problems: list[Problem] = []

    def interrupt(self) -> None:
        """Wake the thread wherever it waits; called from another one."""
        with contextlib.suppress(OSError):
            # Not that of SSLSocket, which takes the session away from under the thread that reads.
            socket.shutdown(self._sock, SHUT_RDWR)

    def run(self) -> None:
        """Serve the connection until it ends, and hand its facts over."""
        over = False
        try:
            self._serve()
            over = True
        except WireError as error:
            self._fail(error)
            over = True
        finally:
            if not over:  # a handler broke: the sender must not take its instance for stored
                self._say_abort(ABORT_NOT_SPECIFIED)
                self._end = "aborted"
                self._note("internal", "a handler failed")
            if self._messages is not None:
                self._messages.forget()
            self._line.close()
            try:
                if self._handlers.on_association_end is not None:
                    self._handlers.on_association_end(self._facts())
            finally:
                self._host.leave(self)

    # --- the stages --------------------------------------------------------------------------

    def _serve(self) -> None:
        if within(self.peer, self._settings.proxies):
            deadline = monotonic() + self._settings.timeouts.handshake
            client = read_proxy_header(self._sock, deadline)
            if client is not None:
                self.peer, self._port = client
                if not self._host.rename(self):
                    raise WireError("crowded", "too many connections of this address", 0)
        if self._settings.tls is not None:
            self._handshake(self._settings.tls)
        messages = self._negotiate()
        if messages is not None:
            self._line.widen()
            while self._message(messages):
                pass

    def _handshake(self, context: ssl.SSLContext) -> None:
        """TLS in this thread: a peer that says nothing holds up nobody else."""
        began = monotonic()
        self._sock.settimeout(self._settings.timeouts.handshake)
        try:
            secure = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
        except OSError as error:
            raise WireError("closed", f"before the TLS handshake: {error.strerror or error}") from error
        self._sock = secure
        self._line = Line(secure)
        try:
            secure.do_handshake()
        except TimeoutError as error:
            raise WireError("handshake-timeout", "the TLS handshake did not end in time") from error
        except ssl.SSLError as error:
            raise TlsError(error, kind="handshake") from error
        except OSError as error:
            raise WireError("closed", f"in the TLS handshake: {error.strerror or error}") from error
        self._handshake_ms = (monotonic() - began) * 1000
        self._tls = session_of(secure)

    def _negotiate(self) -> Messages | None:
        """The messages of the association, if one is established."""
        line = self._line
        began = monotonic()
        deadline = began + self._settings.timeouts.request
        try:
            line.fill(deadline)
            foreign = speaks(line.peek(16))
            if foreign:
                raise WireError("not-dicom", f"the peer speaks {foreign}", 0)
            kind, length = line.header(deadline, self._settings.max_pdu_taken)
            if kind != ASSOCIATE_RQ:
                if kind == ABORT:
                    self._abort = parse_abort(line.body(length, deadline))
                    self._end = "aborted by peer"
                    return None
                raise WireError("unexpected", f"{PDU_NAMES[kind]} before an association", 0)
            request = parse_request(line.body(length, deadline))
        except WireError as error:
            if error.problem.kind == "timeout":
                raise WireError("request-timeout", "no association request in time", line.received) from error
            raise
        self._request_ms = (monotonic() - began) * 1000
        if request.user.identity is not None:
            self._identity = request.user.identity.kind
            request = msgspec.structs.replace(
                request, user=msgspec.structs.replace(request.user, identity=None)
            )
        self._request = request
        self._problems.extend(request.oddities[:_MAX_PROBLEMS])
        answer = self._decide(request)
        send_by = monotonic() + self._settings.timeouts.pdu
        if isinstance(answer, Rejection):
            self._rejection = answer
            self._end = "rejected"
            line.send(encode_rejection(answer), send_by)
            line.drain(monotonic() + _LINGER)
            return None
        self._accept = answer
        self._contexts = accepted_contexts(request, answer)
        head = AssociationHead(
            number=self.number, peer=self.peer, peer_port=self._port, request=request, accept=answer, tls=self._tls
        )  # fmt: skip
        self._messages = Messages(
            line, self._settings, self._handlers, head, self._contexts, self._host.token, self._note
        )
        line.send(encode_accept(answer), send_by)
        return self._messages

    def _decide(self, request: AssociateRequest) -> AssociateAccept | Rejection:
        if self._handlers.on_request is not None:
            rejection = self._handlers.on_request(request, self.peer)
            if rejection is not None:
                return rejection
        answer = answer_request(request, self._settings.acceptance, self._settings.max_pdu)
        if isinstance(answer, AssociateAccept) and not self._host.admit(self):
            return REJECT_LOCAL_LIMIT
        return answer

    def _message(self, messages: Messages) -> bool:
        """One PDU; whether the association goes on."""
        line = self._line
        timeouts = self._settings.timeouts
        between = messages.between
        if line.pending == 0:
            line.acknowledge_at_once()
            try:
                line.fill(monotonic() + (timeouts.idle if between else timeouts.pdu))
            except WireError as error:
                if error.problem.kind == "timeout" and between:
                    raise WireError(
                        "idle-timeout", "nothing was asked for too long", line.received
                    ) from error
                raise
        deadline = monotonic() + timeouts.pdu
        kind, length = line.header(deadline, self._settings.max_pdu_taken)
        if kind == P_DATA:
            messages.take(length, deadline)
            return True
        if kind == RELEASE_RQ:
            line.body(length, deadline)
            if not between:
                self._note("message", "the association was released in the middle of a message")
            line.send(encode_release_reply(), deadline)
            self._end = "released"
            line.drain(monotonic() + _LINGER)
            return False
        if kind == ABORT:
            self._abort = parse_abort(line.body(length, deadline))
            self._end = "aborted by peer"
            return False
        raise WireError("unexpected", f"{PDU_NAMES[kind]} on an established association", line.offset)

    # --- the end -----------------------------------------------------------------------------

    def _fail(self, error: WireError) -> None:
        problem = error.problem
        if self._host.stopping:
            self._end = "stopped"
            return
        kind = problem.kind
        self._note("pdu-timeout" if kind == "timeout" else kind, problem.detail, problem.at)
        if kind in ("closed", "reset", "crowded", "tls", "handshake", "handshake-timeout"):
            self._end = "timeout" if kind == "handshake-timeout" else "closed"
            return
        self._end = "timeout" if "timeout" in kind else "aborted"
        self._say_abort(_ABORTS.get(kind, ABORT_NOT_SPECIFIED))

    def _say_abort(self, abort: Abort) -> None:
        try:
            self._line.send(encode_abort(abort), monotonic() + _LINGER)
            self._line.drain(monotonic() + _LINGER)
        except WireError:
            pass  # the line is gone; there is nobody to tell

    def _note(self, kind: str, detail: str, at: int = -1) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(Problem(kind=kind, detail=detail, at=at))

    def _facts(self) -> AssociationFacts:
        messages = self._messages
        instances = tuple(messages.instances) if messages is not None else ()
        return AssociationFacts(
            number=self.number,
            peer=self.peer,
            peer_port=self._port,
            end=self._end,
            started=self._started,
            seconds=monotonic() - self._began,
            request=self._request,
            accept=self._accept,
            rejection=self._rejection,
            abort=self._abort,
            user_identity=self._identity,
            tls=self._tls,
            handshake_ms=self._handshake_ms,
            request_ms=self._request_ms,
            contexts=tuple(self._contexts.values()),
            instances=instances,
            instances_not_kept=messages.stores - len(instances) if messages is not None else 0,
            echoes=messages.echoes if messages is not None else 0,
            other_commands=tuple(messages.others) if messages is not None else (),
            max_pdu_announced=self._settings.max_pdu,
            largest_pdu=messages.largest_pdu if messages is not None else 0,
            oversized_pdus=messages.oversized_pdus if messages is not None else 0,
            bytes_received=self._line.received,
            problems=tuple(self._problems),
        )
