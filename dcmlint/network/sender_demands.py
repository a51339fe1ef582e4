"""What a profile's endpoints say of those who send: titles, SOP Classes and transfer syntaxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.profiles.model import Endpoint, Offer
from dcmlint.profiles.placed_endpoints import opened_by_senders
from dcmlint.standard.names import uid_name
from dcmlint.standard.uids import Verification


def sender_demands(
    endpoints: Sequence[Endpoint], associations: Iterable[AssociationFacts], calling: str
) -> dict[str, Any]:
    """Fields of the facts of a sender: what the profile names beside what was asked; nothing without DICOM endpoints.

    ``associations``: all that were seen; those that the title ``calling`` opened count.
    """
    dicom = opened_by_senders(endpoints)
    requests = [
        one.request for one in associations if one.request is not None and one.request.calling == calling
    ]
    made: dict[str, Any] = {}
    titles = tuple(dict.fromkeys(one.calling_ae for one in dicom if one.calling_ae))
    called = tuple(dict.fromkeys(one.called_ae for one in dicom if one.called_ae))
    if titles:
        made["calling_expected"] = titles
    if called:
        made["called_expected"] = called
        made["called_otherwise"] = tuple(
            dict.fromkeys(one.called for one in requests if one.called not in called)
        )
    offers = [offer for one in dicom for offer in one.offers]
    if offers:
        contexts = [context for request in requests for context in request.contexts]
        receives = all(one.direction == "in" for one in dicom)
        beyond = (_useless if receives else _undocumented)(contexts, offers)
        made["outside_profile"] = tuple(dict.fromkeys(beyond))
    return made


def _undocumented(contexts: Iterable[ProposedContext], offers: Iterable[Offer]) -> list[str]:
    """What a product proposes beside what its profile documents."""
    allowed = _allowed(offers)
    beyond: list[str] = []
    for context in contexts:
        sop = context.abstract_syntax
        if sop == Verification:
            continue
        if sop not in allowed:
            beyond.append(uid_name(sop))
        elif allowed[sop]:
            others = [syntax for syntax in context.transfer_syntaxes if syntax not in allowed[sop]]
            beyond += [f"{uid_name(sop)} in {uid_name(syntax)}" for syntax in others]
    return beyond


def _useless(contexts: Iterable[ProposedContext], offers: Iterable[Offer]) -> list[str]:
    """What a receiver takes nothing of: its SOP Classes in other transfer syntaxes; all others too, where nothing else is proposed."""
    allowed = _allowed(offers)
    proposed: dict[str, list[str]] = {}
    for context in contexts:
        proposed.setdefault(context.abstract_syntax, []).extend(context.transfer_syntaxes)
    proposed.pop(Verification, None)
    other_syntaxes = [
        f"{uid_name(sop)} in {uid_name(syntax)}"
        for sop, syntaxes in proposed.items()
        if allowed.get(sop) and not allowed[sop].intersection(syntaxes)
        for syntax in dict.fromkeys(syntaxes)
    ]
    return other_syntaxes or ([] if allowed.keys() & proposed.keys() else [uid_name(sop) for sop in proposed])


def _allowed(offers: Iterable[Offer]) -> dict[str, set[str]]:
    allowed: dict[str, set[str]] = {}
    for offer in offers:
        allowed.setdefault(offer.sop_class, set()).update(offer.transfer_syntaxes)
    return allowed
