"""What an acceptor answers to an association request: a function of the request and the acceptance."""

from __future__ import annotations

from collections import Counter

import msgspec

from dcmlint.network.wire.associate import (
    PROTOCOL_VERSION,
    AcceptedContext,
    AssociateAccept,
    AssociateRequest,
    ContextAnswer,
    ProposedContext,
    Role,
    UserInformation,
)
from dcmlint.network.wire.pdu import (
    REJECT_APPLICATION_CONTEXT,
    REJECT_CALLED,
    REJECT_CALLING,
    REJECT_PROTOCOL_VERSION,
    Rejection,
)
from dcmlint.network.wire.syntaxes import IMPLEMENTATION_CLASS, SLIDE_SYNTAXES, implementation_version
from dcmlint.standard.classes import DICOM_ROOT
from dcmlint.standard.uids import DICOMApplicationContext, Verification

_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."  # PS3.6 Table A-1: the storage SOP Classes, with few exceptions
_STORAGE_ELSEWHERE = frozenset(  # PS3.4 Table GG.3-1: non-patient objects
    f"1.2.840.10008.5.1.4.{branch}" for branch in ("38.1", "39.1", "43.1", "44.1", "45.1")
)


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """Whom and what an acceptor takes.

    None for titles or classes is "any": of classes, any storage class of the standard and any private
    one. ``services`` are classes besides, whose actions are answered. ``transfer_syntaxes`` is also the order of preference where a context combines several; with
    ``other_syntaxes`` one that is not in it is taken if nothing better is proposed.
    """

    called: frozenset[str] | None = None
    calling: frozenset[str] | None = None
    sop_classes: frozenset[str] | None = None
    services: frozenset[str] = frozenset()
    transfer_syntaxes: tuple[str, ...] = SLIDE_SYNTAXES
    other_syntaxes: bool = True


def answer_request(
    request: AssociateRequest, acceptance: Acceptance, max_pdu: int
) -> AssociateAccept | Rejection:
    """The accept or the rejection that a request is answered (PS3.8 9.3.3, 9.3.4).

    Contexts come back in the order of the request, each id once with its result; roles are answered with SCU
    for the requestor; the asynchronous window with (1, 1). User identity is not checked here and so
    gets no response (PS3.7 D.3.3.7 asks for one only from an acceptor that supports it).
    """
    if not request.protocol_version & PROTOCOL_VERSION:
        return REJECT_PROTOCOL_VERSION
    if request.application_context != DICOMApplicationContext:
        return REJECT_APPLICATION_CONTEXT
    if acceptance.called is not None and request.called not in acceptance.called:
        return REJECT_CALLED
    if acceptance.calling is not None and request.calling not in acceptance.calling:
        return REJECT_CALLING
    uses = Counter(context.id for context in request.contexts)
    contexts: dict[int, ContextAnswer] = {}
    for context in request.contexts:
        # PS3.8 9.3.2.2: odd and unique. Of an id that stands for two contexts nobody could tell which is meant.
        if context.id % 2 == 0 or uses[context.id] > 1:
            contexts.setdefault(context.id, ContextAnswer(context.id, 2, _placeholder(context)))
        else:
            contexts[context.id] = _answer_context(context, acceptance)
    roles = tuple(Role(role.sop_class, role.scu & 1, 0) for role in request.user.roles)
    return AssociateAccept(
        called=request.called,
        calling=request.calling,
        contexts=tuple(contexts.values()),
        user=UserInformation(
            max_pdu=max_pdu,
            implementation_class=IMPLEMENTATION_CLASS,
            implementation_version=implementation_version(),
            window=(1, 1) if request.user.window is not None else None,
            roles=roles,
        ),
    )


def accepted_contexts(request: AssociateRequest, accept: AssociateAccept) -> dict[int, AcceptedContext]:
    """The accepted contexts of an association by their id."""
    abstract = {context.id: context.abstract_syntax for context in request.contexts}
    return {
        context.id: AcceptedContext(context.id, abstract[context.id], context.transfer_syntax)
        for context in accept.contexts
        if context.result == 0 and context.id in abstract
    }


def is_storage(sop_class: str) -> bool:
    """Whether a class is a storage class: one of the standard, or one that the standard does not know."""
    if sop_class.startswith(DICOM_ROOT):
        return sop_class.startswith(_STORAGE_ROOT) or sop_class in _STORAGE_ELSEWHERE
    return bool(sop_class)


def _answer_context(context: ProposedContext, acceptance: Acceptance) -> ContextAnswer:
    if context.abstract_syntax != Verification and context.abstract_syntax not in acceptance.services:
        classes = acceptance.sop_classes
        known = is_storage(context.abstract_syntax) if classes is None else context.abstract_syntax in classes
        if not known:
            return ContextAnswer(context.id, 3, _placeholder(context))
    for syntax in acceptance.transfer_syntaxes:
        if syntax in context.transfer_syntaxes:
            return ContextAnswer(context.id, 0, syntax)
    if acceptance.other_syntaxes and context.transfer_syntaxes and context.transfer_syntaxes[0]:
        return ContextAnswer(context.id, 0, context.transfer_syntaxes[0])
    return ContextAnswer(context.id, 4, _placeholder(context))


def _placeholder(context: ProposedContext) -> str:
    """A refused context still carries the item, and its value is not significant (PS3.8 9.3.3.2)."""
    return context.transfer_syntaxes[0] if context.transfer_syntaxes else ""
