"""An association as its requestor: connect, associate, echo, store, release, with facts of each."""

from __future__ import annotations

import mmap
import select
import socket
import ssl
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.errors import InputError
from dcmlint.intake import part10
from dcmlint.network.observed import AttemptFacts, AttemptOutcome, EchoFacts, ReachFacts
from dcmlint.network.reach import connect, reach_words
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import (
    AssociateAccept,
    AssociateRequest,
    ProposedContext,
    UserInformation,
    encode_request,
    parse_accept,
)
from dcmlint.network.wire.connection import Line, TlsError
from dcmlint.network.wire.pdu import (
    ABORT,
    ABORT_USER,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    COMMAND,
    LAST,
    P_DATA,
    PDU_NAMES,
    PDV_HEADER_BYTES,
    RELEASE_RP,
    RELEASE_RQ,
    Abort,
    Problem,
    Rejection,
    WireError,
    encode_abort,
    encode_release_reply,
    encode_release_request,
    fragments,
    parse_abort,
    parse_pdv_header,
    parse_rejection,
)
from dcmlint.network.wire.protocol_guess import speaks
from dcmlint.network.wire.syntaxes import IMPLEMENTATION_CLASS, implementation_version
from dcmlint.standard.uids import Verification

MAX_PDU = 131072  # announced; what a peer sends beyond it is noted
_MAX_PDU_TAKEN = 1 << 24
_SETTLE = 0.2


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and how to speak to it; ``server_name`` is the name that its certificate must have."""

    host: str
    port: int
    called: str = "ANY-SCP"
    calling: str = "DCMLINT"
    timeout: float = 10.0
    tls: ssl.SSLContext | None = None
    server_name: str = ""


def association_request(
    target: Target, contexts: tuple[ProposedContext, ...], user: UserInformation | None = None
) -> AssociateRequest:
    """A request with this side's identity; ``user`` replaces the whole user information."""
    return AssociateRequest(
        called=target.called,
        calling=target.calling,
        contexts=contexts,
        user=user or own_information(),
    )


def own_information() -> UserInformation:
    """The user information that this side sends unless something is tried."""
    return UserInformation(
        max_pdu=MAX_PDU,
        implementation_class=IMPLEMENTATION_CLASS,
        implementation_version=implementation_version(),
    )


def secure(sock: socket.socket, context: ssl.SSLContext, name: str, timeout: float) -> ssl.SSLSocket:
    """A TLS session on a connected socket.

    Raises ``TlsError`` or ``WireError``; the socket is closed then.
    """
    try:
        sock.settimeout(timeout)
        return context.wrap_socket(sock, server_hostname=name or None)
    except TimeoutError as error:
        sock.close()
        raise WireError("timeout", "the TLS handshake did not end in time") from error
    except ssl.SSLError as error:
        sock.close()
        raise TlsError(error) from error
    except (OSError, ValueError) as error:
        sock.close()
        raise WireError("closed", f"in the TLS handshake: {error}") from error


class Dialogue:
    """An established association; ``close`` it in the end, released or not."""

    def __init__(
        self, line: Line, request: AssociateRequest, accept: AssociateAccept, timeout: float
    ) -> None:
        self.line = line
        self.request = request
        self.accept = accept
        self.timeout = timeout
        self.largest_pdu = 0
        self._message_id = 0
        abstract = {context.id: context.abstract_syntax for context in request.contexts}
        self.contexts = {
            (abstract[answer.id], answer.transfer_syntax): answer.id
            for answer in accept.contexts
            if answer.result == 0 and answer.id in abstract
        }

    def echo(self) -> EchoFacts:
        """C-ECHO; raises ``WireError`` where no response came or Verification was not accepted."""
        context = next((number for (sop, _), number in self.contexts.items() if sop == Verification), None)
        if context is None:
            raise WireError("context", "Verification was not accepted")
        self._message_id += 1
        began = monotonic()
        self._send(context, dimse.echo_request(self._message_id))
        reply = self._receive(began + self.timeout)
        return EchoFacts(
            status=-1 if reply.status is None else reply.status,
            responded_id_matches=reply.responded_id == self._message_id,
            milliseconds=(monotonic() - began) * 1000,
            oddities=reply.oddities,
        )

    @property
    def message_id(self) -> int:
        """Of the last request."""
        return self._message_id

    def store(self, path: Path) -> dimse.Command:
        """C-STORE of a Part 10 file as it is, in the context of its own class and syntax.

        Returns the response. Raises ``WireError``, and ``InputError`` for a file that cannot be sent.
        """
        try:
            with path.open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {error}") from error
        sop_class, instance, syntax, offset = _identity(bytes(content[: 1 << 12]), path)
        context = self.contexts.get((sop_class, syntax))
        if context is None:
            raise InputError(f"{path}: no context was accepted for {sop_class} in {syntax}")
        self._message_id = self._message_id % 65535 + 1
        self._send(context, dimse.store_request(self._message_id, sop_class, instance))
        # The map is not closed by hand: an exception on the way keeps views of it alive.
        self._send(context, memoryview(content)[offset:], command=False)
        return self._receive(monotonic() + self.timeout)

    def report(self, sop_class: str, sop_instance: str, event_type: int, information: bytes) -> dimse.Command:
        """N-EVENT-REPORT (PS3.7 10.1.1); returns the response, raises ``WireError``."""
        context = next((number for (sop, _), number in self.contexts.items() if sop == sop_class), None)
        if context is None:
            raise WireError("context", f"{sop_class} was not accepted")
        self._message_id = self._message_id % 65535 + 1
        self._send(context, dimse.event_report_request(self._message_id, sop_class, sop_instance, event_type))
        self._send(context, information, command=False)
        return self._receive(monotonic() + self.timeout)

    def release(self) -> bool:
        """A-RELEASE; whether it was answered (PS3.8 7.2)."""
        deadline = monotonic() + self.timeout
        try:
            self.line.send(encode_release_request(), deadline)
            while True:
                kind, body = self.line.pdu(deadline, _MAX_PDU_TAKEN)
                if kind == RELEASE_RP:
                    return True
                if kind == RELEASE_RQ:  # PS3.8 7.2.2.7: release collision
                    self.line.send(encode_release_reply(), deadline)
                elif kind != P_DATA:
                    return False
                self.largest_pdu = max(self.largest_pdu, len(body))
        except WireError:
            return False

    def abort(self) -> None:
        """A-ABORT, without waiting for anything."""
        try:
            self.line.send(encode_abort(ABORT_USER), monotonic() + 1.0)
        except WireError:
            pass  # nobody is left to tell

    def close(self) -> None:
        """Close the connection."""
        self.line.close()

    def _send(self, context: int, payload: bytes | memoryview, *, command: bool = True) -> None:
        limit = self.accept.user.max_pdu or 0
        for headers, piece in fragments(context, payload, command=command, max_pdu=limit):
            deadline = monotonic() + self.timeout
            if len(piece) <= 1 << 14:
                self.line.send(headers + piece, deadline)
            else:
                self.line.send(headers, deadline)
                self.line.send(piece, deadline)
            piece.release()

    def _receive(self, deadline: float) -> dimse.Command:
        """The next command set; a data set is not expected by anything here."""
        data = bytearray()
        while True:
            kind, body = self.line.pdu(deadline, _MAX_PDU_TAKEN)
            self.largest_pdu = max(self.largest_pdu, len(body))
            if kind == ABORT:
                raise WireError("aborted", parse_abort(body).words, self.line.offset)
            if kind != P_DATA:
                raise WireError("unexpected", f"{PDU_NAMES[kind]} where a response is due", self.line.offset)
            offset = 0
            while offset < len(body):
                if len(body) - offset < PDV_HEADER_BYTES:
                    raise WireError("pdv-length", "bytes after the last PDV of a PDU", self.line.offset)
                size, _, control = parse_pdv_header(body[offset : offset + PDV_HEADER_BYTES])
                offset += PDV_HEADER_BYTES
                if size < 0 or size > len(body) - offset:
                    raise WireError("pdv-length", f"a PDV declares {size + 2} bytes", self.line.offset)
                if not control & COMMAND:
                    raise WireError("message", "a data set where a response is due", self.line.offset)
                data += body[offset : offset + size]
                offset += size
                if len(data) > dimse.MAX_COMMAND_BYTES:
                    raise WireError("command", "a response that does not end", self.line.offset)
                if control & LAST:
                    return dimse.decode(data)


def associate(
    target: Target, request: AssociateRequest, purpose: str, *, timeout: float = 0.0
) -> tuple[Dialogue | None, AttemptFacts, ReachFacts]:
    """Connect and ask for an association; the dialogue is None unless it was accepted."""
    timeout = timeout or target.timeout
    sock, reach = connect(target.host, target.port, timeout)
    if sock is None:
        failed = AttemptFacts(
            purpose=purpose, outcome="unreachable", request=request, detail=reach_words(reach)
        )
        return None, failed, reach
    if target.tls is None:
        return *ask(Line(sock), request, purpose, timeout), reach
    try:
        line = Line(secure(sock, target.tls, target.server_name or target.host, timeout))
    except WireError as error:
        return None, _failed(purpose, request, error), reach
    try:
        _settle(line)
    except WireError as error:
        line.close()
        return None, _failed(purpose, request, error), reach
    return *ask(line, request, purpose, timeout), reach


def ask(
    line: Line, request: AssociateRequest, purpose: str, timeout: float
) -> tuple[Dialogue | None, AttemptFacts]:
    """Ask for an association on a connection; it is closed unless the association was accepted."""
    began = monotonic()
    deadline = began + timeout
    accept: AssociateAccept | None = None
    rejection: Rejection | None = None
    abort: Abort | None = None
    try:
        line.send(encode_request(request), deadline)
        if not line.pending:
            line.fill(deadline)
        foreign = speaks(line.peek(16))
        if foreign:
            line.close()
            detail = f"the peer speaks {foreign}"
            return None, AttemptFacts(
                purpose=purpose, outcome="not DICOM", request=request, speaks=foreign, detail=detail
            )
        kind, body = line.pdu(deadline, 0)
        if kind == ASSOCIATE_AC:
            accept = parse_accept(body)
        elif kind == ASSOCIATE_RJ:
            rejection = parse_rejection(body)
        elif kind == ABORT:
            abort = parse_abort(body)
        else:
            raise WireError("unexpected", f"{PDU_NAMES[kind]} in answer to A-ASSOCIATE-RQ", 0)
    except WireError as error:
        line.close()
        return None, _failed(purpose, request, error)
    outcome: AttemptOutcome = "accepted" if accept else "rejected" if rejection else "aborted"
    said = rejection.words if rejection else abort.words if abort else ""
    facts = AttemptFacts(
        purpose=purpose,
        outcome=outcome,
        request=request,
        answer=accept,
        rejection=rejection,
        abort=abort,
        detail=said,
        milliseconds=(monotonic() - began) * 1000,
        oddities=(accept.oddities + _unasked(request, accept)) if accept else (),
    )
    if accept is None:
        line.close()
        return None, facts
    return Dialogue(line, request, accept, timeout), facts


def _settle(line: Line) -> None:
    """Hear what a TLS 1.3 server says after the handshake: tickets, or that it misses a certificate.

    Such an alert comes after the client's part is over (RFC 8446 4.4.2.4). Who sends at once may have it
    overtaken by the reset of the server's closing.
    """
    sock = line.sock
    if not isinstance(sock, ssl.SSLSocket) or sock.version() != "TLSv1.3":
        return
    readable, _, _ = select.select([sock], [], [], _SETTLE)
    if readable:
        try:
            line.fill(monotonic() + 0.02)
        except WireError as error:
            if error.problem.kind != "timeout":
                raise


def _unasked(request: AssociateRequest, accept: AssociateAccept) -> tuple[Problem, ...]:
    """Answers to contexts, or with syntaxes, that were not proposed, and contexts without an answer."""
    proposed = {context.id: context for context in request.contexts}
    found: list[Problem] = []
    for answer in accept.contexts[:256]:
        context = proposed.pop(answer.id, None)
        if context is None:
            found.append(Problem(kind="context-id", detail=f"context {answer.id} was not proposed, or twice"))
        elif answer.result == 0 and answer.transfer_syntax not in context.transfer_syntaxes:
            detail = f"context {answer.id} is accepted with {answer.transfer_syntax}, which was not proposed"
            found.append(Problem(kind="context-syntax", detail=detail))
    if proposed:
        found.append(Problem(kind="context-missing", detail=f"{len(proposed)} contexts are not answered"))
    if (accept.called, accept.calling) != (request.called, request.calling):
        # PS3.8 Table 9-17: sent back as received, not tested; peers differ here
        found.append(
            Problem(kind="title-echo", detail=f"titles come back as {accept.called}, {accept.calling}")
        )
    return tuple(found)


def _failed(purpose: str, request: AssociateRequest, error: WireError) -> AttemptFacts:
    kind = error.problem.kind
    outcome: AttemptOutcome = "closed"
    if isinstance(error, TlsError) or kind == "tls":
        outcome = "tls"
    elif kind == "timeout":
        outcome = "timeout"
    elif kind not in ("closed", "reset"):
        outcome = "not DICOM"
    return AttemptFacts(purpose=purpose, outcome=outcome, request=request, detail=error.problem.detail)


def _identity(head: bytes, path: Path) -> tuple[str, str, str, int]:
    """SOP Class, SOP Instance and Transfer Syntax of a file, from its File Meta Information."""
    offset = part10.dataset_offset(head)
    values: dict[int, str] = {}
    at = part10.PREAMBLE_BYTES + 12
    while 0 <= at + 8 <= min(offset, len(head)):
        element = int.from_bytes(head[at + 2 : at + 4], "little")
        if head[at + 4 : at + 6] in (b"OB", b"UN"):
            at += 12 + int.from_bytes(head[at + 8 : at + 12], "little")
            continue
        length = int.from_bytes(head[at + 6 : at + 8], "little")
        values[element] = head[at + 8 : at + 8 + length].decode("latin-1").strip("\0 ")
        at += 8 + length
    if not all(values.get(element) for element in (0x0002, 0x0003, 0x0010)):
        raise InputError(f"{path}: no File Meta Information that names class, instance and syntax")
    return values[0x0002], values[0x0003], values[0x0010], offset


__all__ = [
    "Dialogue",
    "Target",
    "ask",
    "associate",
    "association_request",
    "own_information",
    "secure",
]
