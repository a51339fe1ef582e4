"""One defect is one finding: what follows from it is not told too."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from mutations import written
from pydicom.dataset import FileDataset
from support import general, slides
from support.modules import code, item
from support.slides import ABSENT, Scan, put
from test_mutations import _check

PIXEL_SPACING = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing"
GROUP = "AnnotationGroupSequence[0]."
COORDINATES = GROUP + "DoublePointCoordinatesData"


def _loud(*instances: FileDataset) -> list[tuple[str, str]]:
    found = _check(written(instances)).findings
    return [(one.rule, one.path) for one in found if one.severity != "info"]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SpecimenLabelInImage", "no"),
        ("BurnedInAnnotation", "No"),
        ("FocusMethod", "auto"),
        ("Modality", "sm"),
        ("PhotometricInterpretation", "ybr_full_422"),
    ],
)
def test_a_code_string_in_lower_case(keyword: str, value: str) -> None:
    made = slides.full_jpeg()
    put(made, keyword, value)
    assert _loud(made) == [("VR003", keyword)]


def _annotations(changes: dict[str, object]) -> FileDataset:
    made = slides.annotations_of(slides.full_jpeg())
    name, unit = ("42798000", "SCT", "Area"), ("um2", "UCUM", "square micrometer")
    values = item(FloatingPointValues=np.arange(5, dtype="<f4").tobytes())
    measured = item(
        ConceptNameCodeSequence=[code(name)], MeasurementUnitsCodeSequence=[code(unit)],
        MeasurementValuesSequence=[values],
    )  # fmt: skip
    put(made, GROUP + "MeasurementsSequence", [measured])
    for path, value in changes.items():
        put(made, path, value)
    return made


def test_annotations_that_are_measured() -> None:
    assert _loud(_annotations({}), slides.full_jpeg()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        # What a value decides that may not stand there, or is missing, is not known.
        ({"AnnotationCoordinateType": "4D"}, ("MOD009", "AnnotationCoordinateType")),
        ({"AnnotationCoordinateType": ABSENT}, ("MOD001", "AnnotationCoordinateType")),
        ({"ReferencedImageSequence": ABSENT}, ("MOD004", "ReferencedImageSequence")),
        ({GROUP + "NumberOfAnnotations": 6}, ("ANN006", GROUP + "NumberOfAnnotations")),
        ({COORDINATES: b""}, ("MOD005", COORDINATES)),
        ({GROUP + "AnnotationGroupUID": slides.full_jpeg().SOPInstanceUID}, ("ANN002", GROUP + "AnnotationGroupUID")),
        ({"PixelOriginInterpretation": "FRAME"}, ("DRV013", "PixelOriginInterpretation")),
        ({"PatientID": "OTHER"}, ("ENT001", "PatientID")),
    ],
)  # fmt: skip
def test_a_defect_of_annotations(changes: dict[str, object], told: tuple[str, str]) -> None:
    assert _loud(_annotations(changes), slides.full_jpeg()) == [told]


def test_a_specimen_or_an_optical_path_that_is_there_twice() -> None:
    made = slides.full_jpeg()
    made.SpecimenDescriptionSequence.append(made.SpecimenDescriptionSequence[0])
    assert _loud(made) == [("SPEC007", "SpecimenDescriptionSequence[1]")]
    made = slides.full_jpeg()
    made.OpticalPathSequence.append(made.OpticalPathSequence[0])
    assert [rule for rule, _ in _loud(made)] == ["OPT002"]


def test_a_container_whose_code_is_none() -> None:
    made = slides.full_jpeg()
    path = "ContainerTypeCodeSequence[0].CodeValue"
    put(made, path, "433466004")
    assert _loud(made) == [("COD007", path)]


SPARSE_POSITION = "PerFrameFunctionalGroupsSequence[0].PlanePositionSlideSequence[0]."


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("SamplesPerPixel", b"", "MOD002"),
        ("BitsStored", b"", "MOD002"),
        ("HighBit", b"", "MOD002"),
        ("SharedFunctionalGroupsSequence", ABSENT, "FG001"),
        ("PerFrameFunctionalGroupsSequence", ABSENT, "FG010"),
        ("PerFrameFunctionalGroupsSequence", [], "FG010"),
        ("DimensionOrganizationSequence[0].DimensionOrganizationUID", ABSENT, "MOD001"),
        ("OpticalPathSequence[0].OpticalPathIdentifier", ABSENT, "OPT002"),
        (SPARSE_POSITION + "ColumnPositionInTotalImagePixelMatrix", ABSENT, "MOD001"),
    ],
)
def test_what_is_empty_or_missing(path: str, value: object, rule: str) -> None:
    made = slides.sparse_native()
    put(made, path, value)
    assert [one for one, _ in _loud(made)] == [rule]


def test_a_step_item_without_a_name() -> None:
    made = slides.full_jpeg()
    step = "SpecimenDescriptionSequence[0].SpecimenPreparationSequence[0]."
    path = step + "SpecimenPreparationStepContentItemSequence[0].ConceptNameCodeSequence"
    put(made, path, ABSENT)
    assert _loud(made) == [("SPEC012", path)]


def test_groups_of_frames_of_which_nothing_is_said() -> None:
    source = slides.full_native()
    made = slides.segmentation_of(source, tiled_full=False)
    del made.PerFrameFunctionalGroupsSequence
    assert [rule for rule, _ in _loud(made, source)] == ["FG101"]


def test_a_segment_that_is_not_numbered() -> None:
    source = slides.full_native()
    made = slides.segmentation_of(source, tiled_full=False)
    put(made, "SegmentSequence[1].SegmentNumber", 1)
    assert [rule for rule, _ in _loud(made, source)] == ["SEG001"]
    made = slides.segmentation_of(source, labelmap=True)
    put(made, "SegmentSequence[1].SegmentNumber", ABSENT)
    assert [rule for rule, _ in _loud(made, source)] == ["MOD001"]


def _wrong(made: FileDataset, *keywords: str) -> FileDataset:
    """The Total Pixel Matrix rounded up to whole tiles, without the keywords named."""
    made.TotalPixelMatrixColumns = -(-made.TotalPixelMatrixColumns // made.Columns) * made.Columns
    made.TotalPixelMatrixRows = -(-made.TotalPixelMatrixRows // made.Rows) * made.Rows
    for keyword in keywords:
        delattr(made, keyword)
    return made


ODD = Scan(name="odd sizes", columns=150, rows=117)


def test_a_matrix_of_whole_tiles() -> None:
    columns = "TotalPixelMatrixColumns"
    base, *below = (slides.volume(ODD, level) for level in range(3))
    assert _loud(base, *below) == []
    assert _loud(_wrong(base)) == [("WSI032", columns)]
    assert _loud(base, *below) == [("PYR010", columns)]
    base, *below = (_wrong(slides.volume(ODD, level)) for level in range(3))
    assert sorted(_loud(base, *below)) == [("PYR010", columns)] * 2 + [("WSI032", columns)]


@pytest.mark.parametrize("factor", [1e3, 1e6, 1e-3])
def test_a_spacing_that_no_slide_can_have(factor: float) -> None:
    made = slides.sparse_native()
    put(made, PIXEL_SPACING, [f"{0.0005 * factor:.10g}"] * 2)
    rule = "WSI031" if factor > 1e3 else "WSI018"
    told = [(one, path) for one, path in _loud(made) if one != "WSI021"]  # the corners lie where it says
    assert told == [(rule, PIXEL_SPACING)]


def test_stations_of_one_slide() -> None:
    levels = [slides.volume(Scan(name="stations"), level) for level in range(2)]
    for number, level in enumerate(levels):
        level.StationName = f"SCANNER{number}"
    found = [one for one in _check(written(levels)).findings if one.severity != "info"]
    assert [(one.rule, one.severity, one.path) for one in found] == [("PYR026", "warning", "StationName")]


@pytest.mark.parametrize(
    ("keyword", "rule", "path"),
    [
        ("FocusMethod", "IOD010", "FocusMethod"),
        ("InstanceCreationDate", "", ""),
        ("ContentLabel", "CONC009", "ContentLabel"),
    ],
)
def test_what_each_member_of_a_concatenation_must_have_is_told_of_it_alone(
    keyword: str, rule: str, path: str
) -> None:
    members = slides.concatenation()
    for member in members:
        member.ContentLabel = "A"
    assert _loud(*members) == []
    if keyword in members[1]:
        delattr(members[1], keyword)
    assert _loud(*members) == ([(rule, path)] if rule else [])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Modality": "CT"}, ("IOD004", "Modality")),
        ({"PositionReferenceIndicator": "XY"}, ("IOD003", "PositionReferenceIndicator")),
        ({"PyramidUID": b""}, ("MOD002", "PyramidUID")),
        ({"SOPClassUID": "1.2.3.4"}, ("META001", "MediaStorageSOPClassUID")),
        ({"SOPInstanceUID": ABSENT}, ("IOD001", "SOPInstanceUID")),
        ({"TotalPixelMatrixColumns": 0, "TotalPixelMatrixRows": 0}, ("TILE005", "TotalPixelMatrixColumns")),
        ({"Rows": 0}, ("PIX106", "Rows")),
        # Alone it is right: only beside the others it is odd.
        ({"SeriesNumber": "99"}, ("ENT004", "SeriesNumber")),
    ],
)
def test_a_defect_of_one_level_is_told_of_it_alone(changes: dict[str, object], told: tuple[str, str]) -> None:
    levels = slides.pyramid()
    for keyword, value in changes.items():
        put(levels[1], keyword, value)
    assert _loud(*levels) == [told]


def test_a_defect_of_all_levels_explains_no_difference_between_them() -> None:
    levels = slides.pyramid()
    for number, made in enumerate(levels):
        made.Modality = "CT" if number else "MR"
    assert ("ENT004", "Modality") in _loud(*levels)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2.25.5", ("CONC004", "ConcatenationUID")),
        (b"", ("MOD005", "ConcatenationUID")),
        (ABSENT, ("CONC001", "ConcatenationFrameOffsetNumber")),
    ],
)
def test_a_member_of_another_concatenation(value: object, told: tuple[str, str]) -> None:
    members = slides.concatenation()
    put(members[1], "ConcatenationUID", value)
    assert _loud(*members) == [told]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SOPClassUID": "1.2.3.4"}, ("META001", "MediaStorageSOPClassUID")),
        ({"SOPClassUID": b""}, ("MOD002", "SOPClassUID")),
        ({"SOPInstanceUID": ABSENT}, ("IOD001", "SOPInstanceUID")),
        ({"SOPInstanceUID": b""}, ("IOD001", "SOPInstanceUID")),
        ({"InConcatenationNumber": 0}, ("CONC002", "InConcatenationNumber")),
        ({"InConcatenationNumber": 9}, ("CONC002", "InConcatenationNumber")),
        ({"InConcatenationTotalNumber": 1}, ("CONC003", "InConcatenationTotalNumber")),
        ({"NumberOfFrames": 0}, ("GEO007", "NumberOfFrames")),
        ({"StudyInstanceUID": "2.25.99"}, ("ENT005", "StudyInstanceUID")),
        ({"SeriesNumber": "99"}, ("CONC009", "SeriesNumber")),
        ({"Columns": 16}, ("PIX016", "PixelData[0]")),
        ({"TotalPixelMatrixColumns": 0, "TotalPixelMatrixRows": 0}, ("TILE005", "TotalPixelMatrixColumns")),
        ({"TotalPixelMatrixFocalPlanes": 0}, ("TILE002", "TotalPixelMatrixFocalPlanes")),
        ({"TotalPixelMatrixRows": 64}, ("CONC009", "TotalPixelMatrixRows")),
        ({"HighBit": 6}, ("PIX004", "BitsStored")),
        ({"DimensionOrganizationType": "TILED_SPARSE"}, ("FG010", "PerFrameFunctionalGroupsSequence")),
        ({"NumberOfOpticalPaths": 0}, ("TILE004", "NumberOfOpticalPaths")),
    ],
)
def test_a_defect_of_one_member_is_one_finding(changes: dict[str, object], told: tuple[str, str]) -> None:
    members = slides.concatenation()
    for keyword, value in changes.items():
        put(members[1], keyword, value)
    assert _loud(*members) == [told]


def test_what_does_not_follow_from_a_member_that_differs() -> None:
    members = slides.concatenation()
    members[1].ImagedVolumeWidth = 3.0
    assert _loud(*members) == [("CONC009", "ImagedVolumeWidth")]
    for member in members:
        member.ImagedVolumeWidth = 3.0
    members[1].ContentLabel = "B"
    found = _loud(*members)
    assert ("CONC009", "ContentLabel") in found
    assert ("WSI013", "ImagedVolumeWidth") in found


def test_a_lost_member_is_told_beside_one_that_has_no_number() -> None:
    members = slides.concatenation(sizes=(5, 5, 5, 5))
    members[2].InConcatenationNumber = 9
    rules = [rule for rule, _ in _loud(members[0], *members[2:])]
    assert sorted(rules) == ["CONC002", "CONC004"]


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_the_spacing_that_is_wrong_is_named(keyword: str) -> None:
    made = general.sc()
    made.PixelSpacing = ["0.5", "0.5"]
    setattr(made, keyword, ["0", "0.5"])
    assert [one for one in _loud(made) if one[0] == "GEO003"] == [("GEO003", keyword)]


def test_a_specimen_that_is_there_twice_hides_no_missing_location_of_the_others() -> None:
    made = slides.full_jpeg()
    first = made.SpecimenDescriptionSequence[0]
    other = deepcopy(first)
    other.SpecimenIdentifier, other.SpecimenUID = "EX24-17-A1-2", "2.25.77"
    made.SpecimenDescriptionSequence += [first, other]
    found = _loud(made)
    assert ("SPEC007", "SpecimenDescriptionSequence[1]") in found
    assert [rule for rule, _ in found].count("SPEC009") == 1
