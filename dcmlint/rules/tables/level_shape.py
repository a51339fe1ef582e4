"""What a level asks of data sets that have the same attributes: worked out once for each set of them."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.expr import ABSENT, UNKNOWN, Reading
from dcmlint.rules.scope import ANYTHING
from dcmlint.rules.tables.levels import Level, RowSpec

_MOST = 64  # sets of attributes that are kept for a level


class LevelShape:
    """What is asked of a data set with these attributes.

    ``lacking``: tags of type 1 that are not there, and those of type 2; ``filled``: tags that must have a value;
    ``conditional`` and ``gated``: rows whose conditions depend on values, or fail; ``valued``, ``sized``, ``tallied``,
    ``parents``: tags that are there and have listed values, a number of items, one that another attribute says, items of
    their own; ``strange``: tags of which no row
    speaks.
    """

    __slots__ = (
        "conditional",
        "filled",
        "gated",
        "lacking",
        "parents",
        "sized",
        "strange",
        "tallied",
        "valued",
    )

    def __init__(self, level: Level, present: frozenset[int], main: bool) -> None:
        self.lacking = (tuple(sorted(level.required - present)), tuple(sorted(level.present - present)))
        self.filled = tuple(sorted(level.filled & present))
        self.conditional = tuple(
            spec for spec in level.conditional if not _is_idle(spec, level, present, main)
        )
        self.gated = level.gated
        self.valued = tuple(tag for tag in sorted(present) if tag in level.valued)
        self.sized = tuple(tag for tag in sorted(present) if tag in level.sized)
        self.tallied = tuple(tag for tag in sorted(present) if tag in level.tallied)
        self.parents = tuple(tag for tag in sorted(present) if level.may_hold_items(tag))
        self.strange = (
            ()
            if level.open
            else tuple(
                tag for tag in sorted(present - level.known) if _in_a_module(tag) and not level.knows(tag)
            )
        )


def _is_idle(spec: RowSpec, level: Level, present: frozenset[int], main: bool) -> bool:
    """Whether a condition is about attributes that are not there, and false without them: most are."""
    return (
        spec.value_when_absent is False
        and spec.row.tag not in present
        and spec.when is not None
        and spec.when.attributes.isdisjoint(present)
        and (main or id(spec) in level.local)
    )


def _in_a_module(tag: int) -> bool:
    """Whether an attribute should be in a module: groups below 0008 are told by the reader, private ones belong to none."""
    return tag >= 0x00080000 and not (tag >> 16) & 1 and bool(tag & 0xFFFF)


def shape_of(level: Level, present: frozenset[int], main: bool, whole: bool) -> LevelShape:
    """What is asked of a data set with these attributes.

    ``main``: nothing encloses it; ``whole``: what is not there is absent, the data set being read to its end.  Which
    conditions the attributes alone decide is found out when a shape is met again: that costs as much as to evaluate them.
    """
    shapes = level.shapes
    key = present, main, whole
    found: tuple[LevelShape, bool] | None = shapes.get(key)
    if found is None:
        if len(shapes) >= _MOST:
            shapes.clear()
        shape = LevelShape(level, present, main)
        shapes[key] = shape, not whole
        return shape
    shape, planned = found
    if not planned:
        scope = _AnyValues(present, None if main else level.known)
        shape.conditional = tuple(_open_rows(shape.conditional, present, scope))
        shape.gated = tuple(
            spec for spec in shape.gated if all(gate(scope) is not False for gate in spec.gates)
        )
        shapes[key] = shape, True
    return shape


def _open_rows(rows: Iterable[RowSpec], present: frozenset[int], scope: _AnyValues) -> Iterable[RowSpec]:
    """The rows of type 1C and 2C that some data set with these attributes may fail, or leave undecided."""
    for spec in rows:
        assert spec.when is not None
        if spec.row.tag not in present:
            if spec.when(scope) is not False:
                yield spec
        elif spec.type == "1C" or (spec.otherwise == "not" and spec.when(scope) is not True):
            yield spec


class _AnyValues:
    """A level of which it is known which attributes it has; ``here``: those that are looked for nowhere else
    (None: it is the main data set, and nothing is around it)."""

    __slots__ = ("_here", "_present")

    def __init__(self, present: frozenset[int], here: frozenset[int] | None) -> None:
        self._present, self._here = present, here

    def attribute(self, tag: int) -> object:
        """UNKNOWN for what is there or may be around, ABSENT for what is not."""
        if tag not in self._present and (self._here is None or tag in self._here):
            return ABSENT
        return UNKNOWN

    def may_have(self, tag: int) -> bool:
        """Whether an attribute that is not here may stand around."""
        return tag not in self._present and self._here is not None and tag not in self._here

    def fact(self, name: str) -> object:
        """Of facts nothing is known."""
        return UNKNOWN

    def up(self, tag: int) -> object:
        """The attribute here or in an enclosing level."""
        return ABSENT if self._here is None and tag not in self._present else UNKNOWN

    @property
    def root(self) -> Reading:
        """The main data set: this one, or one of which nothing is known."""
        return self if self._here is None else ANYTHING

    @property
    def file(self) -> Reading:
        """Of the file meta group nothing is known."""
        return ANYTHING
