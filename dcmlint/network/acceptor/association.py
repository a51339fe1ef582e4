"""One received connection, from its first byte to its last (PS3.8 9.2, PS3.7 9)."""

from __future__ import annotations

import contextlib
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from socket import SHUT_RDWR, socket
from time import monotonic
from typing import Protocol

import msgspec

from dcmlint.errors import DcmlintError
from dcmlint.intake.part import discard
from dcmlint.intake.status import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
    Answer,
)
from dcmlint.network.acceptor.incoming import Incoming
from dcmlint.network.acceptor.negotiate import accepted_contexts, answer_request
from dcmlint.network.acceptor.proxy import read_proxy_header, within
from dcmlint.network.acceptor.settings import Action, Handlers, ReceivedInstance, Settings
from dcmlint.network.observed import (
    AssociationEnd,
    AssociationFacts,
    AssociationHead,
    InstanceFacts,
    TlsSession,
)
from dcmlint.network.tls.session import session_of
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import (
    AcceptedContext,
    AssociateAccept,
    AssociateRequest,
    encode_accept,
    parse_request,
)
from dcmlint.network.wire.connection import Line, TlsError
from dcmlint.network.wire.dimse import Command
from dcmlint.network.wire.pdu import (
    ABORT,
    ABORT_INVALID,
    ABORT_NOT_SPECIFIED,
    ABORT_UNEXPECTED,
    ABORT_UNRECOGNIZED,
    ASSOCIATE_RQ,
    COMMAND,
    LAST,
    P_DATA,
    PDU_NAMES,
    PDV_HEADER_BYTES,
    REJECT_LOCAL_LIMIT,
    RELEASE_RQ,
    Abort,
    Problem,
    Rejection,
    WireError,
    encode_abort,
    encode_rejection,
    encode_release_reply,
    fragments,
    parse_abort,
    parse_pdv_header,
)
from dcmlint.network.wire.protocol_guess import speaks

_LINGER = 1.0  # PS3.8 9.1.5: ARTIM after the last PDU; on a living line the peer closes within a round trip
_MAX_PROBLEMS = 100
_MAX_ACTION_BYTES = 1 << 22  # some 30,000 references of a storage commitment

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
        # A path is joined for each instance: as text it costs a tenth.
        self._prefix = os.path.join(self._settings.directory, f"{host.token}-{number:06d}-")
        self._sock = sock
        self._line = Line(sock)
        self.peer, self._port = peer, port
        self._began = began
        self._started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._end: AssociationEnd = "closed"
        self._head: AssociationHead | None = None
        self._request: AssociateRequest | None = None
        self._accept: AssociateAccept | None = None
        self._rejection: Rejection | None = None
        self._abort: Abort | None = None
        self._identity = 0
        self._tls: TlsSession | None = None
        self._handshake_ms = 0.0
        self._request_ms = 0.0
        self._contexts: dict[int, AcceptedContext] = {}
        self._peer_max_pdu = 0
        self._instances: list[InstanceFacts] = []
        self._stores = 0
        self._echoes = 0
        self._others: list[str] = []
        self._largest = 0
        self._oversized = 0
        self._problems: list[Problem] = []
        self._deadline = 0.0
        # The message that is being received.
        self._command = bytearray()
        self._command_context = -1
        self._incoming: Incoming | None = None
        self._undesired: tuple[Command, AcceptedContext] | None = None  # a request whose data set is dropped
        self._action: bytearray | None = None  # … or kept, where it is an action that is answered

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
            self._forget_message()
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
        if self._negotiate():
            self._line.widen()
            while self._message():
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

    def _negotiate(self) -> bool:
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
                    return False
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
            return False
        self._accept = answer
        self._contexts = accepted_contexts(request, answer)
        self._peer_max_pdu = request.user.max_pdu or 0
        self._head = AssociationHead(
            number=self.number,
            peer=self.peer,
            peer_port=self._port,
            request=request,
            accept=answer,
            tls=self._tls,
        )
        line.send(encode_accept(answer), send_by)
        return True

    def _decide(self, request: AssociateRequest) -> AssociateAccept | Rejection:
        if self._handlers.on_request is not None:
            rejection = self._handlers.on_request(request, self.peer)
            if rejection is not None:
                return rejection
        answer = answer_request(request, self._settings.acceptance, self._settings.max_pdu)
        if isinstance(answer, AssociateAccept) and not self._host.admit(self):
            return REJECT_LOCAL_LIMIT
        return answer

    def _message(self) -> bool:
        """One PDU; whether the association goes on."""
        line = self._line
        timeouts = self._settings.timeouts
        between = not self._command and self._incoming is None and self._undesired is None
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
        self._deadline = monotonic() + timeouts.pdu
        kind, length = line.header(self._deadline, self._settings.max_pdu_taken)
        if kind == P_DATA:
            self._take(length)
            return True
        if kind == RELEASE_RQ:
            line.body(length, self._deadline)
            if not between:
                self._note("message", "the association was released in the middle of a message")
            line.send(encode_release_reply(), self._deadline)
            self._end = "released"
            line.drain(monotonic() + _LINGER)
            return False
        if kind == ABORT:
            self._abort = parse_abort(line.body(length, self._deadline))
            self._end = "aborted by peer"
            return False
        raise WireError("unexpected", f"{PDU_NAMES[kind]} on an established association", line.offset)

    # --- P-DATA ------------------------------------------------------------------------------

    def _take(self, length: int) -> None:
        """The PDVs of one P-DATA-TF (PS3.8 9.3.5)."""
        line = self._line
        deadline = self._deadline
        if length > self._largest:
            self._largest = length
        if length > self._settings.max_pdu:
            self._oversized += 1
        remaining = length
        while remaining:
            if remaining < PDV_HEADER_BYTES:
                raise WireError("pdv-length", f"{remaining} bytes after the last PDV of a PDU", line.offset)
            size, context, control = parse_pdv_header(line.need(PDV_HEADER_BYTES, deadline))
            remaining -= PDV_HEADER_BYTES
            if size < 0 or size > remaining:
                raise WireError(
                    "pdv-length", f"a PDV declares {size + 2} bytes, its PDU has {remaining + 2}", line.offset
                )
            remaining -= size
            if control & COMMAND:
                if len(self._command) + size > dimse.MAX_COMMAND_BYTES:  # before its bytes are read
                    raise WireError(
                        "command", f"a command of more than {dimse.MAX_COMMAND_BYTES} bytes", line.offset
                    )
                self._take_command(context, control, bytes(line.body(size, deadline)))
            else:
                self._take_data(context, control, size)

    def _take_command(self, context: int, control: int, piece: bytes) -> None:
        if self._incoming is not None or self._undesired is not None:
            raise WireError("message", "a command where the rest of a data set is due", self._line.offset)
        if context not in self._contexts:
            raise WireError("context", f"presentation context {context} was not accepted", self._line.offset)
        if self._command and context != self._command_context:
            raise WireError("context", "a command spread over two contexts", self._line.offset)
        self._command += piece
        self._command_context = context
        if control & LAST:
            data = bytes(self._command)
            self._command.clear()
            self._command_context = -1
            self._dispatch(dimse.decode(data), self._contexts[context])
        elif not self._command:
            raise WireError("command", "an empty command fragment", self._line.offset)

    def _take_data(self, context: int, control: int, size: int) -> None:
        line = self._line
        incoming = self._incoming
        due = incoming.context.id if incoming else self._undesired[1].id if self._undesired else -1
        if due < 0:
            raise WireError("message", "a data set that no command announced", line.offset)
        if context != due:
            raise WireError("context", f"a data set in context {context}, its command in {due}", line.offset)
        while size:
            piece = line.some(size, self._deadline)
            size -= len(piece)
            if self._action is not None:
                if len(self._action) + len(piece) > _MAX_ACTION_BYTES:
                    raise WireError("limit", f"an action of more than {_MAX_ACTION_BYTES} bytes")
                self._action += piece
            if incoming is not None:
                incoming.write(piece)
                if incoming.endless:
                    raise WireError("limit", f"a data set of more than {incoming.size} bytes")
        if control & LAST:
            if incoming is not None:
                self._incoming = None
                self._stored(incoming)
            elif self._undesired is not None:
                command, accepted = self._undesired
                action, self._undesired, self._action = self._action, None, None
                answer = Answer(UNRECOGNIZED_OPERATION)
                if action is not None:
                    answer = self._act(command, accepted, bytes(action))
                self._answer(command, answer, context)

    # --- DIMSE -------------------------------------------------------------------------------

    def _dispatch(self, command: Command, context: AcceptedContext) -> None:
        for oddity in command.oddities:
            self._note(oddity.kind, f"{command.name}: {oddity.detail}", self._line.offset)
        if command.field == dimse.C_STORE_RQ:
            self._begin_store(command, context)
        elif command.field == dimse.C_ECHO_RQ and not command.has_data_set:
            self._echoes += 1
            self._answer(command, Answer(SUCCESS), context.id)
        elif command.is_response:
            raise WireError("message", f"{command.name} where nothing was asked", self._line.offset)
        else:
            if len(self._others) < _MAX_PROBLEMS:
                self._others.append(command.name)
            if command.has_data_set:
                self._undesired = (command, context)
                if command.field == dimse.N_ACTION_RQ and self._handlers.on_action is not None:
                    acted = context.abstract_syntax in self._settings.acceptance.services
                    self._action = bytearray() if acted else None
            elif command.field != dimse.C_CANCEL_RQ:  # PS3.7 9.3.2.3: not answered
                self._answer(command, Answer(UNRECOGNIZED_OPERATION), context.id)

    def _act(self, command: Command, context: AcceptedContext, information: bytes) -> Answer:
        if self._handlers.on_action is None or self._head is None:
            return Answer(UNRECOGNIZED_OPERATION)
        try:
            return self._handlers.on_action(
                Action(command=command, context=context, information=information, association=self._head)
            )
        except (OSError, DcmlintError) as error:
            self._note("internal", f"{type(error).__name__}: {error}"[:200])
            return Answer(PROCESSING_FAILURE, "internal error")

    def _begin_store(self, command: Command, context: AcceptedContext) -> None:
        self._stores += 1
        path = f"{self._prefix}{self._stores:06d}.part"
        if not command.has_data_set:
            refused = Answer(CANNOT_UNDERSTAND, "C-STORE without a data set")
            self._note("message", refused.comment, self._line.offset)
            self._refused(command, refused)
            self._keep(Incoming(command, context, path, limit=0, digest=False, refusal=refused), refused)
            return
        refusal: Answer | None = None
        if self._handlers.on_store is not None and self._head is not None:
            try:
                refusal = self._handlers.on_store(command, context, self._head)
            except (OSError, DcmlintError) as error:
                self._note("internal", f"{type(error).__name__}: {error}"[:200])
                refusal = Answer(OUT_OF_RESOURCES, "internal error")
        incoming = Incoming(
            command,
            context,
            path,
            limit=self._settings.max_instance,
            digest=self._settings.digest,
            refusal=refusal,
            ahead=self._settings.durable,
        )
        if self._request is not None:
            incoming.begin(self._request.calling, self._request.called)
        self._incoming = incoming

    def _stored(self, incoming: Incoming) -> None:
        incoming.finish(durable=self._settings.durable)
        if incoming.refusal is not None or self._head is None:
            answer = incoming.refusal or Answer(OUT_OF_RESOURCES)
            self._refused(incoming.command, answer)
            self._keep(incoming, answer)
            return
        received = ReceivedInstance(
            path=Path(incoming.path),
            command=incoming.command,
            context=incoming.context,
            association=self._head,
            size=incoming.size,
            sha256=incoming.sha256,
            start=incoming.start,
        )
        try:
            answer = self._handlers.on_instance(received)
        except (OSError, DcmlintError) as error:
            discard(incoming.path)
            self._note("internal", f"{type(error).__name__}: {error}"[:200])
            incoming.refusal = answer = Answer(OUT_OF_RESOURCES, "internal error")
            self._refused(incoming.command, answer)
        self._keep(incoming, answer)

    def _refused(self, command: Command, answer: Answer) -> None:
        if self._handlers.on_refused is not None and self._head is not None:
            self._handlers.on_refused(command, self._head, answer)

    def _keep(self, incoming: Incoming, answer: Answer) -> None:
        """Answer a C-STORE and note it, also where the answer cannot be sent."""
        answered = False
        try:
            self._answer(incoming.command, answer, incoming.context.id)
            answered = True
        finally:
            self._remember(incoming, answer, complete=True, answered=answered)

    def _answer(self, command: Command, answer: Answer, context: int) -> None:
        data = dimse.response(command, answer)
        deadline = monotonic() + self._settings.timeouts.pdu
        for headers, piece in fragments(context, data, command=True, max_pdu=self._peer_max_pdu):
            self._line.send(headers + piece, deadline)

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

    def _forget_message(self) -> None:
        """What was not whole when the association ended was not received."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.drop()
            self._remember(incoming, Answer(-1), complete=False, answered=False)
            self._note("partial", f"the association ended {incoming.size} bytes into a data set")

    def _remember(self, incoming: Incoming, answer: Answer, *, complete: bool, answered: bool) -> None:
        if len(self._instances) >= self._settings.max_instance_facts:
            return
        command = incoming.command
        self._instances.append(
            InstanceFacts(
                message_id=command.message_id or 0,
                sop_class=command.sop_class,
                sop_instance=command.sop_instance,
                context=incoming.context,
                size=incoming.size,
                seconds=monotonic() - incoming.started,
                complete=complete,
                status=answer.status,
                comment=answer.comment,
                answered=answered,
                stored=complete and incoming.refusal is None,
                sha256=incoming.sha256 if complete else "",
                originator=command.originator,
                originator_id=command.originator_id,
                oddities=command.oddities,
            )
        )

    def _note(self, kind: str, detail: str, at: int = -1) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(Problem(kind=kind, detail=detail, at=at))

    def _facts(self) -> AssociationFacts:
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
            instances=tuple(self._instances),
            instances_not_kept=self._stores - len(self._instances),
            echoes=self._echoes,
            other_commands=tuple(self._others),
            max_pdu_announced=self._settings.max_pdu,
            largest_pdu=self._largest,
            oversized_pdus=self._oversized,
            bytes_received=self._line.received,
            problems=tuple(self._problems),
        )
