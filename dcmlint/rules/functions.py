"""Rules that are Python functions: for what holds state or walks bytes.

A function takes a `RuleContext` and the parameters of its rule, and gives `Problem`s; it raises
`NotApplicable` or `Undecided` where the rule cannot be held against the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.errors import RuleError
from dcmlint.facts.registry import Facts


class NotApplicable(Exception):
    """The rule does not apply to this instance or slide."""


class Undecided(Exception):
    """The rule cannot be decided; the message says what is missing."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a function's rule fails.

    ``level`` and ``tag`` say where, or ``path`` does (a DICOM path).  ``found`` is shown after redaction as a
    value of ``tag``; ``want``, ``because`` and ``message`` must hold no values that could identify anybody.
    ``items`` are the numbers of the frames or items concerned, put in place of ``[*]`` in ``path``; ``files``
    are the files of a slide that the problem is about, the worst first.
    """

    message: str = ""
    level: Dataset | None = None
    tag: int = 0
    path: str = ""
    found: object = None
    want: str = ""
    because: str = ""
    severity: str = ""
    offset: int = -1
    items: Any = ()
    files: tuple[str, ...] = ()


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
