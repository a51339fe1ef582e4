"""The members of a ZIP archive whose directory is missing or damaged, by the local headers before them.

Source: APPNOTE.TXT 4.3.7 (local file header), 4.3.9 (data descriptor), 4.5.3 (ZIP64 extra field).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_SIGNATURE = b"PK\3\4"
_HEADER = struct.Struct("<4s5H3I2H")
_ZIP64 = 1
_UNKNOWN_32 = 0xFFFFFFFF
ENCRYPTED = 1  # bit 0 of the flags: APPNOTE 4.4.4
_DESCRIPTOR = 8  # bit 3: CRC and sizes follow the data
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
# Bytes read from the file in one call, and how far the next header is looked for.
_PIECE = 1 << 16
_SEARCH = 256 << 20
# Versions of the specification and compression methods are small numbers: what follows a signature by chance is not.
_MAX_VERSION, _MAX_METHOD = 100, 99


@dataclass(slots=True)
class LocalMember:
    """A member as its local header tells it; read in order, once.

    ``size``: bytes when unpacked, ``packed``: bytes in the archive; both None where they stand behind the data.
    """

    stream: BinaryIO
    name: str
    flags: int
    method: int
    start: int
    size: int | None
    packed: int | None
    crc: int | None
    _unpack: zlib._Decompress | None = field(default=None, init=False)
    _sum: int = field(default=0, init=False)
    _at: int = field(default=0, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def readable(self) -> bool:
        """Whether its end can be found: by its length, or by its compression."""
        return self.method == _DEFLATED or (self.method == _STORED and self.packed is not None)

    def read(self, count: int) -> bytes:
        """At most ``count`` bytes, none at the end.  Raises zlib.error, EOFError (cut), zipfile.BadZipFile (CRC)."""
        if self._ended:
            return b""
        made = self._packed(count) if self.method == _STORED else self._inflated(count)
        self._sum = zlib.crc32(made, self._sum)
        if not made:
            self._ended = True
            if self.crc is not None and self._sum != self.crc:
                raise zipfile.BadZipFile("CRC")
        return made

    def _packed(self, count: int) -> bytes:
        left = count if self.packed is None else min(count, self.packed - self._at)
        self.stream.seek(self.start + self._at)
        made = self.stream.read(left)
        self._at += len(made)
        if left and not made:
            raise EOFError
        return made

    def _inflated(self, count: int) -> bytes:
        if self._unpack is None:
            self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        unpack = self._unpack
        while not unpack.eof:
            piece = unpack.unconsumed_tail or self._packed(_PIECE)
            made = unpack.decompress(piece, count)
            if made:
                return made
            if not piece:
                raise EOFError
        return b""

    @property
    def end(self) -> int:
        """The offset in the archive from which the next header is looked for."""
        if self.packed is not None:
            return self.start + self.packed
        unpack = self._unpack
        return (
            self.start + self._at - (len(unpack.unused_data) + len(unpack.unconsumed_tail) if unpack else 0)
        )


def local_members(stream: BinaryIO) -> Iterator[LocalMember]:
    """The members in the order of the file; each is read before the next is asked for."""
    start = 0
    while (at := _next(stream, start)) is not None:
        start = at + len(_SIGNATURE)
        made = _member(stream, at)
        if made is not None:
            yield made
            start = max(made.end, start)


def _next(stream: BinaryIO, at: int) -> int | None:
    """The offset of the next signature at or behind ``at``."""
    stream.seek(at)
    tail = b""
    for _ in range(_SEARCH // _PIECE):
        piece = stream.read(_PIECE)
        if not piece:
            return None
        found = (tail + piece).find(_SIGNATURE)
        if found >= 0:
            return at - len(tail) + found
        at += len(piece)
        tail = (tail + piece)[-len(_SIGNATURE) + 1 :]
    return None


def _member(stream: BinaryIO, at: int) -> LocalMember | None:
    stream.seek(at)
    head = stream.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    _, version, flags, method, _, _, crc, packed, size, name_length, extra_length = _HEADER.unpack(head)
    if (version & 0xFF) > _MAX_VERSION or method > _MAX_METHOD or not name_length:
        return None
    name = stream.read(name_length)
    extra = stream.read(extra_length)
    if len(name) < name_length:
        return None
    if size == _UNKNOWN_32 or packed == _UNKNOWN_32:
        size, packed = _zip64(extra, size, packed)
    behind = bool(flags & _DESCRIPTOR) and not packed
    return LocalMember(
        stream=stream,
        name=name.decode("utf-8" if flags & _UTF8 else "cp437", "replace"),
        flags=flags,
        method=method,
        start=at + _HEADER.size + name_length + extra_length,
        size=None if behind else size,
        packed=None if behind else packed,
        crc=None if behind else crc,
    )


def _zip64(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """The sizes of the ZIP64 extra field, in place of those that do not fit into 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        values = extra[at + 4 : at + 4 + length]
        if kind == _ZIP64:
            numbers = [number for (number,) in struct.iter_unpack("<Q", values[: len(values) // 8 * 8])]
            if size == _UNKNOWN_32 and numbers:
                size = numbers.pop(0)
            if packed == _UNKNOWN_32 and numbers:
                packed = numbers.pop(0)
        at += 4 + length
    return size, packed
