"""The facts `frames`, `places`, `dimensions` and the columns of frames, for a few frames and for many."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.modules import decimal, item
from support.slides import Scan

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.columns import Columns
from dcmlint.dicom.instance import read_instance
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.registry import Facts

pytestmark = pytest.mark.usefixtures("columns_from_few_items_on")


FRAMES = "PerFrameFunctionalGroupsSequence"
MANY = Scan(name="many-tiles", columns=80, rows=64, tile=8, codec="native", monochrome=True, sparse=True)
FEW = Scan(name="few-tiles", columns=160, rows=128, tile=32, codec="native", monochrome=True, sparse=True)


def facts_of(made: FileDataset, **writing: Any) -> Facts:
    instance = read_instance(WholeBuffer(slides.to_bytes(made, **writing)))
    assert instance is not None
    return Facts(instance)


def positions(made: Dataset) -> list[Dataset]:
    return [frame.PlanePositionSlideSequence[0] for frame in made.PerFrameFunctionalGroupsSequence]


Change = Callable[[FileDataset], None]


@pytest.fixture(params=["few", "many", "many, undefined lengths"])
def sparse(request: pytest.FixtureRequest) -> Callable[..., Facts]:
    """The facts of a sparse image after a change: of plain items, and of columns."""
    scan = FEW if request.param == "few" else MANY

    def make(change: Change | None = None, **scan_changes: Any) -> Facts:
        made = slides.volume(replace(scan, **scan_changes) if scan_changes else scan)
        if change is not None:
            change(made)
        facts = facts_of(made, undefined_lengths="undefined" in request.param)
        items = facts.instance.dataset.items(0x52009230)
        assert isinstance(items, Columns) is (scan is MANY)
        return facts

    return make


def of(facts: Facts, name: str) -> Any:
    found = facts(name)
    return found.tolist() if hasattr(found, "tolist") else list(found) if isinstance(found, tuple) else found


# -- positions ---------------------------------------------------------------------------------------------


def test_a_clean_scan(sparse: Callable[..., Facts]) -> None:
    facts = sparse()
    frames = facts.group("frames")
    assert frames.count == frames.positioned == frames.covered
    assert (frames.missing, frames.raster, frames.planes) == (0, False, 1)
    for name in ("outside", "off_grid", "repeated", "out_of_order"):
        assert of(facts, f"frames.{name}") == []
    assert (frames.zero_based, frames.tile_units, frames.swapped) == (False, False, False)
    assert facts.group("places").kind == ""
    for name in (
        "unlisted",
        "unresolved",
        "wrong_count",
        "zero",
        "gapped",
        "ambiguous",
        "descending",
        "repeated",
    ):
        assert of(facts, f"dimensions.{name}") == []


def set_position(number: int, **values: Any) -> Change:
    def change(made: FileDataset) -> None:
        for keyword, value in values.items():
            setattr(positions(made)[number], keyword, value)

    return change


def test_outside_and_between(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        found = positions(made)
        found[3].ColumnPositionInTotalImagePixelMatrix = 161
        found[5].RowPositionInTotalImagePixelMatrix = -7
        found[7].ColumnPositionInTotalImagePixelMatrix += 3
        found[9].RowPositionInTotalImagePixelMatrix = 0

    facts = sparse(change)
    assert of(facts, "frames.outside") == [3, 5, 9]
    assert of(facts, "frames.off_grid") == [7]
    assert of(facts, "frames.zero_based") is False


def test_overlapping_tiles_have_no_grid(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.add_new(0x00480304, "CS", "YES")  # Tiles Overlap
        positions(made)[7].ColumnPositionInTotalImagePixelMatrix += 3

    facts = sparse(change)
    assert of(facts, "frames.off_grid") == []
    assert facts.group("frames").missing is None


@pytest.mark.parametrize("axis", ["Column", "Row"])
def test_counted_from_zero(sparse: Callable[..., Facts], axis: str) -> None:
    keyword = f"{axis}PositionInTotalImagePixelMatrix"

    def change(made: FileDataset) -> None:
        for position in positions(made):
            setattr(position, keyword, getattr(position, keyword) - 1)

    facts = sparse(change)
    assert of(facts, "frames.zero_based") is True
    assert of(facts, "frames.outside") == of(facts, "frames.off_grid") == []
    assert facts.group("places") is None


@pytest.mark.parametrize("first", [0, 1])
def test_counted_in_tiles(sparse: Callable[..., Facts], first: int) -> None:
    def change(made: FileDataset) -> None:
        for position in positions(made):
            for keyword in ("ColumnPositionInTotalImagePixelMatrix", "RowPositionInTotalImagePixelMatrix"):
                setattr(position, keyword, (getattr(position, keyword) - 1) // made.Columns + first)

    facts = sparse(change)
    assert of(facts, "frames.tile_units") is True
    assert of(facts, "frames.zero_based") is False


def test_few_tiles_of_a_large_matrix_are_no_tile_units(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.TotalPixelMatrixColumns = made.TotalPixelMatrixRows = 100_000

    facts = sparse(change)
    assert of(facts, "frames.tile_units") is False


def swap(made: FileDataset) -> None:
    for position in positions(made):
        column, row = (
            position.ColumnPositionInTotalImagePixelMatrix,
            position.RowPositionInTotalImagePixelMatrix,
        )
        position.ColumnPositionInTotalImagePixelMatrix, position.RowPositionInTotalImagePixelMatrix = (
            row,
            column,
        )


def test_swapped_positions(sparse: Callable[..., Facts]) -> None:
    facts = sparse(swap)
    assert of(facts, "frames.swapped") is True
    assert of(facts, "frames.outside") == []
    assert facts.group("places") is None


def test_swapped_positions_without_offsets(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        swap(made)
        for position in positions(made):
            del position.XOffsetInSlideCoordinateSystem

    assert of(sparse(change), "frames.swapped") is True


def test_one_frame_astray_is_not_swapped(sparse: Callable[..., Facts]) -> None:
    facts = sparse(set_position(0, RowPositionInTotalImagePixelMatrix=129))
    assert of(facts, "frames.swapped") is False
    assert of(facts, "frames.outside") == [0]


def test_repeated_frames(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        frames = made.PerFrameFunctionalGroupsSequence
        frames[4], frames[9] = copy.deepcopy(frames[2]), copy.deepcopy(frames[2])
        frames[6].PlanePositionSlideSequence[0].ZOffsetInSlideCoordinateSystem = "1.5"

    assert of(sparse(change), "frames.repeated") == [4, 9]


def test_planes_and_paths_are_no_repetition() -> None:
    facts = facts_of(slides.sparse_z_two_paths())
    frames = facts.group("frames")
    assert of(facts, "frames.repeated") == []
    assert (frames.planes, frames.plane_gap_min, frames.plane_gap_max) == (3, 1.5, 1.5)


def test_segments_are_no_repetition() -> None:
    facts = facts_of(slides.segmentation_of(slides.full_native(), tiled_full=False))
    assert of(facts, "frames.repeated") == []
    assert facts.group("places").kind == ""


def test_many_frames_of_segments() -> None:
    slide = slides.volume(Scan(name="many-colours", columns=80, rows=64, tile=8, codec="native"))
    facts = facts_of(slides.segmentation_of(slide, tiled_full=False))
    assert isinstance(facts.instance.dataset.items(0x52009230), Columns)
    assert (
        of(facts, "frames.repeated") == of(facts, "frames.outside") == of(facts, "dimensions.ambiguous") == []
    )
    assert (facts("frames.count"), facts("places.kind")) == (64, "")


def test_holes(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        del made.PerFrameFunctionalGroupsSequence[:3]

    frames = sparse(change).group("frames")
    assert (frames.missing, frames.covered) == (3, frames.count)


def test_raster_order(sparse: Callable[..., Facts]) -> None:
    assert sparse(order="raster").group("frames").raster is True


def test_a_full_tiling_with_positions(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.DimensionOrganizationType = "TILED_FULL"
        frames = made.PerFrameFunctionalGroupsSequence
        frames[2], frames[7] = copy.deepcopy(frames[7]), copy.deepcopy(frames[2])

    facts = sparse(change, order="raster")
    assert of(facts, "frames.out_of_order") == [2, 7]
    assert of(facts, "frames.outside") == of(facts, "frames.repeated") == []


def test_a_full_tiling_with_paths_in_another_order() -> None:
    made = slides.volume(Scan(name="z", columns=96, rows=64, codec="native", planes=3, paths=2, monochrome=True,
                              sparse=True, order="raster"))  # fmt: skip
    made.DimensionOrganizationType = "TILED_FULL"
    assert of(facts_of(made), "frames.out_of_order") == []
    made.PerFrameFunctionalGroupsSequence[20].OpticalPathIdentificationSequence[0].OpticalPathIdentifier = "1"
    assert of(facts_of(made), "frames.out_of_order") == [20]


def test_a_member_of_a_concatenation_begins_in_the_middle() -> None:
    made = slides.volume(replace(FEW, order="raster"))
    made.DimensionOrganizationType = "TILED_FULL"
    made.ConcatenationUID, made.ConcatenationFrameOffsetNumber = "1.2.3", 8
    del made.PerFrameFunctionalGroupsSequence[:8]
    assert of(facts_of(made), "frames.out_of_order") == []


def test_positions_that_are_missing(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        del made.PerFrameFunctionalGroupsSequence[2].PlanePositionSlideSequence
        del positions_of(made, 3).RowPositionInTotalImagePixelMatrix
        positions_of(made, 4).XOffsetInSlideCoordinateSystem = None

    facts = sparse(change)
    frames, places = facts.group("frames"), facts.group("places")
    assert frames.positioned == frames.count - 2
    assert places.compared == frames.count - 3
    assert np.isnan(frames.row[2:4]).all()


def positions_of(made: FileDataset, number: int) -> Dataset:
    return made.PerFrameFunctionalGroupsSequence[number].PlanePositionSlideSequence[0]


def test_hostile_sizes(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        slides.put(made, "Columns", 0)
        slides.put(made, "TotalPixelMatrixFocalPlanes", b"\xff\xff\xff\xff")

    facts = sparse(change)
    assert facts.group("frames").missing is None
    facts = sparse(lambda made: slides.put(made, "TotalPixelMatrixRows", b"\xff\xff\xff\xff"))
    assert facts.group("frames").missing is not None


# -- X and Y -----------------------------------------------------------------------------------------------


def test_one_frame_elsewhere(sparse: Callable[..., Facts]) -> None:
    facts = sparse(set_position(8, XOffsetInSlideCoordinateSystem="10"))
    places = facts.group("places")
    assert (places.kind, of(facts, "places.off_place"), of(facts, "places.off_origin")) == (
        "scattered",
        [8],
        [],
    )
    assert places.found[0] == 10
    assert places.tiles > 100


def test_the_first_frame_elsewhere(sparse: Callable[..., Facts]) -> None:
    facts = sparse(set_position(0, YOffsetInSlideCoordinateSystem="41"))
    assert (of(facts, "places.off_place"), of(facts, "places.off_origin")) == ([], [0])


def test_the_origin_elsewhere(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem = "12"

    facts = sparse(change)
    assert facts.group("places").kind == "shifted"
    assert (of(facts, "places.off_place"), of(facts, "places.off_origin")) == ([], [0])


def test_one_place_for_all(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        for position in positions(made):
            position.XOffsetInSlideCoordinateSystem = position.YOffsetInSlideCoordinateSystem = "0"

    assert sparse(change).group("places").one_place


@pytest.mark.parametrize(("kind", "change"), [
    ("swapped", lambda x, y: (y, x)), ("swapped", lambda x, y: (18 + (y - 40), 40 + (x - 18))),
    ("linear", lambda x, y: (36 - x, y)), ("linear", lambda x, y: (18 + 2 * (x - 18), 40 + 2 * (y - 40))),
    ("linear", lambda x, y: (1000 * x, 1000 * y)), ("shifted", lambda x, y: (x + 1, y - 1)),
])  # fmt: skip
def test_systematic_deviations(
    sparse: Callable[..., Facts], kind: str, change: Callable[[float, float], tuple[float, float]]
) -> None:
    def edit(made: FileDataset) -> None:
        for position in positions(made):
            x, y = change(
                float(position.XOffsetInSlideCoordinateSystem), float(position.YOffsetInSlideCoordinateSystem)
            )
            position.XOffsetInSlideCoordinateSystem, position.YOffsetInSlideCoordinateSystem = (
                decimal(x),
                decimal(y),
            )

    assert sparse(edit).group("places").kind == kind


def test_a_stage_is_never_exact(sparse: Callable[..., Facts]) -> None:
    rng = np.random.default_rng(1)

    def within(size: float) -> Change:
        def change(made: FileDataset) -> None:
            for position in positions(made):
                x = float(position.XOffsetInSlideCoordinateSystem) + rng.uniform(-size, size)
                position.XOffsetInSlideCoordinateSystem = decimal(x)

        return change

    assert sparse(within(0.0004)).group("places").kind == ""
    places = sparse(within(0.003)).group("places")
    assert (places.kind, places.tiles < 1) == ("scattered", True)


def test_against_highdicom() -> None:
    """The same geometry as an independent implementation: oblique, anisotropic, two planes and two paths."""
    from highdicom.spatial import iter_tiled_full_frame_data

    scan = Scan(
        name="geometry", columns=150, rows=70, tile=32, codec="native", planes=2, paths=2, monochrome=True
    )
    full = slides.volume(scan)
    angle = np.deg2rad(33)
    full.ImageOrientationSlide = [
        decimal(v) for v in (np.sin(angle), -np.cos(angle), 0, -np.cos(angle), -np.sin(angle), 0)
    ]
    full.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = ["0.0007", "0.0004"]
    made = copy.deepcopy(full)
    made.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSlideSequence=[item(
                ColumnPositionInTotalImagePixelMatrix=column, RowPositionInTotalImagePixelMatrix=row,
                XOffsetInSlideCoordinateSystem=decimal(x), YOffsetInSlideCoordinateSystem=decimal(y),
                # highdicom gives Z in mm, the attribute is in um (PS3.3 C.8.12.6.1)
                ZOffsetInSlideCoordinateSystem=decimal(1000 * z),
            )],
            OpticalPathIdentificationSequence=[item(OpticalPathIdentifier=str(channel))],
        )
        for channel, _, column, row, x, y, z in iter_tiled_full_frame_data(full)
    ]  # fmt: skip
    facts = facts_of(made)
    frames, places = facts.group("frames"), facts.group("places")
    assert frames.count == facts("tiling.frames") == 60
    assert of(facts, "frames.out_of_order") == []
    assert (frames.planes, frames.plane_gap_max, frames.raster) == (2, 1.5, True)
    assert (places.compared, places.kind, places.one_place) == (60, "", False)
    made.DimensionOrganizationType = "TILED_SPARSE"
    facts = facts_of(made)
    assert of(facts, "frames.outside") == of(facts, "frames.off_grid") == of(facts, "frames.repeated") == []
    assert facts.group("frames").missing == 0


# -- dimensions --------------------------------------------------------------------------------------------


def indices(change: Callable[[int, list[int]], list[int]]) -> Change:
    def edit(made: FileDataset) -> None:
        for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence):
            content = frame.FrameContentSequence[0]
            content.DimensionIndexValues = change(number, list(content.DimensionIndexValues))

    return edit


def test_too_few_indices(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: values[:1] if number in (3, 6) else values))
    assert of(facts, "dimensions.wrong_count") == [3, 6]
    assert of(facts, "dimensions.repeated") == []


def test_an_index_of_zero(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: [0, values[1]] if number == 6 else values))
    assert of(facts, "dimensions.zero") == [6]
    assert of(facts, "dimensions.ambiguous") == of(facts, "dimensions.gapped") == []


def test_gaps(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: [values[0], 2 * values[1] - 1]))
    assert of(facts, "dimensions.gapped") == [1]
    assert of(facts, "dimensions.ambiguous") == []


def test_an_index_of_another_place(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: [4, 1] if number == 6 else values))
    assert of(facts, "dimensions.ambiguous_frames") == [6]


def test_one_index_for_two_places(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: [values[0], min(values[1], 4)]))
    assert of(facts, "dimensions.ambiguous") == [1]


def test_the_other_way_round(sparse: Callable[..., Facts]) -> None:
    facts = sparse(indices(lambda number, values: [values[0], 99 - values[1]]))
    assert of(facts, "dimensions.descending") == [1]
    assert of(facts, "dimensions.ambiguous") == []


def point(dimension: int, attribute: int, group: int | None) -> Change:
    def change(made: FileDataset) -> None:
        item_ = made.DimensionIndexSequence[dimension]
        item_.DimensionIndexPointer = attribute
        if group is None:
            del item_.FunctionalGroupPointer
        else:
            item_.FunctionalGroupPointer = group

    return change


def test_an_offset_as_dimension(sparse: Callable[..., Facts]) -> None:
    """What counts as one value is for the writer to say: a stage may stop a little elsewhere."""
    rng = np.random.default_rng(2)

    def change(made: FileDataset) -> None:
        point(0, 0x0040072A, 0x0048021A)(made)
        for position in positions(made):
            x = float(position.XOffsetInSlideCoordinateSystem) + rng.uniform(-0.0005, 0.0005)
            position.XOffsetInSlideCoordinateSystem = decimal(x)

    facts = sparse(change)
    assert of(facts, "dimensions.ambiguous") == []
    assert of(facts, "dimensions.descending") == [0]

    def and_wrong(made: FileDataset) -> None:
        change(made)
        indices(lambda number, values: [4, values[1]] if number == 2 else values)(made)

    facts = sparse(and_wrong)
    assert of(facts, "dimensions.ambiguous") == [0]
    assert of(facts, "dimensions.ambiguous_frames") == [2]


def test_a_pointer_to_nothing(sparse: Callable[..., Facts]) -> None:
    assert of(sparse(point(1, 0x00200032, 0x00209113)), "dimensions.unresolved") == [1]
    assert of(sparse(point(1, 0x0048021F, 0x00209111)), "dimensions.unresolved") == [1]
    assert of(sparse(point(1, 0x00080008, None)), "dimensions.unresolved") == []


def test_an_unlisted_organization(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.DimensionIndexSequence[1].DimensionOrganizationUID = "1.2.3.9"

    assert of(sparse(change), "dimensions.unlisted") == [1]


def test_indices_that_do_not_tell_frames_apart() -> None:
    made = slides.sparse_z_two_paths()
    for frame in made.PerFrameFunctionalGroupsSequence:
        content = frame.FrameContentSequence[0]
        content.DimensionIndexValues = content.DimensionIndexValues[1:]
    del made.DimensionIndexSequence[0]
    assert of(facts_of(made), "dimensions.repeated") == list(range(18, 36))


# -- columns -----------------------------------------------------------------------------------------------


def test_columns_say_what_items_say(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        frames = made.PerFrameFunctionalGroupsSequence
        del frames[3].OpticalPathIdentificationSequence
        frames[5].OpticalPathIdentificationSequence[0].OpticalPathIdentifier = "other"
        frames[7].PlanePositionSlideSequence = []
        frames[8].FrameContentSequence[0].DimensionIndexValues = [7, 8, 9]

    dataset = sparse(change).instance.dataset
    columns = FrameColumns(dataset)
    items = dataset.items(0x52009230)
    position, column, path, identifier, content, values = (
        0x0048021A, 0x0048021E, 0x00480207, 0x00480106, 0x00209111, 0x00209157)  # fmt: skip
    wanted = [i.items(position)[0].value(column) if i.items(position) else np.nan for i in items]
    np.testing.assert_array_equal(columns.numbers((position, column)), wanted)
    assert columns.has((position,)).tolist() == [bool(len(i.items(position))) for i in items]
    texts = columns.texts((path, identifier))
    assert [texts.distinct[code] if code >= 0 else "" for code in texts.which] == [
        i.items(path)[0].text(identifier) if i.items(path) else "" for i in items
    ]
    assert columns.counts((content, values)).tolist() == [
        len(i.items(content)[0].values(values)) for i in items
    ]
    third = [i.items(content)[0].value(values, 3) for i in items]
    np.testing.assert_array_equal(
        columns.numbers((content, values), 3), [np.nan if v is None else v for v in third]
    )
    assert columns.most_items(position) == 1


def test_what_is_shared_stands_for_what_is_not_said(sparse: Callable[..., Facts]) -> None:
    def change(made: FileDataset) -> None:
        made.SharedFunctionalGroupsSequence[0].OpticalPathIdentificationSequence = [
            item(OpticalPathIdentifier="s")
        ]
        made.SharedFunctionalGroupsSequence[0].PlanePositionSlideSequence = [
            item(ZOffsetInSlideCoordinateSystem="7")
        ]
        for frame in made.PerFrameFunctionalGroupsSequence[::2]:
            del frame.OpticalPathIdentificationSequence
            del frame.PlanePositionSlideSequence

    columns = FrameColumns(sparse(change).instance.dataset)
    texts = columns.texts((0x00480207, 0x00480106), shared=True)
    assert [texts.distinct[code] for code in texts.which[:4]] == ["s", "1", "s", "1"]
    assert columns.numbers((0x0048021A, 0x0040074A), shared=True)[:2].tolist() == [7, 0]
    assert columns.shared_has((0x0048021A, 0x0040074A))
    assert not columns.shared_has((0x0048021A, 0x0040072A))


def test_groups_of_other_images() -> None:
    made = slides.enhanced_ct()
    frames = made.PerFrameFunctionalGroupsSequence
    made.PerFrameFunctionalGroupsSequence = [copy.deepcopy(frames[n % 2]) for n in range(60)]
    made.NumberOfFrames = "60"
    facts = facts_of(made)
    assert isinstance(facts.instance.dataset.items(0x52009230), Columns)
    assert facts.group("frames") is None
    assert len(facts.group("dimensions").repeated) == 58
    assert (facts("functional_groups.frames"), facts("functional_groups.complete")) == (60, True)


def test_a_file_that_ends_too_early() -> None:
    data = slides.to_bytes(slides.volume(MANY))
    instance = read_instance(WholeBuffer(data[: data.index(b"\x00\x52\x30\x92SQ") + 9000]))
    assert instance is not None
    facts = Facts(instance)
    assert facts("functional_groups.complete") is False
    assert 20 < facts("frames.count") < 80
    assert of(facts, "frames.outside") == []
