"""How an instance was sent, held against the rules about it: its command, its context, its data set."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dcmlint.engine.association import check_association
from dcmlint.engine.session import Checker
from dcmlint.findings.finding import Finding, Subject
from dcmlint.intake.dataset_head import read_dataset_head
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.rule_facts import Arrival, stored_facts

_NOTHING = AssociationFacts(number=0, peer="", peer_port=0, end="released", started="", seconds=0.0)


def sent_findings(
    checker: Checker,
    path: Path,
    *,
    sop_class: str,
    sop_instance: str,
    transfer_syntax: str,
    sha256: str,
    half_originator: bool = False,
) -> tuple[Finding, ...]:
    """The findings of the rules on stored instances (NET501, NET503, NET505, NET506) about one file."""
    arrival = Arrival(
        association=0, sop_class=sop_class, sop_instance=sop_instance, transfer_syntax=transfer_syntax,
        head=read_dataset_head(path), sha256=sha256,
    )  # fmt: skip
    stored = stored_facts(_NOTHING, [arrival], {})
    if half_originator:
        stored = msgspec.structs.replace(stored, half_originator=(sop_instance,))
    rules = [active for active in checker.planner.rules if active.rule.scope == "association"]
    checked = check_association(
        rules, {"store": stored}, Subject("association", sop_instance), checker.settings
    )
    return tuple(checked.findings)
