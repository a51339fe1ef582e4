"""The values of a long sequence, checked a column at a time: each distinct value once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.charsets import Charset
from dcmlint.dicom.column_values import plain_decimals, values_of
from dcmlint.dicom.columns import Columns, Leaf, LeafPath, Shape, level_at
from dcmlint.dicom.path import name_of
from dcmlint.dicom.values import check_value, decode
from dcmlint.findings.problem import Problem
from dcmlint.standard.tags import SpecificCharacterSet

_SHOWN = 3
_CACHED = 100_000
_TEXT = frozenset({
    "AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT",
})  # fmt: skip
_LONGEST = 4096  # bytes of a text that is checked for every item; longer ones are checked in the template

# A check of the number of values: gives what is wanted, or "" when the number is right.
CountCheck = Callable[[int], str]
Problems = tuple[tuple[str, str, str, str, int], ...]  # code, message, want, clause, number of the value


class _Found:
    """The items in which one problem was found."""

    __slots__ = ("count", "rows", "value")

    def __init__(self, value: bytes) -> None:
        self.value, self.count = value, 0
        self.rows: list[int] = []

    def add(self, rows: npt.NDArray[np.int64]) -> None:
        self.count += len(rows)
        self.rows = sorted([*self.rows, *rows[:_SHOWN].tolist()])[:_SHOWN]


class ColumnCheck:
    """Holds the values of all items of a shape against their value representation and multiplicity.

    ``unit_of``: bytes of one value by VR, for VRs of fixed size; ``count_check`` gives the check of the number of
    values for a tag and a VR, None if any will do.
    """

    def __init__(
        self, items: Columns, shape: Shape, problems: list[Problem], unit_of: dict[str, int],
        count_check: Callable[[int, str], CountCheck | None],
    ) -> None:  # fmt: skip
        self.items, self.shape, self.problems = items, shape, problems
        self.unit_of, self.count_check = unit_of, count_check

    def run(self, mark: int) -> None:
        """Check all leaves.

        The template was checked already: what was found there (from ``mark`` on) about structure holds for
        every item; what was found about values is found again here, in the items that it holds for.
        """
        shape, problems = self.shape, self.problems
        first = tuple(int(number) for number in shape.items[:_SHOWN])
        long = {path[-1] for path, leaf in shape.leaves.items() if int(leaf.length.max(initial=0)) > _LONGEST}
        kept = [
            msgspec.structs.replace(problem, items=first, count=len(shape.items))
            for problem in problems[mark:]
            if (not problem.check.startswith("value.") and problem.check != "element.value-multiplicity")
            or problem.tag in long or problem.tag == SpecificCharacterSet
        ]  # fmt: skip
        del problems[mark:]
        problems += kept
        for path, leaf in shape.leaves.items():
            if path[-1] not in long and path[-1] != SpecificCharacterSet and leaf.length[0]:
                self._leaf(path, leaf)

    def _leaf(self, path: LeafPath, leaf: Leaf) -> None:
        level = level_at(self.shape.template, path)
        element = level.elements[path[-1]]
        if element.end - element.start != element.length:  # cut off by damage: told by the reader
            return
        vr = level.value_representation(element)
        unit = self.unit_of.get(vr, 0)
        if unit:
            self._sizes(path, leaf, vr, unit)
        elif vr in _TEXT:
            self._texts(path, msgspec.structs.replace(leaf, vr=vr))

    def _sizes(self, path: LeafPath, leaf: Leaf, vr: str, unit: int) -> None:
        """Binary values: all depends on the length."""
        wrong_count = self.count_check(path[-1], vr)
        lengths = leaf.length[:1] if (leaf.length == leaf.length[0]).all() else np.unique(leaf.length)
        for length in lengths.tolist():
            whole = length % unit == 0
            wanted = wrong_count(length // unit) if wrong_count is not None and whole else ""
            if whole and not wanted:
                continue
            rows = np.flatnonzero(leaf.length == length)
            if not whole:
                self._add(path, "value.binary-length", f"{length} bytes are no whole number of values of VR {vr}",
                          length, f"a multiple of {unit}", "", rows, len(rows))  # fmt: skip
            if wanted:
                self._add(path, "element.value-multiplicity", f"{name_of(path[-1])} has {length // unit} values",
                          length // unit, wanted, "", rows, len(rows))  # fmt: skip

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
        known: dict[bytes, Problems] = {}
        found: dict[tuple[str, int], tuple[_Found, tuple[str, str, str]]] = {}
        low = 0
        for chunk in values_of(self.items, leaf, rows):
            for place, raw in enumerate(chunk.values):
                problems = known.get(raw)
                if problems is None:
                    if len(known) > _CACHED:
                        known.clear()
                    problems = known[raw] = self._check(path[-1], leaf, raw, charset, counted)
                for code, message, want, clause, number in problems:
                    entry = found.get((code, number))
                    if entry is None:
                        entry = found[code, number] = (_Found(raw), (message, want, clause))
                    at = low + chunk.rows(place)
                    entry[0].add(at if rows is None else rows[at])
            low += len(chunk.values) if chunk.which is None else len(chunk.which)
        for (code, number), (where, (message, want, clause)) in found.items():
            shown: object = (
                where.value.count(b"\\") + 1
                if code.startswith("element.")
                else self._value(path, leaf, where.value, number)
            )
            self._add(path, code, message, shown, want, clause, np.array(where.rows), where.count)

    def _check(
        self, tag: int, leaf: Leaf, raw: bytes, charset: Charset | None, counted: CountCheck | None
    ) -> Problems:
        problems = [
            (
                f"value.{problem.code}",
                f"{name_of(tag)}: {problem.message}",
                problem.want,
                problem.clause,
                problem.number,
            )
            for problem in check_value(leaf.vr, raw, charset=charset)
            if problem.code != "odd-length"  # told by the reader
        ]
        if counted is not None:
            count = raw.count(b"\\") + 1
            wanted = counted(count)
            if wanted:
                problems.append(
                    ("element.value-multiplicity", f"{name_of(tag)} has {count} values", wanted, "", 0)
                )
        return tuple(problems)

    def _value(self, path: LeafPath, leaf: Leaf, raw: bytes, number: int) -> object:
        level = level_at(self.shape.template, path)
        values = decode(leaf.vr, raw, little_endian=leaf.little, charset=level.charset)
        return values[number - 1] if 0 < number <= len(values) else None

    def _add(
        self, path: LeafPath, code: str, message: str, shown: object, want: str, clause: str,
        rows: npt.NDArray[np.int64], count: int,
    ) -> None:  # fmt: skip
        level = level_at(self.shape.template, path)
        element = level.elements[path[-1]]
        first = int(self.shape.leaves[path].start[rows[0]])
        items = tuple(int(self.shape.items[row]) for row in rows[:_SHOWN])
        self.problems.append(
            Problem(
                check=code, level=level, tag=path[-1], message=message, want=want,
                found=None if code.startswith("element.") else shown, said=str(shown) if code.startswith("element.") else "",
                offset=first - (element.start - element.offset), clause=clause, items=items, count=count,
            )
        )  # fmt: skip
