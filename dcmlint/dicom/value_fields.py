"""From values to the value field of an element, in the byte order and the character set of its level (PS3.5 6.2)."""

from __future__ import annotations

from collections.abc import Sequence

from dcmlint.dicom.charsets import CHARSET_VRS
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import numbers, text
from dcmlint.dicom.value_decimal import decimal_string

_BINARY = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
_INTEGERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "IS"})


def field_of(level: Dataset, vr: str, values: Sequence[str | float]) -> bytes:
    """The value field for some values; none gives an empty one.

    Raises ValueError or struct.error for a value that the VR, or the character set, cannot hold.
    """
    if not values:
        return b""
    if vr in _BINARY:
        found = [float(value) if vr in ("FL", "FD") else _whole(value) for value in values]
        return numbers(level, vr, found)
    joined = "\\".join(_text(vr, value) for value in values)
    if vr not in CHARSET_VRS or joined.isascii():
        return text(vr, joined.encode("ascii"))
    charset = level.charset
    encoded = joined.encode("utf-8") if charset is not None and "ISO_IR 192" in charset.terms else None
    if encoded is None:
        raise ValueError("only ASCII, or UTF-8 where Specific Character Set names it, is written")
    return text(vr, encoded)


def _whole(value: str | float) -> int:
    number = int(value)
    if isinstance(value, float) and value != number:
        raise ValueError("not a whole number")
    return number


def _text(vr: str, value: str | float) -> str:
    if vr == "DS" and not isinstance(value, str):
        return decimal_string(value)
    if vr in _INTEGERS and not isinstance(value, str):
        return str(_whole(value))
    return value if isinstance(value, str) else str(value)
