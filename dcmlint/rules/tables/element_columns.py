"""The values of a long sequence, checked a column at a time: each distinct value once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.column_values import numbers_of, plain_decimals, values_of
from dcmlint.dicom.columns import Columns, Leaf, LeafPath, Shape, level_at
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Group, Items
from dcmlint.dicom.path import name_of
from dcmlint.dicom.values import check_value
from dcmlint.findings.problem import Problem
from dcmlint.rules.tables.counted import BELOW_1, COUNTED_FROM_1, FROM_1
from dcmlint.rules.tables.field import (
    BULK_UNIT,
    LONGEST,
    TEXT_VRS,
    UNIT,
    count_of,
    has_values,
    read_as,
    told,
    wrong_value,
)
from dcmlint.standard.tags import SpecificCharacterSet

_SHOWN = 3
# Checks of elements that depend on their values: looked at in all items.
_OF_VALUES = frozenset({"element.value-multiplicity", "element.counted-from-1"})
_CACHED = 100_000
# A check of the number of values: gives what is wanted, or "" when the number is right.
CountCheck = Callable[[int], str]
CountChecks = Callable[[int, str], CountCheck | None]


class _Problem(NamedTuple):
    check: str
    number: int  # of the value, from 1; 0: the field
    message: str
    shown: object
    want: str
    clause: str


class _Found:
    """The items in which one problem was found; it is told as of the first of them."""

    __slots__ = ("count", "first", "problem", "rows")

    def __init__(self, problem: _Problem) -> None:
        self.problem, self.count, self.first = problem, 0, -1
        self.rows: list[int] = []

    def add(self, rows: npt.NDArray[np.int64], problem: _Problem) -> None:
        self.count += len(rows)
        self.rows = sorted([*self.rows, *rows[:_SHOWN].tolist()])[:_SHOWN]
        if self.rows[0] != self.first:
            self.first, self.problem = self.rows[0], problem


def check_long(
    items: Items, structure: Callable[[Dataset], None], problems: list[Problem], count_check: CountChecks
) -> None:
    """Check the elements of the items of a long sequence.

    ``structure`` checks one level and adds to ``problems``; ``count_check`` gives the check of the number of
    values for a tag and a VR, None if any will do.
    """
    assert isinstance(items, Columns)
    for shape in items.shapes:
        mark = len(problems)
        structure(shape.template)
        if len(shape.items) == 1:
            continue
        group = Group(shape.template, shape.items)
        # What is wrong with the structure of the template is wrong in all items; values are looked at in all.
        problems[mark:] = [
            problem.within(group) for problem in problems[mark:]
            if problem.tag == SpecificCharacterSet
            or (not problem.check.startswith("value.") and problem.check not in _OF_VALUES)
        ]  # fmt: skip
        problems += ColumnCheck(items, shape, count_check).run()


class ColumnCheck:
    """Holds the values of all items of a shape against their value representation and multiplicity."""

    def __init__(self, items: Columns, shape: Shape, count_check: CountChecks) -> None:
        self.items, self.shape, self.count_check = items, shape, count_check
        self.problems: list[Problem] = []

    def run(self) -> list[Problem]:
        """Check all leaves; gives what is wrong, and in which items."""
        for path, leaf in self.shape.leaves.items():
            # Items of one shape have the same character set: it was looked at in the template.
            if path[-1] != SpecificCharacterSet and leaf.length[0]:
                self._leaf(path, leaf)
        return self.problems

    def _leaf(self, path: LeafPath, leaf: Leaf) -> None:
        level = level_at(self.shape.template, path)
        element = level.elements[path[-1]]
        if not element.is_plain:  # cut off by damage: told by the reader
            return
        vr = read_as(level, element)
        if vr in BULK_UNIT:
            unit = BULK_UNIT[vr] if vr == element.vr else 1
            if unit > 1:
                self._bulk(path, leaf, vr, unit)
        elif vr in UNIT:
            self._sizes(path, leaf, vr, UNIT[vr])
        elif vr in TEXT_VRS:
            self._texts(path, msgspec.structs.replace(leaf, vr=vr))
        if path[-1] in COUNTED_FROM_1:
            self._counted(path, leaf)

    def _counted(self, path: LeafPath, leaf: Leaf) -> None:
        """Numbers of frames begin with 1."""
        low, number = np.full(len(leaf.start), np.inf), 1
        while not np.isnan(values := numbers_of(self.items, leaf, number)).all():
            low = np.fmin(low, values)
            number += 1
        rows = np.flatnonzero(low < 1)
        if len(rows):
            lowest = int(low[rows[0]])
            self._add(path, "element.counted-from-1", BELOW_1.format(name_of(path[-1]), lowest), lowest, FROM_1, "",
                      rows, len(rows))  # fmt: skip

    def _bulk(self, path: LeafPath, leaf: Leaf, vr: str, unit: int) -> None:
        for length in np.unique(leaf.length).tolist():
            if length % unit:
                rows = np.flatnonzero(leaf.length == length)
                self._add(path, "value.binary-length", f"{length} bytes are not a multiple of the value size of VR {vr}",
                          length, f"a multiple of {unit}", "", rows, len(rows))  # fmt: skip

    def _sizes(self, path: LeafPath, leaf: Leaf, vr: str, unit: int) -> None:
        """Binary values: all depends on the length."""
        wrong_count = self.count_check(path[-1], vr)
        lengths = leaf.length[:1] if (leaf.length == leaf.length[0]).all() else np.unique(leaf.length)
        for length in lengths.tolist():
            if not length % unit:
                wanted = wrong_count(length // unit) if wrong_count is not None else ""
                if wanted:
                    rows = np.flatnonzero(leaf.length == length)
                    self._add(path, "element.value-multiplicity", has_values(name_of(path[-1]), length // unit),
                              length // unit, wanted, "", rows, len(rows))  # fmt: skip
                continue
            rows = np.flatnonzero(leaf.length == length)
            for problem in told(check_value(vr, self.items.bytes_of(leaf, int(rows[0])))):
                self._add(path, f"value.{problem.code}", f"{name_of(path[-1])}: {problem.message}", None,
                          problem.want, problem.clause, rows, len(rows))  # fmt: skip

    def _texts(self, path: LeafPath, leaf: Leaf) -> None:
        rows: npt.NDArray[np.int64] | None = None
        counted = self.count_check(path[-1], leaf.vr)
        if (
            leaf.vr in ("DS", "IS")
            and not int(leaf.length[0]) & 1
            and not (counted is not None and counted(1))
        ):
            read = plain_decimals(self.items, leaf)
            # PS3.5 6.2: at most 16 and 12 characters; nine digits are within the range of IS.
            short = leaf.length <= (16 if leaf.vr == "DS" else 10)
            fine = read.plain & short & (True if leaf.vr == "DS" else read.numbers == np.floor(read.numbers))
            if leaf.vr == "IS":
                fine &= ~self._pointed(leaf)
            rows = np.flatnonzero(~fine)
            if not len(rows):
                return
        self._values(path, leaf, rows, counted)

    def _pointed(self, leaf: Leaf) -> npt.NDArray[np.bool_]:
        """Where a point stands in the value: an integer has none."""
        flags: npt.NDArray[np.bool_] = np.char.find(self.items.raw(leaf), b".") >= 0
        return flags

    def _values(
        self, path: LeafPath, leaf: Leaf, rows: npt.NDArray[np.int64] | None, counted: CountCheck | None
    ) -> None:
        level = level_at(self.shape.template, path)
        charset = level.charset
        known: dict[bytes, tuple[_Problem, ...]] = {}
        found: dict[tuple[str, int], _Found] = {}
        low = 0
        for chunk in values_of(self.items, leaf, rows):
            for place, value in enumerate(chunk.values):
                raw = value[:LONGEST]
                problems = known.get(raw)
                if problems is None:
                    if len(known) > _CACHED:
                        known.clear()
                    problems = known[raw] = self._check(path[-1], leaf, raw, charset, counted)
                for problem in problems:
                    entry = found.get((problem.check, problem.number))
                    if entry is None:
                        entry = found[problem.check, problem.number] = _Found(problem)
                    at = low + chunk.rows(place)
                    entry.add(at if rows is None else rows[at], problem)
            low += len(chunk.values) if chunk.which is None else len(chunk.which)
        for one in found.values():
            problem = one.problem
            self._add(path, problem.check, problem.message, problem.shown, problem.want, problem.clause,
                      np.array(one.rows), one.count)  # fmt: skip

    def _check(
        self, tag: int, leaf: Leaf, raw: bytes, charset: Charset | None, counted: CountCheck | None
    ) -> tuple[_Problem, ...]:
        problems = [
            _Problem(f"value.{problem.code}", problem.number, f"{name_of(tag)}: {problem.message}",
                     wrong_value(leaf.vr, raw, problem, charset), problem.want, problem.clause)
            for problem in told(check_value(leaf.vr, raw, charset=charset))
        ]  # fmt: skip
        if counted is not None:
            count = count_of(leaf.vr, raw, charset)
            if count is not None and (wanted := counted(count)):
                problems.append(
                    _Problem(
                        "element.value-multiplicity",
                        0,
                        has_values(name_of(tag), count),
                        count,
                        wanted,
                        "",
                    )
                )
        return tuple(problems)

    def _add(
        self, path: LeafPath, code: str, message: str, shown: object, want: str, clause: str,
        rows: npt.NDArray[np.int64], count: int,
    ) -> None:  # fmt: skip
        level = level_at(self.shape.template, path)
        element = level.elements[path[-1]]
        first = int(self.shape.leaves[path].start[rows[0]])
        group = Group(self.shape.template, [int(self.shape.items[row]) for row in rows[:_SHOWN]])
        self.problems.append(
            Problem(
                check=code, level=level, tag=path[-1], message=message, want=want,
                found=None if code.startswith("element.") else shown, said=str(shown) if code.startswith("element.") else "",
                offset=first - (element.start - element.offset), clause=clause, groups=(group,), count=count,
            )
        )  # fmt: skip
