"""Whether the slide coordinates of frames follow from their positions: PS3.3 C.8.12.6.1, C.8.12.4.1.4.

Of a frame at column c and row r of the Total Pixel Matrix the first pixel lies at
X = origin X + (X of the row direction) x (column spacing) x (c - 1) + (X of the column direction) x (row
spacing) x (r - 1), and Y likewise, in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.frame.measures import Measures
from dcmlint.facts.frame.orientation import Orientation
from dcmlint.facts.frame.positions import Frames
from dcmlint.facts.frame.tiling import Tiling, has_matrix
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    PlanePositionSlideSequence,
    XOffsetInSlideCoordinateSystem,
    YOffsetInSlideCoordinateSystem,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

_LEAST = 5e-4  # mm; a Decimal String may be rounded to it
_MOST = 0.9  # of the frames: what so many do is meant so
_FAR = 1e12  # mm; what is said to be farther away is no number to compute with
_ENOUGH = 6  # frames from which a linear relation can be told from chance


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """How X and Y of the frames agree with their positions in the matrix.

    ``tolerance``: half a pixel, at least 0.0005 mm
    ``compared``: frames of which both are known
    ``one_place``: whether several positions have one and the same X and Y
    ``kind``: in which way they disagree: swapped, shifted, linear (wrong scale or sign), scattered; or empty
    ``off_place``: frames whose X or Y does not follow from the position
    ``off_origin``: frames at the first pixel of the matrix that do not have X and Y of its origin
    ``deviation``: the greatest distance in mm between X, Y and what follows from the position
    ``tiles``: the same as a number of tiles
    ``found``: X and Y of the first frame that does not agree
    ``wanted``: X and Y that follow from its position
    """

    tolerance: float
    compared: int
    one_place: bool = False
    kind: str = ""
    off_place: Sequence[int] = ()
    off_origin: Sequence[int] = ()
    deviation: float = 0.0
    tiles: float = 0.0
    found: tuple[float, ...] = ()
    wanted: tuple[float, ...] = ()


class Deviations(msgspec.Struct, frozen=True):
    """Frames (``at``) with their place (``x``, ``y``), the one that follows, and whether they differ (``off``)."""

    origin_x: float
    origin_y: float
    at: Ints
    across: Floats
    down: Floats
    x: Floats
    y: Floats
    wanted_x: Floats
    wanted_y: Floats
    off: Flags
    tolerance: float
    tile: float


def deviations(facts: Facts, columns: FrameColumns, column: Floats, row: Floats) -> Deviations | None:
    """Compare X and Y of the frames with what follows from these positions; None where nothing follows."""
    import numpy as np

    tiling = facts.of(Tiling)
    measures = facts.of(Measures)
    orientation = facts.of(Orientation)
    if tiling is None or measures is None or orientation is None:
        return None
    spacing, down_spacing = measures.column_spacing, measures.row_spacing
    if spacing is None or down_spacing is None or min(spacing, down_spacing) <= 0:
        return None
    if tiling.origin_x is None or tiling.origin_y is None:
        return None
    if max(spacing, down_spacing, abs(tiling.origin_x), abs(tiling.origin_y)) > _FAR:
        return None
    x, y = (
        columns.numbers((PlanePositionSlideSequence, tag))
        for tag in (XOffsetInSlideCoordinateSystem, YOffsetInSlideCoordinateSystem)
    )
    at = np.flatnonzero((np.abs(x) < _FAR) & (np.abs(y) < _FAR) & ~np.isnan(column) & ~np.isnan(row))
    x, y, across, down = x[at], y[at], column[at] - 1, row[at] - 1
    wanted_x = (
        tiling.origin_x + orientation.row_x * spacing * across + orientation.column_x * down_spacing * down
    )
    wanted_y = (
        tiling.origin_y + orientation.row_y * spacing * across + orientation.column_y * down_spacing * down
    )
    tolerance = max(0.5 * max(spacing, down_spacing), _LEAST)
    off = (np.abs(x - wanted_x) > tolerance) | (np.abs(y - wanted_y) > tolerance)
    tile = min(spacing * max(1, tiling.tile_columns or 1), down_spacing * max(1, tiling.tile_rows or 1))
    return Deviations(
        tiling.origin_x, tiling.origin_y, at, across, down, x, y, wanted_x, wanted_y, off, tolerance, tile
    )


@facts("places", Places, possible=has_matrix)
def places(facts: Facts) -> Places | None:
    """X and Y of frames that have them; absent where positions, origin, orientation or spacing are not known."""
    found = facts.of(Frames)
    if found is None or not found.positioned or found.tile_units or found.swapped or found.zero_based:
        return None
    import numpy as np

    columns = FrameColumns(facts.instance.dataset)
    column, row = np.array(found.column), np.array(found.row)
    for wrong in (found.outside, found.off_grid):
        # Positions that are wrong themselves say nothing of X and Y.
        column[np.asarray(wrong, np.int64)] = np.nan
    compared = deviations(facts, columns, column, row)
    if compared is None or not len(compared.at):
        return None
    bare = Places(tolerance=compared.tolerance, compared=len(compared.at))
    if not compared.off.any():
        return bare
    return _explained(bare, compared)


def _explained(bare: Places, c: Deviations) -> Places:
    import numpy as np

    several = bool((c.across != c.across[0]).any() or (c.down != c.down[0]).any())
    if several and not (c.x != c.x[0]).any() and not (c.y != c.y[0]).any():
        return msgspec.structs.replace(bare, one_place=True)
    kind = _kind(c)
    first = (c.across == 0) & (c.down == 0)
    off, origin = c.off, np.zeros(len(c.at), bool)
    if kind == "shifted" and first.any():
        off, origin = origin, off & first
    elif kind == "scattered" and not (off & ~first).any():
        off, origin = origin, off
    distance = np.hypot(c.x - c.wanted_x, c.y - c.wanted_y)
    told = int(np.flatnonzero(off | origin)[0])
    greatest = float(distance[off | origin].max())
    return msgspec.structs.replace(
        bare, kind=kind, off_place=c.at[off], off_origin=c.at[origin], deviation=greatest,
        tiles=greatest / c.tile, found=(float(c.x[told]), float(c.y[told])),
        wanted=(float(c.wanted_x[told]), float(c.wanted_y[told])),
    )  # fmt: skip


def _kind(c: Deviations) -> str:
    """What explains nearly all frames."""
    import numpy as np

    if float(c.off.mean()) < 0.5 or len(c.at) < 2:
        return "scattered"
    dx, dy = c.x - c.wanted_x, c.y - c.wanted_y
    if _most(np.abs(dx - np.median(dx)) <= c.tolerance, np.abs(dy - np.median(dy)) <= c.tolerance):
        return "shifted"
    # X and Y in each other's place; or only what is added to the origin.
    added_x, added_y = c.wanted_x - c.origin_x, c.wanted_y - c.origin_y
    for x, y in ((c.wanted_y, c.wanted_x), (c.origin_x + added_y, c.origin_y + added_x)):
        if _most(np.abs(c.x - x) <= c.tolerance, np.abs(c.y - y) <= c.tolerance):
            return "swapped"
    if len(c.at) >= _ENOUGH:
        table = np.stack([np.ones(len(c.at)), c.across, c.down], axis=1)
        fits = []
        for values in (c.x, c.y):
            solution, *_ = np.linalg.lstsq(table, values, rcond=None)
            fits.append(np.abs(values - table @ solution) <= c.tolerance)
        if _most(*fits):
            return "linear"
    return "scattered"


def _most(*fits: Flags) -> bool:
    import numpy as np

    return float(np.logical_and.reduce(fits).mean()) >= _MOST
