"""What would repair the failures of an instance: edits at every place, and how a report names them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import (
    AddPreamble,
    AppendItem,
    Drop,
    Edit,
    PadFragments,
    Recode,
    Remove,
    Rename,
    SetItems,
    SetMeta,
    SetOffsets,
    SetValue,
    Sort,
)
from dcmlint.dicom.items import Group, count_of, indices
from dcmlint.dicom.path import name_of, path_of, tag_text
from dcmlint.dicom.spans import Span
from dcmlint.dicom.values import decode
from dcmlint.engine.placing import Failure
from dcmlint.engine.settings import Settings
from dcmlint.findings.finding import Fix, Operation
from dcmlint.findings.redact import show_value, without_creators, without_uids
from dcmlint.plural import number_of
from dcmlint.rules.model import Repair
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repairs_for

_MOST_OPERATIONS = 16  # that a finding lists
_LONGEST_SHOWN = 1 << 12  # bytes of a value that is decoded to be shown


class Proposal(msgspec.Struct, frozen=True):
    """What one repair does at one place: edits, or why it does nothing.

    ``asked``: somebody has asked for just this, by more than the choice of safe and unsafe repairs.
    """

    rule: str
    repair: Repair
    check: str = ""
    path: str = ""
    edits: tuple[Edit, ...] = ()
    refused: str = ""
    asked: bool = False


def proposed(context: RepairContext, failure: Failure, most: int | None = None) -> Iterator[Proposal]:
    """What the repairs of a rule do at each place of a failure, or at the first ``most``."""
    repairs = repairs_for(failure.active.source, failure.problem.check)
    if not repairs:
        return
    tag, rule, check = failure.where.tag, failure.active.id, failure.problem.check
    for one in repairs:
        for level, scope in islice(_places(failure), most):
            path = path_of(level, tag)
            try:
                failed = Failed(failure.problem, level, tag, scope)
                edits = tuple(edit for edit in one.edits(context, failed) if not _is_there(edit))
            except Refused as reason:
                yield Proposal(rule, one.repair, check, path, refused=str(reason))
            else:
                if edits:
                    yield Proposal(rule, one.repair, check, path, edits)


def _is_there(edit: Edit) -> bool:
    """Whether an element has the VR and the value already that an edit would give it."""
    if not isinstance(edit, SetValue):
        return False
    element = edit.level.get(edit.tag)
    if element is None or element.items is not None or element.vr != edit.vr or len(edit.parts) != 1:
        return False
    (field,) = edit.parts
    return isinstance(field, bytes) and edit.level.raw(edit.tag) == field


def _places(failure: Failure) -> Iterator[tuple[Dataset, Dataset]]:
    """The level and the scope at each of the items for which they stand."""
    level, groups = failure.scope if failure.level is None else failure.level, failure.groups
    if not groups:
        yield level, failure.scope
        return
    for numbers in indices(groups, count_of(groups)):
        yield _at(level, groups, numbers), _at(failure.scope, groups, numbers)


def _at(level: Dataset, groups: tuple[Group, ...], numbers: tuple[int, ...]) -> Dataset:
    """The level that stands where a template's stands, in the items with these numbers."""
    steps: list[tuple[int, int]] = []
    current = level
    while current.parent is not None:
        index = current.index
        for group, number in zip(groups, numbers, strict=True):
            if group.template is current:
                index = int(number)
        steps.append((current.parent_tag, index))
        current = current.parent
    for tag, index in reversed(steps):
        current = current.items(tag)[index]
    return current


def proposals(context: RepairContext, failure: Failure, settings: Settings) -> Iterator[Fix]:
    """The fixes of a finding, with what they do at its first place."""
    for proposal in proposed(context, failure, 1):
        if not proposal.refused:
            operations = (operation_of(edit, settings) for edit in islice(proposal.edits, _MOST_OPERATIONS))
            repair = proposal.repair
            yield Fix(
                label=repair.label,
                applicability="safe" if repair.safety == "safe" else "unsafe",
                reason=" ".join(repair.reason.split()),
                operations=tuple(operations),
            )


def operation_of(edit: Edit, settings: Settings) -> Operation:
    """An edit as a report names it, values shown as far as they may be."""
    level, tag = edit.level, edit.tag
    path = path_of(level, tag)
    if tag and not tag & 0xFFFF and tag >> 16 != 2:
        path = ".".join(
            filter(None, (path_of(level), tag_text(tag)))
        )  # groups share the keyword of their length
    if settings.show_values != "all":
        path = without_creators(path)
    element = level.get(tag) if tag else None
    vr = level.value_representation(element) if element is not None else ""
    written = element.vr if element is not None and level.explicit else ""
    old_bytes = element.end - element.start if element is not None else None
    old = _value(edit, level.context.buffer[element.start : element.end], vr, settings) if (
        element is not None and element.items is None and element.fragments is None
        and element.end - element.start <= _LONGEST_SHOWN
    ) else _size(edit)  # fmt: skip
    if isinstance(edit, SetValue):
        return _set_operation(edit, path, old, old_bytes, written, settings)
    if isinstance(edit, SetItems):
        count = len(edit.items)
        items = number_of(count, "item")
        return Operation(
            kind="set", path=path, vr="SQ", old_vr=written, old=old, value=items, old_bytes=old_bytes
        )
    if isinstance(edit, AppendItem):
        return Operation(kind="set", path=path, vr="SQ", old=old, value="one item more", old_bytes=old_bytes)
    if isinstance(edit, Remove):
        return Operation(kind="remove", path=path, vr=vr, old=old, old_bytes=old_bytes)
    if isinstance(edit, Rename):
        prefix = path_of(level)
        to = f"{prefix}.{name_of(edit.to)}" if prefix else name_of(edit.to)
        return Operation(kind="rename", path=path, vr=vr, value=to, old_bytes=old_bytes, new_bytes=old_bytes)
    if isinstance(edit, Drop):
        size = edit.end - edit.start
        what = f"{number_of(size, 'byte')} at {edit.start:#x}"
        return Operation(kind="drop", path=path, old=what, old_bytes=size, new_bytes=0)
    if isinstance(edit, SetOffsets):
        table = element.fragments.bot_length if element is not None and element.fragments is not None else 0
        return Operation(
            kind="set", path=f"{path}.BasicOffsetTable", old=_entries(table), value=_entries(len(edit.table)),
            old_bytes=table, new_bytes=len(edit.table),
        )  # fmt: skip
    if isinstance(edit, Sort):
        return Operation(kind="sort", path=path)
    if isinstance(edit, PadFragments):
        return Operation(kind="encode", path=path, vr=vr, old_bytes=old_bytes)
    if isinstance(edit, SetMeta):
        return _meta_operation(edit, settings)
    if isinstance(edit, AddPreamble):
        return Operation(kind="set", path="FilePreamble", value="128 zero bytes and DICM", new_bytes=132)
    assert isinstance(edit, Recode)
    return Operation(kind="encode", path=path, vr=edit.vr or vr, old_bytes=old_bytes, new_bytes=old_bytes)


def _meta_operation(edit: SetMeta, settings: Settings) -> Operation:
    """The elements of the file meta group that are new or get another value; without any, it is only written anew."""
    old: list[str] = []
    new: list[str] = []
    for tag, element in edit.meta.elements.items():
        value = element.value
        if not isinstance(value, bytes) or (
            tag in edit.level and edit.level.raw(tag).rstrip(b"\0 ") == value.rstrip(b"\0 ")
        ):
            continue
        for made, raw in ((old, edit.level.raw(tag)), (new, value)):
            shown = _value(edit, raw, element.vr, settings, tag) if raw else ""
            made += [f"{name_of(tag)} {shown or '(empty)'}"] if raw or made is new else []
    return Operation(
        kind="set" if new else "encode", path="FileMetaInformation", old=", ".join(old), value=", ".join(new)
    )


def _set_operation(
    edit: SetValue, path: str, old: str, old_bytes: int | None, written: str, settings: Settings
) -> Operation:
    size = sum(part.end - part.start if isinstance(part, Span) else len(part) for part in edit.parts)
    plain = all(isinstance(part, bytes) for part in edit.parts)
    raw = b"".join(part for part in edit.parts if isinstance(part, bytes))
    element = edit.level.get(edit.tag)
    kind = "set"
    if element is not None and element.items is None and size and old_bytes:
        vr = edit.level.value_representation(element)
        before = edit.level.context.buffer[element.start : min(element.end, element.start + _LONGEST_SHOWN)]
        if not plain or (vr == edit.vr and _decoded(edit, before, vr) == _decoded(edit, raw, edit.vr)):
            kind = "encode"  # the same value
    value = _value(edit, raw, edit.vr, settings) if plain and size <= _LONGEST_SHOWN else f"{size} bytes"
    if kind == "encode":
        value = old
    return Operation(
        kind="encode" if kind == "encode" else "set", path=path, vr=edit.vr, old_vr=written, old=old, value=value,
        old_bytes=old_bytes, new_bytes=size,
    )  # fmt: skip


def _decoded(edit: Edit, raw: bytes, vr: str) -> tuple[object, ...]:
    level = edit.level
    little = level.little
    return decode(vr, raw, little_endian=little, charset=level.charset)


def _value(edit: Edit, raw: bytes, vr: str, settings: Settings, tag: int = 0) -> str:
    values = _decoded(edit, raw, vr)
    if not values:
        return ""
    shown = show_value(values[0] if len(values) == 1 else values, tag or edit.tag, settings.show_values)
    return without_uids(shown) if settings.mask_uids else shown


def _size(edit: Edit) -> str:
    element = edit.level.get(edit.tag) if edit.tag else None
    if element is None:
        return ""
    if element.items is not None:
        count = len(element.items)
        return number_of(count, "item")
    return f"{element.end - element.start} bytes"


def _entries(size: int) -> str:
    count = size // 4
    return f"{count} entr{'y' if count == 1 else 'ies'}"
