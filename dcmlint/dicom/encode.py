"""From a tree of edited elements to bytes: what the examples of rules are made with.

Nothing is corrected on the way: a draft says of every element which VR and which bytes it has, and lengths
are the only thing that is worked out.  PS3.5 clause 7, Annex A; PS3.10 clause 7.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element
from dcmlint.dicom.headers import LONG_VRS
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from dcmlint.dicom.value_numbers import UNITS
from dcmlint.standard.tags import (
    ExtendedOffsetTable,
    ExtendedOffsetTableLengths,
    FileMetaInformationGroupLength,
    Item,
    ItemDelimitationItem,
    NumberOfFrames,
    PixelData,
    SequenceDelimitationItem,
    TransferSyntaxUID,
)
from dcmlint.standard.uids import ExplicitVRLittleEndian, ImplicitVRLittleEndian

# PS3.5 7.3: bytes of what is swapped in big endian; a tag is two numbers, bytes are never swapped.
_UNITS = {**UNITS, "AT": 2, "OB": 1, "UN": 1}


class Encapsulated:
    """The fragments of each frame, and the offset tables: worked out unless they are given.

    ``basic``: None to work it out, () for an empty table, numbers or bytes to write them as they are.
    ``basic_item`` False: there is no item for it.
    """

    __slots__ = ("basic", "basic_item", "delimited", "frames")

    def __init__(self, frames: list[list[bytes]], basic: Sequence[int] | bytes | None = None) -> None:
        self.frames, self.basic = frames, basic
        self.basic_item = self.delimited = True

    def copy(self) -> Encapsulated:
        """The same fragments, independent of these."""
        made = Encapsulated([list(fragments) for fragments in self.frames], self.basic)
        made.basic_item, made.delimited = self.basic_item, self.delimited
        return made

    def offsets(self) -> list[int]:
        """The offset of each frame's first item from the first item after the table (PS3.5 A.4)."""
        result, position = [], 0
        for fragments in self.frames:
            result.append(position)
            position += sum(8 + len(fragment) for fragment in fragments)
        return result

    def lengths(self) -> list[int]:
        """The bytes of each frame's fragments, padding included (PS3.3 C.7.6.3.1.9)."""
        return [sum(map(len, fragments)) for fragments in self.frames]


class DraftElement:
    """An element to be written: ``value`` is bytes in little endian, items, or fragments.

    ``undefined``: whether a sequence ends with a delimiter; None leaves it to the way of writing.
    """

    __slots__ = ("tag", "undefined", "value", "vr")

    def __init__(self, tag: int, vr: str, value: bytes | list[Draft] | Encapsulated) -> None:
        self.tag, self.vr, self.value = tag, vr, value
        self.undefined: bool | None = None


class Draft:
    """A level to be written: elements by tag, written in ascending order."""

    __slots__ = ("elements",)

    def __init__(self, elements: Iterable[DraftElement] = ()) -> None:
        self.elements = {element.tag: element for element in elements}

    def copy(self) -> Draft:
        """The same elements, independent of these."""
        made = Draft()
        for tag, element in self.elements.items():
            value = element.value
            if isinstance(value, list):
                value = [item.copy() for item in value]
            elif isinstance(value, Encapsulated):
                value = value.copy()
            made.elements[tag] = DraftElement(tag, element.vr, value)
            made.elements[tag].undefined = element.undefined
        return made


class DraftFile:
    """A file to be written: preamble, file meta group, data set.  Only drafts are changed in place."""

    __slots__ = ("dataset", "meta", "preamble")

    def __init__(self, preamble: bytes | None, meta: Draft | None, dataset: Draft) -> None:
        self.preamble, self.meta, self.dataset = preamble, meta, dataset

    def copy(self) -> DraftFile:
        """The same file, independent of this one."""
        return DraftFile(self.preamble, self.meta and self.meta.copy(), self.dataset.copy())


class Writing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a draft is written.

    ``transfer_syntax`` is stated and followed; ``written_as`` writes the data set otherwise than stated.
    ``undefined_lengths`` ends sequences and items by delimiters, ``group_lengths`` adds (gggg,0000).
    ``meta_group_length`` False leaves the group length of group 0002 as it is in the draft.  Keywords in
    ``twice`` are written two times, those in ``last`` after all others; both at the top level only.
    """

    transfer_syntax: str = ""
    written_as: str = ""
    undefined_lengths: bool = False
    group_lengths: bool = False
    drop_preamble: bool = False
    drop_meta: bool = False
    implicit_meta: bool = False
    meta_group_length: bool = True
    twice: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


def draft_of(instance: Instance) -> DraftFile:
    """The elements of an instance read in little endian, to be changed and written again."""
    meta = _draft(instance.meta) if instance.meta is not None else None
    dataset = _draft(instance.dataset)
    frames = instance.dataset.value(NumberOfFrames)  # Number of Frames
    pixels = instance.dataset.get(PixelData)
    if pixels is not None and pixels.fragments is not None:
        dataset.elements[PixelData].value = _frames(
            instance.dataset, pixels, frames if isinstance(frames, int) else 1
        )
    return DraftFile(instance.preamble, meta, dataset)


def _draft(level: Dataset) -> Draft:
    made = Draft()
    for element in level:
        value: bytes | list[Draft] | Encapsulated
        if element.items is not None:
            value = [_draft(item) for item in element.items]
        elif element.fragments is not None:
            value = b""
        else:
            value = level.raw(element.tag)
        draft = made.elements[element.tag] = DraftElement(element.tag, element.vr, value)
        if element.items is not None:
            draft.undefined = element.length == UNDEFINED
    return made


def _frames(level: Dataset, element: Element, count: int) -> Encapsulated:
    found = element.fragments
    buffer = level.context.buffer
    fragments = [
        buffer[start + 8 : start + 8 + size]
        for start, size in zip(found.offsets.tolist(), found.lengths.tolist(), strict=True)
    ]
    if len(fragments) == count or found.bot is None or not len(found.bot):
        frames = [[fragment] for fragment in fragments] if len(fragments) == count else [fragments]
        return Encapsulated(frames, None if found.bot is not None and len(found.bot) else ())
    starts = {int(offset) + found.first for offset in found.bot}
    grouped: list[list[bytes]] = []
    for start, fragment in zip(found.offsets.tolist(), fragments, strict=True):
        if start in starts or not grouped:
            grouped.append([])
        grouped[-1].append(fragment)
    return Encapsulated(grouped)


def encode_file(file: DraftFile, writing: Writing | None = None) -> bytes:
    """The bytes of a file.  Never raises on what the values say; lengths that do not fit are cut to 32 bits."""
    writing = writing or Writing()
    uid = writing.transfer_syntax or _stated(file.meta)
    meta = file.meta.copy() if file.meta is not None else None
    if writing.transfer_syntax and meta is not None:
        padded = uid.encode() + b"\0" * (len(uid) & 1)
        meta.elements[TransferSyntaxUID] = DraftElement(TransferSyntaxUID, "UI", padded)
    parts: list[bytes] = []
    if not writing.drop_preamble and file.preamble is not None:
        parts += [file.preamble, b"DICM"]  # PS3.10 7.1
    if meta is not None and not writing.drop_meta:
        parts.append(_meta_bytes(meta, writing))
    syntax = transfer_syntax(writing.written_as or uid or ExplicitVRLittleEndian)
    data = _Encoder(syntax, writing).root(file.dataset)
    if syntax.deflated:
        engine = zlib.compressobj(9, zlib.DEFLATED, -15)  # PS3.5 A.5
        data = engine.compress(data) + engine.flush()
        data += b"\0" * (len(data) & 1)
    parts.append(data)
    return b"".join(parts)


def encode_elements(elements: Iterable[DraftElement], explicit: bool, little: bool) -> bytes:
    """The bytes of elements, in ascending order of their tags, as they stand in a level written in this way."""
    return _Encoder(TransferSyntax("", explicit=explicit, little=little), Writing()).level(Draft(elements))


def encode_item(item: Draft, explicit: bool, little: bool) -> bytes:
    """The bytes of an item of defined length."""
    return _Encoder(TransferSyntax("", explicit=explicit, little=little), Writing()).item(item)


def encode_meta(meta: Draft) -> bytes:
    """The file meta group: explicit VR little endian, with the length that it has (PS3.10 7.1)."""
    length = DraftElement(FileMetaInformationGroupLength, "UL", bytes(4))
    return _meta_bytes(Draft((length, *meta.elements.values())), Writing())


def draft_of_level(level: Dataset) -> Draft:
    """The elements of a level and all within it, to be changed and written again; values in little endian."""
    return _draft(level)


def _stated(meta: Draft | None) -> str:
    element = meta.elements.get(TransferSyntaxUID) if meta is not None else None
    value = element.value if element is not None else b""
    return value.rstrip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""


def _meta_bytes(meta: Draft, writing: Writing) -> bytes:
    """The file meta group: explicit VR little endian (PS3.10 7.1), with its length unless that is given."""
    encoder = _Encoder(
        transfer_syntax(ImplicitVRLittleEndian if writing.implicit_meta else ExplicitVRLittleEndian),
        Writing(),
    )
    own = meta.elements.get(FileMetaInformationGroupLength)
    if own is not None and writing.meta_group_length:
        rest = Draft(
            element for tag, element in meta.elements.items() if tag != FileMetaInformationGroupLength
        )
        own = DraftElement(FileMetaInformationGroupLength, "UL", struct.pack("<I", len(encoder.level(rest))))
        meta = Draft((own, *rest.elements.values()))
    return encoder.level(meta)


class _Encoder:
    """Writes levels in one transfer syntax."""

    def __init__(self, syntax: TransferSyntax, writing: Writing) -> None:
        self._explicit, self._order = syntax.explicit, "<" if syntax.little else ">"
        self._writing = writing

    def root(self, draft: Draft) -> bytes:
        """The main data set, with the disorder that is asked for."""
        twice, last = _tags(self._writing.twice), _tags(self._writing.last)
        if not twice and not last:
            return self.level(draft)
        parts: list[bytes] = []
        for tag in sorted(draft.elements, key=lambda tag: (tag in last, tag)):
            data = self._element(draft, draft.elements[tag])
            parts += [data, data] if tag in twice else [data]
        return b"".join(parts)

    def level(self, draft: Draft) -> bytes:
        tags = sorted(draft.elements)
        written = {tag: self._element(draft, draft.elements[tag]) for tag in tags}
        if self._writing.group_lengths:
            for group in {tag >> 16 for tag in tags}:
                size = sum(len(data) for tag, data in written.items() if tag >> 16 == group)
                own = DraftElement(group << 16, "UL", struct.pack("<I", size))  # PS3.5 7.2
                written[group << 16] = self._element(draft, own)
        return b"".join(written[tag] for tag in sorted(written))

    def _element(self, level: Draft, element: DraftElement) -> bytes:
        value, vr = element.value, element.vr
        if isinstance(value, Encapsulated):
            return self._header(element.tag, vr, UNDEFINED) + self._fragments(value)
        if isinstance(value, list):
            undefined = self._writing.undefined_lengths or element.undefined is True
            data = b"".join(self._item(item, undefined) for item in value)
            if undefined:
                return (
                    self._header(element.tag, vr, UNDEFINED) + data + self._tag(SequenceDelimitationItem, 0)
                )
            return self._header(element.tag, vr, len(data)) + data
        if element.tag in (ExtendedOffsetTable, ExtendedOffsetTableLengths) and value == b"computed":
            value = _extended(level, element.tag)
        return self._header(element.tag, vr, len(value)) + self._swapped(vr, value)

    def _item(self, item: Draft, undefined: bool) -> bytes:
        data = self.level(item)
        if undefined:
            return self._tag(Item, UNDEFINED) + data + self._tag(ItemDelimitationItem, 0)
        return self._tag(Item, len(data)) + data

    def item(self, item: Draft) -> bytes:
        """An item of defined length."""
        return self._item(item, False)

    def _fragments(self, value: Encapsulated) -> bytes:
        parts: list[bytes] = []
        if value.basic_item:
            table = value.basic
            if not isinstance(table, bytes):
                numbers = value.offsets() if table is None else table
                table = struct.pack(f"<{len(numbers)}I", *(number & UNDEFINED for number in numbers))
            parts += [self._tag(Item, len(table)), table]
        for fragment in (fragment for frame in value.frames for fragment in frame):
            parts += [self._tag(Item, len(fragment)), fragment]
        if value.delimited:
            parts.append(self._tag(SequenceDelimitationItem, 0))
        return b"".join(parts)

    def _tag(self, tag: int, length: int) -> bytes:
        return struct.pack(self._order + "HHI", tag >> 16, tag & 0xFFFF, length)

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        group, number = tag >> 16, tag & 0xFFFF
        if not self._explicit:
            return struct.pack(self._order + "HHI", group, number, length)
        letters = vr.encode("latin-1", "replace")[:2]
        if vr in LONG_VRS or len(vr) != 2:
            return struct.pack(self._order + "HH2sHI", group, number, letters or b"UN", 0, length)
        return struct.pack(self._order + "HH2sH", group, number, letters, length & 0xFFFF)

    def _swapped(self, vr: str, value: bytes) -> bytes:
        unit = _UNITS.get(vr, 1)
        if self._order == "<" or unit == 1 or len(value) % unit:
            return value
        made = bytearray(len(value))
        for byte in range(unit):
            made[byte::unit] = value[unit - 1 - byte :: unit]
        return bytes(made)


def _tags(keywords: Iterable[str]) -> frozenset[int]:
    entries = (standard.load().dictionary.by_keyword(keyword) for keyword in keywords)
    return frozenset(entry.tag for entry in entries if entry is not None)


def _extended(level: Draft, tag: int) -> bytes:
    pixels = level.elements.get(PixelData)
    if pixels is None or not isinstance(pixels.value, Encapsulated):
        return b""
    numbers = pixels.value.offsets() if tag == ExtendedOffsetTable else pixels.value.lengths()
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def written_vr(tag: int, level: Draft | None = None) -> str:
    """The VR in which a tag is written: the one it has in the level, else the dictionary's, else UN.

    Where the dictionary leaves it open: US for US or SS, OW for OB or OW (PS3.5 A.2).
    """
    if level is not None and tag in level.elements:
        return level.elements[tag].vr
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # PS3.5 7.8.1
    entry = standard.load().dictionary.entry(tag)
    if entry is None:
        return "UN"
    parts = entry.vr.replace(" or ", "/").split("/")
    return "OW" if "OW" in parts else parts[0]
