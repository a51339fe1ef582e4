"""The bytes of an instance after edits: what is not edited is copied, and only lengths are worked out again.

Nothing is decoded and nothing is read that need not be: an element that no edit names is one span of the
source, pixel data too.  PS3.5 clause 7, Annex A; PS3.10 clause 7.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element
from dcmlint.dicom.edits import (
    AddPreamble,
    AppendItem,
    Drop,
    Edit,
    PadFragments,
    Recode,
    Remove,
    Rename,
    SetItems,
    SetMeta,
    SetOffsets,
    SetValue,
    Sort,
)
from dcmlint.dicom.encode import DraftElement, encode_elements, encode_item, encode_meta
from dcmlint.dicom.headers import LONG_VRS, VRS
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.pieces import PieceBuffer, Pieces
from dcmlint.dicom.spans import Span
from dcmlint.standard.tags import (
    FileMetaInformationGroupLength,
    Item,
    ItemDelimitationItem,
    SequenceDelimitationItem,
)

_LONGEST_SHORT = 0xFFFF  # PS3.5 7.1.2: a length of 16 bits
_COMPRESS = 6


class CannotWriteError(Exception):
    """The edits cannot be written so that the rest stays as it is; the message says why."""


def rewrite(instance: Instance, edits: Iterable[Edit]) -> Pieces:
    """The file with the edits, as pieces of the one that was read (spans of ``instance.buffer``).

    Two edits of one element must not be given.  Raises `CannotWriteError`.
    """
    edits = tuple(edits)
    meta, dataset = instance.meta, instance.dataset
    of_meta = [edit for edit in edits if meta is not None and edit.level.root is meta]
    of_data = [edit for edit in edits if edit.level.root is dataset]
    new_meta = next((edit for edit in edits if isinstance(edit, SetMeta)), None)
    adds_preamble = any(isinstance(edit, AddPreamble) for edit in edits)
    begin = meta.offset if meta is not None else dataset.offset
    deflated = dataset.context.buffer is not instance.buffer
    made = Pieces()
    if adds_preamble:
        made.add(bytes(128) + b"DICM")
    else:
        made.add(Span(0, begin if meta is not None or not deflated else 0))
    if new_meta is not None:
        made.add(encode_meta(new_meta.meta))
    elif meta is not None:
        level_edits = [edit for edit in of_meta if not isinstance(edit, (SetMeta, AddPreamble))]
        body = _Writer(instance.buffer, level_edits).level(meta, meta.offset, meta.end)
        made.extend(_with_group_length(meta, body, level_edits))
    rest = meta.end if meta is not None else begin
    level_edits = [edit for edit in of_data if not isinstance(edit, (SetMeta, AddPreamble))]
    if not level_edits:
        made.add(Span(rest, len(instance.buffer)))
    elif deflated:
        made.add(_deflated(dataset, level_edits))
    else:
        made.add(Span(rest, dataset.offset))  # a second file meta group, perhaps
        made.extend(
            _Writer(instance.buffer, level_edits).level(dataset, dataset.offset, len(instance.buffer))
        )
    return made


def _deflated(dataset: Dataset, edits: list[Edit]) -> bytes:
    """A deflated data set (PS3.5 A.5): its inflated bytes are in memory, and bounded."""
    buffer = dataset.context.buffer
    pieces = PieceBuffer(buffer, _Writer(buffer, edits).level(dataset, dataset.offset, len(buffer)))
    engine = zlib.compressobj(_COMPRESS, zlib.DEFLATED, -15)
    data = engine.compress(pieces[0 : len(pieces)]) + engine.flush()
    return data + b"\0" * (len(data) & 1)


def _with_group_length(meta: Dataset, body: Pieces, edits: list[Edit]) -> Pieces:
    """The group with its length right again where it has one that is written as it should be (PS3.10 7.1)."""
    own = meta.get(FileMetaInformationGroupLength)
    edited = {edit.tag for edit in edits}
    if not edits or own is None or own.end - own.start != 4 or own.tag in edited or own.offset != meta.offset:
        return body
    head = own.end - own.offset
    made = Pieces()
    made.add(Span(own.offset, own.start))
    made.add(struct.pack("<I" if meta.little else ">I", body.size - head))
    rest = PieceBuffer(meta.context.buffer, body)
    for part in rest.resolve(Span(head, body.size)):
        made.add(part)
    return made


class _Level:
    """What is to be changed in one level."""

    __slots__ = ("edits", "inner", "recode", "sort")

    def __init__(self) -> None:
        self.edits: dict[int, Edit] = {}
        self.inner: dict[int, dict[int, Dataset]] = {}  # items with edits inside, by number, of each sequence
        self.sort = False
        self.recode = False


class _Writer:
    """Writes levels of one data set; levels are known by the byte at which they begin."""

    def __init__(self, buffer: Buffer, edits: Iterable[Edit]) -> None:
        self._buffer = buffer
        self._levels: dict[int, _Level] = {}
        self._drops: list[tuple[int, int]] = []
        for edit in edits:
            self._take(edit)
        self._drops.sort()

    def _take(self, edit: Edit) -> None:
        own = self._levels.setdefault(edit.level.offset, _Level())
        if isinstance(edit, Sort):
            own.sort = True
        elif isinstance(edit, Drop):
            self._drops.append((edit.start, edit.end))
            if edit.tag:
                own.inner.setdefault(edit.tag, {})
        elif isinstance(edit, Recode) and not edit.tag:
            own.recode = True
        else:
            own.edits[edit.tag] = edit
        level = edit.level
        while level.parent is not None:
            parent = self._levels.setdefault(level.parent.offset, _Level())
            parent.inner.setdefault(level.parent_tag, {})[level.index] = level
            level = level.parent

    # -- levels ----------------------------------------------------------------------------------------

    def level(self, level: Dataset, start: int, end: int) -> Pieces:
        """The elements of a level that stand from ``start`` up to ``end``."""
        work = self._levels.get(level.offset)
        if work is None:
            return self._copied(start, end)
        head = Pieces()
        entries: list[tuple[int, Pieces]] = []
        position = start
        for element in level:
            # What stands between elements, and is none, goes with the one before.
            self._copy(entries[-1][1] if entries else head, position, element.offset)
            entries.append((self._tag_after(work, element), self._element(level, element, work)))
            position = max(position, self._end_of(level, element))
        self._copy(entries[-1][1] if entries else head, position, end)
        for tag, edit in work.edits.items():
            if tag not in level.elements:
                self._insert(entries, tag, self._new(level, edit))
        if work.sort or any(isinstance(edit, Rename) for edit in work.edits.values()):
            entries.sort(key=lambda entry: entry[0])
        self._group_lengths(level, work, entries)
        for _, pieces in entries:
            head.extend(pieces)
        return head

    def _tag_after(self, work: _Level, element: Element) -> int:
        edit = work.edits.get(element.tag)
        return edit.to if isinstance(edit, Rename) else element.tag

    def _insert(self, entries: list[tuple[int, Pieces]], tag: int, pieces: Pieces) -> None:
        number = next((n for n, (other, _) in enumerate(entries) if other > tag), len(entries))
        entries.insert(number, (tag, pieces))

    def _group_lengths(self, level: Dataset, work: _Level, entries: list[tuple[int, Pieces]]) -> None:
        """Retired group lengths that stay are right again (PS3.5 7.2); those of the file meta group: see above."""
        sizes: dict[int, int] = {}
        for tag, pieces in entries:
            if tag & 0xFFFF:
                sizes[tag >> 16] = sizes.get(tag >> 16, 0) + pieces.size
        for number, (tag, _) in enumerate(entries):
            element = level.get(tag)
            if tag & 0xFFFF or tag == FileMetaInformationGroupLength or element is None or tag in work.edits:
                continue
            touched = any(other >> 16 == tag >> 16 for other in (*work.edits, *work.inner))
            if touched and element.end - element.start == 4:
                value = struct.pack("<I" if level.little else ">I", sizes.get(tag >> 16, 0))
                entries[number] = (tag, Pieces((Span(element.offset, element.start), value)))

    # -- elements --------------------------------------------------------------------------------------

    def _end_of(self, level: Dataset, element: Element) -> int:
        """The byte after an element, its delimiter included."""
        if element.length == UNDEFINED and element.items is not None:
            delimiter = self._delimiter(level, SequenceDelimitationItem)
            explicit = level.explicit and element.vr != "UN"
            for known in (delimiter, self._delimiter(level, SequenceDelimitationItem, explicit)):
                if self._buffer[element.end : element.end + 4] == known[:4]:
                    return element.end + 8
        return element.end

    def _element(self, level: Dataset, element: Element, work: _Level) -> Pieces:
        edit = work.edits.get(element.tag)
        if isinstance(edit, Remove):
            return Pieces()
        if isinstance(edit, (SetValue, SetItems)):
            return self._new(level, edit)
        end = self._end_of(level, element)
        if isinstance(edit, Rename):
            tag = struct.pack("<HH" if level.little else ">HH", edit.to >> 16, edit.to & 0xFFFF)
            made = Pieces((tag,))
            self._copy(made, element.offset + 4, end)
            return made
        if isinstance(edit, SetOffsets):
            return self._with_offsets(level, element, edit.table)
        if isinstance(edit, PadFragments):
            return self._padded(level, element)
        if isinstance(edit, AppendItem) and element.items is not None:
            new = encode_item(edit.item, level.explicit and element.vr != "UN", level.little)
            return self._sequence(level, element, work.inner.get(element.tag, {}), None, new)
        recode = edit if isinstance(edit, Recode) else None
        if recode is None and element.tag not in work.inner:
            return self._copied(element.offset, end)
        if element.items is not None:
            return self._sequence(level, element, work.inner.get(element.tag, {}), recode)
        if element.fragments is not None:
            return self._fragments(level, element)
        made = self._copied(element.start, element.end)
        return self._headed(level, element.tag, (recode.vr if recode else "") or element.vr, made)

    def _new(self, level: Dataset, edit: Edit) -> Pieces:
        if isinstance(edit, (SetItems, AppendItem)):
            items = [edit.item] if isinstance(edit, AppendItem) else list(edit.items)
            drafts = DraftElement(edit.tag, "SQ", items)
            return Pieces((encode_elements([drafts], level.explicit, level.little),))
        if isinstance(edit, SetValue):
            value = Pieces()
            for part in edit.parts:
                if isinstance(part, Span):
                    self._copy(value, part.start, part.end)
                else:
                    value.add(part)
            return self._headed(level, edit.tag, edit.vr, value)
        raise CannotWriteError("an edit of an element that is absent")

    def _headed(self, level: Dataset, tag: int, vr: str, value: Pieces) -> Pieces:
        made = Pieces((self._header(level, tag, vr, value.size),))
        made.extend(value)
        return made

    def _header(self, level: Dataset, tag: int, vr: str, length: int) -> bytes:
        order = "<" if level.little else ">"
        if length > UNDEFINED or (length == UNDEFINED and vr not in ("SQ", "UN", "OB", "OW")):
            raise CannotWriteError("a value of 4 GiB or more has no length")
        if not level.explicit:
            return struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length)
        letters = vr.encode("latin-1")
        if letters not in VRS:
            raise CannotWriteError(f"{vr} is not a VR of PS3.5 6.2")
        if vr in LONG_VRS:
            return struct.pack(order + "HH2sHI", tag >> 16, tag & 0xFFFF, letters, 0, length)
        if length > _LONGEST_SHORT:
            raise CannotWriteError(f"{length} bytes do not fit the length field of VR {vr}")
        return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, letters, length)

    def _resized(self, level: Dataset, element: Element, length: int, recode: Recode | None) -> bytes:
        """The header of a sequence or of fragments: as it is but for its length, or anew."""
        if recode is None and element.start - element.offset in (8, 12):
            order = "<" if level.little else ">"
            if element.start - element.offset == 12 or not level.explicit:
                return self._buffer[element.offset : element.start - 4] + struct.pack(order + "I", length)
        vr = (recode.vr if recode is not None else "") or element.vr
        return self._header(
            level, element.tag, "SQ" if element.items is not None and vr != "UN" else vr, length
        )

    # -- sequences -------------------------------------------------------------------------------------

    def _sequence(
        self, level: Dataset, element: Element, inner: dict[int, Dataset], recode: Recode | None, more: bytes = b"",
    ) -> Pieces:  # fmt: skip
        body = Pieces()
        position = element.start
        for number in sorted(inner):
            item = inner[number]
            self._copy(body, position, item.offset)
            body.extend(self._item(item))
            position = item.end
        self._copy(body, position, element.end)
        body.add(more)
        undefined = element.length == UNDEFINED
        made = Pieces((self._resized(level, element, UNDEFINED if undefined else body.size, recode),))
        made.extend(body)
        if undefined:
            end = self._end_of(level, element)
            if recode is not None:
                explicit = level.explicit and element.vr != "UN"
                made.add(self._delimiter(level, SequenceDelimitationItem, explicit))
            else:
                self._copy(made, element.end, end)
        return made

    def _item(self, item: Dataset) -> Pieces:
        order = "<" if item.little else ">"
        undefined = item.length == UNDEFINED
        delimiter = self._delimiter(item, ItemDelimitationItem)
        end = item.end
        delimited = (
            undefined and self._buffer[end - 8 : end - 4] == delimiter[:4] and end - 8 >= item.offset + 8
        )
        body = self.level(item, item.offset + 8, end - 8 if delimited else end)
        length = UNDEFINED if undefined else body.size
        if length >= UNDEFINED and not undefined:
            raise CannotWriteError("an item of 4 GiB or more has no length")
        made = Pieces((struct.pack(order + "HHI", Item >> 16, Item & 0xFFFF, length),))
        made.extend(body)
        work = self._levels.get(item.offset)
        if undefined and work is not None and work.recode:
            made.add(delimiter)
        elif delimited:
            self._copy(made, end - 8, end)
        return made

    def _delimiter(self, level: Dataset, tag: int, explicit: bool | None = None) -> bytes:
        little = level.little
        if explicit is False and level.explicit:
            little = True  # PS3.5 6.2.2: what is within a sequence of VR UN
        return struct.pack("<HHI" if little else ">HHI", tag >> 16, tag & 0xFFFF, 0)

    # -- fragments -------------------------------------------------------------------------------------

    def _fragments(self, level: Dataset, element: Element) -> Pieces:
        """The same fragments, with the delimiter that ends them."""
        found = element.fragments
        made = Pieces()
        self._copy(made, element.offset, found.end - 8 if found.delimited else found.end)
        made.add(self._delimiter(level, SequenceDelimitationItem))
        return made

    def _with_offsets(self, level: Dataset, element: Element, table: bytes) -> Pieces:
        made = Pieces()
        self._copy(made, element.offset, element.start)
        order = "<" if level.little else ">"
        made.add(struct.pack(order + "HHI", Item >> 16, Item & 0xFFFF, len(table)) + table)
        self._copy(made, element.fragments.first, element.end)
        return made

    def _padded(self, level: Dataset, element: Element) -> Pieces:
        found = element.fragments
        made, position = Pieces(), element.offset
        ends = [*found.offsets[1:].tolist(), found.end - 8 if found.delimited else found.end]
        for number in (found.lengths & 1).nonzero()[0].tolist():
            start, length = int(found.offsets[number]), int(found.lengths[number])
            end = start + 8 + length
            self._copy(made, position, start)
            order = "<" if level.little else ">"
            made.add(struct.pack(order + "HHI", Item >> 16, Item & 0xFFFF, length + 1))
            self._copy(made, start + 8, end)
            if ends[number] == end:
                made.add(b"\0")
            position = end
        self._copy(made, position, element.end)
        return made

    # -- copies ----------------------------------------------------------------------------------------

    def _copied(self, start: int, end: int) -> Pieces:
        made = Pieces()
        self._copy(made, start, end)
        return made

    def _copy(self, made: Pieces, start: int, end: int) -> None:
        """Copy bytes, but for those that are dropped."""
        for first, last in self._drops:
            if last > start and first < end:
                made.add(Span(start, max(start, first)))
                start = max(start, last)
        made.add(Span(start, end))
