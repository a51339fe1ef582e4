"""Rules that are Python functions: for what holds state or walks bytes.

A function takes a `RuleContext` and the parameters of its rule, and gives `Problem`s; it raises
`NotApplicable` or `Undecided` where the rule cannot be held against the instance.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, get_type_hints

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.errors import RuleError
from dcmlint.facts.registry import Facts
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.findings.problem import Problem, attributes
from dcmlint.plugins import plugins


class NotApplicable(Exception):
    """The rule does not apply to this instance or slide."""


class Undecided(Exception):
    """The rule cannot be decided; the message says what is missing."""


class RuleContext(msgspec.Struct, frozen=True):
    """What a rule's function sees of an instance."""

    instance: Instance
    facts: Facts

    @property
    def dataset(self) -> Dataset:
        """The main data set."""
        return self.instance.dataset


RuleFunction = Callable[..., Iterable[Problem]]
ShapeOutcome = Callable[[Shape, Mapping[str, Any]], "OutcomeKind | None"]
_FUNCTIONS: dict[str, RuleFunction] = {}
_BY_SHAPE: dict[str, ShapeOutcome] = {}


def rule_function(name: str, by_shape: ShapeOutcome | None = None) -> Callable[[RuleFunction], RuleFunction]:
    """Register a function under the name that rule files use.

    ``by_shape``: takes a shape and the parameters of the rule, and gives the outcome that the function has for every
    instance of the shape, or None where that depends on more: what cannot fail is not begun.
    """

    def register(function: RuleFunction) -> RuleFunction:
        if name in _FUNCTIONS:
            raise RuleError(f"the function {name!r} is registered twice")
        _FUNCTIONS[name] = function
        if by_shape is not None:
            _BY_SHAPE[name] = by_shape
        return function

    return register


@cache
def _load() -> None:
    import dcmlint.rules.builtin_functions  # noqa: F401 - registers

    for _ in plugins("dcmlint.rules"):
        pass


def typed_parameters(function: RuleFunction, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a rule as its function takes them: the scalars of rule files are text.

    Raises ValueError with the one that is missing, unknown or of another type.
    """
    code = getattr(function, "__code__", None)
    if not given and code is not None and code.co_argcount - len(function.__defaults__ or ()) <= 1:
        return {}
    try:
        inspect.signature(function).bind(None, **given)
    except TypeError as problem:
        raise ValueError(str(problem)) from None
    kinds = get_type_hints(function)
    made = {}
    for name, value in given.items():
        try:
            made[name] = msgspec.convert(value, kinds.get(name, Any), strict=False)
        except msgspec.ValidationError as problem:
            raise ValueError(f"{name}: {problem}") from None
    return made


def function_named(name: str) -> RuleFunction | None:
    """The registered function, or None."""
    _load()
    return _FUNCTIONS.get(name)


def shape_outcome(name: str, shape: Shape, parameters: Mapping[str, Any]) -> OutcomeKind | None:
    """What a function gives for every instance of a shape; None where that depends on more."""
    _load()
    by_shape = _BY_SHAPE.get(name)
    return None if by_shape is None else by_shape(shape, parameters)


def applies_with(*tags: int) -> ShapeOutcome:
    """Of a function that does not apply without any of these attributes at some level."""
    return lambda shape, parameters: "not_applicable" if shape.anywhere.isdisjoint(tags) else None


def passes_without(*tags: int) -> ShapeOutcome:
    """Of a function that finds nothing without any of these attributes at some level."""
    return lambda shape, parameters: "pass" if shape.anywhere.isdisjoint(tags) else None


def function_names() -> Iterable[str]:
    """All registered names."""
    _load()
    return sorted(_FUNCTIONS)


__all__ = [
    "NotApplicable",
    "Problem",
    "attributes",
    "RuleContext",
    "RuleFunction",
    "Undecided",
    "applies_with",
    "function_named",
    "function_names",
    "passes_without",
    "rule_function",
    "shape_outcome",
]
