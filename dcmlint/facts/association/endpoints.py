"""What is known of an endpoint and of an association with it: given by a probe, never read from a file.

Times are milliseconds. A list is of texts that reports may show. A fact that the probe did not ask for is
absent; one that it asked for and the local library could not try is unknown.
"""

from __future__ import annotations

import msgspec

from dcmlint.expr import Unknown
from dcmlint.facts.registry import Facts, facts


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile's endpoint or the command line asks of an endpoint.

    ``name``: of the endpoint in its profile; empty without one
    ``protocol``: dicom, dicom-tls, https, amqps or smb
    ``tls_required``: the line must be TLS
    ``tls_minimum``: the least version that is allowed
    ``tls_profile``: the profile of PS3.15 that is claimed, B.12 or B.13
    ``self_signed``: how bad a certificate is that signs itself: error, warning, info or allowed
    ``mutual``: whether the endpoint must ask for our certificate: yes, no or any
    ``trust_given``: a file of authorities or a pin was given
    ``days_left``: how many days a certificate must still be valid
    ``reject_titles``: wrong AE titles must be rejected
    ``choice``: the transfer syntax that must be chosen where one context combines several
    ``max_pdu_least``: the smallest maximum PDU length that is wanted
    ``max_pdu_most``: the largest that is wanted
    ``identity_required``: a user identity must be answered
    ``implementations``: the implementation class UIDs and version names that are known
    ``idle_seconds``: for how long an idle association must be kept
    ``concurrent``: how many associations must be served at once
    ``smb_minimum``: the least dialect of SMB as its number (768 is 3.0); 0 where nothing is demanded
    ``smb_name``: the same as the profile writes it
    """

    name: str = ""
    protocol: str = "dicom"
    tls_required: bool = False
    tls_minimum: str = "1.2"
    tls_profile: str = "B.12"
    self_signed: str = "warning"
    mutual: str = "any"
    trust_given: bool = False
    days_left: int = 30
    reject_titles: bool | None = None
    choice: str | None = None
    max_pdu_least: int | None = None
    max_pdu_most: int | None = None
    identity_required: bool | None = None
    implementations: tuple[str, ...] | None = None
    idle_seconds: float | None = None
    concurrent: int | None = None
    smb_minimum: int = 0
    smb_name: str = ""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an endpoint could be reached, and what it speaks.

    ``outcome``: of TCP: open, name (it does not resolve), refused, timeout or unreachable
    ``detail``: what the system says of it
    ``port``: the port
    ``connect_ms``: how long a TCP connection took
    ``answer``: what came to the first request: accepted, rejected, aborted, closed, timeout, not DICOM or tls
    ``answer_ms``: how long the answer took
    ``speaks``: what answered in the place of DICOM: tls, http, ssh
    ``transport``: what DICOM was spoken over: plain or tls; empty where it was not
    ``plain_open``: an association without TLS is answered
    ``tls_open``: TLS is spoken
    ``spoken``: what answers behind the TLS of https and amqps: http, amqp, dicom, silent, unknown; empty where it was not asked
    ``smb``: the dialect of SMB that a share chose, refused if it takes none, none if it is no share; absent where it was not asked
    ``smb_dialect``: the number of that dialect; 0 for refused and none
    """

    outcome: str = "open"
    detail: str = ""
    port: int = 0
    connect_ms: float | None = None
    answer: str | None = None
    answer_ms: float | None = None
    speaks: str = ""
    transport: str = ""
    plain_open: bool | None = None
    tls_open: bool | None = None
    spoken: str = ""
    smb: str | None = None
    smb_dialect: int | None = None


class Negotiated(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking for associations.

    ``outcome``: of the first request: accepted, rejected, aborted
    ``reason``: result, source and reason of a rejection, or who aborted
    ``called``: the called AE title
    ``calling``: the calling AE title
    ``wrong_called``: what came to a called AE title that nobody has
    ``wrong_calling``: what came to a calling AE title that nobody knows
    ``wrong_application``: what came to an application context name that does not exist
    ``titles_echoed``: the titles come back as they were sent
    ``oddities``: what a strict reader objects to in the answers
    ``max_pdu``: the maximum PDU length that is announced; 0 is unlimited
    ``oversized``: lengths of PDUs longer than this side announced
    ``role_mistakes``: roles that were answered although nobody proposed them
    ``extended_mistakes``: extended negotiation that was answered although nobody proposed it
    ``common_extended``: the answer holds common extended negotiation, which has no answer
    ``window``: the asynchronous window: operations invoked, performed
    ``window_mistake``: the answered window is wider than the one proposed
    ``identity_answered``: a user identity was answered, where an answer was asked for
    ``implementation_class``: the implementation class UID; empty if it is missing
    ``implementation_version``: the implementation version name; empty if it is missing
    ``changed``: what is not as the earlier probe saw it
    ``released``: A-RELEASE was answered every time
    ``concurrent``: how many associations were served at once
    ``idle_seconds``: after how long an idle association was ended by the peer
    ``idle_tried``: how long that was waited for
    """

    outcome: str = "accepted"
    reason: str = ""
    called: str = ""
    calling: str = ""
    wrong_called: str | None = None
    wrong_calling: str | None = None
    wrong_application: str | None = None
    titles_echoed: bool | None = None
    oddities: tuple[str, ...] = ()
    max_pdu: int | None = None
    oversized: tuple[int, ...] = ()
    role_mistakes: tuple[str, ...] | None = None
    extended_mistakes: tuple[str, ...] | None = None
    common_extended: bool | None = None
    window: tuple[int, ...] | None = None
    window_mistake: bool | None = None
    identity_answered: bool | None = None
    implementation_class: str | None = None
    implementation_version: str | None = None
    changed: tuple[str, ...] | None = None
    released: bool | None = None
    concurrent: int | None = None
    idle_seconds: float | None = None
    idle_tried: float | None = None


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    """C-ECHO.

    ``done``: how many were answered
    ``failures``: statuses other than success, or what went wrong
    ``wrong_ids``: how many answers name another message
    ``milliseconds``: the median round trip
    """

    done: int = 0
    failures: tuple[str, ...] = ()
    wrong_ids: int = 0
    milliseconds: float | None = None


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    """Presentation contexts: SOP Class and transfer syntax with what was answered.

    ``required_refused``: what must be accepted and is not, each with its result
    ``forbidden_accepted``: what must not be accepted and is
    ``unknown_accepted``: a SOP Class that does not exist is accepted
    ``accepted``: how many contexts of one syntax are accepted
    ``proposed``: how many were proposed
    ``choices``: what is chosen where one context combines all syntaxes of a class, by UID
    ``implicit_chosen``: classes for which Implicit VR Little Endian is chosen although more was proposed
    ``single``: classes that are accepted in one of many syntaxes only
    ``mistakes``: answers to contexts or with syntaxes that nobody proposed
    """

    required_refused: tuple[str, ...] | None = None
    forbidden_accepted: tuple[str, ...] | None = None
    unknown_accepted: bool | None = None
    accepted: int = 0
    proposed: int = 0
    choices: tuple[str, ...] = ()
    implicit_chosen: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """The TLS of an endpoint, as far as the local library can see it.

    ``library``: the local library
    ``thorough``: every version and suite was tried, not only what is negotiated
    ``accepted``: versions that are accepted
    ``old_accepted``: versions before 1.2 that are accepted; unknown where one of them could not be tried
    ``accepts_12``: TLS 1.2 is accepted
    ``accepts_13``: TLS 1.3 is accepted
    ``preferred``: the version that is negotiated when all are offered
    ``broken_suites``: suites that must not be used: no encryption, RC4, a hash SHA-1
    ``static_suites``: suites with static RSA, DH or finite field DHE key exchange
    ``cbc_suites``: suites in CBC mode
    ``recommended_12``: how many of the four recommended suites of TLS 1.2 are accepted
    ``outside_b13``: suites that the modified profile does not have
    ``not_testable``: what the local library cannot try
    ``certificate``: the subject of the certificate
    ``chain_verified``: the chain leads to an authority that is trusted here
    ``chain_error``: what the library says of the chain
    ``chain_dated``: the chain fails only because of a date
    ``server_name``: the name that was asked for
    ``name_matches``: the certificate is for that name
    ``names``: the names of the certificate
    ``expired``: the certificate is out of date
    ``not_yet_valid``: its time has not begun
    ``days_left``: how many days are left
    ``not_before``: from when it is valid
    ``not_after``: until when
    ``key_type``: RSA, EC, DSA, Ed25519 …
    ``key_bits``: the length of the key
    ``signature_hash``: sha256 …; absent where the algorithm has none
    ``self_signed``: it signs itself
    ``pinned``: it is one of the pins; absent where none was given
    ``server_usage``: it may be used by servers; absent where it does not say
    ``anchor_sent``: a self-signed authority is sent along
    ``without_certificate``: what comes of an association without a client certificate
    ``with_certificate``: what comes of one with ours
    ``with_stranger``: what comes of one with a certificate that nobody knows
    ``alert``: the alert that refuses our certificate
    """

    library: str = ""
    thorough: bool = True
    accepted: tuple[str, ...] = ()
    old_accepted: tuple[str, ...] | Unknown | None = None
    accepts_12: bool | Unknown | None = None
    accepts_13: bool | Unknown | None = None
    preferred: str | None = None
    broken_suites: tuple[str, ...] | Unknown | None = None
    static_suites: tuple[str, ...] | Unknown | None = None
    cbc_suites: tuple[str, ...] | Unknown | None = None
    recommended_12: int | Unknown | None = None
    outside_b13: tuple[str, ...] | Unknown | None = None
    not_testable: tuple[str, ...] = ()
    certificate: str | None = None
    chain_verified: bool | Unknown | None = None
    chain_error: str = ""
    chain_dated: bool = False
    server_name: str = ""
    name_matches: bool | None = None
    names: tuple[str, ...] = ()
    expired: bool | None = None
    not_yet_valid: bool | None = None
    days_left: int | None = None
    not_before: str | None = None
    not_after: str | None = None
    key_type: str | None = None
    key_bits: int | None = None
    signature_hash: str | None = None
    self_signed: bool | None = None
    pinned: bool | None = None
    server_usage: bool | None = None
    anchor_sent: bool | None = None
    without_certificate: str | None = None
    with_certificate: str | None = None
    with_stranger: str | None = None
    alert: str = ""


@facts("endpoint", Demands)
def endpoint(facts: Facts) -> Demands | None:
    """What a profile's endpoint or the command line asks of an endpoint; given by `dcmlint probe`."""
    return None


@facts("reach", Reach)
def reach(facts: Facts) -> Reach | None:
    """Whether an endpoint could be reached, and what it speaks; given by `dcmlint probe`."""
    return None


@facts("association", Negotiated)
def association(facts: Facts) -> Negotiated | None:
    """What came of asking for associations; given by `dcmlint probe`."""
    return None


@facts("echo", Echo)
def echo(facts: Facts) -> Echo | None:
    """C-ECHO; given by `dcmlint probe`."""
    return None


@facts("contexts", Contexts)
def contexts(facts: Facts) -> Contexts | None:
    """Presentation contexts; given by `dcmlint probe`."""
    return None


@facts("tls", Tls)
def tls(facts: Facts) -> Tls | None:
    """The TLS of an endpoint; given by `dcmlint probe`."""
    return None
