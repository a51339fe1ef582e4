"""Holds every element of an instance against the dictionary and its value representation.

PS3.6 (VR, VM, retirement), PS3.5 6.2 (values), PS3.5 7.8 (private elements), PS3.5 Annex A (pixel data).
This is the hot loop of a check: what is common must be cheap.
"""

from __future__ import annotations

from collections.abc import Callable

from dcmlint import standard
from dcmlint.dicom.charsets import Charset, CharsetProblem
from dcmlint.dicom.dataset import Dataset, Element
from dcmlint.dicom.headers import LONG_VRS, VRS
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import ItemList, Items
from dcmlint.dicom.path import name_of, tag_text
from dcmlint.dicom.values import SINGLE_VALUED, ValueProblem, check_value
from dcmlint.findings.problem import Problem
from dcmlint.rules.tables.counted import BELOW_1, COUNTED_FROM_1, FROM_1
from dcmlint.rules.tables.field import (
    BULK_UNIT,
    LONGEST,
    UNIT,
    count_of,
    has_values,
    read_as,
    told,
    wrong_value,
)
from dcmlint.standard.tags import (
    BitsAllocated,
    IconImageSequence,
    MediaStorageSOPClassUID,
    MediaStorageSOPInstanceUID,
    PixelData,
    SOPClassUID,
    SOPInstanceUID,
    SpecificCharacterSet,
)

_VRS = frozenset(vr for vr, _ in VRS.values())
_LONGEST_SHORT = 0xFFFE  # bytes that a length field of 16 bits can tell and that are even: PS3.5 7.1.2
_SHORT = 64  # bytes of a value that is remembered
_CACHE_LIMIT = 1 << 14

# Short values of which nothing had to be told: tag, VR, whether VRs are written, bytes.
ValueCache = set[tuple[int, str, bool, bytes]]


class _Expected:
    """What the dictionary says of a tag, prepared for comparison."""

    __slots__ = ("entry", "least", "most", "step", "vrs")

    def __init__(self, entry: standard.Entry) -> None:
        self.entry = entry
        parts = entry.vr.replace(" or ", "/").split("/")
        self.vrs = frozenset(parts)
        self.least, self.most, self.step = _multiplicity(entry.vm)

    def allows(self, count: int) -> bool:
        """Whether a value field may hold so many values."""
        fits = count >= self.least and (self.most is None or count <= self.most)
        return fits and (self.step == 1 or count % self.step == 0)


def _multiplicity(vm: str) -> tuple[int, int | None, int]:
    """Least, most (None: any number) and step of a VM: "1", "1-3", "2-2n", "1-n or 1"."""
    least, most, step = 10**9, 0, 1
    unbounded = False
    for part in vm.split(" or "):
        low, _, high = part.partition("-")
        least = min(least, int(low)) if low.isdigit() else least
        if high.endswith("n"):
            unbounded = True
            step = int(high[:-1]) if high[:-1].isdigit() else 1
        else:
            most = max(most, int(high or low) if (high or low).isdigit() else 10**9)
    return (least if least < 10**9 else 1), None if unbounded else most, step


@standard.per_edition()
def _expectations() -> dict[int, _Expected | None]:
    """What the dictionary in use says, by tag, as far as somebody asked."""
    return {}


def _expect(tag: int) -> _Expected | None:
    known = _expectations()
    try:
        return known[tag]
    except KeyError:
        if len(known) > 50_000:
            known.clear()
        entry = standard.load().dictionary.entry(tag)
        found = known[tag] = None if entry is None else _Expected(entry)
        return found


def _count_check(tag: int, vr: str) -> Callable[[int], str] | None:
    """What says of a number of values which number is wanted, "" if it is right; None where any will do."""
    expected = None if tag & 0x10000 or vr in SINGLE_VALUED or vr in BULK_UNIT else _expect(tag)
    if expected is None:
        return None
    return lambda count: "" if expected.allows(count) else expected.entry.vm


def _stands_alone(vr: str, raw: bytes) -> bool:
    """Whether a value means the same wherever it stands: its VR is settled, and no character set matters."""
    return vr not in BULK_UNIT and "/" not in vr and raw.isascii() and b"\x1b" not in raw


# PS3.10 7.1: the UIDs of the file meta group that the data set has too
_COPIES = (
    (MediaStorageSOPClassUID, SOPClassUID),
    (MediaStorageSOPInstanceUID, SOPInstanceUID),
)


class ElementCheck:
    """One pass over all elements of an instance; ``problems`` collects what failed."""

    def __init__(self, instance: Instance, cache: ValueCache, together: bool = True) -> None:
        """``together``: look at the items of long sequences a column at a time."""
        self.instance, self._cache, self._together = instance, cache, together
        self._expected = _expectations()
        self.problems: list[Problem] = []

    def run(self) -> None:
        """Check the file meta group and the data set."""
        if self.instance.meta is not None:
            self._level(self.instance.meta)
            self._without_copies(self.instance.meta)
        self._level(self.instance.dataset)
        self._pixel_data(self.instance.dataset)

    def _level(self, level: Dataset) -> None:
        slices = level.context.slices
        cache, problems = self._cache, self.problems
        explicit = level.explicit
        owned: set[int] = set()  # blocks of private groups that have a creator
        for element in level.elements.values():
            tag, vr = element.tag, element.vr
            start, end = element.start, element.end
            if tag & 0x10000:
                if tag >> 8 not in owned and self._private(level, element):
                    owned.add(tag >> 8)
                self._element(level, element, None)
                continue
            # As `Element.is_plain`: a call for each element of each file would cost more than all else here.
            size = end - start
            if (
                size > _SHORT
                or element.length != size
                or element.items is not None
                or element.fragments is not None
            ):
                self._known(level, element)
                continue
            # The same values come again and again: what was found right stays right.
            key = (tag, vr, explicit, slices[start:end])
            if key in cache:
                continue
            before = len(problems)
            self._known(level, element)
            if len(problems) == before and _stands_alone(vr, key[3]):
                if len(cache) >= _CACHE_LIMIT:
                    cache.clear()
                cache.add(key)

    def _without_copies(self, meta: Dataset) -> None:
        """Of the UIDs of the file meta group that are those of the data set the same is told there."""
        dataset = self.instance.dataset
        for copy, tag in _COPIES:
            if copy in meta and tag in dataset and meta.raw(copy) == dataset.raw(tag):
                self.problems = [
                    one for one in self.problems if one.tag != copy or not one.check.startswith("value.")
                ]

    def _known(self, level: Dataset, element: Element) -> None:
        """Check an element that is not private: the dictionary must have it."""
        tag, vr = element.tag, element.vr
        expected = self._expected[tag] if tag in self._expected else _expect(tag)
        if expected is None:
            if tag & 0xFFFF and tag >> 16 != 0xFFFC:
                self._add("unknown-element", level, element, f"{tag_text(tag)} is not in the data dictionary")
        else:
            if vr not in expected.vrs and level.explicit and self._vr(level, element, expected):
                return  # by the rules of which VR its value should be judged nobody knows
            if expected.entry.retired and tag & 0xFFFF:
                self._add("retired-attribute", level, element, f"{name_of(tag)} is retired")
        self._element(level, element, expected)
        if tag in COUNTED_FROM_1 and level.is_whole(element):
            low = next((one for one in level.values(tag) if isinstance(one, int | float) and one < 1), None)
            if low is not None:
                self._add("counted-from-1", level, element, BELOW_1.format(name_of(tag), int(low)),
                          found=level.values(tag), want=FROM_1)  # fmt: skip

    def _element(self, level: Dataset, element: Element, expected: _Expected | None) -> None:
        """Check the value of an element, or its items."""
        tag, vr = element.tag, element.vr
        if element.items is not None:
            self._items(element.items)
            return
        size = element.length
        if size == 0 or not element.is_plain:
            return  # nothing to look at, or cut off: what is left says nothing of the value
        if vr in BULK_UNIT or "/" in vr:
            unit = BULK_UNIT.get(vr, 1)
            if unit > 1 and size % unit:
                self._units(level, element, size, unit)
            if tag == PixelData and level.parent is not None and level.parent_tag != IconImageSequence:
                self._nested(level, element)
            vr = read_as(level, element)
            if vr in BULK_UNIT:
                return
        unit = UNIT.get(vr, 0)
        if unit and not size % unit:
            # Whole numbers have no grammar: only how many there are can be wrong.
            if expected is not None and (size != unit or expected.least > 1):
                self._count(level, element, expected, size // unit)
            return
        charset = level.charset
        raw = level.context.slices[element.start : min(element.end, element.start + LONGEST)]
        for problem in told(check_value(vr, raw, charset=charset)):
            self._value(level, element, vr, problem)
        if tag == SpecificCharacterSet:
            self._character_set(level, element)
        if expected is not None and not unit:
            count = 1 if b"\\" not in raw else count_of(vr, raw, charset)
            if count is not None and (count != 1 or expected.least > 1):
                self._count(level, element, expected, count)

    # -- sequences -------------------------------------------------------------------------------------

    def _items(self, items: Items) -> None:
        if isinstance(items, ItemList) or not self._together:
            for item in items:
                self._level(item)
            return
        from dcmlint.rules.tables.element_columns import check_long

        check_long(items, self._level, self.problems, _count_check)

    # -- one element -----------------------------------------------------------------------------------

    def _vr(self, level: Dataset, element: Element, expected: _Expected) -> bool:
        """Tell of a VR that is not the one of the dictionary; whether another VR was told for a value."""
        if element.vr == "UN":
            if element.items is not None:
                return False  # told by the reader
            # PS3.5 6.2.2, note: what is too long for the length field of its VR is written as UN.
            if element.end - element.start > _LONGEST_SHORT and not set(LONG_VRS).issuperset(expected.vrs):
                return False
            self._add("vr-un", level, element, f"{name_of(element.tag)} has the VR UN",
                      said="UN", want=expected.entry.vr)  # fmt: skip
        elif "SQ" in expected.vrs:
            self._add("sequence-vr", level, element, f"{name_of(element.tag)} is not encoded as a sequence",
                      said=element.vr, want="SQ")  # fmt: skip
        elif element.vr in _VRS:  # another one is told by the reader
            self._add("vr-mismatch", level, element, f"{name_of(element.tag)} has the VR {element.vr}",
                      said=element.vr, want=expected.entry.vr)  # fmt: skip
            return element.items is None
        return False

    def _private(self, level: Dataset, element: Element) -> bool:
        """Whether the block of a private element has a creator; what is wrong with its number is told."""
        number = element.tag & 0xFFFF
        if number >= 0x1000:
            if level.creator(element.tag):
                return True
            creator = (element.tag & 0xFFFF0000) | number >> 8
            if creator in level.elements:
                return True  # what is wrong with the creator is told of it
            block = tag_text(creator)
            self._add("private-without-creator", level, element,
                      f"the private element {tag_text(element.tag)} has no private creator",
                      want=f"a private creator in {block}")  # fmt: skip
        elif 0x10 <= number <= 0xFF:
            self._creator(level, element)
        elif number:
            self._add("private-invalid", level, element,
                      f"{tag_text(element.tag)} is not a valid tag for a private element")  # fmt: skip
        return False

    def _creator(self, level: Dataset, element: Element) -> None:
        """PS3.5 7.8.1: a private creator is one value of VR LO; one who does not know it may write UN (6.2.2)."""
        if element.items is not None or element.vr not in ("LO", "UN"):
            self._add("private-creator", level, element, f"the private creator {tag_text(element.tag)} is not text",
                      found=element.vr, want="LO")  # fmt: skip
        elif level.is_whole(element) and not level.raw(element.tag)[:LONGEST].strip(b" \0"):
            self._add("private-creator", level, element, f"the private creator {tag_text(element.tag)} is empty",
                      want="the name of the creator of the block")  # fmt: skip
        elif level.is_whole(element) and len(level.values(element.tag)) > 1:
            self._add("private-creator", level, element,
                      f"the private creator {tag_text(element.tag)} has {len(level.values(element.tag))} values",
                      want="one value")  # fmt: skip

    def _units(self, level: Dataset, element: Element, size: int, unit: int) -> None:
        self._add("binary-length", level, element, f"{size} bytes are not a multiple of the value size of VR {element.vr}",
                  said=str(size), want=f"a multiple of {unit}", kind="value")  # fmt: skip

    def _nested(self, level: Dataset, element: Element) -> None:
        self._add("nested-pixel-data", level, element, "Pixel Data is nested in a sequence item")

    def _value(
        self, level: Dataset, element: Element, vr: str, problem: ValueProblem | CharsetProblem
    ) -> None:
        raw = level.context.buffer[element.start : min(element.end, element.start + LONGEST)]
        self._add(problem.code, level, element, f"{name_of(element.tag)}: {problem.message}",
                  found=wrong_value(vr, raw, problem, level.charset), want=problem.want, clause=problem.clause,
                  kind="value")  # fmt: skip

    def _character_set(self, level: Dataset, element: Element) -> None:
        for problem in Charset.from_terms(tuple(str(term) for term in level.values(element.tag)))[1]:
            self._value(level, element, element.vr, problem)

    def _count(self, level: Dataset, element: Element, expected: _Expected, count: int) -> None:
        if expected.allows(count):
            return
        self._add("value-multiplicity", level, element, has_values(name_of(element.tag), count),
                  said=str(count), want=expected.entry.vm)  # fmt: skip

    def _pixel_data(self, dataset: Dataset) -> None:
        """PS3.5 A.1, A.2, A.4: OW in implicit, OB or OW in explicit native, OB in encapsulated."""
        element = dataset.get(PixelData)
        if element is None or not dataset.explicit:
            return
        syntax = self.instance.syntax
        if syntax.encapsulated:
            if element.vr != "OB" or element.fragments is None:
                how = "undefined" if element.fragments is not None else "defined"
                self._add("pixel-data-vr", dataset, element, "encapsulated Pixel Data is not OB with undefined length",
                          said=f"{element.vr}, {how} length", want="OB, undefined length")  # fmt: skip
        elif element.fragments is not None:
            self._add("pixel-data-vr", dataset, element, "native Pixel Data is encapsulated in fragments",
                      said="undefined length", want="a defined length")  # fmt: skip
        elif element.vr == "OB":
            bits = dataset.value(BitsAllocated)
            if isinstance(bits, int) and bits > 8:
                self._add("pixel-data-vr", dataset, element, f"Pixel Data with {bits} bits has the VR OB",
                          said="OB", want="OW")  # fmt: skip

    def _add(
        self, code: str, level: Dataset, element: Element, message: str, *, found: object = None, said: str = "",
        want: str = "", clause: str = "", kind: str = "element",
    ) -> None:  # fmt: skip
        self.problems.append(
            Problem(
                check=f"{kind}.{code}", level=level, tag=element.tag, message=message, found=found,
                said=said, want=want, offset=element.offset, clause=clause,
            )
        )  # fmt: skip
