"""Front end: the JSON tables of a folder (``--tables``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcmlint.errors import StandardError
from dcmlint.standard.build.source import (
    AttributeLine,
    IncludeLine,
    Source,
    SourceElement,
    SourceIod,
    SourceSopClass,
    SourceTable,
    SourceUse,
    letters,
)

_IOD_SUFFIX = " IOD Modules"


def read(folder: Path) -> Source:
    """The tables in ``folder``; :class:`StandardError` when a file is missing or is not what it should be."""
    try:
        return _read(folder)
    except OSError as error:
        raise StandardError(f"cannot read {error.filename}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StandardError(f"the tables in {folder} are not in the expected form: {error!r}") from None


def _read(folder: Path) -> Source:
    notes: list[str] = []
    modules = _json(folder / "dicom_modules.json")
    sections = {
        name: [table["name"] for table in tables] for name, tables in modules["dicom_modules"].items()
    }
    section_of = {table: section for section, tables in sections.items() for table in tables}
    tables: dict[str, SourceTable] = {}
    for part in sorted(folder.glob("dicom_tables_part_*.json")):
        for name, table in _json(part)[part.stem].items():
            if name.startswith("5.4-"):  # PS3.3 5.4 holds examples of tables
                continue
            lines = tuple(_lines(table, notes))
            caption = " ".join(table["table_caption"].split())
            tables[name] = SourceTable(
                name=name, caption=caption, section=section_of.get(name, ""), lines=lines
            )
    groups = _json(folder / "dicom_iod_func_groups.json")["dicom_iod_func_groups"]
    iods = {}
    for key, uses in _json(folder / "dicom_iod.json")["dicom_iod"].items():
        name = key.removesuffix(_IOD_SUFFIX)
        functional = tuple(_use(use) for use in groups.get(key, ()))
        iods[name] = SourceIod(
            name=name, section="", modules=tuple(_use(use) for use in uses), functional_groups=functional
        )
    return Source(
        edition=modules["header"]["dicom_standard_version"]["Version"],
        tables=tables,
        iods=iods,
        sop_classes=_sop_classes(folder),
        elements=_elements(folder),
        notes=notes,
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _lines(table: dict[str, Any], notes: list[str]) -> Iterator[AttributeLine | IncludeLine]:
    for line in table["table_lines"]:
        label = line.get("name", line.get("prefix", "")).strip()
        bare = label.lstrip(">")
        level = len(label) - len(bare)
        if line["type"] == "LinkedObject":
            target = line["linked_resource"]
            name = target.removeprefix("table_") if target.startswith("table_") else ""
            if not name:
                notes.append(f"{table['table_name']}: what is included at level {level} is not a table")
            yield IncludeLine(level=level, table=name, usage=line["usage"])
            continue
        address = line["address"].lower().removeprefix("0x")
        repeating = address if re.fullmatch(r"[0-9a-fx]{8}", address) and "x" in address else ""
        digits = address.replace("x", "0")
        tag = int(digits, 16) if re.fullmatch(r"[0-9a-f]{8}", digits) else None
        yield AttributeLine(
            level=level,
            tag=tag,
            name=bare.strip(),
            type=line["required"],
            text=line["comment"],
            repeating=repeating,
        )


def _use(use: dict[str, Any]) -> SourceUse:
    section = use["ref"].removeprefix("sect_")
    usage = use["usage"] if isinstance(use["usage"], str) else ""
    found = re.match(r"([MCU])\s*(?:-\s*)?(?![a-z])", usage)
    if not found:
        return SourceUse(name=use["name"], section=section, usage="")
    condition = usage[found.end() :].strip()
    return SourceUse(name=use["name"], section=section, usage=found[1], condition=condition)


def _sop_classes(folder: Path) -> list[SourceSopClass]:
    uids = _json(folder / "dicom_iod_class_uid.json")["dicom_iod_class_uid"]
    iods = _json(folder / "dicom_iod_module_map.json")
    return [
        SourceSopClass(uid=uid, name=name, iod=iods[name].removesuffix(_IOD_SUFFIX))
        for name, uid in uids.items()
    ]


def _elements(folder: Path) -> list[SourceElement]:
    tags = _json(folder / "dicom_tags.json")["dicom_tags"]
    found = []
    for address, entry in [*tags["main"].items(), *tags["mask"].items()]:
        found.append(
            SourceElement(
                tag=address.lower().removeprefix("0x"),
                keyword=entry["keyword"],
                name=_name(entry["name"], entry["keyword"]),
                vr=entry["vr"],
                vm=entry["vm"],
                retired=bool(entry["retired"]),
            )
        )
    return found


def _name(written: str, keyword: str) -> str:
    """The name alone: in some lines a description follows it, but its letters are those of the keyword."""
    words = written.split()
    want = letters(keyword)
    for count in range(1, len(words) + 1):
        if want and letters("".join(words[:count])) == want:
            return " ".join(words[:count])
    return " ".join(words)
