"""The tables against those that others have made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dcmlint import standard
from dcmlint.standard import FUNCTIONAL_GROUPS, Include, Row

highdicom = pytest.importorskip("highdicom")

FOLDER = Path(highdicom.__file__).parent / "_standard"
STANDARD = standard.load()

IODS = {
    "ct-image": "CT Image",
    "mr-image": "MR Image",
    "computed-radiography-image": "Computed Radiography Image",
    "ultrasound-image": "Ultrasound Image",
    "secondary-capture-image": "Secondary Capture Image",
    "digital-x-ray-image": "Digital X-Ray Image",
    "digital-mammography-x-ray-image": "Digital Mammography X-Ray Image",
    "positron-emission-tomography-image": "Positron Emission Tomography Image",
    "segmentation": "Segmentation",
    "enhanced-ct-image": "Enhanced CT Image",
    "rt-dose": "RT Dose",
    "vl-whole-slide-microscopy-image": "VL Whole Slide Microscopy Image",
}

# Rows whose type the overlay corrects, or that changed after 2025e: (module, path).
KNOWN = {
    ("multi-frame", "FrameIncrementPointer"),  # 1C where the module of the multi-frame SC IODs says so
    ("rt-dose", "DerivationCodeSequence"),  # 1C from a later edition on
    ("rt-dose", "SpatialTransformOfDose"),  # 1C from a later edition on
}


def expanded(name: str, above: tuple[str, ...] = (), seen: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each path of a table with its type, macros followed."""
    if name not in seen and name != FUNCTIONAL_GROUPS and len(above) < 6:
        yield from _rows(STANDARD.table(name).rows, above, (*seen, name))


def _rows(
    rows: tuple[Row | Include, ...], above: tuple[str, ...], seen: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for row in rows:
        if isinstance(row, Include):
            yield from expanded(row.table, above, seen)
        else:
            yield ".".join((*above, row.keyword)), row.type
            yield from _rows(row.rows, (*above, row.keyword), seen)


@cache
def _said(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize(("key", "name"), list(IODS.items()), ids=list(IODS))
def test_types_agree_with_highdicom(key: str, name: str) -> None:
    modules = _said("iod_module_map")[key]
    attributes = _said("module_attribute_map")
    uses = {_key(use.name): use for use in STANDARD.iod(name).modules}
    compared, differing = 0, []
    for module in modules:
        use = uses.get(_key(module["key"]))
        if use is None:
            continue
        assert use.usage == module["usage"] or use.parsed_by == "reviewed", (name, use.name)
        types: dict[str, set[str]] = {}
        for path, type_ in (pair for table in use.tables for pair in expanded(table)):
            types.setdefault(path, set()).add(type_)
        for attribute in attributes.get(module["key"], ()):
            path = ".".join((*attribute["path"], attribute["keyword"]))
            if path in types and attribute["type"] not in (None, "None"):
                compared += 1
                if attribute["type"] not in types[path] and (module["key"], path) not in KNOWN:
                    differing.append((module["key"], path, attribute["type"], types[path]))
    assert compared > 300
    assert not differing


def test_sop_classes_agree_with_highdicom() -> None:
    for uid, key in json.loads((FOLDER / "sop_class_iod_map.json").read_text()).items():
        sop_class = STANDARD.sop_class(uid)
        assert sop_class is not None, uid
        assert _key(sop_class.iod) == _key(key), uid


def _key(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
