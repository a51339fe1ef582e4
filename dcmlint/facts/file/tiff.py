"""The other personality of a file: a TIFF whose header stands in the DICOM preamble.

TIFF 6.0 section 2 and BigTIFF; only directories and the places of their tiles and texts are read.  Work is
bounded whatever the bytes say: so many directories, entries and tiles, and no more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.dataset import Element
from dcmlint.dicom.instance import Instance
from dcmlint.facts.file.layout import preamble_kind
from dcmlint.facts.registry import Facts, facts

_MAX_DIRECTORIES = 256
_MAX_ENTRIES = 1024
_MAX_TILES = 1 << 20
_MOST_BULK = 8
_BULK = frozenset({"OB", "OW", "UN"})

# TIFF 6.0: StripOffsets and StripByteCounts, TileOffsets and TileByteCounts
_PLACES = ((273, 279), (324, 325))
_SUB_DIRECTORIES = 330
# TIFF 6.0: ImageDescription, Software, DateTime, Artist, HostComputer, Copyright; 700 is XMP
_TEXTS = frozenset({270, 305, 306, 315, 316, 700, 33432})
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}
_FORMS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class Tiff(msgspec.Struct, frozen=True, kw_only=True):
    """What a TIFF reader would find in the file.

    ``directories``: image file directories that could be read.
    ``tiles``: tiles and strips that they list.
    ``stray_tiles``: tiles and strips that are no frame, and lie in no other bulk value of the data set.
    ``text_bytes``: bytes of descriptions, names and dates in the directories.
    ``damaged``: a directory lies outside the file, or cannot be read.
    """

    directories: int
    tiles: int
    stray_tiles: int
    text_bytes: int
    damaged: bool


class _Entry(msgspec.Struct, frozen=True):
    tag: int
    type: int
    count: int
    place: int


@facts("tiff", Tiff)
def tiff(facts: Facts) -> Tiff | None:
    """The TIFF that the preamble begins (PS3.10 7.1 leaves the preamble to such uses); else nothing."""
    instance = facts.instance
    kind = preamble_kind(instance.preamble)
    if kind not in ("TIFF", "BigTIFF"):
        return None
    reader = _Reader(instance.buffer, "<" if instance.preamble[:1] == b"I" else ">", kind == "BigTIFF")
    tiles = stray = text_bytes = count = 0
    damaged = False
    values = _Values(instance)
    for entries in reader.directories(instance.preamble):
        if entries is None:
            damaged = True
            break
        count += 1
        text_bytes += sum(
            entry.count for entry in entries.values() if entry.tag in _TEXTS and entry.type in _SIZES
        )
        for offsets_tag, lengths_tag in _PLACES:
            if offsets_tag not in entries or lengths_tag not in entries or tiles > _MAX_TILES:
                continue
            offsets, lengths = reader.numbers(entries[offsets_tag]), reader.numbers(entries[lengths_tag])
            damaged = damaged or len(offsets) != len(lengths)
            tiles += len(offsets)
            stray += sum(not values.hold(*place) for place in zip(offsets, lengths, strict=False))
    return Tiff(
        directories=count, tiles=tiles, stray_tiles=stray, text_bytes=text_bytes, damaged=damaged or not count
    )


class _Reader:
    """Directories of one TIFF, followed from one to the next and into those below."""

    def __init__(self, buffer: Buffer, order: str, big: bool) -> None:
        self._buffer, self._order, self._big = buffer, order, big
        self._size = len(buffer)

    def directories(self, header: bytes) -> Iterator[dict[int, _Entry] | None]:
        """The entries of each directory by tag; None for one that cannot be read."""
        todo = [self._number(header[8:16] if self._big else header[4:8])]
        seen: set[int] = set()
        while todo and len(seen) < _MAX_DIRECTORIES:
            place = todo.pop()
            if place == 0:
                continue
            if place in seen or place >= self._size:
                yield None
                return
            seen.add(place)
            entries, following = self._directory(place)
            yield entries
            if entries is None:
                return
            todo.append(following)
            if _SUB_DIRECTORIES in entries:
                todo += self.numbers(entries[_SUB_DIRECTORIES])[:_MAX_DIRECTORIES]

    def _directory(self, place: int) -> tuple[dict[int, _Entry] | None, int]:
        head, size, next_size = (8, 20, 8) if self._big else (2, 12, 4)
        count = self._number(self._buffer[place : place + head])
        table = self._buffer[place + head : place + head + size * min(count, _MAX_ENTRIES)]
        if not 0 < count <= _MAX_ENTRIES or len(table) < size * count:
            return None, 0
        entries: dict[int, _Entry] = {}
        for number in range(count):
            raw = table[number * size : (number + 1) * size]
            tag, kind = struct.unpack(self._order + "HH", raw[:4])
            many = self._number(raw[4:12] if self._big else raw[4:8])
            field = place + head + number * size + (12 if self._big else 8)
            wide = 8 if self._big else 4
            if _SIZES.get(kind, 1) * many > wide:
                field = self._number(raw[-wide:])
            entries[tag] = _Entry(tag, kind, many, field)
        end = place + head + size * count
        return entries, self._number(self._buffer[end : end + next_size])

    def numbers(self, entry: _Entry) -> tuple[int, ...]:
        """The numbers of an entry, as many as are really there."""
        form = _FORMS.get(entry.type)
        if form is None:
            return ()
        width = struct.calcsize(form)
        raw = self._buffer[entry.place : entry.place + width * min(entry.count, _MAX_TILES)]
        return struct.unpack(f"{self._order}{len(raw) // width}{form}", raw[: len(raw) // width * width])

    def _number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self._order == "<" else "big")


class _Values:
    """Where the fragments and the other bulk values of a data set stand in its file."""

    def __init__(self, instance: Instance) -> None:
        self._fragments: dict[int, int] = {}
        bulk: list[Element] = []
        for element in instance.dataset:
            fragments = element.fragments
            if fragments is not None:
                # the value begins after tag and length of its item (PS3.5 7.5)
                starts, lengths = fragments.offsets[:_MAX_TILES] + 8, fragments.lengths[:_MAX_TILES]
                self._fragments.update(zip(starts.tolist(), lengths.tolist(), strict=True))
            elif element.vr in _BULK and element.items is None:
                bulk.append(element)
        bulk.sort(key=lambda element: element.start - element.end)
        self._bulk = [(element.start, element.end) for element in bulk[:_MOST_BULK]]

    def hold(self, offset: int, length: int) -> bool:
        """Whether a tile is a fragment (a pad byte not counted), empty, or within another bulk value."""
        if length == 0:
            return True
        there = self._fragments.get(offset)
        if there is not None:
            return there - length in (0, 1)
        return any(start <= offset and offset + length <= end for start, end in self._bulk)
