"""What comes in over DIMSE: who may associate, what is taken, and how the core is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dcmlint.errors import ProfileError, UsageError
from dcmlint.gate.commitment import Commitments
from dcmlint.gate.config import networks
from dcmlint.gate.core import Core
from dcmlint.gate.records import Arrival
from dcmlint.gate.settings import Listen
from dcmlint.gate.tls_files import server_tls
from dcmlint.intake.dataset_head import parse_dataset_head
from dcmlint.intake.status import OUT_OF_RESOURCES, SOP_CLASS_NOT_SUPPORTED, Answer
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.proxy import within
from dcmlint.network.acceptor.receiver import Receiver
from dcmlint.network.acceptor.settings import Handlers, ReceivedInstance, Settings, Timeouts
from dcmlint.network.observed import AssociationFacts, AssociationHead
from dcmlint.network.wire.associate import AcceptedContext, AssociateRequest
from dcmlint.network.wire.dimse import Command
from dcmlint.network.wire.pdu import REJECT_CALLING, REJECT_CONGESTION, Rejection
from dcmlint.profiles.uids import uid_of
from dcmlint.standard.uids import StorageCommitmentPushModel

# SOP Instance UID, sender, address, and what was answered.
NotTaken = Callable[[str, str, str, Answer], None]


class Front:
    """The acceptor of a gate. ``closed``: whether space is low, so that no association is accepted; ``full``: whether
    those that run have to end; ``ended``: told of each connection,
    ``not_taken`` of each instance that never came to be decided."""

    def __init__(
        self, core: Core, listen: Listen, base: Path, *, closed: Callable[[], bool], full: Callable[[], bool],
        ended: Callable[[AssociationFacts], None],
        not_taken: NotTaken = lambda uid, sender, peer, answer: None,
        commitments: Commitments | None = None,
    ) -> None:  # fmt: skip
        self._core = core
        self._closed, self._full = closed, full
        self._ended = ended
        self._not_taken = not_taken
        self._allowed = networks(listen.addresses)
        self._classes = classes_of(listen.sop_classes)
        self._coming: dict[int, str] = {}  # the UID of what is coming in, by association
        self.receiver = Receiver(
            _receiver_settings(listen, base, core.incoming, self._classes, commits=commitments is not None),
            Handlers(
                on_instance=self._instance, on_request=self._request, on_store=self._store, on_association_end=self._end,
                on_action=commitments.take if commitments is not None else None, on_refused=self._refused,
            ),
        )  # fmt: skip

    def _request(self, request: AssociateRequest, peer: str) -> Rejection | None:
        if self._allowed and not within(peer, self._allowed):
            return REJECT_CALLING
        return REJECT_CONGESTION if self._closed() else None

    def _store(self, command: Command, context: AcceptedContext, head: AssociationHead) -> Answer | None:
        if self._classes is not None and command.sop_class not in self._classes:
            return Answer(SOP_CLASS_NOT_SUPPORTED, "this SOP Class is not taken here")
        if self._full():
            return Answer(OUT_OF_RESOURCES, "no space left: try again later")
        self._coming[head.number] = command.sop_instance
        return None

    def _instance(self, instance: ReceivedInstance) -> Answer:
        command, head = instance.command, instance.association
        self._coming.pop(head.number, None)
        originator = None
        if command.originator or command.originator_id is not None:
            originator = bool(command.originator) and command.originator_id is not None
        arrival = Arrival(
            file="", sop_instance=command.sop_instance, sop_class=command.sop_class,
            transfer_syntax=instance.context.transfer_syntax, sha256=instance.sha256, size=instance.size,
            sender=head.request.calling, called=head.request.called, peer=head.peer, study=parse_dataset_head(instance.start).study, originator=originator,
        )  # fmt: skip
        return self._core.take(instance.path, arrival)

    def _refused(self, command: Command, head: AssociationHead, answer: Answer) -> None:
        self._coming.pop(head.number, None)
        if command.sop_instance:
            self._trace(
                command.sop_instance, head, "not taken", f"answered {answer.status:04X}H: {answer.comment}"
            )
        self._not_taken(command.sop_instance, head.request.calling, head.peer, answer)

    def _end(self, facts: AssociationFacts) -> None:
        uid = self._coming.pop(facts.number, "")
        if uid and facts.request is not None:
            self._trace(uid, facts, "cut off", f"the association ended ({facts.end}) before it was whole")
        self._ended(facts)

    def _trace(self, uid: str, of: AssociationHead | AssociationFacts, what: str, why: str) -> None:
        calling = of.request.calling if of.request is not None else ""
        try:
            self._core.journal.trace(uid, who=f"{calling} at {of.peer}", why=why, what=what)
        except OSError:
            pass  # the journal is closed: the gate is being stopped


def _receiver_settings(
    listen: Listen, base: Path, directory: Path, classes: frozenset[str] | None, *, commits: bool
) -> Settings:
    return Settings(
        directory=directory, host=listen.host, port=listen.port, tls=server_tls(listen, base), durable=True, digest=True,
        acceptance=Acceptance(
            called=frozenset(listen.titles) or None, calling=frozenset(listen.senders) or None, sop_classes=classes,
            services=frozenset({StorageCommitmentPushModel} if commits else ()),
        ),
        timeouts=Timeouts(pdu=listen.pdu, idle=listen.idle), max_pdu=listen.max_pdu, max_instance=listen.largest,
        max_associations=listen.associations, max_connections=listen.connections, per_address=listen.per_address, max_instance_facts=100,
        proxies=networks(listen.proxies),
    )  # fmt: skip


def classes_of(words: tuple[str, ...]) -> frozenset[str] | None:
    """UIDs of SOP Classes that a configuration names by UID or keyword; None for any."""
    if not words:
        return None
    try:
        return frozenset(uid_of(word, "SOP Class") for word in words)
    except ProfileError as error:
        raise UsageError(f"listen.sop_classes: {error}") from None
