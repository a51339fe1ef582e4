"""A schema of dicompare (JSON) as a profile.

Of each acquisition the fields with ``value``, ``tolerance``, ``min``, ``max`` and ``contains``; what has no counterpart (rules
in Python, fields that are derived) is written as a comment, so that nothing is lost silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcmlint import standard
from dcmlint.errors import ProfileError, did_you_mean
from dcmlint.profiles.row_demands import NUMBERS, tag_of

_LARGEST = 4 << 20


def imported(path: Path, area: str, acquisition: str = "") -> str:
    """The text of the profile of one acquisition, which is named where there are several: each has demands of its own.

    Raises ProfileError for a file that is no such schema.
    """
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise ProfileError("no file of at most 4 MB", str(path))
        schema = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ProfileError(f"cannot be read as JSON: {problem}", str(path)) from None
    acquisitions = schema.get("acquisitions") if isinstance(schema, dict) else None
    if not isinstance(acquisitions, dict) or not acquisitions:
        raise ProfileError("no schema of dicompare: it has no acquisitions", str(path))
    acquisitions = _chosen(acquisitions, acquisition, path)
    name = re.sub(r"[^a-z0-9.-]+", "-", path.stem.lower()).strip("-.") or "imported"
    lines = [f"# From {json.dumps(path.name)}, a schema of dicompare.", f"id: {name}", 'version: "1"',
             f"title: {json.dumps(_text(schema.get('name') or path.stem))}", f"area: {area}", "extends: [dicom]", "attributes:"]  # fmt: skip
    rows = 0
    for label, one in acquisitions.items():
        if not isinstance(one, dict):
            raise ProfileError(f"the acquisition {label!r} is not an object", str(path))
        lines.append(f"  # {_text(label)}")
        for field in one.get("fields") or ():
            made = list(_row(field)) if isinstance(field, dict) else []
            rows += bool(made) and not made[0].lstrip().startswith("#")
            lines += made
        for left, what in (("series", "series that it lists"), ("rules", "rules in Python")):
            if one.get(left):
                lines.append(f"  # not taken over: {len(one[left])} {what}")
    if not rows:
        raise ProfileError("none of its fields is an attribute of the dictionary", str(path))
    return "\n".join(lines) + "\n"


def _chosen(acquisitions: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    if name in acquisitions:
        return {name: acquisitions[name]}
    names = ", ".join(_text(one) for one in acquisitions)
    if name:
        raise ProfileError(
            f"there is no acquisition {name!r}", str(path), hint=did_you_mean(name, acquisitions, names)
        )
    if len(acquisitions) > 1:
        raise ProfileError("several acquisitions", str(path), hint=f"name one with --acquisition: {names}")
    return acquisitions


def _text(value: object) -> str:
    return " ".join(str(value).split())[:200]


def _row(field: dict[str, Any]) -> Iterator[str]:
    word = _text(field.get("field") or field.get("tag") or "")
    tag = tag_of(word) or tag_of(_text(field.get("tag") or ""))
    entry = standard.load().dictionary.entry(tag) if tag is not None else None
    if entry is None or not entry.keyword:
        yield f"  # not taken over: {word}, which is no attribute of the dictionary"
        return
    yield f"  - attribute: {entry.keyword}"
    yield "    presence: always"
    value = field.get("value")
    tolerance = field.get("tolerance")
    if isinstance(value, (int, float)) and isinstance(tolerance, (int, float)) and entry.vr in NUMBERS:
        yield from (f'    minimum: "{value - tolerance:g}"', f'    maximum: "{value + tolerance:g}"')
    elif value is not None:
        parts = value if isinstance(value, list) else [value]
        joined = "\\".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
        yield f"    values: [{json.dumps(joined, ensure_ascii=False)}]"
    if entry.vr in NUMBERS:
        for key, ours in (("min", "minimum"), ("max", "maximum")):
            if isinstance(field.get(key), (int, float)):
                yield f'    {ours}: "{field[key]:g}"'
    if field.get("contains"):
        literal = re.sub(r"[^A-Za-z0-9 _-]", lambda found: "\\" + found[0], _text(field["contains"]))
        yield f"    pattern: {json.dumps(literal)}"
