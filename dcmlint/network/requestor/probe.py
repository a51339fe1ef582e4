"""A probe of an endpoint: what it answers to associations that ask for one thing at a time.

``quick`` is TCP, TLS, C-ECHO and the accepted contexts, in at most six associations; ``full`` adds the
scan of TLS, wrong AE titles, roles, extended negotiation, user identity, PDU limits and associations at
once. Nothing is stored, and nothing here judges: ``ProbeFacts`` is for rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Literal

import msgspec

from dcmlint.network.observed import (
    AttemptFacts,
    ContextOutcome,
    EchoFacts,
    ProbeFacts,
    ReachFacts,
)
from dcmlint.network.reach import connect
from dcmlint.network.requestor.association import (
    Dialogue,
    Target,
    associate,
    association_request,
    own_information,
)
from dcmlint.network.requestor.first_exchange import spoken_in_lines
from dcmlint.network.tls.context import Credentials
from dcmlint.network.wire.associate import (
    AssociateRequest,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    ProposedContext,
    Role,
    UserIdentity,
)
from dcmlint.network.wire.pdu import WireError
from dcmlint.network.wire.syntaxes import PROBE_SYNTAXES, UNKNOWN_SOP_CLASS
from dcmlint.standard.uids import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    Storage,
    Verification,
    VLWholeSlideMicroscopyImageStorage,
)

_MAX_CONTEXTS = 128  # PS3.8 9.3.2.2: odd ids from 1 to 255
_ECHOES = 3
_SMALL_PDU = 4096
_SECOND_LOOK = 1.0  # seconds for the other transport, where one is known already
_WAIT_FOR_ONE = 1.0  # for one of several associations at once: who serves them one by one never answers


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an endpoint.

    ``contexts`` gives for each SOP Class the syntaxes to try, each on its own and, with ``combined``,
    all in one context. ``tls``: auto tries both, plain first unless the port is that of DICOM over TLS.
    ``concurrent`` associations are opened at once, ``idle`` seconds are waited for an idle one to be
    ended (0: not tried); both only in a full probe.
    """

    level: Literal["quick", "full"] = "quick"
    contexts: tuple[tuple[str, tuple[str, ...]], ...] = (
        (VLWholeSlideMicroscopyImageStorage, PROBE_SYNTAXES),
    )
    combined: bool = True
    tls: Literal["auto", "off", "require"] = "auto"
    credentials: Credentials = Credentials()
    server_name: str = ""
    wrong_called: str = "DCMLINT_NOBODY"
    wrong_calling: str = "DCMLINT_STRANGER"
    user_name: str = "dcmlint"
    concurrent: int = 2
    idle: float = 0.0
    budget: float = 60.0


def probe_endpoint(target: Target, question: Question | None = None) -> ProbeFacts:
    """Ask an endpoint; never raises for what the endpoint does.

    ``target.tls`` is not looked at: what TLS is spoken with comes from ``question``. Each wait is at
    most ``target.timeout`` seconds, and after ``question.budget`` nothing new is begun. Raises
    ``UsageError`` where credentials cannot be used.
    """
    return _Probe(msgspec.structs.replace(target, tls=None), question or Question()).run()


class _Probe:
    def __init__(self, target: Target, question: Question) -> None:
        self.target = target
        self.question = question
        self.began = monotonic()
        self.connections = 0
        self.handshakes = 0
        self.attempts: list[AttemptFacts] = []
        self.not_done: list[str] = []
        self.reach = ReachFacts(outcome="unreachable")

    def run(self) -> ProbeFacts:
        facts = self._transport()
        if facts.transport:
            for step in self._steps():
                if monotonic() - self.began > self.question.budget:
                    self.not_done.append(f"{step.__name__.strip('_')}: the time was used up")
                else:
                    facts = step(facts)
        return msgspec.structs.replace(
            facts,
            reach=self.reach,
            attempts=tuple(self.attempts),
            connections=self.connections + self.handshakes,
            milliseconds=(monotonic() - self.began) * 1000,
            not_done=tuple(self.not_done),
        )

    def _steps(self) -> Iterator[Callable[[ProbeFacts], ProbeFacts]]:
        yield self._separate
        if self.question.combined:
            yield self._combined
        if self.question.level == "full":
            yield self._titles
            yield self._application_context
            yield self._negotiation
            yield self._identity
            yield self._small_pdu
            yield self._at_once
            if self.question.idle > 0:
                yield self._idle

    # --- transport ---------------------------------------------------------------------------

    def _transport(self) -> ProbeFacts:
        """Find out whether TLS is spoken, and echo over what is."""
        question, target = self.question, self.target
        facts = ProbeFacts(
            host=target.host,
            port=target.port,
            called=target.called,
            calling=target.calling,
            level=question.level,
            transport="",
            reach=self.reach,
        )
        tls_first = (
            question.tls == "require" or target.port == 2762
        )  # PS3.8 9.1.1: the port of DICOM over TLS
        order: tuple[str, ...] = ("tls", "plain") if tls_first else ("plain", "tls")
        if question.tls == "off":
            order = ("plain",)
        sock, self.reach = connect(target.host, target.port, target.timeout)
        if sock is None:
            return facts
        sock.close()
        self.connections += 1
        for transport in order:
            if transport == "plain":
                facts = self._plain(facts)
            else:
                facts = self._tls(facts)
            # A quick probe does not try the other transport once there is one.
            if facts.transport and question.level == "quick":
                break
        if not facts.transport and not facts.tls_open:
            self._ask_in_lines()
        return facts

    def _ask_in_lines(self) -> None:
        """Where nothing answers: some servers say what they are only once a line has come."""
        silent = [at for at, attempt in enumerate(self.attempts) if attempt.outcome == "timeout"]
        if not silent:
            return
        self.connections += 1
        found = spoken_in_lines(
            self.target.host, self.target.port, timeout=min(self.target.timeout, _SECOND_LOOK)
        )
        if found:
            for at in silent:
                self.attempts[at] = msgspec.structs.replace(
                    self.attempts[at], outcome="not DICOM", speaks=found, detail=f"the peer speaks {found}"
                )

    def _plain(self, facts: ProbeFacts) -> ProbeFacts:
        # Beside an open TLS port, who does not answer a request in the clear at once is not listening.
        timeout = _SECOND_LOOK if facts.transport else 0.0
        dialogue, attempt = self._ask("plain", _verification(self.target), tls=False, timeout=timeout)
        echoes = () if facts.transport else self._echo(dialogue)
        attempt = self._end(dialogue, attempt)
        opened = attempt.outcome in ("accepted", "rejected", "aborted")
        if not facts.transport:
            self.attempts.append(attempt)
        return msgspec.structs.replace(
            facts,
            plain=attempt,
            plain_open=opened,
            transport=facts.transport or ("plain" if opened else ""),
            echoes=facts.echoes or echoes,
        )

    def _tls(self, facts: ProbeFacts) -> ProbeFacts:
        # Only here: without TLS neither ssl nor cryptography are needed.
        from dcmlint.network.requestor.tls_use import scan_target, use_facts, working_context

        question = self.question
        thorough = question.level == "full"
        timeout = min(self.target.timeout, _SECOND_LOOK) if facts.plain_open else self.target.timeout
        scanned = scan_target(
            self.target, question.credentials, question.server_name, thorough=thorough, timeout=timeout
        )
        if scanned is None:
            self.connections += 1
            return msgspec.structs.replace(facts, tls_open=False)
        self.handshakes = scanned.handshakes
        # An alert is TLS too: it says that TLS is spoken, and not with us.
        spoken = bool(scanned.alert) or any(version.outcome == "accepted" for version in scanned.versions)
        if facts.transport or not spoken:
            return msgspec.structs.replace(facts, tls=scanned, tls_open=spoken)
        self.target = msgspec.structs.replace(
            self.target,
            tls=working_context(question.credentials, alpn=not scanned.alpn_alert),
            server_name=question.server_name or self.target.host,
        )
        dialogue, attempt = self._ask("tls", _verification(self.target))
        use = use_facts(attempt, dialogue.line.sock if dialogue else None)
        echoes = self._echo(dialogue)
        self.attempts.append(self._end(dialogue, attempt))
        if not thorough and question.credentials.certificate:
            scanned = msgspec.structs.replace(scanned, with_certificate=use)
        elif not thorough:
            scanned = msgspec.structs.replace(scanned, without_certificate=use)
        return msgspec.structs.replace(
            facts,
            tls=scanned,
            tls_open=True,
            transport="tls" if use.outcome in ("accepted", "rejected") else "",
            echoes=echoes,
        )

    # --- contexts ----------------------------------------------------------------------------

    def _separate(self, facts: ProbeFacts) -> ProbeFacts:
        """One context for each class and syntax, and one for a class that nobody knows."""
        wanted: list[tuple[str, tuple[str, ...]]] = [
            (sop, (syntax,)) for sop, syntaxes in self.question.contexts for syntax in syntaxes
        ]
        wanted.append((UNKNOWN_SOP_CLASS, (ExplicitVRLittleEndian, ImplicitVRLittleEndian)))
        outcomes = self._propose("contexts", wanted)
        unknown = outcomes.pop() if outcomes else None
        return msgspec.structs.replace(
            facts,
            contexts=tuple(outcomes),
            unknown_class_accepted=unknown.result == 0 if unknown and unknown.result != -2 else None,
        )

    def _combined(self, facts: ProbeFacts) -> ProbeFacts:
        """All syntaxes of a class in one context: which one is chosen."""
        wanted = [entry for entry in self.question.contexts if len(entry[1]) > 1]
        return msgspec.structs.replace(facts, combined=tuple(self._propose("combined", wanted)))

    def _propose(self, purpose: str, wanted: list[tuple[str, tuple[str, ...]]]) -> list[ContextOutcome]:
        outcomes: list[ContextOutcome] = []
        for start in range(0, len(wanted), _MAX_CONTEXTS):
            part = wanted[start : start + _MAX_CONTEXTS]
            contexts = tuple(
                ProposedContext(2 * index + 1, sop, syntaxes) for index, (sop, syntaxes) in enumerate(part)
            )
            dialogue, attempt = self._ask(purpose, association_request(self.target, contexts))
            attempt = self._end(dialogue, attempt)
            self.attempts.append(attempt)
            answers = {a.id: a for a in attempt.answer.contexts} if attempt.answer else {}
            for context in contexts:
                answer = answers.get(context.id)
                missing = -1 if attempt.answer else -2
                outcomes.append(
                    ContextOutcome(
                        sop_class=context.abstract_syntax,
                        proposed=context.transfer_syntaxes,
                        result=answer.result if answer else missing,
                        chosen=answer.transfer_syntax if answer else "",
                    )
                )
        return outcomes

    # --- what only a full probe asks -----------------------------------------------------------

    def _titles(self, facts: ProbeFacts) -> ProbeFacts:
        called = msgspec.structs.replace(self.target, called=self.question.wrong_called)
        calling = msgspec.structs.replace(self.target, calling=self.question.wrong_calling)
        return msgspec.structs.replace(
            facts,
            wrong_called=self._once("wrong called AE title", _verification(called)),
            wrong_calling=self._once("wrong calling AE title", _verification(calling)),
        )

    def _application_context(self, facts: ProbeFacts) -> ProbeFacts:
        # PS3.7 A.2.1 has one application context, and PS3.8 9.3.4 a reason to reject any other: this UID is not registered.
        request = msgspec.structs.replace(
            _verification(self.target), application_context="1.2.840.10008.3.1.1.99"
        )
        attempt = self._once("wrong application context", request)
        return msgspec.structs.replace(facts, wrong_application_context=attempt)

    def _negotiation(self, facts: ProbeFacts) -> ProbeFacts:
        """Roles, extended and common extended negotiation, asynchronous window, all in one request."""
        sop = self.question.contexts[0][0] if self.question.contexts else VLWholeSlideMicroscopyImageStorage
        user = msgspec.structs.replace(
            own_information(),
            window=(5, 5),
            roles=(Role(sop, 1, 1),),
            # PS3.4 B.3.1: level of support 2, digital signatures 0, element coercion 0
            extended=(ExtendedNegotiation(sop, b"\2\0\0\0\0\0"),),
            common_extended=(CommonExtendedNegotiation(sop, Storage),),
        )
        syntaxes = self.question.contexts[0][1] if self.question.contexts else (ExplicitVRLittleEndian,)
        contexts = (
            ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),
            *(ProposedContext(2 * n + 3, sop, (syntax,)) for n, syntax in enumerate(syntaxes[:32])),
        )
        attempt = self._once("negotiation", association_request(self.target, contexts, user))
        return msgspec.structs.replace(facts, negotiation=attempt)

    def _identity(self, facts: ProbeFacts) -> ProbeFacts:
        identity = UserIdentity(1, self.question.user_name.encode(), response_requested=True)
        user = msgspec.structs.replace(own_information(), identity=identity)
        request = association_request(self.target, _verification(self.target).contexts, user)
        return msgspec.structs.replace(facts, identity=self._once("user identity", request))

    def _small_pdu(self, facts: ProbeFacts) -> ProbeFacts:
        """Announce a small limit, echo, and see what is sent."""
        user = msgspec.structs.replace(own_information(), max_pdu=_SMALL_PDU)
        request = association_request(self.target, _verification(self.target).contexts, user)
        dialogue, attempt = self._ask("small PDU", request)
        self._echo(dialogue, 1)
        return msgspec.structs.replace(facts, small_pdu=self._end(dialogue, attempt))

    def _at_once(self, facts: ProbeFacts) -> ProbeFacts:
        """Open several associations, and echo on each while all are open."""
        count = max(0, self.question.concurrent)
        opened: list[tuple[Dialogue, AttemptFacts]] = []
        served = 0
        for _ in range(count):
            timeout = min(_WAIT_FOR_ONE, self.target.timeout)
            dialogue, attempt = self._ask("at once", _verification(self.target), timeout=timeout)
            if dialogue is None:
                break
            opened.append((dialogue, attempt))
        for dialogue, _ in opened:
            served += bool(self._echo(dialogue, 1))
        for dialogue, attempt in opened:
            self._end(dialogue, attempt)
        return msgspec.structs.replace(facts, concurrent=served, concurrent_tried=count)

    def _idle(self, facts: ProbeFacts) -> ProbeFacts:
        """Hold an association without a word until the peer ends it, or long enough."""
        dialogue, _ = self._ask("idle", _verification(self.target))
        if dialogue is None:
            return facts
        began = monotonic()
        waited: float | None = None
        try:
            dialogue.line.fill(began + self.question.idle)
            waited = monotonic() - began  # an A-ABORT
        except WireError as error:
            if error.problem.kind != "timeout":
                waited = monotonic() - began
        dialogue.abort()
        dialogue.close()
        return msgspec.structs.replace(facts, idle_seconds=waited, idle_tried=self.question.idle)

    # --- one association -----------------------------------------------------------------------

    def _ask(
        self, purpose: str, request: AssociateRequest, *, tls: bool | None = None, timeout: float = 0.0
    ) -> tuple[Dialogue | None, AttemptFacts]:
        target = self.target if tls is not False else msgspec.structs.replace(self.target, tls=None)
        self.connections += 1
        dialogue, attempt, reach = associate(target, request, purpose, timeout=timeout)
        if self.reach.outcome != "open" or (reach.connect_ms and reach.connect_ms < self.reach.connect_ms):
            # The shortest connect is the nearest to the round trip of the line.
            self.reach = reach
        return dialogue, attempt

    def _once(self, purpose: str, request: AssociateRequest) -> AttemptFacts:
        dialogue, attempt = self._ask(purpose, request)
        return self._end(dialogue, attempt)

    def _echo(self, dialogue: Dialogue | None, count: int = _ECHOES) -> tuple[EchoFacts, ...]:
        if dialogue is None:
            return ()
        echoes: list[EchoFacts] = []
        try:
            for _ in range(count):
                echoes.append(dialogue.echo())
        except WireError as error:
            self.not_done.append(f"echo: {error.problem.detail}")
        return tuple(echoes)

    def _end(self, dialogue: Dialogue | None, attempt: AttemptFacts) -> AttemptFacts:
        """Release and close; what was seen until then goes to the facts of the attempt."""
        if dialogue is None:
            return attempt
        released = dialogue.release()
        dialogue.close()
        return msgspec.structs.replace(attempt, released=released, largest_pdu=dialogue.largest_pdu)


def _verification(target: Target) -> AssociateRequest:
    return association_request(
        target, (ProposedContext(1, Verification, (ImplicitVRLittleEndian, ExplicitVRLittleEndian)),)
    )
