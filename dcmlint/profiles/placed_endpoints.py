"""Endpoints of a profile as a run needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dcmlint.profiles.model import Certificate, Endpoint, Offer
from dcmlint.profiles.row_demands import RowError
from dcmlint.profiles.uids import uid_of
from dcmlint.standard.names import uid_name

_LONGEST_TITLE = 16  # PS3.5 6.2: AE
_DICOM, _TLS = ("dicom", "dicom-tls"), ("dicom-tls", "https", "amqps")
# The protocols of which a key says something: on any other, what it demands would pass in silence.
_PROTOCOLS = {
    "called_ae": _DICOM, "calling_ae": _DICOM, "offers": _DICOM, "association": _DICOM, "tls_minimum": _TLS, "certificate": _TLS,
    "smb_minimum": ("smb",),
}  # fmt: skip
_VERSIONS = {
    "tls_minimum": ("1.0", "1.1", "1.2", "1.3"), "smb_minimum": ("2", "2.0.2", "2.1", "3", "3.0", "3.0.2", "3.1", "3.1.1"),
}  # fmt: skip

# What may lack a value: it is then asked for on the command line.
MAY_LACK = ("host", "port", "called_ae", "calling_ae", "association.max_pdu")


def placed(endpoint: Endpoint) -> Endpoint:
    """An endpoint with UIDs in place of keywords.  Raises ProfileError for a port, a title, a range or a version that is none,
    and for what its protocol does not have.
    """
    for key, protocols in _PROTOCOLS.items():
        if getattr(endpoint, key) != _SAYS_NOTHING[key] and endpoint.protocol not in protocols:
            raise RowError(
                key,
                f"endpoint {endpoint.name}: {key} demands nothing of the protocol {endpoint.protocol}",
                hint=f"it is for {', '.join(protocols)}",
            )
    for key, versions in _VERSIONS.items():
        version = getattr(endpoint, key)
        if version and version not in versions:
            raise RowError(
                key,
                f"endpoint {endpoint.name}: {version!r} is not a version for {key}",
                hint=f"one of {', '.join(versions)}",
            )
    offers = tuple(
        msgspec.structs.replace(
            offer, sop_class=uid_of(offer.sop_class, "SOP Class"),
            transfer_syntaxes=tuple(uid_of(word, "Transfer Syntax") for word in offer.transfer_syntaxes),
        )
        for offer in _offers(endpoint.offers)
    )  # fmt: skip
    port = endpoint.port
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise RowError(
            "port", f"endpoint {endpoint.name}: {port} is not a port", hint="a whole number from 1 to 65535"
        )
    for key in ("called_ae", "calling_ae"):
        title = getattr(endpoint, key)
        if title and (
            len(title) > _LONGEST_TITLE or not title.isascii() or not title.isprintable() or "\\" in title
        ):
            raise RowError(
                key,
                f"endpoint {endpoint.name}: {title!r} is not an AE title",
                hint="1 to 16 ASCII characters, no backslash",
            )
    asked = endpoint.association
    association = msgspec.structs.replace(
        asked, forbid=tuple(uid_of(word, "Transfer Syntax") for word in asked.forbid),
        choice=uid_of(asked.choice, "Transfer Syntax") if asked.choice else "",
    )  # fmt: skip
    try:
        pdu_range(association.max_pdu)
    except ValueError as problem:
        says = f"endpoint {endpoint.name}: max_pdu {association.max_pdu}: {problem}"
        raise RowError("association.max_pdu", says) from None
    return msgspec.structs.replace(endpoint, association=association, offers=offers)


_SAYS_NOTHING = {key: getattr(Endpoint(name="", port=""), key) for key in _PROTOCOLS}


def opened_by_senders(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The DICOM connections that the product of a profile opens; where it opens none, those that others open to it."""
    dicom = [one for one in endpoints if one.protocol in _DICOM]
    return [one for one in dicom if one.direction != "in"] or dicom


def pdu_range(text: str) -> tuple[int | None, int | None]:
    """The least and the most of ``MIN..MAX``, either of which may be left out.  Raises ValueError."""
    if not text:
        return None, None
    least, found, most = text.partition("..")
    if not found or not all(part == "" or part.isdecimal() for part in (least, most)):
        raise ValueError("MIN..MAX, such as 65536.. or 16384..1048576")
    return int(least) if least else None, int(most) if most else None


def association_words(endpoint: Endpoint) -> str:
    """What is demanded of its associations, key by key; empty for nothing."""
    asked = endpoint.association
    parts = []
    for key in asked.__struct_fields__:
        value = getattr(asked, key)
        if value:
            shown = ", ".join(value) if isinstance(value, tuple) else "yes" if value is True else f"{value}"
            parts.append(f"{key} {shown}")
    return "; ".join(parts)


def endpoint_words(endpoint: Endpoint) -> str:
    """What a profile says of an endpoint, in words."""
    parts = [f"{endpoint.protocol} {endpoint.port}".strip()]
    for label, value in (
        ("at", endpoint.host or " or ".join(endpoint.listens)), ("called", endpoint.called_ae), ("calling", endpoint.calling_ae),
        ("TLS from", endpoint.tls_minimum), ("SMB from", endpoint.smb_minimum),
    ):  # fmt: skip
        if value:
            parts.append(f"{label} {value}")
    for offer in endpoint.offers:
        syntaxes = ", ".join(uid_name(uid) for uid in offer.transfer_syntaxes)
        parts.append(
            f"{uid_name(offer.sop_class)} ({offer.required} of {syntaxes})"
            if syntaxes
            else uid_name(offer.sop_class)
        )
    certificate, said = endpoint.certificate, Certificate()
    for key in ("required", "self_signed", "mutual"):
        if getattr(certificate, key) != getattr(said, key):
            parts.append(f"certificate {key} {getattr(certificate, key)}")
    parts += [association_words(endpoint)] if association_words(endpoint) else []
    return "; ".join((*parts, f"severity {endpoint.severity}"))


def _offers(offers: Sequence[Offer]) -> Iterable[Offer]:
    """Offers with one SOP Class each: a parameter may have given several, with commas."""
    for offer in offers:
        for word in offer.sop_class.split(", "):
            yield msgspec.structs.replace(offer, sop_class=word)
