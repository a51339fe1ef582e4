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
    return msgspec.structs.replace(
        endpoint, host=_or_nothing(endpoint.host, values), port=port,
        called_ae=_or_nothing(endpoint.called_ae, values), calling_ae=_or_nothing(endpoint.calling_ae, values),
        offers=offers,
    )  # fmt: skip


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
