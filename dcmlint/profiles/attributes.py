"""Rows of a profile's attribute tables, made into rules.

Each row is one rule: presence, value, pattern and ``assert`` in one expression, so that one id stands for one
row.  Where the row leaves presence to the standard, and for the VR, the generic checks speak under the row's
id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError
from dcmlint.findings.finding import Reference, Severity
from dcmlint.profiles.model import PRESENCE, AttributeRow, Profile
from dcmlint.profiles.parameters import (
    UnsetParameter,
    Values,
    in_expression,
    in_list,
    in_message,
    used_parameters,
)
from dcmlint.rules.model import Applies, Downgrade, Rule

ROW = "profile-row"  # the tag of rules that are rows
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "US/SS"})
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB/OW"})
_PRESENCE_CHECKS = (
    "table.type-1-missing", "table.type-1-empty", "table.type-2-missing", "table.type-1c-missing",
    "table.type-1c-empty", "table.type-2c-missing",
)  # fmt: skip
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}), ?([0-9A-Fa-f]{4})\)?")


class PlacedRow(msgspec.Struct, frozen=True):
    """A row with its id, its place in the file (``$.attributes[3].items[0]``) and the keywords above it."""

    id: str
    row: AttributeRow
    mark: str
    parents: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path of keywords."""
        return ".".join((*self.parents, self.row.attribute))


def placed_rows(profile: Profile) -> Iterator[PlacedRow]:
    """All rows of a profile, nested ones after their sequence; ids that are not given count from 1."""
    number = 0

    def walk(rows: tuple[AttributeRow, ...], parents: tuple[str, ...], mark: str) -> Iterator[PlacedRow]:
        nonlocal number
        for index, row in enumerate(rows):
            number += 1
            place = f"{mark}[{index}]"
            yield PlacedRow(row.id or f"{profile.area}{number:03}", row, place, parents)
            yield from walk(row.items, (*parents, row.attribute), f"{place}.items")

    yield from walk(profile.attributes, (), "$.attributes")


def tag_of(text: str) -> int | None:
    """The tag of a keyword or of ``(gggg,eeee)``; None for what the dictionary does not know."""
    match = _TAG.fullmatch(text)
    if match is not None:
        return int(match[1] + match[2], 16)
    entry = standard.load().dictionary.by_keyword(text)
    return None if entry is None else entry.tag


def row_name(profile: Profile, placed: PlacedRow) -> str:
    """The name of a row's rule: the area and the keywords."""
    words = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", part)
        for part in placed.path.split(".")
    ]
    return re.sub(r"[^a-z0-9]+", "-", "-".join((profile.area, *words)).lower()).strip("-")


def row_rule(
    profile: Profile,
    placed: PlacedRow,
    values: Values,
    applies: Applies,
    guard: str,
    reference: str,
    *,
    keep: bool = False,
) -> Rule | None:
    """The rule of one row; None for one that nothing of can be seen.

    ``guard``: an expression that must hold besides the row's own ``when``.  ``keep``: parameters without a
    value stay as they are, for documentation.  Raises UnsetParameter.
    """
    row = placed.row
    tag = tag_of(row.attribute)
    if tag is None:
        raise ProfileError(f"{row.attribute!r} is no keyword of the dictionary")
    entry = standard.load().dictionary.entry(tag)
    vr, vm = (entry.vr, entry.vm) if entry is not None else ("UN", "1")
    own = (
        row.attribute
        if entry is not None and entry.keyword == row.attribute
        else f'tag("{tag >> 16:04X},{tag & 0xFFFF:04X}")'
    )
    label = entry.name if entry is not None else row.attribute
    where = f"{label} of {placed.parents[-1]}" if placed.parents else label

    def expression(text: str) -> str:
        return text if keep and _unset(text, values) else in_expression(text, values)

    present = _present(row, own, vr)
    required = "" if row.presence in PRESENCE else f"({expression(row.presence)})"
    try:
        listed = in_list(row.values, values)
    except UnsetParameter:
        if (
            not keep
            and row.presence not in ("always", "forbidden")
            and not required
            and not row.assert_
            and not row.pattern
        ):
            raise
        listed = (row.values,) if keep and isinstance(row.values, str) else ()
    demands = [f"({expression(row.assert_)})"] if row.assert_ else []
    if listed and not (keep and any(word.startswith("param.") for word in listed)):
        demands.insert(0, _one_of(own, vr, vm, listed))
    if row.pattern:
        demands.append(f"matches({own}, {_pattern(row.pattern, values, keep)})")
    value_ok = " && ".join(demands)
    filled = f"(empty({own}) || {value_ok})" if row.empty == "allowed" and demands else value_ok
    checks: tuple[str, ...] = (
        ("element.vr-mismatch", "element.vr-un", "element.sequence-vr") if row.severity == "error" else ()
    )
    conditions = [f"({part})" for part in (guard, expression(row.when) if row.when else "") if part]
    title = f"{where}: as the profile says"
    if row.presence == "forbidden":
        assertion, title = f"!has({own})", f"{where} must be absent"
    elif row.presence == "always":
        assertion = " && ".join(part for part in (present, filled) if part)
        title = f"{where} must be present"
    elif required:
        assertion = " && ".join(
            part
            for part in (f"(!{required} || {present})", f"(empty({own}) || {value_ok})" if demands else "")
            if part
        )
        conditions.append(f"{required} || has({own})")
        title = f"{where} must be present where it is promised"
    else:
        assertion = value_ok
        conditions.append(f"!empty({own})")
        title = f"{where} must be as promised where it is present"
        if row.severity == "error" and row.presence == "conditional":
            checks += _PRESENCE_CHECKS
    if listed:
        title += ": " + " or ".join(word if len(word) < 40 else word[:39] + "…" for word in listed[:3])
    if not assertion and not checks:
        return None
    value_severity = row.value_severity or row.severity
    if _assumed(row, values):
        value_severity = _lesser(value_severity, "warning")
    # A wrong value of an attribute that is there is what the lesser severity is for.
    downgrade = (
        (Downgrade(when=present, severity=value_severity),)
        if value_severity != row.severity and assertion
        else ()
    )
    common = {
        "id": placed.id, "name": row_name(profile, placed), "title": title, "severity": row.severity, "basis": "local",
        "applies": applies, "references": (Reference(reference, row.section),), "tags": (ROW, profile.id),
        "why": row.why or row.says, "remedy": row.remedy, "check": checks,
        "attributes": (placed.path,) if checks else (),
    }  # fmt: skip
    if not assertion:
        return Rule(kind="table", **common)  # type: ignore[arg-type]
    message = (
        in_message(row.message, values)
        if row.message and not (keep and _unset(row.message, values))
        else (_message(row, label, value_ok))
    )
    return Rule(
        kind="expression", when=" && ".join(f"({part})" for part in conditions), assert_=assertion,
        at=row.attribute if entry is not None else f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
        each=".".join(placed.parents), message=message, want=_braced(_want(row, listed)), downgrade=downgrade,
        **common,  # type: ignore[arg-type]
    )  # fmt: skip


def _unset(text: str, values: Values) -> bool:
    return any(name in values and values[name].value is None for name in used_parameters(text))


def _assumed(row: AttributeRow, values: Values) -> bool:
    texts = (row.values,) if isinstance(row.values, str) else row.values
    named = [name for text in (*texts, row.assert_, row.pattern) for name in used_parameters(text)]
    return bool(named) and all(name in values and values[name].assumed for name in named)


def _lesser(one: Severity, other: Severity) -> Severity:
    order: tuple[Severity, ...] = ("info", "warning", "error")
    return one if order.index(one) < order.index(other) else other


def _present(row: AttributeRow, own: str, vr: str) -> str:
    if row.empty == "required":
        return f"has({own}) && empty({own})"
    if row.empty == "allowed" or vr in _BULK:
        return f"has({own})"
    return f"!empty({own})"


def _one_of(own: str, vr: str, vm: str, listed: tuple[str, ...]) -> str:
    """An expression: the value is one of those listed; with backslashes, all values are those."""
    whole = [word for word in listed if "\\" in word]
    single = [word for word in listed if "\\" not in word]
    parts = [
        f"values({own}) == [{', '.join(_literal(vr, one) for one in word.split(chr(92)))}]" for word in whole
    ]
    if single:
        literals = ", ".join(_literal(vr, word) for word in single)
        if vm != "1":
            parts.append(f"values({own}).all(each, each in [{literals}])")
        else:
            parts.append(f"{own} == {literals}" if len(single) == 1 else f"{own} in [{literals}]")
    return parts[0] if len(parts) == 1 else "(" + " || ".join(parts) + ")"


def _literal(vr: str, word: str) -> str:
    if vr in _NUMBERS:
        try:
            number = float(word)
        except ValueError:
            raise ProfileError(f"{word!r} is no number, which {vr} needs") from None
        return str(int(number)) if number.is_integer() else repr(number)
    if vr == "AT":
        tag = tag_of(word)
        if tag is None:
            raise ProfileError(f"{word!r} is neither a tag nor a keyword")
        return f'tag("{tag >> 16:04X},{tag & 0xFFFF:04X}")'
    return json.dumps(word, ensure_ascii=False)


def _pattern(text: str, values: Values, keep: bool) -> str:
    if text.startswith("param."):
        return text if keep and _unset(text, values) else in_expression(text, values)
    return json.dumps(text, ensure_ascii=False)


def _message(row: AttributeRow, label: str, value_ok: str) -> str:
    # One text for all that a row demands: texts within a placeholder would be redacted like the value.
    name = _braced(label)
    if row.presence == "forbidden":
        return f"{name} is present"
    if row.empty == "required":
        return f"{name} is missing or not empty"
    if row.presence in ("conditional", "optional"):
        return f"{name} is not as promised"
    faults = ["missing"] if row.empty == "allowed" else ["missing or empty"]
    if value_ok:
        faults = ["missing", "empty"] if row.empty != "allowed" else ["missing"]
        faults.append("not as promised")
    return f"{name} is {', '.join(faults[:-1])}{' or ' if len(faults) > 1 else ''}{faults[-1]}"


def _want(row: AttributeRow, listed: tuple[str, ...]) -> str:
    if row.empty == "required":
        return "present, without a value"
    if listed:
        return " or ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
    if row.presence == "forbidden":
        return "absent"
    return (
        "" if row.assert_ or row.pattern else "present" if row.empty == "allowed" else "present, with a value"
    )


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
