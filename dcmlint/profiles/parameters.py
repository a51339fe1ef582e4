"""Parameters of profiles: their values, and how they get into expressions, values and endpoints."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from dcmlint.dicom.path import parse_path
from dcmlint.errors import ProfileError, did_you_mean
from dcmlint.expr.patterns import MAX_SUBJECT, PatternError, safe_pattern
from dcmlint.profiles.model import Parameter

PREFIX = "DCMLINT_SET_"
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
# A string literal, which is left alone, or the name of a parameter.
_USE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\bparam\.(?P<name>[a-z][a-z0-9_]*)""")
_PLACEHOLDER = re.compile(r"\{param\.([a-z][a-z0-9_]*)\}")
_WHOLE = re.compile(r"param\.([a-z][a-z0-9_]*)(\?)?")


class ParameterValue(msgspec.Struct, frozen=True):
    """A parameter with its value (None: none); ``given``: not the default."""

    parameter: Parameter
    value: Any
    given: bool

    @property
    def assumed(self) -> bool:
        """Whether what differs from the value is a warning only."""
        return self.parameter.assumed and not self.given


Values = Mapping[str, ParameterValue]


class UnsetParameter(Exception):
    """A parameter without a value was asked for; the argument is its name."""


def parameter_values(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any]
) -> dict[str, ParameterValue]:
    """The value of each parameter.  Raises ProfileError for an unknown name or a value that does not fit."""
    for name in given:
        if name.lower() not in parameters:
            known = f"there are {', '.join(parameters)}" if parameters else "the profile has no parameters"
            raise ProfileError(f"there is no parameter {name!r}", hint=did_you_mean(name, parameters, known))
    lowered = {name.lower(): value for name, value in given.items()}
    result = {}
    for name, parameter in parameters.items():
        raw = lowered.get(name, parameter.default)
        result[name] = ParameterValue(parameter, _typed(name, parameter, raw), name in lowered)
    return result


def environment_parameters(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Parameters given by the environment: DCMLINT_SET_TILE_ROWS=256."""
    source = os.environ if environment is None else environment
    return {
        name.removeprefix(PREFIX).lower(): value for name, value in source.items() if name.startswith(PREFIX)
    }


def _typed(name: str, parameter: Parameter, raw: Any) -> Any:
    if raw is None or raw in ("", [], ()):
        return None

    def wrong(message: str, hint: str = "") -> ProfileError:
        return ProfileError(f"the parameter {name}: {message}", hint=hint)

    if parameter.type == "list":
        texts = raw if isinstance(raw, (list, tuple)) else str(raw).split(",")
        return tuple(str(text).strip() for text in texts if str(text).strip())
    if isinstance(raw, (list, tuple, dict)):
        raise wrong("one value is expected, not a list")
    text = str(raw).strip() if not isinstance(raw, bool) else "true" if raw else "false"
    if parameter.type == "boolean":
        if text.lower() not in _YES + _NO:
            raise wrong(f"{text!r} is neither true nor false")
        return text.lower() in _YES
    if parameter.type == "number":
        try:
            number = float(text)
        except ValueError:
            raise wrong(f"{text!r} is not a number") from None
        if number - number != 0:
            raise wrong(f"{text!r} is not a number")
        least, most = parameter.minimum, parameter.maximum
        if (least is not None and number < least) or (most is not None and number > most):
            raise wrong(f"{text} is not within {_bound(least)} to {_bound(most)}")
        if parameter.whole and not number.is_integer():
            raise wrong(f"{text} is not a whole number")
        return int(number) if number.is_integer() else number
    if parameter.type == "choice":
        found = next((choice for choice in parameter.choices if choice.lower() == text.lower()), None)
        if found is None:
            raise wrong(f"{text!r} is not one of {', '.join(parameter.choices)}")
        return found
    if parameter.type == "attribute":
        try:
            parse_path(text)
        except ValueError as problem:
            raise wrong(str(problem)) from None
        return text
    if parameter.type == "pattern":
        try:
            safe_pattern(str(raw))
        except PatternError as problem:
            raise wrong(f"{problem} (at character {problem.offset + 1})") from None
        return str(raw)
    if parameter.pattern and safe_pattern(parameter.pattern).search(str(raw)[:MAX_SUBJECT]) is None:
        raise wrong(f"{str(raw)!r} does not match {parameter.pattern}", parameter.help)
    return str(raw)


def _bound(number: float | None) -> str:
    return "any" if number is None else f"{number:g}"


def parameters_in(value: object) -> list[str]:
    """The names of the parameters that a part of a profile names, each once."""
    text = msgspec.json.encode(value).decode()
    return list(dict.fromkeys(re.findall(r"\bparam\.([a-z][a-z0-9_]*)", text)))


def used_parameters(text: str) -> list[str]:
    """The names of the parameters that an expression or a message names."""
    return [match["name"] for match in _USE.finditer(text) if match["name"]] + _PLACEHOLDER.findall(text)


def in_expression(text: str, values: Values) -> str:
    """An expression with literals in place of parameters.  Raises UnsetParameter or ProfileError."""

    def literal(match: re.Match[str]) -> str:
        name = match["name"]
        return match[0] if name is None else expression_literal(_value(name, values))

    return _USE.sub(literal, text)


def in_message(text: str, values: Values) -> str:
    """A message with the values of parameters in place of ``{param.name}``."""

    def shown(match: re.Match[str]) -> str:
        return text_of(_value(match[1], values).value).replace("{", "{{").replace("}", "}}")

    return in_expression(_PLACEHOLDER.sub(shown, text), values)


def in_text(text: str, values: Values) -> str:
    """A text that is a parameter's name as a whole, replaced by its value; any other text as it is.

    ``param.name?`` is empty without a value; ``param.name`` raises UnsetParameter.
    """
    match = _WHOLE.fullmatch(text)
    if match is None:
        return text
    try:
        return text_of(_value(match[1], values).value)
    except UnsetParameter:
        if match[2]:
            return ""
        raise


def in_list(words: str | tuple[str, ...], values: Values) -> tuple[str, ...]:
    """Words with the values of parameters in place of their names; lists are laid flat."""
    result: list[str] = []
    for word in as_list(words):
        match = _WHOLE.fullmatch(word)
        if match is None:
            result.append(word)
            continue
        try:
            value = _value(match[1], values).value
        except UnsetParameter:
            if match[2]:
                continue
            raise
        result += [text_of(one) for one in value] if isinstance(value, tuple) else [text_of(value)]
    return tuple(result)


def value_text(name: str, values: Values) -> str:
    """The value of a parameter as text; "" without one.  Raises ProfileError for a name that is none."""
    try:
        return text_of(_value(name, values).value)
    except UnsetParameter:
        return ""


def as_list(words: str | tuple[str, ...]) -> tuple[str, ...]:
    """Texts of which one may stand alone."""
    return ((words,) if words else ()) if isinstance(words, str) else words


def _value(name: str, values: Values) -> ParameterValue:
    found = values.get(name)
    if found is None:
        raise ProfileError(f"there is no parameter {name!r}", hint=did_you_mean(name, values))
    if found.value is None:
        raise UnsetParameter(name)
    return found


def expression_literal(value: ParameterValue) -> str:
    """The value as it stands in an expression: attributes as names."""
    if value.parameter.type == "attribute":
        return str(value.value)
    if isinstance(value.value, tuple):
        return "[" + ", ".join(json.dumps(one, ensure_ascii=False) for one in value.value) + "]"
    if isinstance(value.value, bool):
        return "true" if value.value else "false"
    return json.dumps(value.value, ensure_ascii=False)


def text_of(value: Any) -> str:
    """A value as messages and tables show it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
