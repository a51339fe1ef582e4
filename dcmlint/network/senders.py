"""What a sender does over all its associations: a function of the facts of each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

import msgspec

from dcmlint.findings.redact import given_uid
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.syntaxes import NATIVE, RETIRED
from dcmlint.standard.uids import ExplicitVRBigEndian, Verification

_T = TypeVar("_T", bound=Hashable)

# Titles that programs call themselves by until somebody sets one; the last is that of a converter's
# own conformance statement.
DEFAULT_TITLES = frozenset(
    (
        "STORESCU",
        "ECHOSCU",
        "DCMSEND",
        "FINDSCU",
        "MOVESCU",
        "GETSCU",
        "PYNETDICOM",
        "ANY-SCU",
        "ANYSCU",
        "ANY",
        "DCM4CHE",
        "FODICOM",
        "ORTHANC",
        "THT-CLIENT",
    )
)


class SenderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One sender, by its address and its title, over the associations that were seen of it."""

    peer: str
    calling: str
    associations: int
    instances: int
    instances_per_association: tuple[int, ...]
    default_title: bool
    classes_proposed: tuple[str, ...]
    classes_sent: tuple[str, ...]
    classes_never_sent: tuple[str, ...]
    combined: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # class and syntaxes of contexts with several encapsulated
    retired_syntaxes: tuple[str, ...]
    big_endian_only: tuple[str, ...]  # classes that are proposed in big endian and nothing else
    not_released: int  # established, and ended by neither release nor abort
    oversized_pdus: int
    resent_after_success: tuple[str, ...]  # SOP Instance UIDs
    implementation_classes: tuple[str, ...]
    implementation_versions: tuple[str, ...]
    max_pdus: tuple[int, ...]  # announced
    echoed: bool


def sender_facts(associations: Iterable[AssociationFacts]) -> tuple[SenderFacts, ...]:
    """The senders among ``associations``, in the order in which they first came."""
    groups: dict[tuple[str, str], list[AssociationFacts]] = {}
    for association in associations:
        if association.request is not None:
            groups.setdefault((association.peer, association.request.calling), []).append(association)
    return tuple(_sender(peer, calling, group) for (peer, calling), group in groups.items())


def _sender(peer: str, calling: str, group: list[AssociationFacts]) -> SenderFacts:
    established = [association for association in group if association.accept is not None]
    requests = [association.request for association in group if association.request is not None]
    contexts = [context for request in requests for context in request.contexts]
    proposed = _unique(c.abstract_syntax for c in contexts if c.abstract_syntax != Verification)
    sent = _unique(i.sop_class for association in established for i in association.instances)
    syntaxes: dict[str, set[str]] = {}
    for context in contexts:
        syntaxes.setdefault(context.abstract_syntax, set()).update(context.transfer_syntaxes)
    combined = _unique(
        (context.abstract_syntax, encapsulated)
        for context in contexts
        if len(encapsulated := tuple(s for s in context.transfer_syntaxes if s not in NATIVE)) > 1
    )
    return SenderFacts(
        peer=peer,
        calling=calling,
        associations=len(group),
        instances=sum(len(a.instances) + a.instances_not_kept for a in established),
        instances_per_association=tuple(len(a.instances) + a.instances_not_kept for a in established),
        default_title=calling.upper() in DEFAULT_TITLES,
        classes_proposed=proposed,
        classes_sent=sent,
        classes_never_sent=tuple(sop for sop in proposed if sop not in sent),
        combined=combined,
        retired_syntaxes=tuple(sorted({s for found in syntaxes.values() for s in found} & RETIRED)),
        big_endian_only=tuple(sop for sop, found in syntaxes.items() if found == {ExplicitVRBigEndian}),
        not_released=sum(association.end in ("closed", "timeout") for association in established),
        oversized_pdus=sum(association.oversized_pdus for association in group),
        resent_after_success=_resent(established),
        implementation_classes=_unique(request.user.implementation_class for request in requests),
        implementation_versions=_unique(request.user.implementation_version for request in requests),
        max_pdus=_unique(r.user.max_pdu for r in requests if r.user.max_pdu is not None),
        echoed=any(association.echoes for association in group),
    )


def _resent(associations: list[AssociationFacts]) -> tuple[str, ...]:
    acknowledged: set[str] = set()
    again: dict[str, None] = {}
    for association in associations:
        for instance in association.instances:
            if instance.sop_instance in acknowledged:
                again[given_uid(instance.sop_instance)] = None
            if instance.status == 0 and instance.answered:
                acknowledged.add(instance.sop_instance)
    return tuple(again)


def _unique(values: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))
