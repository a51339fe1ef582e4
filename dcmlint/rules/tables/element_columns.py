"""The values of a long sequence, checked a column at a time: each distinct value once."""

from __future__ import annotations

import msgspec
import numpy as np

from dcmlint.dicom.columns import Columns, Leaf, LeafPath, Shape
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.path import name_of
from dcmlint.dicom.values import check_value
from dcmlint.rules.tables.violation import Violation

_TEXT = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_SHOWN = 3


def check_columns(items: Columns, shape: Shape, violations: list[Violation], mark: int) -> None:
    """Check the values of all items of a shape.

    The template was checked already: its findings (from ``mark`` on) that are about structure hold for every
    item; those about values are said again here, with the number of items that they hold for.
    """
    first = tuple(int(number) for number in shape.items[:_SHOWN])
    kept = [
        msgspec.structs.replace(violation, items=first, count=len(shape.items))
        for violation in violations[mark:]
        if not violation.check.startswith("value.")
    ]
    del violations[mark:]
    violations += kept
    for path, leaf in shape.leaves.items():
        if leaf.vr in _TEXT:
            _check_leaf(items, shape, path, leaf, violations)


def _check_leaf(items: Columns, shape: Shape, path: LeafPath, leaf: Leaf, violations: list[Violation]) -> None:
    if int(leaf.length.max(initial=0)) > 4096:
        return
    raw = items.raw(leaf)
    distinct, which = np.unique(raw, return_inverse=True)
    level = _level_of(shape.template, path)
    tag = path[-1]
    charset = level.charset
    for number, value in enumerate(distinct.tolist()):
        # Trailing NULs are lost in the array; only a UID may have one (PS3.5 9.1), and it is no problem there.
        for problem in check_value(leaf.vr, value if len(value) % 2 == 0 else value + _pad(leaf.vr), charset=charset):
            rows = shape.items[np.flatnonzero(which == number)]
            element = level.elements[tag]
            shown = value.decode("ascii", "replace")
            violations.append(
                Violation(
                    f"value.{problem.code}", level, tag, f"{name_of(tag)}: {problem.message}", shown, problem.want,
                    "", "", element.offset, problem.clause, tuple(int(row) for row in rows[:_SHOWN]), len(rows),
                )  # fmt: skip
            )


def _pad(vr: str) -> bytes:
    return b"\0" if vr == "UI" else b" "


def _level_of(template: Dataset, path: LeafPath) -> Dataset:
    level = template
    for tag, index in zip(path[:-1:2], path[1::2], strict=False):
        level = level.items(tag)[index]
    return level
