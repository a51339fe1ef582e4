"""What was seen of senders and of what they stored, as the flat facts that rules read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dcmlint.facts.association.senders import Sender, Stored
from dcmlint.findings.redact import given_uid
from dcmlint.intake.sent import Sent, sent_facts
from dcmlint.intake.status import OUT_OF_RESOURCES
from dcmlint.network.observed import AssociationFacts, InstanceFacts
from dcmlint.network.senders import SenderFacts
from dcmlint.network.wire.pdu import Problem
from dcmlint.standard.names import uid_name
from dcmlint.standard.uids import ExplicitVRBigEndian, Verification


def sender_rule_facts(facts: SenderFacts) -> Sender:
    """A sender as rules see it."""
    return Sender(
        title=facts.calling,
        default_title=facts.default_title,
        associations=facts.associations,
        instances=facts.instances,
        one_each=len(facts.instances_per_association) > 1 and set(facts.instances_per_association) == {1},
        combined=tuple(f"{uid_name(sop)} ({len(syntaxes)} syntaxes)" for sop, syntaxes in facts.combined),
        retired=tuple(uid_name(syntax) for syntax in facts.retired_syntaxes if syntax != ExplicitVRBigEndian),
        big_endian_only=tuple(uid_name(sop) for sop in facts.big_endian_only),
        never_sent=tuple(uid_name(sop) for sop in facts.classes_never_sent) if facts.classes_sent else (),
        not_released=facts.not_released,
        oversized=facts.oversized_pdus,
        resent=facts.resent_after_success,
    )


def stored_facts(association: AssociationFacts, arrivals: Sequence[Sent]) -> Stored:
    """The instances of one association."""
    return msgspec.structs.replace(
        sent_facts(arrivals),
        partial=tuple(_partial(instance) for instance in association.instances if not instance.complete),
        half_originator=tuple(
            given_uid(instance.sop_instance)
            for instance in association.instances
            # PS3.7 9.1.1.1: the two belong together
            if bool(instance.originator) != (instance.originator_id is not None)
        ),
        refused=tuple(
            f"{given_uid(instance.sop_instance)} ({instance.status:04X}H {instance.comment})"
            for instance in association.instances
            if instance.complete and not_kept(instance)
        ),
        without_uids=sum(not (one.sop_class and one.sop_instance) for one in association.instances),
        violations=tuple(_problem(one) for one in association.problems if one.kind in _VIOLATIONS),
        oddities=tuple(dict.fromkeys(_problem(one) for one in _oddities(association))),
    )


# Problems of `association` that are the sender's, and a breach of PS3.7 or PS3.8; the others are of the line or of us.
_VIOLATIONS = frozenset(
    {
        "associate",
        "command",
        "context",
        "limit",
        "message",
        "pdu-length",
        "pdu-type",
        "pdv-length",
        "unexpected",
    }
)
_HANDSHAKE = frozenset({"handshake", "handshake-timeout"})


def not_kept(instance: InstanceFacts) -> bool:
    """Whether this side did not keep an instance, for a reason of its own: a limit, the disk, no time to check it."""
    return not instance.stored or instance.status & 0xFF00 == OUT_OF_RESOURCES


def _oddities(association: AssociationFacts) -> Iterator[Problem]:
    if association.request is not None:
        yield from association.request.oddities
    for instance in association.instances:
        yield from instance.oddities
    yield from (one for one in association.problems if one.kind in _HANDSHAKE)


def _problem(problem: Problem) -> str:
    """A problem in words, with the byte of the connection where it is known."""
    return f"{problem.detail} (byte {problem.at})" if problem.at >= 0 else problem.detail


def _partial(instance: InstanceFacts) -> str:
    return f"{given_uid(instance.sop_instance)} (after {instance.size} bytes)"


def proposes_storage(association: AssociationFacts) -> bool:
    """Whether an association was about more than C-ECHO."""
    request = association.request
    return request is not None and any(c.abstract_syntax != Verification for c in request.contexts)
