"""Pixels for made-up slides: tissue, a label and an overview, drawn with integers only, and their codecs.

Integer arithmetic keeps the pixels the same on every machine; NumPy's floating point may differ in its
last bit from one processor to the next.
"""

from __future__ import annotations

import struct
from functools import cache
from io import BytesIO
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8 | np.uint16]
Integers = npt.NDArray[np.int64]
Codec = Literal["native", "jpeg", "j2k-lossless", "j2k-lossy"]

# Digits and letters of the label, three bits a row, top row first.
_GLYPHS = {
    "0": (7, 5, 5, 5, 7), "1": (2, 6, 2, 2, 7), "2": (7, 1, 7, 4, 7), "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1), "5": (7, 4, 7, 1, 7), "6": (7, 4, 7, 5, 7), "7": (7, 1, 2, 2, 2),
    "8": (7, 5, 7, 5, 7), "9": (7, 5, 7, 1, 7), "A": (7, 5, 7, 5, 5), "E": (7, 4, 7, 4, 7),
    "X": (5, 5, 2, 5, 5), "-": (0, 0, 7, 0, 0),
}  # fmt: skip


def _lattice(column: Integers, row: Integers, seed: int) -> Integers:
    """A value of 0..255 for each lattice point, without visible order."""
    mixed: Integers = (column * 374761393 + row * 668265263 + seed * 974634777) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) & 0xFF


def _noise(x: Integers, y: Integers, cell: int, seed: int) -> Integers:
    """Smooth values of 0..255 that change over ``cell`` pixels of the base level."""
    column, right = x // cell, x % cell
    row, down = y // cell, y % cell
    left, above = cell - right, cell - down
    summed = (
        _lattice(column, row, seed) * left * above
        + _lattice(column + 1, row, seed) * right * above
        + _lattice(column, row + 1, seed) * left * down
        + _lattice(column + 1, row + 1, seed) * right * down
    )
    smooth: Integers = summed // (cell * cell)
    return smooth


def _grid(columns: int, rows: int, scale: int) -> tuple[Integers, Integers]:
    """Where the pixels' centres lie, in pixels of the base level."""
    x = np.arange(columns, dtype=np.int64) * scale + scale // 2
    y = np.arange(rows, dtype=np.int64) * scale + scale // 2
    return np.meshgrid(x, y)


@cache
def tissue(columns: int, rows: int, scale: int = 1, seed: int = 1) -> npt.NDArray[np.uint8]:
    """A stained section: ``rows`` x ``columns`` x 3 RGB, every ``scale``-th pixel of the base level."""
    x, y = _grid(columns, rows, scale)
    fibres = _noise(x, y * 3, 24, seed)
    patches = _noise(x, y, 40, seed + 1)
    nuclei = np.clip(_noise(x, y, 7, seed + 2) - 150, 0, 80)
    stain = np.clip(patches - 60, 0, 120)
    red = 240 - stain // 5 - nuclei - fibres // 16
    green = 236 - stain - nuclei - fibres // 8
    blue = 238 - stain // 3 - nuclei // 3 - fibres // 16
    return np.clip(np.stack((red, green, blue), axis=-1), 0, 255).astype(np.uint8)


@cache
def fluorescence(columns: int, rows: int, scale: int = 1, seed: int = 1, bits: int = 8) -> Pixels:
    """Bright spots on dark ground: ``rows`` x ``columns``, ``bits`` (8 or 16) to a sample."""
    x, y = _grid(columns, rows, scale)
    value = np.clip(_noise(x, y, 9, seed) * 2 - 260, 0, 220) + _noise(x, y, 3, seed + 1) // 8
    if bits == 16:
        return (value * 257).astype(np.uint16)
    return value.astype(np.uint8)


def write_on(picture: npt.NDArray[np.uint8], text: str, column: int, row: int, size: int) -> None:
    """Draw ``text`` in black onto ``picture``, each dot ``size`` pixels wide; the corner is 0-based."""
    for position, letter in enumerate(text):
        for down, bits in enumerate(_GLYPHS[letter]):
            for right in range(3):
                if bits >> (2 - right) & 1:
                    top = row + down * size
                    left = column + (position * 4 + right) * size
                    picture[top : top + size, left : left + size] = 20


def label_picture(columns: int, rows: int, text: str) -> npt.NDArray[np.uint8]:
    """A slide's paper label with a code of squares and ``text``: ``rows`` x ``columns`` x 3 RGB."""
    x, y = _grid(columns, rows, 1)
    paper = 225 + _noise(x, y, 5, 9) // 16
    picture = np.repeat(paper[:, :, None], 3, axis=2).astype(np.uint8)
    picture[:, :, 2] -= 14
    square = max(2, rows // 24)
    right, down = _grid(10, 10, 1)
    dark = (right == 0) | (down == 9) | (_lattice(right, down, 5) > 127)
    for row, column in np.argwhere(dark) + 1:
        picture[row * square : (row + 1) * square, column * square : (column + 1) * square] = 25
    write_on(picture, text, square, rows - 8 * square, max(1, columns // (4 * len(text) + 4)))
    return picture


def overview_picture(columns: int, rows: int, text: str) -> npt.NDArray[np.uint8]:
    """A whole glass slide with its label at the left: ``rows`` x ``columns`` x 3 RGB."""
    x, y = _grid(columns, rows, 1)
    picture = np.repeat((238 - _noise(x, y, 30, 3)[:, :, None] // 24), 3, axis=2).astype(np.uint8)
    wide, high = columns * 2 // 5, rows * 3 // 5
    section = tissue(wide, high, 4, seed=7)
    across, along = np.meshgrid(np.arange(wide) * 2 - wide, np.arange(high) * 2 - high)
    inside = (across * across * high * high + along * along * wide * wide) < wide * wide * high * high
    top, left = rows // 5, columns * 9 // 20
    picture[top : top + high, left : left + wide][inside] = section[inside]
    picture[:, : columns // 4] = label_picture(columns // 4, rows, text)
    return picture


def tiles(picture: Pixels, tile_columns: int, tile_rows: int) -> list[Pixels]:
    """Cut a picture into tiles along the rows; what hangs over the edge is padded, white or black."""
    rows, columns = picture.shape[:2]
    fill = 255 if picture.ndim == 3 else 0
    below, beside = -rows % tile_rows, -columns % tile_columns
    widths = ((0, below), (0, beside), (0, 0))[: picture.ndim]
    padded: Pixels = np.pad(picture, widths, constant_values=fill)
    return [
        padded[top : top + tile_rows, left : left + tile_columns]
        for top in range(0, padded.shape[0], tile_rows)
        for left in range(0, padded.shape[1], tile_columns)
    ]


def encode(frame: Pixels, codec: Codec) -> bytes:
    """One frame as its own code stream, or as native bytes (colour by pixel, little endian)."""
    if codec == "native":
        return frame.astype(frame.dtype.newbyteorder("<")).tobytes()
    out = BytesIO()
    image = Image.fromarray(frame)
    if codec == "jpeg":
        # Pillow's 1 is 4:2:2; Huffman tables of its own make the small frames smaller.
        image.save(out, "JPEG", quality=80, subsampling=1 if frame.ndim == 3 else -1, optimize=True)
    else:
        image.save(
            out,
            "JPEG2000",
            no_jp2=True,  # the code stream alone: no JP2 boxes in DICOM, PS3.5 A.4.4
            irreversible=codec == "j2k-lossy",
            mct=int(frame.ndim == 3),
            num_resolutions=3,
            quality_mode="rates",
            quality_layers=[6 if codec == "j2k-lossy" else 0],
        )
    return out.getvalue()


def _tagged(signature: bytes, body: bytes) -> bytes:
    data = signature + bytes(4) + body
    return data + bytes(-len(data) % 4)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


@cache
def icc_profile(description: str = "Example slide scanner", device_class: bytes = b"scnr") -> bytes:
    """A small ICC input profile (matrix and curves) of a made-up scanner; not a stock sRGB profile.

    Input device class, RGB, XYZ connection space, perceptual intent. Source: ICC.1:2010, PS3.3 C.11.15.1.1.
    """

    def text(words: str) -> bytes:
        encoded = words.encode("utf-16-be")
        return _tagged(b"mluc", struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded)

    curve = _tagged(b"curv", struct.pack(">IH", 1, round(2.2 * 256)))
    tags = {
        b"desc": text(description),
        b"cprt": text("No rights reserved"),
        b"wtpt": _tagged(b"XYZ ", _fixed(0.9642, 1.0, 0.8249)),
        # The columns add up to the white point D50.
        b"rXYZ": _tagged(b"XYZ ", _fixed(0.4500, 0.2300, 0.0150)),
        b"gXYZ": _tagged(b"XYZ ", _fixed(0.3700, 0.7050, 0.0900)),
        b"bXYZ": _tagged(b"XYZ ", _fixed(0.1442, 0.0650, 0.7199)),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    directory, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for signature, body in tags.items():
        if body not in places:
            places[body] = start + len(data)
            data += body
        directory += signature + struct.pack(">II", places[body], len(body))
    header = struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI12s4s44x",
        start + len(data), b"\0\0\0\0", 0x04300000, device_class, b"RGB ", b"XYZ ",
        2024, 1, 2, 0, 0, 0, b"acsp", b"\0\0\0\0", 0, b"\0\0\0\0", b"\0\0\0\0", 0,
        0, _fixed(0.9642, 1.0, 0.8249), b"\0\0\0\0",
    )  # fmt: skip
    return header + directory + data
