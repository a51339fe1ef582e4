"""Code streams to test with: what Pillow writes, and small ones written here byte by byte."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, features

from dcmlint.dicom.codestreams import Codestream

JPEG, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
J2K, JXL, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.112", "1.2.840.10008.1.2.5"


def picture(seed: int = 1, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    width, height = size
    x = np.arange(width)[None, :] * (seed * 3 + 1)
    y = np.arange(height)[:, None] * (seed * 5 + 2)
    planes = [(x + y * k) % 256 for k in (1, 2, 3)]
    image = Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))
    return image.convert(mode)


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, "JPEG", **options)
    return out.getvalue()


def j2k(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, "JPEG2000", **{"no_jp2": True, **options})
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def insert(stream: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments right after SOI."""
    return stream[:2] + b"".join(segments) + stream[2:]


def without(stream: bytes, *markers: int) -> bytes:
    """The JPEG without the segments of these markers before its scan."""
    out, at = stream[:2], 2
    while True:
        marker, length = stream[at + 1], struct.unpack(">H", stream[at + 2 : at + 4])[0]
        if marker not in markers:
            out += stream[at : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            return out + stream[at:]


def codes(stream: Codestream) -> list[str]:
    return [problem.code for problem in stream.problems]


def tiny_jpeg(
    sof: int = 0xC0,
    *,
    height: int = 16,
    width: int = 16,
    precision: int = 8,
    ids: bytes = b"\1",
    scan: tuple[int, int, int] = (0, 63, 0),
    extra: bytes = b"",
    data: bytes = b"\x12\x34",
) -> bytes:
    frame = struct.pack(">BHHB", precision, height, width, len(ids)) + b"".join(
        bytes((k, 0x11, 0)) for k in ids
    )
    start = bytes((len(ids),)) + b"".join(bytes((k, 0)) for k in ids) + bytes(scan)
    return b"\xff\xd8" + extra + segment(sof, frame) + segment(0xDA, start) + data + b"\xff\xd9"


needs_openjpeg = pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without OpenJPEG")


def siz(
    width: int = 16, height: int = 16, x0: int = 0, y0: int = 0, parts: bytes = b"\7\1\1", tile: int = 16
) -> bytes:
    body = struct.pack(">H8IH", 0, width, height, x0, y0, tile, tile, 0, 0, len(parts) // 3) + parts
    return segment(0x51, body)


def tiny_j2k(*segments: bytes, tile_segments: bytes = b"", size: bytes | None = None, mct: int = 0) -> bytes:
    cod = segment(0x52, bytes((0, 2, 0, 1, mct, 5, 4, 4, 0, 1)))
    qcd = segment(0x5C, b"\x40\x40")
    tile = segment(0x90, struct.pack(">HIBB", 0, 0, 0, 1)) + tile_segments + b"\xff\x93\x12\x34"
    return (
        b"\xff\x4f" + (siz() if size is None else size) + cod + qcd + b"".join(segments) + tile + b"\xff\xd9"
    )


JXL_CONTAINER = "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20"


def rle(*offsets: int, count: int | None = None, size: int = 200) -> bytes:
    words = [len(offsets) if count is None else count, *offsets, *[0] * (15 - len(offsets))]
    return struct.pack("<16I", *words).ljust(size, b"\0")
