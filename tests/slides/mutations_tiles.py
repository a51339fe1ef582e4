"""Defects of tiles, functional groups and dimensions."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from mutations import ABSENT, break_one, break_set
from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.modules import code, item, uid
from support.pictures import encode, tissue
from support.slides import Scan, put

SHARED = "SharedFunctionalGroupsSequence[0]."
MEASURES = SHARED + "PixelMeasuresSequence[0]."
ORIGIN = "TotalPixelMatrixOriginSequence[0]."
FRAMES = "PerFrameFunctionalGroupsSequence"
POSITION = FRAMES + "[{}].PlanePositionSlideSequence[0]."
CONTENT = FRAMES + "[{}].FrameContentSequence[0]."


def positions(made: Dataset) -> list[Dataset]:
    """The item of Plane Position (Slide) of every frame."""
    return [frame.PlanePositionSlideSequence[0] for frame in made.PerFrameFunctionalGroupsSequence]


def contents(made: Dataset) -> list[Dataset]:
    """The item of Frame Content of every frame."""
    return [frame.FrameContentSequence[0] for frame in made.PerFrameFunctionalGroupsSequence]


def shortened(made: FileDataset, *, keep_frames: int) -> None:
    """An image of native pixels with its first frames only."""
    size = len(made.PixelData) // int(made.NumberOfFrames)
    made.PixelData = made.PixelData[: size * keep_frames]
    made.NumberOfFrames = str(keep_frames)


# -- TILE --------------------------------------------------------------------------------------------------

break_one("TILE001", "3D", "sparse", {"DimensionOrganizationType": "3D"})
break_one("TILE002", "no number of planes", "native", {"TotalPixelMatrixFocalPlanes": ABSENT})
break_one("TILE003", "a frame short", "native", edit=partial(shortened, keep_frames=19))


def _second_path(made: FileDataset) -> None:
    second = copy.deepcopy(made.OpticalPathSequence[0])
    second.OpticalPathIdentifier = "2"
    made.OpticalPathSequence.append(second)


break_one("TILE004", "two paths, told to be one", "native", edit=_second_path)
break_one("TILE005", "a matrix without columns", "native", {"TotalPixelMatrixColumns": 0})


def _larger_than_the_matrix(_: FileDataset) -> FileDataset:
    return slides.volume(Scan(name="small", columns=12, rows=12, codec="native"))


break_one("TILE006", "a tile of 32 for a matrix of 12", "native", edit=_larger_than_the_matrix)
break_one(
    "TILE007", "frame 4 without position", "sparse", {FRAMES + "[3].PlanePositionSlideSequence": ABSENT}
)


def moved(made: FileDataset, *, frame: int, column: int) -> None:
    """One frame at another column, with the offset and the index that belong to it."""
    position = positions(made)[frame]
    position.ColumnPositionInTotalImagePixelMatrix = column
    position.YOffsetInSlideCoordinateSystem = f"{40 - (column - 1) * 0.0005:.6g}"
    contents(made)[frame].DimensionIndexValues[1] = 6


break_one("TILE008", "right of the matrix", "sparse", edit=partial(moved, frame=7, column=161))
break_one("TILE009", "between the tiles", "sparse", edit=partial(moved, frame=7, column=38))


def each_position(made: FileDataset, change: Any) -> None:
    """Change the position of every frame by its number."""
    for number, position in enumerate(positions(made)):
        change(number, position)


def _minus_one(_: int, position: Dataset) -> None:
    position.ColumnPositionInTotalImagePixelMatrix -= 1
    position.RowPositionInTotalImagePixelMatrix -= 1


def _in_tiles(_: int, position: Dataset) -> None:
    position.ColumnPositionInTotalImagePixelMatrix = position.ColumnPositionInTotalImagePixelMatrix // 32 + 1
    position.RowPositionInTotalImagePixelMatrix = position.RowPositionInTotalImagePixelMatrix // 32 + 1


def _swapped(_: int, position: Dataset) -> None:
    column, row = position.ColumnPositionInTotalImagePixelMatrix, position.RowPositionInTotalImagePixelMatrix
    position.ColumnPositionInTotalImagePixelMatrix, position.RowPositionInTotalImagePixelMatrix = row, column


def _at_the_origin(_: int, position: Dataset) -> None:
    position.XOffsetInSlideCoordinateSystem, position.YOffsetInSlideCoordinateSystem = "18", "40"


def _in_millimetres(_: int, position: Dataset) -> None:
    position.ZOffsetInSlideCoordinateSystem = f"{float(position.ZOffsetInSlideCoordinateSystem) / 1000:.6g}"


break_one("TILE010", "counted from 0", "sparse", edit=partial(each_position, change=_minus_one))
break_one("TILE011", "counted in tiles", "sparse", edit=partial(each_position, change=_in_tiles))


def _all_swapped(made: FileDataset) -> None:
    each_position(made, _swapped)
    each_index(made, lambda row, column: [column, row])


break_one("TILE012", "rows for columns", "sparse", edit=_all_swapped)


def _same_place(made: FileDataset) -> None:
    made.PerFrameFunctionalGroupsSequence[1] = copy.deepcopy(made.PerFrameFunctionalGroupsSequence[0])


break_one("TILE013", "two frames at one place", "sparse", edit=_same_place)
break_one(
    "TILE014", "one frame 8 mm off", "sparse", {POSITION.format(7) + "XOffsetInSlideCoordinateSystem": "10"}
)
break_one("TILE015", "all frames at one offset", "sparse", edit=partial(each_position, change=_at_the_origin))
break_one(
    "TILE016", "the origin a millimetre off", "sparse", {ORIGIN + "XOffsetInSlideCoordinateSystem": "19"}
)


def _full_in_another_order(made: FileDataset) -> None:
    frames = made.PerFrameFunctionalGroupsSequence
    frames[0], frames[1] = copy.deepcopy(frames[1]), copy.deepcopy(frames[0])


break_one("TILE017", "two frames in the wrong order", "full with positions", edit=_full_in_another_order)
break_one(
    "TILE018",
    "a path that is not there",
    "sparse",
    {FRAMES + "[4].OpticalPathIdentificationSequence[0].OpticalPathIdentifier": "zz"},
)
break_one("TILE019", "planes without distance", "z-stack", {MEASURES + "SpacingBetweenSlices": ABSENT})
break_one("TILE020", "planes at distance 0", "z-stack", {MEASURES + "SpacingBetweenSlices": "0"})
break_one("TILE021", "planes 2 mm apart", "z-stack", {MEASURES + "SpacingBetweenSlices": "2.0"})
break_one("TILE022", "Z in millimetres", "sparse-z", edit=partial(each_position, change=_in_millimetres))
# TILE-023 is IOD-011 where Z varies: the table row says it of any image.
break_one("IOD011", "focal planes that are not merged", "sparse-z", {"NumberOfFocalPlanes": 3})
break_one("TILE024", "no origin", "native", {"TotalPixelMatrixOriginSequence": []})


def _in_raster_order(_: FileDataset) -> FileDataset:
    return slides.volume(Scan(name="raster", codec="native", sparse=True, order="raster"))


break_one("TILE025", "sparse without need", "native", edit=_in_raster_order)
break_one(
    "TILE026", "a tile is missing", "native", edit=lambda _: slides.sparse_native(missing=frozenset({7}))
)


def _sparse_label(made: FileDataset) -> None:
    """One frame at the first pixel, with all that TILED_SPARSE asks for."""
    made.DimensionOrganizationType = "TILED_SPARSE"
    dimension = {"DimensionOrganizationUID": made.DimensionOrganizationSequence[0].DimensionOrganizationUID}
    made.DimensionIndexSequence = [
        item(**dimension, DimensionIndexPointer=0x0048021E, FunctionalGroupPointer=0x0048021A)]  # fmt: skip
    made.PerFrameFunctionalGroupsSequence = [item(
        FrameContentSequence=[item(DimensionIndexValues=[1])],
        PlanePositionSlideSequence=[item(
            ColumnPositionInTotalImagePixelMatrix=1, RowPositionInTotalImagePixelMatrix=1,
            XOffsetInSlideCoordinateSystem="25.5", YOffsetInSlideCoordinateSystem="75.5",
            ZOffsetInSlideCoordinateSystem="0")],
        OpticalPathIdentificationSequence=[item(OpticalPathIdentifier="1")])]  # fmt: skip


break_one("TILE027", "a label that is tiled", "label", edit=_sparse_label)


def _cropped(_: FileDataset) -> FileDataset:
    made = slides.volume(Scan(name="full-jpeg", columns=152))
    frames = slides.frames_of(made)
    frames[4] = encode(tissue(24, 32), "jpeg")
    return slides.put_frames(made, frames)


break_one("TILE028", "a narrow tile at the edge", "jpeg", edit=_cropped)

# -- FG ----------------------------------------------------------------------------------------------------


def _twice(made: FileDataset) -> None:
    made.SharedFunctionalGroupsSequence.append(copy.deepcopy(made.SharedFunctionalGroupsSequence[0]))


break_one("FG001", "two items for all frames", "native", edit=_twice)


def per_frame(made: FileDataset, *, group: str, keep: bool = False) -> None:
    """A functional group in each frame instead of, or beside, the shared one."""
    shared = made.SharedFunctionalGroupsSequence[0]
    for frame in made.PerFrameFunctionalGroupsSequence:
        setattr(frame, group, copy.deepcopy(shared[group].value))
    if not keep:
        delattr(shared, group)


break_one(
    "FG002", "spacings frame by frame", "sparse", edit=partial(per_frame, group="PixelMeasuresSequence")
)
break_one(
    "FG003",
    "types frame by frame",
    "sparse",
    edit=partial(per_frame, group="WholeSlideMicroscopyImageFrameTypeSequence"),
)
break_one("FG004", "a shared group in each frame too", "sparse",
          edit=lambda made: put(made, SHARED + "OpticalPathIdentificationSequence", [item(OpticalPathIdentifier="1")]))  # fmt: skip
break_one("FG005", "a spacing at the top", "native", {"PixelSpacing": ["0.0005", "0.0005"]})


def _item_dropped(made: FileDataset) -> None:
    del made.PerFrameFunctionalGroupsSequence[19]


break_one("FG006", "19 items for 20 frames", "sparse", edit=_item_dropped)
# In slides all groups of each frame are optional, but for those of TILE007.
break_one("FG007", "a frame without content", "native", {FRAMES + "[1].FrameContentSequence": ABSENT},
          edit=lambda _: slides.enhanced_ct())  # fmt: skip


def _content_shared(made: FileDataset) -> None:
    made.SharedFunctionalGroupsSequence[0].FrameContentSequence = [item(FrameAcquisitionDuration=2.5)]


break_one("FG008", "content of all frames", "native", edit=_content_shared)
break_one("FG009", "no organization", "native", {"DimensionOrganizationSequence": ABSENT})
break_one("FG007", "a tile without indices", "sparse", {FRAMES + "[3].FrameContentSequence": ABSENT})
break_one("FG104", "a specimen of one tile", "sparse", {FRAMES + "[3].SpecimenReferenceSequence": [item(SpecimenUID="2.25.7")]},
          also={"FG022": "nobody knows it"})  # fmt: skip
break_one("FG010", "no dimension", "sparse", {"DimensionIndexSequence": ABSENT})
break_one("FG011", "one index of two", "sparse", {CONTENT.format(6) + "DimensionIndexValues": [2]})
break_one("FG012", "an index of 0", "sparse", {CONTENT.format(6) + "DimensionIndexValues": [2, 0]})


def each_index(made: FileDataset, change: Any) -> None:
    """Change the indices of every frame."""
    for content in contents(made):
        content.DimensionIndexValues = change(*content.DimensionIndexValues)


break_one(
    "FG013", "1, 3, 5", "sparse", edit=partial(each_index, change=lambda row, column: [row, 2 * column - 1])
)
break_one(
    "FG014", "an index of another place", "sparse", {CONTENT.format(6) + "DimensionIndexValues": [4, 5]}
)
break_one(
    "FG015",
    "from right to left",
    "sparse",
    edit=partial(each_index, change=lambda row, column: [row, 6 - column]),
)


def _one_dimension(made: FileDataset) -> None:
    del made.DimensionIndexSequence[0]
    each_index(made, lambda row, column: [column])


break_one("FG016", "columns only", "sparse", edit=_one_dimension)
break_one(
    "FG017",
    "another organization",
    "sparse",
    {"DimensionIndexSequence[0].DimensionOrganizationUID": "1.2.3.9"},
)
break_one("FG018", "a position in the patient", "sparse", {
    "DimensionIndexSequence[0].DimensionIndexPointer": 0x00200032,
    "DimensionIndexSequence[0].FunctionalGroupPointer": 0x00209113})  # fmt: skip
break_one("FG019", "indices of indices", "sparse", {
    "DimensionIndexSequence[0].DimensionIndexPointer": 0x00209157,
    "DimensionIndexSequence[0].FunctionalGroupPointer": 0x00209111})  # fmt: skip
break_one("FG020", "nobody's private attribute", "sparse", {"DimensionIndexSequence[0].DimensionIndexPointer": 0x00091001},
          also={"FG018": "without creator the pointer leads nowhere"})  # fmt: skip


def _same_organization(made: list[FileDataset]) -> list[FileDataset]:
    scan = Scan(name="sparse pyramid", sparse=True, codec="native")
    levels = [slides.volume(scan, level) for level in range(3)]
    for one in levels[1:]:
        one.DimensionOrganizationSequence = copy.deepcopy(levels[0].DimensionOrganizationSequence)
        for dimension in one.DimensionIndexSequence:
            dimension.DimensionOrganizationUID = (
                levels[0].DimensionOrganizationSequence[0].DimensionOrganizationUID
            )
    return levels


break_set("FG021", "one organization for all levels", "pyramid", edit=_same_organization)
break_one("FG022", "a specimen that is not there", "native",
          edit=lambda made: put(made, SHARED + "SpecimenReferenceSequence", [item(SpecimenUID="1.2.3.77")]))  # fmt: skip


def _real_world(made: FileDataset) -> None:
    put(made, SHARED + "RealWorldValueMappingSequence", [item(
        LUTExplanation="Example", LUTLabel="EXAMPLE", MeasurementUnitsCodeSequence=[code(("1", "UCUM", "no units"))],
        RealWorldValueIntercept=0.0, RealWorldValueSlope=1.0)])  # fmt: skip
    mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    put(mapping, "RealWorldValueFirstValueMapped", 0, "US")
    put(mapping, "RealWorldValueLastValueMapped", 255, "US")


break_one("FG023", "units for colours", "native", edit=_real_world)


def _referenced(made: FileDataset) -> None:
    other = {
        "ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6",
        "ReferencedSOPInstanceUID": uid("another"),
    }
    put(made, SHARED + "ReferencedImageSequence", [
        item(**other, PurposeOfReferenceCodeSequence=[code(("121312", "DCM", "Localizer"))])])  # fmt: skip
    made.StudiesContainingOtherReferencedInstancesSequence = [
        item(StudyInstanceUID=uid("another study"), ReferencedSeriesSequence=[
            item(SeriesInstanceUID=uid("another series"), ReferencedInstanceSequence=[item(**other)])])]  # fmt: skip


break_one("FG024", "a purpose of other images", "native", edit=_referenced)
