"""The file that holds the compiled tables: independent sections, each compressed, found through a directory.

``DCMLSTD`` and a version byte, the length of the directory (4 bytes, little endian), the directory (MessagePack),
then the sections (zlib over MessagePack). A section is inflated when it is first asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from dcmlint.decoding import decoder
from dcmlint.errors import StandardError

_MAGIC = b"DCMLSTD\x01"
_REMEDY = "reinstall dcmlint, or build them again"

_T = TypeVar("_T")


class _Place(msgspec.Struct, frozen=True, array_like=True):
    offset: int
    length: int
    raw_length: int


class _Directory(msgspec.Struct, frozen=True):
    edition: str
    sections: dict[str, _Place]


class Container:
    """The sections of one file of compiled tables.

    Raises :class:`StandardError` when the bytes are no such file, and on reading when a section is damaged.
    """

    __slots__ = ("_data", "_places", "_start", "edition")

    def __init__(self, data: bytes) -> None:
        if data[: len(_MAGIC)] != _MAGIC:
            raise StandardError(f"the compiled tables are of another build of dcmlint: {_REMEDY}")
        begin = len(_MAGIC) + 4
        self._start = begin + int.from_bytes(data[len(_MAGIC) : begin], "little")
        self._data = data
        directory = decode(data[begin : self._start], _Directory)
        self._places = directory.sections
        self.edition = directory.edition

    def read(self, section: str, type_: type[_T]) -> _T:
        """One section, decoded as ``type_``."""
        place = self._places.get(section)
        if place is None:
            raise StandardError(f"the compiled tables have no section {section!r}: {_REMEDY}")
        begin = self._start + place.offset
        try:
            raw = zlib.decompress(self._data[begin : begin + place.length])
        except zlib.error as error:
            raise StandardError(f"the compiled tables are damaged ({section}, {error}): {_REMEDY}") from None
        return decode(raw, type_)

    def sizes(self) -> Mapping[str, tuple[int, int]]:
        """Bytes of each section, compressed and inflated."""
        return {name: (place.length, place.raw_length) for name, place in self._places.items()}


def decode(raw: bytes | bytearray | memoryview | msgspec.Raw, type_: type[_T]) -> _T:
    """MessagePack of the compiled tables as ``type_``; :class:`StandardError` when it is none."""
    try:
        return decoder(type_).decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StandardError(f"the compiled tables are damaged ({error}): {_REMEDY}") from None


def pack(edition: str, sections: Mapping[str, Any]) -> bytes:
    """The bytes of a file with these sections; the same for the same input."""
    places: dict[str, _Place] = {}
    bodies: list[bytes] = []
    offset = 0
    for name, value in sections.items():
        raw = msgspec.msgpack.encode(value)
        body = zlib.compress(raw, 9)
        places[name] = _Place(offset, len(body), len(raw))
        bodies.append(body)
        offset += len(body)
    directory = msgspec.msgpack.encode(_Directory(edition, places))
    return b"".join((_MAGIC, len(directory).to_bytes(4, "little"), directory, *bodies))
