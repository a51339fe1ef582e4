"""Rows of a profile's attribute tables, made into rules.

Each row is one rule: presence, value, pattern and ``assert`` in one expression, so that one id stands for one
row.  Where the row leaves presence to the standard, and for the VR, the generic checks speak under the row's
id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

import msgspec

from dcmlint import standard
from dcmlint.findings.finding import Reference, Severity
from dcmlint.profiles.model import PRESENCE, AttributeRow, Profile
from dcmlint.profiles.row_demands import Demand, Named, RowError, demands_of, named, tag_of
from dcmlint.rules.model import Applies, Downgrade, Rule
from dcmlint.rules.tables.checks import LACKING

ROW = "profile-row"  # the tag of rules that are rows
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB/OW"})
_VR_CHECKS = ("element.vr-mismatch", "element.vr-un", "element.sequence-vr")


class PlacedRow(msgspec.Struct, frozen=True):
    """A row with its id, its place in the file (``$.attributes[3].items[0]``) and the keywords above it.

    ``siblings``: the attributes of the rows of the same level; ``repeated``: an earlier row is about the same attribute.
    ``sop_class``: of the row, or of the nearest row around it that names any; ``around``: the conditions of the rows around it,
    as they are seen from its items.
    """

    id: str
    row: AttributeRow
    mark: str
    parents: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()
    repeated: bool = False
    sop_class: tuple[str, ...] = ()
    around: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path of keywords."""
        return ".".join((*self.parents, self.row.attribute))


def placed_rows(profile: Profile) -> Iterator[PlacedRow]:
    """All rows of a profile, nested ones after their sequence; ids that are not given count from 1."""
    number = 0
    paths: set[tuple[str, ...]] = set()

    def walk(
        rows: tuple[AttributeRow, ...], parents: tuple[str, ...], mark: str, classes: tuple[str, ...], around: tuple[str, ...],
    ) -> Iterator[PlacedRow]:  # fmt: skip
        nonlocal number
        siblings = tuple(row.attribute for row in rows)
        for index, row in enumerate(rows):
            number += 1
            place = f"{mark}[{index}]"
            path = (*parents, row.attribute)
            own = row.sop_class or classes
            yield PlacedRow(
                row.id or f"{profile.area}{number:03}", row, place, parents, siblings,
                repeated=path in paths, sop_class=own, around=around,
            )  # fmt: skip
            paths.add(path)
            within = (*around, _lifted(row.when, "up" if parents else "root")) if row.when else around
            yield from walk(row.items, path, f"{place}.items", own, within)

    yield from walk(profile.attributes, (), "$.attributes", (), ())


def row_name(profile: Profile, placed: PlacedRow) -> str:
    """The name of a row's rule: the area and the keywords; the number too, where another row has these."""
    words = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", part)
        for part in placed.path.split(".")
    ]
    number = (placed.id.removeprefix(profile.area),) if placed.repeated else ()
    return re.sub(r"[^a-z0-9]+", "-", "-".join((profile.area, *words, *number)).lower()).strip("-")


def row_rule(
    profile: Profile, placed: PlacedRow, applies: Applies, guard: str, reference: str, *, file: str = "", assumed: bool = False,
) -> Rule | None:  # fmt: skip
    """The rule of one row; None for one that nothing of can be seen.

    ``guard``: an expression that must hold besides the row's own ``when``.  ``file``: the profile's, beside which files of
    values are.  ``assumed``: a wrong value is a warning at most.
    """
    row = _seen_from_items(placed)
    name = named(row.attribute)
    tag = tag_of(row.attribute) or 0
    entry = standard.load().dictionary.entry(tag)
    label = entry.name if entry is not None else row.attribute
    if row.items and entry is not None and entry.vr != "SQ":
        raise RowError("items", f"items are for sequences, and the VR is {entry.vr}")

    required = "" if row.presence in PRESENCE else f"({row.presence})"
    demands = demands_of(row, name, file)
    present, value_ok = _present(row, name), " && ".join(one.expression for one in demands)
    assertion, condition = _assertion(row, name, required, present, value_ok)
    checks: tuple[str, ...] = ()
    if row.severity == "error":
        checks = _VR_CHECKS + (LACKING if row.presence == "conditional" else ())
    if not assertion and not checks:
        return None
    value_severity = row.value_severity or row.severity
    if assumed:
        value_severity = _lesser(value_severity, "warning")
    # A wrong value of an attribute that is there is what the lesser severity is for.
    lesser: tuple[Downgrade, ...] = (
        (Downgrade(when=present, severity=value_severity),) if value_severity != row.severity else ()
    )
    if row.empty_severity is not None and row.presence != "forbidden":
        lesser += (Downgrade(when=f"has({name.own}) && empty({name.own})", severity=row.empty_severity),)
    common = {
        "id": placed.id, "name": row_name(profile, placed), "title": _title(row, placed, label, required, demands),
        "severity": row.severity, "basis": "local", "applies": applies,
        "references": (Reference(reference, row.section),), "tags": (ROW, profile.id),
        "why": row.why or row.says, "remedy": row.remedy, "check": checks, "attributes": (placed.path,) if checks else (),
        "examples": row.examples,
    }  # fmt: skip
    if not assertion:
        return Rule(kind="table", **common)  # type: ignore[arg-type]
    message = row.message or _message(row, name, label, demands)
    conditions = (guard, *placed.around, row.when, condition)
    return Rule(
        kind="expression", when=" && ".join(f"({part})" for part in conditions if part), assert_=assertion,
        at=row.attribute if entry is not None else f"({tag >> 16:04X},{tag & 0xFFFF:04X})", each=".".join(placed.parents), message=message,
        is_=_code(name) if row.code or row.context_group else "", want=_braced(_want(row, demands)), downgrade=lesser, **common,  # type: ignore[arg-type]
    )  # fmt: skip


def _code(name: Named) -> str:
    """The codes of a code sequence, as a finding shows them: SCHEME:VALUE."""
    value = 'has(c.CodeValue) ? c.CodeValue : has(c.LongCodeValue) ? c.LongCodeValue : "no value"'
    scheme = 'has(c.CodingSchemeDesignator) ? c.CodingSchemeDesignator : "no scheme"'
    codes = f'join({name.own}.map(c, join([{scheme}, {value}], ":")), ", ")'
    return f'{{has({name.own}) ? {codes} : ""}}'


def _assertion(row: AttributeRow, name: Named, required: str, present: str, value_ok: str) -> tuple[str, str]:
    """What must hold, and the condition under which the row applies at all."""
    own = name.own
    allowed = row.empty == "allowed" and value_ok
    filled = f"(empty({own}) || {value_ok})" if allowed else value_ok
    if row.presence == "forbidden":
        return f"!has({own})", ""
    if row.presence == "always":
        return " && ".join(part for part in (present, filled) if part), ""
    if required:
        # Where it is not required it may be absent; what is there is held to the values.
        fits = f"(empty({own}) || {value_ok})" if value_ok else ""
        return " && ".join(
            part for part in (f"(!{required} || {present})", fits) if part
        ), f"{required} || has({own})"
    if row.empty == "required":
        return f"empty({own})", f"has({own})"
    if row.empty == "forbidden":
        return " && ".join(part for part in (f"!empty({own})", value_ok) if part), f"has({own})"
    return value_ok, f"!empty({own})"


def _title(
    row: AttributeRow, placed: PlacedRow, label: str, required: str, demands: tuple[Demand, ...]
) -> str:
    where = f"{label} of {placed.parents[-1]}" if placed.parents else label
    if row.presence == "forbidden":
        return f"{where} must be absent"
    if required:
        title = f"{where} must be present as documented"
    elif row.presence == "always":
        title = f"{where} must be present"
    else:
        title = f"{where} must be as documented if present"
    wants = [one.want if len(one.want) < 120 else one.want[:119] + "…" for one in demands]
    return f"{title}: {'; '.join(wants)}" if wants else title


_NAMES = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.])([A-Z][A-Za-z0-9]+)(?![\w(])""")


def _seen_from_items(placed: PlacedRow) -> AttributeRow:
    """A nested row whose expressions see what is around its items: an attribute that the items do not hold is
    looked for at the levels above, as conditions of PS3.3 are.
    """
    row = placed.row
    if not placed.parents:
        return row

    def lifted(text: str) -> str:
        return _lifted(text, "up", placed.siblings)

    presence = row.presence if row.presence in PRESENCE else lifted(row.presence)
    return msgspec.structs.replace(row, when=lifted(row.when), assert_=lifted(row.assert_), presence=presence)


def _lifted(text: str, level: str, but: Collection[str] = ()) -> str:
    """An expression whose attributes are looked for at another level (``up`` or ``root``), except those named."""
    return _NAMES.sub(lambda found: found[0] if found[1] or found[2] in but else f"{level}.{found[2]}", text)


def _lesser(one: Severity, other: Severity) -> Severity:
    order: tuple[Severity, ...] = ("info", "warning", "error")
    return one if order.index(one) < order.index(other) else other


def _present(row: AttributeRow, name: Named) -> str:
    if row.empty == "required":
        return f"has({name.own}) && empty({name.own})"
    if row.empty == "allowed" or name.vr in _BULK:
        return f"has({name.own})"
    return f"!empty({name.own})"


def _message(row: AttributeRow, name: Named, label: str, demands: tuple[Demand, ...]) -> str:
    """What is wrong, of all that a row demands: the placeholder chooses between texts of its own."""
    own = name.own
    if row.presence == "forbidden":
        return f"{_braced(label)} is present"
    faults: list[tuple[str, str]] = []
    if row.empty == "required":
        absent = [] if row.presence in ("conditional", "optional") else [(f"!has({own})", "is missing")]
        faults = [*absent, ("true", "is not empty")]
    else:
        if row.presence not in ("conditional", "optional"):
            faults.append((f"!has({own})", "is missing"))
        if row.empty == "forbidden" or (faults and row.empty != "allowed" and name.vr not in _BULK):
            faults.append((f"empty({own})", "is empty"))
        faults += [(f"!({one.expression})", one.fault) for one in demands]
    *earlier, (_, last) = faults
    if not earlier:
        return _braced(f"{label} {last}")
    texts = [f"{condition} ? {json.dumps(fault, ensure_ascii=False)} : " for condition, fault in earlier]
    return f"{_braced(label)} {{{''.join(texts)}{json.dumps(last, ensure_ascii=False)}}}"


def _want(row: AttributeRow, demands: tuple[Demand, ...]) -> str:
    if row.presence == "forbidden":
        return "absent"
    if row.empty == "required":
        return "present, without a value"
    if demands:
        return "; ".join(one.want for one in demands)
    return "present (may be empty)" if row.empty == "allowed" else "present, with a value"


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
