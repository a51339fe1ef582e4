"""Repairs of how a data set is written, where the bytes prove what was meant (PS3.5 7)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint import standard
from dcmlint.dicom.dataset import UNDEFINED, Dataset, Element
from dcmlint.dicom.edits import AddPreamble, Drop, Edit, Recode, Sort
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.tokens import Reader, out_of_place
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import Item, ItemDelimitationItem, PixelData, SequenceDelimitationItem

_MOST = 1 << 20  # bytes that are read to prove something
_HEADER = 8  # bytes of an item or a delimiter


@repair_function("sort-elements")
def sort_elements(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The elements of the level in ascending order; an unknown one that is out of place may be no element at all."""
    level = failed.level
    place = "sort-elements", id(level)
    unknown = context.known.get(place)  # each element that is out of place asks
    if unknown is None:
        unknown = context.known[place] = any(
            not _is_known(level, one) for one, _ in out_of_place(list(level))
        )
    if unknown:
        raise Refused("an element out of place is not known: the bytes may be damaged")
    yield Sort(level=level)


def _is_known(level: Dataset, element: Element) -> bool:
    """Whether the dictionary has an element, or its creator is there; reservations of private blocks are known."""
    if element.tag >> 16 & 1:
        return 0x10 <= element.tag & 0xFFFF <= 0xFF or bool(level.creator(element.tag))
    return standard.load().dictionary.entry(element.tag) is not None


@repair_function("drop-trailing-bytes")
def drop_trailing_bytes(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Zero bytes behind the last element are left out."""
    buffer, start = failed.level.context.buffer, failed.problem.offset
    size = len(buffer)
    if start < 0 or size - start > _MOST:
        raise Refused("more bytes follow than are looked at")
    if any(buffer[start:size]):
        raise Refused("what follows is more than zero bytes")
    yield Drop(level=failed.level, start=start, end=size)


@repair_function("drop-stray-delimiter")
def drop_stray_delimiter(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """A delimiter, or an empty item, that ends and begins nothing is left out."""
    level, start = failed.level, failed.problem.offset
    little = level.little
    header = level.context.buffer[start : start + _HEADER]
    order = "little" if little else "big"
    tag = int.from_bytes(header[0:2], order) << 16 | int.from_bytes(header[2:4], order)  # type: ignore[arg-type]
    if tag not in (Item, ItemDelimitationItem, SequenceDelimitationItem) or any(header[4:8]):
        raise Refused("it holds something")
    yield Drop(level=level, tag=failed.tag, start=start, end=start + _HEADER)


@repair_function("drop-equal-duplicate")
def drop_equal_duplicate(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The second of two elements with the same tag is left out where both are the same, byte for byte."""
    level, offset = failed.level, failed.problem.offset
    element = level.get(failed.tag)
    if element is None or element.offset == offset:
        raise Refused("the first of the two is not known")
    buffer = level.context.buffer
    if element.length == UNDEFINED:
        raise Refused("elements of undefined length are not compared")
    size = element.end - element.offset
    if size > _MOST or buffer[offset : offset + size] != buffer[element.offset : element.end]:
        raise Refused("the two differ: which one is right is not known")
    yield Drop(level=level, start=offset, end=offset + size)


@repair_function("proven-length")
def proven_length(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """An item whose length is wrong gets the one that its elements have.

    Proven where they end with the sequence, or where its next item begins, all that follows in the sequence fills it to
    its last byte, and nothing ends or begins where the item ends by its length.
    """
    item = failed.level
    if item.parent is None or item.length == UNDEFINED:
        raise Refused("nothing proves another length")
    sequence = item.parent.get(item.parent_tag)
    if sequence is None or sequence.length == UNDEFINED or sequence.is_cut:
        raise Refused("nothing proves where the item ends")
    if sequence.end - item.offset > _MOST:
        raise Refused("the sequence is longer than what is read to prove something")
    again = _reread(item, sequence.end)
    stated = item.offset + _HEADER + item.length
    if again is None or again.end == stated:
        raise Refused("the elements do not fill the item to its end")
    if stated <= sequence.end and _are_items(item, stated, sequence.end):
        raise Refused("whether the item or an element in it has the wrong length is not in the bytes")
    if not _are_items(item, again.end, sequence.end):
        raise Refused("what follows in the sequence is no item")
    yield Recode(level=again)


def _reread(item: Dataset, end: int) -> Dataset | None:
    """An item read up to where the next one begins, or to ``end``; None where something else is odd in it."""
    reader, again = _again(item)
    reader.read_level(again, item.offset + _HEADER, end)
    strays = [one for one in reader.oddities if one.code == "stray-item" and one.level is again]
    if strays:
        end = strays[0].offset
        reader, again = _again(item)
        reader.read_level(again, item.offset + _HEADER, end)
    again.end = end
    whole = len(again) and max(element.end for element in again) == end
    return again if whole and not reader.oddities and not reader.stopped else None


def _again(item: Dataset) -> tuple[Reader, Dataset]:
    reader = Reader(item.context.buffer, item.context, together=False)
    return reader, Dataset(
        item.context, item.explicit, item.offset, item.parent, item.parent_tag, item.index, 0
    )


def _are_items(item: Dataset, position: int, end: int) -> bool:
    """Whether nothing but whole items, of the sequence of ``item``, stands from a byte up to the end."""
    buffer, order = item.context.buffer, "little" if item.little else "big"
    reader = Reader(buffer, item.context, together=False)
    while position < end and not reader.oddities and not reader.stopped:
        header = buffer[position : min(end, position + _HEADER)]
        group, number = (int.from_bytes(header[at : at + 2], order) for at in (0, 2))  # type: ignore[arg-type]
        length = int.from_bytes(header[4:], order)  # type: ignore[arg-type]
        if len(header) < _HEADER or group << 16 | number != Item:
            return False
        body = position + _HEADER
        last = end if length == UNDEFINED else body + length
        if last > end:
            return False
        one = Dataset(item.context, item.explicit, position, item.parent, item.parent_tag, item.index, length)
        position = reader.read_level(one, body, last)
        if length != UNDEFINED and position != last:
            return False
    return position == end and not reader.oddities and not reader.stopped


@repair_function("end-fragments")
def end_fragments(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The delimiter behind the fragments, of length zero; where it is absent, only if no frame is."""
    dataset = context.instance.dataset
    element = dataset.get(PixelData)
    if element is None or element.fragments is None:
        raise Refused("there are no fragments")
    codes = {problem.code for problem in element.fragments.problems}
    if codes & {
        "item-beyond-end",
        "truncated-item-header",
        "foreign-tag",
        "undefined-length",
        "too-many-items",
    }:
        raise Refused("the fragments could not be read to their end")
    if "no-delimiter" in codes:
        frames = context.facts("pixels.frames")
        if not isinstance(frames, int) or len(element.fragments) != frames:
            raise Refused("nothing proves that no fragment is absent")
    elif "delimiter-length" not in codes:
        raise Refused("the delimiter is as it should be")
    yield Recode(level=dataset, tag=PixelData)


@repair_function("add-preamble")
def add_preamble(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """128 zero bytes and DICM before a file meta group."""
    instance: Instance = context.instance
    if instance.meta is None:
        raise Refused("without File Meta Information nothing states the transfer syntax")
    yield AddPreamble(level=instance.meta)
