"""The ways in which an instance is spoiled: one defect at one place, written as bytes so that no library mends it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

_TEXT = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_ONE_VALUE = frozenset(["LT", "ST", "UT", "UR"])  # a backslash is a character of theirs (PS3.5 6.2)
_NUMBERS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d"}
# One character more than the VR holds (PS3.5 Table 6.2-1).
_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "IS": 12, "LO": 64, "SH": 16, "TM": 14, "UI": 64, "DT": 26, "ST": 1024,
            "LT": 10240, "PN": 64}  # fmt: skip
# A value that the VR does not hold.
_WRONG = {"AE": "A\tB", "AS": "1Y", "CS": "a-b", "DA": "20201301", "DS": "1,5", "IS": "1.5", "LO": "a\tb", "SH": "a\nb", "TM": "256161",
          "UI": "1.02.3", "DT": "20201301", "PN": "A^B^C^D^E^F", "UR": "a b"}  # fmt: skip
_OTHER = {"CS": "BOGUS_TERM", "IS": "-7", "DS": "-7.5", "UI": "2.25.99", "US": 60000}
_NEVER = ("SOPInstanceUID", "SOPClassUID")
BASIC = ("absent", "empty", "other")
"""The kinds that are always made."""

_Made = tuple[str, bytes] | None  # VR and bytes


def _values(element: DataElement) -> list[Any]:
    if element.value is None or element.value == "":
        return []
    if element.VM > 1 or isinstance(element.value, list | tuple):
        return list(element.value)
    return [element.value]


def _text(values: list[Any]) -> bytes:
    return "\\".join(str(value) for value in values).encode("utf-8", "replace")


def _changed(element: DataElement, change: Callable[[str], str]) -> _Made:
    values = _values(element)
    if element.VR not in _TEXT or not values:
        return None
    before = [str(value) for value in values]
    after = [change(before[0]), *before[1:]]
    return None if before == after else (element.VR, _text(after))


def _number(element: DataElement, number: float) -> _Made:
    if element.VR in ("DS", "IS"):
        return element.VR, _text([number, *_values(element)[1:]])
    form = _NUMBERS.get(element.VR)
    if form is None or element.keyword in _NEVER:
        return None
    values = [number, *_values(element)[1:]]
    try:
        return element.VR, b"".join(
            struct.pack(form, value if form in ("<f", "<d") else int(value)) for value in values
        )
    except (struct.error, TypeError, ValueError):
        return None


def _other(element: DataElement) -> _Made:
    value = _OTHER.get(element.VR)
    if value is None or element.keyword in _NEVER:
        return None
    return (element.VR, struct.pack("<H", value)) if isinstance(value, int) else (element.VR, _text([value]))


def _more(element: DataElement) -> _Made:
    values = _values(element)
    if not values or element.VR in _ONE_VALUE or element.keyword in _NEVER:
        return None
    if element.VR in _TEXT:
        return element.VR, _text([*values, values[-1]])
    form = _NUMBERS.get(element.VR)
    return (
        None if form is None else (element.VR, b"".join(struct.pack(form, v) for v in [*values, values[-1]]))
    )


def _fewer(element: DataElement) -> _Made:
    values = _values(element)[:-1]
    if not values:
        return None
    if element.VR in _TEXT:
        return element.VR, _text(values)
    form = _NUMBERS.get(element.VR)
    return None if form is None else (element.VR, b"".join(struct.pack(form, v) for v in values))


def _other_vr(element: DataElement) -> _Made:
    if element.VR in _TEXT:
        vr = "SH" if element.VR != "SH" else "LO"
        return vr, _text(_values(element))
    form = {
        "US": ("UL", "<I"),
        "UL": ("US", "<H"),
        "FD": ("FL", "<f"),
        "FL": ("FD", "<d"),
        "SS": ("SL", "<i"),
    }.get(element.VR)
    if form is None:
        return None
    try:
        return form[0], b"".join(struct.pack(form[1], value) for value in _values(element))
    except struct.error:
        return None


def _longest(text: str, vr: str) -> str:
    fill = {"DS": "1", "IS": "1", "UI": "1", "DA": "0", "TM": "0", "AS": "0"}.get(vr, "A")
    return text.ljust(_LONGEST.get(vr, 64) + 1, fill)


ELEMENT_KINDS: dict[str, Callable[[DataElement], _Made]] = {
    "empty": lambda one: None if one.is_empty else (one.VR, b""),
    "other": _other,
    "lower": lambda one: _changed(one, str.lower) if one.VR == "CS" else None,
    "trailing spaces": lambda one: _changed(one, lambda text: text + "  ") if one.VR != "UI" else None,
    "leading space": lambda one: _changed(one, lambda text: " " + text),
    "too long": lambda one: _changed(one, lambda text: _longest(text, one.VR)) if one.VR in _LONGEST else None,
    "wrong character": lambda one: _changed(one, lambda text: _WRONG.get(one.VR, text)),
    "blank": lambda one: _changed(one, lambda text: "  "),
    "zero": lambda one: _number(one, 0),
    "one": lambda one: _number(one, 1),
    "negative": lambda one: _number(one, -3),
    "large": lambda one: _number(one, 65535),
    "more values": _more,
    "fewer values": _fewer,
    "other vr": _other_vr,
    "root of the standard": lambda one: (
        ("UI", b"1.2.840.10008.9.9.9") if one.VR == "UI" and one.keyword not in _NEVER else None
    ),
}  # fmt: skip
SEQUENCE_KINDS: dict[str, Callable[[Sequence], list[Dataset] | None]] = {
    "empty": lambda items: [] if items else None,
    "item empty": lambda items: [Dataset(), *items[1:]] if items else None,
    "item twice": lambda items: [*items, items[0]] if items else None,
}


def _raw(tag: Any, made: tuple[str, bytes]) -> RawDataElement:
    vr, value = made
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def levels(data: Dataset, path: str = "") -> Iterator[tuple[str, Dataset]]:
    """Each data set with its path: of a sequence the first item, and the last where it has other attributes."""
    yield path, data
    for element in list(data):
        if element.VR != "SQ" or not element.value or element.tag.is_private or not element.keyword:
            continue
        items = element.value
        chosen = {0, len(items) - 1} if set(items[0].keys()) != set(items[-1].keys()) else {0}
        for number in sorted(chosen):
            yield from levels(items[number], f"{path}{element.keyword}[{number}].")


Wanted = Callable[[str, str], bool]
"""Whether a kind of defect is made at a path."""


def basic(path: str, kind: str) -> bool:
    """Absent, empty or another value, everywhere."""
    return kind in BASIC


class Seldom:
    """Every kind of defect, but each of them of so many instances of an attribute alone."""

    def __init__(self, most: int) -> None:
        self._most = most

    def __call__(self, path: str, kind: str) -> bool:
        """Counts over all instances of a process."""
        key = plain(path), kind
        _MADE[key] = _MADE.get(key, 0) + 1
        return _MADE[key] <= self._most


_MADE: dict[tuple[str, str], int] = {}
Known = Callable[[str, Dataset], "list[tuple[int, str, Any]]"]
"""The attributes that might stand in a data set at a path and do not: tag, VR and a value."""


def spoiled(
    data: Dataset, write: Callable[[Dataset], bytes], wanted: Wanted, known: Known | None = None
) -> Iterator[tuple[str, str, bytes]]:
    """Path, kind and bytes of each instance with one defect.

    ``wanted``: whether a kind is made at a path; ``known``: adds attributes that are not there (kinds "added" and
    "added other").
    """
    original = write(data)
    for path, level in list(levels(data)):
        for element in list(level):
            if element.tag.is_private or element.tag.group in (0x0002, 0x7FE0) or not element.keyword:
                continue
            here = f"{path}{element.keyword}"
            for kind, made in _defects(element):
                if not wanted(here, kind):
                    continue
                encoded = _with(data, level, element.tag, made, write)
                if encoded is not None and encoded != original:
                    yield here, kind, encoded
        for tag, vr, value in known(path, level) if known is not None else ():
            here = f"{path}{keyword_for_tag(tag)}"
            made = DataElement(tag, vr, value)
            if wanted(here, "added") and (encoded := _with(data, level, tag, made, write)) is not None:
                yield here, "added", encoded
            other = _other(made)
            if other and wanted(here, "added other"):
                encoded = _with(data, level, tag, _raw(made.tag, other), write)
                if encoded is not None:
                    yield here, "added other", encoded


def _defects(element: DataElement) -> Iterator[tuple[str, Any]]:
    yield "absent", None
    if element.VR == "SQ":
        for kind, change in SEQUENCE_KINDS.items():
            items = change(element.value)
            if items is not None:
                yield kind, DataElement(element.tag, "SQ", Sequence(items))
        return
    for kind, make in ELEMENT_KINDS.items():
        made = make(element)
        if made is not None:
            yield kind, _raw(element.tag, made)


def _with(
    data: Dataset, level: Dataset, tag: Any, made: Any, write: Callable[[Dataset], bytes]
) -> bytes | None:
    """The instance with one element replaced, added or (None) absent; None where it cannot be written."""
    before = level._dict.get(tag)
    try:
        if made is None:
            del level._dict[tag]
        else:
            level._dict[tag] = made
        return write(data)
    except (
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        OverflowError,
        struct.error,
        NotImplementedError,
    ):
        return None
    finally:
        if before is None:
            level._dict.pop(tag, None)
        else:
            level._dict[tag] = before


def plain(path: str) -> str:
    """A path without numbers of items."""
    return re.sub(r"\[\d+\]", "", path)
