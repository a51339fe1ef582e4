"""From a failure of a rule to the edits that repair it.

A rule's ``repairs`` are declarative operations on the element of a finding; what they cannot say is a function
that is registered here.  Nothing is invented: a repair whose value nothing in the data proves is `Refused`.
"""

from __future__ import annotations

import inspect
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Edit, Recode, Remove, Rename, SetValue
from dcmlint.dicom.encode import written_vr
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.value_fields import field_of
from dcmlint.errors import RuleError
from dcmlint.expr import Expression, SourceRef, compile_expression
from dcmlint.facts.registry import Facts
from dcmlint.findings.problem import Problem
from dcmlint.plugins import plugins
from dcmlint.rules.compile import compiled
from dcmlint.rules.load import builtin_rules
from dcmlint.rules.model import Repair, Rule, RuleSource
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import DatasetScope


class Refused(Exception):
    """What a repair would need is not in the data, or cannot be written; the message says what."""


class RepairContext(msgspec.Struct, frozen=True):
    """What a repair sees of an instance.

    ``known``: what repairs of one instance remember for one another, by name and `id` of a level, which lives as long.
    """

    instance: Instance
    facts: Facts
    known: dict[tuple[str, int], bool] = {}


class Failed(msgspec.Struct, frozen=True):
    """One place where a rule failed: the problem, its level and tag (0: the level itself), and the level for which
    an expression was evaluated."""

    problem: Problem
    level: Dataset
    tag: int
    scope: Dataset


RepairFunction = Callable[..., Iterable[Edit]]
_FUNCTIONS: dict[str, RepairFunction] = {}
Registered = TypeVar("Registered")


def repair_function(name: str) -> Callable[[RepairFunction], RepairFunction]:
    """Register a function under the name that ``repairs`` use.

    It takes a `RepairContext`, a `Failed` and the parameters, and gives edits; it raises `Refused`.
    """

    return _registering(_FUNCTIONS, name)


def _registering(known: dict[str, Any], name: str) -> Callable[[Registered], Registered]:
    def register(made: Registered) -> Registered:
        if name in known:
            raise RuleError(f"the repair {name!r} is registered twice")
        known[name] = made
        return made

    return register


class SetRepair(Protocol):
    """What repairs a finding about several files: it sees all of them before one is changed."""

    def add(self, instance: Instance, path: str) -> None:
        """Take in a file."""
        ...

    def renamed(self) -> Mapping[str, Mapping[str, str]]:
        """For each path with something to change: new UIDs by old ones, of that file alone."""
        ...


AnySetRepair = TypeVar("AnySetRepair", bound=type[SetRepair])
_SET_REPAIRS: dict[str, type[SetRepair]] = {}


def set_repair(name: str) -> Callable[[AnySetRepair], AnySetRepair]:
    """Register a class for repairs of rules about slides and series, under the name that ``function`` has there."""
    return _registering(_SET_REPAIRS, name)


@cache
def _load() -> None:
    import dcmlint.rules.repair_functions  # noqa: F401 - registers

    for _ in plugins("dcmlint.repairs"):
        pass


def repair_functions() -> Mapping[str, RepairFunction]:
    """All registered functions by name."""
    _load()
    return _FUNCTIONS


class CompiledRepair:
    """A repair with its expression compiled and its function found; ``of_set``: where its rule is about several files."""

    __slots__ = ("function", "of_set", "repair", "set_", "source")

    def __init__(self, source: RuleSource, number: int) -> None:
        repair = self.repair = source.rule.repairs[number]
        self.source = source
        self.set_: Expression | None = None
        self.function: RepairFunction | None = None
        self.of_set: type[SetRepair] | None = None
        place = source.marks.get(f"$.repairs[{number}]", (0, 0))
        if repair.set_:
            known = dict(compiled(source).lets)
            where = SourceRef(source.file, *source.marks.get(f"$.repairs[{number}].set", place))
            self.set_ = compile_expression(repair.set_, RULE_NAMES, where, known)
        if repair.rename and standard.load().dictionary.by_keyword(repair.rename) is None:
            raise RuleError(f"{repair.rename!r} is not a keyword of the data dictionary", source.file, *place)
        if source.rule.scope in ("slide", "series"):
            _load()
            self.of_set = _SET_REPAIRS.get(repair.function)
            if self.of_set is None:
                known_names = f"known: {', '.join(sorted(_SET_REPAIRS))}"
                wrong = f"no repair of several files is registered as {repair.function!r}"
                raise RuleError(wrong, source.file, *place, known_names)
        elif repair.function:
            self.function = repair_functions().get(repair.function)
            if self.function is None:
                known_names = f"known: {', '.join(sorted(repair_functions()))}"
                raise RuleError(
                    f"no repair is registered as {repair.function!r}", source.file, *place, known_names
                )
            try:
                inspect.signature(self.function).bind(None, None, **repair.parameters)
            except TypeError as problem:
                raise RuleError(f"the repair {repair.function}: {problem}", source.file, *place) from None

    def edits(self, context: RepairContext, failed: Failed) -> Iterator[Edit]:
        """The edits that repair one place.  Raises `Refused`."""
        repair, level, tag = self.repair, failed.level, failed.tag
        if self.function is not None:
            yield from self.function(context, failed, **repair.parameters)
        elif self.set_ is not None:
            yield self._set(context, failed)
        elif repair.rename:
            entry = standard.load().dictionary.by_keyword(repair.rename)
            assert entry is not None
            if entry.tag in level:
                raise Refused(f"{repair.rename} already exists")
            if tag in level:
                yield Rename(level=level, tag=tag, to=entry.tag)
        elif repair.remove:
            if tag in level:
                yield Remove(level=level, tag=tag)
        elif not tag or tag in level:
            yield Recode(level=level, tag=tag)

    def _set(self, context: RepairContext, failed: Failed) -> Edit:
        assert self.set_ is not None
        if not failed.tag:
            raise Refused("nothing says which attribute")
        scope = DatasetScope(failed.scope, context.facts, context.instance.meta)
        lets: dict[str, object] = {}
        for name, let in compiled(self.source).lets:
            lets[name] = let(scope, lets)
        value = self.set_(scope, lets)
        values: tuple[Any, ...] = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if not values or not all(isinstance(one, (str, int, float)) for one in values):
            raise Refused("the value cannot be computed from the file")
        return set_values(failed.level, failed.tag, values)


def set_values(level: Dataset, tag: int, values: tuple[Any, ...]) -> SetValue:
    """The edit that gives an element these values, in the VR that it has or that the dictionary gives it.

    Raises `Refused` where the VR cannot hold them.
    """
    element = level.get(tag)
    vr = level.value_representation(element) if element is not None else written_vr(tag)
    try:
        return SetValue(level=level, tag=tag, vr=vr, parts=(field_of(level, vr, values),))
    except (struct.error, ValueError, OverflowError):
        raise Refused(f"the value does not fit VR {vr}") from None


def compiled_repairs(source: RuleSource) -> tuple[CompiledRepair, ...]:
    """The repairs of a rule that do something, made when first asked for.  Raises RuleError with its place."""
    found: tuple[CompiledRepair, ...] | None = source.__dict__.get("repairs")
    if found is None:
        found = source.__dict__["repairs"] = tuple(
            CompiledRepair(source, number)
            for number, repair in enumerate(source.rule.repairs)
            if repair.safety != "never"
        )
    return found


def repairs_for(source: RuleSource, check: str) -> tuple[CompiledRepair, ...]:
    """What repairs a problem of a rule: its own repairs, else those of the general rule for the check."""
    own = compiled_repairs(source)
    if not source.rule.repairs and check:
        general = _general().get(check)
        own = compiled_repairs(general) if general is not None else ()
    return tuple(one for one in own if not one.repair.check or check in one.repair.check)


def has_repairs(source: RuleSource, check: str) -> bool:
    """Whether `repairs_for` has anything to look at: nothing is compiled."""
    return bool(source.rule.repairs) or check in _general()


def may_be_safe(rule: Rule) -> bool:
    """Whether any finding of a rule can have a safe repair: its own, or that of a generic check that it explains."""
    general = (_general().get(code) for code in rule.check)
    repairs = (*rule.repairs, *(repair for one in general if one is not None for repair in one.rule.repairs))
    return any(repair.safety == "safe" for repair in repairs)


@cache
def _general() -> dict[str, RuleSource]:
    """The built-in rule with repairs that speaks of a generic check wherever it fails."""
    return {
        code: source
        for source in builtin_rules()
        if source.rule.kind == "table" and source.rule.repairs and not source.rule.attributes
        for code in source.rule.check
    }


def never(rule: Rule, check: str = "") -> Iterator[Repair]:
    """The reasons why no program may repair findings of a rule."""
    for repair in rule.repairs:
        if repair.safety == "never" and (not repair.check or not check or check in repair.check):
            yield repair
