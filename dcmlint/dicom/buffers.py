"""Where the bytes of an instance come from: memory, a memory map, or range reads of a file-like object.

The reader looks at the bytes through *windows*: a whole buffer is one window, what is read in ranges gives a
piece at a time, so that a header can be read without the pixel data behind it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from typing import IO, Protocol

from dcmlint.errors import InputError

Window = bytes | mmap.mmap | memoryview

# Up to this size a file is read at once: a memory map costs more than the copy.
WHOLE = 1 << 18
# Ranges (bytes): the least by which the head grows, and the most of what is read unasked; what is read of a place
# further on; how far behind the head the head is extended rather than left.
_BLOCK, _LARGEST = 1 << 16, 1 << 23
_SMALL = 1 << 12
_GAP = 1 << 16
_KEPT = 1 << 25
_ONE_RANGE = 1 << 26
_LARGEST_PREFIX = 1 << 30


class Buffer(Protocol):
    """Random access to the bytes of one instance."""

    def __len__(self) -> int:
        """Size in bytes."""
        ...

    def __getitem__(self, part: slice) -> bytes:
        """A copy of the bytes ``part.start`` to ``part.stop`` (no step), cut at the end of the data."""
        ...

    def window(self, position: int) -> tuple[Window, int]:
        """A readable window that holds at least 16 bytes from ``position`` on (fewer at the end).

        Returns the window and the offset of its first byte.
        """
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...


class WholeBuffer:
    """A bytes object or a memory map."""

    __slots__ = ("_handle", "data", "size")

    def __init__(self, data: Window, handle: IO[bytes] | None = None) -> None:
        """``handle``: what is to be closed with the buffer."""
        self.data, self._handle = data, handle
        self.size = len(data)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self.data[part])

    def window(self, position: int) -> tuple[Window, int]:
        """See `Buffer.window`."""
        return self.data, 0

    def close(self) -> None:
        """See `Buffer.close`."""
        if isinstance(self.data, mmap.mmap):
            try:
                self.data.close()
            except BufferError:
                # A NumPy view of the map is still alive; the map closes with it.
                pass
        self.data, self.size = b"", 0
        if self._handle is not None:
            self._handle.close()


class RangeBuffer:
    """Bytes that are read in ranges, from afar perhaps: few requests, each for more than was asked for.

    ``read(start, stop)`` gives the bytes of a range; it raises `InputError`, which ``failed`` remembers, since what asks
    for the bytes may be a rule.  What is read from the start on is kept as one piece, the *head*, which grows by
    doubling; of what lies further on some pieces are kept.
    """

    __slots__ = ("_head", "_parts", "_read", "failed", "size")

    def __init__(self, read: Callable[[int, int], bytes], size: int, head: bytes = b"") -> None:
        """``head``: the first bytes, where they were read already."""
        self._read, self.size, self._head = read, size, head
        self._parts: dict[int, bytes] = {}
        self.failed = ""

    @classmethod
    def of_stream(cls, stream: IO[bytes]) -> RangeBuffer:
        """The bytes of a seekable file-like object."""

        def read(start: int, stop: int) -> bytes:
            stream.seek(start)
            return stream.read(stop - start)

        return cls(read, stream.seek(0, os.SEEK_END))

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self.size)
        if start >= stop:
            return b""
        have = len(self._head)
        if stop > have and start <= have + _GAP and stop - have <= _LARGEST:
            self._extend(stop)
        if stop <= len(self._head):
            return self._head[start:stop]
        base, data = self._part(start, stop)
        return data[start - base : stop - base]

    def window(self, position: int) -> tuple[Window, int]:
        """See `Buffer.window`."""
        stop = min(self.size, position + 16)
        if stop > len(self._head) and position <= len(self._head) + _GAP:
            self._extend(stop)
        if stop <= len(self._head):
            return self._head, 0
        if position >= stop:
            return b"", position
        base, data = self._part(position, stop)
        return data, base

    def prefix(self, stop: int, marks: Iterable[bytes]) -> WholeBuffer | None:
        """The bytes from the start to ``stop``, or to one of ``marks`` where that is met before; None: they are too many.

        Offsets into what it gives are offsets into this buffer.
        """
        wanted, stop = tuple(marks), min(stop, self.size)
        seen = 0
        while True:
            begin = max(0, seen - max(map(len, wanted), default=1) + 1)
            if any(self._head.find(mark, begin) >= 0 for mark in wanted) or len(self._head) >= stop:
                return WholeBuffer(self._head)
            if len(self._head) > _LARGEST_PREFIX:
                return None
            seen = len(self._head)
            # Where the end is not the end of everything, it is that of the sequence: read at once.
            self._extend(min(stop, seen + _ONE_RANGE) if stop < self.size else seen + 1)

    def close(self) -> None:
        """See `Buffer.close`."""
        self._parts.clear()
        self._head = b""
        self.size = 0

    def _extend(self, stop: int) -> None:
        have = len(self._head)
        upto = min(self.size, max(stop, have + min(max(have, _BLOCK), _LARGEST)))
        self._head += self._fetched(have, upto)

    def _part(self, start: int, stop: int) -> tuple[int, bytes]:
        """A piece that holds a range, and where it begins."""
        ahead = _SMALL
        for base, data in self._parts.items():
            if base <= start and stop <= base + len(data):
                return base, data
            if 0 <= start - base - len(data) < 32:  # read on from there
                ahead = min(2 * len(data), _LARGEST)
        data = self._fetched(start, min(self.size, max(stop, start + ahead)))
        while self._parts and sum(map(len, self._parts.values())) + len(data) > _KEPT:
            self._parts.pop(next(iter(self._parts)))
        self._parts[start] = data
        return start, data

    def _fetched(self, start: int, stop: int) -> bytes:
        try:
            data = self._read(start, stop)
            if len(data) != stop - start:
                raise InputError("it gave fewer bytes than it said it has")
        except InputError as error:
            self.failed = self.failed or str(error)
            raise
        return data


def open_file(path: str | os.PathLike[str]) -> WholeBuffer:
    """The bytes of a regular file: read at once if small, else mapped.

    Raises OSError when the file cannot be opened.
    """
    with open(path, "rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        if size <= WHOLE:
            # Never more than was there: a file may grow, and some of a kernel's have no end, or wait for one.
            return WholeBuffer(handle.read(size))
        # The map keeps a descriptor of its own.
        return WholeBuffer(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))
