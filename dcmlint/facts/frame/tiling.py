"""How the Total Pixel Matrix is cut into tiles: PS3.3 C.7.6.17.3, C.8.12.14."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts
from dcmlint.facts.shape import Shape
from dcmlint.standard.tags import (
    Columns,
    ConcatenationFrameOffsetNumber,
    DimensionOrganizationType,
    NumberOfOpticalPaths,
    Rows,
    SegmentationType,
    SegmentSequence,
    TilesOverlap,
    TotalPixelMatrixColumns,
    TotalPixelMatrixFocalPlanes,
    TotalPixelMatrixOriginSequence,
    TotalPixelMatrixRows,
    XOffsetInSlideCoordinateSystem,
    YOffsetInSlideCoordinateSystem,
    ZOffsetInSlideCoordinateSystem,
)
from dcmlint.standard.uids import LabelMapSegmentationStorage, SegmentationStorage

SEGMENTATIONS = frozenset({
    SegmentationStorage,  # Segmentation Storage, PS3.4 B.5
    LabelMapSegmentationStorage,  # Label Map Segmentation Storage, PS3.4 B.5
})  # fmt: skip


class Tiling(msgspec.Struct, frozen=True, kw_only=True):
    """The grid of tiles over the Total Pixel Matrix.

    ``matrix_columns``: width of the Total Pixel Matrix in pixels
    ``matrix_rows``: height of the Total Pixel Matrix in pixels
    ``tile_columns``: width of a frame in pixels
    ``tile_rows``: height of a frame in pixels
    ``columns``: tiles across: the width of the matrix over the width of a frame, rounded up
    ``rows``: tiles down: the height of the matrix over the height of a frame, rounded up
    ``focal_planes``: focal planes of the matrix, as stated
    ``optical_paths``: optical paths, as stated
    ``segments``: segments that have frames of their own; 1 for a label map; absent without segments
    ``frames``: frames of the whole grid, as TILED_FULL must have them
    ``organization``: Dimension Organization Type; absent where it is not said
    ``overlap``: whether tiles are said to overlap
    ``origin_x``: X of the matrix' first pixel on the slide in mm
    ``origin_y``: Y of the matrix' first pixel on the slide in mm
    ``origin_z``: Z of the matrix' first pixel on the slide in um
    ``offset``: frames that earlier members of a concatenation hold; 0 outside of one
    """

    matrix_columns: int | None = None
    matrix_rows: int | None = None
    tile_columns: int | None = None
    tile_rows: int | None = None
    columns: int | None = None
    rows: int | None = None
    focal_planes: int | None = None
    optical_paths: int | None = None
    segments: int | None = None
    frames: int | None = None
    organization: str | None = None
    overlap: bool = False
    origin_x: float | None = None
    origin_y: float | None = None
    origin_z: float | None = None
    offset: int = 0


def whole(dataset: Dataset, tag: int) -> int | None:
    """The first value as an integer; None where there is none."""
    value = dataset.value(tag)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def real(dataset: Dataset, tag: int, number: int = 1) -> float | None:
    """A value as a finite number; None where there is none."""
    value: Any = dataset.value(tag, number)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if result - result == 0 else None


def _over(matrix: int | None, tile: int | None) -> int | None:
    if matrix is None or tile is None or tile < 1 or matrix < 0:
        return None
    return -(-matrix // tile)


def _product(*factors: int | None) -> int | None:
    result = 1
    for factor in factors:
        if factor is None:
            return None
        result *= factor
    return result


def _segments(dataset: Dataset, sop_class: str) -> int | None:
    if SegmentSequence not in dataset:
        return None
    if (
        sop_class == LabelMapSegmentationStorage or dataset.text(SegmentationType) == "LABELMAP"
    ):  # PS3.3 C.8.20.2.3.3: all segments in one frame
        return 1
    return len(dataset.items(SegmentSequence))


def has_matrix(shape: Shape) -> bool:
    """Whether an instance of this shape may have a Total Pixel Matrix."""
    return shape.has(TotalPixelMatrixColumns, TotalPixelMatrixRows)


@facts("tiling", Tiling, possible=has_matrix)
def tiling(facts: Facts) -> Tiling | None:
    """The tiles of an image that has a Total Pixel Matrix."""
    dataset = facts.instance.dataset
    if TotalPixelMatrixColumns not in dataset and TotalPixelMatrixRows not in dataset:
        return None
    matrix_columns, matrix_rows = (
        whole(dataset, TotalPixelMatrixColumns),
        whole(dataset, TotalPixelMatrixRows),
    )
    tile_columns, tile_rows = whole(dataset, Columns), whole(dataset, Rows)
    columns, rows = _over(matrix_columns, tile_columns), _over(matrix_rows, tile_rows)
    planes, paths = whole(dataset, TotalPixelMatrixFocalPlanes), whole(dataset, NumberOfOpticalPaths)
    segments = _segments(dataset, facts.instance.sop_class)
    # PS3.3 C.7.6.17.3: in a Segmentation, segments stand where optical paths stand else.
    layers = segments if facts.instance.sop_class in SEGMENTATIONS else paths
    origin = dataset.items(TotalPixelMatrixOriginSequence)
    first = origin[0] if len(origin) else None
    return Tiling(
        matrix_columns=matrix_columns, matrix_rows=matrix_rows, tile_columns=tile_columns, tile_rows=tile_rows,
        columns=columns, rows=rows, focal_planes=planes, optical_paths=paths, segments=segments,
        frames=_product(columns, rows, planes, layers),
        organization=dataset.text(DimensionOrganizationType) or None,
        overlap=dataset.text(TilesOverlap) == "YES",
        origin_x=real(first, XOffsetInSlideCoordinateSystem) if first is not None else None,
        origin_y=real(first, YOffsetInSlideCoordinateSystem) if first is not None else None,
        origin_z=real(first, ZOffsetInSlideCoordinateSystem) if first is not None else None,
        offset=max(0, whole(dataset, ConcatenationFrameOffsetNumber) or 0),
    )  # fmt: skip
