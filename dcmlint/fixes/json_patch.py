"""Edits as operations of a JSON Patch (RFC 6902) on the DICOM JSON Model (PS3.18 F) of the data set.

Applied in their order to the model of the old file they give the model of the new one, if values are shown as they are.
The model has no encoding and no File Meta Information: edits of these alone are no operation.
"""

from __future__ import annotations

import base64
from typing import Any

from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import AppendItem, Edit, Recode, Remove, Rename, SetItems, SetValue
from dcmlint.dicom.encode import Draft
from dcmlint.dicom.spans import Span
from dcmlint.dicom.value_numbers import UNITS
from dcmlint.dicom.values import decode
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Operation

_LONGEST = 1 << 20  # bytes of a value that is written into a patch
_GROUPS_OF_NAME = ("Alphabetic", "Ideographic", "Phonetic")


def patch_of(edit: Edit, operation: Operation, settings: Settings) -> dict[str, Any] | None:
    """The operation of one edit; None where the model does not have what it changes.

    ``operation`` says the values as reports show them, which stand in the patch unless all values are shown.
    """
    level, tag = edit.level, edit.tag
    group, number = tag >> 16, tag & 0xFFFF
    if not tag or not number or (group == 2 and level.parent is None):
        return None
    path = _pointer(level, tag)
    if isinstance(edit, Remove):
        return {"op": "remove", "path": path}
    if isinstance(edit, Rename):
        return {"op": "move", "from": path, "path": _pointer(level, edit.to)}
    value: dict[str, Any] | None
    shown = settings.show_values == "all" and not settings.mask_uids
    if isinstance(edit, SetValue):
        if not shown:
            value = {"vr": edit.vr} | ({"Value": operation.value.split("\\")} if operation.value else {})
        else:
            value = _set(edit)
    elif isinstance(edit, AppendItem) and len(level.items(tag)):
        return {
            "op": "add",
            "path": f"{path}/Value/-",
            "value": _item(edit.item, level.charset) if shown else {},
        }
    elif isinstance(edit, (SetItems, AppendItem)):
        items = (edit.item,) if isinstance(edit, AppendItem) else edit.items
        value = {"vr": "SQ"} | (
            {"Value": [_item(one, level.charset) for one in items]} if items and shown else {}
        )
    elif isinstance(edit, Recode) and edit.vr:
        return {"op": "replace", "path": f"{path}/vr", "value": edit.vr}
    else:
        return None
    return (
        None if value is None else {"op": "replace" if tag in level else "add", "path": path, "value": value}
    )


def _pointer(level: Dataset, tag: int) -> str:
    """Where an attribute stands in the model, as a JSON Pointer (RFC 6901)."""
    steps = f"/{tag:08X}"
    while level.parent is not None:
        steps = f"/{level.parent_tag:08X}/Value/{level.index}{steps}"
        level = level.parent
    return steps


def _set(edit: SetValue) -> dict[str, Any] | None:
    size = sum(part.end - part.start if isinstance(part, Span) else len(part) for part in edit.parts)
    if size > _LONGEST:
        return None
    level = edit.level
    buffer = level.context.buffer
    raw = b"".join(buffer[one.start : one.end] if isinstance(one, Span) else one for one in edit.parts)
    return attribute(edit.vr, raw, level.little, level.charset)


def attribute(vr: str, raw: bytes, little: bool = True, charset: Charset | None = None) -> dict[str, Any]:
    """An attribute of the model: its VR, and its values as PS3.18 Table F.2.3-1 has them."""
    if not raw:
        return {"vr": vr}
    if vr in ("UN", "OB", "OD", "OF", "OL", "OV", "OW"):
        unit = UNITS.get(vr, 1)
        if not little and unit > 1:  # PS3.18 F.2.7: little endian
            raw = b"".join(raw[at : at + unit][::-1] for at in range(0, len(raw), unit))
        return {"vr": vr, "InlineBinary": base64.b64encode(raw).decode("ascii")}
    if vr in ("DS", "IS"):  # as they are written: no digit is lost
        values: tuple[Any, ...] = tuple(
            one.strip(b"\0 ").decode("ascii", "replace") for one in raw.rstrip(b"\0 ").split(b"\\")
        )
    else:
        values = decode(vr, raw, little_endian=little, charset=charset)
    made = [_value(vr, one) for one in values]
    return {"vr": vr} | ({"Value": made} if made and made != [None] else {})


def _value(vr: str, value: Any) -> Any:
    if value == "":
        return None
    if vr == "AT":
        return f"{value:08X}"
    if vr == "PN":
        groups = zip(_GROUPS_OF_NAME, value.split("="), strict=False)
        return {name: text for name, text in groups if text}
    return value


def _item(item: Draft, charset: Charset | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for tag, element in sorted(item.elements.items()):
        if not tag & 0xFFFF:
            continue
        value = element.value
        if isinstance(value, list):
            items = [_item(one, charset) for one in value]
            made[f"{tag:08X}"] = {"vr": "SQ"} | ({"Value": items} if items else {})
        elif isinstance(value, bytes):
            made[f"{tag:08X}"] = attribute(element.vr, value, True, charset)
    return made
