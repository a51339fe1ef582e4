"""What is said of a sender over all its associations."""

from __future__ import annotations

from network_peers import CT, EXPLICIT, IMPLICIT, JPEG, VERIFICATION, WSI

from dcmlint.network.observed import AssociationEnd, AssociationFacts, InstanceFacts
from dcmlint.network.senders import sender_facts
from dcmlint.network.wire.associate import (
    AcceptedContext,
    AssociateAccept,
    AssociateRequest,
    ContextAnswer,
    ProposedContext,
    UserInformation,
)

BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_2000 = "1.2.840.10008.1.2.4.91"


def association(
    number: int,
    *instances: tuple[str, int],
    contexts: tuple[ProposedContext, ...] = (ProposedContext(1, WSI, (JPEG,)),),
    calling: str = "SCANNER",
    end: AssociationEnd = "released",
    oversized: int = 0,
) -> AssociationFacts:
    accepted = AcceptedContext(1, WSI, JPEG)
    return AssociationFacts(
        number=number,
        peer="10.0.0.1",
        peer_port=1000 + number,
        end=end,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        request=AssociateRequest(
            called="X",
            calling=calling,
            contexts=contexts,
            user=UserInformation(max_pdu=16384, implementation_class="1.2", implementation_version="V1"),
        ),
        accept=AssociateAccept(
            called="X", calling=calling, contexts=(ContextAnswer(1, 0, JPEG),), user=UserInformation()
        ),
        instances=tuple(
            InstanceFacts(
                message_id=1,
                sop_class=WSI,
                sop_instance=uid,
                context=accepted,
                size=10,
                seconds=0.1,
                complete=True,
                status=status,
                answered=True,
            )
            for uid, status in instances
        ),
        oversized_pdus=oversized,
    )


def test_a_sender_over_its_associations() -> None:
    contexts = (
        ProposedContext(1, WSI, (JPEG, JPEG_2000, EXPLICIT)),
        ProposedContext(3, CT, (EXPLICIT, IMPLICIT)),
        ProposedContext(5, "1.2.3", (BIG_ENDIAN,)),
        ProposedContext(7, VERIFICATION, (IMPLICIT,)),
        ProposedContext(9, CT, ("1.2.840.10008.1.2.4.55",)),
    )
    (facts,) = sender_facts(
        (
            association(1, ("2.25.1", 0), ("2.25.2", 0xA700), contexts=contexts),
            association(2, ("2.25.2", 0), ("2.25.1", 0), end="closed", oversized=3),
        )
    )
    assert (facts.calling, facts.associations, facts.instances) == ("SCANNER", 2, 4)
    assert facts.instances_per_association == (2, 2)
    assert facts.classes_proposed == (WSI, CT, "1.2.3")
    assert facts.classes_sent == (WSI,)
    assert facts.classes_never_sent == (CT, "1.2.3")
    assert facts.combined == ((WSI, (JPEG, JPEG_2000)),)
    assert facts.retired_syntaxes == (BIG_ENDIAN, "1.2.840.10008.1.2.4.55")
    assert facts.big_endian_only == ("1.2.3",)
    assert facts.not_released == 1
    assert facts.oversized_pdus == 3
    assert facts.resent_after_success == ("2.25.1",)  # 2.25.2 was refused the first time
    assert not facts.default_title
    assert facts.max_pdus == (16384,)


def test_senders_are_told_apart_by_address_and_title() -> None:
    found = sender_facts(
        (association(1, calling="A"), association(2, calling="THT-Client"), association(3, calling="A"))
    )
    assert [(f.calling, f.associations, f.default_title) for f in found] == [
        ("A", 2, False),
        ("THT-Client", 1, True),
    ]
    assert sender_facts(()) == ()
