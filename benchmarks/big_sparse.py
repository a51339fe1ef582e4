"""Writes a TILED_SPARSE whole slide image of very many tiny frames, to measure with.

``python benchmarks/big_sparse.py --frames 1000000 --undefined big.dcm``: each frame has its item of the
Per-Frame Functional Groups Sequence with Frame Content, Plane Position (Slide) and Optical Path
Identification.  ``--undefined`` ends sequences and items by delimiters; ``--jitter`` gives each frame stage
positions of its own, so that hardly two values are the same.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

TILE = 8  # pixels
SPACING = 0.0005  # mm
ORIGIN_X, ORIGIN_Y = 24.0, 60.0  # mm
DATE_TIME = b"20240315101500+0000 "

ITEM, ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"  # PS3.5 7.5
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"
LONG = frozenset({b"SQ", b"OB"})


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """One element, explicit VR little endian."""
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in LONG:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def item(value: bytes, undefined: bool) -> bytes:
    """One item."""
    if undefined:
        return ITEM + UNDEFINED + value + ITEM_END
    return ITEM + struct.pack("<I", len(value)) + value


def sequence(tag: int, value: bytes, undefined: bool) -> bytes:
    """A sequence of one item."""
    body = item(value, undefined)
    if undefined:
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SQ", 0) + UNDEFINED + body + SEQUENCE_END
    return element(tag, b"SQ", body)


def decimal(value: float) -> bytes:
    """A DS of even length."""
    text = format(round(value, 8), ".10g").encode()
    return text + b" " * (len(text) % 2)


def frames(count: int, across: int, undefined: bool, jitter: bool) -> Iterator[bytes]:
    """The items of the Per-Frame Functional Groups Sequence, a row of tiles at a time."""
    path = sequence(0x00480207, element(0x00480106, b"SH", b"1 "), undefined)
    content = (
        element(0x00189074, b"DT", DATE_TIME)
        + element(0x00189151, b"DT", DATE_TIME)
        + element(0x00189220, b"FD", struct.pack("<d", 2.5))
    )
    step = TILE * SPACING
    ys = [element(0x0040073A, b"DS", decimal(ORIGIN_Y - column * step)) for column in range(across)]
    z = element(0x0040074A, b"DS", b"0 ")
    for first in range(0, count, across):
        row = first // across
        x = element(0x0040072A, b"DS", decimal(ORIGIN_X - row * step))
        row_position = element(0x0048021F, b"SL", struct.pack("<i", row * TILE + 1))
        out = []
        for column in range(min(across, count - first)):
            y = ys[column]
            if jitter:
                shift = ((row * 7919 + column * 104729) % 9973) / 9973 * SPACING / 4
                x = element(0x0040072A, b"DS", decimal(ORIGIN_X - row * step + shift))
                y = element(0x0040073A, b"DS", decimal(ORIGIN_Y - column * step + shift))
            indices = element(0x00209157, b"UL", struct.pack("<II", row + 1, column + 1))
            column_position = element(0x0048021E, b"SL", struct.pack("<i", column * TILE + 1))
            body = (
                sequence(0x00209111, content + indices, undefined)
                + path
                + sequence(0x0048021A, x + y + z + column_position + row_position, undefined)
            )
            out.append(item(body, undefined))
        yield b"".join(out)


def header(count: int, across: int) -> bytes:
    """Everything before the Per-Frame Functional Groups Sequence."""
    from support import slides

    down = -(-count // across)
    made = slides.volume(
        slides.Scan(
            name="big-sparse",
            columns=TILE,
            rows=TILE,
            tile=TILE,
            codec="native",
            monochrome=True,
            sparse=True,
        )
    )
    del made.PerFrameFunctionalGroupsSequence
    del made.PixelData
    made.NumberOfFrames = str(count)
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = across * TILE, down * TILE
    made.ImagedVolumeWidth, made.ImagedVolumeHeight = across * TILE * SPACING, down * TILE * SPACING
    origin = made.TotalPixelMatrixOriginSequence[0]
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = (
        str(ORIGIN_X),
        str(ORIGIN_Y),
    )
    return slides.to_bytes(made)


def write(out: BinaryIO, count: int, undefined: bool, jitter: bool) -> None:
    """The whole file."""
    across = max(1, round(count**0.5))
    out.write(header(count, across))
    out.write(struct.pack("<HH2sH", 0x5200, 0x9230, b"SQ", 0))
    at = out.tell()
    out.write(UNDEFINED)
    for part in frames(count, across, undefined, jitter):
        out.write(part)
    if undefined:
        out.write(SEQUENCE_END)
    else:
        end = out.tell()
        out.seek(at)
        out.write(struct.pack("<I", end - at - 4))
        out.seek(end)
    size = count * TILE * TILE
    out.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, size))
    block = bytes(range(256)) * 4096
    for start in range(0, size, len(block)):
        out.write(block[: size - start])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--undefined", action="store_true", help="undefined lengths")
    parser.add_argument("--jitter", action="store_true", help="a stage position for each frame")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    with open(arguments.out, "wb") as out:
        write(out, arguments.frames, arguments.undefined, arguments.jitter)


if __name__ == "__main__":
    main()
