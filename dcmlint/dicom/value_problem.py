"""What can be wrong with the value of an element, and the codes it is named by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import AnyStr, NamedTuple

from msgspec import Struct


class ValueProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a value field.

    ``number`` is the 1-based value it is said of, 0 the field as a whole. ``message`` carries no part of
    the value, only lengths and shapes, so that it may be shown to anybody; ``want`` is the allowed form.
    """

    code: str
    number: int
    message: str
    want: str
    clause: str


class Code(NamedTuple):
    """A kind of problem: what it says in one line, the form that is allowed, and the clause."""

    description: str
    want: str
    clause: str


# Values of each VR: PS3.5 Table 6.2-1 unless another clause is named.
VALUE_CODES: Mapping[str, Code] = {
    "odd-length": Code("A value field has an odd number of bytes", "an even length", "PS3.5 7.1.1"),
    "padding": Code("A text value is padded with NUL instead of SPACE", "padding with SPACE", "PS3.5 6.2"),
    "embedded-null": Code("A text value contains NUL", "no NUL in text", "PS3.5 6.1.3"),
    "binary-length": Code(
        "The length of a binary value is not a multiple of the value size", "complete values", "PS3.5 6.2"
    ),
    "ae-length": Code("An Application Entity title is too long", "at most 16 characters", "PS3.5 6.2"),
    "ae-repertoire": Code(
        "An Application Entity title has a character outside the default repertoire",
        "printable ASCII without backslash",
        "PS3.5 6.2",
    ),
    "ae-blank": Code(
        "An Application Entity title consists of spaces only", "a title that is not blank", "PS3.5 6.2"
    ),
    "as-grammar": Code(
        "An Age String is not three digits and a unit", "nnnD, nnnW, nnnM or nnnY", "PS3.5 6.2"
    ),
    "cs-length": Code("A Code String is too long", "at most 16 characters", "PS3.5 6.2"),
    "cs-repertoire": Code(
        "A Code String has a character that is not allowed",
        "only A-Z, 0-9, SPACE and underscore",
        "PS3.5 6.2",
    ),
    "da-grammar": Code("A Date is not eight digits", "YYYYMMDD", "PS3.5 6.2"),
    "da-range": Code(
        "A Date does not exist in the calendar", "a date of the Gregorian calendar", "PS3.5 6.2"
    ),
    "da-legacy-dots": Code("A Date is written with dots (ACR-NEMA)", "YYYYMMDD", "PS3.5 6.2"),
    "tm-grammar": Code("A Time has an invalid format", "HH[MM[SS[.F to .FFFFFF]]]", "PS3.5 6.2"),
    "tm-range": Code(
        "A Time does not exist",
        "hours 00-23, minutes 00-59, seconds 00-60",
        "PS3.5 6.2",
    ),
    "tm-legacy-colons": Code(
        "A Time is written with colons (ACR-NEMA)", "HH[MM[SS[.F to .FFFFFF]]]", "PS3.5 6.2"
    ),
    "tm-length": Code("A Time is too long", "at most 14 bytes", "PS3.5 6.2"),
    "dt-grammar": Code(
        "A Date Time has an invalid format",
        "YYYY[MM[DD[HH[MM[SS[.F to .FFFFFF]]]]]][&ZZXX]",
        "PS3.5 6.2",
    ),
    "dt-range": Code(
        "A Date Time does not exist",
        "a date of the Gregorian calendar, hours 00-23, minutes 00-59, seconds 00-60",
        "PS3.5 6.2",
    ),
    "dt-offset-range": Code(
        "The UTC offset of a Date Time is invalid",
        "four digits from -1200 to +1400, not -0000",
        "PS3.5 6.2",
    ),
    "dt-length": Code("A Date Time is too long", "at most 26 bytes", "PS3.5 6.2"),
    "ds-length": Code("A Decimal String is too long", "at most 16 characters", "PS3.5 6.2"),
    "ds-grammar": Code(
        "A Decimal String is not a fixed or floating point number",
        "digits with optional sign, point and exponent",
        "PS3.5 6.2",
    ),
    "is-length": Code("An Integer String is too long", "at most 12 characters", "PS3.5 6.2"),
    "is-grammar": Code("An Integer String is not an integer", "digits with an optional sign", "PS3.5 6.2"),
    "is-range": Code("An Integer String is out of range", "-2147483648 to 2147483647", "PS3.5 6.2"),
    "ui-grammar": Code(
        "A UID is not numbers joined by periods", "at least two numbers joined by single periods", "PS3.5 9.1"
    ),
    "ui-length": Code("A UID is too long", "at most 64 characters", "PS3.5 9.1"),
    "ui-leading-zero": Code(
        "A component of a UID begins with zero", "components without leading zeros", "PS3.5 9.1"
    ),
    "ui-root": Code(
        "The first two components of a UID are invalid",
        "first component 0, 1 or 2; second below 40 under 0 and 1",
        "PS3.5 9.1",
    ),
    "ui-2.25-range": Code(
        "A UID under 2.25 is not derived from a UUID", "2.25. and a number below 2^128", "PS3.5 B.2"
    ),
    "ui-padding": Code(
        "A UID is not padded with a single NUL", "at most one trailing NUL, no SPACE", "PS3.5 9.1"
    ),
    "lo-length": Code("A Long String is too long", "at most 64 characters", "PS3.5 6.2"),
    "sh-length": Code("A Short String is too long", "at most 16 characters", "PS3.5 6.2"),
    "st-length": Code("A Short Text is too long", "at most 1024 characters", "PS3.5 6.2"),
    "lt-length": Code("A Long Text is too long", "at most 10240 characters", "PS3.5 6.2"),
    "pn-length": Code(
        "A component group of a Person Name is too long",
        "at most 64 characters in a component group",
        "PS3.5 6.2",
    ),
    "pn-groups": Code(
        "A Person Name has too many component groups", "at most three groups joined by =", "PS3.5 6.2.1"
    ),
    "pn-components": Code(
        "A component group of a Person Name has too many components",
        "at most five components joined by ^",
        "PS3.5 6.2.1",
    ),
    "ur-grammar": Code(
        "A URI has invalid characters or escapes",
        "one URI, other characters percent-encoded",
        "PS3.5 6.2",
    ),
    "control-characters": Code("A string has control characters", "no control characters", "PS3.5 6.1.3"),
    "text-control-characters": Code(
        "A text has control characters other than TAB, LF, FF and CR",
        "no control characters but TAB, LF, FF and CR",
        "PS3.5 6.1.3",
    ),
    "character-repertoire": Code(
        "A text has bytes above 127 without a declared character set",
        "ASCII, or a Specific Character Set that has the characters",
        "PS3.5 6.1.2.2",
    ),
    "undecodable-text": Code(
        "A text is not encoded in the declared character set",
        "text in the declared character set",
        "PS3.5 6.1.2.3",
    ),
    "mislabelled-utf-8": Code(
        "A text declared as Latin-1 or Latin-5 is valid UTF-8",
        "ISO_IR 192, or text in the declared character set",
        "PS3.5 6.1.2.3",
    ),
    "undeclared-escape": Code(
        "A text has an escape sequence of an undeclared character set",
        "escape sequences of the declared character sets only",
        "PS3.5 6.1.2.4",
    ),
    "undesignated-text": Code(
        "A text has bytes above 127 without a designated character set",
        "an escape sequence before the text, again after each delimiter",
        "PS3.5 6.1.2.5.3",
    ),
    "escape-not-reset": Code(
        "Value 1 of the character sets is not active again before a delimiter or the end",
        "an escape sequence back to value 1 before each delimiter and at the end",
        "PS3.5 6.1.2.5.3",
    ),
}


class Problems:
    """Problems of one value field, each code once: a field of many bad values stays small."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[int, str, str]] = {}
        self._count: dict[str, int] = {}

    def add(self, code: str, number: int, detail: str, want: str = "") -> None:
        """Note that value ``number`` (0: the field) has a problem; ``detail`` continues "value 1 …"."""
        if code in self._first:
            self._count[code] += 1
        else:
            self._first[code] = (number, detail, want)
            self._count[code] = 1

    def problems(self) -> tuple[ValueProblem, ...]:
        """Give the problems in the order they were met, the number of repeats in the message."""
        found = []
        for code, (number, detail, want) in self._first.items():
            subject = f"value {number}" if number else "the value"
            more = self._count[code] - 1
            tail = (
                f" (and {more} more {'value' if more == 1 else 'values'} with the same problem)"
                if more
                else ""
            )
            entry = VALUE_CODES[code]
            found.append(
                ValueProblem(
                    code=code,
                    number=number,
                    message=f"{subject} {detail}{tail}",
                    want=want or entry.want,
                    clause=entry.clause,
                )
            )
        return tuple(found)


def split_values(body: AnyStr) -> Iterator[AnyStr]:
    """Give the values between backslashes one by one, without a list of what may be very many."""
    backslash = b"\\" if isinstance(body, bytes) else "\\"
    start = 0
    while (end := body.find(backslash, start)) >= 0:
        yield body[start:end]
        start = end + 1
    yield body[start:] if start else body


# "9" for a digit, "A" and "a" for letters, "?" for what is not printable ASCII.
_SHAPE = bytes(
    ord("9") if 0x30 <= b <= 0x39
    else ord("A") if 0x41 <= b <= 0x5A
    else ord("a") if 0x61 <= b <= 0x7A
    else b if 0x20 <= b <= 0x7E
    else ord("?")
    for b in range(256)
)  # fmt: skip
_SHAPE_LENGTH = 32


def shape(value: bytes) -> str:
    """Give the shape of a value without its letters and digits: ``9999-99-99``."""
    text = value[:_SHAPE_LENGTH].translate(_SHAPE).decode("ascii")
    return text + "..." if len(value) > _SHAPE_LENGTH else text
