"""Values of content items against their template row: codes, units and graphic types (PS3.16 6.1.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.report.content import Code, ContentItem
from dcmlint.standard.coding import outside_fixed_group, same_code
from dcmlint.standard.tags import (
    CodeValue,
    ConceptCodeSequence,
    GraphicType,
    MeasuredValueSequence,
    MeasurementUnitsCodeSequence,
)
from dcmlint.standard.templates import TemplateRow

Found = tuple[str, Dataset, int, str, str, str]


def value_issues(item: ContentItem, row: TemplateRow) -> Iterator[Found]:
    """What is wrong with the value of an item: kind, level, tag, message, found, expected."""
    # A code without its scheme is reported by the tables, and is outside of nothing.
    if row.value_type == "CODE" and item.value is not None and item.value.scheme:
        for kind, message, found, want in _coded(item.value, row):
            yield kind, item.dataset.items(ConceptCodeSequence)[0], CodeValue, message, found, want
    if row.value_type == "NUM" and item.units is not None:
        for kind, message, found, want in _units(item.units, row):
            measured = item.dataset.items(MeasuredValueSequence)[0]
            yield kind, measured.items(MeasurementUnitsCodeSequence)[0], CodeValue, message, found, want
    if row.graphic_types:
        kind = item.dataset.text(GraphicType)
        if kind and kind not in row.graphic_types:
            yield (
                "graphic", item.dataset, GraphicType, f"the template has no coordinates of type {kind} here", kind,
                " or ".join(row.graphic_types),
            )  # fmt: skip


def _coded(code: Code, row: TemplateRow) -> Iterator[tuple[str, str, str, str]]:
    if row.values and not same_code(code.key, row.values):
        wanted = ", ".join(f"({value}, {scheme})" for value, scheme in row.values)
        yield "value", f"{row.name} has another value than its template gives", _shown(code), wanted
    elif _outside(row.value_group, row.value_binding, code):
        yield (
            "group",
            f"{row.name} has a value outside of CID {row.value_group}, which is not extensible", _shown(code),
            f"a code of CID {row.value_group}",
        )  # fmt: skip


def _outside(cid: int, binding: str, code: Code) -> bool:
    """Whether a code is outside of a context group that binds and may not be extended."""
    return cid > 0 and binding in ("D", "E") and outside_fixed_group(cid, code.key)


def _units(code: Code, row: TemplateRow) -> Iterator[tuple[str, str, str, str]]:
    if code.scheme != "UCUM":
        return  # SR016
    if row.units and not same_code(code.key, row.units):
        wanted = row.units[0][0]
        if _plain(code.value) != _plain(wanted):
            yield "units", f"{row.name} has other units than its template", _shown(code), wanted
    elif _outside(row.units_group, row.units_binding, code):
        yield (
            "units", f"{row.name} has units outside of CID {row.units_group}", _shown(code),
            f"a code of CID {row.units_group}",
        )  # fmt: skip


# UCUM has the liter as l and as L.
_LITER = re.compile(r"(?<![A-Za-z])([kdcmunpf]?)L(?![A-Za-z])")


def _plain(units: str) -> str:
    """Units without annotations in braces, which mean 1 in UCUM, with ^ of powers left out and the liter as l."""
    text, depth = "", 0
    for letter in units:
        depth += letter == "{"
        if not depth and letter not in "^*":
            text += letter
        depth -= letter == "}"
    text = _LITER.sub(r"\1l", text)
    return text if text.strip("/1") else "1" + text.strip("1")


def _shown(code: Code) -> str:
    return f"({code.value}, {code.scheme})"
