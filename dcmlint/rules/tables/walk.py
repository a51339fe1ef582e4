"""Holds a data set against the tables of its IOD: presence, conditions, listed values, items.

PS3.5 7.4 (types), PS3.3 Annex A (modules of IODs), PS3.5 7.5 (sequences).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import BLANK_BYTES, ItemList, Items
from dcmlint.dicom.path import name_of
from dcmlint.expr import describe
from dcmlint.findings.problem import Problem
from dcmlint.rules.scope import ConditionScope
from dcmlint.rules.tables.checks import CHECKS
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.rules.tables.field import TEXT_VRS
from dcmlint.rules.tables.frame_groups import check_frame_groups
from dcmlint.rules.tables.level_shape import LevelShape, shape_of
from dcmlint.rules.tables.levels import IodSpec, Level, RowSpec, base_of, iod_spec
from dcmlint.rules.tables.listed_values import check_listed
from dcmlint.rules.tables.meta_group import check_meta_group
from dcmlint.rules.tables.modules_in_use import modules_in_use, tell_forbidden, tell_prohibited
from dcmlint.rules.tables.numbered_items import check_count, check_numbers, check_tally
from dcmlint.standard.tags import (
    DataSetTrailingPadding,
    DigitalSignaturesSequence,
    LengthToEnd,
    MACParametersSequence,
    ModifiedAttributesSequence,
    OriginalAttributesSequence,
    PixelData,
    SOPClassUID,
)

# May stand in any data set: PS3.3 C.12.1 digital signatures, PS3.5 8 (pixel data by its own rules), PS3.10 7.2
_ANYWHERE = frozenset(
    {
        PixelData,
        DataSetTrailingPadding,
        DigitalSignaturesSequence,
        MACParametersSequence,
        LengthToEnd,
        OriginalAttributesSequence,
        ModifiedAttributesSequence,
    }
)
# PS3.5 6.2
_PADDING = b" \0"


class TableCheck:
    """One pass of an instance against its tables.

    ``problems``: what failed; ``undecided``: how many conditions could not be decided, by check code;
    ``iod``: the IOD held against, None when the SOP Class has none.
    """

    def __init__(
        self, instance: Instance, together: bool = True, known: Iterable[Problem] = (),
        told: Container[str] = CHECKS,
    ) -> None:  # fmt: skip
        """``together``: look once at items of which the tables ask the same and get the same answer; ``known``: what is
        known to be wrong with values; ``told``: the checks of which a rule speaks: of others nothing follows."""
        self.instance, self._together = instance, together
        self._collector = ProblemCollector(instance, [one for one in known if one.check in told], told)
        self._tells_missing = "table.type-1-missing" in told
        self.problems, self.undecided = self._collector.problems, self._collector.undecided
        self.iod: standard.Iod | None = None
        self._reviewed = False
        self._absent: Mapping[str, str] = {}
        # By level (they live as long as the check): what was told missing or empty, and on which attributes it depends.
        self._missing_here: dict[int, dict[int, frozenset[int]]] = {}
        self._out_of_place: dict[
            int, str
        ] = {}  # by tag: what is told of an attribute that no module has; "": nothing
        self._forbidden_here: set[tuple[int, int]] = set()
        # What must not be there because one attribute is absent: the number of the problem, and the keywords.
        self._without: dict[tuple[int, int], tuple[int, list[str]]] = {}

    def find_iod(self) -> IodSpec | None:
        """Set and give the IOD of the instance, without holding it against it."""
        uid = self.instance.sop_class
        sop_class = standard.load().sop_class(uid) if uid else None
        if sop_class is None:
            return None
        spec = iod_spec(sop_class.iod)
        self.iod, self._reviewed = spec.iod, spec.iod.reviewed
        return spec

    def run(self) -> None:
        """Check everything that the tables say about the instance."""
        dataset = self.instance.dataset
        if self.instance.meta is not None:
            check_meta_group(self._collector, self.instance.meta)
        spec = self.find_iod()
        if spec is None:
            self._without_iod(dataset, self.instance.sop_class)
            return
        modules = modules_in_use(self._collector, spec, dataset)
        self._absent = modules.absent
        self._level(dataset, spec.level(modules.active, modules.known_only), spec.all_known)
        for module in modules.outside:
            tell_forbidden(self._collector, module, dataset)
        if spec.prohibited:
            tell_prohibited(self._collector, spec, dataset)
        check_frame_groups(self._collector, spec.iod, dataset)

    def _without_iod(self, dataset: Dataset, uid: str) -> None:
        """Say why there is no IOD to hold the instance against: it names no SOP Class, or one that has none."""
        entry = standard.load().uid(uid) if uid else None
        # A worklist item or another query is no instance: what the file meta information says is enough.
        query = entry is not None and not entry.name.endswith("Storage")
        if not uid and dataset.may_have(SOPClassUID):
            return
        if not uid or (SOPClassUID not in dataset and not query):
            self._collector.add(
                "sop-class-missing",
                dataset,
                SOPClassUID,
                "SOPClassUID is missing: the kind of object is unknown",
            )
            return
        known = f" ({entry.name})" if entry is not None else ""
        self._collector.add(
            "iod-unknown", dataset, SOPClassUID, f"the IOD of the SOP Class is unknown{known}", found=uid
        )

    # -- a level ---------------------------------------------------------------------------------------

    def _level(self, dataset: Dataset, level: Level, allowed: frozenset[int] = frozenset()) -> None:
        elements = dataset.elements
        shape = shape_of(level, frozenset(elements), dataset.parent is None, not dataset.cut)
        required, present = shape.lacking
        if not elements and required and dataset.parent is not None:
            self._empty_item(dataset, required, level)
            return
        for tag in required:
            if not dataset.may_have(tag):
                self._missing("type-1-missing", dataset, tag, level, "1")
        for tag in present:
            if not dataset.may_have(tag):
                self._missing("type-2-missing", dataset, tag, level, "2")
        for tag in shape.filled:
            if _is_empty(dataset, elements[tag]):
                type_ = "1" if any(spec.type == "1" for spec in level.rows[tag]) else "1C"
                self._empty(f"type-{type_.lower()}-empty", dataset, elements[tag], level, type_)
        for tag in level.several & elements.keys():
            self._blank(dataset, elements[tag], level)
        # Values before conditions: what a value decides that may not stand there is not known.
        for tag in shape.valued:
            if elements[tag].items is None:
                check_listed(self._collector, dataset, elements[tag], level)
        if shape.conditional:
            scope = self._collector.scope(dataset, level.known)
            for spec in shape.conditional:
                self._decide(dataset, spec, level, scope)
        if shape.gated:
            self._gated(dataset, level, shape.gated)
        self._counted(dataset, level, shape)
        for tag in shape.strange:
            if tag not in _ANYWHERE and base_of(tag) not in allowed:
                self._unknown(dataset, elements[tag])
        for tag in shape.parents:
            items, child = elements[tag].items, level.child(tag)
            if items is not None and child is not None:
                if child.numbered:
                    check_numbers(self._collector, items, child)
                self._sequence(items, child)

    def _counted(self, dataset: Dataset, level: Level, shape: LevelShape) -> None:
        """Hold the sequences of a level to the number of items that their rows give them."""
        elements = dataset.elements
        for tag in shape.sized:
            if elements[tag].items is not None:
                check_count(self._collector, dataset, elements[tag], level)
        for tag in shape.tallied:
            if elements[tag].items is not None:
                check_tally(self._collector, dataset, elements[tag], level.tallied[tag])

    def _sequence(self, items: Items, level: Level) -> None:
        if isinstance(items, ItemList) or not self._together:
            for item in items:
                self._level(item, level)
            return
        problems = self.problems
        for group in items.distinct(*_judged(items, level)):
            # What the tables ask of one item of the group they ask of all, and get the same answer.
            mark, before = len(problems), self._collector.times
            self._collector.times *= len(group.numbers)
            self._level(group.template, level)
            self._collector.times = before
            for at in range(mark, len(problems)):
                problems[at] = problems[at].within(group)

    def _gated(self, dataset: Dataset, level: Level, rows: Iterable[RowSpec]) -> None:
        """Rows of macros that are included under a condition."""
        scope = self._collector.scope(dataset, level.known)
        elements = dataset.elements
        open_: dict[int, bool] = {}  # the rows of one include share their gates
        for spec in rows:
            tag = spec.row.tag
            if tag in level.required:
                continue
            key = id(spec.gates)
            if key not in open_:
                open_[key] = all(gate(scope, {}) is True for gate in spec.gates)
            if not open_[key]:
                continue
            element = elements.get(tag)
            if element is None and dataset.may_have(tag):
                continue
            if spec.type == "1":
                if element is None:
                    self._missing("type-1-missing", dataset, tag, level, "1")
                elif _is_empty(dataset, element):
                    self._empty("type-1-empty", dataset, element, level, "1")
            elif spec.type == "2":
                if element is None and tag not in level.present:
                    self._missing("type-2-missing", dataset, tag, level, "2")
            elif spec.when is not None:
                self._decide(dataset, spec, level, scope)

    def _decide(self, dataset: Dataset, spec: RowSpec, level: Level, scope: ConditionScope) -> None:
        """Evaluate the condition of one row of type 1C or 2C, and hold the data set to it."""
        assert spec.when is not None
        element = dataset.elements.get(spec.row.tag)
        first = spec.type == "1C"
        if element is None:
            if dataset.may_have(spec.row.tag):
                return
            verdict = spec.when(scope, {})
            if verdict is True:
                self._required_but_missing(dataset, spec, level, scope)
            elif verdict is not False:
                self._collector.open("type-1c-missing" if first else "type-2c-missing", spec.row.when)
        elif (
            spec.otherwise == "not"
            and spec.when(scope, {}) is False
            and self._unexplained(dataset, spec, level)
        ):
            self._forbidden(dataset, element, spec, level, scope)
        elif first and _is_empty(dataset, element):
            # Whenever it is present, it must have a value (PS3.5 7.4.2).
            self._empty("type-1c-empty", dataset, element, level, "1C")

    def _unexplained(self, dataset: Dataset, spec: RowSpec, level: Level) -> bool:
        """Whether nothing that was told already (what decides is missing, or has a wrong value) explains a false condition."""
        assert spec.when is not None
        lacking = self._tells_missing and _lacks(dataset, level, spec.when.attributes)
        return not lacking and not self._collector.unlisted(dataset, spec.when.attributes)

    def _required_but_missing(
        self, dataset: Dataset, spec: RowSpec, level: Level, scope: ConditionScope
    ) -> None:
        tag = spec.row.tag
        assert spec.when is not None
        if not self._collector.stands(spec.row) or self._collector.wrong(dataset, spec.when.attributes):
            return  # of what a wrong value asks for nothing is known
        missing = self._missing_here.setdefault(id(dataset), {})
        if (
            tag in missing
            or any(tag in missing.get(other, ()) for other in spec.when.attributes)
            or self._told_missing(dataset, spec.when.attributes - dataset.elements.keys(), level)
        ):
            # One of the two is wanted, and each row names the other: the first was told. Or it is wanted because one
            # is absent of which that was told.
            return
        missing[tag] = spec.when.attributes
        rows = self._instead(dataset, spec, level, scope)
        missing.update((row.tag, spec.when.attributes) for row in rows if row.tag not in missing)
        others = [row.keyword for row in rows]
        what = f"{spec.row.keyword} is missing; required here (Type {spec.type})"
        if others:
            what = f"{' or '.join([spec.row.keyword, *others])} is missing; one of them is required"
        code = "type-1c-missing" if spec.type == "1C" else "type-2c-missing"
        self._collector.add(
            code, dataset, tag, what,
            want="present with a value" if spec.type == "1C" else "present (may be empty)",
            because=describe(spec.when), table=spec.table, condition=spec.when.attributes,
        )  # fmt: skip
        without = self._without.pop((id(dataset), tag), None)
        if without is not None:
            # What must not be there because this is missing was told before: one defect, and this names it.
            self.problems[without[0]] = self.problems.pop()

    def _instead(
        self, dataset: Dataset, spec: RowSpec, level: Level, scope: ConditionScope
    ) -> list[standard.Row]:
        """The rows of attributes that would do as well: absent, and required because this one is."""
        assert spec.when is not None
        tag = spec.row.tag
        rows = [
            row
            for other in spec.when.attributes
            if other != tag and other not in dataset.elements
            for row in level.rows.get(other, ())
        ]
        return [
            row.row for row in rows
            if row.when is not None and tag in row.when.attributes and row.when(scope, {}) is True
        ]  # fmt: skip

    def _forbidden(
        self, dataset: Dataset, element: Element, spec: RowSpec, level: Level, scope: ConditionScope
    ) -> None:
        for other in level.rows[spec.row.tag]:
            if other is not spec and (not other.row.conditional or other.otherwise != "not" or other.when is None
                                      or other.when(scope, {}) is not False):  # fmt: skip
                return
        assert spec.when is not None
        if self._told_missing(dataset, spec.when.attributes - dataset.elements.keys(), level):
            return  # what decides is itself missing, and that was said
        if (id(dataset), element.tag) in self._forbidden_here:
            return
        if any(
            (id(dataset), other) in self._forbidden_here and row.when is not None and element.tag in row.when.attributes
            for other in spec.when.attributes
            for row in level.rows.get(other, ())
        ):  # fmt: skip
            return  # of two that exclude each other, the other one was told
        self._forbidden_here.add((id(dataset), element.tag))
        deciding = spec.when.attributes
        if len(deciding) == 1 and all(
            tag not in dataset.elements or _is_empty(dataset, dataset.elements[tag]) for tag in deciding
        ):
            # Several that depend on one: that one was forgotten, or all of them are too many. One finding.
            key = (id(dataset), min(deciding))
            number, keywords = self._without.setdefault(key, (len(self.problems), []))
            keywords.append(spec.row.keyword)
            if len(keywords) > 1:
                message = (
                    f"{', '.join(keywords[:-1])} and {keywords[-1]} are present without {name_of(key[1])}"
                )
                self.problems[number] = msgspec.structs.replace(self.problems[number], message=message)
                return
        code = "forbidden-present" if self._reviewed and spec.reviewed else "forbidden-present-unreviewed"
        self._collector.add(
            code, dataset, element.tag, f"{spec.row.keyword} is present, but not allowed here",
            want=f"present only if {describe(spec.when, spec.row.keyword)}", table=spec.table, offset=element.offset,
            condition=spec.when.attributes,
        )  # fmt: skip

    def _told_missing(self, dataset: Dataset, tags: frozenset[int], level: Level) -> bool:
        """Whether one of the tags was told missing, here or in a level around."""
        if not self._tells_missing:
            return False
        if not tags.isdisjoint(level.required):
            return True
        around: Dataset | None = dataset
        while around is not None:
            if not tags.isdisjoint(self._missing_here.get(id(around), ())):
                return True
            around = around.parent
        return False

    def _empty_item(self, dataset: Dataset, required: tuple[int, ...], level: Level) -> None:
        """Tell of an item without attributes once, whatever it lacks."""
        before = len(self.problems)
        for tag in required:
            if not dataset.may_have(tag):
                self._missing("type-1-missing", dataset, tag, level, "1")
        lacking = [name_of(problem.tag) for problem in self.problems[before:]]
        if lacking:
            message = f"the item is empty: {', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing (Type 1)"
            self.problems[before:] = [msgspec.structs.replace(self.problems[before], message=message)]

    # -- one row ---------------------------------------------------------------------------------------

    def _missing(self, code: str, dataset: Dataset, tag: int, level: Level, type_: str) -> None:
        specs = (spec for spec in level.rows[tag] if spec.type == type_)
        spec = next((spec for spec in specs if self._collector.stands(spec.row)), None)
        if spec is None:
            return
        self._missing_here.setdefault(id(dataset), {})[tag] = frozenset()
        self._collector.add(
            code, dataset, tag, f"{spec.row.keyword} is missing (Type {type_})",
            want="present with a value" if type_ == "1" else "present (may be empty)",
            because=self._absent.get(spec.table, ""), table=spec.table,
        )  # fmt: skip

    def _empty(self, code: str, dataset: Dataset, element: Element, level: Level, type_: str) -> None:
        specs = (spec for spec in level.rows[element.tag] if spec.type == type_)
        spec = next((spec for spec in specs if self._collector.stands(spec.row)), None)
        if spec is None:
            return
        # What depends on its value is not told as well.
        self._missing_here.setdefault(id(dataset), {}).setdefault(element.tag, frozenset())
        what = "has no items" if element.items is not None else "has no value"
        self._collector.add(
            code, dataset, element.tag, f"{spec.row.keyword} {what} (Type {type_})",
            want="at least one item" if element.items is not None else "a value",
            table=spec.table, offset=element.offset,
        )  # fmt: skip

    def _blank(self, dataset: Dataset, element: Element, level: Level) -> None:
        """A value of Type 1 attributes of which there are always as many: each of them must be there."""
        if element.vr not in TEXT_VRS or not dataset.is_whole(element):
            return
        values = dataset.values(element.tag)
        blank = [number for number, value in enumerate(values, 1) if value == ""]
        spec = next(spec for spec in level.rows[element.tag] if spec.type in ("1", "1C"))
        if blank and len(values) > 1 and self._collector.stands(spec.row):
            self._collector.add(
                f"type-{spec.type.lower()}-empty", dataset, element.tag,
                f"value {blank[0]} of {spec.row.keyword} is empty (Type {spec.type})",
                want="a value", table=spec.table, offset=element.offset,
            )  # fmt: skip

    def _unknown(self, dataset: Dataset, element: Element) -> None:
        message = self._out_of_place.get(element.tag)
        if message is None:
            entry = standard.load().dictionary.entry(element.tag)
            # What the dictionary does not have, or calls retired, is said by the checks of elements.
            known = entry is not None and not entry.retired
            iod = self.iod.name if self.iod else "the IOD"
            message = f"{name_of(element.tag)} is not in any module of {iod} at this place" if known else ""
            self._out_of_place[element.tag] = message
        if message:
            self._collector.add("unknown-attribute", dataset, element.tag, message, offset=element.offset)


def _judged(items: Items, level: Level) -> tuple[frozenset[int], frozenset[int]]:
    """The attributes on whose values depends what the tables say of the items, and of which it only matters whether
    there is more than padding."""
    values: set[int] = set()
    blanks: set[int] = set()
    for group in items.groups():
        if len(group.numbers) > 1:
            _judged_within(group.template, level, values, blanks)
    return frozenset(values), frozenset(blanks - values)


def _judged_within(item: Dataset, level: Level, values: set[int], blanks: set[int]) -> None:
    values |= level.judged
    blanks |= level.weighed
    for element in item:
        if element.items is not None:
            child = level.child(element.tag)
            if child is not None:
                for group in element.items.groups():
                    _judged_within(group.template, child, values, blanks)


def _lacks(dataset: Dataset, level: Level, tags: Iterable[int]) -> bool:
    """Whether one of the attributes needs a value at a level and has none there, which is told of itself."""
    for tag in tags:
        types = {spec.type for spec in level.rows.get(tag, ())}
        element = dataset.elements.get(tag)
        if (
            "1" in types
            if element is None
            else not types.isdisjoint(("1", "1C")) and _is_empty(dataset, element)
        ):
            return True
    return False


def _is_empty(dataset: Dataset, element: Element) -> bool:
    """Whether an element has no value; padding is none in text, and a number like any other elsewhere (PS3.5 7.4)."""
    if element.items is not None:
        return not len(element.items) and dataset.is_whole(element)
    size = element.end - element.start
    if size == 0:
        return element.fragments is None and element.length == 0
    if element.is_cut:
        return False
    if size <= BLANK_BYTES and element.vr in TEXT_VRS:
        return not dataset.raw(element.tag).strip(_PADDING)
    return False
