"""What a report shows of a received association beside its findings."""

from __future__ import annotations

from collections.abc import Mapping

from dcmlint.engine.exhibit import AssociationRecord, ContextRow
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.senders import SenderFacts
from dcmlint.network.wire.associate import CONTEXT_RESULTS
from dcmlint.network.wire.pdu import REJECT_LOCAL_LIMIT
from dcmlint.plural import number_of
from dcmlint.standard.names import uid_name


def association_record(facts: AssociationFacts, number: int, *, complete: bool) -> AssociationRecord:
    """The record of an association, the ``number``-th; ``complete``: everything that was sent was checked."""
    complete = complete and facts.rejection != REJECT_LOCAL_LIMIT
    return AssociationRecord(
        id=_association_id(facts, number), title=_association_title(facts), lines=_association_lines(facts),
        contexts=_context_rows(facts), status="checked" if complete else "refused",
    )  # fmt: skip


def turned_away_record(addresses: Mapping[str, int]) -> AssociationRecord:
    """The record of connections that were closed because there was no place for them, by address."""
    count = sum(addresses.values())
    worst = sorted(addresses.items(), key=lambda one: -one[1])[:8]
    return AssociationRecord(
        id="turned away", title=f"{number_of(count, 'connection')} closed: too many were open", status="refused",
        lines=tuple((address or "an address behind a proxy", number_of(number, "connection")) for address, number in worst),
    )  # fmt: skip


def sender_record(facts: SenderFacts) -> AssociationRecord:
    """The record of a sender over all its associations."""
    software = ", ".join((*facts.implementation_versions, *facts.implementation_classes)) or "not stated"
    return AssociationRecord(
        id=f"{facts.calling} at {facts.peer}",
        title=f"sender · {number_of(facts.associations, 'association')}, {number_of(facts.instances, 'instance')}",
        lines=(("software", software),),
    )


def _association_id(facts: AssociationFacts, number: int) -> str:
    calling = facts.request.calling if facts.request is not None else "nobody"
    return f"{calling} at {facts.peer}, association {number}"


def _association_title(facts: AssociationFacts) -> str:
    count = len(facts.instances) + facts.instances_not_kept
    parts = [facts.end, f"{number_of(count, 'instance')}"]
    if facts.echoes:
        parts.append(f"{facts.echoes} C-ECHO")
    parts.append(f"{facts.bytes_received} bytes in {facts.seconds:.1f} s")
    return " · ".join(parts)


def _association_lines(facts: AssociationFacts) -> tuple[tuple[str, str], ...]:
    lines: list[tuple[str, str]] = []
    request = facts.request
    if request is not None:
        user = request.user
        software = user.implementation_version or "no version name"
        lines.append(
            ("software", f"{software}, implementation class {user.implementation_class or 'missing'}")
        )
        lines.append(("called", request.called))
        lines.append(("max PDU", "not stated" if user.max_pdu is None else str(user.max_pdu)))
    if facts.tls is not None:
        lines.append(("TLS", f"{facts.tls.version} {facts.tls.suite}"))
        certificate = facts.tls.peer_certificate
        if certificate is not None:
            lines.append(("certificate", f"{certificate.subject}, until {certificate.not_after[:10]}"))
    if facts.rejection is not None:
        lines.append(("rejected", facts.rejection.words))
    if facts.abort is not None:
        lines.append(("aborted", facts.abort.words))
    refused = [instance for instance in facts.instances if instance.status > 0]
    if refused:
        statuses = dict.fromkeys(f"{one.status:04X}H {one.comment}".strip() for one in refused)
        lines.append(("refused", f"{number_of(len(refused), 'instance')}: {', '.join(list(statuses)[:4])}"))
    for problem in facts.problems[:8]:
        lines.append((problem.kind, problem.detail))
    return tuple(lines)


def _context_rows(facts: AssociationFacts) -> tuple[ContextRow, ...]:
    """What the sender proposed, as far as it used it or was refused; a long list is not drawn in full."""
    if facts.request is None or facts.accept is None:
        return ()
    answers = {answer.id: answer for answer in facts.accept.contexts}
    used: dict[int, int] = {}
    for instance in facts.instances:
        used[instance.context.id] = used.get(instance.context.id, 0) + 1
    rows: list[ContextRow] = []
    for context in facts.request.contexts:
        answer = answers.get(context.id)
        result = answer.result if answer is not None else -1
        # The dozens of classes that a stock sender proposes and never uses tell nothing.
        if context.id not in used and result == 0 and len(facts.request.contexts) > 16:
            continue
        chosen = answer.transfer_syntax if answer is not None and result == 0 else ""
        said = CONTEXT_RESULTS.get(result, "not answered")
        if result == 0:
            said = uid_name(chosen) if len(context.transfer_syntaxes) > 1 else "accepted"
            said += f", {number_of(used[context.id], 'instance')}" if context.id in used else ", not used"
        rows.append(
            ContextRow(
                sop_class=context.abstract_syntax, sop_class_name=uid_name(context.abstract_syntax),
                proposed=context.transfer_syntaxes, names=tuple(uid_name(s) for s in context.transfer_syntaxes),
                result=result, answer=said, chosen=chosen,
            )
        )  # fmt: skip
    return tuple(rows)
