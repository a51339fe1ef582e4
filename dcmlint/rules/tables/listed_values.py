"""Holds the values of an attribute to the enumerated values and defined terms of its rows (PS3.5 7.4, PS3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.path import name_of
from dcmlint.expr import Expression, describe
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.rules.tables.levels import Level, ListedValues, RowSpec
from dcmlint.standard.classes import class_name
from dcmlint.standard.tags import ImageType, SOPClassUID

_SETTLED = 1000


def check_listed(collector: ProblemCollector, dataset: Dataset, element: Element, level: Level) -> None:
    """Hold the values of an attribute to the lists of its rows; the same few values come again and again."""
    if not dataset.is_whole(element) or collector.malformed(dataset, element.tag):
        return
    values = dataset.values(element.tag)
    settled = level.settled.get(element.tag)
    if not values or (settled is not None and values in settled):
        return
    before = len(collector.problems)
    # Of the values of Image Type only the third and those after it may be empty (PS3.3 C.7.6.1.1.2).
    first = element.tag == ImageType or any(spec.type in ("1", "1C") for spec in level.rows[element.tag])
    _check_values(collector, dataset, element, values, level.valued[element.tag], first)
    if settled is not None and before == len(collector.problems) and len(settled) < _SETTLED:
        settled.add(values)


def _check_values(
    collector: ProblemCollector,
    dataset: Dataset,
    element: Element,
    values: tuple[object, ...],
    sets: list[ListedValues],
    first: bool,
) -> None:
    """``first``: as if the attribute were of type 1, none of its values that has a list of its own is empty."""
    defined: dict[int, tuple[set[object], RowSpec]] = {}
    failed: set[int] = set()
    for allowed, when, spec in sets:
        if spec.gates and not all(gate(collector.scope(dataset), {}) is True for gate in spec.gates):
            continue
        if when is not None and when(collector.scope(dataset), {}) is not True:
            continue
        if allowed.kind == "defined":
            known, _ = defined.setdefault(allowed.position, (set(), spec))
            known.update(allowed.values)
            continue
        if allowed.kind in ("least", "above", "range"):
            _check_range(collector, dataset, element, values, allowed, when, spec)
            continue
        for number in _positions(allowed.position, values):
            # A value that has a list of its own may be empty where all are: the attribute has no value then.
            blank = values[number - 1] == "" and (allowed.position == 0 or not (first or any(values)))
            if values[number - 1] not in allowed.values and not blank and number not in failed:
                failed.add(number)
                collector.add(
                    "enumerated-value", dataset, element.tag,
                    f"value {number} of {name_of(element.tag)} is not an Enumerated Value",
                    found=values[number - 1], want=_shown(allowed.values), because=_holds(when, dataset),
                    table=spec.table, offset=element.offset, number=number,
                    condition=_deciding(when, spec),
                )  # fmt: skip
    for position, (known, spec) in defined.items():
        if len(known) == 1:
            continue  # a list of one term is an example, and terms may be added
        for number in _positions(position, values):
            if values[number - 1] not in known and values[number - 1] != "" and number not in failed:
                failed.add(number)
                collector.add(
                    "defined-term", dataset, element.tag,
                    f"value {number} of {name_of(element.tag)} is not a Defined Term",
                    found=values[number - 1], want=_shown(sorted(known, key=str)), table=spec.table,
                    offset=element.offset, number=number,
                )  # fmt: skip


def _deciding(when: Expression | None, spec: RowSpec) -> frozenset[int]:
    """The attributes that decide whether a list holds."""
    return frozenset().union(*(one.attributes for one in (when, *spec.gates) if one is not None))


def _check_range(
    collector: ProblemCollector, dataset: Dataset, element: Element, values: tuple[object, ...], allowed: standard.ValueSet, when: Expression | None, spec: RowSpec
) -> None:  # fmt: skip
    """Hold numbers to the bounds that the standard gives them."""
    first, *last = (float(bound) for bound in allowed.values)
    for number in _positions(allowed.position, values):
        value = values[number - 1]
        if not isinstance(value, int | float):
            continue
        if allowed.kind == "range":
            right, want = first <= value <= last[0], f"{allowed.values[0]} to {allowed.values[1]}"
        elif allowed.kind == "least":
            right, want = first <= value, f"{allowed.values[0]} or more"
        else:
            right, want = first < value, f"more than {allowed.values[0]}"
        if not right:
            collector.add(
                "value-range", dataset, element.tag, f"value {number} of {name_of(element.tag)} is out of its range",
                found=value, want=want, because=_holds(when, dataset), table=spec.table, offset=element.offset,
                number=number,
            )  # fmt: skip


# Lists that the content constraints of an IOD make narrower (PS3.3 Annex A).
_OF_CLASSES = re.compile(r'root\.SOPClassUID (in \[[^\]]*\]|== "[^"]*")').fullmatch


def _holds(when: Expression | None, dataset: Dataset) -> str:
    """Under which condition a list is the one that holds, in words."""
    if when is None:
        return ""
    if _OF_CLASSES(when.source):
        level = dataset
        while level.parent is not None:
            level = level.parent
        return f"the SOP Class is {class_name(str((level.values(SOPClassUID) or ('',))[0]))}"
    return describe(when)


def _positions(position: int, values: tuple[object, ...]) -> Iterator[int]:
    if position == 0:
        yield from range(1, len(values) + 1)
    elif position <= len(values):
        yield position


def _shown(values: Sequence[object]) -> str:
    shown = [str(value) if value != "" else "no value" for value in values[:12]]
    return ", ".join(shown) + (f" or {len(values) - 12} more" if len(values) > 12 else "")
