"""Follows one item, the template, through many at a time: the headers of all must be alike, the lengths lead on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dcmlint.dicom.columns import Ints, LeafPath, Lengths, Words
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element

Flags = npt.NDArray[np.bool_]
Leaves = dict[LeafPath, tuple[str, bool, Ints, Lengths]]

# PS3.5 7.5: tags of items and delimiters, and the lengths that go with them
ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
ITEM_END = {True: b"\xfe\xff\x0d\xe0\0\0\0\0", False: b"\xff\xfe\xe0\x0d\0\0\0\0"}
SEQUENCE_END = {True: b"\xfe\xff\xdd\xe0\0\0\0\0", False: b"\xff\xfe\xe0\xdd\0\0\0\0"}
OPEN = b"\xff\xff\xff\xff"
_LONGEST_SHORT = 0xFFFE  # bytes that a length field of 16 bits can tell and that are even: PS3.5 7.1.2
_NOTHING: Words = np.zeros(0, np.uint64)
_SIX = np.uint64(0xFFFFFFFFFFFF)  # the first six bytes of eight


class Work(Protocol):
    """The bytes that are walked: ``raw``, how many, and the byte order of the items of the sequence."""

    raw: Any
    size: int
    little: bool

    def words(self, little: bool, size: int = 8) -> npt.NDArray[Any]:
        """The numbers of so many bytes at each byte, in this byte order."""
        ...


class Walk:
    """Follows one template through a batch of items; items that differ drop out.

    ``rows``: which of the batch are left; ``position``: where each of them has got to; ``leaves``: what was
    passed on the way.
    """

    def __init__(self, work: Work, position: Ints) -> None:
        self.work, self.position = work, position
        self.rows: Ints = np.arange(len(position))
        self.leaves: Leaves = {}
        self._ends: list[Ints] = []

    def keep(self, good: Flags, word: Words = _NOTHING) -> Words:
        """Drop the items for which it is not true; gives what is left of ``word``."""
        if good.all():
            return word
        self.rows, self.position = self.rows[good], self.position[good]
        self.leaves = {p: (vr, little, start[good], length[good]) for p, (vr, little, start, length) in
                       self.leaves.items()}  # fmt: skip
        self._ends = [end[good] for end in self._ends]
        return word[good] if word is not _NOTHING else word

    def _load(self, little: bool, size: int = 8, offset: int = 0) -> Words:
        """The numbers at each item's position; what ends before drops out."""
        words = self.work.words(little, size)
        at = self.position + offset if offset else self.position
        if len(at) and int(at.max()) >= len(words):
            self.keep(at < len(words))
            at = self.position + offset
        found: Words = words[at].astype(np.uint64, copy=False)
        return found

    def _expect(self, little: bool, wanted: bytes) -> None:
        """Keep the items where these 8 bytes stand, and step over them."""
        self.keep(self._load(little) == _number(wanted, little))
        self.position = self.position + 8

    def _begin(self, length: Words) -> None:
        """From here on, so many bytes are to be passed."""
        self._ends.append(self.position + length.astype(np.int64))

    def _end(self) -> None:
        """Keep the items that have passed just the bytes that they should."""
        self.keep(self.position == self._ends[-1])
        self._ends.pop()

    def item(self, template: Dataset) -> None:
        """Follow a whole item, header and delimiter included."""
        self._item(template, (), self.work.little)

    def _item(self, template: Dataset, path: LeafPath, little: bool) -> None:
        open_ = template.length == UNDEFINED
        if open_:
            self._expect(little, ITEM[little] + OPEN)
        else:
            word = self._load(little)
            length = _last(word, little)
            length = self.keep(
                (_first(word, little) == _number(ITEM[little], little)) & (length != UNDEFINED), length
            )
            self.position = self.position + 8
            self._begin(length)
        inner = template.little
        for element in template:
            if not len(self.rows):
                break
            self._element(template, element, path, inner)
        if open_:
            self._expect(inner, ITEM_END[inner])
        else:
            self._end()

    def _element(self, level: Dataset, element: Element, path: LeafPath, little: bool) -> None:
        length = self._header(level, element, little)
        if element.items is None:
            self._value(element, path, little, length)
            return
        open_ = element.length == UNDEFINED
        if open_:
            self.keep(length == UNDEFINED)
        else:
            length = self.keep((length != UNDEFINED) & _alike(length, element.length), length)
            self._begin(length)
        # PS3.5 6.2.2: what a sequence of VR UN holds is implicit, little endian.
        explicit = level.explicit and element.vr != "UN"
        inner = level.context.little_in(explicit)
        for number, item in enumerate(element.items):
            if not len(self.rows):
                break
            self._item(item, (*path, element.tag, number), inner)
        if open_:
            self._expect(inner, SEQUENCE_END[inner])
        else:
            self._end()

    def _value(self, element: Element, path: LeafPath, little: bool, length: Words) -> None:
        if element.fragments is not None or element.length == UNDEFINED:
            self.keep(np.zeros(len(self.rows), bool))
            return
        good = _alike(length, element.length) & (self.position + length.astype(np.int64) <= self.work.size)
        length = self.keep(good, length)
        self.leaves[(*path, element.tag)] = (element.vr, little, self.position, length.astype(np.uint32))
        self.position = self.position + length.astype(np.int64)

    def _header(self, level: Dataset, element: Element, little: bool) -> Words:
        """Compare the header of an element and step over it; gives the lengths.  PS3.5 7.1.2, 7.1.3."""
        raw = self.work.raw
        form = _form(raw, level, element)
        written = bytes(raw[element.offset : element.offset + 8])
        word = self._load(little)
        if form == "long":
            self.keep(word == _number(written, little))
            length = self._load(little, 4, 8)
            self.position = self.position + 12
            return length
        if form == "short":
            same = (word & _SIX if little else word >> np.uint64(16)) == _number(written[:6], little)
            length = word >> np.uint64(48) if little else word & np.uint64(0xFFFF)
        else:
            same = _first(word, little) == _number(written[:4], little)
            length = _last(word, little)
        length = self.keep(same, length)
        self.position = self.position + 8
        return length


def _alike(length: Words, wanted: int) -> Flags:
    """Part of a shape: whether a value is there at all, whether its length is even, and fits 16 bits (PS3.5 6.2.2)."""
    same: Flags = (
        ((length == 0) == (wanted == 0))
        & (length & np.uint64(1) == wanted & 1)
        & ((length > _LONGEST_SHORT) == (wanted > _LONGEST_SHORT))
    )
    return same


def _form(raw: Any, level: Dataset, element: Element) -> str:
    """How the header of an element is laid out: "long" (12 bytes), "short" or "implicit" (8 bytes)."""
    if element.start - element.offset == 12:
        return "long"
    letters = bytes(raw[element.offset + 4 : element.offset + 6])
    upper = letters.isalpha() and letters.isupper() and letters.isascii()
    if level.explicit:
        return "short" if upper else "implicit"
    # An implicit element, unless it was written with its VR all the same.
    length = int.from_bytes(raw[element.offset + 4 : element.offset + 8], "little")
    return "implicit" if length == element.length else "short"


def _number(text: bytes, little: bool) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little" if little else "big"))


def _first(word: Words, little: bool) -> Words:
    """The first four bytes of eight."""
    return word & np.uint64(0xFFFFFFFF) if little else word >> np.uint64(32)


def _last(word: Words, little: bool) -> Words:
    """The last four bytes of eight."""
    return word >> np.uint64(32) if little else word & np.uint64(0xFFFFFFFF)
