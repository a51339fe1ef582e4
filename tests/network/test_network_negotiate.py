"""What an acceptor answers to a request."""

from __future__ import annotations

import msgspec
import pytest
from network_peers import CT, EXPLICIT, IMPLICIT, JPEG, VERIFICATION, WSI

from dcmlint.network.acceptor.negotiate import Acceptance, accepted_contexts, answer_request, is_storage
from dcmlint.network.wire.associate import (
    AssociateAccept,
    AssociateRequest,
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

REQUEST = AssociateRequest(
    called="GATE",
    calling="SCANNER",
    contexts=(
        ProposedContext(1, VERIFICATION, (IMPLICIT,)),
        ProposedContext(3, WSI, (IMPLICIT, EXPLICIT, JPEG)),
        ProposedContext(5, "1.2.840.10008.5.1.4.1.2.2.1", (IMPLICIT,)),  # Study Root FIND
        ProposedContext(7, "2.25.1", ("2.25.2",)),
        ProposedContext(8, CT, (EXPLICIT,)),
        ProposedContext(1, CT, (EXPLICIT,)),
    ),
    user=UserInformation(max_pdu=16384, window=(5, 5), roles=(Role(WSI, 1, 1),)),
)


def answers(acceptance: Acceptance, request: AssociateRequest = REQUEST) -> AssociateAccept:
    answer = answer_request(request, acceptance, 131072)
    assert isinstance(answer, AssociateAccept)
    return answer


def test_every_context_gets_its_result_in_order() -> None:
    accept = answers(Acceptance())
    assert [(c.id, c.result) for c in accept.contexts] == [(1, 2), (3, 0), (5, 3), (7, 0), (8, 2)]
    assert accept.contexts[1].transfer_syntax == JPEG  # encapsulated first, and never Implicit over Explicit
    assert accept.user.max_pdu == 131072
    assert accept.user.window == (1, 1)
    assert accept.user.roles == (Role(WSI, 1, 0),)
    assert set(accepted_contexts(REQUEST, accept)) == {3, 7}


def test_the_order_of_the_acceptance_decides() -> None:
    accept = answers(Acceptance(transfer_syntaxes=(EXPLICIT, JPEG), other_syntaxes=False))
    results = {c.id: (c.result, c.transfer_syntax) for c in accept.contexts if c.id in (3, 7)}
    assert results[3] == (0, EXPLICIT)
    assert results[7][0] == 4


def test_only_the_classes_that_are_taken() -> None:
    accept = answers(Acceptance(sop_classes=frozenset((CT,))))
    assert [c.result for c in accept.contexts[:4]] == [2, 3, 3, 3]


@pytest.mark.parametrize(
    ("change", "acceptance", "rejection"),
    [
        ({}, Acceptance(called=frozenset(("OTHER",))), REJECT_CALLED),
        ({}, Acceptance(calling=frozenset(("OTHER",))), REJECT_CALLING),
        ({"application_context": "1.2"}, Acceptance(), REJECT_APPLICATION_CONTEXT),
        ({"protocol_version": 2}, Acceptance(), REJECT_PROTOCOL_VERSION),
    ],
)
def test_rejections(change: dict[str, object], acceptance: Acceptance, rejection: Rejection) -> None:
    assert answer_request(msgspec.structs.replace(REQUEST, **change), acceptance, 0) == rejection


def test_what_counts_as_storage() -> None:
    assert is_storage(WSI)
    assert is_storage("2.25.77")
    assert is_storage("1.2.840.10008.5.1.4.39.1")
    assert not is_storage("1.2.840.10008.5.1.4.1.2.1.1")
    assert not is_storage("1.2.840.10008.1.20.1")
