"""What an association of a gate does with what comes in: in the gate's own process, or in one that only receives."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from dcmlint.errors import ProfileError, UsageError
from dcmlint.gate.config import networks
from dcmlint.gate.records import Arrival
from dcmlint.gate.settings import Listen
from dcmlint.gate.tls_files import server_tls
from dcmlint.intake.dataset_head import parse_dataset_head
from dcmlint.intake.status import OUT_OF_RESOURCES, SOP_CLASS_NOT_SUPPORTED, Answer
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.settings import Action, Handlers, ReceivedInstance, Settings, Timeouts
from dcmlint.network.observed import AssociationFacts, AssociationHead
from dcmlint.network.wire.associate import AcceptedContext, AssociateRequest
from dcmlint.network.wire.dimse import Command
from dcmlint.network.wire.pdu import Rejection
from dcmlint.profiles.uids import uid_of
from dcmlint.standard.uids import StorageCommitmentPushModel


class Desk(Protocol):
    """Who decides about what is received."""

    def full(self) -> bool:
        """Whether there is so little space that associations that run have to end."""

    def requested(self, request: AssociateRequest, peer: str) -> Rejection | None:
        """Whether an association is rejected."""

    def arrived(self, part: Path, arrival: Arrival) -> Answer:
        """The answer to an instance whose bytes are safe in ``part``. Raises ``OSError`` where it cannot be taken."""

    def acted(self, action: Action) -> Answer:
        """The answer to an N-ACTION. Raises ``OSError``."""

    def not_taken(self, uid: str, sender: str, peer: str, answer: Answer) -> None:
        """Told of an instance that never came to be decided."""

    def ended(self, facts: AssociationFacts, coming: str) -> None:
        """Told of each connection; ``coming``: the UID of the instance that was being received."""


class Reception:
    """The handlers of an acceptor that asks a desk. ``classes``: the SOP Classes that are taken, None: any."""

    def __init__(self, desk: Desk, classes: frozenset[str] | None, *, commits: bool) -> None:
        self._desk = desk
        self._classes = classes
        self._coming: dict[int, str] = {}  # the UID of what is coming in, by association
        self.handlers = Handlers(
            on_instance=self._instance, on_request=desk.requested, on_store=self._store, on_association_end=self._end,
            on_action=desk.acted if commits else None, on_refused=self._refused,
        )  # fmt: skip

    def _store(self, command: Command, context: AcceptedContext, head: AssociationHead) -> Answer | None:
        if self._classes is not None and command.sop_class not in self._classes:
            return Answer(SOP_CLASS_NOT_SUPPORTED, "this SOP Class is not taken here")
        if self._desk.full():
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
        return self._desk.arrived(instance.path, arrival)

    def _refused(self, command: Command, head: AssociationHead, answer: Answer) -> None:
        self._coming.pop(head.number, None)
        self._desk.not_taken(command.sop_instance, head.request.calling, head.peer, answer)

    def _end(self, facts: AssociationFacts) -> None:
        self._desk.ended(facts, self._coming.pop(facts.number, ""))


def acceptor_settings(
    listen: Listen, base: Path, directory: Path, classes: frozenset[str] | None, *, commits: bool
) -> Settings:
    """How an acceptor listens for a gate: ``base`` is the folder of the configuration, ``directory`` that of what arrives."""
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
