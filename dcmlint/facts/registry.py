"""Facts: named values derived from an instance, computed once and only when a rule asks.

A *group* of facts is a function that gives a frozen struct (or None where it does not apply); its fields are
the facts, `tiling.columns`.  A field that is None is absent; a field that is `UNKNOWN` cannot be known.
A struct's ``SOURCES`` (class variable) maps fields that repeat the text of attributes to their tags, so that
reports redact them.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from dcmlint.dicom.instance import Instance
from dcmlint.errors import RuleError
from dcmlint.expr import ABSENT, UNKNOWN, FactType
from dcmlint.expr.types import ANY, BOOL, NUMBER, TEXT, Type, list_of
from dcmlint.facts.shape import Shape
from dcmlint.findings.redact import ShowValues
from dcmlint.plugins import plugins

Compute = Callable[["Facts"], Any]
Possible = Callable[[Shape], bool]
Group = typing.TypeVar("Group")


class FactGroup(msgspec.Struct, frozen=True):
    """A group of facts: its name, what it means, the struct it gives, and how it is computed.

    ``possible``: False for a shape of which no instance has the group; None: nothing is known of that.
    """

    name: str
    doc: str
    struct: Any
    compute: Compute
    possible: Possible | None = None


_GROUPS: dict[str, FactGroup] = {}


def facts(name: str, struct: Any, possible: Possible | None = None) -> Callable[[Compute], Compute]:
    """Register a function as a group of facts; its docstring is the group's documentation.

    ``possible``: False for a shape of which every instance lacks the group, so that rules about it need not begin.
    """

    def register(compute: Compute) -> Compute:
        if name in _GROUPS:
            raise RuleError(f"the facts {name!r} are registered twice")
        _GROUPS[name] = FactGroup(name, (compute.__doc__ or "").strip(), struct, compute, possible)
        return compute

    return register


@cache
def _load() -> None:
    """Import the built-in facts, and those of installed packages."""
    import dcmlint.facts.builtin  # noqa: F401 - registers

    for _ in plugins("dcmlint.facts"):
        pass


def groups() -> dict[str, FactGroup]:
    """All registered groups by name."""
    _load()
    return _GROUPS


@cache
def _names_by_struct() -> dict[Any, str]:
    return {group.struct: group.name for group in groups().values()}


def fact_type(name: str) -> FactType | None:
    """The type of a fact ``group.field``, or None."""
    group_name, _, field = name.partition(".")
    group = groups().get(group_name)
    if group is None or not field:
        return None
    hints = _hints(group.struct)
    if field not in hints:
        return None
    sources = frozenset(getattr(group.struct, "SOURCES", {}).get(field, ()))
    return FactType(type=_type_of(hints[field]), doc=_field_doc(group.struct, field), sources=sources)


def fact_names() -> Iterable[str]:
    """All facts, as ``group.field``."""
    for group in groups().values():
        for field in _hints(group.struct):
            yield f"{group.name}.{field}"


@cache
def _hints(struct: Any) -> dict[str, Any]:
    # A property is a fact too: what follows from the fields.
    hints = typing.get_type_hints(struct)
    for kind in reversed(struct.__mro__):
        for name, member in vars(kind).items():
            if isinstance(member, property) and not name.startswith("_") and member.fget is not None:
                hints[name] = typing.get_type_hints(member.fget).get("return", Any)
    return {name: hint for name, hint in hints.items() if not name.startswith("_")}


def _field_doc(struct: Any, field: str) -> str:
    head = f"``{field}``:"
    lines = (line.strip() for line in (struct.__doc__ or "").splitlines())
    return next((line.removeprefix(head).strip() for line in lines if line.startswith(head)), "")


def _type_of(hint: Any) -> Type:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = {
            _type_of(part) for part in typing.get_args(hint) if part is not type(None) and not _sentinel(part)
        }
        return kinds.pop() if len(kinds) == 1 else ANY
    if hint is bool:
        return BOOL
    if hint in (int, float):
        return NUMBER
    if hint is str:
        return TEXT
    if origin in (tuple, list, frozenset, set, Sequence):
        return list_of(_type_of(typing.get_args(hint)[0]))
    return ANY


def _sentinel(part: Any) -> bool:
    return part in (type(ABSENT), type(UNKNOWN))


class Facts:
    """The facts of one instance, computed when first asked for."""

    __slots__ = ("_done", "_names", "instance", "options")

    def __init__(self, instance: Instance, options: FactOptions | None = None) -> None:
        self.instance = instance
        self.options = options or FactOptions()
        self._done: dict[str, Any] = {}
        self._names: dict[str, object] = {}

    def group(self, name: str) -> Any:
        """The struct of a group, or None where it does not apply to the instance."""
        if name not in self._done:
            # A group that asks for itself finds itself absent rather than recursing.
            self._done[name] = None
            self._done[name] = groups()[name].compute(self)
        return self._done[name]

    def of(self, kind: type[Group]) -> Group | None:
        """The group that gives this struct, or None where it does not apply to the instance."""
        found = self.group(_names_by_struct()[kind])
        return typing.cast("Group | None", found)

    def computed(self, name: str) -> Any:
        """The struct of a group that was already asked for; None where it was not, or does not apply."""
        return self._done.get(name)

    def give(self, name: str, value: Any) -> None:
        """Set a group from outside (examples, associations)."""
        self._done[name] = value

    def __call__(self, name: str) -> object:
        """The value of ``group.field``; ABSENT where there is none."""
        names = self._names
        if name in names:
            return names[name]
        group, _, field = name.partition(".")
        struct = self.group(group)
        value = getattr(struct, field, None) if struct is not None else None
        names[name] = result = ABSENT if value is None else value
        return result


class GivenFacts:
    """Facts that are given rather than computed: those of an association have no instance behind them."""

    __slots__ = ("_given",)

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def group(self, name: str) -> Any:
        """The struct of a group, or None when it was not given."""
        return self._given.get(name)

    def __call__(self, name: str) -> object:
        """The value of ``group.field``; ABSENT where there is none."""
        group, _, field = name.partition(".")
        value = getattr(self._given.get(group), field, None)
        return ABSENT if value is None else value


class FactOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How far facts go: which frames' code streams are looked at, whether a sample is decoded.

    ``show_values``: how values are shown that are kept of an instance for comparison with others.
    """

    frames: str = "auto"
    decode: bool = False
    seed: int = 0
    show_values: ShowValues = "safe"
