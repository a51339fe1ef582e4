"""What of a value may be shown: in the default mode nothing that can identify anybody.

PS3.15 Table E.1-1 lists the attributes that identify; free text and private values are treated like them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.values import TEXT_VRS, check_value, decode
from dcmlint.plural import number_of
from dcmlint.standard.names import uid_name
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
_MORE = "…"
_LONGEST_OF = {"LO": 64, "SH": 16}  # characters, of the vocabulary of the standard
_SHORTEST_HIDDEN = 3
_SHORT = 6  # characters: what is as short is also part of other words and numbers
_LONGEST_KEPT = 1 << 14
_BYTES = (bytes, bytearray, memoryview)
_NUMERIC = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "IS", "DS", "AT"})


def shape(text: str) -> str:
    """Letters as A or a, digits as 9, the rest as it is: `Doe^Jane` → `Aaa^Aaaa`."""
    shown = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text[:_LONGEST]
    )
    return shown + "…" if len(text) > _LONGEST else shown


_HARMLESS = re.compile(r"[A-Z0-9_. -]{0,64}").fullmatch


def harmless(text: str) -> str:
    """A UID or a code as it may be kept of an instance: its shape where it holds what neither may."""
    return text if _HARMLESS(text) else shape(text)


def hidden_texts(levels: Iterable[Dataset]) -> frozenset[str]:
    """The texts of data sets that a report may not show in the default mode, the ends stripped.

    What is also a legal value of a coded string or a number that identifies nobody is no secret: a Study ID of
    NONE does not hide value 4 of Image Type, nor one of 512 the number of rows.
    """
    found: set[str] = set()
    seen: set[str] = set()
    for level in levels:
        slices = level.context.slices
        for element in level.elements.values():
            size = element.length
            if not 0 < size <= _LONGEST_KEPT or not element.is_plain:
                continue
            if element.vr in _WHOLE and size <= _LONGEST:
                seen.update(_whole_of(element.tag, level.values(element.tag)))
            if element.vr not in _MAY_BE_TEXT:
                continue
            raw = slices[element.start : element.end]
            if size <= _LONGEST and raw.isascii() and b"\x1b" not in raw:
                # What is read the same in every character set: files of a series share most of it.
                vr = element.vr if element.vr != "UN" else level.value_representation(element)
                found.update(_hidden_of(element.tag, vr, raw))
                if vr in _OPEN:
                    seen.update(_open_of(element.tag, vr, raw))
            else:
                found.update(_hidden(element.tag, level.values(element.tag)))
    return frozenset(found - seen)


_MAY_BE_TEXT = frozenset({*TEXT_VRS, "UN"})
# Terms and numbers, which say nothing of whom they are about (PS3.5 6.2).
_OPEN = frozenset({"CS", "DS", "IS"})
_WHOLE = frozenset({"US", "UL"})


@lru_cache(maxsize=1 << 11)
def _hidden_of(tag: int, written: str, raw: bytes) -> tuple[str, ...]:
    return tuple(_hidden(tag, decode(written, raw)))


@lru_cache(maxsize=1 << 11)
def _open_of(tag: int, written: str, raw: bytes) -> tuple[str, ...]:
    entry = standard.load().dictionary.entry(tag)
    if entry is None or entry.vr not in _OPEN or is_identifying(tag, entry.vr):
        return ()
    values = decode(written, raw)[:_MOST_VALUES]
    return tuple(_text(one).strip() for one in values if is_legal(one, entry.vr))


def _whole_of(tag: int, values: Sequence[object]) -> Iterator[str]:
    entry = standard.load().dictionary.entry(tag)
    if entry is not None and not _WHOLE.isdisjoint(entry.vr.split("/")) and not is_identifying(tag, entry.vr):
        yield from (str(one) for one in values[:_MOST_VALUES] if isinstance(one, int))


def _hidden(tag: int, values: Sequence[object]) -> Iterator[str]:
    entry = standard.load().dictionary.entry(tag)
    vr = entry.vr if entry is not None else "UN"
    identifying = is_identifying(tag, vr)
    for value in values[:_MOST_VALUES]:
        text = value.strip() if isinstance(value, str) else ""
        if len(text) >= _SHORTEST_HIDDEN and (identifying or not is_legal(value, vr)):
            yield text


def without_texts(text: str, hidden: Iterable[str]) -> str:
    """A text in which each of the hidden ones is shown as its shape.

    A short one is only hidden as a word or a number of its own: 100 is not what 1000 tells.
    """
    for one in hidden:
        if one in text:
            text = _hide_word(text, one) if len(one) < _SHORT else text.replace(one, shape(one))
    return text


def _hide_word(text: str, word: str) -> str:
    hidden = shape(word)
    return re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", lambda _: hidden, text)


def _temporal(text: str) -> str:
    """A legal date or time without its digits; punctuation and the zone stay."""
    zone = ""
    for sign in "+-":
        head, found, tail = text.partition(sign)
        if found and tail.isdigit():
            text, zone = head, sign + tail[:12]
            break
    return "".join("9" if c.isdigit() else c for c in text[:_LONGEST]) + zone


def is_identifying(tag: int, vr: str) -> bool:
    """Whether values of this attribute are hidden in the default mode, however legal they are."""
    if (tag >> 16) & 1:
        return True
    if tag in _VOCABULARY or vr == "UI":
        return False
    return vr in _FREE_TEXT or standard.load().confidentiality(tag) is not None


def is_legal(value: object, vr: str) -> bool:
    """Whether a value is one that the VR allows (PS3.5 6.2): what a wrong length or VR swallowed is not."""
    vrs = vr.split("/")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    if not isinstance(value, str):
        return not _NUMERIC.isdisjoint(vrs)
    if not value.isascii():
        # Decoded from its character set, or bytes that are none; what is no text has the default repertoire.
        return len(value) <= _LONGEST_OF.get(vr, 0) and value.isprintable()
    raw = value.encode()
    raw += b"" if not len(raw) & 1 else b"\0" if vr == "UI" else b" "
    return any(one in TEXT_VRS and not check_value(one, raw) for one in vrs)


def show_uid(uid: str, mode: ShowValues, mask: bool = False) -> str:
    """A UID as a report may print it: one of the standard, or a legal one unless UIDs are masked."""
    if (mode == "all" and not mask) or standard.load().uid(uid) is not None:
        return _cut(uid)
    if mode == "none" or mask or not is_legal(uid, "UI"):
        return f"(UI, {_characters(uid)})" if uid else ""
    return uid


def given_uid(uid: str) -> str:
    """A UID that a sender gave, for messages, logs and operators: its length alone where it is none, since it may be any text."""
    return show_uid(uid, "safe")


# What reads like a UID in a text: made of a UUID, or of five components at least.
_UID = re.compile(r"(?<![\w.])(?:2\.25\.\d+|[0-2](?:\.(?:0|[1-9]\d*)){4,})(?![\w]|\.\d)")
# The creator in the path of a private element.
_CREATOR = re.compile(r"(?<=,\[).*?(?=\],[0-9A-F]{2}\))", re.DOTALL)


def without_uids(text: str) -> str:
    """A text in which UIDs that the standard does not know are masked."""
    return _UID.sub(lambda found: show_uid(found[0], "safe", True), text) if "." in text else text


def without_creators(path: str) -> str:
    """A path in which private creators are shown as their shape."""
    return _CREATOR.sub(lambda found: shape(found[0]), path) if ",[" in path else path


def show_value(value: Any, tag: int | None, mode: ShowValues) -> str:
    """One value, or all values of an attribute, as a report may print it.

    ``tag`` None: the value is computed and belongs to no attribute.  In the default mode a value is shown only
    if it is legal for the VR that the dictionary gives the attribute, and the attribute identifies nobody.  A UID that the
    standard names is shown by its name.
    Control characters stay: the border function of `dcmlint.reports` deals with them.
    """
    if getattr(value, "ndim", 0):
        value = value[: _MOST_VALUES + 1].tolist()  # an array, of frames perhaps
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0] if isinstance(value[0], _BYTES) else value
    if isinstance(value, _BYTES):
        return f"{len(value)} bytes"
    if mode == "all" or (tag is None and mode == "safe"):
        known = standard.load().dictionary.entry(tag) if tag is not None else None
        own = "UI" if tag is None else known.vr if known is not None else "UN"
        return _listed(value, lambda one: _named(_text(one), own))
    if tag is None:
        return f"({_characters(_listed(value, _text))})" if _has_text(value) else "(a number)"
    entry = standard.load().dictionary.entry(tag)
    vr = entry.vr if entry is not None else "UN"
    if isinstance(value, (list, tuple)):
        numbers = any(not isinstance(one, str) for one in value)
        if mode == "none" or (numbers and entry is not None and not _may_have(len(value), entry.vm)):
            return f"({vr}, {len(value)} values)"
    if mode == "none":
        return f"({_size(vr, _text(value))})"
    return _listed(value, lambda one: _safe(one, tag, vr))


def _is_computed(value: object, vr: str) -> bool:
    """Whether a number was made of an attribute whose own values are text: how many there are, how long they are."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and _NUMERIC.isdisjoint(vr.split("/"))


def _safe(value: object, tag: int, vr: str) -> str:
    text = _text(value, vr)
    if _is_computed(value, vr) and not is_identifying(tag, vr):
        return _cut(text)
    if is_legal(value, vr):
        if not is_identifying(tag, vr):
            return _named(text, vr)
        if vr in _TEMPORAL:
            return _temporal(text)
    return f"{shape(text)} ({_size(vr, text)})"


def _text(value: object, vr: str = "") -> str:
    if vr == "AT" and isinstance(value, int):
        return f"({value >> 16:04X},{value & 0xFFFF:04X})"
    return _number(value) if isinstance(value, float) else str(value)


def _named(text: str, vr: str) -> str:
    """A text that is shown: what the standard calls it, if it is a UID."""
    return _cut(uid_name(text) if vr == "UI" else text)


def _size(vr: str, text: str) -> str:
    """The VR of an attribute, where the dictionary has it, and how long a value is."""
    return _characters(text) if vr == "UN" else f"{vr}, {_characters(text)}"


def _characters(text: str) -> str:
    return number_of(len(text), "character")


def _has_text(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, (list, tuple)) and any(isinstance(one, str) for one in value)
    )


def _listed(value: object, show: Callable[[object], str]) -> str:
    if isinstance(value, (list, tuple)):
        return "\\".join(one if one is _MORE else show(one) for one in _few(value))
    return show(value)


def _may_have(count: int, vm: str) -> bool:
    """Whether a value multiplicity (PS3.6: "1", "1-3", "2-n", "3-3n") allows so many values."""
    return all(_allows(count, one.strip()) for one in vm.split(" or ")) if vm else True


def _allows(count: int, vm: str) -> bool:
    low, _, high = vm.partition("-")
    most = high or low
    return count <= int(most) if most.isdigit() else True


def _few(values: Sequence[Any]) -> list[Any]:
    """The first values of a long list: a message is no dump."""
    few = list(values[:_MOST_VALUES])
    return few if len(values) <= _MOST_VALUES else [*few, _MORE]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.10g}"
