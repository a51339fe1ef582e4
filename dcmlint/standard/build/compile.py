"""The back end: from what a front end read, the facts and the overlay, to the tables as they are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from dcmlint.errors import StandardError
from dcmlint.standard.build.bounds import bounds_of
from dcmlint.standard.build.conditions import Reading, read_condition
from dcmlint.standard.build.facts import Facts
from dcmlint.standard.build.numbers import count_of, numbering_of
from dcmlint.standard.build.overlay import Overlay, Patch, value_sets
from dcmlint.standard.build.source import (
    AttributeLine,
    IncludeLine,
    Source,
    SourceElement,
    SourceIod,
    SourceTable,
    SourceUse,
)
from dcmlint.standard.build.values import NUMERIC
from dcmlint.standard.build.values import value_sets as read_value_sets
from dcmlint.standard.dictionary import Dictionary, DictionaryColumns, Entry
from dcmlint.standard.tables import (
    FUNCTIONAL_GROUPS,
    Include,
    Iod,
    MacroUse,
    ModuleUse,
    ProhibitedModule,
    Row,
    SopClass,
    Table,
    ValueSet,
)


def dictionary_columns(elements: Iterable[SourceElement]) -> DictionaryColumns:
    """The dictionary as it is stored. "US or SS" becomes "US/SS"; "1-n or 1" becomes "1-n"."""
    ordered = sorted(elements, key=lambda element: (element.tag.replace("x", "0"), "x" not in element.tag))
    columns = DictionaryColumns([], [], [], [], [], [], [], [], [])
    vrs: dict[str, int] = {}
    vms: dict[str, int] = {}
    taken: set[str] = set()
    for position, element in enumerate(ordered):
        if re.search("[^0-9a-fx]", element.tag):
            continue
        vr = "" if element.vr == "NONE" else element.vr.replace(" or ", "/")
        columns.tags.append(int(element.tag.replace("x", "0"), 16))
        columns.keywords.append("" if element.keyword in taken else element.keyword)
        taken.add(element.keyword)
        columns.names.append(element.name)
        columns.vrs.append(vrs.setdefault(vr, len(vrs)))
        columns.vms.append(vms.setdefault(element.vm.removesuffix(" or 1"), len(vms)))
        if element.retired:
            columns.retired.append(position)
        if "x" in element.tag:
            mask = int("".join("0" if digit == "x" else "f" for digit in element.tag), 16)
            columns.masks.append((mask, position))
    columns.vr_names.extend(vrs)
    columns.vm_names.extend(vms)
    return columns


class Compiler:
    """Compiles one edition. ``errors`` make a build fail, ``notes`` go into its report."""

    def __init__(self, source: Source, facts: Facts, overlay: Overlay) -> None:
        self.source, self.facts, self.overlay = source, facts, overlay
        self.columns = dictionary_columns(source.elements)
        self.dictionary = Dictionary(self.columns)
        self.errors: list[str] = []
        self.notes: list[str] = []
        self._used: set[str] = set()
        self._section_tables: dict[str, list[str]] = {}
        self._caption_tables: dict[str, str] = {}
        self.tables: dict[str, Table] = {}
        self._classes: dict[str, list[str]] = {}
        for sop_class in source.sop_classes:
            self._classes.setdefault(sop_class.iod, []).append(sop_class.uid)

    def compile_tables(self) -> dict[str, Table]:
        """Every table, in the order of the source."""
        lost = {name: table for name, table in self.facts.tables.items() if name not in self.source.tables}
        for name, entry in lost.items():
            self.source.tables[name] = SourceTable(
                name=name,
                caption=entry.caption,
                section=entry.section,
                lines=tuple(
                    AttributeLine(level=level, tag=int(tag, 16), name=label, type=type_, text="")
                    for level, tag, label, type_ in entry.lines
                ),
            )
        for name, table in self.source.tables.items():
            self.tables[name] = self._table(table)
            if table.section:
                self._section_tables.setdefault(table.section, []).append(name)
            caption = re.sub(r" (Module|Macro) Attributes$", "", table.caption).lower()
            self._caption_tables.setdefault(caption, name)
        self._report_dangling()
        entries = [patch for patches in self.overlay.rows.values() for patch in patches]
        for patch in [*entries, *self.overlay.includes.values()]:
            if patch.where not in self._used:
                self.errors.append(f"{patch.where}: no such row: {patch.target}")
        return self.tables

    def _report_dangling(self) -> None:
        for name, table in self.tables.items():
            for include in _includes(table.rows):
                if include.table not in self.tables and include.table != FUNCTIONAL_GROUPS:
                    self.notes.append(f"{name}: includes {include.table}, which is not there")

    def _table(self, table: SourceTable) -> Table:
        position, open_ = 0, False
        rows: list[Row | Include] = []
        levels = _Levels(self, table)
        while position < len(table.lines):
            if table.lines[position].level > 0 and rows:
                found, position, opens = levels.continuation(position, rows[-1])
            else:
                found, position, opens = levels.line(position, "")
            open_ = open_ or opens
            if found is not None:
                rows.append(found)
        section = table.section or table.name.rpartition("-")[0]
        return Table(table.name, table.caption, section, tuple(rows), open_)

    def row(
        self, table: str, path: str, nth: int, line: AttributeLine, entry: Entry, rows: Sequence[Row | Include],
        open_: bool, siblings: frozenset[str],
    ) -> Row:  # fmt: skip
        """One row, with all that is known of it."""
        key = (table, path)
        reading: Reading | None = None
        type_: Any = line.type if line.type in ("1", "1C", "2", "2C", "3") else "-"
        if type_ in ("1C", "2C"):
            reading = _only_reachable(self._reading(key, line), siblings)
        row = Row(
            tag=entry.tag,
            keyword=entry.keyword,
            type=type_,
            when=reading.when if reading else None,
            otherwise=_allowed(reading),
            values=self._values(key, line, entry) or (bounds_of(line.text) if entry.vr in NUMERIC else ()),
            items=(item_count(line.text, type_) or self._known_items(key, type_))
            if entry.vr == "SQ"
            else None,
            rows=tuple(rows),
            condition_hash=reading.hash if reading else None,
            parsed_by="parser" if reading and reading.when else None,
            open=open_,
            since=self.facts.since.get(key, ""),
            count=count_of(line.text, self.dictionary.entry) if entry.vr == "SQ" else 0,
            numbering=numbering_of(line.text, entry.tag, line.level) if line.level else "",
        )
        # What adds to the values comes after what gives them.
        for patch in sorted(self.overlay.rows.get(key, ()), key=lambda one: "also" in one.given):
            if int(patch.get("nth", nth)) == nth:
                self._used.add(patch.where)
                row = self._patched(row, patch, entry)
        return row

    def sequence_named(self, name: str) -> Entry | None:
        """The sequence with this name."""
        entry = self.dictionary.by_keyword(re.sub(r"[^A-Za-z0-9]", "", name))
        return entry if entry is not None and entry.vr == "SQ" else None

    def include(self, table: str, path: str, included: str, cid: int, binding: str) -> Include:
        """One include, with the condition that the overlay gives it."""
        bound: Any = binding
        include = Include(included, cid, bound)
        patch = self.overlay.includes.get((table, path, included))
        if patch is None:
            return include
        self._used.add(patch.where)
        otherwise: Any = patch.get("otherwise", "unread")
        return msgspec.structs.replace(
            include, when=patch.get("when", None), otherwise=otherwise, parsed_by="reviewed"
        )

    def _values(self, key: tuple[str, str], line: AttributeLine, entry: Entry) -> tuple[ValueSet, ...]:
        """The value sets of a description; where its lists were lost, those known from an earlier edition."""
        if line.lists is None:
            return self.facts.values.get(key, ())
        return read_value_sets(line.lists, entry) or ()

    def _reading(self, key: tuple[str, str], line: AttributeLine) -> Reading | None:
        """The condition in a description; where it was cut off, what an earlier edition is known to say."""
        known, text = self.facts.sentences.get(key), line.text
        reading = read_condition(text, self.dictionary.entry, complete=line.whole)
        if line.whole or known is None:
            return reading
        if reading is None and not known.same:
            named = frozenset(re.findall(r"\b[A-Z]\w+", re.sub(r'"[^"]*"', "", known.when or "")))
            otherwise: Any = "may" if known.otherwise == "may" else "unread"
            return Reading(
                when=known.when, otherwise=otherwise, hash=known.hash, absent=known.absent, named=named
            )
        if reading is not None and known.same and known.hash == reading.hash:
            return read_condition(text, self.dictionary.entry, complete=True)
        return reading

    def _known_items(self, key: tuple[str, str], type_: str) -> tuple[int, int | None] | None:
        known = self.facts.items.get(key)
        return None if known is None else _bounds(*known, type_)

    def _patched(self, row: Row, patch: Patch, entry: Entry) -> Row:
        given = patch.given
        changes: dict[str, Any] = {
            key: given[key] for key in ("type", "otherwise", "since", "until", "numbering") if key in given
        }
        if "when" in given:
            changes["when"] = given["when"]
            changes["parsed_by"] = "reviewed"
            changes.setdefault("otherwise", "unread")
        if "values" in given:
            changes["values"] = self._value_sets(given["values"], entry, patch)
        if "also" in given:
            changes["values"] = (
                *changes.get("values", row.values),
                *self._value_sets(given["also"], entry, patch),
            )
        if "count" in given:
            counted = self.dictionary.by_keyword(given["count"]) if given["count"] else None
            changes["count"] = counted.tag if counted is not None else 0
            if given["count"] and counted is None:
                self.errors.append(f"{patch.where}: {given['count']} is not in the dictionary")
        if "items" in given and isinstance(given["items"], list):
            fewest, most = (*given["items"], None)[:2]
            changes["items"] = (int(fewest), None if most in (None, "") else int(most))
        try:
            return msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(row, **changes)), Row)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            self.errors.append(f"{patch.where}: {error}")
            return row

    def _value_sets(self, given: Any, entry: Entry, patch: Patch) -> tuple[ValueSet, ...]:
        try:
            return value_sets(given, entry.vr in NUMERIC, patch.where, self._classes)
        except StandardError as error:
            self.errors.append(str(error))
            return ()

    def compile_iods(self) -> dict[str, Iod]:
        """Every IOD; the tables must have been compiled."""
        iods = {name: self._iod(iod) for name, iod in self.source.iods.items()}
        overlay = self.overlay
        for place in (overlay.modules, overlay.functional_groups, overlay.iods, overlay.prohibitions):
            patches: Mapping[Any, Patch] = place
            self.errors += [
                f"{patch.where}: no such use: {patch.target}"
                for patch in patches.values()
                if patch.where not in self._used
            ]
        return iods

    def _iod(self, iod: SourceIod) -> Iod:
        modules = []
        for use in iod.modules:
            tables = self._tables_of(use)
            if not tables:
                self.notes.append(f"{iod.name}: module {use.name} ({use.section}) has no table")
            when, otherwise, parsed_by, digest = self._use_condition(use)
            usage: Any = use.usage or "U"
            built = ModuleUse(
                use.name, use.section, tables, usage, when, otherwise, parsed_by, digest,
                self.facts.uses_since.get((iod.name, use.name), ""),
            )  # fmt: skip
            modules.append(self._patched_use(built, self.overlay.modules.get((iod.name, use.name))))
        groups = []
        for use in iod.functional_groups:
            tables = self._tables_of(use, "Macro")
            when, otherwise, parsed_by, digest = self._use_condition(use)
            usage = use.usage or "U"
            placement: Any = self.facts.placements.get(tables[0] if tables else "", "any")
            if re.search(r"not be used as a Shared Functional Group", use.condition):
                placement = "per-frame"
            built_group = MacroUse(
                use.name, use.section, tables[0] if tables else "", usage, when, otherwise, placement,
                parsed_by, digest, self.facts.uses_since.get((iod.name, use.name), ""),
            )  # fmt: skip
            groups.append(
                self._patched_use(built_group, self.overlay.functional_groups.get((iod.name, use.name)))
            )
        patch = self.overlay.iods.get(iod.name)
        if patch:
            self._used.add(patch.where)
        reviewed = patch is not None and patch.get("reviewed", "false") == "true"
        return Iod(iod.name, iod.section, tuple(modules), tuple(groups), reviewed, self._prohibited(iod.name))

    def _prohibited(self, iod: str) -> tuple[ProhibitedModule, ...]:
        patch = self.overlay.prohibitions.get(iod)
        if patch is None:
            return ()
        self._used.add(patch.where)
        found = []
        for name in patch.given["prohibited"]:
            table = self._caption_tables.get(name.lower())
            if table is None:
                self.errors.append(f"{patch.where}: no module {name}")
                continue
            found.append(ProhibitedModule(name, table, patch.get("section", "")))
        return tuple(found)

    def _patched_use(self, use: Any, patch: Patch | None) -> Any:
        if patch is None:
            return use
        self._used.add(patch.where)
        changes: dict[str, Any] = {
            key: patch.given[key]
            for key in ("usage", "when", "otherwise", "placement", "since", "until")
            if key in patch.given
        }
        if "when" in changes:
            changes["parsed_by"] = "reviewed"
            changes.setdefault("otherwise", "unread")
        try:
            return msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(use, **changes)), type(use))
        except (msgspec.ValidationError, TypeError) as error:
            self.errors.append(f"{patch.where}: {error}")
            return use

    def _use_condition(self, use: SourceUse) -> tuple[str | None, Any, Any, str | None]:
        if use.usage != "C":
            return None, "unread", None, None
        text = use.condition.rstrip(".") + "."
        reading = _only_reachable(read_condition(text, self.dictionary.entry, complete=False), frozenset())
        if reading is None:
            return None, "unread", None, None
        return reading.when, _allowed(reading), "parser" if reading.when else None, reading.hash

    def _tables_of(self, use: SourceUse, kind: str = "Module") -> tuple[str, ...]:
        tables = self._section_tables.get(use.section, ())
        named = self._caption_tables.get(use.name.lower())
        if len(tables) == 1:
            # The list of modules of an IOD may give the section of another module: then the name is the surer sign.
            elsewhere = f"{use.name} {kind} Attributes".lower()
            captions = {self.source.tables[name].caption.lower(): name for name in (tables[0], named) if name}
            return (captions.get(elsewhere, tables[0]),)
        return (named,) if named else tuple(tables[:1])

    def sop_classes(self, keywords: Mapping[str, str]) -> dict[str, SopClass]:
        """The SOP Classes by UID; ``keywords`` are those of PS3.6 Annex A."""
        found = {}
        for entry in self.source.sop_classes:
            if entry.iod not in self.source.iods:
                self.notes.append(f"SOP Class {entry.name}: no IOD {entry.iod}")
                continue
            found[entry.uid] = SopClass(entry.uid, entry.name, keywords.get(entry.uid, ""), entry.iod)
        return found


class _Levels:
    """Turns the flat lines of a table, whose level is a number of >, into rows within rows."""

    def __init__(self, compiler: Compiler, table: SourceTable) -> None:
        self.compiler, self.table, self.lines = compiler, table, table.lines
        self._seen: dict[str, int] = {}

    def line(self, position: int, above: str) -> tuple[Row | Include | None, int, bool]:
        """The row at ``position`` with what is below it, the position after it, and whether it opens its parent."""
        line = self.lines[position]
        compiler = self.compiler
        if isinstance(line, IncludeLine):
            if not line.table:
                return None, position + 1, True
            known = compiler.facts.context_groups.get((self.table.name, above), "") if above else ""
            binding, cid = (known[0], int(known[1:])) if known else context_group(line.usage)
            code = line.table.startswith("8.8-")
            include = compiler.include(
                self.table.name, above, line.table, cid if code else 0, binding if code else ""
            )
            return include, position + 1, False
        entry = None if line.tag is None else compiler.dictionary.entry(line.tag)
        if line.tag is None or entry is None or not entry.keyword:
            if line.tag is not None:
                compiler.notes.append(f"{self.table.name}: {line.name} is not in the dictionary")
            return None, self._skip(position, line.level), True
        if (
            entry.vr != "SQ"
            and position + 1 < len(self.lines)
            and self.lines[position + 1].level > line.level
        ):
            entry = (
                compiler.sequence_named(line.name) or entry
            )  # a slip in the tag, seen from what is within it
            compiler.notes.append(f"{self.table.name}: tag of {line.name} taken from its name")
        path = f"{above}.{entry.keyword}" if above else entry.keyword
        nth = self._seen[path] = self._seen.get(path, 0) + 1
        siblings = self._reachable(position)
        rows: list[Row | Include] = []
        open_ = False
        after = position + 1
        while after < len(self.lines) and self.lines[after].level > line.level:
            row, after, opens = self.line(after, path)
            open_ = open_ or opens
            if row is not None:
                rows.append(row)
        built = compiler.row(self.table.name, path, nth, line, entry, rows, open_, siblings)
        return built, after, False

    def continuation(self, position: int, before: Row | Include) -> tuple[Row | Include | None, int, bool]:
        """Rows within a sequence that an included macro ends with: a row of no type holds them (C.18.4-1)."""
        macro = self.compiler.source.tables.get(before.table) if isinstance(before, Include) else None
        tags = (
            [line.tag for line in macro.lines if isinstance(line, AttributeLine) and line.level == 0]
            if macro
            else []
        )
        entry = self.compiler.dictionary.entry(tags[-1]) if tags and tags[-1] is not None else None
        after = position
        rows: list[Row | Include] = []
        while after < len(self.lines) and self.lines[after].level > 0:
            row, after, _ = self.line(after, entry.keyword if entry else "")
            if row is not None:
                rows.append(row)
        if entry is None:
            self.compiler.notes.append(f"{self.table.name}: rows within nothing")
            return None, after, False
        return Row(entry.tag, entry.keyword, "-", rows=tuple(rows)), after, False

    def _skip(self, position: int, level: int) -> int:
        after = position + 1
        while after < len(self.lines) and self.lines[after].level > level:
            after += 1
        return after

    def _reachable(self, position: int) -> frozenset[str]:
        """The keywords of the lines beside this one and beside what is above it, within the table."""
        found: set[str] = set()
        level = self.lines[position].level
        for step in (-1, 1):
            at, limit = position + step, level
            while 0 <= at < len(self.lines):
                line = self.lines[at]
                limit = min(limit, line.level)
                if line.level <= limit and isinstance(line, AttributeLine) and line.tag is not None:
                    entry = self.compiler.dictionary.entry(line.tag)
                    if entry:
                        found.add(entry.keyword)
                at += step
        return frozenset(found)


def _only_reachable(reading: Reading | None, siblings: frozenset[str]) -> Reading | None:
    """A reading without doubt: what must be absent, or what forbids, is looked for where the table has it."""
    if reading is None or reading.when is None:
        return reading
    if not reading.absent <= siblings:
        return msgspec.structs.replace(reading, when=None)
    if reading.otherwise == "not" and not reading.named <= siblings:
        return msgspec.structs.replace(reading, otherwise="unread")
    return reading


def _allowed(reading: Reading | None) -> Any:
    if reading is None or (reading.when is None and reading.otherwise == "not"):
        return "unread"
    return reading.otherwise


def _includes(rows: Iterable[Row | Include]) -> Iterable[Include]:
    for row in rows:
        if isinstance(row, Include):
            yield row
        else:
            yield from _includes(row.rows)


def context_group(usage: str) -> tuple[str, int]:
    """The binding ("B", "D", "E") and the number of the context group that a usage note names, ("", 0) for none."""
    found = re.findall(r"\b([BDE])?(?:CID) (\d+)\b", usage)
    numbers = {number for _, number in found}
    if len(numbers) != 1:
        return "", 0
    return found[0][0] or ("D" if "Defined" in usage else "B"), int(found[0][1])


_WORDS = {"a single": 1, "one": 1, "two": 2, "three": 3, "four": 4}
_ITEMS = re.compile(
    r"^(?P<only>Only )?(?P<low>Zero|a single|(?:At least |No more than )?one|Two|Three|Four)"
    r"(?: or (?P<high>more|one|two|three))? Items? (?:shall be|are|is|may be) (?:included|permitted|present)"
    r"(?: (?:in|for) (?:this|the) Sequencee?)?$",
    re.I,
)
# Says how several items are to be understood, and not how many there are.
_OF_SEVERAL = re.compile(
    r"\bif (?:more than one|multiple) Items? (?:is|are) (?:included|permitted|present)\b", re.I
)
_LIMITS = {"at least one": (1, None), "no more than one": (0, 1)}


def item_count(text: str, type_: str) -> tuple[int, int | None] | None:
    """How many items a description allows; None where it says nothing, or something with a condition.

    A sequence of type 2, 2C or 3 may be empty (PS3.5 7.4), whatever number of items it is to have.
    """
    text = _OF_SEVERAL.sub("", text)
    found = [
        match
        for line in re.split(r"\n+|(?<=[\w)])\.(?:\s+|$)", text)
        if (match := _ITEMS.match(line.strip()))
    ]
    if (
        len(found) != 1
        or len(re.findall(r"Items? (?:shall be|are|is|may be) (?:included|permitted|present)", text)) != 1
    ):
        return None
    words = found[0]["low"].lower()
    if words in _LIMITS:
        return _bounds(*_LIMITS[words], type_)
    low = _WORDS.get(words, 0)
    high = found[0]["high"]
    most = low if high is None else None if high.lower() == "more" else _WORDS[high.lower()]
    return _bounds(low, most, type_)


def _bounds(low: int, most: int | None, type_: str) -> tuple[int, int | None]:
    return (low if type_ in ("1", "1C") else 0), most
