"""Positions of the frames of TILED_FULL images, which follow from the order of the frames (PS3.3 C.7.6.17.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Edit
from dcmlint.facts.frame.measures import Measures
from dcmlint.facts.frame.orientation import Orientation
from dcmlint.facts.frame.tiling import Tiling
from dcmlint.facts.registry import Facts
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function, set_values
from dcmlint.standard.tags import (
    ColumnPositionInTotalImagePixelMatrix,
    PerFrameFunctionalGroupsSequence,
    PlanePositionSlideSequence,
    RowPositionInTotalImagePixelMatrix,
    XOffsetInSlideCoordinateSystem,
    YOffsetInSlideCoordinateSystem,
)

_MATRIX = (ColumnPositionInTotalImagePixelMatrix, RowPositionInTotalImagePixelMatrix)
_SLIDE = (XOffsetInSlideCoordinateSystem, YOffsetInSlideCoordinateSystem)


@repair_function("tiled-full-positions")
def tiled_full_positions(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """Column and row in the matrix as the number of the frame has them; X and Y on the slide follow where they are there."""
    tiling = context.facts.of(Tiling)
    if tiling is None or tiling.overlap or not tiling.columns or not tiling.rows:
        raise Refused("the grid of tiles is not known")
    if not tiling.tile_columns or not tiling.tile_rows:
        raise Refused("the size of a tile is not known")
    for number, frame in enumerate(context.instance.dataset.items(PerFrameFunctionalGroupsSequence)):
        items = frame.items(PlanePositionSlideSequence)
        if not len(items):
            continue
        at = (number + tiling.offset) % (tiling.columns * tiling.rows)
        across = at % tiling.columns * tiling.tile_columns
        down = at // tiling.columns * tiling.tile_rows
        wanted = (across + 1, down + 1)
        if tuple(items[0].value(tag) for tag in _MATRIX) != wanted:
            yield from _moved(context.facts, items[0], wanted)


def _moved(facts: Facts, item: Dataset, wanted: tuple[int, int]) -> Iterator[Edit]:
    for tag, value in zip(_MATRIX, wanted, strict=True):
        if item.value(tag) != value:
            yield set_values(item, tag, (value,))
    if any(item.values(tag) for tag in _SLIDE):
        for tag, place in zip(_SLIDE, _on_the_slide(facts, *wanted), strict=True):
            yield set_values(item, tag, (place,))


def _on_the_slide(facts: Facts, column: int, row: int) -> tuple[float, float]:
    """X and Y in mm of the first pixel of a frame (PS3.3 C.8.12.6.1)."""
    tiling, measures, orientation = facts.of(Tiling), facts.of(Measures), facts.of(Orientation)
    if tiling is None or measures is None or orientation is None:
        raise Refused("the place of the matrix on the slide is not known")
    spacing, down_spacing = measures.column_spacing, measures.row_spacing
    if spacing is None or down_spacing is None or tiling.origin_x is None or tiling.origin_y is None:
        raise Refused("the place of the matrix on the slide is not known")
    across, down = (column - 1) * spacing, (row - 1) * down_spacing
    return (
        round(tiling.origin_x + orientation.row_x * across + orientation.column_x * down, 9),
        round(tiling.origin_y + orientation.row_y * across + orientation.column_y * down, 9),
    )
