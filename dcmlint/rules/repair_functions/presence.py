"""Repairs of what is there and should not be, or the other way round (PS3.5 7.4)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint import standard
from dcmlint.dicom.edits import Edit, Remove, SetItems, SetValue
from dcmlint.dicom.encode import written_vr
from dcmlint.dicom.values import TEXT_VRS
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tables import Row


@repair_function("add-empty")
def add_empty(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """An attribute of type 2 that is absent is written without a value, which says that nobody knows it."""
    if not failed.tag or failed.tag in failed.level:
        raise Refused("the attribute is there")
    lacking = _required_and_absent(failed)
    if lacking:
        # With one attribute a module has begun, and readers ask for all of it.
        raise Refused(f"{lacking} of the same module is absent, and is never invented")
    vr = written_vr(failed.tag)
    if vr == "SQ":
        yield SetItems(level=failed.level, tag=failed.tag)
    else:
        yield SetValue(level=failed.level, tag=failed.tag, vr=vr)


def _required_and_absent(failed: Failed) -> str:
    """An attribute of type 1 of the same table of the main data set that is absent; "" where none is."""
    table = failed.problem.table
    if not table or failed.level.parent is not None:
        return ""
    for row in standard.load().table(table).rows:
        if isinstance(row, Row) and row.type == "1" and row.tag not in failed.level:
            return row.keyword
    return ""


@repair_function("remove-empty")
def remove_empty(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """An attribute without a value is left out."""
    element = failed.level.get(failed.tag)
    if element is None:
        raise Refused("the attribute is absent")
    if element.fragments is not None or (element.items is not None and len(element.items)):
        raise Refused("the attribute has a value: what is right is not known")
    # Padding alone is no value of a text; of a number 0 is one.
    padding = b" \0" if failed.level.value_representation(element) in TEXT_VRS else b""
    if element.items is None and failed.level.raw(failed.tag).strip(padding):
        raise Refused("the attribute has a value: what is right is not known")
    yield Remove(level=failed.level, tag=failed.tag)
