"""Repairs of what is there and should not be, or the other way round (PS3.5 7.4)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.dicom.edits import Edit, Remove, SetItems, SetValue
from dcmlint.dicom.encode import written_vr
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function


@repair_function("add-empty")
def add_empty(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """An attribute of type 2 that is absent is written without a value, which says that nobody knows it."""
    if not failed.tag or failed.tag in failed.level:
        raise Refused("the attribute is there")
    vr = written_vr(failed.tag)
    if vr == "SQ":
        yield SetItems(level=failed.level, tag=failed.tag)
    else:
        yield SetValue(level=failed.level, tag=failed.tag, vr=vr)


@repair_function("remove-empty")
def remove_empty(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """An attribute without a value is left out."""
    element = failed.level.get(failed.tag)
    if element is None:
        raise Refused("the attribute is absent")
    if element.fragments is not None or (element.items is not None and len(element.items)):
        raise Refused("the attribute has a value: what is right is not known")
    if element.items is None and failed.level.raw(failed.tag)[:1024].strip(b" \0"):
        raise Refused("the attribute has a value: what is right is not known")
    yield Remove(level=failed.level, tag=failed.tag)
