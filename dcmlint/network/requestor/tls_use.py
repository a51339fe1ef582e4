"""Associations over TLS for a scan: whether a context is good for a whole A-ASSOCIATE and C-ECHO."""

from __future__ import annotations

import ssl

import msgspec

from dcmlint.network.observed import AttemptFacts, TlsFacts, UseFacts
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.tls.context import Credentials, identify, offer
from dcmlint.network.tls.scan import Endpoint, Use, scan
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.pdu import WireError
from dcmlint.standard.uids import ImplicitVRLittleEndian, Verification

_ALPN = ("dicom",)


def working_context(credentials: Credentials, *, alpn: bool = True) -> ssl.SSLContext:
    """A context that takes any certificate and version, with our certificate if there is one, and with our ALPN.

    Raises ``UsageError`` where the certificate cannot be used.
    """
    context = offer("1.0", "1.3", _ALPN if alpn else ())
    if isinstance(context, str):  # a library that has TLS 1.0 switched off at build time
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credentials.certificate:
        identify(context, credentials)
    return context


def scan_target(
    target: Target, credentials: Credentials, server_name: str, *, thorough: bool, timeout: float
) -> TlsFacts | None:
    """Scan a DICOM endpoint; thorough with associations with and without our certificate."""
    endpoint = Endpoint(
        host=target.host, port=target.port, server_name=server_name, timeout=timeout, alpn=_ALPN
    )
    use = association_use(target) if thorough else None
    return scan(endpoint, credentials, use, thorough=thorough)


def association_use(target: Target) -> Use:
    """Try a whole association with C-ECHO over a context that a scan gives."""

    def use(context: ssl.SSLContext) -> UseFacts:
        over_tls = msgspec.structs.replace(target, tls=context)
        contexts = (ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),)
        dialogue, attempt, _ = associate(over_tls, association_request(over_tls, contexts), "tls")
        if dialogue is None:
            return use_facts(attempt)
        sock = dialogue.line.sock
        try:
            dialogue.echo()
            facts = use_facts(attempt, sock)
        except WireError as error:
            facts = msgspec.structs.replace(
                use_facts(attempt, sock), outcome="rejected", detail=f"C-ECHO: {error.problem.detail}"
            )
        dialogue.release()
        dialogue.close()
        return facts

    return use


def use_facts(attempt: AttemptFacts, sock: object = None) -> UseFacts:
    """An attempt over TLS, seen as a use of TLS."""
    version = suite = alpn = ""
    if isinstance(sock, ssl.SSLSocket):
        cipher = sock.cipher()
        version, suite = sock.version() or "", cipher[0] if cipher else ""
        alpn = sock.selected_alpn_protocol() or ""
    if attempt.outcome == "accepted":
        return UseFacts(outcome="accepted", version=version, suite=suite, alpn=alpn)
    if attempt.outcome in ("rejected", "aborted"):
        return UseFacts(outcome="rejected", version=version, suite=suite, alpn=alpn, detail=attempt.detail)
    if attempt.outcome == "tls" or attempt.outcome == "closed":
        alert = attempt.detail.removeprefix("alert ") if attempt.detail.startswith("alert ") else ""
        return UseFacts(outcome="refused", alert=alert, detail=attempt.detail)
    return UseFacts(outcome="no answer", detail=attempt.detail or attempt.outcome)
