"""Functions of days, as DA writes them (PS3.5 6.2: YYYYMMDD): text, so that they compare as they are."""

from __future__ import annotations

import datetime

from dcmlint.expr.functions import function
from dcmlint.expr.types import NUMBER, TEXT


def _date(text: str) -> datetime.date:
    if len(text) < 8 or not text[:8].isdecimal():
        raise ValueError(text)
    return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _text(day: datetime.date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


@function("today", (), TEXT)
def today() -> str:
    """The day of the check in local time, as YYYYMMDD."""
    return _text(datetime.date.today())


@function("today", (NUMBER, TEXT), TEXT)
def shifted_today(number: float, unit: str) -> str:
    """The day so many days ("d") or years ("y") after today; before it, if the number is negative."""
    now = datetime.date.today()
    if unit == "d":
        return _text(now + datetime.timedelta(days=int(number)))
    if unit != "y":
        raise ValueError(unit)
    year = now.year + int(number)
    # 29 February has no counterpart in most years.
    return _text(
        now.replace(year=year, day=28) if (now.month, now.day) == (2, 29) else now.replace(year=year)
    )


@function("days_between", (TEXT, TEXT), NUMBER)
def days_between(first: str, last: str) -> int:
    """The days from one day to another, both as YYYYMMDD (what follows is left out)."""
    return (_date(last) - _date(first)).days


@function("years_between", (TEXT, TEXT), NUMBER)
def years_between(first: str, last: str) -> int:
    """The whole years from one day to another: the age at the second day of who was born on the first."""
    begin, end = _date(first), _date(last)
    return end.year - begin.year - ((end.month, end.day) < (begin.month, begin.day))
