"""The grammar of numbers as text, DS and IS, and the sizes of binary values (PS3.5 6.2)."""

from __future__ import annotations

import re
import struct

from dcmlint.dicom.value_problem import Problems, shape

# No two parts may take the same character: a long value must not be tried in many ways.
DECIMAL = re.compile(rb" *[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
INTEGER = re.compile(rb" *[+-]?[0-9]+ *")
_DECIMAL_COMMA = re.compile(rb" *[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)? *")
_NOT_A_NUMBER = re.compile(rb" *[+-]?(?:nan|inf|infinity|(?:[0-9.]*#[a-z0-9]+))(?:\(\w*\))? *", re.IGNORECASE)

# PS3.5 6.2: bytes of one value. OB and UN are bytes, but every value field is even (7.1.1).
UNITS = {
    "US": 2, "SS": 2, "OW": 2, "AT": 4, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
    "FD": 8, "SV": 8, "UV": 8, "OD": 8, "OV": 8, "OB": 2, "UN": 2,
}  # fmt: skip

# struct's letter for the VRs that hold numbers
_LETTERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "SV": "q", "UV": "Q", "FL": "f", "FD": "d"}
_SINGLE = {
    (vr, little): struct.Struct(("<" if little else ">") + letter)
    for vr, letter in _LETTERS.items()
    for little in (True, False)
}


def explain_binary(vr: str, raw: bytes, problems: Problems) -> None:
    """Say that a binary field is not made of whole values."""
    unit = UNITS[vr]
    if vr in ("OB", "UN"):
        problems.add("odd-length", 0, f"has {len(raw)} bytes")
    else:
        problems.add("binary-length", 0, f"has {len(raw)} bytes", f"a multiple of {unit} bytes")


def check_decimal(value: bytes) -> tuple[tuple[str, str], ...]:
    """Check one Decimal String; codes and how "value 1" goes on."""
    problems = []
    if len(value) > 16:
        problems.append(("ds-length", f"has {len(value)} characters, at most 16 are allowed"))
    if not DECIMAL.fullmatch(value):
        problems.append(("ds-grammar", _not_a_decimal(value)))
    return tuple(problems)


def _not_a_decimal(value: bytes) -> str:
    if not value.strip(b" "):
        return "consists of spaces only"
    if _DECIMAL_COMMA.fullmatch(value):
        return "has a comma instead of a decimal point"
    if _NOT_A_NUMBER.fullmatch(value):
        return "is infinite or not a number"
    if b" " in value.strip(b" "):
        return "has a space inside"
    return f"has the format {shape(value)!r}"


def check_integer(value: bytes) -> tuple[tuple[str, str], ...]:
    """Check one Integer String; codes and how "value 1" goes on."""
    problems = []
    if len(value) > 12:
        problems.append(("is-length", f"has {len(value)} characters, at most 12 are allowed"))
    if not INTEGER.fullmatch(value):
        problems.append(("is-grammar", _not_an_integer(value)))
    elif (number := integer(value)) is None or not -(2**31) <= number < 2**31:
        problems.append(("is-range", "is outside the range of 32 bits"))
    return tuple(problems)


def _not_an_integer(value: bytes) -> str:
    if not value.strip(b" "):
        return "consists of spaces only"
    if DECIMAL.fullmatch(value):
        return "has a decimal point or an exponent"
    if b" " in value.strip(b" "):
        return "has a space inside"
    return f"has the format {shape(value)!r}"


def integer(value: bytes) -> int | None:
    """Read one Integer String, or give None where it is none or absurdly long."""
    if len(value) <= 64 and INTEGER.fullmatch(value):
        return int(value)
    return None


def decimal(value: bytes) -> float | None:
    """Read one Decimal String, or give None where it is none or beyond what a double holds."""
    if DECIMAL.fullmatch(value) and len(value) <= 1024:
        number = float(value)
        if number - number == 0.0:
            return number
    return None


def decode_numbers(vr: str, raw: bytes, little_endian: bool) -> tuple[int | float, ...]:
    """Read the binary numbers of a value field; bytes that are no whole value are left out."""
    single = _SINGLE[vr, little_endian]
    if len(raw) == single.size:
        return single.unpack(raw)
    count = len(raw) // single.size
    return struct.unpack_from(f"{'<' if little_endian else '>'}{count}{_LETTERS[vr]}", raw)


def decode_tags(raw: bytes, little_endian: bool) -> tuple[int, ...]:
    """Read Attribute Tags as 0xGGGGEEEE."""
    # PS3.5 6.2, AT: two 16-bit integers, each in the byte order of the transfer syntax
    count = len(raw) // 4 * 2
    halves = struct.unpack_from(f"{'<' if little_endian else '>'}{count}H", raw)
    return tuple(halves[i] << 16 | halves[i + 1] for i in range(0, count, 2))
