"""What a rule gives for every instance of a shape, where the shape alone decides it.

The expression is evaluated on a data set in which each attribute that is there has a value that is not known. What the
three-valued logic decides all the same (``has(X) && X > 3`` without X) holds for every instance of the shape.
"""

from __future__ import annotations

from typing import Protocol

from dcmlint.dicom.path import parse_path
from dcmlint.expr import ABSENT, UNKNOWN, Expression, Missing, Reading
from dcmlint.facts.registry import groups
from dcmlint.facts.shape import Shape
from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import shape_outcome
from dcmlint.rules.model import Rule
from dcmlint.rules.scope import ANYTHING

EVERY = "*"  # an `each` of all levels


class Held(Protocol):
    """What of a compiled rule decides its outcome."""

    rule: Rule

    @property
    def needs(self) -> frozenset[int]:
        """Attributes of which one must be there."""

    @property
    def lets(self) -> list[tuple[str, Expression]]:
        """The names that the rule gives to values."""

    @property
    def when(self) -> Expression | None:
        """When the rule applies."""

    @property
    def assertion(self) -> Expression | None:
        """What must hold."""


class ShapeScope:
    """A main data set of which only the shape is known.

    ``guessed``: whether something was asked that the shape does not tell.
    """

    __slots__ = ("_shape", "guessed")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.guessed = False

    def attribute(self, tag: int) -> object:
        """UNKNOWN for what is there, ABSENT for what is not."""
        if tag not in self._shape.present:
            return ABSENT
        self.guessed = True
        return UNKNOWN

    def may_have(self, tag: int) -> bool:
        """No: instances that end before their end have no shape."""
        return False

    def fact(self, name: str) -> object:
        """ABSENT where no instance of the shape has the group of facts."""
        group = groups().get(name.partition(".")[0])
        if group is not None and group.possible is not None and not group.possible(self._shape):
            return ABSENT
        self.guessed = True
        return UNKNOWN

    def up(self, tag: int) -> object:
        """The main data set is the outermost."""
        return self.attribute(tag)

    @property
    def root(self) -> ShapeScope:
        """The main data set."""
        return self

    @property
    def file(self) -> Reading:
        """Of the file meta group nothing is known."""
        self.guessed = True
        return ANYTHING


def outcome_for(compiled: Held, shape: Shape) -> OutcomeKind | None:
    """The outcome of a rule for every instance of a shape; None where it depends on more."""
    rule = compiled.rule
    if rule.applies.modality and shape.modality not in rule.applies.modality:
        return "not_applicable"
    if rule.each:
        return _of_items(compiled, shape)
    scope = ShapeScope(shape)
    lets: dict[str, object] = {}
    when = compiled.when
    applies: object = True if when is None or when.lets else when(scope)
    if applies is not False:
        for name, let in compiled.lets:
            lets[name] = let(scope, lets)
        if when is not None and when.lets:
            applies = when(scope, lets)
    if applies is False or (type(applies) is Missing and not scope.guessed):
        return "not_applicable"
    if compiled.assertion is None:
        outcome = shape_outcome(rule.function, shape, rule.parameters)
        return outcome if applies is True or outcome == "not_applicable" else None
    return "pass" if applies is True and compiled.assertion(scope, lets) is True else None


def _of_items(compiled: Held, shape: Shape) -> OutcomeKind | None:
    """Not applicable where there is no such item, or nothing that the rule asks for."""
    if compiled.needs and compiled.needs.isdisjoint(shape.anywhere):
        return "not_applicable"
    if compiled.rule.each == EVERY:
        return None
    there = all(step.tag in shape.anywhere for step in parse_path(compiled.rule.each))
    return None if there else "not_applicable"
