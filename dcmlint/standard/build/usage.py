"""Completing the lists of an IOD from a second set of tables, of an earlier edition, where the first lost something."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.standard.build.source import Source, SourceIod, SourceSopClass, SourceUse, letters


def complete(source: Source, folder: Path) -> list[str]:
    """Fill in ``source`` what ``folder`` has (usages, sections, SOP Classes); gives notes on what stays lost."""
    ciods = {ciod["name"]: ciod for ciod in _json(folder / "ciods.json")}
    modules = _by_ciod(_json(folder / "ciod_to_modules.json"), "moduleId")
    groups = _by_ciod(_json(folder / "ciod_to_func_group_macros.json"), "macroId")
    known_uses = [*_json(folder / "modules.json"), *_json(folder / "macros.json")]
    names = {entry["id"]: entry["name"] for entry in known_uses}
    links = {entry["id"]: entry["linkToStandard"] for entry in known_uses}
    notes: list[str] = []
    for name, ciod in ciods.items():
        iod = source.iods.get(name)
        if iod is None:
            iod = SourceIod(name=name, section="", modules=_new(modules.get(ciod["id"], ()), names, links))
        section = re.sub(r"-\w+$", "", ciod["linkToStandard"].rpartition("#table_")[2])
        source.iods[name] = msgspec.structs.replace(
            iod,
            section=section,
            modules=_fill(iod.modules, modules.get(ciod["id"], ()), names, f"{name}: module", notes),
            functional_groups=_fill(
                iod.functional_groups, groups.get(ciod["id"], ()), names, f"{name}: functional group", notes
            )
            or _new(groups.get(ciod["id"], ()), names, links),
        )
    known = {sop_class.uid for sop_class in source.sop_classes}
    for entry in _json(folder / "sops.json"):
        if entry["id"] not in known:
            source.sop_classes.append(SourceSopClass(uid=entry["id"], name=entry["name"], iod=entry["ciod"]))
    return notes


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _by_ciod(rows: Iterable[dict[str, Any]], key: str) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        entry = (row[key], row["usage"], row["conditionalStatement"] or "")
        found.setdefault(row["ciodId"], []).append(entry)
    return found


def _new(
    rows: Iterable[tuple[str, str, str]], names: dict[str, str], links: dict[str, str]
) -> tuple[SourceUse, ...]:
    return tuple(
        SourceUse(
            name=names[key],
            section=links[key].rpartition("/sect_")[2].partition(".html")[0],
            usage=usage,
            condition=_plain(condition),
        )
        for key, usage, condition in rows
    )


def _fill(
    uses: tuple[SourceUse, ...],
    rows: Iterable[tuple[str, str, str]],
    names: dict[str, str],
    what: str,
    notes: list[str],
) -> tuple[SourceUse, ...]:
    others: dict[str, list[tuple[str, str]]] = {}
    for key, usage, condition in rows:
        others.setdefault(letters(names.get(key, key)), []).append((usage, condition))
    filled: list[SourceUse] = []
    for use in uses:
        found = others.get(letters(use.name), [])
        usage, condition = found.pop(0) if found else ("", "")
        if use.usage and (use.condition or use.usage != usage):
            filled.append(use)
        elif usage in ("M", "C", "U"):
            filled.append(msgspec.structs.replace(use, usage=usage, condition=_plain(condition)))
        else:
            notes.append(f"{what} {use.name}: usage lost, taken as U")
            filled.append(msgspec.structs.replace(use, usage="U"))
    return tuple(filled)


def _plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
