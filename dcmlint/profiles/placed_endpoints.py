"""Endpoints of a profile with the values of its parameters in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dcmlint.errors import ProfileError
from dcmlint.profiles.model import Endpoint, Offer
from dcmlint.profiles.parameters import UnsetParameter, Values, in_list, in_text
from dcmlint.profiles.uids import uid_of

_LONGEST_TITLE = 16  # PS3.5 6.2: AE


def placed(endpoint: Endpoint, values: Values) -> Endpoint:
    """An endpoint with the values of parameters, and UIDs in place of keywords."""
    offers = tuple(
        msgspec.structs.replace(
            offer, sop_class=uid_of(in_text(offer.sop_class, values), "SOP Class"),
            transfer_syntaxes=tuple(uid_of(word, "Transfer Syntax") for word in in_list(offer.transfer_syntaxes, values)),
        )
        for offer in _offers(endpoint.offers, values)
    )  # fmt: skip
    port = _or_nothing(endpoint.port, values)
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise ProfileError(
            f"endpoint {endpoint.name}: {port} is not a port", hint="a whole number from 1 to 65535"
        )
    for title in (_or_nothing(endpoint.called_ae, values), _or_nothing(endpoint.calling_ae, values)):
        if title and (
            len(title) > _LONGEST_TITLE or not title.isascii() or not title.isprintable() or "\\" in title
        ):
            raise ProfileError(
                f"endpoint {endpoint.name}: {title!r} is not an AE title",
                hint="1 to 16 ASCII characters, no backslash",
            )
    asked = endpoint.association
    association = msgspec.structs.replace(
        asked, max_pdu=_or_nothing(asked.max_pdu, values), implementation=in_list(asked.implementation, values),
        forbid=tuple(uid_of(word, "Transfer Syntax") for word in in_list(asked.forbid, values)),
        choice=uid_of(in_text(asked.choice, values), "Transfer Syntax") if asked.choice else "",
    )  # fmt: skip
    try:
        pdu_range(association.max_pdu)
    except ValueError as problem:
        raise ProfileError(f"endpoint {endpoint.name}: max_pdu {association.max_pdu}: {problem}") from None
    return msgspec.structs.replace(
        endpoint, association=association, host=_or_nothing(endpoint.host, values), port=port,
        called_ae=_or_nothing(endpoint.called_ae, values), calling_ae=_or_nothing(endpoint.calling_ae, values),
        offers=offers,
    )  # fmt: skip


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


def _or_nothing(text: str, values: Values) -> str:
    """A value of an endpoint that may be missing: it is then asked for on the command line."""
    try:
        return in_text(text, values)
    except UnsetParameter:
        return ""


def _offers(offers: Sequence[Offer], values: Values) -> Iterable[Offer]:
    """Offers with one SOP Class each: a parameter may hold several."""
    for offer in offers:
        for word in in_list((offer.sop_class,), values):
            yield msgspec.structs.replace(offer, sop_class=word)
