"""Orders and worklist items that instances are held to: read from JSON, CSV or HL7 v2, and found for an instance.

An order is a mapping of keywords to text.  Several may be in one file: the one of an instance is found by the first
identifier that both have.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcmlint import standard
from dcmlint.errors import UsageError, did_you_mean

Order = dict[str, str]
# Identifiers of an order, the most exact first.
IDENTIFIERS = ("AccessionNumber", "ContainerIdentifier", "StudyInstanceUID", "PatientID")
_LARGEST = 16 << 20
_DAY = re.compile(r"(\d{4})([-./]?)(\d\d)\2(\d\d)(?=$|[T ]|\d{4})")
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
# HL7 v2.x, segments of orders (ORM, OML, OMI) and what of DICOM each field is (IHE RAD TF-2: 4.4, 4.5).
_HL7 = {
    ("PID", 3): "PatientID", ("PID", 5): "PatientName", ("PID", 7): "PatientBirthDate", ("PID", 8): "PatientSex",
    ("ORC", 2): "PlacerOrderNumberImagingServiceRequest", ("ORC", 3): "FillerOrderNumberImagingServiceRequest",
    ("OBR", 16): "RequestingPhysician", ("OBR", 19): "RequestedProcedureID", ("OBR", 18): "AccessionNumber", ("IPC", 1): "AccessionNumber", ("IPC", 3): "StudyInstanceUID", ("ZDS", 1): "StudyInstanceUID",
    ("PV1", 8): "ReferringPhysicianName", ("SPM", 2): "ContainerIdentifier", ("SAC", 3): "ContainerIdentifier",
}  # fmt: skip
_WHOLE = frozenset({"PatientName", "ReferringPhysicianName", "RequestingPhysician"})


def read_orders(name: str) -> tuple[Order, ...]:
    """The orders of a file.  Raises ``UsageError`` for one that cannot be read, or that names no attribute."""
    path = Path(name)
    try:
        if not path.exists():
            raise UsageError(f"--order {name}: no such file")
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise UsageError(f"--order {name}: not a file of at most {_LARGEST >> 20} MB")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(
            f"--order {name}: cannot be read: {getattr(problem, 'strerror', '') or 'not UTF-8'}"
        ) from None
    suffix = path.suffix.lower()
    if suffix == ".json":
        orders = _json(text, name)
    elif suffix == ".csv":
        lines = text.splitlines()
        rows = csv.DictReader(lines, delimiter=separator_of(lines))
        orders = [{key.strip(): value for key, value in row.items() if key} for row in rows]
    elif suffix in (".hl7", ".txt"):
        orders = _hl7(text)
    else:
        raise UsageError(f"--order {name}: .json, .csv or .hl7")
    made = tuple(_checked(order, name) for order in orders)
    if not made or not any(made):
        raise UsageError(f"--order {name}: there is no order in it")
    return made


def separator_of(lines: Sequence[str]) -> str:
    """What separates the columns of CSV, by its first line: spreadsheets of many countries write semicolons."""
    return max(",;\t", key=lines[0].count) if lines else ","


def _json(text: str, name: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"--order {name}: not JSON: {problem}") from None
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise UsageError(f"--order {name}: an object of keywords and values, or a list of them")
    return [_plain(one) for one in found]


def _plain(order: Mapping[str, Any]) -> dict[str, Any]:
    """A worklist item of the DICOM JSON model (PS3.18 F.2) by keywords; a plain object as it is."""
    made: dict[str, Any] = {}
    for key, value in order.items():
        if len(key) == 8 and isinstance(value, dict):
            entry = standard.load().dictionary.entry(int(key, 16)) if _is_hex(key) else None
            values = value.get("Value") or [""]
            if entry is not None and entry.keyword and not isinstance(values[0], dict):
                made[entry.keyword] = "\\".join(str(one) for one in values)
            elif entry is not None and isinstance(values[0], dict) and "Alphabetic" in values[0]:
                made[entry.keyword] = str(values[0]["Alphabetic"])
        else:
            made[key] = value
    return made


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789ABCDEFabcdef" for letter in text)


def _hl7(text: str) -> list[dict[str, Any]]:
    """The orders of HL7 v2 messages: one for each message, or for each OBR of it."""
    orders: list[dict[str, Any]] = []
    message: dict[str, Any] = {}
    current = message
    for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r"):
        segment, _, _ = line.partition("|")
        if segment == "MSH":
            message = current = {}
            orders.append(message)
            continue
        if segment == "OBR" and "AccessionNumber" in current:
            current = dict(message)
            orders.append(current)
        fields = line.split("|")
        for (wanted, number), keyword in _HL7.items():
            if segment == wanted and number < len(fields) and fields[number]:
                repeat = fields[number].split("~")[0]
                current[keyword] = _name(repeat) if keyword in _WHOLE else repeat.split("^")[0]
    return orders


def _name(text: str) -> str:
    """XPN or XCN as PN: family, given, middle, prefix, suffix (HL7 has the suffix first)."""
    parts = (text.split("^") + [""] * 6)[:6]
    if parts[0].isdecimal():  # XCN: an identifier stands before the name
        parts = (text.split("^")[1:] + [""] * 6)[:6]
    family, given, middle, suffix, prefix = parts[:5]
    return "^".join((family, given, middle, prefix, suffix)).rstrip("^")


def _checked(order: Mapping[str, Any], name: str) -> Order:
    made: Order = {}
    for key, value in order.items():
        entry = standard.load().dictionary.by_keyword(key)
        if entry is None:
            hint = did_you_mean(key, standard.load().dictionary.keywords())
            raise UsageError(
                f"--order {name}: {key!r} is not a keyword of the data dictionary"
                + (f" ({hint})" if hint else "")
            )
        if value not in (None, ""):
            made[key] = _as_dicom(str(value).strip(), entry.vr)
    return made


def _as_dicom(text: str, vr: str) -> str:
    """Dates and times as DICOM writes them: spreadsheets write 2024-03-15 and 14:05, HL7 puts a time after a date."""
    if vr == "DA" and (day := _DAY.match(text)):
        return day[1] + day[3] + day[4]
    if vr == "TM" and _TIME.fullmatch(text):
        return text.replace(":", "")
    return text


def order_of(values: Mapping[str, str], orders: Sequence[Mapping[str, str]]) -> Mapping[str, str] | None:
    """The order of an instance whose identifiers are ``values``; the only one if there is only one; None without one."""
    for key in IDENTIFIERS:
        mine = values.get(key)
        if mine and any(key in order for order in orders):
            found = [order for order in orders if order.get(key) == mine]
            if len(found) == 1:
                return found[0]
    return orders[0] if len(orders) == 1 else None
