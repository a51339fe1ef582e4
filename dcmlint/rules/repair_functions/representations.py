"""Repairs of the VR of elements: the one that PS3.6 gives, where the value is one of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.edits import Edit, SetItems, SetValue, text
from dcmlint.dicom.encode import Draft, DraftElement
from dcmlint.dicom.spans import Span
from dcmlint.dicom.value_fields import field_of
from dcmlint.dicom.value_numbers import UNITS
from dcmlint.dicom.values import TEXT_VRS, check_value
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import PixelRepresentation

_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
_LONGEST = 1 << 20  # bytes of a value that is looked at
_UNKNOWN_ORDER = "in big endian nobody knows how a value of VR UN is written"
_MOST_ITEMS = 10_000  # items that are written anew


@repair_function("dictionary-vr")
def dictionary_vr(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The element is written with the VR of PS3.6; numbers keep their value, text its bytes."""
    level, element = failed.level, failed.level.get(failed.tag)
    if element is None or not level.explicit or element.fragments is not None:
        raise Refused("no VR is written here")
    wanted = _wanted(level, failed.tag)
    if element.items is not None:
        if wanted != "SQ":
            raise Refused("a sequence stands where PS3.6 has a value")
        yield SetItems(level=level, tag=failed.tag, items=_items(element))
        return
    if wanted == "SQ":
        raise Refused("a value stands where PS3.6 has a sequence")
    yield SetValue(level=level, tag=failed.tag, vr=wanted, parts=(_field(level, element, wanted),))


def _wanted(level: Dataset, tag: int) -> str:
    entry = standard.load().dictionary.entry(tag)
    if entry is None:
        raise Refused("PS3.6 does not have the attribute")
    choices = entry.vr.replace(" or ", "/").split("/")
    if len(choices) == 1:
        return choices[0]
    if set(choices) == {"US", "SS"} and level.nearest_value(PixelRepresentation) in (0, 1):
        return "SS" if level.nearest_value(PixelRepresentation) == 1 else "US"
    raise Refused(f"PS3.6 leaves the VR open: {entry.vr}")


def _field(level: Dataset, element: Element, wanted: str) -> bytes | Span:
    if not element.is_plain or element.length > _LONGEST:
        raise Refused("the value could not be read whole, or is longer than 1 MiB")
    raw, written = level.raw(element.tag), element.vr
    if written == "UN" and not level.context.little:
        raise Refused(_UNKNOWN_ORDER)
    if wanted in TEXT_VRS and written in (*TEXT_VRS, "UN"):
        padded = text(wanted, raw.rstrip(b"\0 "))  # as this VR has it: NUL behind a UID, SPACE behind others
        for field in (raw, padded):
            if not check_value(wanted, field, charset=level.charset):
                return field
        raise Refused(f"the value is none of VR {wanted}")
    if wanted in _NUMBERS and written in _NUMBERS:
        try:
            return field_of(level, wanted, [_number(value) for value in level.values(element.tag)])
        except (struct.error, ValueError, OverflowError):
            raise Refused(f"the value does not fit VR {wanted}") from None
    if written == "UN" and element.length % UNITS.get(wanted, 1) == 0 and wanted in UNITS:
        return raw
    raise Refused(f"a value of VR {written} is none of VR {wanted}")


def _number(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError("no number")
    return value


def _items(element: Element) -> tuple[Draft, ...]:
    assert element.items is not None
    left = [_MOST_ITEMS]
    return tuple(_draft(item, left) for item in element.items)


def _draft(level: Dataset, left: list[int]) -> Draft:
    """A level that was written without VRs, with those of the dictionary; what it does not know stays UN."""
    left[0] -= 1
    if left[0] < 0:
        raise Refused(f"more than {_MOST_ITEMS} items")
    made = []
    for element in level:
        if element.fragments is not None:
            raise Refused("fragments stand in the sequence")
        if element.items is not None:
            value: bytes | list[Draft] = [_draft(item, left) for item in element.items]
            made.append(DraftElement(element.tag, "SQ", value))
        else:
            vr, raw = level.value_representation(element), level.raw(element.tag)
            if vr == "UN" and raw and not level.context.little:
                raise Refused(_UNKNOWN_ORDER)
            made.append(DraftElement(element.tag, vr, raw))
    return Draft(made)
