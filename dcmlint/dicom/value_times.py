"""The grammar of dates, times and ages: DA, TM, DT, AS (PS3.5 6.2)."""

from __future__ import annotations

import re
from collections.abc import Callable

from dcmlint.dicom.value_problem import shape

# What a grammar says of one value: nothing, or a code and how "value 1" goes on.
Verdict = tuple[str, str] | None
_Check = Callable[[bytes], Verdict]

_DATE = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})")
_DOTTED_DATE = re.compile(rb"[0-9]{4}\.[0-9]{2}\.[0-9]{2}")
_TIME = re.compile(rb"([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,6})?)?)?")
_COLON_TIME = re.compile(rb"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?")
_DATE_TIME = re.compile(
    rb"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.[0-9]{1,6})?)?)?)?)?)?"
    rb"([+-][0-9]*)?"
)
_LIKE_RANGE = re.compile(rb"(?=[^-]*[0-9])[0-9.:]*-[0-9.:]*|-[0-9.:]+")
_AGE = re.compile(rb"[0-9]{3}[DWMY]")


def _days(year: int, month: int) -> int:
    # The module calendar would do it, for more than a millisecond of start-up time.
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _impossible_day(year: int, month: int | None, day: int | None) -> str:
    """Say why a day is not in the Gregorian calendar, or give an empty text."""
    if year == 0:
        return "has the year 0000"
    if month is None:
        return ""
    if not 1 <= month <= 12:
        return "has a month that is not 01 to 12"
    if day is not None and not 1 <= day <= _days(year, month):
        return "has a day that does not exist in its month"
    return ""


def _impossible_time(hour: int | None, minute: int | None, second: int | None) -> str:
    # A second of 60 is a leap second. PS3.5 6.2
    for what, number, last in (("an hour", hour, 23), ("minutes", minute, 59), ("seconds", second, 60)):
        if number is not None and number > last:
            return f"has {what} above {last}"
    return ""


def check_age(value: bytes) -> Verdict:
    """Check one Age String."""
    if _AGE.fullmatch(value):
        return None
    return "as-grammar", f"has the format {shape(value)!r}"


def check_date(value: bytes) -> Verdict:
    """Check one Date: the form, and that the day exists."""
    match = _DATE.fullmatch(value)
    if match:
        impossible = _impossible_day(int(match[1]), int(match[2]), int(match[3]))
        return ("da-range", impossible) if impossible else None
    if _DOTTED_DATE.fullmatch(value):
        return "da-legacy-dots", "is written with dots"
    return "da-grammar", _not_in_form(value)


def check_time(value: bytes) -> Verdict:
    """Check one Time without its trailing spaces: the form, and that the clock shows it."""
    match = _TIME.fullmatch(value)
    if match:
        impossible = _impossible_time(*(int(part) if part else None for part in match.groups()))
        return ("tm-range", impossible) if impossible else None
    if _COLON_TIME.fullmatch(value):
        return "tm-legacy-colons", "is written with colons"
    return "tm-grammar", _not_in_form(value)


def check_date_time(value: bytes) -> Verdict:
    """Check one Date Time without its trailing spaces, of any precision, with or without an offset."""
    match = _DATE_TIME.fullmatch(value)
    if not match:
        return "dt-grammar", _not_in_form(value)
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    impossible = _impossible_day(year or 0, month, day) or _impossible_time(hour, minute, second)
    if impossible:
        return "dt-range", impossible
    wrong = _wrong_offset(match[7]) if match[7] is not None else ""
    return ("dt-offset-range", wrong) if wrong else None


def _wrong_offset(offset: bytes) -> str:
    if len(offset) != 5:
        return f"has an offset of {len(offset) - 1} digits"
    if offset == b"-0000":
        return "has the offset -0000, where UTC is +0000"
    if int(offset[3:]) > 59:
        return "has an offset with minutes above 59"
    # PS3.5 6.2, DT: -1200 to +1400
    if not -1200 <= int(offset) <= 1400:
        return "has a UTC offset outside -1200 to +1400"
    return ""


def check_date_range(value: bytes) -> Verdict:
    """Check one Date of a query, which may be a range. PS3.4 C.2.2.2.5"""
    return _check_range(value, check_date)


def check_time_range(value: bytes) -> Verdict:
    """Check one Time of a query, which may be a range. PS3.4 C.2.2.2.5"""
    return _check_range(value, check_time)


def check_date_time_range(value: bytes) -> Verdict:
    """Check one Date Time of a query, which may be a range. PS3.4 C.2.2.2.5"""
    return _check_range(value, check_date_time)


def _check_range(value: bytes, check: _Check) -> Verdict:
    verdict = check(value)
    if verdict is None:
        return None
    # A Date Time has a hyphen in its offset too: any of the first few may be the one that divides.
    start = 0
    for _ in range(3):
        start = value.find(b"-", start)
        if start < 0:
            break
        left, right = value[:start].rstrip(b" "), value[start + 1 :]
        if (left or right) and all(not part or check(part) is None for part in (left, right)):
            return None
        start += 1
    return verdict


def _not_in_form(value: bytes) -> str:
    if not value.strip(b" "):
        return "consists of spaces only"
    if _LIKE_RANGE.fullmatch(value):
        return "looks like a range, which is allowed only in queries"
    return f"has the format {shape(value)!r}"
