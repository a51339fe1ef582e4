"""What was agreed in a TLS handshake, and the certificate of the peer."""

from __future__ import annotations

import ssl

from dcmlint.network.observed import CertificateFacts, TlsSession


def session_of(secure: ssl.SSLSocket) -> TlsSession:
    """The facts of an established session."""
    cipher = secure.cipher()
    certificate = secure.getpeercert(binary_form=True)
    facts: CertificateFacts | None = None
    if certificate is not None:
        # Only a session with a client certificate needs a reader of certificates.
        from dcmlint.network.tls.certificates import read_certificate

        facts = read_certificate(certificate)
    return TlsSession(
        version=secure.version() or "",
        suite=cipher[0] if cipher else "",
        alpn=secure.selected_alpn_protocol() or "",
        peer_certificate=facts,
    )
