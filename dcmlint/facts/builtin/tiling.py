"""How the Total Pixel Matrix is cut into tiles: PS3.3 C.7.6.17.3, C.8.12.14."""

from __future__ import annotations

from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts

ROWS, COLUMNS = 0x00280010, 0x00280011
NUMBER_OF_FRAMES = 0x00280008
DIMENSION_ORGANIZATION_TYPE = 0x00209311
MATRIX_COLUMNS, MATRIX_ROWS = 0x00480006, 0x00480007
MATRIX_FOCAL_PLANES = 0x00480303
MATRIX_ORIGIN = 0x00480008
TILES_OVERLAP = 0x00480304
NUMBER_OF_OPTICAL_PATHS = 0x00480302
X_OFFSET, Y_OFFSET, Z_OFFSET = 0x0040072A, 0x0040073A, 0x0040074A
SEGMENTS, SEGMENTATION_TYPE = 0x00620002, 0x00620001
CONCATENATION_OFFSET = 0x00209228
SEGMENTATIONS = frozenset({
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage, PS3.4 B.5
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage, PS3.4 B.5
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


def _segments(dataset: Dataset) -> int | None:
    if SEGMENTS not in dataset:
        return None
    if dataset.text(SEGMENTATION_TYPE) == "LABELMAP":  # PS3.3 C.8.20.2.3.3: all segments in one frame
        return 1
    return len(dataset.items(SEGMENTS))


@facts("tiling", Tiling)
def tiling(facts: Facts) -> Tiling | None:
    """The tiles of an image that has a Total Pixel Matrix."""
    dataset = facts.instance.dataset
    if MATRIX_COLUMNS not in dataset and MATRIX_ROWS not in dataset:
        return None
    matrix_columns, matrix_rows = whole(dataset, MATRIX_COLUMNS), whole(dataset, MATRIX_ROWS)
    tile_columns, tile_rows = whole(dataset, COLUMNS), whole(dataset, ROWS)
    columns, rows = _over(matrix_columns, tile_columns), _over(matrix_rows, tile_rows)
    planes, paths = whole(dataset, MATRIX_FOCAL_PLANES), whole(dataset, NUMBER_OF_OPTICAL_PATHS)
    segments = _segments(dataset)
    # PS3.3 C.7.6.17.3: in a Segmentation, segments stand where optical paths stand else.
    layers = segments if facts.instance.sop_class in SEGMENTATIONS else paths
    origin = dataset.items(MATRIX_ORIGIN)
    first = origin[0] if len(origin) else None
    return Tiling(
        matrix_columns=matrix_columns, matrix_rows=matrix_rows, tile_columns=tile_columns, tile_rows=tile_rows,
        columns=columns, rows=rows, focal_planes=planes, optical_paths=paths, segments=segments,
        frames=_product(columns, rows, planes, layers),
        organization=dataset.text(DIMENSION_ORGANIZATION_TYPE) or None,
        overlap=dataset.text(TILES_OVERLAP) == "YES",
        origin_x=real(first, X_OFFSET) if first is not None else None,
        origin_y=real(first, Y_OFFSET) if first is not None else None,
        origin_z=real(first, Z_OFFSET) if first is not None else None,
        offset=max(0, whole(dataset, CONCATENATION_OFFSET) or 0),
    )  # fmt: skip
