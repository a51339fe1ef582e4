"""Where the bytes of an instance come from: memory, a memory map, or range reads of a file-like object.

The reader looks at the bytes through *windows*: a whole buffer is one window, a file-like object gives a
block at a time, so that a header can be read without the pixel data behind it.
"""

from __future__ import annotations

import mmap
import os
from typing import IO, Protocol

Window = bytes | mmap.mmap | memoryview

# Up to this size a file is read at once: a memory map costs more than the copy.
WHOLE = 1 << 18
_BLOCK = 1 << 18


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
    """A seekable file-like object, read in blocks; a few blocks are kept."""

    __slots__ = ("_blocks", "_stream", "size")

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self._blocks: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self.size)
        self._stream.seek(start)
        return self._stream.read(max(0, stop - start))

    def window(self, position: int) -> tuple[Window, int]:
        """See `Buffer.window`."""
        number = position // _BLOCK
        block = self._blocks.get(number)
        if block is None:
            base = number * _BLOCK
            # 16 bytes more than a block, so that a header at its edge is still whole.
            block = self[base : base + _BLOCK + 16]
            if len(self._blocks) >= 8:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[number] = block
        return block, number * _BLOCK

    def close(self) -> None:
        """See `Buffer.close`."""
        self._blocks.clear()


def open_file(path: str | os.PathLike[str]) -> WholeBuffer:
    """The bytes of a regular file: read at once if small, else mapped.

    Raises OSError when the file cannot be opened.
    """
    with open(path, "rb") as handle:
        if os.fstat(handle.fileno()).st_size <= WHOLE:
            return WholeBuffer(handle.read())
        # The map keeps a descriptor of its own.
        return WholeBuffer(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))
