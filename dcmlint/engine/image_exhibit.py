"""What a report draws of a tiled image: its size, its place on the slide, its tiles, the sizes of its frames."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from dcmlint.engine.guard import guarded
from dcmlint.facts.registry import Facts
from dcmlint.findings.finding import OutcomeKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CELLS = 1 << 20  # tiles of one map
_FRAMES = 1 << 21  # frames whose sizes are kept
MISSING, PRESENT, DUPLICATE, OFF_GRID = range(4)


class ImageExhibit(msgspec.Struct, frozen=True, kw_only=True):
    """One image with a Total Pixel Matrix; lengths in mm, sizes in pixels; None: not stated.

    ``cells``: a byte for each tile of the grid, row by row: 0 missing, 1 present, 2 duplicate, 3 a frame that is off
    the grid; ``first``: the number of the first frame of each (32 bits, little endian, -1: none).  ``sizes``: bytes of
    each frame (32 bits, little endian).  All three are compressed (zlib) and empty where they are not known.
    ``outside``: frames outside of the matrix.  ``thumbnail``: a PNG, empty where none was asked for or ``no_thumbnail``
    says why there is none.
    """

    flavour: str = ""
    matrix_columns: int | None = None
    matrix_rows: int | None = None
    tile_columns: int | None = None
    tile_rows: int | None = None
    columns: int = 0
    rows: int = 0
    frames: int = 0
    planes: int = 1
    spacing: float | None = None
    origin: tuple[float, float] | None = None
    orientation: tuple[float, ...] = ()
    organization: str = ""
    cells: bytes = b""
    first: bytes = b""
    sizes: bytes = b""
    outside: int = 0
    thumbnail: bytes = b""
    no_thumbnail: str = ""


def image_exhibit(facts: Facts, thumbnails: bool = False) -> ImageExhibit | None:
    """The exhibit of an image; None for what has no grid of tiles, or cannot be drawn."""
    made: list[ImageExhibit | None] = []

    def picture() -> tuple[OutcomeKind, str]:
        from dcmlint.engine.thumbnail import thumbnail

        image = made[0]
        if image is not None:
            data, reason = thumbnail(facts, image)
            made[0] = msgspec.structs.replace(image, thumbnail=data, no_thumbnail=reason)
        return "pass", ""

    def draw() -> tuple[OutcomeKind, str]:
        made.append(_exhibit(facts))
        return "pass", ""

    guarded(draw)
    if thumbnails and made:
        guarded(picture)
    return made[0] if made else None


def _exhibit(facts: Facts) -> ImageExhibit | None:
    tiling = facts.group("tiling")
    if tiling is None or not tiling.matrix_columns or not tiling.matrix_rows:
        return None
    from dcmlint.facts.run.slide_image import slide_image

    image: Any = slide_image(facts)
    count = image.frames if image.frames is not None and 0 < image.frames <= _FRAMES else 0
    columns, rows = tiling.columns or 0, tiling.rows or 0
    cells = first = b""
    outside = 0
    if count and 0 < columns * rows <= _CELLS:
        cells, first, outside = _tiles(facts, tiling, columns, rows, count)
    origin = image.origin
    turned = image.orientation
    return ImageExhibit(
        flavour=image.flavour, matrix_columns=tiling.matrix_columns, matrix_rows=tiling.matrix_rows,
        tile_columns=tiling.tile_columns, tile_rows=tiling.tile_rows, columns=columns, rows=rows, frames=count,
        planes=max(1, (tiling.focal_planes or 1) * (tiling.optical_paths or 1)), spacing=image.column_spacing,
        origin=(origin[0], origin[1]) if origin and origin[0] is not None and origin[1] is not None else None,
        orientation=(turned[0], turned[1], turned[3], turned[4]) if len(turned) == 6 else (),
        organization=image.organization, cells=cells, first=first, sizes=_sizes(facts), outside=outside,
    )  # fmt: skip


def _tiles(facts: Facts, tiling: Any, columns: int, rows: int, count: int) -> tuple[bytes, bytes, int]:
    import numpy as np

    found: Any = facts.group("frames")
    number: npt.NDArray[np.int64] = np.arange(count)
    outside = 0
    if found is not None and found.positioned:
        column = np.asarray(found.column, dtype=float)[:count]
        row = np.asarray(found.row, dtype=float)[:count]
        with np.errstate(invalid="ignore"):
            across = np.floor((column - 1) / max(1, tiling.tile_columns or 1))
            down = np.floor((row - 1) / max(1, tiling.tile_rows or 1))
            inside = (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
        outside = len(found.outside)
        number = np.flatnonzero(inside)
        cell = (down[inside] * columns + across[inside]).astype(np.int64)
    elif tiling.organization == "TILED_FULL":
        cell = (number + tiling.offset) % (columns * rows)
    else:
        return b"", b"", 0
    states = np.zeros(columns * rows, np.uint8)
    states[cell] = PRESENT
    first = np.full(columns * rows, -1, np.int32)
    first[cell[::-1]] = number[::-1]
    if found is not None and found.positioned:
        place = np.full(count, -1, np.int64)
        place[number] = cell
        for state, frames in ((DUPLICATE, found.repeated), (OFF_GRID, found.off_grid)):
            at = np.asarray(frames, dtype=np.int64)
            at = place[at[at < count]]
            states[at[at >= 0]] = state
    return zlib.compress(states.tobytes(), 6), zlib.compress(first.astype("<i4").tobytes(), 6), outside


def _sizes(facts: Facts) -> bytes:
    """Bytes of each frame of encapsulated Pixel Data."""
    from dcmlint.facts.pixel.encapsulation import layout_of

    found = layout_of(facts)
    if found is None:
        return b""
    import numpy as np

    fragments, frame_map = found
    if not len(fragments) or not len(frame_map) or len(frame_map) > _FRAMES:
        return b""
    ends = np.concatenate(([0], np.cumsum(np.asarray(fragments.lengths, dtype=np.int64))))
    begin = np.asarray(frame_map.first_fragment)
    end = np.minimum(begin + np.asarray(frame_map.count), len(ends) - 1)
    sizes = np.clip(ends[end] - ends[begin], 0, (1 << 31) - 1)
    return zlib.compress(sizes.astype("<i4").tobytes(), 6)
