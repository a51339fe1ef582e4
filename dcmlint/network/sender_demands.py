"""What a profile's endpoints say of those who send: titles, SOP Classes and transfer syntaxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dcmlint.network.observed import AssociationFacts
from dcmlint.profiles.model import Endpoint
from dcmlint.standard.names import uid_name
from dcmlint.standard.uids import Verification


def sender_demands(
    endpoints: Sequence[Endpoint], associations: Iterable[AssociationFacts], calling: str
) -> dict[str, Any]:
    """Fields of the facts of a sender: what the profile names beside what was asked; nothing without DICOM endpoints.

    ``associations``: all that were seen; those that the title ``calling`` opened count.
    """
    dicom = [one for one in endpoints if one.protocol in ("dicom", "dicom-tls") and one.direction != "in"]
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
        allowed: dict[str, set[str]] = {}
        for offer in offers:
            allowed.setdefault(offer.sop_class, set()).update(offer.transfer_syntaxes)
        beyond: list[str] = []
        for context in (context for request in requests for context in request.contexts):
            sop = context.abstract_syntax
            if sop == Verification:
                continue
            if sop not in allowed:
                beyond.append(uid_name(sop))
            elif allowed[sop]:
                others = [syntax for syntax in context.transfer_syntaxes if syntax not in allowed[sop]]
                beyond += [f"{uid_name(sop)} in {uid_name(syntax)}" for syntax in others]
        made["outside_profile"] = tuple(dict.fromkeys(beyond))
    return made
