"""Fragments, and the Basic and the Extended Offset Table computed from them (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

Only where the borders of the frames are proven without a table: one fragment for each frame, or as many fragments
that begin a code stream as there are frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from dcmlint.dicom.edits import Edit, PadFragments, Remove, SetOffsets, SetValue
from dcmlint.facts.pixel.encapsulation import BROKEN, Encapsulation
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import ExtendedOffsetTable, ExtendedOffsetTableLengths, PixelData

if TYPE_CHECKING:
    from dcmlint.dicom.encapsulation import Fragments
    from dcmlint.dicom.frame_map import FrameMap

_LARGEST = 0xFFFFFFFF  # PS3.5 A.4: what an entry of the Basic Offset Table can say
_TABLES = (ExtendedOffsetTable, ExtendedOffsetTableLengths)


def proven_frames(context: RepairContext) -> tuple[Fragments, FrameMap]:
    """The fragments, and which of them make up each frame.  Raises `Refused` where nothing proves it."""
    from dcmlint.dicom.codestreams import frame_start_test
    from dcmlint.dicom.frame_map import map_frames

    group = context.facts.of(Encapsulation)
    if group is None or group.video:
        raise Refused("the pixel data are no frames in fragments")
    fragments: Fragments = group._fragments
    if any(problem.code in BROKEN for problem in fragments.problems):
        raise Refused("the fragments could not be read to their end")
    frames = context.facts("pixels.frames")
    if not isinstance(frames, int) or not frames:
        raise Refused("the number of frames is not stated")
    dataset = context.instance.dataset
    starts = frame_start_test(dataset.context.buffer, fragments, context.instance.syntax.uid)
    frame_map = map_frames(msgspec.structs.replace(fragments, bot=None), frames, None, starts)
    if frame_map.by == "unknown" or len(frame_map) != frames or frame_map.problems:
        raise Refused("nothing proves which fragments belong to which frame")
    return fragments, frame_map


@repair_function("basic-offset-table")
def basic_offset_table(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The Basic Offset Table has the offset of each frame's first item."""
    fragments, frame_map = proven_frames(context)
    yield _basic(context, fragments, frame_map)


def _basic(context: RepairContext, fragments: Fragments, frame_map: FrameMap) -> Edit:
    offsets = (fragments.offsets[frame_map.first_fragment] - fragments.first).tolist()
    if offsets and offsets[-1] > _LARGEST:
        raise Refused("an offset does not fit into 32 bits")
    little = context.instance.dataset.context.little
    table = struct.pack(f"{'<' if little else '>'}{len(offsets)}I", *offsets)
    return SetOffsets(level=context.instance.dataset, tag=PixelData, table=table)


@repair_function("extended-offset-table")
def extended_offset_table(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The Extended Offset Table and its Lengths have each frame's only fragment, and the Basic one is empty.

    Where a frame has several fragments, which the extended one cannot say, the Basic Offset Table takes its place.
    """
    dataset = context.instance.dataset
    if dataset.get(PixelData) is not None and context.facts.of(Encapsulation) is None:
        yield from _without(context)  # native pixels have neither
        return
    fragments, frame_map = proven_frames(context)
    if (frame_map.count != 1).any():
        yield from _without(context)
        yield _basic(context, fragments, frame_map)
        return
    if fragments.bot is None or len(fragments.bot):
        yield SetOffsets(level=dataset, tag=PixelData, table=b"")
    offsets = (fragments.offsets[frame_map.first_fragment] - fragments.first).tolist()
    lengths = fragments.lengths[frame_map.first_fragment].tolist()
    order = "<" if dataset.context.little else ">"
    for tag, numbers in zip(_TABLES, (offsets, lengths), strict=True):
        field = struct.pack(f"{order}{len(numbers)}Q", *numbers)
        if dataset.raw(tag) != field:
            yield SetValue(level=dataset, tag=tag, vr="OV", parts=(field,))


@repair_function("remove-extended-offset-table")
def remove_extended_offset_table(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Both elements of the Extended Offset Table are left out: what they say is in the fragments."""
    yield from _without(context)


@repair_function("pad-fragments")
def pad_fragments(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Fragments of odd length are padded, where each ends its frame; the tables of offsets follow by their own repairs."""
    fragments, frame_map = proven_frames(context)
    odd = fragments.lengths % 2 == 1
    if not odd.any():
        raise Refused("no fragment has an odd length")
    if odd.sum() != odd[frame_map.first_fragment + frame_map.count - 1].sum():
        raise Refused("a pad byte would stand within a frame")
    yield PadFragments(level=context.instance.dataset, tag=PixelData)


def _without(context: RepairContext) -> Iterator[Edit]:
    dataset = context.instance.dataset
    for tag in _TABLES:
        if tag in dataset:
            yield Remove(level=dataset, tag=tag)
