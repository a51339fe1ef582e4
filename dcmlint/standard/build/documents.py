"""Tables about structured reports: the relationships that each SR IOD permits, templates, groups that are complete.

Source: ``sr_iods.json``, ``sr_templates.json``, ``context_groups.json`` and ``srt_to_sct.json``, facts of the definitions
that PixelMed's validator carries (see NOTICE).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from dcmlint.errors import StandardError
from dcmlint.standard.build.templates import templates
from dcmlint.standard.build.terminology import read_dcm, read_terms
from dcmlint.standard.container import pack
from dcmlint.standard.documents import ContentConstraints

RELATIONSHIPS = Path(__file__).parent / "relationships.yaml"
# PS3.3 Tables C.17.3-7 and C.17.3-8
_VALUE_TYPES = (
    "TEXT", "NUM", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME", "COMPOSITE", "IMAGE", "WAVEFORM", "SCOORD",
    "SCOORD3D", "TCOORD", "TABLE", "CONTAINER",
)  # fmt: skip
_RELATIONSHIPS = (
    "CONTAINS", "HAS OBS CONTEXT", "HAS CONCEPT MOD", "HAS PROPERTIES", "HAS ACQ CONTEXT", "INFERRED FROM",
    "SELECTED FROM",
)  # fmt: skip
_Permitted: TypeAlias = dict[str, dict[str, list[str]]]
EDITION = "2026-07"
"""What the source calls itself; its tables are of no single edition of the standard."""


def build(tables: Path) -> bytes:
    """The file of tables about documents, from ``tables`` or a folder of it; the same input gives the same bytes."""
    compiled = templates(_json(tables, "sr_templates.json"))
    return pack(
        EDITION,
        {
            "constraints": constraints(_json(tables, "sr_iods.json")),
            "templates": compiled.templates,
            "fixed groups": fixed_groups(_json(tables, "context_groups.json")),
            "meanings": meanings(tables),
            "srt": {entry["srt"]: entry["sct"] for entry in _json(tables, "srt_to_sct.json")},
        },
    )


def fixed_groups(source: Any) -> dict[int, list[tuple[str, str]]]:
    """The context groups that may not be extended (PS3.16 7.1.2), with their codes, by scheme and value."""
    return {
        int(group["cid"]): sorted({(scheme, value) for scheme, value in group["codes"]})
        for group in source
        if group["extensible"] != "T" and group["cid"].isdigit()
    }


def constraints(source: Any) -> dict[str, ContentConstraints]:
    """The permitted relationships by SOP Class UID."""
    found = {}
    for iod in source["iods"]:
        plain: dict[str, dict[str, list[str]]] = {}
        by_reference: dict[str, dict[str, list[str]]] = {}
        for name in iod["constraints"]:
            for parent in source["relationships"][name]:
                for child in parent["children"]:
                    for place in (plain, by_reference) if child.get("byreference") == "T" else (plain,):
                        targets = place.setdefault(parent["name"].upper(), {}).setdefault(
                            child["relationship"], []
                        )
                        if child["name"].upper() not in targets:
                            targets.append(child["name"].upper())
        found[iod["sopclass"]] = ContentConstraints(plain, by_reference)
    read = yaml.safe_load(RELATIONSHIPS.read_text(encoding="utf-8"))
    found |= {uid: _read_by_people(given) for uid, given in read["iods"].items()}
    found |= {uid: _merged(found[uid], _read_by_people(given)) for uid, given in read["more"].items()}
    return dict(sorted(found.items()))


def _read_by_people(given: Any) -> ContentConstraints:
    """The constraints of an IOD of ``relationships.yaml``."""
    if given.get("any"):
        everything: _Permitted = {
            source: {
                kind: list(_VALUE_TYPES)
                for kind in _RELATIONSHIPS
                if kind != "CONTAINS" or source == "CONTAINER"
            }
            for source in _VALUE_TYPES
        }
        return ContentConstraints(everything, everything)
    rows = [tuple(cell.split() for cell in row.split(" | ")) for row in given["rows"]]
    named = {kind for sources, _, targets in rows for kind in (*sources, *targets)} - {"any"}
    by_reference = given.get("by_reference", [])
    plain: _Permitted = {}
    referenced: _Permitted = {}
    for sources, words, targets in rows:
        relationship = " ".join(words)
        if unknown := {relationship} - set(_RELATIONSHIPS) | (named - set(_VALUE_TYPES)):
            raise StandardError(f"{RELATIONSHIPS.name}: {', '.join(sorted(unknown))} is not defined")
        also = by_reference == "any" or relationship in by_reference
        for place in (plain, referenced) if also else (plain,):
            for source in sorted(named) if sources == ["any"] else sources:
                place.setdefault(source, {}).setdefault(relationship, []).extend(targets)
    return ContentConstraints(plain, referenced)


def _merged(one: ContentConstraints, more: ContentConstraints) -> ContentConstraints:
    def both(first: _Permitted, second: _Permitted) -> _Permitted:
        found = {
            source: {kind: list(targets) for kind, targets in kinds.items()}
            for source, kinds in first.items()
        }
        for source, kinds in second.items():
            for kind, targets in kinds.items():
                known = found.setdefault(source, {}).setdefault(kind, [])
                known.extend(target for target in targets if target not in known)
        return found

    return ContentConstraints(
        both(one.relationships, more.relationships), both(one.by_reference, more.by_reference)
    )


def meanings(tables: Path) -> dict[str, list[str]]:
    """The meanings of codes by scheme as [value, meaning, ...]: DCM in full, SCT as context groups have it."""
    archive = _found(tables, "input-fsh.tar.xz")
    given: dict[tuple[str, str, str], None] = {("DCM", *entry): None for entry in read_dcm(archive)}
    groups, _, _ = read_terms(archive)
    for group in groups.values():
        for scheme in ("DCM", "SCT"):
            flat = group.codes.get(scheme, [])
            for value, meaning in zip(flat[::2], flat[1::2], strict=True):
                given[scheme, value, meaning] = None
    found: dict[str, list[str]] = {"DCM": [], "SCT": []}
    for scheme, value, meaning in sorted(given):
        found[scheme] += [value, meaning]
    return found


def _found(tables: Path, name: str) -> Path:
    found = sorted([*tables.glob(name), *tables.glob(f"*/{name}")])
    if not found:
        raise StandardError(f"no {name} in {tables} or a folder of it")
    return found[-1]


def _json(tables: Path, name: str) -> Any:
    return json.loads(_found(tables, name).read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m dcmlint.standard.build.documents``: 0 when the file was written, 2 when not."""
    parser = argparse.ArgumentParser(prog="dcmlint.standard.build.documents", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, metavar="DIR", help="the JSON tables")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    settings = parser.parse_args(arguments)
    try:
        settings.out.write_bytes(build(settings.tables))
    except StandardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
