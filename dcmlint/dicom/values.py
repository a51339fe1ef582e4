"""The grammar of each Value Representation, and decoding (PS3.5 6.2).

A valid value costs one match of a compiled pattern; what is wrong is worked out only where that fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dcmlint.dicom.charsets import CHARSET_VRS, DEFAULT_CHARSET, Charset, CharsetProblem
from dcmlint.dicom.value_numbers import (
    UNITS,
    check_decimal,
    check_integer,
    decimal,
    decode_numbers,
    decode_tags,
    explain_binary,
    integer,
)
from dcmlint.dicom.value_problem import VALUE_CODES, Problems, ValueProblem, split_values
from dcmlint.dicom.value_text import (
    explain_application_entity,
    explain_code,
    explain_text,
    explain_uri,
)
from dcmlint.dicom.value_times import (
    Verdict,
    check_age,
    check_date,
    check_date_range,
    check_date_time,
    check_date_time_range,
    check_time,
    check_time_range,
)
from dcmlint.dicom.value_uid import explain_uid_field

__all__ = ["CODES", "Charset", "CharsetProblem", "ValueProblem", "check_value", "decode"]

CODES: Mapping[str, str] = {code: entry.description for code, entry in VALUE_CODES.items()}

# PS3.5 6.4: these are never multi-valued, and a backslash is a character of theirs.
SINGLE_VALUED = frozenset({"LT", "ST", "UT", "UR"})


def _several(value: bytes) -> Callable[[bytes], re.Match[bytes] | None]:
    return re.compile(rb"%b(?:\\%b)*" % (value, value)).fullmatch


# Ahead of a value: at most so many characters up to the next delimiter.
def _within(limit: int) -> bytes:
    return rb"(?=[^\\]{0,%d}(?:\\|\Z))" % limit


_DATE = (
    rb"(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
    rb"(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    rb"|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = rb"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
_NUMBER = rb"(?:0|[1-9][0-9]*)"
_UID = (
    rb"(?=[^\\\0]{3,64}(?:[\\\0]|\Z))(?:1\.(?:[0-9]|[1-3][0-9])|2\.(?!25\.)%b|0\.(?:[0-9]|[1-3][0-9])"
    # Below 34 * 10^37 a number is surely below 2^128.
    rb"|2\.25\.(?:3[0-3][0-9]{37}|[12][0-9]{38}|[1-9][0-9]{0,37}|0)(?![0-9]))"
    rb"(?:\.%b)*" % (_NUMBER, _NUMBER)
)
_UID_FIELD = re.compile(rb"%b(?:\\%b)*\x00?" % (_UID, _UID)).fullmatch
_NAME_GROUP = rb"[ -<>-\[\]_-~]*(?:\^[ -<>-\[\]_-~]*){0,4}"

# VR → a match for fields that are surely right (their even length is asked for apart). They may refuse a
# rare right one: the long way decides.
_FINE: dict[str, Callable[[bytes], re.Match[bytes] | None]] = {
    "AE": _several(_within(16) + rb" *[!-\[\]-~][ -\[\]-~]*"),
    "AS": _several(rb"[0-9]{3}[DWMY]"),
    "CS": _several(rb"[A-Z0-9_ ]{0,16}"),
    "DA": _several(_DATE),
    "DS": _several(_within(16) + rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *"),
    "DT": _several(_within(26) + _DATE + rb"(?:%b)?(?:[+-](?:0[1-9]|1[01])[0-5][0-9]|\+0000)? *" % _CLOCK),
    "IS": _several(_within(12) + rb" *[+-]?[0-9]{1,9} *"),
    "LO": _several(rb"[ -\[\]-~]{0,64}"),
    "LT": re.compile(rb"[\t\n\f\r -~]{0,10240}").fullmatch,
    "PN": _several(rb"(?=[^\\=]{0,64}(?:[\\=]|\Z))%b" % _NAME_GROUP),
    "SH": _several(rb"[ -\[\]-~]{0,16}"),
    "ST": re.compile(rb"[\t\n\f\r -~]{0,1024}").fullmatch,
    "TM": _several(_within(14) + _CLOCK + rb" *"),
    "UC": re.compile(rb"[ -~]*").fullmatch,
    "UI": _UID_FIELD,
    "UR": re.compile(
        rb"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]*)* *"
    ).fullmatch,
    "UT": re.compile(rb"[\t\n\f\r -~]*").fullmatch,
}
TEXT_VRS = frozenset(_FINE)


def check_value(
    vr: str,
    raw: bytes,
    *,
    charset: Charset | None = None,
    is_query: bool = False,
) -> tuple[ValueProblem, ...]:
    """Say what is wrong with the value field of one element; () where nothing is.

    ``raw`` is the whole field with its padding; ``charset`` defaults to the default repertoire;
    ``is_query`` allows what only the keys of a query may have (ranges, wildcards). Each code comes once,
    at the first value that has it. SQ and unknown VRs are not judged here. Never raises.
    Source: PS3.5 6.1, 6.2, 7.1.1, 9.
    """
    fullmatch = _FINE.get(vr)
    if fullmatch is None:
        unit = UNITS.get(vr)
        if unit is None or not len(raw) % unit:
            return ()
    elif (fullmatch(raw) is not None and not len(raw) & 1) or not raw:
        return ()
    problems = Problems()
    # A view of a mapped file would not know the methods that the long way needs.
    raw = bytes(raw)
    if fullmatch is None:
        explain_binary(vr, raw, problems)
    elif vr == "UI":
        explain_uid_field(raw, problems)
    else:
        _explain(vr, raw, charset or DEFAULT_CHARSET, is_query, problems)
    return problems.problems()


# The value field of a key that matches empty values. PS3.4 C.2.2.2.6
_EMPTY_VALUE_KEY = b'""'

_SIMPLE: dict[str, Callable[[bytes], Verdict]] = {
    "AS": check_age,
    "DA": check_date,
    "TM": check_time,
    "DT": check_date_time,
}
_QUERY: dict[str, Callable[[bytes], Verdict]] = {
    "AS": check_age,
    "DA": check_date_range,
    "TM": check_time_range,
    "DT": check_date_time_range,
}
# PS3.5 6.2; the second number is for ranges in a query.
_TIME_LENGTHS = {"TM": (14, 28), "DT": (26, 54)}


def _explain(vr: str, raw: bytes, charset: Charset, is_query: bool, problems: Problems) -> None:
    body = raw.rstrip(b"\0")
    if len(body) < len(raw):
        problems.add("padding", 0, f"ends with {len(raw) - len(body)} NUL instead of SPACE")
    if len(raw) % 2:
        problems.add("odd-length", 0, f"has {len(raw)} bytes")
        body = body.removesuffix(b" ")  # where it makes the length odd, nothing else is wrong
    if not body or (is_query and body.rstrip(b" ") == _EMPTY_VALUE_KEY):
        return
    if vr in CHARSET_VRS:
        explain_text(vr, body, charset, problems)
        return
    if vr == "UR":
        explain_uri(body, problems)
        return
    # One SPACE that makes the length even belongs to the field, not to its last value. PS3.5 6.4
    if body.endswith(b" ") and not len(body) % 2:
        body = body[:-1]
    for number, value in enumerate(split_values(body), 1):
        if not value:
            continue
        if b"\0" in value:
            problems.add("embedded-null", number, "contains NUL")
            continue
        if vr == "DS":
            for code, detail in check_decimal(value):
                problems.add(code, number, detail)
        elif vr == "IS":
            for code, detail in check_integer(value):
                problems.add(code, number, detail)
        elif vr == "CS":
            explain_code(number, value, is_query, problems)
        elif vr == "AE":
            explain_application_entity(number, value, problems)
        else:
            _explain_time(vr, number, value, is_query, problems)


def _explain_time(vr: str, number: int, value: bytes, is_query: bool, problems: Problems) -> None:
    limits = _TIME_LENGTHS.get(vr)
    if limits:
        limit = limits[1 if is_query else 0]
        if len(value) > limit:
            problems.add(
                f"{vr.lower()}-length", number, f"has {len(value)} characters, at most {limit} are allowed"
            )
        value = value.rstrip(b" ") or value
    verdict = (_QUERY if is_query else _SIMPLE)[vr](value)
    if verdict:
        problems.add(verdict[0], number, verdict[1])


def decode(
    vr: str, raw: bytes, *, little_endian: bool = True, charset: Charset | None = None
) -> tuple[object, ...]:
    """Decode the value field of one element into its values.

    Text gives ``str`` without the spaces that PS3.5 calls insignificant, UI ``str``; DS and IS give
    ``float`` and ``int``, or the text where it is no number; binary numbers ``int`` or ``float``; AT
    ``int`` 0xGGGGEEEE; all other VRs the bytes. An empty field, or text that is only padding, gives ().
    Never raises; bytes that make no whole number are left out. Source: PS3.5 6.2, 6.4.
    """
    if not raw:
        return ()
    if vr in _FINE:
        body = bytes(raw).rstrip(b"\0 ")
        return _decode_text(vr, body, charset or DEFAULT_CHARSET) if body else ()
    if vr == "AT":
        return decode_tags(raw, little_endian)
    if vr in UNITS and vr[0] != "O" and vr != "UN":
        return decode_numbers(vr, raw, little_endian)
    return (bytes(raw),)


# PS3.5 6.2: leading spaces mean nothing in these; in the others they do, or are not allowed.
_LEADING_SPACES = frozenset({"AE", "CS", "LO", "SH"})


def _decode_text(vr: str, body: bytes, charset: Charset) -> tuple[object, ...]:
    if vr == "DS":
        return tuple(_number_or_text(value, decimal) for value in body.split(b"\\"))
    if vr == "IS":
        return tuple(_number_or_text(value, integer) for value in body.split(b"\\"))
    text = body.decode("ascii") if body.isascii() and b"\x1b" not in body else charset.decode(body, vr)
    if vr in SINGLE_VALUED:
        return (text,)
    values = text.split("\\") if "\\" in text else (text,)
    if vr in _LEADING_SPACES:
        return tuple(value.strip(" \0") for value in values)
    return tuple(value.rstrip(" \0") for value in values)


def _number_or_text(value: bytes, read: Callable[[bytes], float | None]) -> float | str:
    number = read(value)
    return value.decode("ascii", "replace").strip(" \0") if number is None else number
