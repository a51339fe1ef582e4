"""Editions in time: whether a row of the tables was in the standard when an instance was made.

A year has the editions a to e. Each became the standard in the month that it was published.
"""

from __future__ import annotations

import re
from typing import Protocol

_MONTHS = {"a": "02", "b": "04", "c": "07", "d": "09", "e": "12"}
_EDITION = re.compile(r"(\d{4})([a-e])")


class Aged(Protocol):
    """What the standard has had from one edition on, or until one (empty: always)."""

    @property
    def since(self) -> str:
        """The first edition that has it as it stands."""
        ...

    @property
    def until(self) -> str:
        """The last edition that has it as it stands."""
        ...


def published(edition: str) -> str:
    """The day from which an edition ("2020c") is the standard, as DICOM writes dates ("20200701")."""
    match = _EDITION.fullmatch(edition)
    if match is None:
        raise ValueError(f"{edition!r} is not an edition")
    return f"{match[1]}{_MONTHS[match[2]]}01"


def stands_in(row: Aged, edition: str) -> bool:
    """Whether an edition has the row."""
    return not (row.since and edition < row.since) and not (row.until and edition > row.until)


def stood_at(row: Aged, date: str) -> bool:
    """Whether the standard had the row on a day; without a date, as far as the newest edition has it."""
    if not date:
        return not row.until
    if row.since and date < published(row.since):
        return False
    return not (row.until and date >= published(_next(row.until)))


def _next(edition: str) -> str:
    year, letter = edition[:4], edition[4]
    return f"{int(year) + 1}a" if letter == "e" else f"{year}{chr(ord(letter) + 1)}"
