"""What a resolved profile promises or demands as plain values: SOP Classes, transfer syntaxes, attributes, endpoints."""

from __future__ import annotations

import msgspec

from dcmlint.profiles.attributes import PlacedRow, placed_rows
from dcmlint.profiles.model import AttributeRow, ProfileSource
from dcmlint.profiles.parameters import as_list
from dcmlint.profiles.resolved import Resolved
from dcmlint.profiles.row_demands import demands_of, listed_values, named
from dcmlint.profiles.uids import uid_of


class Promise(msgspec.Struct, frozen=True):
    """One row of a chain: its place, the row, the values that it allows (none: any), and the profile that it is of.

    ``want``: what it demands of the value besides the listed ones and its expression, in words.
    """

    placed: PlacedRow
    row: AttributeRow
    values: tuple[str, ...]
    profile: str
    want: str = ""


def sop_classes_of(resolved: Resolved) -> tuple[str, ...]:
    """The UIDs of the only SOP Classes, those of endpoints where there is no list; none: the profile does not say."""
    return _list(resolved, "sop_classes", "SOP Class") or tuple(
        dict.fromkeys(offer.sop_class for endpoint in resolved.endpoints for offer in endpoint.offers)
    )


def transfer_syntaxes_of(resolved: Resolved) -> tuple[str, ...]:
    """The UIDs of the only transfer syntaxes, those of endpoints where there is no list; none: the profile does not say."""
    return _list(resolved, "transfer_syntaxes", "Transfer Syntax") or tuple(
        dict.fromkeys(
            syntax
            for endpoint in resolved.endpoints
            for offer in endpoint.offers
            for syntax in offer.transfer_syntaxes
        )
    )


def _list(resolved: Resolved, key: str, type_: str) -> tuple[str, ...]:
    words = next(
        (getattr(one.profile, key) for one in reversed(resolved.chain) if getattr(one.profile, key)), ()
    )
    return tuple(dict.fromkeys(uid_of(word, type_) for word in as_list(words)))


def every_row_of(resolved: Resolved) -> tuple[Promise, ...]:
    """The rows of a chain; those of a later profile replace those of the same attribute.  Rows that are off are left out."""
    found: dict[str, list[Promise]] = {}
    for source in resolved.chain:
        for placed in placed_rows(source.profile):
            if placed.id in resolved.own and resolved.levels.get(placed.id, "error") is None:
                continue
            made = Promise(
                placed,
                placed.row,
                _values(source, placed.row),
                source.profile.id,
                _want(placed.row, source.file),
            )
            if placed.repeated and found.get(placed.path):
                found[placed.path].append(made)
            else:
                found[placed.path] = [made]
    return tuple(row for rows in found.values() for row in rows)


def rows_of(resolved: Resolved) -> dict[str, Promise]:
    """One row of a chain for each path of keywords: of several, the one that promises most."""
    found: dict[str, Promise] = {}
    for one in every_row_of(resolved):
        known = found.get(one.placed.path)
        if known is None or (one.row.presence == "always" and known.row.presence != "always"):
            found[one.placed.path] = one
    return found


def _values(source: ProfileSource, row: AttributeRow) -> tuple[str, ...]:
    return listed_values(row, source.file) or (
        (row.printed["value"],) if "value" in row.printed and row.vr != "SQ" else ()
    )


def _want(row: AttributeRow, file: str) -> str:
    plain = msgspec.structs.replace(row, values=(), values_from="", assert_="")
    return "; ".join(one.want for one in demands_of(plain, named(row.attribute), file))
