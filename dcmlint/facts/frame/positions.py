"""Where the frames of a tiled image lie in the Total Pixel Matrix: PS3.3 C.8.12.6.1, C.7.6.17.3.

Positions are 1-based pixels of the matrix; tiles and frames are counted from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.frame.optical_path import OpticalPath
from dcmlint.facts.frame.tiling import Tiling, has_matrix
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    ColumnPositionInTotalImagePixelMatrix,
    OpticalPathIdentificationSequence,
    OpticalPathIdentifier,
    PlanePositionSlideSequence,
    ReferencedSegmentNumber,
    SegmentIdentificationSequence,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]


_MOST = 0.9  # of the frames: what so many do is meant so
_Z_DIGITS = 3  # nanometres
_HUGE = 1 << 62


class Frames(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of a tiled image that have an item in the Per-Frame Functional Groups Sequence.

    Lists of frames hold their 0-based numbers.  A cause that explains all positions (counted from 0, in tiles,
    axes swapped) is told once, and the frames that it explains are in no other list.

    ``count``: items of the Per-Frame Functional Groups Sequence
    ``positioned``: frames whose item gives a column and a row position
    ``shared_position``: whether the position stands in the shared item instead
    ``column``: Column Position in Total Image Pixel Matrix of each frame, its own or shared; NaN where there is none
    ``row``: Row Position in Total Image Pixel Matrix of each frame; NaN where there is none
    ``z``: Z Offset in Slide Coordinate System of each frame in um; NaN where there is none
    ``zero_based``: whether positions are counted from 0
    ``tile_units``: whether positions count tiles rather than pixels
    ``swapped``: whether columns and rows are swapped
    ``outside``: frames outside of the Total Pixel Matrix
    ``off_grid``: frames whose position is none of the tiling
    ``repeated``: frames at the place, plane and optical path (or segment) of an earlier frame; all but the first where
        one position is shared
    ``out_of_order``: frames of a TILED_FULL image that are not where their number puts them
    ``planes``: distinct Z offsets
    ``plane_gap_min``: least distance of two neighboring Z offsets in um
    ``plane_gap_max``: greatest distance of two neighboring Z offsets in um
    ``covered``: tiles of the grid that have a frame
    ``missing``: tiles of the grid that have none
    ``raster``: whether the frames are those of the whole grid in the order of TILED_FULL
    """

    count: int
    positioned: int
    shared_position: bool
    column: Sequence[float]
    row: Sequence[float]
    z: Sequence[float]
    zero_based: bool = False
    tile_units: bool = False
    swapped: bool = False
    outside: Sequence[int] = ()
    off_grid: Sequence[int] = ()
    repeated: Sequence[int] = ()
    out_of_order: Sequence[int] = ()
    planes: int = 0
    plane_gap_min: float | None = None
    plane_gap_max: float | None = None
    covered: int | None = None
    missing: int | None = None
    raster: bool | None = None


@facts("frames", Frames, possible=has_matrix)
def frames(facts: Facts) -> Frames | None:
    """Positions, planes and optical paths of the frames; absent without a matrix or per-frame items."""
    tiling = facts.of(Tiling)
    columns = FrameColumns(facts.instance.dataset)
    if tiling is None or not columns.count:
        return None
    import numpy as np

    from dcmlint.dicom.distinct import distinct

    column, row, z = columns.tile_positions()
    known = ~(np.isnan(column) | np.isnan(row))
    grid = _Grid.of(tiling)
    path = columns.texts((OpticalPathIdentificationSequence, OpticalPathIdentifier), shared=True)
    paths = facts.of(OpticalPath)
    identifiers = paths.identifiers if paths is not None else ()
    segment = columns.numbers((SegmentIdentificationSequence, ReferencedSegmentNumber), shared=True)
    levels = distinct(np.round(z[~np.isnan(z)], _Z_DIGITS))
    gaps = np.diff(levels)
    full = tiling.organization == "TILED_FULL"
    result = Frames(
        count=columns.count, positioned=int(known.sum()),
        shared_position=not known.any() and columns.shared_has((PlanePositionSlideSequence, ColumnPositionInTotalImagePixelMatrix)),
        column=column, row=row, z=z,  # type: ignore[arg-type]  # arrays are read as sequences
        planes=len(levels),
        plane_gap_min=float(gaps.min()) if len(gaps) else None,
        plane_gap_max=float(gaps.max()) if len(gaps) else None,
    )  # fmt: skip
    if result.shared_position:
        column, row, z = columns.tile_positions(shared=True)
        known = ~(np.isnan(column) | np.isnan(row))
        return msgspec.structs.replace(
            result, column=column, row=row, z=z,
            repeated=_numbers(_repeated(column, row, z, path.which, segment, known)),
        )  # fmt: skip
    if not known.any():
        return result
    at_path = _path_order(path.which, path.distinct, identifiers)
    order = None if grid is None else _wanted(grid, tiling, columns.count)
    misplaced = None if order is None else _misplaced(order, column, row, at_path, known)
    result = msgspec.structs.replace(
        result,
        repeated=_numbers(_repeated(column, row, z, path.which, segment, known)),
        raster=None if misplaced is None else bool(
            known.all() and not misplaced.any() and tiling.frames == columns.count
        ),
    )  # fmt: skip
    if full:
        return msgspec.structs.replace(
            result, out_of_order=_numbers(misplaced) if misplaced is not None else ()
        )
    if grid is None:
        return result
    return _against(grid, result, column, row, known, facts)


class _Grid(msgspec.Struct, frozen=True):
    """The sizes of the matrix and of a tile, all above zero."""

    matrix_columns: int
    matrix_rows: int
    tile_columns: int
    tile_rows: int
    columns: int
    rows: int
    overlap: bool

    @staticmethod
    def of(tiling: Tiling) -> _Grid | None:
        sizes = (tiling.matrix_columns, tiling.matrix_rows, tiling.tile_columns, tiling.tile_rows, tiling.columns,
                 tiling.rows)  # fmt: skip
        a, b, c, d, e, f = (size or 0 for size in sizes)
        return _Grid(a, b, c, d, e, f, tiling.overlap) if min(a, b, c, d, e, f) > 0 else None

    def outside(self, column: Floats, row: Floats) -> Flags:
        """PS3.3 C.8.12.6.1: the first pixel of the matrix is at 1, 1."""
        result: Flags = (column < 1) | (row < 1) | (column > self.matrix_columns) | (row > self.matrix_rows)
        return result

    def off(self, column: Floats, row: Floats) -> Flags:
        """PS3.3 A.32.8.4.1.2: frames lie in a regular tiling."""
        result: Flags = ((column - 1) % self.tile_columns != 0) | ((row - 1) % self.tile_rows != 0)
        return result


def _against(grid: _Grid, result: Frames, column: Floats, row: Floats, known: Flags, facts: Facts) -> Frames:
    """The positions of an image that gives them, held against its grid."""
    import numpy as np

    from dcmlint.dicom.distinct import distinct

    at, column, row = np.flatnonzero(known), column[known], row[known]
    if not grid.overlap and in_tiles(grid, column, row):
        return msgspec.structs.replace(result, tile_units=True)
    zero_column, zero_row = _from_zero(column, grid.tile_columns), _from_zero(row, grid.tile_rows)
    column, row = column + zero_column, row + zero_row
    if _swapped(grid, result, column, row, facts):
        return msgspec.structs.replace(result, swapped=True)
    outside = grid.outside(column, row)
    off = np.zeros(len(at), bool) if grid.overlap else grid.off(column, row) & ~outside
    covered = None
    if not grid.overlap:
        fine = ~(outside | off)
        tiles = (row[fine] - 1) // grid.tile_rows * grid.columns + (column[fine] - 1) // grid.tile_columns
        covered = len(distinct(tiles))
    return msgspec.structs.replace(
        result, zero_based=zero_column or zero_row, outside=at[outside], off_grid=at[off], covered=covered,
        missing=None if covered is None else grid.columns * grid.rows - covered,
    )  # fmt: skip


def in_tiles(grid: _Grid, column: Floats, row: Floats) -> bool:
    """Whether positions count tiles: all within the number of tiles, and most of them none of the tiling."""
    if grid.tile_columns < 2 or grid.tile_rows < 2:
        return False
    if column.min() < 0 or row.min() < 0 or column.max() > grid.columns or row.max() > grid.rows:
        return False
    moved = (column > 1) | (row > 1)
    off = grid.off(column, row)
    return bool(moved.any()) and float(off[moved].mean()) > 0.5


def _from_zero(position: Floats, tile: int) -> bool:
    """Whether positions along an axis are counted from 0: the least is 0, and nearly all are multiples of a tile."""
    return bool(position.min() == 0) and float((position % tile == 0).mean()) >= _MOST


def _swapped(grid: _Grid, result: Frames, column: Floats, row: Floats, facts: Facts) -> bool:
    """Whether columns and rows change places: they fit the grid then, and do not as they are."""
    wrong = grid.outside(column, row) | (False if grid.overlap else grid.off(column, row))
    # Where both ways fit the grid, as in a square matrix, X and Y disagree as well with the orientation or the origin:
    # nothing says which of them is wrong, and TILE014 blames none.
    if not wrong.any():
        return False
    if grid.outside(row, column).any() or (not grid.overlap and grid.off(row, column).any()):
        return False
    # Where X and Y agree with the positions as they are, these are not swapped.
    fits, fits_swapped = (
        _fitting(facts, result.column, result.row),
        _fitting(facts, result.row, result.column),
    )
    if fits is None or fits_swapped is None:
        return float(wrong.mean()) >= 1 - _MOST
    return fits_swapped > fits


def _fitting(facts: Facts, column: Sequence[float], row: Sequence[float]) -> float | None:
    """The share of frames whose X and Y follow from these positions; None where that cannot be said."""
    from dcmlint.facts.frame.slide_coordinates import deviations

    columns = FrameColumns(facts.instance.dataset)
    found = deviations(facts, columns, column, row)  # type: ignore[arg-type]  # they are arrays
    return None if found is None or not len(found.at) else float(1 - found.off.mean())


def _numbers(flags: Flags) -> Sequence[int]:
    import numpy as np

    return np.flatnonzero(flags)  # type: ignore[return-value]  # an array is read as a sequence


def _path_order(which: Ints, distinct: Sequence[str], identifiers: Sequence[str]) -> Ints:
    """The number of the optical path of each frame, in the order of the sequence; -1 where it is not said."""
    import numpy as np

    places = [identifiers.index(text) if text in identifiers else -2 for text in distinct]
    return np.array([*places, -1], np.int64)[which]


def _wanted(grid: _Grid, tiling: Tiling, count: int) -> tuple[Floats, Floats, Ints | None]:
    """Column, row and optical path of each frame in the order of TILED_FULL (PS3.3 C.7.6.17.3)."""
    import numpy as np

    number = tiling.offset + np.arange(count, dtype=np.int64)
    across = number % grid.columns
    down = number // grid.columns % grid.rows
    planes = tiling.focal_planes
    layer: Ints | None = None
    if planes is not None and planes > 0:
        layer = number // min(grid.columns * grid.rows * planes, _HUGE)
    column, row = across * grid.tile_columns + 1, down * grid.tile_rows + 1
    return column.astype(np.float64), row.astype(np.float64), layer


def _misplaced(
    order: tuple[Floats, Floats, Ints | None], column: Floats, row: Floats, path: Ints, known: Flags
) -> Flags:
    wrong: Flags = known & ((column != order[0]) | (row != order[1]))
    if order[2] is not None:
        wrong |= (path >= 0) & (path != order[2])
    return wrong


def _repeated(column: Floats, row: Floats, z: Floats, path: Ints, segment: Floats, known: Flags) -> Flags:
    """Frames at the place, plane and path (or segment) of an earlier one."""
    import numpy as np

    keys = [column, row, np.where(np.isnan(z), np.inf, np.round(z, _Z_DIGITS)), path.astype(np.float64),
            np.where(np.isnan(segment), -1, segment)]  # fmt: skip
    at = np.flatnonzero(known)
    keys = [key[at] for key in keys]
    keys = [key for key in keys if (key != key[0]).any()]
    result = np.zeros(len(known), bool)
    if not keys:
        result[at[1:]] = True
        return result
    order = np.lexsort(keys)
    same = np.ones(len(at) - 1, bool)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    # The sort is stable: of equal ones the first is the earliest frame.
    result[at[order[1:][same]]] = True
    return result
