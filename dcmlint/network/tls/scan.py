"""A scan of the TLS of an endpoint with the standard library.

What the server chooses is read from its own first messages (``tls_flight``), so that a handshake that
ends for want of a client certificate is not taken for a refused version. What the local library cannot
offer is *not testable*, and never *refused*.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.errors import UsageError
from dcmlint.network.observed import CertificateFacts, SuiteFacts, TlsFacts, UseFacts, VersionFacts
from dcmlint.network.reach import connect
from dcmlint.network.tls.certificates import name_matches, pinned, read_certificate
from dcmlint.network.tls.context import (
    VERSIONS,
    Credentials,
    identify,
    identify_as_stranger,
    names,
    offer,
    verifying,
)
from dcmlint.network.tls.handshake import Shake, shake
from dcmlint.network.tls.server_flight import Flight
from dcmlint.network.tls.suites import local_suites, missing_families
from dcmlint.network.wire.pdu import Problem
from dcmlint.network.wire.protocol_guess import speaks

_MAX_ROUNDS = 48  # of suites; no server in its senses takes as many


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where to scan; ``alpn`` is offered (DICOM has "dicom", other services their own, or none)."""

    host: str
    port: int
    server_name: str = ""
    timeout: float = 5.0
    alpn: tuple[str, ...] = ("dicom",)


Use = Callable[[ssl.SSLContext], UseFacts]


def scan(
    endpoint: Endpoint,
    credentials: Credentials | None = None,
    use: Use | None = None,
    *,
    thorough: bool = True,
) -> TlsFacts | None:
    """What can be seen of an endpoint's TLS; None where it does not speak TLS.

    Thorough, every version and suite that the local library can offer is tried, in a dozen connections;
    else only what is negotiated, its certificates and their chain, in two or three. ``use`` tries a
    whole association over a context and says how it went; without it (the endpoint is not DICOM, or it
    is tried elsewhere) whether a client certificate is needed is known only where the server asks in
    the clear. Each connection waits at most ``endpoint.timeout`` seconds.
    """
    return _Scan(endpoint, credentials or Credentials(), use).run(thorough=thorough)


class _Scan:
    def __init__(self, endpoint: Endpoint, credentials: Credentials, use: Use | None) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.use = use
        self.name = endpoint.server_name or endpoint.host
        self.handshakes = 0
        self.problems: list[Problem] = []
        self.asks: bool | None = None
        self.flights: dict[str, Flight] = {}

    def run(self, *, thorough: bool) -> TlsFacts | None:
        began = monotonic()
        first = self._shake(offer("1.0", "1.3", self.endpoint.alpn), whole=not thorough)
        if not (first.flight.chose or first.alert or first.complete):
            return None
        alpn_alert = ""
        if first.alert and not first.flight.chose and self.endpoint.alpn:
            # RFC 7301 3.2: a server that has none of the protocols that are offered may end the handshake.
            without = self._shake(offer("1.0", "1.3", ()), whole=not thorough)
            if without.flight.chose:
                alpn_alert, first = first.alert, without
                self.endpoint = msgspec.structs.replace(self.endpoint, alpn=())
        preferred = first.flight.version
        if thorough:
            versions = tuple(self._version(version) for version in VERSIONS)
        else:
            versions = self._negotiated(first)
        accepted = [each.version for each in versions if each.outcome == "accepted"]
        suites, server_prefers = self._suites(accepted) if thorough else (_chosen(first), None)
        chain = tuple(read_certificate(der) for der in first.chain) or self._chain()
        verified, code, message = self._verify() if chain else (None, 0, "")
        not_testable = [f"TLS {v.version}" for v in versions if v.outcome == "not testable"]
        not_testable += [f"suites: {family}" for family in missing_families()]
        if "1.3" in accepted:
            not_testable.append("suites of TLS 1.3 other than the one chosen")
        uses = self._uses()
        return TlsFacts(
            server_name=self.name,
            library=ssl.OPENSSL_VERSION,
            versions=versions,
            suites=suites,
            not_testable=tuple(not_testable),
            preferred_version=preferred,
            server_prefers=server_prefers,
            certificate=chain[0] if chain else None,
            chain=chain,
            chain_verified=verified,
            chain_error=message,
            chain_error_code=code,
            anchor_sent=len(chain) > 1 and chain[-1].self_signed,
            name_matches=name_matches(chain[0], self.name) if chain else None,
            pinned=pinned(chain[0], self.credentials.pins) if chain else None,
            asks_certificate=self.asks,
            without_certificate=uses[0],
            with_certificate=uses[1],
            with_stranger=uses[2],
            alert="" if first.flight.chose else first.alert,
            alpn_alert=alpn_alert,
            handshakes=self.handshakes,
            milliseconds=(monotonic() - began) * 1000,
            problems=tuple(self.problems),
        )

    def _negotiated(self, first: Shake) -> tuple[VersionFacts, ...]:
        version = first.flight.version
        if not version:
            return ()
        self.flights[version] = first.flight
        if version != "1.3":
            self.asks = first.flight.asks_certificate
        return (VersionFacts(version=version, outcome="accepted"),)

    def _version(self, version: str) -> VersionFacts:
        shake = self._shake(offer(version, version, self.endpoint.alpn))
        flight = shake.flight
        if shake.local:
            return VersionFacts(version=version, outcome="not testable", detail=shake.local)
        if flight.chose and flight.version == version:
            self.flights[version] = flight
            if version != "1.3":
                self.asks = bool(self.asks) or flight.asks_certificate
            return VersionFacts(version=version, outcome="accepted")
        if flight.alert or shake.closed:
            return VersionFacts(
                version=version, outcome="refused", alert=flight.alert, detail=shake.detail or "closed"
            )
        foreign = speaks(flight.first)
        if flight.first and foreign != "tls":
            self._problem("not-tls", f"the peer speaks {foreign or 'DICOM without TLS'}")
            return VersionFacts(version=version, outcome="refused", detail="not TLS")
        return VersionFacts(version=version, outcome="no answer", detail=shake.detail)

    def _suites(self, accepted: list[str]) -> tuple[tuple[SuiteFacts, ...], bool | None]:
        """Offer all suites, take away the one chosen, and again, until the server takes none."""
        known = local_suites()
        found: list[SuiteFacts] = []
        older = [version for version in accepted if version != "1.3"]
        server_prefers: bool | None = None
        if older:
            version = older[-1]
            left = {n: suite for n, suite in known.items() if suite.version != "1.3"}
            for _ in range(_MAX_ROUNDS):
                flight = self._shake(offer(version, version, (), names(left.values()))).flight
                suite = left.pop(flight.suite, None)
                if suite is None:
                    break
                found.append(msgspec.structs.replace(suite, dh_bits=flight.dh_bits, curve=flight.curve))
            if len(found) > 1:
                backwards = names(reversed(found))
                choice = self._shake(offer(version, version, (), backwards)).flight.suite
                server_prefers = choice == found[0].number if choice >= 0 else None
        newest = self.flights.get("1.3")
        if newest is not None and newest.suite in known:
            found.insert(0, known[newest.suite])
        return tuple(found), server_prefers

    def _chain(self) -> tuple[CertificateFacts, ...]:
        """The certificates that the server sends: in the clear up to TLS 1.2, else after a handshake."""
        for version in ("1.2", "1.1", "1.0"):
            flight = self.flights.get(version)
            if flight is not None and flight.certificates:
                return tuple(read_certificate(der) for der in flight.certificates)
        if "1.3" in self.flights:
            shake = self._shake(offer("1.3", "1.3", self.endpoint.alpn), whole=True)
            return tuple(read_certificate(der) for der in shake.chain)
        return ()

    def _verify(self) -> tuple[bool | None, int, str]:
        """Let the local library verify the chain; whether it could, its error code and words."""
        try:
            context = verifying(self.credentials)
        except UsageError as error:
            self._problem("ca", str(error))
            return None, 0, str(error)
        shake = self._shake(context, whole=True)
        if shake.verify_code:
            return False, shake.verify_code, shake.detail
        # The chain is verified before a client certificate is asked for, so a later alert changes nothing.
        return (True, 0, "") if shake.complete or shake.alert else (None, 0, shake.detail)

    def _uses(self) -> tuple[UseFacts, UseFacts, UseFacts]:
        none = UseFacts(outcome="not tried")
        if self.use is None:
            return none, none, none
        without = self._use(None)
        ours = none
        if self.credentials.certificate:
            credentials = self.credentials
            ours = self._use(lambda context: identify(context, credentials))
        stranger = none
        # A server that takes associations from anybody has no opinion of strangers.
        if without.outcome not in ("accepted", "rejected"):
            with tempfile.TemporaryDirectory(prefix="dcmlint-") as folder:
                stranger = self._use(lambda context: identify_as_stranger(context, Path(folder)))
        return without, ours, stranger

    def _use(self, identify_with: Callable[[ssl.SSLContext], None] | None) -> UseFacts:
        context = offer("1.0", "1.3", self.endpoint.alpn)
        if self.use is None or isinstance(context, str):
            return UseFacts(outcome="not tried")
        try:
            if identify_with is not None:
                identify_with(context)
        except UsageError as error:
            self._problem("credentials", str(error))
            return UseFacts(outcome="not tried", detail=str(error))
        return self.use(context)

    def _shake(self, context: ssl.SSLContext | str, *, whole: bool = False) -> Shake:
        if isinstance(context, str):  # the library refused the offer
            return Shake(local=context)
        self.handshakes += 1
        endpoint = self.endpoint
        sock, reach = connect(endpoint.host, endpoint.port, endpoint.timeout)
        if sock is None:
            self._problem("connect", f"{reach.outcome} {reach.detail}".strip())
            return Shake(detail=reach.outcome)
        try:
            return shake(sock, context, self.name, endpoint.timeout, whole=whole)
        finally:
            sock.close()

    def _problem(self, kind: str, detail: str) -> None:
        problem = Problem(kind=kind, detail=detail)
        if problem not in self.problems:
            self.problems.append(problem)


def _chosen(first: Shake) -> tuple[SuiteFacts, ...]:
    suite = local_suites().get(first.flight.suite)
    if suite is None:
        return ()
    return (msgspec.structs.replace(suite, dh_bits=first.flight.dh_bits, curve=first.flight.curve),)
