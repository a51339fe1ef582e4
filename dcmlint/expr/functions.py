"""The functions of the language: their registry, and the ones that every rule has.

A function gets plain values only: an argument that is absent, empty, missing or unknown has answered the
call before it is made, and so has one that is not of its parameter's type.  ArithmeticError and ValueError
from a function mean that it has no value for these arguments: the result is *missing*.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from dcmlint.errors import RuleError
from dcmlint.expr.three_valued import MAX_INTEGER, MAX_TEXT
from dcmlint.expr.types import ANY, BOOL, NUMBER, SAME, TEXT, Type, list_of

# Written like functions, but the compiler has to see their arguments as they are written.
FORMS: Final[Mapping[str, str]] = {
    "has": "True if the attribute, value, fact or item is there, even if it is empty.",
    "empty": "True if it is absent, of zero length, or all of its values are empty.",
    "value": "Value n of an attribute or a list, counted from 1; absent beyond the last one.",
    "values": "All values as a list, also if there is only one.",
    "size": "Characters of a text, values of an attribute whose VM may exceed 1, elements of a list, "
    "items of a sequence; 0 if present but empty.",
    "matches": "True if the pattern, a text in the rule, is found in the text. Anchor it with ^ and $. "
    "Of a text of more than 256 characters only the beginning is searched; "
    "what that cannot settle is unknown.",
    "tag": "The attribute with that tag, for what has no keyword; compared with a tag, the tag itself.",
    "tag_of": "The tag of a keyword, to compare with an attribute whose values are tags (VR AT).",
    "unknown": "A condition that no file can show, with the reason.",
}
_RESERVED = frozenset((*FORMS, "root", "up", "file", "true", "false", "null", "in", "and", "or", "not"))
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class FunctionSignature(msgspec.Struct, frozen=True):
    """A function: its name, types, the Python function that it calls, and its documentation.

    ``variadic``: the last parameter may be given any number of times, at least once.
    """

    name: str
    parameters: tuple[Type, ...]
    result: Type
    call: Callable[..., object]
    doc: str
    variadic: bool = False


_FUNCTIONS: dict[str, tuple[FunctionSignature, ...]] = {}
_F = TypeVar("_F", bound=Callable[..., object])


def function(
    name: str, parameters: tuple[Type, ...], result: Type, *, variadic: bool = False
) -> Callable[[_F], _F]:
    """Register the decorated function under a name; its docstring is its documentation.

    A name may have several signatures; the first that fits a call is taken.  RuleError if the name is not
    snake_case, is a word of the language, has this signature already, or there is no docstring.
    """

    def register(call: _F) -> _F:
        doc = (call.__doc__ or "").strip()
        where = getattr(call, "__module__", "")
        known = _FUNCTIONS.get(name, ())
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise RuleError(f"{name!r} cannot name a function", where, hint="use a free snake_case name")
        if any(each.parameters == parameters for each in known):
            raise RuleError(f"the function {name} exists with these parameters", where, hint="rename it")
        if not doc:
            raise RuleError(f"the function {name} has no docstring", where, hint="say what it gives")
        _FUNCTIONS[name] = (*known, FunctionSignature(name, parameters, result, call, doc, variadic))
        return call

    return register


def signatures(name: str) -> tuple[FunctionSignature, ...]:
    """The signatures of a function; none if there is no such function."""
    return _FUNCTIONS.get(name, ())


def functions() -> Mapping[str, tuple[FunctionSignature, ...]]:
    """All registered functions by name."""
    return dict(sorted(_FUNCTIONS.items()))


_INTEGER = re.compile(r" *[+-]?[0-9]{1,300} *")
_DECIMAL = re.compile(r" *[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[Ee][+-]?[0-9]{1,4})? *")
_NUMBERS = list_of(NUMBER)
_TEXTS = list_of(TEXT)


@function("abs", (NUMBER,), NUMBER)
def _abs(number: float) -> float:
    """The number without its sign."""
    return abs(number)


@function("ceil", (NUMBER,), NUMBER)
def _ceil(number: float) -> int:
    """The smallest integer that is not less."""
    return math.ceil(number)


@function("floor", (NUMBER,), NUMBER)
def _floor(number: float) -> int:
    """The largest integer that is not greater."""
    return math.floor(number)


@function("round", (NUMBER,), NUMBER)
def _round(number: float) -> int:
    """The nearest integer; halves go away from zero."""
    if isinstance(number, int):
        return number
    whole = math.floor(abs(number))
    nearest = whole + (abs(number) - whole >= 0.5)
    return -nearest if number < 0 else nearest


@function("round", (NUMBER, NUMBER), NUMBER)
def _round_to(number: float, digits: float) -> float:
    """The nearest number with so many digits after the point; halves go away from zero."""
    if not 0 <= digits <= 15 or digits != int(digits):
        raise ValueError(digits)
    scale = 10.0 ** int(digits)
    return _round(float(number) * scale) / scale


@function("min", (_NUMBERS,), NUMBER)
def _min(numbers: list[float]) -> float:
    """The smallest of a list of numbers."""
    return min(numbers)


@function("min", (_TEXTS,), TEXT)
def _min_text(texts: list[str]) -> str:
    """The first of a list of texts in the order of characters (the earliest date)."""
    return min(texts)


@function("min", (NUMBER,), NUMBER, variadic=True)
def _min_of(*numbers: float) -> float:
    """The smallest of the numbers given."""
    return min(numbers)


@function("max", (_NUMBERS,), NUMBER)
def _max(numbers: list[float]) -> float:
    """The largest of a list of numbers."""
    return max(numbers)


@function("max", (_TEXTS,), TEXT)
def _max_text(texts: list[str]) -> str:
    """The last of a list of texts in the order of characters (the latest date)."""
    return max(texts)


@function("max", (NUMBER,), NUMBER, variadic=True)
def _max_of(*numbers: float) -> float:
    """The largest of the numbers given."""
    return max(numbers)


@function("sum", (_NUMBERS,), NUMBER)
def _sum(numbers: list[float]) -> float:
    """The sum of a list of numbers; 0 for an empty list."""
    total = sum(numbers)
    if abs(total) > MAX_INTEGER and isinstance(total, int):
        raise OverflowError
    return total


@function("log2", (NUMBER,), NUMBER)
def _log2(number: float) -> float:
    """The logarithm to the base 2."""
    return math.log2(number)


@function("sqrt", (NUMBER,), NUMBER)
def _sqrt(number: float) -> float:
    """The square root."""
    return math.sqrt(number)


@function("int", (NUMBER,), NUMBER)
def _int(number: float) -> int:
    """The integer part of a number."""
    return int(number)


@function("int", (TEXT,), NUMBER)
def _int_of_text(text: str) -> int:
    """The integer that a text writes."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    number = int(text)
    if abs(number) > MAX_INTEGER:
        raise OverflowError
    return number


@function("real", (NUMBER,), NUMBER)
def _real(number: float) -> float:
    """The number itself."""
    return float(number)


@function("real", (TEXT,), NUMBER)
def _real_of_text(text: str) -> float:
    """The number that a text writes."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    number = float(text)
    if math.isinf(number):
        raise OverflowError
    return number


@function("is_number", (ANY,), BOOL)
def _is_number(value: object) -> bool:
    """True if the value is a number, or a text that writes one."""
    if isinstance(value, str):
        return _DECIMAL.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@function("string", (ANY,), TEXT)
def _string(value: object) -> str:
    """A number, or true or false, as text; integers have no decimal point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError


@function("lower", (TEXT,), TEXT)
def _lower(text: str) -> str:
    """The text in small letters."""
    return text.lower()


@function("upper", (TEXT,), TEXT)
def _upper(text: str) -> str:
    """The text in capital letters."""
    return text.upper()


@function("strip", (TEXT,), TEXT)
def _strip(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip()


@function("starts_with", (TEXT, TEXT), BOOL)
def _starts_with(text: str, start: str) -> bool:
    """True if the first text begins with the second."""
    return text.startswith(start)


@function("ends_with", (TEXT, TEXT), BOOL)
def _ends_with(text: str, end: str) -> bool:
    """True if the first text ends with the second."""
    return text.endswith(end)


@function("contains", (TEXT, TEXT), BOOL)
def _contains(text: str, part: str) -> bool:
    """True if the second text stands within the first."""
    return part in text


@function("join", (_TEXTS, TEXT), TEXT)
def _join(texts: list[str], between: str) -> str:
    """The texts of a list with a text between them."""
    if sum(map(len, texts)) + len(between) * len(texts) > MAX_TEXT:
        raise OverflowError
    return between.join(texts)


@function("split", (TEXT, TEXT), _TEXTS)
def _split(text: str, between: str) -> list[str]:
    """The parts of a text, cut wherever the second text stands."""
    return text.split(between)


@function("distinct", (list_of(ANY),), SAME)
def _distinct(values: list[Any]) -> list[Any]:
    """The list with each value once, where it first stands."""
    found: dict[object, Any] = {}
    for value in values:
        # True and 1 are two values; 1 and 1.0 are one.
        found.setdefault((isinstance(value, bool), _hashable(value)), value)
    return list(found.values())


@function("sorted", (_NUMBERS,), _NUMBERS)
def _sorted(numbers: list[float]) -> list[float]:
    """The numbers of a list from the smallest to the largest."""
    return sorted(numbers)


@function("sorted", (_TEXTS,), _TEXTS)
def _sorted_texts(texts: list[str]) -> list[str]:
    """The texts of a list in the order of characters."""
    return sorted(texts)


def _hashable(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return tuple(one if isinstance(one, (str, int, float)) else repr(one) for one in value)
    return value if isinstance(value, (str, int, float, bytes)) or value is None else id(value)
