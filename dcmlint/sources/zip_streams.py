"""The bytes of a member of a ZIP archive, unpacked piece by piece however well they are compressed."""

from __future__ import annotations

import bz2
import copy
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

_PIECE = 1 << 16
# What `zipfile` unpacks within bounds; LZMA makes of each piece that it reads some 30 MB at most.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)


@contextmanager
def opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[Callable[[int], bytes]]:
    """A function that gives at most so many bytes of the member, none at its end.

    Raises what `zipfile` raises; NotImplementedError for other methods of compression.
    """
    if info.compress_type in _BOUNDED:
        with archive.open(info) as stream:
            yield stream.read
    elif info.compress_type == zipfile.ZIP_BZIP2:
        # `zipfile` unpacks all that 4 kB hold at once, and they may hold gigabytes: it is asked for the packed bytes.
        packed = copy.copy(info)
        packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
        packed.CRC = None  # type: ignore[assignment]
        with archive.open(packed) as stream:
            yield _Bzip2(stream, info.CRC).read
    else:
        raise NotImplementedError("this method of compression is not read")


class _Bzip2:
    def __init__(self, stream: IO[bytes], crc: int) -> None:
        self._stream, self._crc = stream, crc
        self._unpack = bz2.BZ2Decompressor()
        self._sum = 0

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes, none at the end.  Raises OSError (damage), EOFError (cut), BadZipFile (CRC)."""
        made = b""
        while not made and not self._unpack.eof:
            piece = self._stream.read(_PIECE) if self._unpack.needs_input else b""
            if not piece and self._unpack.needs_input:
                raise EOFError
            made = self._unpack.decompress(piece, count)
        self._sum = zlib.crc32(made, self._sum)
        if not made and self._sum != self._crc:
            raise zipfile.BadZipFile("CRC")
        return made
