"""Specific Character Set where the bytes of all texts prove it (PS3.3 C.12.1.1.2)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.dicom.charsets import CHARSET_VRS
from dcmlint.dicom.edits import Edit, SetValue
from dcmlint.dicom.items import all_places
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import SpecificCharacterSet

_LONGEST = 1 << 20  # bytes of a text that is looked at
_UTF_8 = b"ISO_IR 192"


@repair_function("charset-utf-8")
def charset_utf_8(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """ISO_IR 192, where every text that is not ASCII is well-formed UTF-8, and none can be anything else."""
    dataset = context.instance.dataset
    proven = 0
    for place in all_places(dataset, None):
        level = place.level
        if level is not dataset and SpecificCharacterSet in level:
            raise Refused("an item has a Specific Character Set of its own")
        for element in level:
            vr = level.value_representation(element)
            if vr not in CHARSET_VRS or element.items is not None:
                continue
            if element.end - element.start > _LONGEST:
                raise Refused("a text is longer than 1 MiB")
            raw = level.raw(element.tag)
            if b"\x1b" in raw:
                raise Refused("a text has escape sequences, which UTF-8 does not use")
            if not raw.isascii():
                try:
                    raw.decode("utf-8")
                except UnicodeDecodeError:
                    raise Refused(
                        "not all texts are UTF-8: which character set they have is not known"
                    ) from None
                proven += 1
    if not proven:
        raise Refused("no text proves a character set")
    yield SetValue(level=dataset, tag=SpecificCharacterSet, vr="CS", parts=(_UTF_8,))
