"""The values of a column as NumPy arrays: numbers, texts, and how many values there are.

What is written in the plainest way is read for all items at a time; the rest, value by value, as
`dcmlint.dicom.values` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from dcmlint.dicom.columns import FEW_ROWS, Columns, Leaf
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.value_numbers import UNITS
from dcmlint.dicom.values import decode

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_CHUNK = 1 << 16
_FEW = 8  # different values in a chunk that are looked for one after the other
_WIDEST = 1024  # bytes of a value that goes into an array
_LONGEST = 24  # bytes of a value that is read with all others
_DIGITS = 15  # so many are exact in a double, and so is the power of ten that divides them
_POWERS = 10.0 ** np.arange(_DIGITS + 1)
_KINDS = {"US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8", "FL": "f4", "FD": "f8"}
_ZERO, _PLUS, _MINUS, _POINT, _SPACE = (ord(character) for character in "0+-. ")


class Decimals(msgspec.Struct, frozen=True):
    """Decimal Strings or Integer Strings read as numbers.

    ``plain``: where one number is written with digits, at most one point, a sign before and spaces behind
    it, and with at most 15 digits; ``numbers`` holds these, NaN elsewhere.
    """

    numbers: Floats
    plain: Flags


def plain_decimals(columns: Columns, leaf: Leaf) -> Decimals:
    """The values of a DS or IS leaf that are written plainly; each is what ``float`` makes of it."""
    numbers = np.full(len(leaf.start), np.nan)
    plain = np.zeros(len(leaf.start), bool)
    short = leaf.length <= _LONGEST
    for low in range(0, len(leaf.start), _CHUNK):
        rows = low + np.flatnonzero(short[low : low + _CHUNK])
        if len(rows):
            part = Leaf(leaf.vr, leaf.little, leaf.start[rows], leaf.length[rows])
            raw = columns.raw(part)
            characters = raw.view(np.uint8).reshape(len(rows), raw.dtype.itemsize)
            numbers[rows], plain[rows] = _read(characters, part.length.astype(np.int64))
    return Decimals(numbers, plain)


def _read(characters: npt.NDArray[np.uint8], length: npt.NDArray[np.int64]) -> tuple[Floats, Flags]:
    count = len(characters)
    mantissa = np.zeros(count, np.int64)
    digits, behind = np.zeros(count, np.int8), np.zeros(count, np.int8)
    good, ended, pointed, negative = np.ones(count, bool), *(np.zeros(count, bool) for _ in range(3))
    for place in range(int(length.max(initial=0))):
        character = characters[:, place]
        inside = length > place
        digit = character - np.uint8(_ZERO)
        is_digit = inside & (digit <= 9)
        point = inside & (character == _POINT)
        space = inside & (character == _SPACE)
        good &= ~inside | is_digit | point | space
        if place == 0:
            negative = inside & (character == _MINUS)
            good |= negative | (inside & (character == _PLUS))
        # Nothing but spaces may follow the first one; there is one point.
        good &= ~((is_digit | point) & ended) & ~(point & pointed)
        ended |= space
        pointed |= point
        taken = is_digit & (digits <= _DIGITS)
        np.multiply(mantissa, 10, out=mantissa, where=taken)
        np.add(mantissa, digit, out=mantissa, where=taken)
        digits += is_digit
        behind += is_digit & pointed
    good &= (digits > 0) & (digits <= _DIGITS)
    numbers = mantissa / _POWERS[np.clip(behind, 0, _DIGITS)]
    np.negative(numbers, out=numbers, where=negative)
    numbers[~good] = np.nan
    return numbers, good


class Chunk(msgspec.Struct, frozen=True):
    """Some ten thousand values: ``values`` as they are written, padding included.

    ``which``: for each row the value that it has; None where each row has its own, in this order.
    """

    values: list[bytes]
    which: npt.NDArray[np.int64] | None

    def rows(self, number: int) -> npt.NDArray[np.int64]:
        """The rows of the chunk that have value ``number``."""
        return np.array([number]) if self.which is None else np.flatnonzero(self.which == number)


def values_of(columns: Columns, leaf: Leaf, rows: npt.NDArray[np.int64] | None = None) -> Iterator[Chunk]:
    """The values of a text leaf, chunk by chunk; ``rows``: of these rows of the shape only."""
    start = leaf.start if rows is None else leaf.start[rows]
    length = leaf.length if rows is None else leaf.length[rows]
    for low in range(0, len(start), _CHUNK):
        part = Leaf(leaf.vr, leaf.little, start[low : low + _CHUNK], length[low : low + _CHUNK])
        if len(part.start) <= FEW_ROWS or int(part.length.max()) > _WIDEST:
            yield Chunk([columns.bytes_of(part, row) for row in range(len(part.start))], None)
        else:
            yield _chunk(columns, part)


def _chunk(columns: Columns, part: Leaf) -> Chunk:
    raw = columns.raw(part)
    # An array of bytes loses the NULs at the end of its elements: of those that have any, all is read again.
    short = part.length.astype(np.int64) != np.char.str_len(raw)
    if not short.any() or not (part.length != part.length[0]).any():
        few = _few(columns, part, raw)
        if few is not None:
            return few
    found: list[bytes] = raw.tolist()
    for row in np.flatnonzero(short).tolist():
        found[row] = columns.bytes_of(part, row)
    return Chunk(found, None)


def _few(columns: Columns, part: Leaf, raw: npt.NDArray[np.bytes_]) -> Chunk | None:
    """The same, if there are few different values."""
    which = np.full(len(raw), -1, np.int64)
    values: list[bytes] = []
    open_ = np.arange(len(raw))
    while len(open_):
        if len(values) >= _FEW:
            return None
        first = int(open_[0])
        same = raw[open_] == raw[first]
        which[open_[same]] = len(values)
        values.append(columns.bytes_of(part, first))
        open_ = open_[~same]
    return Chunk(values, which)


def numbers_of(columns: Columns, leaf: Leaf, number: int = 1) -> Floats:
    """Value ``number`` (1-based) of a leaf for each item of its shape; NaN where there is no such number."""
    if leaf.vr in ("DS", "IS"):
        return _decimals(columns, leaf, number)
    kind = _KINDS.get(leaf.vr)
    if kind is None:
        return np.full(len(leaf.start), np.nan)
    unit = UNITS[leaf.vr]
    there = leaf.length >= unit * number
    result = np.full(len(leaf.start), np.nan)
    if there.any():
        at = leaf.start[there] + unit * (number - 1)
        raw = columns.raw(Leaf(leaf.vr, leaf.little, at, np.full(len(at), unit, np.uint32)))
        # The value stands in the first bytes of a word.
        found = raw.view(np.uint8).reshape(len(at), -1)[:, :unit].copy()
        result[there] = found.view(("<" if leaf.little else ">") + kind).reshape(len(at))
    return result


def _decimals(columns: Columns, leaf: Leaf, number: int) -> Floats:
    read = plain_decimals(columns, leaf)
    result = read.numbers
    if number > 1:
        result = np.full(len(leaf.start), np.nan)
    rest = np.flatnonzero(~read.plain)
    known: dict[bytes, float] = {}
    low = 0
    for chunk in values_of(columns, leaf, rest):
        found = np.empty(len(chunk.values))
        for code, raw in enumerate(chunk.values):
            value = known.get(raw)
            if value is None:
                if len(known) > _CHUNK:
                    known.clear()
                value = known[raw] = _one(leaf.vr, raw, number)
            found[code] = value
        part = rest[low : low + _CHUNK]
        result[part] = found if chunk.which is None else found[chunk.which]
        low += len(part)
    return result


def _one(vr: str, raw: bytes, number: int) -> float:
    values = decode(vr, raw)
    value = values[number - 1] if number <= len(values) else None
    if not isinstance(value, (int, float)):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.nan


def counts_of(columns: Columns, level: Dataset, leaf: Leaf) -> npt.NDArray[np.int64]:
    """How many values a leaf has in each item, as `Dataset.values` has them.

    ``level``: the template's level, whose character set is in force.
    """
    unit = UNITS.get(leaf.vr)
    if unit is not None:
        return leaf.length.astype(np.int64) // unit
    parts = [np.zeros(0, np.int64)]
    for chunk in values_of(columns, leaf):
        counts = np.array([_count(leaf, value, level) for value in chunk.values], np.int64)
        parts.append(counts if chunk.which is None else counts[chunk.which])
    return np.where(leaf.length > 0, np.concatenate(parts), 0)


def _count(leaf: Leaf, raw: bytes, level: Dataset) -> int:
    return len(decode(leaf.vr, raw, little_endian=leaf.little, charset=level.charset))


class Texts(msgspec.Struct, frozen=True):
    """Texts of items: the distinct ones, and which of them each item has (-1: none)."""

    distinct: tuple[str, ...]
    which: npt.NDArray[np.int64]


def texts_of(columns: Columns, level: Dataset, leaf: Leaf) -> Texts:
    """The first value of a text leaf for each item of its shape, decoded.

    ``level``: the template's level, whose character set is in force.
    """
    distinct: dict[str, int] = {}
    known: dict[bytes, int] = {}
    which = [np.zeros(0, np.int64)]
    for chunk in values_of(columns, leaf):
        codes = []
        for raw in chunk.values:
            code = known.get(raw)
            if code is None:
                values = decode(leaf.vr, raw, little_endian=leaf.little, charset=level.charset)
                text = str(values[0]) if values else ""
                code = known[raw] = distinct.setdefault(text, len(distinct)) if text else -1
            codes.append(code)
        found = np.array(codes, np.int64)
        which.append(found if chunk.which is None else found[chunk.which])
    return Texts(tuple(distinct), np.concatenate(which))
