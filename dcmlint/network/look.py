"""Endpoints and associations under the same rules as files: probe, turn into facts, check, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from dcmlint.engine.exhibit import AssociationRecord, ContextRow
from dcmlint.engine.given import check_given
from dcmlint.engine.runner import Checked
from dcmlint.engine.session import Checker
from dcmlint.expr import UNKNOWN
from dcmlint.facts.association.endpoints import Reach
from dcmlint.findings.finding import Subject
from dcmlint.network.observed import ContextOutcome, ProbeFacts, SuiteFacts, TlsFacts
from dcmlint.network.reach import connect, reach_words
from dcmlint.network.requestor.plan import Plan
from dcmlint.network.requestor.probe import probe_endpoint
from dcmlint.network.rule_facts import main_attempt, probe_facts, result_words, tls_facts
from dcmlint.profiles.apply import endpoint_with_profile, sender_with_profile
from dcmlint.standard.names import uid_name


class AssociationResult(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint or association that was looked at, and what the rules made of it."""

    record: AssociationRecord
    checked: Checked


def look_at(checker: Checker, plan: Plan, earlier: dict[str, Any] | None = None) -> AssociationResult:
    """Probe one endpoint and hold the rules against it; never raises for what the endpoint does."""
    if plan.left_out:
        title = " · ".join(part for part in (plan.says, f"not probed: {plan.left_out}") if part)
        return AssociationResult(
            record=AssociationRecord(id=plan.id, title=title, status="not checked"),
            checked=Checked(),
        )
    plan = _listening(plan)
    if plan.is_dicom:
        return _look_at_dicom(checker, plan, earlier)
    return _look_at_other(checker, plan)


def _listening(plan: Plan) -> Plan:
    """The plan for the first of several hosts whose port is open; where none is, as it was."""
    if not plan.alternatives:
        return plan
    for host in (plan.target.host, *plan.alternatives):
        sock, _ = connect(host, plan.target.port, plan.target.timeout)
        if sock is not None:
            sock.close()
            target = msgspec.structs.replace(plan.target, host=host)
            return msgspec.structs.replace(plan, id=f"{host}:{target.port}", target=target)
    return plan


def hold(checker: Checker, given: Mapping[str, Any], subject_id: str) -> Checked:
    """Hold the rules of scope association against facts."""
    rules = [active for active in checker.planner.rules if active.rule.scope == "association"]
    return check_given(rules, given, Subject("association", subject_id), checker.settings)


def result_for(checker: Checker, given: Mapping[str, Any], record: AssociationRecord) -> AssociationResult:
    """The rules' findings about a record, which gets the facts and what stayed undecided."""
    checked = hold(checker, given, record.id)
    demands = given.get("endpoint")
    if demands is not None and demands.name:
        findings = endpoint_with_profile(checker.profile, demands.name, checker.rules, checked.findings)
        checked = msgspec.structs.replace(checked, findings=findings)
    elif "sender" in given:
        checked = msgspec.structs.replace(
            checked, findings=sender_with_profile(checker.profile, checked.findings)
        )
    record = msgspec.structs.replace(record, facts=plain_facts(given), undecided=tuple(checked.undecided))
    return AssociationResult(record=record, checked=checked)


def plain_facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as plain values for JSON: null cannot be known, what is absent is left out."""
    made: dict[str, Any] = {}
    for name, group in given.items():
        made[name] = {
            field: None if value is UNKNOWN else msgspec.to_builtins(value)
            for field in group.__struct_fields__
            if (value := getattr(group, field)) is not None
        }
    return made


# --- DICOM ---------------------------------------------------------------------------------------


def _look_at_dicom(checker: Checker, plan: Plan, earlier: dict[str, Any] | None) -> AssociationResult:
    facts = probe_endpoint(plan.target, plan.question)
    given = {"endpoint": plan.demands, **probe_facts(facts, plan.wanted, earlier)}
    status = "checked"
    if facts.reach.outcome != "open":
        status = "unreachable"
    elif not facts.established:
        status = "refused"
    record = AssociationRecord(
        id=plan.id, title=_title(facts, plan), status=status, lines=_lines(facts),  # type: ignore[arg-type]
        contexts=context_rows((*facts.contexts, *facts.combined)) if facts.established else (),
    )  # fmt: skip
    return result_for(checker, given, record)


def _title(facts: ProbeFacts, plan: Plan) -> str:
    over = {"tls": "DICOM over TLS", "plain": "DICOM without TLS"}.get(facts.transport, "no DICOM")
    parts = [plan.says.rstrip("."), over, f"{facts.called} called by {facts.calling}", f"{facts.level} probe"]
    return " · ".join(part for part in parts if part)


def _lines(facts: ProbeFacts) -> tuple[tuple[str, str], ...]:
    """What a person reads first of an endpoint."""
    lines: list[tuple[str, str]] = []
    reach = facts.reach
    if reach.outcome != "open":
        return (("TCP", reach_words(reach)),)
    lines.append(("TCP", f"connected in {reach.connect_ms:.1f} ms"))
    first = main_attempt(facts)
    if first is not None and first.outcome != "accepted":
        lines.append(("answer", f"{first.outcome}: {first.detail}" if first.detail else first.outcome))
    peer = facts.peer
    if peer is not None:
        user = peer.user
        who = user.implementation_version or "no version name"
        lines.append(("peer", f"{who}, implementation class {user.implementation_class or 'missing'}"))
        size = (
            "not stated"
            if user.max_pdu is None
            else "unlimited"
            if user.max_pdu == 0
            else f"{user.max_pdu} bytes"
        )
        lines.append(("max PDU", size))
    if facts.echo_ms is not None:
        lines.append(("C-ECHO", f"{facts.echo_ms:.1f} ms (median of {len(facts.echoes)})"))
    if facts.tls is not None and (facts.tls_open or facts.tls.alert):
        lines += _tls_lines(facts.tls)
    if facts.transport == "tls" and facts.plain_open is not None:
        lines.append(
            ("plain", "answered without TLS too" if facts.plain_open else "not answered without TLS")
        )
    for label, attempt in (
        ("wrong called AE", facts.wrong_called),
        ("wrong calling AE", facts.wrong_calling),
    ):
        if attempt is not None:
            lines.append(
                (label, f"{attempt.outcome}: {attempt.detail}" if attempt.detail else attempt.outcome)
            )
    answered = facts.negotiation.answer if facts.negotiation is not None else None
    if answered is not None:
        user = answered.user
        window = (
            "not answered" if user.window is None else f"{user.window[0]} invoked, {user.window[1]} performed"
        )
        lines.append(("async window", f"{window} (asked for 5 and 5)"))
        answers = Counter(f"SCU {role.scu} SCP {role.scp}" for role in user.roles)
        roles = (
            ", ".join(
                said if len(user.roles) == 1 else f"{said} for {count} classes"
                for said, count in answers.items()
            )
            or "not answered"
        )
        lines.append(("roles", f"{roles} (asked for SCU 1 SCP 1)"))
        lines.append(("extended", "answered" if user.extended else "not answered"))
    if facts.identity is not None:
        said: str = facts.identity.outcome
        if facts.identity.answer is not None:
            response = facts.identity.answer.user.identity_response
            said = "answered" if response is not None else "not answered, association accepted"
        lines.append(("user identity", said))
    if facts.concurrent is not None:
        lines.append(("at once", f"{facts.concurrent} of {facts.concurrent_tried} associations served"))
    if facts.idle_tried:
        ended = (
            "kept" if facts.idle_seconds is None else f"ended by the peer after {facts.idle_seconds:.1f} s"
        )
        lines.append(("idle", f"{ended}, waited for {facts.idle_tried:g} s"))
    lines += [("not done", note) for note in facts.not_done]
    return tuple(lines)


def _tls_lines(scan: TlsFacts) -> list[tuple[str, str]]:
    lines = []
    said = []
    for version in scan.versions:
        outcome = "not testable here" if version.outcome == "not testable" else version.outcome
        said.append(f"{version.version} {outcome}" + (f" ({version.alert})" if version.alert else ""))
    lines.append(
        ("TLS", ", ".join(said) or (f"refused ({scan.alert})" if scan.alert else "no version accepted"))
    )
    if scan.alpn_alert:
        lines.append(("ALPN", f"'dicom' is refused ({scan.alpn_alert}); TLS was spoken without ALPN"))
    if scan.suites:
        lines.append(("suites", ", ".join(_suite(suite) for suite in scan.suites)))
    if scan.not_testable:
        lines.append(("not testable", f"{', '.join(scan.not_testable)} (by {scan.library})"))
    certificate = scan.certificate
    if certificate is not None:
        key = f"{certificate.key_type} {certificate.key_bits}"
        lines.append(
            (
                "certificate",
                f"{certificate.subject or 'unreadable'}, {key}, until {certificate.not_after[:10]}",
            )
        )
        names = ", ".join((*certificate.dns_names, *certificate.addresses)) or "none"
        lines.append(("names", names))
        if scan.chain_verified is not None:
            lines.append(
                ("chain", "verified" if scan.chain_verified else f"not verified: {scan.chain_error}")
            )
    for label, use in (
        ("without certificate", scan.without_certificate),
        ("with ours", scan.with_certificate),
        ("with a stranger's", scan.with_stranger),
    ):
        if use.outcome != "not tried":
            detail = use.alert or use.detail
            lines.append((label, f"{use.outcome} ({detail})" if detail else use.outcome))
    wants = scan.without_certificate.outcome == "refused" and scan.with_certificate.outcome == "not tried"
    if wants and scan.asks_certificate is not False and scan.without_certificate.alert in _CERTIFICATE_ALERTS:
        lines.append(("hint", "give --cert and --key: a client certificate may be wanted"))
    return lines


# What a server says that wants a certificate (RFC 8446 6.2); some say nothing, older ones that the handshake failed.
_CERTIFICATE_ALERTS = (
    "", "access_denied", "bad_certificate", "certificate_required", "certificate_unknown", "handshake_failure",
    "unknown_ca",
)  # fmt: skip


def _suite(suite: SuiteFacts) -> str:
    return suite.name


def context_rows(outcomes: Iterable[ContextOutcome]) -> tuple[ContextRow, ...]:
    """The table of contexts."""
    return tuple(
        ContextRow(
            sop_class=outcome.sop_class,
            sop_class_name=uid_name(outcome.sop_class),
            proposed=outcome.proposed,
            names=tuple(uid_name(syntax) for syntax in outcome.proposed),
            result=outcome.result,
            answer=_answer(outcome),
            chosen=outcome.chosen if outcome.result == 0 else "",
        )
        for outcome in outcomes
    )


def _answer(outcome: ContextOutcome) -> str:
    if outcome.result != 0:
        return result_words(outcome)
    return uid_name(outcome.chosen) if len(outcome.proposed) > 1 else "accepted"


# --- other protocols -----------------------------------------------------------------------------


_SPOKEN = {
    "http": "HTTP", "amqp": "AMQP", "dicom": "DICOM", "silent": "no answer", "unknown": "an unknown protocol",
    "": "not asked: no connection without a client certificate",
}  # fmt: skip


def _look_at_other(checker: Checker, plan: Plan) -> AssociationResult:
    """HTTPS and AMQPS by TLS, certificate and first exchange; SMB by what it negotiates."""
    target, protocol = plan.target, plan.demands.protocol
    sock, reach = connect(target.host, target.port, target.timeout)
    open_ = sock is not None
    given: dict[str, Any] = {"endpoint": plan.demands}
    lines = [
        (
            "TCP",
            f"connected in {reach.connect_ms:.1f} ms" if open_ else reach_words(reach),
        )
    ]
    tls_open: bool | None = None
    share, spoken = None, ""
    if sock is not None:
        if protocol == "smb":
            from dcmlint.network.requestor.smb import negotiate

            share = negotiate(sock, target.host, target.timeout, target.port)
            lines += share.lines
        sock.close()
        if protocol != "smb":
            from dcmlint.network.requestor.first_exchange import spoken_behind_tls
            from dcmlint.network.tls.scan import Endpoint, scan

            thorough = plan.question.level == "full"
            scanned = scan(
                Endpoint(host=target.host, port=target.port, server_name=plan.question.server_name,
                         timeout=target.timeout, alpn=()),
                plan.question.credentials, thorough=thorough,
            )  # fmt: skip
            tls_open = scanned is not None and any(v.outcome == "accepted" for v in scanned.versions)
            if scanned is not None and tls_open:
                given["tls"] = tls_facts(scanned, thorough=thorough)
                lines += _tls_lines(scanned)
                spoken = spoken_behind_tls(
                    target.host, target.port, protocol, timeout=target.timeout,
                    server_name=plan.question.server_name, credentials=plan.question.credentials,
                )  # fmt: skip
                lines.append(("behind TLS", _SPOKEN[spoken]))
            else:
                lines.append(("TLS", "none is spoken"))
    given["reach"] = Reach(
        outcome=reach.outcome, detail=reach.detail, port=target.port, connect_ms=reach.connect_ms if open_ else None,
        tls_open=tls_open, spoken=spoken, smb=share.name if share is not None else None,
        smb_dialect=share.dialect if share is not None else None,
    )  # fmt: skip
    title = " · ".join(part for part in (plan.says.rstrip("."), protocol.upper()) if part)
    record = AssociationRecord(
        id=plan.id, title=title, status="checked" if open_ else "unreachable", lines=tuple(lines)
    )
    return result_for(checker, given, record)
