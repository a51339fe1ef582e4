"""Facts that examples give directly: associations have no data set, and some facts are tedious to bring about."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any

import msgspec

from dcmlint.errors import RuleError, did_you_mean
from dcmlint.expr import UNKNOWN
from dcmlint.facts.registry import groups
from dcmlint.rules.model import RuleSource
from dcmlint.rules.yaml_source import Tagged


def example_facts(source: RuleSource, number: int) -> dict[str, Any]:
    """The groups of facts that example ``number`` (0-based) of a rule gives.

    Raises RuleError with file, line and column for a group, field or value that makes no sense.
    """
    made: dict[str, Any] = {}
    known = groups() if source.rule.examples[number].facts else {}
    for name, value in source.rule.examples[number].facts.items():
        place = source.marks.get(f"$.examples[{number}].facts.{name}", (0, 0))
        group = known.get(name)
        if group is None:
            raise RuleError(
                f"{name!r} is not a group of facts",
                source.file,
                *place,
                did_you_mean(name, known, f"known: {', '.join(known)}"),
            )
        try:
            made[name] = None if _is(value, "absent") else fact_value(group.struct, value)
        except (TypeError, ValueError) as problem:
            raise RuleError(f"{name}: {problem}", source.file, *place) from None
    return made


def fact_value(hint: Any, value: Any, where: str = "") -> Any:
    """A value of a rule file as a fact of type ``hint``; fields that are not given are empty.

    ``!unknown`` is what cannot be known, ``!absent`` nothing.  Raises ValueError with the field.
    """
    if _is(value, "unknown"):
        return UNKNOWN
    if _is(value, "absent"):
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _first_that_fits(
            [part for part in typing.get_args(hint) if part is not type(None)], value, where
        )
    if origin is typing.Literal:
        if value not in typing.get_args(hint):
            raise ValueError(f"{where}: {value!r} is none of {', '.join(map(str, typing.get_args(hint)))}")
        return value
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, value, where)
    if hint is bool:
        if value not in ("true", "false"):
            raise ValueError(f"{where}: true or false, not {value!r}")
        return value == "true"
    if hint in (int, float):
        try:
            return hint(value)
        except (TypeError, ValueError):
            raise ValueError(f"{where}: {value!r} is not a number") from None
    if origin is dict:
        kind = typing.get_args(hint)[1]
        return {key: fact_value(kind, one, f"{where}.{key}") for key, one in dict(value).items()}
    if isinstance(value, list):
        arguments = typing.get_args(hint)
        made = [
            fact_value(arguments[0] if arguments else str, one, f"{where}[{i}]")
            for i, one in enumerate(value)
        ]
        return frozenset(made) if origin in (frozenset, set) else made if origin is list else tuple(made)
    return value


def _first_that_fits(parts: Sequence[Any], value: Any, where: str) -> Any:
    problem: Exception | None = None
    for part in parts:
        try:
            return fact_value(part, value, where)
        except (TypeError, ValueError) as mistake:
            problem = problem or mistake
    raise ValueError(str(problem) if problem else f"{where}: {value!r} does not fit")


def _struct(kind: type[msgspec.Struct], value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: a mapping is expected")
    hints = typing.get_type_hints(kind)
    made: dict[str, Any] = {}
    known = {field.name for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in known:
            raise ValueError(f"{where or kind.__name__}: no field {name!r}")
    for field in msgspec.structs.fields(kind):
        place = f"{where}.{field.name}".lstrip(".")
        if field.name in value:
            made[field.name] = fact_value(hints[field.name], value[field.name], place)
        elif field.required:
            made[field.name] = _nothing(hints[field.name], place)
    return kind(**made)


def _nothing(hint: Any, where: str) -> Any:
    """What a required field holds that an example does not give."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType) and type(None) in typing.get_args(hint):
        return None
    if origin in (tuple, list, frozenset, set) or getattr(origin, "__name__", "") == "Sequence":
        return ()
    if hint in (str, int, float, bool):
        return hint()
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, {}, where)
    raise ValueError(f"{where} must be given")


def _is(value: Any, tag: str) -> bool:
    return isinstance(value, Tagged) and value.tag == tag
