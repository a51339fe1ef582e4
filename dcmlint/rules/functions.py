"""Rules that are Python functions: for what holds state or walks bytes.

A function takes a `RuleContext` and the parameters of its rule, and gives `Problem`s; it raises
`NotApplicable` or `Undecided` where the rule cannot be held against the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.errors import RuleError
from dcmlint.facts.registry import Facts
from dcmlint.findings.problem import Problem


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
_FUNCTIONS: dict[str, RuleFunction] = {}


def rule_function(name: str) -> Callable[[RuleFunction], RuleFunction]:
    """Register a function under the name that rule files use."""

    def register(function: RuleFunction) -> RuleFunction:
        if name in _FUNCTIONS:
            raise RuleError(f"the function {name!r} is registered twice")
        _FUNCTIONS[name] = function
        return function

    return register


@cache
def _load() -> None:
    from importlib.metadata import entry_points

    import dcmlint.rules.builtin_functions  # noqa: F401 - registers

    for entry in entry_points(group="dcmlint.rules"):
        entry.load()


def function_named(name: str) -> RuleFunction | None:
    """The registered function, or None."""
    _load()
    return _FUNCTIONS.get(name)


def function_names() -> Iterable[str]:
    """All registered names."""
    _load()
    return sorted(_FUNCTIONS)


__all__ = [
    "NotApplicable",
    "Problem",
    "RuleContext",
    "RuleFunction",
    "Undecided",
    "function_named",
    "function_names",
    "rule_function",
]
