"""Encapsulated Pixel Data that is read in ranges: the offset tables, and a sample of the items (PS3.5 A.4).

To read the header of each item would cost a request for each frame.  Where a table says where the items are, some of
them are looked at, and the others taken from the table; where none does, the first ones are read and the rest is not.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.dicom.encapsulation import EncapsulationProblem, Fragments, Walk, read_bot, read_fragments
from dcmlint.dicom.frame_map import read_extended_offsets
from dcmlint.standard.tags import Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# Up to so many bytes are read whole.
READ_WHOLE: Final = 1 << 20
# Items that are read one after the other, and items that a table is held against.
_WALKED: Final = 16
_SAMPLED: Final = 6
_UNDEFINED: Final = 0xFFFFFFFF


def read_sparsely(
    buf: RangeBuffer, start: int, end: int, little_endian: bool = True, extended: bytes = b""
) -> Fragments:
    """The items of encapsulated Pixel Data whose value begins at ``start``; ``end`` is where the parent ends.

    ``extended``: the value of Extended Offset Table.  Never raises on what the bytes say.  ``seen`` counts the items
    that were read where others were not; the problem ``not-read`` says that nothing tells where the rest is.
    """
    end = max(start, min(end, len(buf)))
    if end - start <= READ_WHOLE:
        buf[start:end]  # in one request
        return read_fragments(buf, start, end, little_endian)
    order = "<" if little_endian else ">"
    bot, first, bot_length, problems = read_bot(buf, start, end, order)
    for table in (bot, read_extended_offsets(extended, little_endian)):
        found = None if table is None else _by_table(buf, first, end, order, table)
        if found is not None:
            offsets, lengths, seen = found
            walk = Walk(buf, end, order, problems)
            position, stop = walk.run(int(offsets[-1] + 8 + lengths[-1]), _WALKED)
            if stop == "delimiter":
                return Fragments(
                    offsets=np.concatenate((offsets, np.array(walk.offsets, np.int64))),
                    lengths=np.concatenate((lengths, np.array(walk.lengths, np.int64))),
                    first=first, bot=bot, bot_length=bot_length, end=position + 8, delimited=True,
                    seen=seen + len(walk.offsets), problems=tuple(problems),
                )  # fmt: skip
    walk = Walk(buf, end, order, [])
    position, stop = walk.run(first, _WALKED)
    if stop != "limit":
        return read_fragments(buf, start, end, little_endian)  # of what was read just now
    message = "no offset table says where the items are; most were not read"
    problems.append(EncapsulationProblem(code="not-read", offset=position, message=message))
    return Fragments(
        offsets=np.array(walk.offsets, np.int64), lengths=np.array(walk.lengths, np.int64), first=first, bot=bot,
        bot_length=bot_length, end=position, delimited=False, seen=len(walk.offsets), problems=tuple(problems),
    )  # fmt: skip


def _by_table(
    buf: RangeBuffer, first: int, end: int, order: str, table: NDArray[np.uint32] | NDArray[np.uint64]
) -> tuple[Indices, Indices, int] | None:
    """Offsets and lengths of one item for each entry, and how many were looked at; None where the table does not fit."""
    if len(table) <= _WALKED or table[0] != 0 or int(table[-1]) > end - first - 8:
        return None
    offsets: Indices = table.astype(np.int64) + first
    lengths: Indices = np.diff(offsets) - 8
    if (lengths < 0).any():
        return None
    sample = np.unique(np.linspace(0, len(offsets) - 1, _SAMPLED).astype(np.int64))
    last = 0
    for number in sample.tolist():
        at = int(offsets[number])
        header = buf[at : at + 8]
        if len(header) < 8:
            return None
        tag, length = struct.unpack(order + "II", header)
        if tag != (0xE000FFFE if order == "<" else Item) or length == _UNDEFINED:
            return None
        if number < len(lengths) and length != lengths[number]:
            return None  # frames of several fragments, or a table that is wrong
        last = length
    return offsets, np.append(lengths, last), len(sample)
