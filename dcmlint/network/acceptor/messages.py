"""The messages of one established association: C-ECHO, C-STORE and N-ACTION from PDVs, and their answers (PS3.7 9)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from dcmlint.errors import DcmlintError
from dcmlint.intake.part import SUFFIX, discard
from dcmlint.intake.status import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
    Answer,
)
from dcmlint.network.acceptor.incoming import Incoming
from dcmlint.network.acceptor.settings import Action, Handlers, ReceivedInstance, Settings
from dcmlint.network.observed import AssociationHead, InstanceFacts
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import AcceptedContext
from dcmlint.network.wire.connection import Line
from dcmlint.network.wire.dimse import Command
from dcmlint.network.wire.pdu import (
    COMMAND,
    LAST,
    PDV_HEADER_BYTES,
    WireError,
    fragments,
    parse_pdv_header,
)

_MAX_OTHERS = 100  # names of commands that are kept
_MAX_ACTION_BYTES = 1 << 22  # some 30,000 references of a storage commitment

# Kind of a problem, what it is, and the byte: see `Problem`.
Note = Callable[[str, str, int], None]


def part_prefix(token: str, number: int) -> str:
    """How the names of the files of a connection begin."""
    return f"{token}-{number:06d}-"


class Messages:
    """What was received over an association, and what is being received.

    ``token`` stands in the names of the files; ``note`` is told of what is odd and no reason to end the association.
    ``take`` raises ``WireError`` for what is.
    """

    def __init__(
        self, line: Line, settings: Settings, handlers: Handlers, head: AssociationHead, contexts: dict[int, AcceptedContext],
        token: str, note: Note,
    ) -> None:  # fmt: skip
        self._line, self._settings, self._handlers, self._head = line, settings, handlers, head
        self._contexts = contexts
        self._peer_max_pdu = head.request.user.max_pdu or 0
        self._note = note
        # A path is joined for each instance: as text it costs a tenth.
        self._prefix = os.path.join(settings.directory, part_prefix(token, head.number))
        self.instances: list[InstanceFacts] = []
        self.stores = 0
        self.echoes = 0
        self.others: list[str] = []
        self.largest_pdu = 0
        self.oversized_pdus = 0
        # The message that is being received.
        self._command = bytearray()
        self._command_context = -1
        self._incoming: Incoming | None = None
        self._undesired: tuple[Command, AcceptedContext] | None = None  # a request whose data set is dropped
        self._action: bytearray | None = None  # … or kept, where it is an action that is answered

    @property
    def between(self) -> bool:
        """Whether no message has begun and not ended."""
        return not self._command and self._incoming is None and self._undesired is None

    # --- P-DATA ------------------------------------------------------------------------------

    def take(self, length: int, deadline: float) -> None:
        """The PDVs of one P-DATA-TF (PS3.8 9.3.5)."""
        line = self._line
        if length > self.largest_pdu:
            self.largest_pdu = length
        if length > self._settings.max_pdu:
            self.oversized_pdus += 1
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
                self._take_data(context, control, size, deadline)

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

    def _take_data(self, context: int, control: int, size: int, deadline: float) -> None:
        line = self._line
        incoming = self._incoming
        due = incoming.context.id if incoming else self._undesired[1].id if self._undesired else -1
        if due < 0:
            raise WireError("message", "a data set that no command announced", line.offset)
        if context != due:
            raise WireError("context", f"a data set in context {context}, its command in {due}", line.offset)
        while size:
            piece = line.some(size, deadline)
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
            self.echoes += 1
            self._answer(command, Answer(SUCCESS), context.id)
        elif command.is_response:
            raise WireError("message", f"{command.name} where nothing was asked", self._line.offset)
        else:
            if len(self.others) < _MAX_OTHERS:
                self.others.append(command.name)
            if command.has_data_set:
                self._undesired = (command, context)
                if command.field == dimse.N_ACTION_RQ and self._handlers.on_action is not None:
                    acted = context.abstract_syntax in self._settings.acceptance.services
                    self._action = bytearray() if acted else None
            elif command.field != dimse.C_CANCEL_RQ:  # PS3.7 9.3.2.3: not answered
                self._answer(command, Answer(UNRECOGNIZED_OPERATION), context.id)

    def _act(self, command: Command, context: AcceptedContext, information: bytes) -> Answer:
        if self._handlers.on_action is None:
            return Answer(UNRECOGNIZED_OPERATION)
        try:
            return self._handlers.on_action(
                Action(command=command, context=context, information=information, association=self._head)
            )
        except (OSError, DcmlintError) as error:
            self._note("internal", f"{type(error).__name__}: {error}"[:200], -1)
            return Answer(PROCESSING_FAILURE, "internal error")

    def _begin_store(self, command: Command, context: AcceptedContext) -> None:
        self.stores += 1
        path = f"{self._prefix}{self.stores:06d}{SUFFIX}"
        if not command.has_data_set:
            refused = Answer(CANNOT_UNDERSTAND, "C-STORE without a data set")
            self._note("message", refused.comment, self._line.offset)
            self._refused(command, refused)
            self._keep(Incoming(command, context, path, limit=0, digest=False, refusal=refused), refused)
            return
        refusal: Answer | None = None
        if self._handlers.on_store is not None:
            try:
                refusal = self._handlers.on_store(command, context, self._head)
            except (OSError, DcmlintError) as error:
                self._note("internal", f"{type(error).__name__}: {error}"[:200], -1)
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
        incoming.begin(self._head.request.calling, self._head.request.called)
        self._incoming = incoming

    def _stored(self, incoming: Incoming) -> None:
        incoming.finish(durable=self._settings.durable)
        if incoming.refusal is not None:
            answer = incoming.refusal
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
            self._note("internal", f"{type(error).__name__}: {error}"[:200], -1)
            incoming.refusal = answer = Answer(OUT_OF_RESOURCES, "internal error")
            self._refused(incoming.command, answer)
        self._keep(incoming, answer)

    def _refused(self, command: Command, answer: Answer) -> None:
        if self._handlers.on_refused is not None:
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

    def forget(self) -> None:
        """What was not whole when the association ended was not received."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.drop()
            self._remember(incoming, Answer(-1), complete=False, answered=False)
            self._note("partial", f"the association ended {incoming.size} bytes into a data set", -1)

    def _remember(self, incoming: Incoming, answer: Answer, *, complete: bool, answered: bool) -> None:
        if len(self.instances) >= self._settings.max_instance_facts:
            return
        command = incoming.command
        self.instances.append(
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
