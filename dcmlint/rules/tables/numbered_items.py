"""Holds sequences to the number of items that their row, or another attribute, says, and items to the way in which they are numbered."""

from __future__ import annotations

from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.items import Items
from dcmlint.dicom.path import name_of
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.rules.tables.levels import Level, RowSpec

# What begins the bytes of a sequence without items: nothing, or its delimiter in one of the byte orders (PS3.5 7.5)
_ENDS = (b"", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd")


def check_count(collector: ProblemCollector, dataset: Dataset, element: Element, level: Level) -> None:
    """Hold the number of items of a sequence to that of its row."""
    spec = level.sized[element.tag]
    count = len(dataset.items(element.tag))
    assert spec.row.items is not None
    low, high = spec.row.items
    types = {one.type for one in level.rows[element.tag]}
    if count == 0 and (low <= 1 or not types.isdisjoint(("1", "1C"))):
        # No items at all: a matter of types, of which 3 may be empty (PS3.5 7.4.5).
        if dataset.raw(element.tag)[:4] in _ENDS and types == {"3"}:
            collector.add(
                "optional-sequence-empty", dataset, element.tag, f"{spec.row.keyword} has no items", said="0",
                want="absent, or 1 or more", table=spec.table, offset=element.offset,
            )  # fmt: skip
        return
    if (count < low and dataset.is_whole(element)) or (high is not None and count > high):
        wanted = str(low) if low == high else f"{low} or more" if high is None else f"{low} to {high}"
        collector.add(
            "item-count", dataset, element.tag, f"{spec.row.keyword} has {count} items",
            said=str(count), want=wanted, table=spec.table, offset=element.offset,
        )  # fmt: skip


def check_tally(collector: ProblemCollector, dataset: Dataset, element: Element, spec: RowSpec) -> None:
    """Hold the number of items of a sequence to the attribute that says it, here or around."""
    count = len(dataset.items(element.tag))
    around: Dataset | None = dataset
    while around is not None and spec.row.count not in around.elements:
        around = around.parent
    if not count or around is None or not dataset.is_whole(element):
        return
    wanted = around.value(spec.row.count)
    # Whether the sequence may be there at all where none are counted is for its condition to say.
    if isinstance(wanted, int) and wanted != count and (wanted > 0 or not spec.row.conditional):
        collector.add(
            "item-count", dataset, element.tag, f"{spec.row.keyword} has {count} items", said=str(count),
            want=f"{wanted}, as {name_of(spec.row.count)} says", table=spec.table, offset=element.offset,
            condition=frozenset((spec.row.count,)),
        )  # fmt: skip


def check_numbers(collector: ProblemCollector, items: Items, level: Level) -> None:
    """Hold the items of a sequence to their numbers; what is wrong is told of the first item where it is seen."""
    for spec in level.numbered:
        tag = spec.row.tag
        seen: set[object] = set()
        for group in items.distinct(frozenset({tag})):
            value = group.template.value(tag)
            if value is None or value == "":
                continue
            first, again = int(group.numbers[0]), int(group.numbers[1]) if len(group.numbers) > 1 else -1
            if spec.row.numbering == "from-1":
                number = first if value != first + 1 else again
                what, want = f"is {value} in item {number + 1}", f"{number + 1} (items are numbered from 1)"
            else:
                number = first if value in seen else again
                what, want = "is that of another item too", "a number of its own for each item"
            seen.add(value)
            if number < 0:
                continue
            item = items[number]
            collector.add(
                "item-numbers", item, tag, f"{spec.row.keyword} {what}", found=value, want=want, table=spec.table,
                offset=item.elements[tag].offset,
            )  # fmt: skip
            break  # each number behind it may be off by the same
