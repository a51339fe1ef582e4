"""What the tables say about one level of a data set, merged and ready to be held against it.

A `Level` is made from the rows of all tables that speak about one data set (the main one, or the items of one
sequence); macros are expanded only here, only where an instance goes, and once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from itertools import chain
from typing import Any

from dcmlint import standard
from dcmlint.expr import Expression, compile_expression
from dcmlint.rules.names import TABLE_NAMES
from dcmlint.rules.scope import ConditionScope, value_when_absent
from dcmlint.standard import FUNCTIONAL_GROUPS, Include, Iod, Row, ValueSet
from dcmlint.standard.tags import (
    DirectoryRecordSequence,
    Modality,
    PerFrameFunctionalGroupsSequence,
    SharedFunctionalGroupsSequence,
)

ShapeKey = tuple[frozenset[int], bool, bool]  # attributes, main, whole


@standard.per_edition(20_000)
def condition(source: str) -> Expression:
    """The compiled condition of a row, a module or a functional group."""
    return compile_expression(source, TABLE_NAMES)


# Rows that say of themselves that their type replaces the one of another table: that of Modality in the SC Equipment
# module replaces General Series, but not Encapsulated Document Series (PS3.3 C.8.6.1).
_OVERRIDING = {("C.8-24", Modality): "C.7-5a"}


_Seen = tuple[str, tuple[str, ...]]


class RowSpec:
    """A row of a table, with its condition compiled.

    ``gates``: the conditions of the includes through which the row came; it speaks only when all hold.
    ``value_when_absent``: what the condition is where none of the attributes that it names is there; None: not known.
    """

    __slots__ = ("gates", "otherwise", "reviewed", "row", "table", "type", "value_when_absent", "when")

    def __init__(self, row: Row, table: str, gates: tuple[Expression, ...] = ()) -> None:
        self.gates = gates
        self.row, self.table, self.type = row, table, row.type
        self.when = condition(row.when) if row.conditional and row.when else None
        self.otherwise = row.otherwise
        self.reviewed = row.parsed_by == "reviewed"
        self.value_when_absent = value_when_absent(self.when, ConditionScope)


ListedValues = tuple[ValueSet, Expression | None, RowSpec]
"""Values that a row lists, the condition under which they hold, and the row."""


class Level:
    """The rows for one level.

    ``required``: tags of type 1 without condition; ``filled``: tags that must have a value where they are present,
    these and the sequences of functional groups; ``judged``: attributes whose values decide what is found here;
    ``several``: tags of type 1 or 1C whose number of values is fixed and more than one;
    ``weighed``: those of which it matters whether they have a value; ``present``: tags of type 2 that are not of type 1;
    ``rows``: all rows by tag; ``open``: any attribute may stand here; ``tallied``: rows of sequences of which another
    attribute says how many items they have; ``numbered``: rows of attributes that number the items of this level.
    """

    __slots__ = ("_children", "_holders", "conditional", "filled", "gated", "groups", "iod", "judged", "known", "local", "numbered", "open", "present",
                 "required", "rows", "settled", "several", "shapes", "sized", "tallied", "valued", "weighed")  # fmt: skip

    def __init__(
        self, parts: Iterable[tuple[str, Row | Include]], iod: Iod | None, groups: bool = False,
        known_only: Iterable[tuple[str, Row | Include]] = (),
    ) -> None:  # fmt: skip
        """``known_only``: rows whose attributes are known here, but not asked for."""
        self.iod, self.groups = iod, groups
        self.rows: dict[int, list[RowSpec]] = {}
        self.open = False
        self._children: dict[int, Level | None] = {}
        self._take(parts, set(), ())
        asked = {tag: len(specs) for tag, specs in self.rows.items()}
        self._take(known_only, set(), ())
        for tag, specs in self.rows.items():
            for spec in specs[asked.get(tag, 0) :]:
                spec.type = "3"
        gated: list[RowSpec] = []
        required: set[int] = set()
        filled: set[int] = set()
        present: set[int] = set()
        conditional: list[RowSpec] = []
        valued: dict[int, list[ListedValues]] = {}
        sized: dict[int, RowSpec] = {}
        self.tallied: dict[int, RowSpec] = {}
        numbered: dict[int, RowSpec] = {}
        for tag, specs in self.rows.items():
            overridden = {_OVERRIDING[spec.table, tag] for spec in specs if (spec.table, tag) in _OVERRIDING}
            if overridden:
                specs[:] = [spec for spec in specs if spec.table not in overridden]
            for spec in specs:
                repeating = spec.row.repeating
                if self.groups and spec.type in ("1", "1C"):
                    filled.add(tag)  # which groups there must be is for the IOD to say
                if not self.groups and not repeating:
                    if spec.gates:
                        gated.append(spec)
                    elif spec.type == "1":
                        required.add(tag)
                    elif spec.type == "2":
                        present.add(tag)
                    elif spec.type in ("1C", "2C") and spec.when is not None:
                        conditional.append(spec)
                    elif spec.type == "1C":
                        filled.add(tag)  # whatever its condition is
                if spec.row.count and not spec.gates:
                    self.tallied[tag] = spec
                if spec.row.numbering and not spec.gates:
                    numbered[tag] = spec
                for values in spec.row.values:
                    when = condition(values.when) if values.when is not None else None
                    valued.setdefault(tag, []).append((values, when, spec))
            counted = [spec for spec in specs if spec.row.items is not None]
            # Under conditions, a number of items holds where all that speak of it say the same.
            if counted and (
                any(not spec.gates for spec in counted) or len({spec.row.items for spec in counted}) == 1
            ):
                sized[tag] = next((spec for spec in reversed(counted) if not spec.gates), counted[0])
        self.required = frozenset(required)
        self.filled = frozenset(filled | required)
        self.present = frozenset(present - required)
        self.several = frozenset(
            tag
            for tag, specs in self.rows.items()
            if any(spec.type in ("1", "1C") for spec in specs) and _has_several(tag)
        )
        self.conditional = tuple(spec for spec in conditional if spec.row.tag not in required)
        self.gated = tuple(gated)
        self.valued, self.sized, self.numbered = valued, sized, tuple(numbered.values())
        # Values that were found to be among those listed, of attributes whose lists hold unconditionally.
        self.settled: dict[int, set[tuple[object, ...]]] = {
            tag: set()
            for tag, sets in valued.items()
            if not any(when is not None or spec.gates for _, when, spec in sets)
        }
        conditions: list[Expression] = []
        for spec in (*self.conditional, *self.gated):
            conditions += spec.gates if spec.when is None else (*spec.gates, spec.when)
        for sets in valued.values():
            for _, when, spec in sets:
                conditions += spec.gates if when is None else (*spec.gates, when)
        judged = frozenset(valued).union(*(one.attributes | one.sources for one in conditions))
        # Of a sequence matters what is in it, and that is named with it; items read together have the same structure.
        entry = standard.load().dictionary.entry
        self.judged = frozenset(tag for tag in judged if (known := entry(tag)) is None or known.vr != "SQ")
        self.weighed = self.filled.union(spec.row.tag for spec in (*self.conditional, *self.gated))
        self.known = frozenset(self.rows)
        self._holders = frozenset(
            tag for tag, specs in self.rows.items() if any(spec.row.rows for spec in specs)
        )
        # Conditions about attributes of this level alone, which nothing around it can answer.
        self.local = frozenset(
            id(spec)
            for spec in self.conditional
            if spec.when is not None and spec.when.attributes <= self.known
        )
        self.shapes: dict[ShapeKey, Any] = {}  # kept here by `level_shape.shape_of`

    def _take(
        self, parts: Iterable[tuple[str, Row | Include]], seen: set[_Seen], gates: tuple[Expression, ...]
    ) -> None:
        for table, part in parts:
            if isinstance(part, Row):
                self.rows.setdefault(part.tag, []).append(RowSpec(part, table, gates))
            elif part.table == FUNCTIONAL_GROUPS:
                self.groups = True
                if self.iod is not None:
                    for use in self.iod.functional_groups:
                        self._include(use.table, seen, gates)
            else:
                gate = condition(part.when) if part.when else None
                self._include(part.table, seen, gates if gate is None or gate in gates else (*gates, gate))

    def _include(self, name: str, seen: set[_Seen], gates: tuple[Expression, ...]) -> None:
        # A macro that two includes reach under different conditions speaks under each: images and composite objects
        # both hold the Composite Object Reference Macro (PS3.3 C.18.3, C.18.4).
        here = (name, tuple(gate.source for gate in gates))
        if not name or here in seen:
            return
        seen.add(here)
        try:
            table = standard.load().table(name)
        except KeyError:
            # A table that is not carried may hold anything.
            self.open = True
            return
        self.open = self.open or table.open
        self._take(((name, row) for row in table.rows), seen, gates)

    def child(self, tag: int) -> Level | None:
        """The level of the items of a sequence; None when no row says what they hold."""
        if tag in self._children:
            return self._children[tag]
        specs = self.rows.get(base_of(tag), ())
        parts = [(spec.table, row) for spec in specs for row in spec.row.rows]
        level: Level | None = None
        if parts:
            level = Level(
                parts,
                self.iod,
                groups=tag in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence),
            )
            # A directory record holds the keys of its type besides (PS3.3 F.5).
            level.open = level.open or tag == DirectoryRecordSequence or any(spec.row.open for spec in specs)
        self._children[tag] = level
        return level

    def may_hold_items(self, tag: int) -> bool:
        """Whether a row says what the items of the attribute hold."""
        return tag in self._holders or base_of(tag) in self._holders

    def knows(self, tag: int) -> bool:
        """Whether a row speaks of the tag; those of repeating groups by their first group (PS3.5 7.6)."""
        return tag in self.known or base_of(tag) in self.known


def base_of(tag: int) -> int:
    """The tag of the first of a repeating group (PS3.5 7.6), the tag itself of others."""
    group = tag >> 16
    if group & 0xFF01 in (0x5000, 0x6000):
        return tag & 0xFF00FFFF
    return tag


def _has_several(tag: int) -> bool:
    entry = standard.load().dictionary.entry(tag)
    return entry is not None and entry.vm.isdigit() and entry.vm != "1"


class ModuleSpec:
    """A module of an IOD.

    ``own``: top-level tags that no other module of the IOD has; ``distinctive``: those of them that are of type 1 or
    2 in some way, ``needed`` without a condition.  A module that is not mandatory is in use when :meth:`started`;
    less than that makes its attributes known, but asks for nothing.
    """

    __slots__ = (
        "distinctive",
        "name",
        "needed",
        "otherwise",
        "own",
        "parts",
        "reviewed",
        "section",
        "source",
        "tables",
        "usage",
        "use",
        "when",
    )

    def __init__(self, use: standard.ModuleUse) -> None:
        self.use = use
        self.name, self.section, self.usage, self.tables = use.name, use.section, use.usage, use.tables
        self.source = use.when
        self.when = condition(use.when) if use.when else None
        self.otherwise = use.otherwise
        self.reviewed = use.parsed_by == "reviewed"
        tables = standard.load()
        self.parts: list[tuple[str, Row | Include]] = []
        for name in use.tables:
            try:
                table = tables.table(name)
            except KeyError:
                continue
            self.parts += [(name, row) for row in table.rows]
        self.own: frozenset[int] = frozenset()
        self.distinctive: frozenset[int] = frozenset()
        self.needed = 0

    def started(self, present: frozenset[int]) -> bool:
        """Whether so much of the module is there that the rest of it must have been meant."""
        # An instance may have attributes that its IOD does not know (PS3.2 3.11.4, Standard Extended SOP Class):
        # a slice thickness alone is no Image Plane module.
        return 2 * len(self.distinctive & present) >= max(1, self.needed)


def _types_of(parts: Iterable[tuple[str, Row | Include]]) -> dict[int, set[str]]:
    """The types that the tables of a module give to each attribute of the main data set, macros included."""
    types: dict[int, set[str]] = {}
    tables = standard.load()
    todo, seen = [part for _, part in parts], {FUNCTIONAL_GROUPS}
    while todo:
        part = todo.pop()
        if isinstance(part, Row):
            types.setdefault(part.tag, set()).add(part.type)
        elif part.table not in seen:
            seen.add(part.table)
            try:
                todo += tables.table(part.table).rows
            except KeyError:
                pass  # a table that is not carried
    return types


class IodSpec:
    """An IOD with its modules; gives the `Level` of the main data set for the modules that are in use.

    ``prohibited``: by tag, the module that the IOD excludes, of attributes that show that it is used: those that are
    not optional and that no other module of the IOD has.
    """

    def __init__(self, iod: Iod) -> None:
        self.iod = iod
        self.modules = [ModuleSpec(use) for use in iod.modules]
        tags = [_types_of(module.parts) for module in self.modules]
        times = Counter(chain.from_iterable(tags))
        for module, types in zip(self.modules, tags, strict=True):
            module.own = frozenset(tag for tag in types if times[tag] == 1)
            module.distinctive = frozenset(tag for tag in module.own if not types[tag] <= {"3", "-"})
            module.needed = sum(not types[tag].isdisjoint(("1", "2")) for tag in module.distinctive)
            if not module.distinctive:
                module.distinctive = self._shared_sign(module, types, tags)
        self._levels: dict[tuple[frozenset[int], frozenset[int]], Level] = {}
        own = frozenset().union(*tags) if tags else frozenset()
        self.prohibited: dict[int, standard.ProhibitedModule] = {}
        for prohibited in iod.prohibited:
            rows = [(prohibited.table, row) for row in standard.load().table(prohibited.table).rows]
            for tag, kinds in _types_of(rows).items():
                if tag not in own and not kinds <= {"3", "-"}:
                    self.prohibited.setdefault(tag, prohibited)
        self.all_known = own | self.prohibited.keys()

    def _shared_sign(
        self, module: ModuleSpec, types: dict[int, set[str]], tags: list[dict[int, set[str]]]
    ) -> frozenset[int]:
        """The attribute that shows that a module with nothing of its own is in use: its only one of type 1, which just
        mandatory modules have besides, and none of them demands.  So it is with the ICC Profile, which the Image Pixel
        Module has as an option."""
        needed = [tag for tag, kinds in types.items() if not kinds.isdisjoint(("1", "2"))]
        if len(needed) != 1 or module.usage == "M":
            return frozenset()
        others = [
            (other.usage, kinds[needed[0]])
            for other, kinds in zip(self.modules, tags, strict=True)
            if other is not module and needed[0] in kinds
        ]
        if all(usage == "M" and kinds <= {"3", "1C"} for usage, kinds in others):
            return frozenset(needed)
        return frozenset()

    @cached_property
    def optional(self) -> frozenset[int]:
        """Attributes of the main data set that are of type 3 in every module that has them."""
        types: dict[int, set[str]] = {}
        for module in self.modules:
            for tag, kinds in _types_of(module.parts).items():
                types.setdefault(tag, set()).update(kinds)
        return frozenset(tag for tag, kinds in types.items() if kinds == {"3"})

    @cached_property
    def always(self) -> frozenset[int]:
        """What every instance has: attributes of type 1 and 2 of modules that are always there."""
        mandatory = (module for module in self.modules if module.usage == "M" and module.when is None)
        levels = (Level(module.parts, None) for module in mandatory)
        return frozenset().union(*(level.required | level.present for level in levels))

    def level(self, active: frozenset[int], known_only: frozenset[int] = frozenset()) -> Level:
        """The rows of the main data set when the modules with these numbers are in use, those of others only known."""
        found = self._levels.get((active, known_only))
        if found is None:
            parts = [part for number in sorted(active) for part in self.modules[number].parts]
            known = [part for number in sorted(known_only) for part in self.modules[number].parts]
            found = self._levels[active, known_only] = Level(parts, self.iod, known_only=known)
        return found


@standard.per_edition(256)
def iod_spec(name: str) -> IodSpec:
    """The IOD of this name, ready to be checked against."""
    return IodSpec(standard.load().iod(name))
