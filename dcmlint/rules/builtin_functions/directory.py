"""DICOMDIR: the links between its records, and the keys that each type of record must have.

PS3.3 Annex F; offsets count from the first byte of the file (PS3.3 F.2.2.2, PS3.10 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function

RECORDS = 0x00041220
FIRST, LAST = 0x00041200, 0x00041202
NEXT, LOWER, IN_USE, TYPE = 0x00041400, 0x00041420, 0x00041410, 0x00041430
_ACTIVE = 0xFFFF  # PS3.3 Table F.3-3

# PS3.3 F.5: the keys of the record types in daily use, by type of attribute.
_KEYS: dict[str, tuple[tuple[int, str], ...]] = {
    "PATIENT": ((0x00100010, "2"), (0x00100020, "1")),  # F.5.1
    "STUDY": (
        (0x00080020, "1"), (0x00080030, "1"), (0x00081030, "2"), (0x00200010, "1"), (0x00080050, "2"),
    ),  # F.5.2
    "SERIES": ((0x00080060, "1"), (0x0020000E, "1"), (0x00200011, "1")),  # F.5.3
    "IMAGE": ((0x00200013, "1"),),  # F.5.4
    "RT DOSE": ((0x00200013, "1"), (0x3004000A, "1")),  # F.5.19
    "RT STRUCTURE SET": ((0x00200013, "1"), (0x30060002, "1"), (0x30060008, "2"), (0x30060009, "2")),  # F.5.20
    "RT PLAN": ((0x00200013, "1"), (0x300A0002, "1"), (0x300A0006, "2"), (0x300A0007, "2")),  # F.5.21
    "PRESENTATION": ((0x00700082, "1"), (0x00700083, "1"), (0x00200013, "1"), (0x00700080, "1")),  # F.5.23
    "WAVEFORM": ((0x00200013, "1"), (0x00080023, "1"), (0x00080033, "1")),  # F.5.24
    "SR DOCUMENT": (
        (0x00200013, "1"), (0x0040A491, "1"), (0x0040A493, "1"), (0x00080023, "1"), (0x00080033, "1"),
        (0x0040A043, "1"),
    ),  # F.5.25
    "RAW DATA": ((0x00080023, "1"), (0x00080033, "1"), (0x00200013, "2")),  # F.5.28
    "ENCAP DOC": ((0x00080023, "2"), (0x00080033, "2"), (0x00200013, "1"), (0x00420010, "2"), (0x00420012, "1")),  # F.5.32
}  # fmt: skip


def _records(context: RuleContext) -> list[Dataset]:
    if RECORDS not in context.dataset:
        raise NotApplicable
    return [record for record in context.dataset.items(RECORDS) if record.value(IN_USE) in (_ACTIVE, None)]


@rule_function("directory_keys")
def directory_keys(context: RuleContext) -> Iterator[Problem]:
    """Each record must have the keys of its type (PS3.3 F.5)."""
    for record in _records(context):
        for tag, type_ in _KEYS.get(record.text(TYPE), ()):
            element = record.get(tag)
            if element is None:
                yield Problem(level=record, tag=tag, message=f"a key of the {record.text(TYPE)} record is missing",
                              want=f"present: type {type_}")  # fmt: skip
            elif type_ == "1" and not record.values(tag) and not len(record.items(tag)):
                yield Problem(level=record, tag=tag, message=f"a key of the {record.text(TYPE)} record has no value",
                              want="a value: type 1", offset=element.offset)  # fmt: skip


@rule_function("directory_offsets")
def directory_offsets(context: RuleContext) -> Iterator[Problem]:
    """Each offset must be 0 or lead to a record (PS3.3 F.2.2.2)."""
    _records(context)
    starts = {record.offset for record in context.dataset.items(RECORDS)}
    for level, tags in _places(context):
        for tag in tags:
            offset = level.value(tag)
            if isinstance(offset, int) and offset and offset not in starts:
                yield Problem(level=level, tag=tag, message="the offset leads to no directory record", found=offset,
                              want="0, or the first byte of a record's item")  # fmt: skip


def _places(context: RuleContext) -> Iterable[tuple[Dataset, tuple[int, ...]]]:
    yield context.dataset, (FIRST, LAST)
    for record in context.dataset.items(RECORDS):
        yield record, (NEXT, LOWER)


@rule_function("directory_tree")
def directory_tree(context: RuleContext) -> Iterator[Problem]:
    """Every record in use must be reached from the root exactly once (PS3.3 F.2.2.2)."""
    records = _records(context)
    by_offset = {record.offset: record for record in context.dataset.items(RECORDS)}
    seen: dict[int, int] = {}
    todo = [context.dataset.value(FIRST) or 0]
    while todo:
        offset = todo.pop()
        record = by_offset.get(offset)
        if record is None:
            continue
        seen[offset] = seen.get(offset, 0) + 1
        if seen[offset] > 1:
            yield Problem(level=record, message="the directory record is linked twice", want="one link to each record",
                          offset=offset)  # fmt: skip
            continue
        todo += [record.value(NEXT) or 0, record.value(LOWER) or 0]
    for record in records:
        if record.offset not in seen:
            yield Problem(level=record, message="no link leads to the directory record", offset=record.offset,
                          want="a link from the root, its elder sibling or its parent")  # fmt: skip
