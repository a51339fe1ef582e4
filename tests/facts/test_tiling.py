"""The facts `tiling`, `measures`, `orientation` and `optical_path`."""

from __future__ import annotations

from typing import Any

import pytest
from support import slides
from support.modules import brightfield_path

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.registry import Facts

SHARED = "SharedFunctionalGroupsSequence[0]."
MEASURES = SHARED + "PixelMeasuresSequence[0]."


def group(name: str, dataset: Any, changes: dict[str, Any] | None = None, **writing: Any) -> Any:
    made = slides.changed(dataset, changes or {})
    instance = read_instance(WholeBuffer(slides.to_bytes(made, **writing)))
    assert instance is not None
    return Facts(instance).group(name)


def test_a_full_tiling() -> None:
    tiling = group("tiling", slides.full_native())
    assert (tiling.matrix_columns, tiling.matrix_rows, tiling.tile_columns, tiling.tile_rows) == (
        160,
        128,
        32,
        32,
    )
    assert (tiling.columns, tiling.rows, tiling.focal_planes, tiling.optical_paths, tiling.frames) == (
        5,
        4,
        1,
        1,
        20,
    )
    assert (tiling.organization, tiling.overlap, tiling.offset, tiling.segments) == (
        "TILED_FULL",
        False,
        0,
        None,
    )
    assert (tiling.origin_x, tiling.origin_y, tiling.origin_z) == (18, 40, 0)


def test_planes_and_paths() -> None:
    tiling = group("tiling", slides.z_stack_two_paths())
    assert (tiling.columns, tiling.rows, tiling.focal_planes, tiling.optical_paths, tiling.frames) == (
        3,
        2,
        3,
        2,
        36,
    )


@pytest.mark.parametrize(
    ("columns", "tile", "wanted"), [(1, 32, 1), (32, 32, 1), (33, 32, 2), (0, 32, 0), (5, 1, 5)]
)
def test_tiles_at_the_edge_count(columns: int, tile: int, wanted: int) -> None:
    changes = {"TotalPixelMatrixColumns": columns, "Columns": tile}
    assert group("tiling", slides.full_native(), changes).columns == wanted


@pytest.mark.parametrize("changes", [
    {"Columns": 0}, {"Columns": slides.ABSENT}, {"TotalPixelMatrixColumns": slides.ABSENT},
    {"TotalPixelMatrixColumns": b""}, {"TotalPixelMatrixColumns": b"\1\0"},
])  # fmt: skip
def test_what_is_missing_is_absent(changes: dict[str, Any]) -> None:
    tiling = group("tiling", slides.full_native(), changes)
    assert (tiling.columns, tiling.frames) == (None, None)
    assert tiling.rows == 4


def test_no_matrix_no_tiling() -> None:
    assert group("tiling", slides.ct()) is None
    assert group("orientation", slides.ct()) is None
    assert group("optical_path", slides.ct()) is None


def test_numbers_without_bound() -> None:
    most = b"\xff\xff\xff\xff"
    tiling = group("tiling", slides.full_native(), {
        "TotalPixelMatrixColumns": most, "TotalPixelMatrixRows": most, "Columns": 1, "Rows": 1,
        "TotalPixelMatrixFocalPlanes": most,
    })  # fmt: skip
    assert tiling.frames == (2**32 - 1) ** 3


@pytest.mark.parametrize(("labelmap", "segments"), [(False, 2), (True, 1)])
def test_segments_stand_where_optical_paths_stand(labelmap: bool, segments: int) -> None:
    made = slides.segmentation_of(slides.full_native(), labelmap=labelmap)
    tiling = group("tiling", made)
    assert (tiling.segments, tiling.frames) == (segments, 20 * segments)
    assert int(made.NumberOfFrames) == tiling.frames


def test_a_member_of_a_concatenation() -> None:
    assert [group("tiling", member).offset for member in slides.concatenation()] == [0, 8, 16]


def test_measures_of_all_frames_and_of_the_first() -> None:
    shared = group("measures", slides.z_stack_two_paths(), {MEASURES + "PixelSpacing": ["0.001", "0.002"]})
    assert (shared.row_spacing, shared.column_spacing, shared.shared) == (0.001, 0.002, True)
    assert (shared.slice_thickness, shared.spacing_between_slices) == (0.0015, 0.0015)
    made = slides.sparse_native()
    item = made.SharedFunctionalGroupsSequence[0]
    made.PerFrameFunctionalGroupsSequence[0].PixelMeasuresSequence = item.PixelMeasuresSequence
    del item.PixelMeasuresSequence
    assert group("measures", made).shared is False
    assert group("measures", slides.ct()).row_spacing == 1


@pytest.mark.parametrize("value", ["x", "", "1E400", "1\\2", b"\xff\xff"])
def test_measures_that_are_no_numbers(value: Any) -> None:
    thickness = group("measures", slides.full_native(), {MEASURES + "SliceThickness": value}).slice_thickness
    assert thickness == (1 if value == "1\\2" else None)


def test_orientation_of_a_scan() -> None:
    found = group("orientation", slides.full_native())
    assert (found.row_y, found.column_x, found.row_length, found.column_length) == (-1, -1, 1, 1)
    assert (found.dot, found.normal_z) == (0, -1)


def test_a_mirror_image() -> None:
    found = group(
        "orientation", slides.full_native(), {"ImageOrientationSlide": ["0", "-1", "0", "1", "0", "0"]}
    )
    assert found.normal_z == 1


@pytest.mark.parametrize(
    "value", [["0", "-1", "0", "-1", "0"], "", "a\\b\\c\\d\\e\\f", "1E200\\0\\0\\0\\1\\0"]
)
def test_no_six_numbers_no_orientation(value: Any) -> None:
    assert group("orientation", slides.full_native(), {"ImageOrientationSlide": value}) is None


def test_identifiers_of_paths() -> None:
    made = slides.full_native()
    made.OpticalPathSequence = [brightfield_path(name) for name in ("a", "b", "a", "c")]
    del made.OpticalPathSequence[3].OpticalPathIdentifier
    found = group("optical_path", made)
    assert (found.count, found.identifiers) == (4, ("a", "b", "a"))
    assert (found.repeated, found.unidentified) == ((2,), (3,))
