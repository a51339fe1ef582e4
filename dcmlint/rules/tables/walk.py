"""Holds a data set against the tables of its IOD: presence, conditions, listed values, items.

PS3.5 7.4 (types), PS3.3 Annex A (modules of IODs), PS3.5 7.5 (sequences).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import BLANK_BYTES, Group, ItemList, Items
from dcmlint.dicom.path import name_of
from dcmlint.expr import describe
from dcmlint.findings.problem import Problem
from dcmlint.rules.scope import ConditionScope
from dcmlint.rules.tables.dates import content_date
from dcmlint.rules.tables.field import TEXT_VRS
from dcmlint.rules.tables.levels import IodSpec, Level, ModuleSpec, RowSpec, condition, iod_spec
from dcmlint.standard.ages import Aged, stands_in, stood_at
from dcmlint.standard.tags import (
    DataSetTrailingPadding,
    DigitalSignaturesSequence,
    DimensionIndexSequence,
    FileMetaInformationVersion,
    FrameContentSequence,
    FunctionalGroupPointer,
    ImplementationClassUID,
    LengthToEnd,
    MACParametersSequence,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    ModifiedAttributesSequence,
    OriginalAttributesSequence,
    PerFrameFunctionalGroupsSequence,
    PixelData,
    SharedFunctionalGroupsSequence,
    SOPClassUID,
)

# PS3.10 Table 7.1-1, type 1; Group Length and Transfer Syntax UID are told by the reader.
_META = (
    FileMetaInformationVersion,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    ImplementationClassUID,
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
# PS3.3 C.7.6.17, C.7.6.16.2.2
_PADDING = b" \0"
_PLACES = {"shared": "shared", "per-frame": "for every frame"}
_SETTLED = 1000


class TableCheck:
    """One pass of an instance against its tables.

    ``problems``: what failed; ``undecided``: how many conditions could not be decided, by check code;
    ``unknowable``: how many conditions no file can show;
    ``iod``: the IOD held against, None when the SOP Class has none.
    """

    def __init__(self, instance: Instance, together: bool = True) -> None:
        """``together``: look once at items of which the tables ask the same and get the same answer."""
        self.instance, self._together = instance, together
        self.problems: list[Problem] = []
        self.undecided: dict[str, int] = {}
        self.unknowable = 0
        self.iod: standard.Iod | None = None
        self._meta = instance.meta
        self._reviewed = False
        self._dated: str | None = None  # the day of its content, when it has been asked for
        self._times = 1  # for how many levels the one that is looked at stands
        self._absent: dict[str, str] = {}
        # By level (they live as long as the check): what was told missing and on which attributes it depends.
        self._missing_here: dict[int, dict[int, frozenset[int]]] = {}
        self._forbidden_here: set[tuple[int, int]] = set()
        # What must not be there because one attribute is absent: the number of the problem, and the keywords.
        self._without: dict[tuple[int, int], tuple[int, list[str]]] = {}

    def run(self) -> None:
        """Check everything that the tables say about the instance."""
        dataset = self.instance.dataset
        self._meta_group()
        uid = self.instance.sop_class
        sop_class = standard.load().sop_class(uid) if uid else None
        if sop_class is None:
            self._without_iod(dataset, uid)
            return
        spec = iod_spec(sop_class.iod)
        self.iod, self._reviewed = spec.iod, spec.iod.reviewed
        level = spec.level(*self._modules(spec, dataset))
        self._level(dataset, level, spec.all_known)
        self._groups(spec.iod, dataset)

    def _without_iod(self, dataset: Dataset, uid: str) -> None:
        """Say why there is no IOD to hold the instance against: it names no SOP Class, or one that has none."""
        entry = standard.load().uid(uid) if uid else None
        # A worklist item or another query is no instance: what the file meta information says is enough.
        query = entry is not None and not entry.name.endswith("Storage")
        if not uid and dataset.may_have(SOPClassUID):
            return
        if not uid or (SOPClassUID not in dataset and not query):
            self._add(
                "sop-class-missing",
                dataset,
                SOPClassUID,
                "SOPClassUID is missing: the kind of object is unknown",
            )
            return
        known = f" ({entry.name})" if entry is not None else ""
        self._add(
            "iod-unknown", dataset, SOPClassUID, f"the IOD of the SOP Class is unknown{known}", found=uid
        )

    def _meta_group(self) -> None:
        meta = self._meta
        if meta is None:
            return
        for tag in _META:
            element = meta.get(tag)
            if (element is None and meta.may_have(tag)) or (
                element is not None and not meta.is_whole(element)
            ):
                continue
            if element is None or element.end == element.start:
                what = "is missing" if element is None else "has no value"
                self._add(
                    "meta-type-1", meta, tag, f"{name_of(tag)} {what}; Type 1 in the File Meta Information",
                    want="present with a value", offset=-1 if element is None else element.offset,
                )  # fmt: skip

    # -- modules ---------------------------------------------------------------------------------------

    def _modules(self, spec: IodSpec, dataset: Dataset) -> tuple[frozenset[int], frozenset[int]]:
        """The numbers of the modules in use (mandatory, required by a condition, or begun by the data set), and
        of those of which only optional attributes are there."""
        present = frozenset(dataset.elements)
        scope = ConditionScope(dataset, meta=self._meta)
        active: set[int] = set()
        hinted: set[int] = set()
        for number, module in enumerate(spec.modules):
            begun = not module.own.isdisjoint(present)
            if not begun and module.firm:
                for table in module.tables:
                    self._absent[table] = f"the mandatory {module.name} Module is absent"
            stands = self._stands(module.use)
            if module.usage == "M" and stands:
                active.add(number)
                continue
            verdict: object = None if module.when is None or not stands else module.when(scope, {})
            if module.usage == "C" and verdict is not True and verdict is not False:
                self._open("module-missing", module.source)
            # A module whose condition is false asks for nothing, unless it may be there all the same: then wholly.
            possible = verdict is not False or module.otherwise == "may"
            if verdict is True or (possible and module.begun(present)):
                active.add(number)
            elif begun:
                hinted.add(number)
            if verdict is False and begun and module.otherwise == "not" and module.reviewed:
                self._forbidden_module(module, dataset)
        return frozenset(active), frozenset(hinted)

    def _forbidden_module(self, module: ModuleSpec, dataset: Dataset) -> None:
        first = next(element for element in dataset if element.tag in module.own)
        assert module.when is not None
        self._add(
            "module-forbidden", dataset, first.tag,
            f"{name_of(first.tag)} is present, but the {module.name} Module is not allowed here",
            want=f"present only if {describe(module.when)}", table=module.tables[0] if module.tables else "",
            offset=first.offset,
        )  # fmt: skip

    # -- a level ---------------------------------------------------------------------------------------

    def _level(self, dataset: Dataset, level: Level, allowed: frozenset[int] = frozenset()) -> None:
        elements = dataset.elements
        # A set of its own: differences of a dictionary's keys go through all that the tables know.
        present = frozenset(elements)
        if not level.required <= present:
            for tag in sorted(level.required - present):
                if not dataset.may_have(tag):
                    self._missing("type-1-missing", dataset, tag, level, "1")
        if not level.present <= present:
            for tag in sorted(level.present - present):
                if not dataset.may_have(tag):
                    self._missing("type-2-missing", dataset, tag, level, "2")
        for tag in level.filled & present:
            if _is_empty(dataset, elements[tag]):
                type_ = "1" if any(spec.type == "1" for spec in level.rows[tag]) else "1C"
                self._empty(f"type-{type_.lower()}-empty", dataset, elements[tag], level, type_)
        if level.conditional:
            self._conditional(dataset, level, present)
        if level.gated:
            self._gated(dataset, level)
        for tag in level.valued.keys() & elements.keys():
            if elements[tag].items is None:
                self._listed_values(dataset, elements[tag], level)
        for tag in level.sized.keys() & elements.keys():
            if elements[tag].items is not None:
                self._items(dataset, elements[tag], level.sized[tag])
        if not level.open:
            for tag in present - level.known:
                # Groups below 0008 are told by the reader, private ones belong to nobody's module.
                ours = tag >= 0x00080000 and not (tag >> 16) & 1 and tag & 0xFFFF
                if ours and tag not in _ANYWHERE and tag not in allowed:
                    self._unknown(dataset, elements[tag], level)
        for element in elements.values():
            if element.items is not None:
                child = level.child(element.tag)
                if child is not None:
                    self._sequence(element.items, child)

    def _sequence(self, items: Items, level: Level) -> None:
        if isinstance(items, ItemList) or not self._together:
            for item in items:
                self._level(item, level)
            return
        problems = self.problems
        for group in items.distinct(*_judged(items, level)):
            # What the tables ask of one item of the group they ask of all, and get the same answer.
            mark, before = len(problems), self._times
            self._times *= len(group.numbers)
            self._level(group.template, level)
            self._times = before
            for at in range(mark, len(problems)):
                problems[at] = problems[at].within(group)

    def _gated(self, dataset: Dataset, level: Level) -> None:
        """Rows of macros that are included under a condition."""
        scope = ConditionScope(dataset, meta=self._meta, here=level.known)
        elements = dataset.elements
        for spec in level.gated:
            tag = spec.row.tag
            if tag in level.required or not all(gate(scope, {}) is True for gate in spec.gates):
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

    def _conditional(self, dataset: Dataset, level: Level, present: frozenset[int]) -> None:
        scope = ConditionScope(dataset, meta=self._meta, here=level.known)
        main = dataset.parent is None
        for spec in level.conditional:
            # Most conditions are about attributes that are not there: then the answer is known.
            if (
                spec.idle is False
                and spec.row.tag not in present
                and spec.when is not None
                and spec.when.attributes.isdisjoint(present)
                and (main or id(spec) in level.local)
            ):
                continue
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
                self._open("type-1c-missing" if first else "type-2c-missing", spec.row.when)
        elif spec.otherwise == "not" and spec.when(scope, {}) is False:
            if _lacks(dataset, level, spec.when.attributes):
                return  # the attribute that would allow it is required and missing: that was told
            self._forbidden(dataset, element, spec, level, scope)
        elif first and _is_empty(dataset, element):
            # Whenever it is present, it must have a value (PS3.5 7.4.2).
            self._empty("type-1c-empty", dataset, element, level, "1C")

    def _required_but_missing(
        self, dataset: Dataset, spec: RowSpec, level: Level, scope: ConditionScope
    ) -> None:
        tag = spec.row.tag
        assert spec.when is not None
        if not self._stands(spec.row):
            return
        missing = self._missing_here.setdefault(id(dataset), {})
        if tag in missing or any(tag in missing.get(other, ()) for other in spec.when.attributes):
            # One of the two is wanted, and each row names the other: the first was told.
            return
        missing[tag] = spec.when.attributes
        others = self._instead(dataset, spec, level, scope)
        what = f"{spec.row.keyword} is missing; required here (Type {spec.type})"
        if others:
            what = f"{' or '.join([spec.row.keyword, *others])} is missing; one of them is required"
        code = "type-1c-missing" if spec.type == "1C" else "type-2c-missing"
        self._add(
            code, dataset, tag, what,
            want="present with a value" if spec.type == "1C" else "present (may be empty)",
            because=describe(spec.when), table=spec.table,
        )  # fmt: skip

    def _instead(self, dataset: Dataset, spec: RowSpec, level: Level, scope: ConditionScope) -> list[str]:
        """The attributes that would do as well: absent, and required because this one is."""
        assert spec.when is not None
        tag = spec.row.tag
        rows = [
            row
            for other in spec.when.attributes
            if other not in dataset.elements
            for row in level.rows.get(other, ())
        ]
        return [
            row.row.keyword for row in rows
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
        self._forbidden_here.add((id(dataset), element.tag))
        if len(spec.when.attributes) == 1 and spec.when.attributes.isdisjoint(dataset.elements):
            # Several that depend on one: that one was forgotten, or all of them are too many. One finding.
            key = (id(dataset), min(spec.when.attributes))
            number, keywords = self._without.setdefault(key, (len(self.problems), []))
            keywords.append(spec.row.keyword)
            if len(keywords) > 1:
                told = f"{', '.join(keywords[:-1])} and {keywords[-1]} are present without {name_of(key[1])}"
                self.problems[number] = msgspec.structs.replace(self.problems[number], message=told)
                return
        code = "forbidden-present" if self._reviewed and spec.reviewed else "forbidden-present-unreviewed"
        self._add(
            code, dataset, element.tag, f"{spec.row.keyword} is present, but not allowed here",
            want=f"present only if {describe(spec.when)}", table=spec.table, offset=element.offset,
        )  # fmt: skip

    def _told_missing(self, dataset: Dataset, tags: frozenset[int], level: Level) -> bool:
        """Whether one of the tags was told missing, here or in a level around."""
        if not tags.isdisjoint(level.required):
            return True
        around: Dataset | None = dataset
        while around is not None:
            if not tags.isdisjoint(self._missing_here.get(id(around), ())):
                return True
            around = around.parent
        return False

    # -- one row ---------------------------------------------------------------------------------------

    def _stands(self, row: Aged) -> bool:
        """Whether a row, or the use of a module, holds for the instance: of one that is older than it, it does not."""
        if not row.since and not row.until:
            return True
        tables = standard.load()
        if tables.asked:
            return stands_in(row, tables.edition)
        if self._dated is None:
            self._dated = content_date(self.instance.dataset)
        return stood_at(row, self._dated)

    def _missing(self, code: str, dataset: Dataset, tag: int, level: Level, type_: str) -> None:
        specs = (spec for spec in level.rows[tag] if spec.type == type_)
        spec = next((spec for spec in specs if self._stands(spec.row)), None)
        if spec is None:
            return
        self._add(
            code, dataset, tag, f"{spec.row.keyword} is missing (Type {type_})",
            want="present with a value" if type_ == "1" else "present (may be empty)",
            because=self._absent.get(spec.table, ""), table=spec.table,
        )  # fmt: skip

    def _empty(self, code: str, dataset: Dataset, element: Element, level: Level, type_: str) -> None:
        specs = (spec for spec in level.rows[element.tag] if spec.type == type_)
        spec = next((spec for spec in specs if self._stands(spec.row)), None)
        if spec is None:
            return
        what = "has no items" if element.items is not None else "has no value"
        self._add(
            code, dataset, element.tag, f"{spec.row.keyword} {what} (Type {type_})",
            want="at least one item" if element.items is not None else "a value",
            table=spec.table, offset=element.offset,
        )  # fmt: skip

    def _unknown(self, dataset: Dataset, element: Element, level: Level) -> None:
        if level.knows(element.tag):
            return
        entry = standard.load().dictionary.entry(element.tag)
        if entry is None or entry.retired:
            return  # said by the checks of elements
        self._add(
            "unknown-attribute", dataset, element.tag,
            f"{name_of(element.tag)} is not in any module of {self.iod.name if self.iod else 'the IOD'} at this place",
            offset=element.offset,
        )  # fmt: skip

    def _listed_values(self, dataset: Dataset, element: Element, level: Level) -> None:
        """Hold the values of an attribute to the lists of its rows; the same few values come again and again."""
        if not dataset.is_whole(element):
            return
        values = dataset.values(element.tag)
        settled = level.settled.get(element.tag)
        if not values or (settled is not None and values in settled):
            return
        before = len(self.problems)
        self._values(dataset, element, values, level.valued[element.tag])
        if settled is not None and before == len(self.problems) and len(settled) < _SETTLED:
            settled.add(values)

    def _values(
        self,
        dataset: Dataset,
        element: Element,
        values: tuple[object, ...],
        sets: list[tuple[standard.ValueSet, RowSpec]],
    ) -> None:
        defined: dict[int, tuple[set[object], RowSpec]] = {}
        failed: set[int] = set()
        for allowed, spec in sets:
            if spec.gates and not all(
                gate(ConditionScope(dataset, meta=self._meta), {}) is True for gate in spec.gates
            ):
                continue
            if (
                allowed.when is not None
                and condition(allowed.when)(ConditionScope(dataset, meta=self._meta), {}) is not True
            ):
                continue
            if allowed.kind == "defined":
                known, _ = defined.setdefault(allowed.position, (set(), spec))
                known.update(allowed.values)
                continue
            for number in _positions(allowed.position, values):
                if (
                    values[number - 1] not in allowed.values
                    and values[number - 1] != ""
                    and number not in failed
                ):
                    failed.add(number)
                    self._add(
                        "enumerated-value", dataset, element.tag,
                        f"value {number} of {name_of(element.tag)} is not an Enumerated Value",
                        found=values[number - 1], want=_listed(allowed.values), table=spec.table,
                        offset=element.offset, number=number,
                    )  # fmt: skip
        for position, (known, spec) in defined.items():
            if len(known) == 1:
                continue  # a list of one term is an example, and terms may be added
            for number in _positions(position, values):
                if values[number - 1] not in known and values[number - 1] != "" and number not in failed:
                    failed.add(number)
                    self._add(
                        "defined-term", dataset, element.tag,
                        f"value {number} of {name_of(element.tag)} is not a Defined Term",
                        found=values[number - 1], want=_listed(sorted(known, key=str)), table=spec.table,
                        offset=element.offset, number=number,
                    )  # fmt: skip

    def _items(self, dataset: Dataset, element: Element, spec: RowSpec) -> None:
        count = len(dataset.items(element.tag))
        assert spec.row.items is not None
        low, high = spec.row.items
        if count == 0 and low <= 1:
            return  # no items at all: a matter of types
        if (count < low and dataset.is_whole(element)) or (high is not None and count > high):
            wanted = str(low) if low == high else f"{low} or more" if high is None else f"{low} to {high}"
            self._add(
                "item-count", dataset, element.tag, f"{spec.row.keyword} has {count} items",
                said=str(count), want=wanted, table=spec.table, offset=element.offset,
            )  # fmt: skip

    # -- functional groups --------------------------------------------------------------------------------

    def _groups(self, iod: standard.Iod, dataset: Dataset) -> None:
        cut = dataset.may_have(PerFrameFunctionalGroupsSequence) or not all(
            dataset.is_whole(dataset.elements[tag])
            for tag in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence)
            if tag in dataset
        )
        # Of groups that are cut nobody knows which were meant to be where.
        if (
            not iod.functional_groups
            or cut
            or (
                SharedFunctionalGroupsSequence not in dataset
                and PerFrameFunctionalGroupsSequence not in dataset
            )
        ):
            return
        shared = _group_tags(dataset.items(SharedFunctionalGroupsSequence))
        everywhere, somewhere = _frame_tags(dataset.items(PerFrameFunctionalGroupsSequence))
        scope = ConditionScope(_frame_level(dataset), meta=self._meta)
        indexed = _groups_of_dimensions(dataset)
        # Of a sequence without its item nothing more is said than that.
        no_item = SharedFunctionalGroupsSequence in dataset and not len(
            dataset.items(SharedFunctionalGroupsSequence)
        )
        for use in iod.functional_groups:
            tags = _sequences_of(use.table)
            if not tags:
                continue
            for tag in tags & shared & somewhere:
                self._group("functional-group-both", dataset, tag, use, f"{name_of(tag)} is both shared and per-frame",
                            "either shared or per-frame")  # fmt: skip
            if use.placement == "shared":
                for tag in tags & somewhere - shared:
                    self._group("functional-group-not-shared", dataset, tag, use,
                                f"{name_of(tag)} is per-frame, but must be shared", "shared")  # fmt: skip
            if use.placement == "per-frame":
                for tag in tags & shared - somewhere:
                    self._group("functional-group-not-per-frame", dataset, tag, use,
                                f"{name_of(tag)} is shared, but must be per-frame", "per-frame")  # fmt: skip
            if tags.isdisjoint(shared | somewhere) and not (no_item and use.placement == "shared"):
                self._absent_group(use, tags, dataset, scope)
            for tag in tags & somewhere - everywhere:
                self._some_frames(
                    dataset.items(PerFrameFunctionalGroupsSequence),
                    tag,
                    use,
                    use.usage == "U" and tag not in indexed,
                )

    def _some_frames(self, frames: Items, tag: int, use: standard.MacroUse, optional: bool) -> None:
        lacking = _frames_without(frames, tag)
        level = frames[lacking[0]]
        self.problems.append(
            Problem(
                check=f"table.functional-group-some-frames{'-optional' if optional else ''}", level=level, tag=tag,
                message=f"{name_of(tag)} is present for some frames only", want="present for every frame",
                table=use.table, offset=level.offset, groups=(Group(level, lacking),), count=len(lacking),
            )
        )  # fmt: skip

    def _absent_group(
        self, use: standard.MacroUse, tags: frozenset[int], dataset: Dataset, scope: ConditionScope
    ) -> None:
        because = ""
        if use.usage == "U" or not self._stands(use):
            return
        if use.usage == "C":
            if use.when is None:
                verdict: object = None
            else:
                when = condition(use.when)
                verdict, because = when(scope, {}), describe(when)
            if verdict is not True:
                if verdict is not False:
                    self._open("functional-group-missing", use.when)
                return
        tag = min(tags)
        self._group("functional-group-missing", dataset, tag, use,
                    f"the {use.name} Functional Group is missing", _PLACES.get(use.placement, "shared or for every frame"),
                    because)  # fmt: skip

    def _group(
        self,
        code: str,
        dataset: Dataset,
        tag: int,
        use: standard.MacroUse,
        message: str,
        want: str,
        because: str = "",
    ) -> None:
        per_frame = code == "functional-group-not-shared" or (
            code == "functional-group-missing" and use.placement == "per-frame"
        )
        sequence = PerFrameFunctionalGroupsSequence if per_frame else SharedFunctionalGroupsSequence
        items = dataset.items(sequence) or dataset.items(PerFrameFunctionalGroupsSequence)
        level = items[0] if len(items) else dataset
        self._add(code, level, tag, message, want=want, because=because, table=use.table, offset=level.offset)

    # -- --------------------------------------------------------------------------------------------------

    def _open(self, code: str, when: str | None) -> None:
        """Count a condition that was not decided: one that no file can show, or one that this file does not."""
        if when is not None and "unknown(" in when:
            self.unknowable += self._times
        else:
            self.undecided[code] = self.undecided.get(code, 0) + self._times

    def _add(
        self, code: str, level: Dataset, tag: int, message: str, *, found: object = None, said: str = "",
        want: str = "", because: str = "", table: str = "", offset: int = -1, number: int = 0,
    ) -> None:  # fmt: skip
        self.problems.append(
            Problem(
                check=f"table.{code}", level=level, tag=tag, message=message, found=found,
                said=said, want=want, because=because, table=table, offset=offset, number=number,
            )
        )  # fmt: skip


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
    """Whether one of the attributes is required at a level and has no value there."""
    for tag in tags:
        if not any(spec.type == "1" for spec in level.rows.get(tag, ())):
            continue
        element = dataset.elements.get(tag)
        if element is None or _is_empty(dataset, element):
            return True
    return False


def _is_empty(dataset: Dataset, element: Element) -> bool:
    """Whether an element has no value; padding is none in text, and a number like any other elsewhere (PS3.5 7.4)."""
    if element.items is not None:
        return not len(element.items) and dataset.is_whole(element)
    size = element.end - element.start
    if size == 0:
        return element.fragments is None and element.length == 0
    if size <= BLANK_BYTES and element.vr in TEXT_VRS:
        return not dataset.raw(element.tag).strip(_PADDING)
    return False


def _positions(position: int, values: tuple[object, ...]) -> Iterator[int]:
    if position == 0:
        yield from range(1, len(values) + 1)
    elif position <= len(values):
        yield position


def _listed(values: Sequence[object]) -> str:
    shown = [str(value) for value in values[:12]]
    return ", ".join(shown) + (f" or {len(values) - 12} more" if len(values) > 12 else "")


def _group_tags(items: Items) -> frozenset[int]:
    return frozenset().union(*(group.template.elements for group in items.groups()))


def _frame_tags(items: Items) -> tuple[frozenset[int], frozenset[int]]:
    """Tags of the groups that every frame has, and of those that some frame has."""
    tags = [frozenset(group.template.elements) for group in items.groups()]
    if not tags:
        return frozenset(), frozenset()
    return frozenset.intersection(*tags), frozenset().union(*tags)


def _frames_without(items: Items, tag: int) -> tuple[int, ...]:
    """The numbers of the frames that do not have a group."""
    lacking = [
        int(number)
        for group in items.groups()
        if tag not in group.template.elements
        for number in group.numbers
    ]
    return tuple(sorted(lacking))


def _groups_of_dimensions(dataset: Dataset) -> frozenset[int]:
    """The groups that every frame needs for the dimensions: their indices, and what they stand for (PS3.3 C.7.6.17)."""
    items = dataset.items(DimensionIndexSequence)
    if not len(items):
        return frozenset()
    pointed = (item.value(FunctionalGroupPointer) for item in items)
    return frozenset({FrameContentSequence, *(tag for tag in pointed if isinstance(tag, int))})


def _frame_level(dataset: Dataset) -> Dataset:
    """A level from which the conditions of functional groups see the first frame."""
    items = dataset.items(PerFrameFunctionalGroupsSequence) or dataset.items(SharedFunctionalGroupsSequence)
    return items[0] if len(items) else dataset


def _sequences_of(table: str) -> frozenset[int]:
    try:
        rows = standard.load().table(table).rows
    except KeyError:
        return frozenset()
    return frozenset(row.tag for row in rows if isinstance(row, standard.Row))
