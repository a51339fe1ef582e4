"""The gap between a statement and the IOD: what the standard requires and the statement does not promise.

Conditions of type 1C and 2C are evaluated on what the statement fixes; one counts as true only when it is so
whether what the statement leaves open is absent or unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from dcmlint import standard
from dcmlint.errors import RuleError
from dcmlint.expr import ABSENT, UNKNOWN, compile_expression
from dcmlint.findings.finding import Severity
from dcmlint.profiles.attributes import PlacedRow, placed_rows
from dcmlint.profiles.model import AttributeRow, Profile, ProfileSource
from dcmlint.profiles.parameters import as_list
from dcmlint.profiles.remark import Remark, remark_at
from dcmlint.profiles.row_demands import tag_of
from dcmlint.profiles.uids import uid_of
from dcmlint.rules.names import TABLE_NAMES
from dcmlint.standard import FUNCTIONAL_GROUPS, Include, Iod, Row
from dcmlint.standard.tags import PerFrameFunctionalGroupsSequence, SharedFunctionalGroupsSequence

_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "US/SS"})
_SHARED_GROUPS, _PER_FRAME_GROUPS = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
# PS3.16 8: designators that are retired, and what took their place; SRT is the one met in statements about slides.
RETIRED_SCHEMES = {"SRT": "SCT", "SNM3": "SCT", "99SDM": "SCT"}
# PS3.3 A.32.8.3: baseline context groups of the whole slide IOD, which its module tables do not name.
_BASELINE = {
    "IlluminatorTypeCodeSequence": 8125,
    "IlluminationColorCodeSequence": 8122,
    "IlluminationTypeCodeSequence": 8123,
    "LightPathFilterTypeStackCodeSequence": 8124,
    "ImagePathFilterTypeStackCodeSequence": 8124,
    "LensesCodeSequence": 8121,
}
_OF_RECEIVERS = ("outside-iod", "value-not-allowed", "code-outside-group", "forbidden-attribute")
_ORDER = ("1", "1C", "2", "2C", "3", "-")


class _Use(msgspec.Struct, frozen=True):
    """A row of the standard at one level: with all conditions under which it is there at all."""

    row: Row
    table: str
    conditions: tuple[str, ...] = ()
    undecidable: bool = False


class PromisedScope:
    """A level of a data set that holds what a statement promises, as conditions see it.

    ``open_``: what an attribute is that the statement says nothing of.
    """

    __slots__ = ("_open", "_parent", "_rows")

    def __init__(
        self, rows: Sequence[AttributeRow], open_: object, parent: PromisedScope | None = None
    ) -> None:
        self._rows = {tag_of(row.attribute): row for row in rows}
        self._open, self._parent = open_, parent

    def attribute(self, tag: int) -> object:
        """What is promised here or around; what is left open otherwise."""
        level: PromisedScope | None = self
        while level is not None:
            row = level._rows.get(tag)
            if row is not None:
                return level._value(row, tag)
            level = level._parent
        return self._open

    def _value(self, row: AttributeRow, tag: int) -> object:
        fixed = fixed_values(row, tag)
        if fixed is not None:
            return fixed
        if row.presence != "always":
            return self._open
        if row.empty == "required":
            return None
        if row.items:
            return [PromisedScope(row.items, self._open, self)]
        return UNKNOWN

    def fact(self, name: str) -> object:
        """No facts in tables."""
        return ABSENT

    @property
    def root(self) -> PromisedScope:
        """The top level."""
        return self if self._parent is None else self._parent.root

    @property
    def file(self) -> PromisedScope:
        """A file meta group of which nothing is known."""
        return PromisedScope((), UNKNOWN)

    def up(self, tag: int) -> object:
        """The nearest enclosing level that has the attribute."""
        return self.attribute(tag)


def fixed_values(row: AttributeRow, tag: int) -> object:
    """The one value that a row allows, or a tuple of them; None where it is open."""
    listed = as_list(row.values)
    entry = standard.load().dictionary.entry(tag)
    vr = entry.vr if entry is not None else "UN"
    if not listed and "value" in row.printed and vr != "SQ":
        # What the document prints is what it promises, though the row reads it otherwise.
        listed = (row.printed["value"],)
    if len(listed) != 1:
        return None
    parts: list[Any] = []
    for part in listed[0].split("\\"):
        if vr in _NUMBERS:
            try:
                parts.append(float(part))
            except ValueError:
                return None
        else:
            parts.append(tag_of(part) if vr == "AT" else part)
    return parts[0] if len(parts) == 1 else tuple(parts)


def gap_remarks(source: ProfileSource) -> list[Remark]:
    """What the IOD of the profile's first SOP Class knows, requires and allows, against the profile's rows.

    The rows of a receiver promise nothing: of them only what no instance can meet is told.
    """
    profile = source.profile
    iod = _iod(profile)
    if iod is None:
        return []
    comparison = _Comparison(source, iod)
    comparison.level(_top(iod), profile.attributes, (), None)
    if profile.side == "receiver":
        return [one for one in comparison.remarks if one.code in _OF_RECEIVERS]
    return comparison.remarks


def _iod(profile: Profile) -> Iod | None:
    for word in as_list(profile.applies.sop_class or profile.sop_classes):
        sop_class = standard.load().sop_class(uid_of(word, "SOP Class"))
        if sop_class is not None:
            return standard.load().iod(sop_class.iod)
    return None


def _top(iod: Iod) -> Iterator[_Use]:
    tables = standard.load()
    for module in iod.modules:
        conditions: tuple[str, ...] = ()
        undecidable = module.usage == "U" or (module.usage == "C" and module.when is None)
        if module.usage == "C" and module.when is not None:
            conditions = (module.when,)
        for name in module.tables:
            yield from _flat(tables.table(name).rows, name, conditions, undecidable, 0)


def _flat(
    rows: Iterable[Row | Include], table: str, conditions: tuple[str, ...], undecidable: bool, depth: int
) -> Iterator[_Use]:
    """Rows with those of included macros; the functional groups are left to the sequences that hold them."""
    if depth > 8:
        return
    for row in rows:
        if isinstance(row, Row):
            yield _Use(row, table, conditions, undecidable)
        elif row.table != FUNCTIONAL_GROUPS:
            inner = (*conditions, row.when) if row.when is not None else conditions
            yield from _flat(standard.load().table(row.table).rows, row.table, inner, undecidable, depth + 1)


class Known(msgspec.Struct, frozen=True):
    """What the IODs of some SOP Classes say of an attribute, whatever else an instance holds; within a sequence: of each item.

    ``there``: all of them have it without a condition, ``conditional``: all of them require it under one, ``filled``: with a value, ``values``: the only values (none: any).
    ``possible``: one of them has it at all; ``looked``: the IODs are known.
    """

    looked: bool = False
    there: bool = False
    filled: bool = False
    values: frozenset[str] = frozenset()
    possible: bool = True
    conditional: bool = False


def known_of(path: str, sop_classes: Sequence[str]) -> Known:
    """What is certain of an attribute, by the IODs of these SOP Classes; nothing, where one of them is not known."""
    tables = standard.load()
    iods = [tables.iod(found.iod) for uid in sop_classes if (found := tables.sop_class(uid)) is not None]
    tags = [tag_of(part) for part in path.split(".")]
    if not all(tags) or not iods or len(iods) != len(sop_classes):
        return Known()
    if len(tags) > 1 and tags[0] in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence):
        return Known()  # in which of the two a group stands is left open
    uses = [[use for use in _top(iod) if use.row.tag == tags[0]] for iod in iods]
    for tag in tags[1:]:
        uses = [
            [
                use
                for above in found
                for use in _flat(above.row.rows, above.table, (), False, 0)
                if use.row.tag == tag
            ]
            for found in uses
        ]
    certain = [[use for use in found if not use.undecidable and not use.conditions] for found in uses]

    def every(*types: str) -> bool:
        return all(any(use.row.type in types for use in found) for found in certain)

    listed = [_enumerated_values(found) for found in certain]
    return Known(
        looked=True, there=every("1", "2"), filled=every("1"), possible=any(uses),
        conditional=not every("1", "2") and all(any(use.row.type in ("1", "1C", "2", "2C") for use in found) for found in uses),
        values=frozenset().union(*listed) if listed and all(listed) else frozenset(),
    )  # fmt: skip


def _enumerated_values(uses: Sequence[_Use]) -> frozenset[str]:
    """The Enumerated Values that hold without a condition: those that every table allows that lists any."""
    listed = [
        frozenset(str(value) for value in allowed.values)
        for use in uses
        for allowed in use.row.values
        if allowed.kind == "enumerated" and allowed.when is None and not allowed.position
    ]
    return frozenset.intersection(*listed) if listed else frozenset()


class _Comparison:
    """Walks the rows of the statement and those of the standard side by side."""

    def __init__(self, source: ProfileSource, iod: Iod) -> None:
        self.source, self.iod = source, iod
        self.remarks: list[Remark] = []
        self._placed: dict[str, PlacedRow] = {}
        for placed in placed_rows(source.profile):
            # Of several rows of one attribute, the one that promises most.
            if placed.path not in self._placed or placed.row.presence == "always":
                self._placed[placed.path] = placed
        groups = {row.attribute: row.items for row in source.profile.attributes}
        self._groups = {
            row.attribute for name in (_SHARED_GROUPS, _PER_FRAME_GROUPS) for row in groups.get(name, ())
        }

    def level(
        self,
        uses: Iterable[_Use],
        rows: Sequence[AttributeRow],
        parents: tuple[str, ...],
        scopes: tuple[Any, Any] | None,
    ) -> None:
        """Compare one level; ``scopes``: of the level above, with what is open absent and unknown."""
        above = scopes or (None, None)
        here = (
            PromisedScope(rows, ABSENT, above[0]), PromisedScope(rows, UNKNOWN, above[1]),
        )  # fmt: skip
        by_tag: dict[int, list[_Use]] = {}
        for use in uses:
            by_tag.setdefault(use.row.tag, []).append(use)
        promised = {tag_of(row.attribute): row for row in rows}
        for tag, found in by_tag.items():
            required = self._required(found, here)
            row = promised.get(tag)
            if row is None:
                if required is not None:
                    self._missing(required, parents, rows)
                continue
            if (
                required is not None and required.row.type in ("1", "2") and row.presence not in ("always",)
            ) or (required is not None and row.presence in ("optional", "forbidden")):
                self._conditional(required, row, parents)
        for row in rows:
            own = tag_of(row.attribute)
            if own is None:
                continue
            known = by_tag.get(own)
            if known is None:
                self._unknown(row, parents)
                continue
            self._enumerated(known, row, parents, here)
            self._code(known, row, parents)
            inner = self._inner(known, own)
            if row.items:
                self.level(inner, row.items, (*parents, row.attribute), here)
            elif row.vr == "SQ":
                self._undescribed(row, parents)

    def _inner(self, known: Sequence[_Use], tag: int) -> Iterator[_Use]:
        """The rows of a sequence's items; in functional groups, those of the macros of the IOD."""
        for use in known:
            yield from _flat(use.row.rows, use.table, (), False, 0)
        if tag not in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence):
            return
        place: Literal["shared", "per-frame"] = (
            "shared" if tag == SharedFunctionalGroupsSequence else "per-frame"
        )
        for macro in self.iod.functional_groups:
            conditions = (macro.when,) if macro.usage == "C" and macro.when is not None else ()
            undecidable = macro.usage == "U" or (macro.usage == "C" and macro.when is None)
            if macro.placement not in ("any", place):
                continue
            for use in _flat(
                standard.load().table(macro.table).rows, macro.table, conditions, undecidable, 0
            ):
                # A group that may stand in either place is missing only where it stands in none.
                elsewhere = macro.placement == "any" and (
                    place == "per-frame" or use.row.keyword in self._groups
                )
                yield _Use(use.row, use.table, use.conditions, use.undecidable or elsewhere)

    def _required(self, found: Sequence[_Use], scopes: tuple[PromisedScope, PromisedScope]) -> _Use | None:
        """The strictest row that certainly requires the attribute, or None."""
        best: _Use | None = None
        for use in found:
            row = use.row
            if use.undecidable or row.type in ("3", "-"):
                continue
            conditions = [*use.conditions]
            if row.conditional:
                if row.when is None:
                    continue
                conditions.append(row.when)
            if not all(_true(condition, scope) for condition in conditions for scope in scopes):
                continue
            if best is None or _ORDER.index(row.type) < _ORDER.index(best.row.type):
                best = use
        return best

    def _missing(self, use: _Use, parents: tuple[str, ...], rows: Sequence[AttributeRow]) -> None:
        row = use.row
        why = ""
        conditions = [*use.conditions, *([row.when] if row.when is not None and row.conditional else [])]
        if conditions:
            why = f", as the statement's own values make it required ({' && '.join(conditions)})"
        severity: Severity = "error" if row.type in ("1", "1C") else "warning"
        self._add("not-promised", severity, f"{_name(row.tag)} is required (Type {row.type}, PS3.3 Table {use.table}){why}, and not promised",
                  ".".join((*parents, row.keyword)), self._mark(parents))  # fmt: skip

    def _conditional(self, use: _Use, row: AttributeRow, parents: tuple[str, ...]) -> None:
        path = ".".join((*parents, row.attribute))
        code = "forbidden-attribute" if row.presence == "forbidden" else "promised-conditionally"
        self._add(code, "warning",
                  f"{_name(use.row.tag)} is required (Type {use.row.type}, PS3.3 Table {use.table}), but the document states {row.presence}",
                  path, self._place(path))  # fmt: skip

    def _unknown(self, row: AttributeRow, parents: tuple[str, ...]) -> None:
        path = ".".join((*parents, row.attribute))
        where = f" within {parents[-1]}" if parents else ""
        self._add(
            "outside-iod",
            "info",
            f"the {self.iod.name} IOD does not know {_name(tag_of(row.attribute) or 0)}{where}",
            path,
            self._place(path),
        )

    def _undescribed(self, row: AttributeRow, parents: tuple[str, ...]) -> None:
        path = ".".join((*parents, row.attribute))
        self._add("items-not-described", "info", f"the document does not state the content of the items of {_name(tag_of(row.attribute) or 0)} hold",
                  path, self._place(path))  # fmt: skip

    def _enumerated(
        self,
        known: Sequence[_Use],
        row: AttributeRow,
        parents: tuple[str, ...],
        scopes: tuple[PromisedScope, PromisedScope],
    ) -> None:
        listed = as_list(row.values)
        path = ".".join((*parents, row.attribute))
        for use in known:
            for allowed in use.row.values:
                if allowed.when is not None and not all(_true(allowed.when, scope) for scope in scopes):
                    continue
                words = {str(value) for value in allowed.values}
                for value in listed:
                    parts = value.split("\\")
                    wanted = (
                        [parts[allowed.position - 1]]
                        if 0 < allowed.position <= len(parts)
                        else parts
                        if not allowed.position
                        else []
                    )
                    for part in wanted:
                        if part not in words:
                            severity: Severity = "error" if allowed.kind == "enumerated" else "warning"
                            which = f"value {allowed.position} of " if allowed.position else ""
                            self._add("value-not-allowed", severity,
                                      f"{part!r} is not one of the {'enumerated values' if allowed.kind == 'enumerated' else 'defined terms'} of "
                                      f"{which}{_name(use.row.tag)} (PS3.3 Table {use.table})", path, self._place(path))  # fmt: skip

    def _code(self, known: Sequence[_Use], row: AttributeRow, parents: tuple[str, ...]) -> None:
        """A code that the statement fixes, against the context group that the IOD binds to the sequence."""
        fixed = {one.attribute: fixed_values(one, tag_of(one.attribute) or 0) for one in row.items}
        value, scheme, meaning = (
            fixed.get(word) for word in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        )
        if not isinstance(value, str) or not isinstance(scheme, str) or scheme in RETIRED_SCHEMES:
            return
        path = ".".join((*parents, row.attribute))
        numbers = {
            one.context_group
            for use in known
            for one in use.row.rows
            if isinstance(one, Include) and one.context_group
        }
        if self.iod.name == "VL Whole Slide Microscopy Image" and row.attribute in _BASELINE:
            numbers.add(_BASELINE[row.attribute])
        for number in sorted(numbers):
            group = standard.load().context_group(number)
            if group is None:
                continue
            if (value, scheme) not in group:
                self._add(
                    "code-outside-group",
                    "warning",
                    f"({value}, {scheme}) is not in CID {number} {group.name}",
                    path,
                    self._place(path),
                )
            elif isinstance(meaning, str) and meaning.lower() != group.codes[value, scheme].lower():
                self._add("code-meaning", "warning",
                          f"({value}, {scheme}) means {group.codes[value, scheme]!r} in CID {number}, not {meaning!r}", path, self._place(path))  # fmt: skip

    def _mark(self, parents: tuple[str, ...]) -> str:
        return self._place(".".join(parents)) if parents else "$.attributes"

    def _place(self, path: str) -> str:
        placed = self._placed.get(path)
        return placed.mark if placed is not None else "$.attributes"

    def _add(self, code: str, severity: Severity, message: str, path: str, mark: str) -> None:
        placed = self._placed.get(path)
        row = placed.id if placed is not None else ""
        self.remarks.append(remark_at(self.source, mark, code, severity, message, row, path))


def _true(condition: str, scope: PromisedScope) -> bool:
    try:
        return compile_expression(condition, TABLE_NAMES)(scope, {}) is True
    except RuleError:
        return False


def _name(tag: int) -> str:
    entry = standard.load().dictionary.entry(tag)
    text = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return f"{entry.name} {text}" if entry is not None else text
