"""Repairs of value fields that say the same before and after (PS3.5 6.2, 9.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from dcmlint.dicom.charsets import CHARSET_VRS, Charset
from dcmlint.dicom.dataset import Element
from dcmlint.dicom.edits import Edit, SetValue, text
from dcmlint.dicom.spans import Span
from dcmlint.dicom.value_decimal import nearest
from dcmlint.dicom.value_numbers import DECIMAL
from dcmlint.dicom.value_times import check_date, check_time
from dcmlint.dicom.values import TEXT_VRS
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import SpecificCharacterSet

_LONGEST = 1 << 20  # bytes of a text that is written anew
# Of these one byte is a value: a pad byte makes the length even (PS3.5 6.2).
_BYTES = frozenset({"OB", "UN"})


def _element(failed: Failed) -> Element:
    element = failed.level.get(failed.tag)
    if element is None:
        raise Refused("the element is absent")
    if not element.is_plain:
        raise Refused("the value could not be read whole")
    return element


def text_of(failed: Failed) -> tuple[str, bytes]:
    """VR and value field of a text element.  Raises `Refused`."""
    element = _element(failed)
    vr = failed.level.value_representation(element)
    if vr not in TEXT_VRS:
        raise Refused(f"VR {vr} holds no text")
    if element.end - element.start > _LONGEST:
        raise Refused("the text is longer than 1 MiB")
    return vr, failed.level.raw(failed.tag)


def _written(failed: Failed, vr: str, body: bytes) -> Iterable[Edit]:
    """The element with this text, padded; nothing where it has it already."""
    element = _element(failed)
    field = text(vr, body)
    if field != failed.level.raw(failed.tag):
        yield SetValue(level=failed.level, tag=failed.tag, vr=element.vr, parts=(field,))


@repair_function("trim-padding")
def trim_padding(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """NULs and spaces at the end of a text give way to the padding that the VR has, which makes the length even."""
    vr, raw = text_of(failed)
    body = raw.rstrip(b"\0 ")
    charset = failed.level.charset
    if body and vr in CHARSET_VRS and not body.isascii() and _ends_within(raw, body, charset):
        raise Refused("in this character set the last byte may be part of a character")
    yield from _written(failed, vr, body)


def _ends_within(raw: bytes, body: bytes, charset: Charset | None) -> bool:
    """Whether what was stripped may be the second byte of a character; no multi-byte set of PS3.5 uses NUL or SPACE."""
    return b"\x1b" in raw and charset is not None and not charset.certain


@repair_function("pad-to-even")
def pad_to_even(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """One pad byte behind a value of odd length: NUL behind UIDs and bytes, SPACE behind other text (PS3.5 6.2)."""
    element = _element(failed)
    vr = failed.level.value_representation(element)
    if not (element.end - element.start) & 1:
        return
    if vr not in TEXT_VRS and vr not in _BYTES:
        raise Refused(f"an odd number of bytes is no number of values of VR {vr}")
    if vr in TEXT_VRS and element.end - element.start <= _LONGEST:
        # A NUL before the pad byte would be one inside of the text.
        yield from _written(failed, vr, failed.level.raw(failed.tag).rstrip(b"\0"))
        return
    pad = b" " if vr in TEXT_VRS and vr != "UI" else b"\0"
    copied = Span(element.start, element.end)
    yield SetValue(level=failed.level, tag=failed.tag, vr=element.vr, parts=(copied, pad))


@repair_function("nearest-decimal")
def nearest_decimal(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """A Decimal String of more than 16 characters becomes the nearest one that has no more (PS3.5 6.2)."""
    vr, raw = text_of(failed)
    made = []
    for value in raw.rstrip(b"\0 ").split(b"\\"):
        if len(value) <= 16:
            made.append(value)
            continue
        if not DECIMAL.fullmatch(value):
            raise Refused("a value is no number")
        try:
            made.append(nearest(Decimal(value.strip().decode("ascii"))).encode())
        except (ValueError, InvalidOperation):
            raise Refused("16 characters cannot say the value") from None
    yield from _written(failed, vr, b"\\".join(made))


_LEGACY_DATE = re.compile(rb"(\d{4})\.(\d\d)\.(\d\d)").fullmatch
_LEGACY_TIME = re.compile(rb"(\d\d):(\d\d)(?::(\d\d)(\.\d{1,6})?)?").fullmatch


@repair_function("without-punctuation")
def without_punctuation(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Dates written YYYY.MM.DD and times written HH:MM:SS, as ACR-NEMA had them, lose what stands between."""
    vr, raw = text_of(failed)
    legacy, check = (_LEGACY_DATE, check_date) if vr == "DA" else (_LEGACY_TIME, check_time)
    if vr not in ("DA", "TM"):
        raise Refused(f"VR {vr} is neither a date nor a time")
    made = []
    for value in raw.rstrip(b"\0 ").split(b"\\"):
        found = legacy(value.strip())
        plain = b"".join(part or b"" for part in found.groups()) if found is not None else value
        if found is not None and check(plain) is not None:
            raise Refused("without punctuation it is no date or time either")
        made.append(plain)
    yield from _written(failed, vr, b"\\".join(made))


@repair_function("charset-term")
def charset_term(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """A term of Specific Character Set is spelled as PS3.3 C.12.1.1.2 has it, where only one can be meant."""
    vr, _ = text_of(failed)
    terms = tuple(str(term) for term in failed.level.values(SpecificCharacterSet))
    made = list(terms)
    for _ in terms:  # a problem of several values is told of the first
        problems = Charset.from_terms(tuple(made))[1]
        misspelt = next((one for one in problems if one.code == "charset-misspelt"), None)
        if misspelt is None:
            break
        made[misspelt.number - 1] = "" if " absent " in misspelt.want else misspelt.want
    if Charset.from_terms(tuple(made))[1]:
        raise Refused("which term is meant is not certain")
    yield from _written(failed, vr, "\\".join(made).encode("ascii"))
