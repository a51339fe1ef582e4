"""Damage of instances, archives and texts: each a function of bytes and a source of chance, the same for the same seed."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]
_VRS = (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB", b"OF", b"OV", b"OW", b"PN", b"SH",
        b"SL", b"SQ", b"SS", b"ST", b"SV", b"TM", b"UC", b"UI", b"UL", b"UN", b"UR", b"US", b"UT", b"UV", b"XX")  # fmt: skip
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_LENGTHS = (0, 1, 2, 3, 4, 7, 8, 0xFFFE, 0xFFFF, 0x7FFFFFFE, 0xFFFFFFFE, 0xFFFFFFFF)
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"


def _starts(data: bytes) -> list[int]:
    """Where explicit elements seem to begin: a tag, then a VR."""
    found = []
    at = 132
    while (at := at + 1) < len(data) - 8:
        if data[at + 4 : at + 6] in _VRS and at % 2 == 0:
            found.append(at)
    return found or [min(132, len(data) - 1)]


def _end(data: bytes, at: int) -> int:
    """Where the element at ``at`` ends, or the data."""
    if data[at + 4 : at + 6] in _LONG:
        head, length = 12, int.from_bytes(data[at + 8 : at + 12], "little")
    else:
        head, length = 8, int.from_bytes(data[at + 6 : at + 8], "little")
    return at + head if length == 0xFFFFFFFF else min(len(data), at + head + length)


def bytes_anywhere(data: bytes, chance: random.Random) -> bytes:
    """A few bytes of another value."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(made)) if chance.random() < 0.3 else chance.randrange(min(len(made), 8192))
        made[at : at + chance.randint(1, 6)] = chance.randbytes(chance.randint(1, 6))
    return bytes(made)


def lengths(data: bytes, chance: random.Random) -> bytes:
    """Lengths of elements and items that are not theirs."""
    made = bytearray(data)
    for at in chance.choices(_starts(data), k=chance.randint(1, 4)):
        value = chance.choice(_LENGTHS)
        if made[at + 4 : at + 6] in _LONG:
            made[at + 8 : at + 12] = struct.pack("<I", value)
        else:
            made[at + 6 : at + 8] = struct.pack("<H", value & 0xFFFF)
    at = bytes(made).find(_ITEM, chance.randrange(len(made)))
    if at >= 0 and chance.random() < 0.5:
        made[at + 4 : at + 8] = struct.pack("<I", chance.choice(_LENGTHS))
    return bytes(made)


def representations(data: bytes, chance: random.Random) -> bytes:
    """VRs that are others'."""
    made = bytearray(data)
    for at in chance.choices(_starts(data), k=chance.randint(1, 4)):
        made[at + 4 : at + 6] = chance.choice(_VRS)
    return bytes(made)


def elements(data: bytes, chance: random.Random) -> bytes:
    """Elements that are gone, doubled, elsewhere, or have another tag."""
    for _ in range(chance.randint(1, 3)):
        starts = _starts(data)
        at = chance.choice(starts)
        end = _end(data, at)
        what = chance.randrange(4)
        if what == 0:
            data = data[:at] + data[end:]
        elif what == 1:
            data = data[:end] + data[at:end] + data[end:]
        elif what == 2:
            other = chance.choice(starts)
            data = data[:other] + data[at:end] + data[other:]
        else:
            tag = chance.choice(
                (
                    0x00080005,
                    0x00080016,
                    0x00280008,
                    0x52009230,
                    0x7FE00010,
                    0x00480006,
                    chance.getrandbits(32),
                )
            )
            data = data[:at] + struct.pack("<HH", tag >> 16, tag & 0xFFFF) + data[at + 4 :]
    return data


def values(data: bytes, chance: random.Random) -> bytes:
    """Values of bytes that their VR does not allow, of the same length."""
    made = bytearray(data)
    for at in chance.choices(_starts(data), k=chance.randint(1, 4)):
        end = min(_end(data, at), at + 4096)
        head = 12 if made[at + 4 : at + 6] in _LONG else 8
        size = max(0, end - at - head)
        kind = chance.randrange(5)
        filled = (
            bytes(size),
            b"\xff" * size,
            b"\\" * size,
            chance.randbytes(size),
            (b"1e999\\-0\\NaN\\" * size)[:size],
        )[kind]
        made[at + head : at + head + size] = filled
    return bytes(made)


def trees(data: bytes, chance: random.Random) -> bytes:
    """Sequences in sequences, items without end, ends without item."""
    at = chance.choice(_starts(data))
    depth = chance.choice((1, 5, 60, 70, 2000))
    inner = b"".join(
        struct.pack("<HH2sHI", 0x0040, chance.choice((0xA730, 0x0555, 0x0612)), b"SQ", 0, 0xFFFFFFFF)
        + _ITEM
        + b"\xff" * 4
        for _ in range(depth)
    )
    closed = (_ITEM_END + bytes(4) + _SEQUENCE_END + bytes(4)) * chance.choice(
        (0, depth, depth - 1, depth + 1)
    )
    return data[:at] + inner + closed + data[at:]


def code_streams(data: bytes, chance: random.Random) -> bytes:
    """Markers of JPEG, JPEG 2000 and their lengths, offset tables and fragments."""
    made = bytearray(data)
    places = [at for at in range(len(data) - 2) if data[at] == 0xFF and data[at + 1] not in (0x00, 0xFF)]
    pixels = data.find(b"\xe0\x7f\x10\x00")
    for _ in range(chance.randint(1, 6)):
        if places and chance.random() < 0.7:
            at = chance.choice(places)
            made[at + chance.randint(0, 12) : at + 13] = chance.randbytes(chance.randint(1, 3))
        elif pixels >= 0:
            at = pixels + chance.randrange(64)
            made[at : at + 4] = struct.pack("<I", chance.choice((*_LENGTHS, chance.getrandbits(32))))
    return bytes(made)


def cut(data: bytes, chance: random.Random) -> bytes:
    """The data up to some byte."""
    return data[: chance.randrange(len(data))]


def joined(data: bytes, chance: random.Random) -> bytes:
    """The data with a piece of itself in another place."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.choice((2, 16, 300, 5000))]
    at = chance.randrange(len(data))
    return data[:at] + piece + data[at:]


OF_INSTANCES: dict[str, Mutation] = {
    one.__name__: one
    for one in (bytes_anywhere, lengths, representations, elements, values, trees, code_streams, cut, joined)
}


# -- archives -------------------------------------------------------------------------------------------------------


def archive(kind: str, members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip, tar or tar.gz with these members."""
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
            for name, data in members:
                made.writestr(zipfile.ZipInfo(name), data)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz" if kind == "tar.gz" else "w") as packed:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                packed.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def archive_bytes(data: bytes, chance: random.Random) -> bytes:
    """An archive with some bytes of another value, above all in its heads and its directory."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        near = chance.choice((0, 0, len(made) - 400, chance.randrange(len(made))))
        at = min(len(made) - 1, max(0, near) + chance.randrange(300))
        made[at : at + 2] = chance.randbytes(chance.randint(1, 2))
    return bytes(made)


OF_ARCHIVES: dict[str, Mutation] = {"archive_bytes": archive_bytes, "cut": cut, "joined": joined}


# -- profiles and configuration -------------------------------------------------------------------------------------


def lines(data: bytes, chance: random.Random) -> bytes:
    """A text with lines gone, doubled, indented, of another value."""
    rows = data.split(b"\n")
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(rows))
        what = chance.randrange(6)
        if what == 0:
            del rows[at]
            rows = rows or [b""]
        elif what == 1:
            rows.insert(at, rows[chance.randrange(len(rows))])
        elif what == 2:
            rows[at] = b"  " * chance.randrange(8) + rows[at].strip()
        elif what == 3:
            name = rows[at].split(b":")[0]
            rows[at] = name + chance.choice(
                (
                    b": 3",
                    b": [",
                    b": {a: b}",
                    b": !!python/name:os.system",
                    b": *a",
                    b": &a [*a]",
                    b": ''",
                    b": true",
                    b": \xff",
                )
            )
        elif what == 4:
            rows[at] = rows[at][: chance.randrange(len(rows[at]) + 1)]
        else:
            rows[at] += chance.choice(
                (b"(((((", b" && ", b"'", b'"', b" #", b"\x00", b"\xc3\xa4", b"{param.x}", b"[*a]{9999}")
            )
    return b"\n".join(rows)


OF_TEXTS: dict[str, Mutation] = {"lines": lines, "bytes_anywhere": bytes_anywhere}
