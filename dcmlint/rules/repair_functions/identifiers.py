"""Repairs of UIDs and of codes."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.dicom.edits import Edit, Remove, SetValue, text
from dcmlint.dicom.items import all_places
from dcmlint.dicom.values import check_value
from dcmlint.rules.repair_functions.values import text_of
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard import documents
from dcmlint.standard.documents import RETIRED_SCHEMES
from dcmlint.standard.tags import CodeValue, CodingSchemeDesignator, CodingSchemeVersion

_LONGEST_CODE = 16  # characters of Code Value (PS3.3 8.1)


@repair_function("without-leading-zeros")
def without_leading_zeros(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Components of UIDs without the zeros that they begin with (PS3.5 9.1)."""
    vr, raw = text_of(failed)
    element = failed.level.get(failed.tag)
    uids = [
        b".".join(part.lstrip(b"0") or b"0" for part in uid.split(b"."))
        if uid.replace(b".", b"").isdigit() and all(uid.split(b".")) else uid
        for uid in raw.rstrip(b"\0 ").split(b"\\")
    ]  # fmt: skip
    field = text("UI", b"\\".join(uids))
    if vr != "UI" or element is None or check_value("UI", field):
        raise Refused("without leading zeros it is no UID either")
    if field != raw:
        yield SetValue(level=failed.level, tag=failed.tag, vr=element.vr, parts=(field,))


@repair_function("current-codes")
def current_codes(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Codes of SNOMED RT become those of SNOMED CT that PS3.16 maps them to: value and scheme; meanings stay.

    Those that it does not map stay as they are.
    """
    tables = documents.load()
    for place in all_places(context.instance.dataset, None):
        level = place.level
        scheme, value = level.text(CodingSchemeDesignator), level.text(CodeValue)
        if scheme not in RETIRED_SCHEMES or not value:
            continue
        code, current = tables.current_code(value, scheme)
        if current != "SCT" or len(code) > _LONGEST_CODE:
            continue
        for tag, new in ((CodeValue, code), (CodingSchemeDesignator, current)):
            yield SetValue(level=level, tag=tag, vr="SH", parts=(text("SH", new.encode("ascii")),))
        if CodingSchemeVersion in level:  # that of the retired scheme
            yield Remove(level=level, tag=CodingSchemeVersion)
