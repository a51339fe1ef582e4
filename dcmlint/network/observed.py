"""What is known of associations, TLS sessions, endpoints and senders: plain frozen values for rules.

Nothing here judges. Times are seconds or milliseconds as named; dates are ISO 8601 in UTC; "" and None
are "not known", or "not sent" where a field says so.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dcmlint.network.wire.associate import AcceptedContext, AssociateAccept, AssociateRequest
from dcmlint.network.wire.pdu import Abort, Problem, Rejection

# --- TLS -----------------------------------------------------------------------------------------


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One X.509 certificate; ``days_left`` and the two flags after it count from the time of reading."""

    subject: str
    issuer: str
    serial: str
    not_before: str
    not_after: str
    days_left: int
    expired: bool
    not_yet_valid: bool
    key_type: str  # RSA, EC, DSA, Ed25519 …
    key_bits: int
    curve: str = ""
    signature_hash: str = ""  # sha256 …; empty where the algorithm has none (Ed25519)
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    common_name: str = ""
    self_signed: bool = False
    authority: bool | None = None  # Basic Constraints, None if absent
    server_usage: bool | None = None  # Extended Key Usage, None if absent (any use)
    client_usage: bool | None = None
    sha256: str = ""  # of the certificate
    key_sha256: str = ""  # of its public key (SubjectPublicKeyInfo)
    problems: tuple[Problem, ...] = ()


class SuiteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One cipher suite by its registered number, and where the two BCP 195 profiles put it.

    ``bcp195`` is PS3.15 B.12 (RFC 9325): recommended, allowed, should-not, must-not. ``modified`` is
    PS3.15 B.13: required, optional, or "" where its list does not have the suite.
    """

    number: int
    name: str
    version: str
    key_exchange: str  # ECDHE, DHE, RSA, PSK, none …; "any" for TLS 1.3
    authentication: str
    cipher: str
    bits: int
    mac: str
    aead: bool
    forward_secret: bool
    bcp195: Literal["recommended", "allowed", "should-not", "must-not"]
    modified: Literal["required", "optional", ""]
    dh_bits: int = 0  # of the group offered by the server, where seen
    curve: str = ""


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one protocol version; ``not testable`` is said of the local library."""

    version: str  # 1.0 … 1.3
    outcome: Literal["accepted", "refused", "not testable", "no answer"]
    alert: str = ""  # what the peer refused with
    detail: str = ""


class UseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a whole association (A-ASSOCIATE, C-ECHO) could be had over TLS in one way.

    A TLS 1.3 handshake that ends well proves nothing: a server that misses a client certificate says
    so only afterwards.
    """

    outcome: Literal["accepted", "rejected", "refused", "no answer", "not tried"]
    version: str = ""
    suite: str = ""
    alpn: str = ""
    alert: str = ""
    detail: str = ""


class TlsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan saw of the TLS of an endpoint."""

    server_name: str
    library: str  # the local library, which bounds what can be tested
    versions: tuple[VersionFacts, ...] = ()
    suites: tuple[SuiteFacts, ...] = ()  # accepted, TLS 1.2 and older, and the one chosen of 1.3
    not_testable: tuple[str, ...] = ()
    preferred_version: str = ""
    server_prefers: bool | None = None  # the server's order of suites wins
    certificate: CertificateFacts | None = None
    chain: tuple[CertificateFacts, ...] = ()  # as sent, the server's own first
    chain_verified: bool | None = None
    chain_error: str = ""
    chain_error_code: int = 0  # of OpenSSL's X509_V_ERR_*
    anchor_sent: bool = False  # a self-signed certificate stands at the end of what was sent
    name_matches: bool | None = None
    pinned: bool | None = None  # None if no pins were given
    asks_certificate: bool | None = None  # a CertificateRequest was seen
    without_certificate: UseFacts = UseFacts(outcome="not tried")
    with_certificate: UseFacts = UseFacts(outcome="not tried")
    with_stranger: UseFacts = UseFacts(outcome="not tried")  # a certificate that nobody knows
    alert: str = ""  # what the server said to the first offer, where it chose nothing
    alpn_alert: str = ""  # what it said to our ALPN, where it speaks TLS without
    handshakes: int = 0
    milliseconds: float = 0.0
    problems: tuple[Problem, ...] = ()


class TlsSession(msgspec.Struct, frozen=True, kw_only=True):
    """The TLS session of one association that was received."""

    version: str
    suite: str
    alpn: str = ""
    peer_certificate: CertificateFacts | None = None


# --- received associations -----------------------------------------------------------------------


class InstanceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One C-STORE as it was received: what the command said, how it ended, what was answered.

    ``complete`` is False where the association ended in the middle; ``answered`` where the response
    could be sent. ``size`` counts the bytes of the data set; ``sha256`` is theirs, if asked for.
    """

    message_id: int
    sop_class: str
    sop_instance: str
    context: AcceptedContext
    size: int
    seconds: float
    complete: bool
    status: int = -1
    comment: str = ""
    answered: bool = False
    stored: bool = True  # False: refused before or while it came, nothing was kept
    sha256: str = ""
    originator: str = ""
    originator_id: int | None = None
    oddities: tuple[Problem, ...] = ()


class AssociationHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a received association once it is established."""

    number: int
    peer: str
    peer_port: int
    request: AssociateRequest
    accept: AssociateAccept
    tls: TlsSession | None = None


AssociationEnd = Literal[
    "released",  # A-RELEASE
    "aborted by peer",
    "aborted",  # by this side, after a problem
    "rejected",
    "closed",  # the connection ended without release
    "timeout",
    "stopped",  # this side was stopped
]


class AssociationFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that was received, from its first byte to its end.

    ``request`` is None where none came. ``user_identity`` names only the kind, never the secret, and
    the request that is kept here has had its identity taken out.
    """

    number: int
    peer: str
    peer_port: int
    end: AssociationEnd
    started: str
    seconds: float
    request: AssociateRequest | None = None
    accept: AssociateAccept | None = None
    rejection: Rejection | None = None
    abort: Abort | None = None
    user_identity: int = 0
    tls: TlsSession | None = None
    handshake_ms: float = 0.0
    request_ms: float = 0.0
    contexts: tuple[AcceptedContext, ...] = ()
    instances: tuple[InstanceFacts, ...] = ()
    instances_not_kept: int = 0  # more than the receiver keeps facts of
    echoes: int = 0
    other_commands: tuple[str, ...] = ()
    max_pdu_announced: int = 0
    largest_pdu: int = 0
    oversized_pdus: int = 0
    bytes_received: int = 0
    problems: tuple[Problem, ...] = ()


# --- probed endpoints ----------------------------------------------------------------------------


class ReachFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and how fast a TCP connection could be had."""

    outcome: Literal["open", "name", "refused", "timeout", "unreachable"]
    detail: str = ""
    addresses: tuple[str, ...] = ()
    connect_ms: float = 0.0


AttemptOutcome = Literal[
    "accepted", "rejected", "aborted", "closed", "timeout", "not DICOM", "tls", "unreachable"
]


class AttemptFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One association that was asked for, and what the peer said.

    ``request`` is what was sent. ``milliseconds`` is from sending it to the answer. ``speaks`` names
    what answered where it was not DICOM: tls, http, or the first bytes in hexadecimal.
    """

    purpose: str
    outcome: AttemptOutcome
    request: AssociateRequest
    answer: AssociateAccept | None = None
    rejection: Rejection | None = None
    abort: Abort | None = None
    speaks: str = ""
    detail: str = ""
    milliseconds: float = 0.0
    released: bool | None = None  # whether A-RELEASE was answered; None if it was not sent
    largest_pdu: int = 0
    oddities: tuple[Problem, ...] = ()


class EchoFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One C-ECHO."""

    status: int
    responded_id_matches: bool
    milliseconds: float
    oddities: tuple[Problem, ...] = ()


class ContextOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one proposal: one syntax on its own, or several in one context.

    ``result`` is that of PS3.8 Table 9-18; -1 if the peer did not answer the context, -2 if the
    association was not accepted.
    """

    sop_class: str
    proposed: tuple[str, ...]
    result: int
    chosen: str = ""


class ProbeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe saw of an endpoint; ``not_done`` names the steps that were left out, and why."""

    host: str
    port: int
    called: str
    calling: str
    level: Literal["quick", "full"]
    transport: Literal["plain", "tls", ""]
    reach: ReachFacts
    plain: AttemptFacts | None = None  # an association without TLS, where it was tried
    plain_open: bool | None = None  # an association could be had without TLS
    tls_open: bool | None = None
    tls: TlsFacts | None = None
    attempts: tuple[AttemptFacts, ...] = ()
    echoes: tuple[EchoFacts, ...] = ()
    contexts: tuple[ContextOutcome, ...] = ()  # one context for each syntax
    combined: tuple[ContextOutcome, ...] = ()  # all syntaxes in one context
    unknown_class_accepted: bool | None = None
    wrong_called: AttemptFacts | None = None
    wrong_calling: AttemptFacts | None = None
    negotiation: AttemptFacts | None = None  # roles, extended negotiation, asynchronous window
    identity: AttemptFacts | None = None
    wrong_application_context: AttemptFacts | None = None
    small_pdu: AttemptFacts | None = None
    concurrent: int | None = None  # how many associations were served at once, of those tried
    concurrent_tried: int = 0
    idle_seconds: float | None = None  # until the peer ended an idle association; None: not tried
    idle_tried: float = 0.0
    milliseconds: float = 0.0
    connections: int = 0
    not_done: tuple[str, ...] = ()

    @property
    def established(self) -> bool:
        """Whether any association was accepted."""
        return any(attempt.outcome == "accepted" for attempt in self.attempts)

    @property
    def peer(self) -> AssociateAccept | None:
        """The first accept, which says who the peer is."""
        return next((a.answer for a in self.attempts if a.answer is not None), None)

    @property
    def echo_ms(self) -> float | None:
        """The median round trip of C-ECHO in milliseconds."""
        times = sorted(echo.milliseconds for echo in self.echoes)
        return times[len(times) // 2] if times else None
