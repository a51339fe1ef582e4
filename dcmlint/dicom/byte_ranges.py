"""Bytes that are read by slicing: a range of a file, its memory map, the joined fragments of a frame."""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from dcmlint.dicom.buffers import WholeBuffer


class ByteRange(Protocol):
    """Bytes that are read by slicing: ``bytes``, ``mmap``, a ``Buffer``; a slice past the end is short."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


@runtime_checkable
class MadeOfOthers(Protocol):
    """Bytes that are those of other ranges."""

    def sources(self, start: int, end: int) -> Iterable[tuple[ByteRange, int, int]]:
        """The ranges in which the bytes between two places lie, each with its first byte and the one after its last."""
        ...


def unwrapped(buf: ByteRange) -> ByteRange:
    """The bytes object or memory map in a whole buffer, which slices faster; else what was given."""
    if isinstance(buf, WholeBuffer) and isinstance(buf.data, bytes | mmap.mmap):
        return buf.data
    return buf


def release_pages(buf: ByteRange, start: int, end: int) -> None:
    """Give the pages of a read-only memory map between two bytes back to the system; else do nothing.

    They stay in the system's cache: reading them again costs a page fault, not a disk access.
    """
    buf = unwrapped(buf)
    if isinstance(buf, MadeOfOthers):
        for source, first, last in buf.sources(start, end):
            release_pages(source, first, last)
        return
    if not isinstance(buf, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return
    with memoryview(buf) as view:
        read_only = view.readonly
    if read_only:  # in a private writable map this would undo changes
        start -= start % mmap.PAGESIZE
        end -= end % mmap.PAGESIZE
        if end > start:
            buf.madvise(mmap.MADV_DONTNEED, start, end - start)


class FramePayload:
    """The bytes of one frame, its fragments joined; read by slicing, nothing is copied before."""

    __slots__ = ("_buf", "_ends", "_size", "_starts")

    def __init__(self, buf: ByteRange, starts: Sequence[int], lengths: Sequence[int]) -> None:
        self._buf = buf
        # Empty pieces would make a slice cost as many steps as a hostile file has empty items.
        pieces = [(start, length) for start, length in zip(starts, lengths, strict=True) if length > 0]
        self._starts = [start for start, _ in pieces]
        self._ends: list[int] = []
        total = 0
        for _, length in pieces:
            total += length
            self._ends.append(total)
        self._size = total

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice, /) -> bytes:
        a, b, _ = key.indices(self._size)
        if a >= b:
            return b""
        if len(self._starts) == 1:
            start = self._starts[0]
            return self._buf[start + a : start + b]
        parts = []
        piece = bisect_right(self._ends, a)
        while a < b:
            piece_end = self._ends[piece]
            upto = min(b, piece_end)
            begin = self._ends[piece - 1] if piece else 0
            at = self._starts[piece] - begin
            parts.append(self._buf[at + a : at + upto])
            a = upto
            piece += 1
        return b"".join(parts)

    def position(self, offset: int) -> int:
        """The byte of the buffer where byte ``offset`` of the frame is (the end for one past the last)."""
        if not self._starts:
            return 0
        piece = min(bisect_right(self._ends, offset), len(self._starts) - 1)
        begin = self._ends[piece - 1] if piece else 0
        return self._starts[piece] + offset - begin
