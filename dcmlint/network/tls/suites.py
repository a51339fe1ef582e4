"""Cipher suites: what the local library can offer, and where the BCP 195 profiles put each.

Two profiles of PS3.15 are current: B.12, which takes RFC 9325 as it is, and B.13, which allows the
suites of a list and no others.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from dcmlint.network.observed import SuiteFacts

# RFC 9325 4.2: the four that are recommended for TLS 1.2
_RECOMMENDED = frozenset((0xC02B, 0xC02C, 0xC02F, 0xC030))
# PS3.15 B.13: ECDHE with AES-GCM, Camellia-GCM, ChaCha20-Poly1305, AES-CCM and AES-CCM-8
_MODIFIED = _RECOMMENDED | frozenset(
    (
        0xC086,  # TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256
        0xC087,  # TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384
        0xC08A,  # TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
        0xC08B,  # TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
        0xCCA8,  # TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        0xCCA9,  # TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        0xC0AC,  # TLS_ECDHE_ECDSA_WITH_AES_128_CCM
        0xC0AD,  # TLS_ECDHE_ECDSA_WITH_AES_256_CCM
        0xC0AE,  # TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
        0xC0AF,  # TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8
        0x1301,  # TLS_AES_128_GCM_SHA256
        0x1302,  # TLS_AES_256_GCM_SHA384
        0x1303,  # TLS_CHACHA20_POLY1305_SHA256
        0x1304,  # TLS_AES_128_CCM_SHA256
        0x1305,  # TLS_AES_128_CCM_8_SHA256
    )
)
# PS3.15 B.13: the same with DHE of at least 2048 bits
_MODIFIED_DHE = frozenset(
    (
        0x009E,  # TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
        0x009F,  # TLS_DHE_RSA_WITH_AES_256_GCM_SHA384
        0xC07C,  # TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256
        0xC07D,  # TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384
        0xCCAA,  # TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        0xC09E,  # TLS_DHE_RSA_WITH_AES_128_CCM
        0xC09F,  # TLS_DHE_RSA_WITH_AES_256_CCM
        0xC0A2,  # TLS_DHE_RSA_WITH_AES_128_CCM_8
        0xC0A3,  # TLS_DHE_RSA_WITH_AES_256_CCM_8
    )
)

EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

# Families that a scan has to ask for; what the library has none of is "not testable".
_FAMILIES: dict[str, Callable[[SuiteFacts], bool]] = {
    "NULL": lambda suite: suite.cipher == "NULL",
    "anonymous": lambda suite: suite.authentication == "none",
    "RC4": lambda suite: suite.cipher.startswith("rc4"),
    "3DES": lambda suite: suite.cipher.startswith("des-ede3"),
    "single DES": lambda suite: suite.cipher.startswith("des-cbc"),
    "static RSA": lambda suite: suite.key_exchange == "RSA",
    "DHE": lambda suite: suite.key_exchange == "DHE",
    "CBC": lambda suite: "-cbc" in suite.cipher,
}


@cache
def local_suites() -> dict[int, SuiteFacts]:
    """The suites that the local library can offer, by their registered number, in its order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(EVERYTHING)
    suites = [_facts(dict(entry)) for entry in context.get_ciphers()]
    return {suite.number: suite for suite in suites}


@cache
def missing_families() -> tuple[str, ...]:
    """The families of suites of which the local library has none."""
    suites = local_suites().values()
    return tuple(name for name, belongs in _FAMILIES.items() if not any(belongs(s) for s in suites))


def _facts(entry: dict[str, Any]) -> SuiteFacts:
    number = int(entry["id"]) & 0xFFFF
    exchange = str(entry.get("kea") or "").removeprefix("kx-").upper()
    authentication = str(entry.get("auth") or "").removeprefix("auth-").upper()
    cipher = str(entry.get("symmetric") or "NULL")
    aead = bool(entry.get("aead"))
    version = str(entry.get("protocol") or "").removeprefix("TLSv").replace("SSLv3", "SSL 3.0")
    mac = "AEAD" if aead else str(entry.get("digest") or "").upper()
    exchange = {"ANY": "any"}.get(exchange, exchange)
    authentication = {"ANY": "any", "NULL": "none"}.get(authentication, authentication)
    bits = int(entry.get("strength_bits") or 0)
    return SuiteFacts(
        number=number,
        name=str(entry["name"]),
        version=version,
        key_exchange=exchange,
        authentication=authentication,
        cipher=cipher,
        bits=bits,
        mac=mac,
        aead=aead,
        forward_secret=exchange in ("any", "ECDHE", "DHE", "ECDHEPSK", "DHEPSK"),
        bcp195=_bcp195(number, version, exchange, authentication, cipher, bits, mac),
        modified="required" if number in _MODIFIED else "optional" if number in _MODIFIED_DHE else "",
    )


def _bcp195(
    number: int, version: str, exchange: str, authentication: str, cipher: str, bits: int, mac: str
) -> Literal["recommended", "allowed", "should-not", "must-not"]:
    if cipher == "NULL" or cipher.startswith("rc4") or authentication == "none":  # RFC 9325 4.1
        return "must-not"
    if bits < 112:  # RFC 9325 4.1
        return "must-not"
    if mac in ("SHA1", "MD5"):  # PS3.15 B.12
        return "must-not"
    if number in _RECOMMENDED or version == "1.3":
        return "recommended"
    # RFC 9325 4.1: below 128 bits, static key exchange, finite-field DHE; CBC without encrypt-then-MAC
    if bits < 128 or exchange in ("RSA", "DHE", "ECDH", "DH") or "-cbc" in cipher:
        return "should-not"
    return "allowed"
