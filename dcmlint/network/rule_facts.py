"""What was seen on the wire, as the flat facts that rules read.  Functions of values; nothing here judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from dcmlint.expr import UNKNOWN, Unknown
from dcmlint.facts.association.endpoints import Contexts, Echo, Negotiated, Reach, Tls
from dcmlint.intake.status import general_status
from dcmlint.network.observed import (
    AttemptFacts,
    ContextOutcome,
    ProbeFacts,
    SuiteFacts,
    TlsFacts,
)
from dcmlint.network.wire.associate import CONTEXT_RESULTS, AssociateRequest, Role
from dcmlint.standard.names import uid_name
from dcmlint.standard.uids import (
    ImplicitVRLittleEndian,
)

# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
_DATED = (9, 10)
# Who is accepted in one of fewer was not asked for much.
_MANY_SYNTAXES = 3


class WantedContexts(msgspec.Struct, frozen=True, kw_only=True):
    """What must and must not be accepted of one SOP Class.

    ``required``: some of the syntaxes, all, or none; ``forbidden``: syntaxes that must be refused.
    """

    sop_class: str
    syntaxes: tuple[str, ...]
    required: str = "some"
    forbidden: tuple[str, ...] = ()


def result_words(outcome: ContextOutcome) -> str:
    """What became of a proposal, in the words of PS3.8 Table 9-18."""
    if outcome.result == -1:
        return "not answered"
    if outcome.result == -2:
        return "not asked: no association"
    return CONTEXT_RESULTS.get(outcome.result, f"result {outcome.result}")


# --- endpoints -----------------------------------------------------------------------------------


def probe_facts(
    facts: ProbeFacts, wanted: Sequence[WantedContexts] = (), earlier: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The groups of facts of a probe; ``earlier`` are the facts of another one, as its JSON report has them."""
    given: dict[str, Any] = {"reach": reach_facts(facts)}
    if facts.tls is not None and facts.tls_open:
        given["tls"] = tls_facts(facts.tls, thorough=facts.level == "full")
    if not facts.transport:
        return given
    given["association"] = negotiated_facts(facts, earlier)
    if facts.established:
        given["echo"] = echo_facts(facts)
        given["contexts"] = context_facts(facts, wanted)
    return given


def main_attempt(facts: ProbeFacts) -> AttemptFacts | None:
    """The first request over the transport that is spoken; else the one that says most of the endpoint."""
    over = facts.transport or ("tls" if facts.tls_open else "plain")
    return next((attempt for attempt in facts.attempts if attempt.purpose == over), facts.plain)


def reach_facts(facts: ProbeFacts) -> Reach:
    """How the endpoint could be reached."""
    first = main_attempt(facts)
    outcome = facts.reach.outcome
    return Reach(
        outcome=outcome,
        detail=facts.reach.detail,
        port=facts.port,
        connect_ms=round(facts.reach.connect_ms, 3) if outcome == "open" else None,
        answer=first.outcome if first is not None else None,
        answer_ms=round(first.milliseconds, 3) if first is not None and first.milliseconds else None,
        speaks=first.speaks if first is not None else "",
        transport=facts.transport,
        plain_open=facts.plain_open,
        tls_open=facts.tls_open,
    )


def negotiated_facts(facts: ProbeFacts, earlier: dict[str, Any] | None = None) -> Negotiated:
    """What associations came to."""
    first = main_attempt(facts)
    assert first is not None  # there is none only where nothing was reached
    peer = facts.peer
    asked = facts.negotiation
    answered = asked.answer if asked is not None else None
    others = (facts.negotiation, facts.identity, facts.small_pdu)
    every = [*facts.attempts, *(attempt for attempt in others if attempt is not None)]
    mistakes: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    window = window_mistake = common = None
    if asked is not None and answered is not None:
        user = answered.user
        mistakes = (
            _roles(asked.request, user.roles),
            tuple(
                uid_name(one.sop_class)
                for one in user.extended
                if one.sop_class not in {each.sop_class for each in asked.request.user.extended}
            ),
        )
        window = user.window
        common = bool(user.common_extended)
        window_mistake = user.window is not None and _wider(user.window, asked.request.user.window)
    identity = facts.identity
    identity_answered = None
    if identity is not None and identity.answer is not None:
        identity_answered = identity.answer.user.identity_response is not None
    oddities = [odd.detail for attempt in every for odd in attempt.oddities if odd.kind != "title-echo"]
    echoed = [odd for attempt in every for odd in attempt.oddities if odd.kind == "title-echo"]
    made = Negotiated(
        outcome=first.outcome,
        reason=first.detail,
        called=facts.called,
        calling=facts.calling,
        wrong_called=_outcome(facts.wrong_called),
        wrong_calling=_outcome(facts.wrong_calling),
        wrong_application=_outcome(facts.wrong_application_context),
        titles_echoed=not echoed if peer is not None else None,
        oddities=tuple(dict.fromkeys(oddities)),
        max_pdu=peer.user.max_pdu if peer is not None else None,
        oversized=_oversized(every),
        role_mistakes=mistakes[0] if mistakes else None,
        extended_mistakes=mistakes[1] if mistakes else None,
        common_extended=common,
        window=window,
        window_mistake=window_mistake,
        identity_answered=identity_answered,
        implementation_class=peer.user.implementation_class if peer is not None else None,
        implementation_version=peer.user.implementation_version if peer is not None else None,
        released=_released(every),
        concurrent=facts.concurrent,
        idle_seconds=facts.idle_seconds,
        idle_tried=facts.idle_tried or None,
    )
    return msgspec.structs.replace(made, changed=_changed(made, facts, earlier))


def _outcome(attempt: AttemptFacts | None) -> str | None:
    return attempt.outcome if attempt is not None else None


def _oversized(attempts: Iterable[AttemptFacts]) -> tuple[int, ...]:
    """Lengths beyond what was announced (PS3.8 D.1); 0 announces no limit."""
    return tuple(
        attempt.largest_pdu for attempt in attempts if 0 < (attempt.request.user.max_pdu or 0) < attempt.largest_pdu
    )  # fmt: skip


def _released(attempts: Iterable[AttemptFacts]) -> bool | None:
    asked = [attempt.released for attempt in attempts if attempt.released is not None]
    return all(asked) if asked else None


def _roles(request: AssociateRequest, answers: Iterable[Role]) -> tuple[str, ...]:
    """Answers beyond the proposal: an acceptor may turn a 1 into a 0, never a 0 into a 1 (PS3.7 D.3.3.4)."""
    proposed = {role.sop_class: role for role in request.user.roles}
    found = []
    for role in answers:
        mine = proposed.get(role.sop_class)
        if mine is None or role.scu > mine.scu or role.scp > mine.scp:
            found.append(uid_name(role.sop_class))
    return tuple(found)


def _wider(answered: tuple[int, int], proposed: tuple[int, int] | None) -> bool:
    """Whether a window goes beyond the proposal; 0 is unlimited (PS3.7 D.3.3.3)."""
    if proposed is None:
        return True
    return any(
        mine and (not theirs or theirs > mine) for theirs, mine in zip(answered, proposed, strict=True)
    )


def _changed(made: Negotiated, facts: ProbeFacts, earlier: dict[str, Any] | None) -> tuple[str, ...] | None:
    """What differs from an earlier probe: who the peer is, its certificate, what it takes."""
    if earlier is None:
        return None
    found = []
    before = earlier.get("association") or {}
    for name in ("implementation_class", "implementation_version", "max_pdu"):
        old, new = before.get(name), getattr(made, name)
        if old is not None and old != new:
            found.append(f"{name.replace('_', ' ')}: {old}, now {new}")
    old_tls = earlier.get("tls") or {}
    certificate = facts.tls.certificate if facts.tls is not None else None
    if certificate is not None and old_tls.get("not_after") not in (None, certificate.not_after):
        found.append(f"certificate until {old_tls['not_after']}, now {certificate.not_after}")
    rows = {
        (row["sop_class"], tuple(row["proposed"])): row["result"] for row in earlier.get("proposals") or ()
    }
    for outcome in facts.contexts:
        old = rows.get((outcome.sop_class, outcome.proposed))
        if old is not None and (old == 0) != (outcome.result == 0):
            now = "accepted" if outcome.result == 0 else "refused"
            found.append(f"{uid_name(outcome.proposed[0])} is now {now}")
    return tuple(found)


def echo_facts(facts: ProbeFacts) -> Echo:
    """C-ECHO."""
    failures = [general_status(echo.status).text for echo in facts.echoes if echo.status != 0]
    failures += [note for note in facts.not_done if note.startswith("echo: ")]
    return Echo(
        done=len(facts.echoes),
        failures=tuple(dict.fromkeys(failures)),
        wrong_ids=sum(not echo.responded_id_matches for echo in facts.echoes),
        milliseconds=None if facts.echo_ms is None else round(facts.echo_ms, 3),
    )


def context_facts(facts: ProbeFacts, wanted: Sequence[WantedContexts]) -> Contexts:
    """What was answered to contexts, held beside what is wanted."""
    by_pair = {(outcome.sop_class, outcome.proposed[0]): outcome for outcome in facts.contexts}
    refused: list[str] = []
    forbidden: list[str] = []
    for want in wanted:
        seen = [by_pair[want.sop_class, s] for s in want.syntaxes if (want.sop_class, s) in by_pair]
        if want.required == "all":
            refused += [_refusal(outcome) for outcome in seen if outcome.result != 0]
        elif want.required == "some" and seen and not any(outcome.result == 0 for outcome in seen):
            reasons = ", ".join(dict.fromkeys(result_words(outcome) for outcome in seen))
            refused.append(f"{uid_name(want.sop_class)} in any transfer syntax ({reasons})")
        for syntax in want.forbidden:
            outcome = by_pair.get((want.sop_class, syntax))
            if outcome is not None and outcome.result == 0:
                forbidden.append(f"{uid_name(want.sop_class)}, {uid_name(syntax)}")
    by_class: dict[str, list[ContextOutcome]] = {}
    for outcome in facts.contexts:
        by_class.setdefault(outcome.sop_class, []).append(outcome)
    mistakes = [
        odd.detail
        for attempt in facts.attempts
        for odd in attempt.oddities
        if odd.kind.startswith("context-")
    ]
    return Contexts(
        required_refused=tuple(refused) if any(want.required != "none" for want in wanted) else None,
        forbidden_accepted=tuple(forbidden) if any(want.forbidden for want in wanted) else None,
        unknown_accepted=facts.unknown_class_accepted,
        accepted=sum(outcome.result == 0 for outcome in facts.contexts),
        proposed=len(facts.contexts),
        choices=tuple(outcome.chosen for outcome in facts.combined if outcome.result == 0),
        implicit_chosen=tuple(
            uid_name(outcome.sop_class)
            for outcome in facts.combined
            if outcome.result == 0 and outcome.chosen == ImplicitVRLittleEndian
            # Whoever takes nothing else had no choice.
            and any(one.result == 0 and one.proposed[0] != ImplicitVRLittleEndian for one in by_class.get(outcome.sop_class, ()))
        ),
        single=tuple(
            f"{uid_name(sop)} in {uid_name(taken[0].chosen)}"
            for sop, outcomes in by_class.items()
            if len(outcomes) > _MANY_SYNTAXES and len(taken := [one for one in outcomes if one.result == 0]) == 1
        ),
        mistakes=tuple(dict.fromkeys(mistakes)),
    )  # fmt: skip


def _refusal(outcome: ContextOutcome) -> str:
    return f"{uid_name(outcome.sop_class)}, {uid_name(outcome.proposed[0])} ({result_words(outcome)})"


# --- TLS -----------------------------------------------------------------------------------------


def tls_facts(scan: TlsFacts, *, thorough: bool) -> Tls:
    """A scan as rules see it; what the local library cannot try is unknown."""
    by_version = {version.version: version.outcome for version in scan.versions}
    accepted = tuple(version for version, outcome in by_version.items() if outcome == "accepted")
    old = tuple(version for version in accepted if version in ("1.0", "1.1"))
    old_known = all(by_version.get(version) in ("accepted", "refused") for version in ("1.0", "1.1"))
    certificate = scan.certificate
    families = {note.removeprefix("suites: ") for note in scan.not_testable if note.startswith("suites: ")}
    suites = [suite for suite in scan.suites if suite.version != "1.3"]

    def chosen(picked: list[SuiteFacts], *needs: str) -> tuple[str, ...] | Unknown:
        """The names of suites; an empty list is said only if all that it is about could be tried."""
        if not picked and (not thorough or families.intersection(needs)):
            return UNKNOWN
        return tuple(suite.name for suite in picked)

    recommended: int | Unknown = sum(suite.bcp195 == "recommended" for suite in suites)
    if not recommended and not thorough:
        recommended = UNKNOWN
    dead_letter = _dead_letter(scan)
    return Tls(
        library=scan.library,
        thorough=thorough,
        accepted=accepted,
        old_accepted=old or (() if old_known else UNKNOWN),
        accepts_12=_known(by_version.get("1.2")),
        accepts_13=_known(by_version.get("1.3")),
        preferred=scan.preferred_version or None,
        broken_suites=chosen([s for s in suites if s.bcp195 == "must-not"], "NULL", "anonymous", "RC4", "single DES"),
        static_suites=chosen([s for s in suites if s.key_exchange in ("RSA", "DH", "ECDH", "DHE")], "static RSA", "DHE"),
        cbc_suites=chosen([s for s in suites if "-cbc" in s.cipher], "CBC"),
        recommended_12=recommended,
        outside_b13=chosen([s for s in suites if not s.modified]),
        not_testable=scan.not_testable,
        certificate=certificate.subject if certificate is not None else None,
        chain_verified=UNKNOWN if scan.chain_verified is None else scan.chain_verified,
        chain_error=scan.chain_error,
        chain_dated=scan.chain_error_code in _DATED,
        server_name=scan.server_name,
        name_matches=scan.name_matches,
        names=(*certificate.dns_names, *certificate.addresses) if certificate is not None else (),
        expired=certificate.expired if certificate is not None else None,
        not_yet_valid=certificate.not_yet_valid if certificate is not None else None,
        days_left=certificate.days_left if certificate is not None else None,
        not_before=certificate.not_before if certificate is not None else None,
        not_after=certificate.not_after if certificate is not None else None,
        key_type=certificate.key_type or None if certificate is not None else None,
        key_bits=certificate.key_bits or None if certificate is not None else None,
        signature_hash=certificate.signature_hash or None if certificate is not None else None,
        self_signed=certificate.self_signed if certificate is not None else None,
        pinned=scan.pinned,
        server_usage=certificate.server_usage if certificate is not None else None,
        anchor_sent=scan.anchor_sent if certificate is not None else None,
        without_certificate=_tried(scan.without_certificate.outcome),
        with_certificate=_tried(scan.with_certificate.outcome),
        with_stranger=_tried(scan.with_stranger.outcome),
        alert=scan.with_certificate.alert or dead_letter,
    )  # fmt: skip


def _known(outcome: str | None) -> bool | Unknown:
    return UNKNOWN if outcome not in ("accepted", "refused") else outcome == "accepted"


def _tried(outcome: str) -> str | None:
    return None if outcome == "not tried" else outcome


def _dead_letter(scan: TlsFacts) -> str:
    """What was said where our certificate was not taken and no alert named why."""
    use = scan.with_certificate
    return use.detail if use.outcome == "refused" else ""
