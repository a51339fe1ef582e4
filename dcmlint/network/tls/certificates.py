"""X.509 certificates as facts, expired and self-signed ones too."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime

from dcmlint.errors import UsageError
from dcmlint.network.observed import CertificateFacts
from dcmlint.network.wire.pdu import Problem

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID
except ImportError as error:
    raise UsageError("TLS checks need the extra dcmlint[network] (cryptography)") from error

MAX_CERTIFICATE_BYTES = 1 << 16


def read_certificate(der: bytes, now: datetime | None = None) -> CertificateFacts:
    """The facts of one certificate; ``now`` (aware, default the clock) decides on its dates.

    What cannot be read is a problem in the facts and never an exception (RFC 5280).
    """
    now = now or datetime.now(UTC)
    sha256 = hashlib.sha256(der).hexdigest()
    try:
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise ValueError(f"{len(der)} bytes")
        certificate = x509.load_der_x509_certificate(der)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except ValueError as error:
        return _unreadable(sha256, str(error))
    problems: list[Problem] = []
    kind, bits, curve, key_sha256 = _key(certificate, problems)
    names, addresses = _alternative_names(certificate, problems)
    server, client = _usage(certificate, problems)
    return CertificateFacts(
        subject=subject,
        issuer=issuer,
        serial=f"{certificate.serial_number:x}",
        not_before=begin.isoformat(),
        not_after=end.isoformat(),
        days_left=(end - now).days,
        expired=now > end,
        not_yet_valid=now < begin,
        key_type=kind,
        key_bits=bits,
        curve=curve,
        signature_hash=_signature_hash(certificate),
        dns_names=names,
        addresses=addresses,
        common_name=_common_name(certificate),
        self_signed=_self_signed(certificate),
        authority=_authority(certificate, problems),
        server_usage=server,
        client_usage=client,
        sha256=sha256,
        key_sha256=key_sha256,
        problems=tuple(problems),
    )


def name_matches(certificate: CertificateFacts, host: str) -> bool:
    """Whether a Subject Alternative Name covers ``host``, a DNS name or an IP address.

    The Common Name is not looked at (RFC 9525 2); a wildcard stands for one leftmost label (6.3).
    """
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        wanted = host.rstrip(".").lower()
        return any(_dns_matches(name.rstrip(".").lower(), wanted) for name in certificate.dns_names)
    return str(address) in certificate.addresses


def pinned(certificate: CertificateFacts, pins: tuple[str, ...]) -> bool | None:
    """Whether one of ``pins`` (SHA-256 in hexadecimal, colons allowed) is that of the certificate or key."""
    if not pins:
        return None
    wanted = {pin.replace(":", "").strip().lower() for pin in pins}
    return certificate.sha256 in wanted or certificate.key_sha256 in wanted


def _dns_matches(pattern: str, host: str) -> bool:
    if not pattern.startswith("*."):
        return pattern == host
    label, _, rest = host.partition(".")
    return bool(label) and rest == pattern[2:] and "." in rest


def _key(certificate: x509.Certificate, problems: list[Problem]) -> tuple[str, int, str, str]:
    try:
        key = certificate.public_key()
        encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        problems.append(Problem(kind="certificate-key", detail=str(error)))
        return "", 0, "", ""
    digest = hashlib.sha256(encoded).hexdigest()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size, "", digest
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size, key.curve.name, digest
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size, "", digest
    name = type(key).__name__.removesuffix("PublicKey").lstrip("_")
    return name, {"Ed25519": 256, "Ed448": 456}.get(name, 0), "", digest


def _signature_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return certificate.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm is not None else ""


def _common_name(certificate: x509.Certificate) -> str:
    for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        return str(attribute.value)
    return ""


def _self_signed(certificate: x509.Certificate) -> bool:
    if certificate.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


# What `cryptography` raises for extensions that it cannot read.
_EXTENSION_ERRORS = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def _alternative_names(
    certificate: x509.Certificate, problems: list[Problem]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    except _EXTENSION_ERRORS as error:
        problems.append(Problem(kind="certificate-extension", detail=str(error)))
        return (), ()
    addresses = tuple(str(address) for address in names.get_values_for_type(x509.IPAddress))
    return tuple(names.get_values_for_type(x509.DNSName)), addresses


def _authority(certificate: x509.Certificate, problems: list[Problem]) -> bool | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return None
    except _EXTENSION_ERRORS as error:
        problems.append(Problem(kind="certificate-extension", detail=str(error)))
        return None


def _usage(certificate: x509.Certificate, problems: list[Problem]) -> tuple[bool | None, bool | None]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None, None
    except _EXTENSION_ERRORS as error:
        problems.append(Problem(kind="certificate-extension", detail=str(error)))
        return None, None
    oids = set(usage)
    anything = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in oids
    return (
        anything or ExtendedKeyUsageOID.SERVER_AUTH in oids,
        anything or ExtendedKeyUsageOID.CLIENT_AUTH in oids,
    )


def _unreadable(sha256: str, detail: str) -> CertificateFacts:
    return CertificateFacts(
        subject="",
        issuer="",
        serial="",
        not_before="",
        not_after="",
        days_left=0,
        expired=False,
        not_yet_valid=False,
        key_type="",
        key_bits=0,
        sha256=sha256,
        problems=(Problem(kind="certificate", detail=f"cannot be read: {detail}"[:200]),),
    )
