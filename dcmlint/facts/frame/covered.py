"""Which tiles the frames of an image cover, in a few numbers (PS3.3 C.8.12.6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.standard.tags import (
    PerFrameFunctionalGroupsSequence,
)

if TYPE_CHECKING:
    from dcmlint.facts.frame.tiling import Tiling

MOST_PLANES = 16  # of an image; more are not told apart


class Covered(msgspec.Struct, frozen=True, array_like=True):
    """Tiles that frames with positions cover: first and last (0-based, in raster order), and how many.

    ``planes``: the first Z of the frames, in um.
    """

    first: int
    last: int
    tiles: int
    planes: tuple[float, ...]


def covered(dataset: Dataset, tiling: Tiling | None) -> Covered | None:
    """The tiles of an image whose frames have positions; None where they have none."""
    items = dataset.items(PerFrameFunctionalGroupsSequence)
    if (
        tiling is None
        or not len(items)
        or not tiling.columns
        or not tiling.tile_columns
        or not tiling.tile_rows
    ):
        return None
    if tiling.organization == "TILED_FULL":
        return None
    found = _found(dataset, tiling)
    if found is None:
        return None
    first, last, tiles, planes = found
    return (
        Covered(first, last, tiles, tuple(sorted(planes)[:MOST_PLANES]))
        if abs(first) + abs(last) < 1 << 60
        else None
    )


_Found = tuple[int, int, int, set[float]]


def _found(dataset: Dataset, tiling: Tiling) -> _Found | None:
    import numpy as np

    from dcmlint.dicom.distinct import distinct

    across, wide, high = tiling.columns or 1, tiling.tile_columns or 1, tiling.tile_rows or 1
    columns = FrameColumns(dataset)
    column, row, height = columns.tile_positions()
    known = ~(np.isnan(column) | np.isnan(row))
    if not known.any():
        return None
    tiles = distinct((row[known] - 1) // high * across + (column[known] - 1) // wide)
    planes = distinct(height[~np.isnan(height)])[:MOST_PLANES]
    return int(tiles[0]), int(tiles[-1]), len(tiles), set(planes.tolist())
