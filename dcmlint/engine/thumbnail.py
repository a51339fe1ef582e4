"""A small picture of an image, from its frames: only where it is asked for, since it can show who the patient is."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

from dcmlint.facts.registry import Facts
from dcmlint.rules.builtin_functions.pixel.decoding import decoded_frame, decoder_of, options_of
from dcmlint.rules.functions import RuleContext, Undecided
from dcmlint.standard.tags import PixelData

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SIDE: Final = 192  # pixels of the longer side
_MOST_FRAMES: Final = 64  # an image of more frames has none: decoding it takes too long
_MOST_PIXELS: Final = 1 << 24


def thumbnail(facts: Facts, image: Any) -> tuple[bytes, str]:
    """A PNG, or nothing and the reason.  ``image``: an `ImageExhibit`, whose map of tiles says where frames lie."""
    if not image.first or not image.tile_columns or not image.tile_rows:
        return b"", "the positions of its tiles are not known"
    if image.frames > _MOST_FRAMES or image.matrix_columns * image.matrix_rows > _MOST_PIXELS:
        return b"", "it is too large"
    import numpy as np

    context = RuleContext(facts.instance, facts)
    try:
        decoder, options = decoder_of(facts.instance.syntax.uid), options_of(context)
    except Undecided as problem:
        return b"", str(problem)
    if options["bits_allocated"] != 8 or options["samples_per_pixel"] not in (1, 3):
        return b"", "it has not 8 bits per sample"
    first = np.frombuffer(zlib.decompress(image.first), "<i4").reshape(image.rows, image.columns)
    tall, wide = image.tile_rows, image.tile_columns
    picture = np.full((image.rows * tall, image.columns * wide, 3), 255, np.uint8)
    for (row, column), frame in np.ndenumerate(first):
        if frame < 0:
            continue
        data = _frame(context, int(frame), options)
        tile = decoded_frame(decoder, data, options) if data else None
        if tile is None or tile.shape[:2] != (tall, wide):
            return b"", f"frame {frame + 1} cannot be decoded"
        picture[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide] = tile.reshape(
            tall, wide, -1
        )
    return _png(_shrunk(picture[: image.matrix_rows, : image.matrix_columns])), ""


def _frame(context: RuleContext, frame: int, options: dict[str, Any]) -> bytes:
    """The bytes of one frame: its code stream, or its native pixels."""
    from dcmlint.dicom.frame_map import frame_payload
    from dcmlint.facts.pixel.encapsulation import layout_of

    element = context.dataset.get(PixelData)
    if element is None:
        return b""
    if element.fragments is None:
        size = options["rows"] * options["columns"] * options["samples_per_pixel"]
        start = element.start + frame * size
        return bytes(context.dataset.context.buffer[start : start + size])
    layout = layout_of(context.facts)
    if layout is None:
        return b""
    payload = frame_payload(context.dataset.context.buffer, *layout, frame)
    return bytes(payload[0 : len(payload)])


def _shrunk(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Means of square blocks, so that the longer side has at most the pixels of a thumbnail."""
    import numpy as np

    step = -(-max(picture.shape[:2]) // _SIDE)
    if step == 1:
        return picture
    tall, wide = max(1, picture.shape[0] // step), max(1, picture.shape[1] // step)
    cut = picture[: tall * step, : wide * step]
    if cut.shape[0] < step or cut.shape[1] < step:
        return picture[::step, ::step]
    blocks = cut.reshape(tall, step, wide, step, 3)
    small: npt.NDArray[np.uint8] = blocks.mean(axis=(1, 3)).astype(np.uint8)
    return small


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    """RGB pixels as a PNG (ISO/IEC 15948), each row without a filter."""
    tall, wide, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", wide, tall, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 6))
        + chunk(b"IEND", b"")
    )
