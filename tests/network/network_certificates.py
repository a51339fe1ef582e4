"""Certificates for tests: a CA, and whatever can be wrong with one."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """A CA that writes PEM files (certificate and key apart) to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path = folder / "ca.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        dns: tuple[str, ...] = ("localhost",),
        addresses: tuple[str, ...] = ("127.0.0.1",),
        days: int = 90,
        began: int = -1,
        bits: int = 2048,
        curve: bool = False,
        self_signed: bool = False,
        usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        with_anchor: bool = False,
    ) -> tuple[Path, Path]:
        key = (
            ec.generate_private_key(ec.SECP256R1())
            if curve
            else rsa.generate_private_key(public_exponent=65537, key_size=bits)
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=min(began, days - 1)))
            .not_valid_after(now + timedelta(days=days))
        )
        names: list[x509.GeneralName] = [x509.DNSName(each) for each in dns]
        names += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        certificate = builder.sign(key if self_signed else self.key, hashes.SHA256())
        paths = self.folder / f"{name}.crt.pem", self.folder / f"{name}.key.pem"
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        if with_anchor:
            pem += self.certificate.public_bytes(serialization.Encoding.PEM)
        paths[0].write_bytes(pem)
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return paths


class Certificates:
    """Certificate and key of each kind that tests want, made when first asked for."""

    KINDS: dict[str, dict[str, object]] = {
        "good": {},
        "ec": {"curve": True},
        "client": {"usage": ExtendedKeyUsageOID.CLIENT_AUTH, "curve": True},
        "expired": {"days": -2},
        "future": {"began": 30, "days": 60},
        "no-san": {"dns": (), "addresses": ()},
        "self-signed": {"self_signed": True},
        "short-key": {"bits": 1024},
        "wrong-host": {"dns": ("other.example",), "addresses": ()},
        "client-usage": {"usage": ExtendedKeyUsageOID.CLIENT_AUTH},
        "with-anchor": {"with_anchor": True, "curve": True},
    }

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.ca = str(authority.path)
        self._made: dict[str, tuple[str, str]] = {}

    def __getitem__(self, kind: str) -> tuple[str, str]:
        if kind not in self._made:
            certificate, key = self.authority.issue(kind, **self.KINDS[kind])  # type: ignore[arg-type]
            self._made[kind] = str(certificate), str(key)
        return self._made[kind]
