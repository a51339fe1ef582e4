"""TLS contexts: of a requestor, of an acceptor, and the offers that a scan makes."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dcmlint.errors import UsageError
from dcmlint.network.observed import SuiteFacts
from dcmlint.network.tls.suites import EVERYTHING

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM and what is expected: ``ca`` (empty: the system's), our certificate and key, pins."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    pins: tuple[str, ...] = ()


def client_context(
    credentials: Credentials | None = None,
    *,
    verify: bool = True,
    minimum: str = "1.2",
    alpn: tuple[str, ...] = ("dicom",),
) -> ssl.SSLContext:
    """A context for a requestor; without ``verify`` any certificate is taken, for looking at it.

    Raises ``UsageError`` where a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.minimum_version = VERSIONS[minimum]
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if verify:
        _trust(context, credentials)
    if credentials is not None and credentials.certificate:
        _load(context, credentials.certificate, credentials.key)
    return context


def server_context(
    certificate: str,
    key: str = "",
    *,
    client_ca: str = "",
    require_client: bool = False,
    minimum: str = "1.2",
    alpn: tuple[str, ...] = ("dicom",),
) -> ssl.SSLContext:
    """A context for an acceptor (PS3.15 B.12: TLS 1.2 at least); ``client_ca`` has clients verified.

    Raises ``UsageError`` where a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[minimum]
    context.set_alpn_protocols(list(alpn))
    # RFC 9325 4.2: ECDHE with an AEAD cipher; the suites of TLS 1.3 are all of that kind.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    _load(context, certificate, key)
    if require_client and not client_ca:
        raise UsageError("clients can only be required to have a certificate if a CA for them is given")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
        try:
            context.load_verify_locations(client_ca)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{client_ca}: no certificates that can be used ({error})") from error
    return context


def offer(
    minimum: str, maximum: str, alpn: tuple[str, ...], suites: str = EVERYTHING
) -> ssl.SSLContext | str:
    """A context that offers as much as the local library can and takes any certificate.

    ``suites`` is a list as OpenSSL writes it. A string instead of a context says why the library cannot
    make the offer at all.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        _bounds(context, minimum, maximum)
        # OpenSSL refuses TLS 1.0 and 1.1 and short keys above level 0.
        context.set_ciphers(f"{suites}:@SECLEVEL=0" if "@SECLEVEL" not in suites else suites)
    except (ValueError, ssl.SSLError) as error:
        return f"the local library cannot offer it ({error})"
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def verifying(credentials: Credentials) -> ssl.SSLContext:
    """A context that verifies the chain and nothing else: short keys and old hashes pass.

    Raises ``UsageError`` where the CA file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _bounds(context, "1.0", "1.3")
    context.set_ciphers(EVERYTHING)
    _trust(context, credentials)
    return context


def names(suites: Iterable[SuiteFacts]) -> str:
    """A list of suites as OpenSSL writes it."""
    return ":".join(suite.name for suite in suites)


def identify(context: ssl.SSLContext, credentials: Credentials) -> None:
    """Give a context our certificate; raises ``UsageError`` where it cannot be used."""
    _load(context, credentials.certificate, credentials.key)


def identify_as_stranger(context: ssl.SSLContext, folder: Path) -> None:
    """Give a context a new self-signed certificate that nobody can know; files go to ``folder``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dcmlint probe")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "stranger.pem"
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context.load_cert_chain(path)


def _bounds(context: ssl.SSLContext, minimum: str, maximum: str) -> None:
    with warnings.catch_warnings():
        # Python warns of the old versions; that they are old is what a scan is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = VERSIONS[maximum]
        context.minimum_version = VERSIONS[minimum]


def _trust(context: ssl.SSLContext, credentials: Credentials | None) -> None:
    if credentials is None or not credentials.ca:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    try:
        context.load_verify_locations(credentials.ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{credentials.ca}: no certificates that can be used ({error})") from error


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # An empty passphrase, so that OpenSSL never asks for one on the terminal.
        context.load_cert_chain(certificate, key or None, password="")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{certificate}: no certificate and key that can be used ({error})") from error
