"""What of a value may be shown: in the default mode nothing that can identify anybody.

PS3.15 Table E.1-1 lists the attributes that identify; free text and private values are treated like them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from dcmlint import standard
from dcmlint.standard.tags import (
    CodeMeaning,
    CodeValue,
    CodingSchemeDesignator,
    CodingSchemeVersion,
    ContextGroupExtensionCreatorUID,
    ImplementationClassUID,
    ImplementationVersionName,
    LongCodeValue,
    Manufacturer,
    ManufacturerModelName,
    MappingResource,
    OpticalPathIdentifier,
    SoftwareVersions,
    URNCodeValue,
)

ShowValues = Literal["safe", "none", "all"]

# Text that people write (PS3.5 6.2): shown as its shape even where Table E.1-1 is silent.
_FREE_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AE"})
_TEMPORAL = frozenset({"DA", "TM", "DT"})

# Text of the standard's vocabulary rather than of people: codes and their schemes (PS3.3 8.8), terms that
# select an optical path, and what names the equipment's make (PS3.15 Table E.1-1 does not list these).
_VOCABULARY = frozenset(
    {
        CodeValue, CodingSchemeDesignator, CodingSchemeVersion, CodeMeaning, MappingResource, ContextGroupExtensionCreatorUID, LongCodeValue, URNCodeValue,
        Manufacturer, ManufacturerModelName, OpticalPathIdentifier, ImplementationVersionName, ImplementationClassUID, SoftwareVersions,
    }
)  # fmt: skip
_LONGEST = 64  # characters of a shape
_LONGEST_SHOWN = 200  # characters of a value that is shown
_MOST_VALUES = 16


def shape(text: str) -> str:
    """Letters as A or a, digits as 9, the rest as it is: `Doe^Jane` → `Aaa^Aaaa`."""
    shown = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text[:_LONGEST]
    )
    return shown + "…" if len(text) > _LONGEST else shown


def _temporal(text: str) -> str:
    """A date or time without its digits; punctuation and the zone stay."""
    zone = ""
    for sign in "+-":
        head, found, tail = text.partition(sign)
        if found and tail.isdigit():
            text, zone = head, sign + tail[:12]
            break
    return "".join("9" if c.isdigit() else c for c in text[:_LONGEST]) + zone


def is_identifying(tag: int, vr: str) -> bool:
    """Whether values of this attribute are hidden in the default mode."""
    if (tag >> 16) & 1:
        return True
    if tag in _VOCABULARY or vr == "UI":
        return False
    return vr in _FREE_TEXT or standard.load().confidentiality(tag) is not None


def show_value(value: Any, tag: int | None, mode: ShowValues, vr: str = "") -> str:
    """One value as a report may print it.

    ``tag`` None: the value is computed and belongs to no attribute.  Control characters stay: the border
    function of `dcmlint.reports` deals with them.
    """
    if getattr(value, "ndim", 0):
        value = value[: _MOST_VALUES + 1].tolist()  # an array, of frames perhaps
    if isinstance(value, (list, tuple)):
        return "\\".join(show_value(one, tag, mode, vr) for one in _few(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    text = _number(value) if isinstance(value, float) else str(value)
    if vr == "AT" and isinstance(value, int):
        text = f"({value >> 16:04X},{value & 0xFFFF:04X})"
    if tag is None or mode == "all":
        return _cut(text)
    if not vr:
        entry = standard.load().dictionary.entry(tag)
        vr = entry.vr if entry is not None else "UN"
    if mode == "none":
        return f"({vr}, {len(text)} characters)"
    if not is_identifying(tag, vr):
        return _cut(text)
    if vr in _TEMPORAL:
        return _temporal(text)
    return f"{shape(text)} ({vr}, {len(text)} character{'s' if len(text) != 1 else ''})"


def _few(values: Sequence[Any]) -> list[Any]:
    """The first values of a long list: a message is no dump."""
    few = list(values[:_MOST_VALUES])
    return few if len(values) <= _MOST_VALUES else [*few, "…"]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.10g}"
