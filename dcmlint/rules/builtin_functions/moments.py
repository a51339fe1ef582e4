"""Dates with times (DT) against one another (PS3.5 6.2)."""

from __future__ import annotations

from datetime import datetime, timedelta


def is_before(moment: str, other: str, zone: str = "") -> bool:
    """Whether one DT lies surely before another; ``zone`` holds where a value has none (PS3.5 6.2).

    Both are compared as far as the coarser of them goes. False where it cannot be said: a value that is no
    DT, or a zone that only one of them has.
    """
    first, first_zone = _split(moment, zone)
    second, second_zone = _split(other, zone)
    if first is None or second is None or (first_zone is None) != (second_zone is None):
        return False
    if first_zone != second_zone:
        there, here = _minute(first, first_zone), _minute(second, second_zone)
        return there is not None and here is not None and there < here
    size = min(len(first), len(second))
    return first[:size] < second[:size]


def _split(moment: str, zone: str) -> tuple[str | None, int | None]:
    """The digits of a DT without fraction, and its offset from UTC in minutes."""
    for sign in "+-":
        head, found, tail = moment.partition(sign)
        if found:
            moment, zone = head, sign + tail
            break
    digits = moment.partition(".")[0].strip()
    if not digits.isdecimal() or not digits.isascii() or len(digits) not in (4, 6, 8, 10, 12, 14):
        return None, None
    if len(zone) == 5 and zone[1:].isascii() and zone[1:].isdecimal():
        minutes = int(zone[1:3]) * 60 + int(zone[3:])
        return digits, -minutes if zone[0] == "-" else minutes
    return digits, None


def _minute(digits: str, offset: int | None) -> datetime | None:
    """The minute in UTC; None where the value is coarser than that, or there is no such minute."""
    if len(digits) < 12:
        return None
    try:
        return datetime.strptime(digits[:12], "%Y%m%d%H%M") - timedelta(minutes=offset or 0)
    except (ValueError, OverflowError):
        return None
