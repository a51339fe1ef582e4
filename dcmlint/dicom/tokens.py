"""One pass over the bytes of a data set: tag, VR, length, offset.  It never guesses silently.

Whatever a tolerant reader would repair is recorded as an `Oddity` with its byte.  Bounds: nesting depth,
number of elements, every length against what encloses it.  PS3.5 clause 7, Annex A.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dcmlint import standard
from dcmlint.dicom.buffers import Buffer, RangeBuffer, Window
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element, FileContext, Oddity
from dcmlint.dicom.headers import BIG, LITTLE, SHORT_VRS, VRS
from dcmlint.dicom.items import ItemList
from dcmlint.dicom.path import tag_text
from dcmlint.dicom.pieces import PieceBuffer
from dcmlint.dicom.structure import begins, give_up, is_known, tag_at, unusual
from dcmlint.standard.tags import (
    ExtendedOffsetTable,
    Item,
    ItemDelimitationItem,
    PixelData,
    SequenceDelimitationItem,
)

if TYPE_CHECKING:
    from dcmlint.dicom.columns import Columns
    from dcmlint.dicom.encapsulation import Fragments
    from dcmlint.dicom.read_columns import Read

    MutableItems = ItemList | Columns

MAX_DEPTH = 64
# Oddities that are kept one by one; of more it is counted how many of each kind there are.
MAX_ODDITIES = 10_000
# From so many items on a sequence is worth the start-up of the column reader; more if they differ much.
MANY_ITEMS = 512
VERY_MANY_ITEMS = 1024
_FEW_SHAPES = 16

_MOST_SHORT = 0xFFFE  # bytes that a value can have where its VR is written in the short form
# PS3.5 7.1.1, A.4: the only ones that may have an undefined length.
_MAY_BE_UNDEFINED = frozenset({"SQ", "UN", "OB", "OW"})
# Bytes behind Pixel Data that tell padding from something else.
_ENOUGH = 1 << 20
# Told however many others there are: the rest was not read.
_DECISIVE = frozenset({"truncated", "structure-lost", "element-limit", "depth-limit"})


class Bounds(NamedTuple):
    """How many elements and items of one data set are read one by one, items together, and fragments (0: as many as of any)."""

    elements: int = 1_000_000
    items: int = 4_000_000
    fragments: int = 0


BOUNDS = Bounds()
# Of a data set that is more than `instance.MAX_RATIO` times as long as the file: few bytes may not cost much time.
INFLATED = Bounds(200_000, 4_000_000, 1_000_000)


class Reader:
    """Reads the levels of one data set.

    ``oddities`` collects what was odd, ``beyond`` counts the rest; ``stopped`` is True once the rest could not be read.  ``together``: read the
    items of long sequences together where they are alike.
    """

    def __init__(self, buffer: Buffer, context: FileContext, together: bool = True) -> None:
        self.buffer, self.context = buffer, context
        self.bounds = BOUNDS
        self._many = MANY_ITEMS if together else 0  # of an item 0 there is none before
        self.size = len(buffer)
        self.oddities: list[Oddity] = []
        self.stopped = False
        self.truncated = False
        self.beyond: dict[str, Oddity] = {}  # oddities that are only counted, by code
        self.count = self.items = 0  # elements and items read one by one; items read together
        self._little = context.little
        self._unordered: list[Dataset] = []  # levels that are read, and in which an element is out of place
        self._vr_of: Callable[[int], standard.Entry | None] | None = None

    # -- a level ---------------------------------------------------------------------------------------

    def read_level(self, level: Dataset, position: int, end: int, depth: int = 0, stop: int = 0) -> int:
        """Read elements into ``level`` from ``position`` until ``end``; returns the byte after the last one.

        ``stop``: leave before the first element of another group (the file meta group ends so), and where this
        group begins once more.  An item of undefined length (``level.length``) ends with its delimiter, which is
        consumed.
        """
        position = self._read_level(level, position, end, depth, stop)
        level.cut = level.cut or self.stopped
        if level.parent is not None:
            self.context.nested.update(level.elements)
        if self._unordered and self._unordered[-1] is level:
            self._unordered.pop()
            for element, before in out_of_place(list(level)):
                want = f"before {tag_text(before)}" if before else "behind the others"
                self._odd("tag-order", element.offset, level, element.tag, "", want)
        return position

    # The loop over the elements of a level: a call for each part of an element would cost more than all of its work.
    def _read_level(self, level: Dataset, position: int, end: int, depth: int, stop: int) -> int:  # noqa: C901
        explicit = level.explicit
        little = self.context.little_in(explicit)
        header, plain, wide = LITTLE if little else BIG
        unpack_header, unpack_plain, unpack_wide = header.unpack_from, plain.unpack_from, wide.unpack_from
        elements = level.elements
        window, base = self.buffer.window(position)
        limit = base + len(window)
        whole = limit >= self.size and base == 0
        open_item = level.parent is not None and level.length == UNDEFINED
        last = -1
        vrs = VRS
        while position < end:
            if position + 8 > end:
                self._leftover(level, position, end)
                return end
            if not whole and position + 12 > limit:
                window, base = self.buffer.window(position)
                limit = base + len(window)
            offset = position
            if stop:
                group, number, _, _ = unpack_header(window, position - base)
                tag = group << 16 | number
                # A version that stands twice, one behind the other, is no second group.
                if group != stop or (number < 2 and tag in elements and tag != last):
                    return offset
            if explicit:
                group, number, letters, length = unpack_header(window, position - base)
                tag = group << 16 | number
                known = vrs.get(letters)
                if known is not None and group != 0xFFFE:
                    vr, long = known
                    if long:
                        if position + 12 > end:
                            self._leftover(level, position, end)
                            return end
                        reserved, length = length, unpack_wide(window, position + 8 - base)[0]
                        position += 12
                        if reserved:
                            self._odd("reserved-bytes", offset, level, tag, f"{reserved:04X}H", "0000H")
                            if position + length > end and begins(
                                self, level, offset + 8 + reserved, end, tag
                            ):
                                # Written with a length of 16 bits, as the other VRs have it.
                                length, position = reserved, offset + 8
                    else:
                        position += 8
                elif group == 0xFFFE:
                    vr = ""
                    length = unpack_plain(window, position - base)[2]
                    position += 8
                else:
                    form = unusual(self, level, tag, offset, end)
                    if form is None:
                        give_up(self, level, offset)
                        return end
                    known_vr = form.code == "implicit-in-explicit"
                    shown = "no VR" if known_vr else _shown(letters)
                    self._odd(
                        form.code, offset, level, tag, shown, "a VR" if known_vr else "a VR of PS3.5 6.2"
                    )
                    _, vr, length, position = form
            else:
                group, number, length = unpack_plain(window, position - base)
                tag = group << 16 | number
                position += 8
                if group == 0xFFFE:
                    vr = ""
                else:
                    vr = self.vr_of(tag)
                    if length > end - position and length != UNDEFINED:
                        vr, length, position = self._with_vr(
                            level, tag, vr, length, window, base, offset, end
                        )
                    if length != UNDEFINED and (
                        not is_known(level, tag) and not begins(self, level, position + length, end, tag)
                        if vr == "UN"
                        else length > _MOST_SHORT and position + length > end and vr in SHORT_VRS
                    ):
                        give_up(self, level, offset)
                        return end

            if tag <= last and group != 0xFFFE:
                if tag in elements:
                    self._odd("duplicate-tag", offset, level, tag)
                elif not (self._unordered and self._unordered[-1] is level):
                    self._unordered.append(level)
            if group == 0xFFFE:
                if tag == ItemDelimitationItem and open_item:
                    if length:
                        self._odd("delimiter-length", offset, level, 0, str(length), "0")
                    return position
                if tag == SequenceDelimitationItem and open_item:
                    # The sequence ends although its last item does not.
                    self._odd("missing-item-delimiter", offset, level)
                    return offset
                self._odd("stray-item", offset, level, tag)
                if tag == Item and length != UNDEFINED and length <= end - position:
                    position += length
                continue
            self.count += 1
            if self.count > self.bounds.elements:
                self._too_many_elements(level, tag, offset)
                return end

            items = fragments = None
            if length == UNDEFINED:
                start = position
                if tag == PixelData and vr != "SQ":
                    fragments, position = self._fragments(level, start, end)
                    value_end = position
                elif vr == "SQ" or vr == "UN" or not explicit:
                    items, value_end, position = self._sequence(level, tag, vr, start, end, UNDEFINED, depth)
                    if not explicit and vr != "UN":
                        vr = "SQ"
                elif vr in _MAY_BE_UNDEFINED:
                    fragments, position = self._fragments(level, start, end)
                    value_end = position
                else:
                    self._odd("undefined-length", offset, level, tag)
                    if tag_at(self, level, start, end) not in (Item, SequenceDelimitationItem):
                        # Nothing says where the value ends.
                        self.stop(level)
                        return end
                    items, value_end, position = self._sequence(level, tag, vr, start, end, UNDEFINED, depth)
            else:
                start = position
                position += length
                cut = position > end
                if cut:
                    if vr != "SQ":
                        self._too_long(level, tag, offset, start, length, end)
                    position = end
                value_end = position
                if length & 1 and not self.stopped:
                    self._odd("odd-length", offset, level, tag, str(length), "an even length")
                if vr == "SQ":
                    items, value_end, position = self._sequence(
                        level, tag, vr, start, position, length, depth
                    )
                    if cut:
                        # Said only now: the items that are there are read all the same.
                        self._too_long(level, tag, offset, start, length, end)
                elif vr == "UN" and length >= 8 and explicit and self.vr_of(tag) == "SQ":
                    # PS3.5 6.2.2: a sequence of unknown VR is written in implicit little endian.
                    items, value_end, position = self._sequence(
                        level, tag, vr, start, position, length, depth
                    )
                    self._odd("un-sequence", offset, level, tag, "UN", "SQ")
            if (group < 8 or group == 0xFFFF) and not stop:
                self._low_group(level, group, tag, offset)
            if number == 0 and (group != 2 or level.parent is not None):
                self._odd("group-length", offset, level, tag)
            if tag not in elements:
                elements[tag] = Element(tag, vr, length, offset, start, value_end, items, fragments)
            if tag > last:
                last = tag
            if self.stopped:
                return end
            if tag == PixelData and level.parent is None and self._no_element(position, end, explicit):
                something = any(self.buffer[position : min(end, position + _ENOUGH)])
                code = "no-element" if something else "trailing-bytes"
                self._odd(code, position, level, 0, f"{end - position} bytes", "the end of the file")
                return end
        if open_item and not self.truncated:
            self._not_delimited("missing-item-delimiter", end, level, 0, level)
        return position

    def _no_element(self, position: int, end: int, explicit: bool) -> bool:
        """Whether what follows the pixel data is surely no element: group 0000, or letters that are no VR."""
        window, base = self.buffer.window(position)
        if end - position < 8:
            return False  # told where it is read
        group, _, letters, _ = (LITTLE if self._little else BIG)[0].unpack_from(window, position - base)
        return group == 0 or (explicit and group != 0xFFFE and letters not in VRS)

    # -- sequences --------------------------------------------------------------------------------------

    def _sequence(
        self, level: Dataset, tag: int, vr: str, start: int, end: int, length: int, depth: int
    ) -> tuple[MutableItems, int, int]:
        """The items of a sequence: items, end of the value, and the byte after it."""
        items: MutableItems = ItemList()
        explicit = level.explicit and vr != "UN"
        undefined = length == UNDEFINED
        if depth >= MAX_DEPTH:
            self.halt("depth-limit", start, level, tag, "", str(MAX_DEPTH))
            return items, end, end
        little = self.context.little_in(explicit)
        unpack = (LITTLE if little else BIG)[1].unpack_from
        position = start
        index, attempt = 0, self._many
        item: Dataset | None = None
        while position < end:
            if position + 8 > end:
                self._leftover(level, position, end, tag)
                return items, end, end
            window, base = self.buffer.window(position)
            group, number, item_length = unpack(window, position - base)
            found = group << 16 | number
            if found == Item:
                if index == attempt and index:
                    if attempt == self._many and len({tuple(item.elements) for item in items}) > _FEW_SHAPES:
                        attempt = VERY_MANY_ITEMS
                    else:
                        attempt = 0
                        many = self._columns(level, tag, start, end, explicit, depth)
                        if many is not None:
                            items, position, index = many.items, many.position, len(many.items)
                            if self.stopped:
                                return items, end, end
                            continue
                self.count += 1
                if self.count > self.bounds.elements:
                    self._too_many_elements(level, tag, position)
                    return items, end, end
                body = position + 8
                item = Dataset(self.context, explicit, position, level, tag, index, item_length)
                items.append(item)
                index += 1
                item_end = end
                if item_length != UNDEFINED:
                    item_end = body + item_length
                beyond, item_end = item_end > end, min(item_end, end)
                position = self.read_level(item, body, item_end, depth + 1)
                if beyond:
                    # Said only now: what is there is read all the same.
                    self._too_long(item, 0, item.offset, body, item_length, end, "item-beyond-parent")
                if item_length != UNDEFINED and not self.stopped:
                    position = item_end
                item.end = position
                if self.stopped:
                    return items, end, end
            elif found == SequenceDelimitationItem:
                if item_length:
                    self._odd("delimiter-length", position, level, tag, str(item_length), "0")
                if undefined:
                    return items, position, position + 8
                self._odd("stray-item", position, level, tag)
                position += 8
            else:
                self._odd("not-an-item", position, level, tag, f"({group:04X},{number:04X})", "(FFFE,E000)")
                if index and not undefined:
                    items.cut_last()  # its length may be too small
                if undefined:
                    # Nothing says where the sequence ends: what follows is read as the level's next elements.
                    return items, position, position
                return items, end, end
        if undefined and not self.truncated:
            self._not_delimited("missing-sequence-delimiter", end, level, tag, item)
        return items, end, end

    def _columns(
        self, level: Dataset, tag: int, start: int, end: int, explicit: bool, depth: int
    ) -> Read | None:
        from dcmlint.dicom.read_columns import read_columns

        # What the first items made odd is said again when the templates are read; not what is odd in a
        # sequence of the same tag before this one.
        before = self.oddities[:]
        self.oddities[:] = [one for one in before if one.offset < start or not _inside(one, level, tag)]
        many = read_columns(self, level, tag, start, end, explicit, depth)
        if many is None:
            self.oddities[:] = before
        return many

    def _fragments(self, level: Dataset, start: int, end: int) -> tuple[Fragments, int]:
        """The fragments of a value, and the byte after it."""
        from dcmlint.dicom import encapsulation

        most = self.bounds.fragments or encapsulation.MAX_ITEMS
        if isinstance(self.buffer, RangeBuffer):
            from dcmlint.dicom.sparse_fragments import read_sparsely

            table = level.raw(ExtendedOffsetTable)
            fragments = read_sparsely(self.buffer, start, end, self._little, table)
            if any(problem.code == "not-read" for problem in fragments.problems):
                level.root.cut = level.cut = True  # what follows them is not known
                return fragments, end
        else:
            known = self.buffer.known_fragments(start) if isinstance(self.buffer, PieceBuffer) else None
            fragments = known or encapsulation.read_fragments(self.buffer, start, end, self._little, most)
        if any(problem.code == "too-many-items" for problem in fragments.problems):
            self.halt("element-limit", fragments.end, level, PixelData, "", f"{most} fragments")
        if not fragments.delimited and fragments.end >= self.size:
            self.truncated = level.root.cut = level.cut = True
        return fragments, max(fragments.end, start)

    # -- what is odd -------------------------------------------------------------------------------------

    def _odd(
        self, code: str, offset: int, level: Dataset | None, tag: int = 0, found: str = "", wanted: str = ""
    ) -> None:
        if len(self.oddities) < MAX_ODDITIES or code in _DECISIVE:
            self.oddities.append(Oddity(code, offset, level, tag, found, wanted))
        else:
            first = self.beyond.get(code)
            count = 1 if first is None else first.count + 1
            self.beyond[code] = Oddity(code, offset if first is None else first.offset, count=count)

    def halt(self, code: str, offset: int, level: Dataset, tag: int, found: str, wanted: str) -> None:
        """Stop here, and say why: what follows in the file cannot be read."""
        if not self.stopped:
            self._odd(code, offset, level, tag, found, wanted)
            self.stop(level)

    def stop(self, level: Dataset) -> None:
        """Stop within a level: it and all around it may have had more."""
        self._ends(level, self.size)
        self.stopped = True

    def _too_many_elements(self, level: Dataset, tag: int, offset: int) -> None:
        self.halt("element-limit", offset, level, tag, "", f"{self.bounds.elements} elements and items")

    def too_many_items(self, level: Dataset, tag: int, offset: int) -> None:
        """Stop: there are more items than are read."""
        self.halt("element-limit", offset, level, tag, "", f"{self.bounds.items} items")

    def _ends(self, level: Dataset, end: int) -> None:
        """Remember that a level, and all around it, may have had more, if it ends where the bytes do."""
        around: Dataset | None = level if end >= self.size else None
        while around is not None:
            around.cut = True
            around = around.parent

    def _low_group(self, level: Dataset, group: int, tag: int, offset: int) -> None:
        """Groups that a data set may not have: PS3.5 7.1 and 7.8.1, PS3.10 7.1."""
        if group == 0:
            self._odd("command-in-dataset", offset, level, tag)
        elif group == 2:
            self._odd("meta-in-dataset", offset, level, tag)
        elif group & 1:
            self._odd("invalid-tag", offset, level, tag)

    def _not_delimited(self, code: str, end: int, level: Dataset, tag: int, item: Dataset | None) -> None:
        """A sequence or item of undefined length is not closed: where the file ends with it, the rest was lost.

        ``item``: the last one. If it holds the pixel data, it has swallowed the end of the file: only the delimiter is missing.
        """
        if end >= self.size and (item is None or PixelData not in item.elements):
            self.truncated = True
            self.halt("truncated", end, level, tag, "the end of the file", "a delimitation item")
        else:
            self._odd(code, end, level, tag)
            self._ends(level, end)

    def _too_long(
        self, level: Dataset, tag: int, offset: int, start: int, length: int, end: int,
        code: str = "length-beyond-parent",
    ) -> None:  # fmt: skip
        if end >= self.size:
            self.truncated = True
            self.halt("truncated", offset, level, tag, f"{end - start} of {length} bytes", f"{length} bytes")
        else:
            self._odd(code, offset, level, tag, f"{length} bytes", f"at most {end - start} bytes")

    def _leftover(self, level: Dataset, position: int, end: int, tag: int = 0) -> None:
        """Fewer bytes than an element's header are left."""
        left = f"{end - position} bytes"
        if end >= self.size and level.parent is None and not tag and not any(self.buffer[position:end]):
            self._odd("trailing-bytes", position, level, tag, left, "the end of the file")
        elif end >= self.size and level.parent is None and _ends_with_pixels(level):
            self._odd("no-element", position, level, 0, left, "the end of the file")
        elif end >= self.size:
            self.truncated = True
            self.halt("truncated", position, level, tag, left, "the header of an element")
        elif not self._was_too_long(level):
            self._odd("length-beyond-parent", position, level, tag, f"{left} left", "an element")

    def _was_too_long(self, level: Dataset) -> bool:
        """Whether the last thing told is that something in the last item of a level is too long: what is left follows from it."""
        last = self.oddities[-1] if self.oddities else None
        return (
            last is not None
            and last.code in ("length-beyond-parent", "item-beyond-parent")
            and last.level is not None
            and last.level.parent is level
        )

    def vr_of(self, tag: int) -> str:
        """The dictionary's VR (PS3.6), LO for private creators, UN for what it does not know (PS3.5 6.2.2)."""
        lookup = self._vr_of
        if lookup is None:
            lookup = self._vr_of = standard.load().dictionary.entry
        if tag & 0x10000:
            return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
        entry = lookup(tag)
        return entry.vr if entry is not None else "UN"

    def _with_vr(
        self, level: Dataset, tag: int, vr: str, length: int, window: Window, base: int, offset: int, end: int
    ) -> tuple[str, int, int]:
        """An element of an implicit data set whose length does not fit: perhaps it is written with a VR."""
        header, _, wide = LITTLE
        _, _, letters, short = header.unpack_from(window, offset - base)
        known = VRS.get(letters)
        if known is not None:
            written, long = known
            start = offset + (12 if long else 8)
            real = wide.unpack_from(window, offset + 8 - base)[0] if long and start <= end else short
            if real == UNDEFINED or real <= end - start:
                self._odd("explicit-in-implicit", offset, level, tag, written, "no VR")
                return written, real, start
        return vr, length, offset + 8


def _ends_with_pixels(level: Dataset) -> bool:
    """Whether the last element is Pixel Data whose own end is certain."""
    last = next(reversed(level.elements.values()), None)
    return last is not None and last.tag == PixelData and (last.fragments is None or last.fragments.delimited)


def _shown(letters: bytes) -> str:
    """Two bytes that should be a VR, as they are shown."""
    return "".join(chr(c) if 0x20 < c < 0x7F else f"\\x{c:02X}" for c in letters)


def _inside(oddity: Oddity, level: Dataset, tag: int) -> bool:
    """Whether an oddity lies within an item of the sequence ``tag`` of ``level``."""
    current = oddity.level
    while current is not None:
        if current.parent is level and current.parent_tag == tag:
            return True
        current = current.parent
    return False


def out_of_place(elements: Sequence[Element]) -> list[tuple[Element, int]]:
    """The fewest elements without which the others ascend by tag (PS3.5 7.1), in the order of the bytes.

    With each the tag before which it belongs, 0: behind all that are in their place.
    """
    tags = [element.tag for element in elements]
    # Patience sorting from the end, so that of two elements the first counts as in its place: the first element of
    # the best run of each length, and what follows each one.
    highs: list[int] = []  # tags, negated
    starts: list[int] = []
    next_: list[int] = []
    for number in range(len(tags) - 1, -1, -1):
        at = bisect_left(highs, -tags[number])
        next_.append(starts[at - 1] if at else -1)
        highs[at : at + 1], starts[at : at + 1] = [-tags[number]], [number]
    next_.reverse()
    kept: set[int] = set()
    number = starts[-1] if starts else -1
    while number >= 0:
        kept.add(number)
        number = next_[number]
    ordered = sorted(tags[number] for number in kept)
    found = []
    for number, element in enumerate(elements):
        if number not in kept:
            at = bisect_left(ordered, element.tag)
            found.append((element, ordered[at] if at < len(ordered) else 0))
    return found
