"""Data sets as they stand in the bytes: levels of elements with tag, VR as written, length and offsets.

Nothing is decoded until somebody asks, and nothing is repaired: where the bytes are odd, the reader
(`dcmlint.dicom.tokens`) records an `Oddity` and goes on as best it can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from dcmlint import standard
from dcmlint.dicom.buffers import Buffer, WholeBuffer
from dcmlint.dicom.items import NO_ITEMS, Items
from dcmlint.dicom.transfer_syntaxes import TransferSyntax
from dcmlint.dicom.values import TEXT_VRS, decode
from dcmlint.standard.tags import PixelRepresentation, SpecificCharacterSet

if TYPE_CHECKING:
    from dcmlint.dicom.charsets import Charset

UNDEFINED = 0xFFFFFFFF  # PS3.5 7.1.1
_SHORT = 64  # bytes of a text that is remembered
_MOST_TEXTS = 1 << 13
# Values of short texts that mean the same in every character set, by VR and bytes: files of one source share most of them.
_texts: dict[tuple[str, bytes], tuple[Any, ...]] = {}


class Element(msgspec.Struct, frozen=True):
    """One data element: where it stands and what its header says.

    ``offset`` is the byte of the tag, ``start`` and ``end`` enclose the value that could be read, ``length``
    is the length as written (``UNDEFINED`` for undefined).  ``items`` are the items of a sequence,
    ``fragments`` what encapsulated pixel data holds; both None for plain values.
    """

    tag: int
    vr: str
    length: int
    offset: int
    start: int
    end: int
    items: Items | None = None
    fragments: Any = None

    @property
    def is_cut(self) -> bool:
        """Whether less of the value is there than its length says: what is left is no value."""
        return self.length not in (self.end - self.start, UNDEFINED)

    @property
    def is_plain(self) -> bool:
        """Whether its value is bytes, and all of them are there: no items, no fragments, nothing cut."""
        return self.length == self.end - self.start and self.items is None and self.fragments is None


class Oddity(msgspec.Struct, frozen=True):
    """Something in the encoding that a tolerant reader passes over.

    ``code`` names it (see `dcmlint.dicom.oddities`), ``offset`` is the byte, ``level`` the data set in
    which it was met, ``tag`` the element concerned (0: none), ``found`` and ``wanted`` hold no values of
    elements, only lengths, tags, VRs and counts.
    """

    code: str
    offset: int
    level: Dataset | None = None
    tag: int = 0
    found: str = ""
    wanted: str = ""
    count: int = 1


class FileContext:
    """What all levels of one data set share.

    ``long``: whether some of its items stand for others; ``nested``: the tags of the items of all sequences.
    """

    __slots__ = ("buffer", "charsets", "little", "long", "nested", "slices", "syntax")

    def __init__(self, buffer: Buffer, syntax: TransferSyntax) -> None:
        self.buffer, self.syntax, self.little = buffer, syntax, syntax.little
        # What gives copies of bytes by slices at the least cost: the bytes themselves where all are in memory.
        data = buffer.data if isinstance(buffer, WholeBuffer) else None
        self.slices: bytes | Buffer = data if isinstance(data, bytes) else buffer
        self.charsets: dict[tuple[str, ...], Charset] = {}
        self.long = False
        self.nested: set[int] = set()

    def little_in(self, explicit: bool) -> bool:
        """The byte order of a level with or without VRs: the file's, but little within what is implicit in an explicit data set."""
        return self.little if explicit == self.syntax.explicit else True


class Dataset:
    """One level: the main data set, the file meta group, or an item of a sequence.

    A mapping from tag to `Element` in the order of the bytes (the first of duplicates).  ``cut``: the bytes end, or
    cannot be read, before the level does.
    """

    __slots__ = ("__weakref__", "_charset", "_values", "context", "cut", "elements", "end", "explicit", "index", "length",
                 "offset", "parent", "parent_tag")  # fmt: skip

    def __init__(
        self,
        context: FileContext,
        explicit: bool,
        offset: int,
        parent: Dataset | None = None,
        parent_tag: int = 0,
        index: int = 0,
        length: int = UNDEFINED,
    ) -> None:
        self.context, self.explicit, self.offset = context, explicit, offset
        self.parent, self.parent_tag, self.index, self.length = parent, parent_tag, index, length
        self.elements: dict[int, Element] = {}
        self.end = offset
        self.cut = False
        self._values: dict[int, tuple[Any, ...]] = {}
        self._charset: Charset | None = None

    @property
    def little(self) -> bool:
        """The byte order of its values (`FileContext.little_in`)."""
        return self.context.little_in(self.explicit)

    def __contains__(self, tag: int) -> bool:
        return tag in self.elements

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements.values())

    def __len__(self) -> int:
        return len(self.elements)

    def get(self, tag: int) -> Element | None:
        """The element with this tag, or None."""
        return self.elements.get(tag)

    def may_have(self, tag: int) -> bool:
        """Whether an element that is not here may stand in what could not be read (elements ascend: PS3.5 7.1)."""
        return self.cut and tag > max(self.elements, default=-1)

    def is_whole(self, element: Element) -> bool:
        """Whether all of an element's value could be read."""
        if element.length != UNDEFINED:
            return not element.is_cut
        return not self.cut or element.tag != next(reversed(self.elements))

    def raw(self, tag: int) -> bytes:
        """The value's bytes as written (empty when absent or zero length; for a sequence all its bytes)."""
        element = self.elements.get(tag)
        return b"" if element is None else self.context.slices[element.start : element.end]

    def values(self, tag: int) -> tuple[Any, ...]:
        """The decoded values; empty when the element is absent, has no value, or is a sequence.

        Text is stripped of its padding, DS and IS are numbers where they can be read as such.
        """
        found = self._values.get(tag)
        if found is not None:
            return found
        element = self.elements.get(tag)
        if element is None or not element.is_plain:
            values: tuple[Any, ...] = ()
        else:
            values = self.decode(element)
        self._values[tag] = values
        return values

    def value(self, tag: int, number: int = 1) -> Any:
        """Value ``number`` (1-based), or None when there is none."""
        values = self.values(tag)
        return values[number - 1] if 0 < number <= len(values) else None

    def text(self, tag: int) -> str:
        """The first value as text, or an empty string."""
        # Asked more often than anything else: a value that was decoded before costs one look.
        values = self._values.get(tag)
        if values is None:
            values = self.values(tag)
        if not values:
            return ""
        value = values[0]
        return value if isinstance(value, str) else "" if value is None else str(value)

    def items(self, tag: int) -> Items:
        """The items of a sequence; empty when it is absent, empty or not a sequence."""
        element = self.elements.get(tag)
        items = element.items if element is not None else None
        return items if items is not None else NO_ITEMS

    def decode(self, element: Element) -> tuple[Any, ...]:
        """The values of an element of this level."""
        raw = self.context.slices[element.start : element.end]
        if len(raw) > _SHORT or element.vr not in TEXT_VRS:
            vr = self.value_representation(element)
            return decode(vr, raw, little_endian=self.little, charset=self.charset)
        key = element.vr, raw
        values = _texts.get(key)
        if values is None:
            values = decode(element.vr, raw, charset=self.charset)
            if raw.isascii() and b"\x1b" not in raw:
                if len(_texts) >= _MOST_TEXTS:
                    _texts.clear()
                _texts[key] = values
        return values

    def value_representation(self, element: Element) -> str:
        """The VR with which the value is to be read: as written, or as the dictionary's open choice falls.

        Source: PS3.5 A.1, A.2; PS3.3 C.7.6.3.1.
        """
        vr = element.vr
        if "/" in vr or " " in vr:
            if "SS" in vr and "US" in vr:
                return "SS" if self.nearest_value(PixelRepresentation) == 1 else "US"
            return "OW" if "OW" in vr else vr[:2]
        if vr == "UN" and not element.tag >> 16 & 1:
            # PS3.5 6.2.2: the value of a known attribute is written as its own VR would be.
            entry = standard.load().dictionary.entry(element.tag)
            if entry is not None and "/" not in entry.vr and entry.vr != "SQ":
                return entry.vr
        return vr

    def nearest_value(self, tag: int) -> Any:
        """The first value of the nearest enclosing level, this one first, that has a value."""
        level: Dataset | None = self
        while level is not None:
            values = level.values(tag)
            if values:
                return values[0]
            level = level.parent
        return None

    @property
    def root(self) -> Dataset:
        """The data set that encloses all others."""
        level = self
        while level.parent is not None:
            level = level.parent
        return level

    @property
    def charset(self) -> Charset | None:
        """The character set in force here: this level's, else the enclosing one's (PS3.3 C.12.1.1.2)."""
        if self._charset is not None:
            return self._charset
        element = self.elements.get(SpecificCharacterSet)
        if element is not None and element.end > element.start:
            from dcmlint.dicom.charsets import Charset

            raw = self.context.buffer[element.start : min(element.end, element.start + 1024)]
            terms = tuple(str(term) for term in decode("CS", raw))
            known = self.context.charsets.get(terms)
            if known is None:
                known, _ = Charset.from_terms(terms)
                self.context.charsets[terms] = known
            self._charset = known
        elif self.parent is not None:
            self._charset = self.parent.charset
        return self._charset

    def creator(self, tag: int) -> str | None:
        """The private creator of a private element of this level, or None (PS3.5 7.8.1)."""
        block = (tag >> 8) & 0xFF
        if block < 0x10:
            return None
        text = self.text((tag & 0xFFFF0000) | block)
        return text or None
