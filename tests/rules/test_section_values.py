"""Values, counts and numbers of items that PS3.3 gives in sections and sentences, and one finding for each defect in them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, slides

from dcmlint import Checker
from dcmlint.rules.examples import BASES

CHECKER = Checker("dicom")
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
STRUCTURED_DISPLAY = "1.2.840.10008.5.1.4.1.1.131"


def _item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _found(made: FileDataset) -> set[tuple[str, str]]:
    """Rule and keyword of the errors and warnings."""
    report = CHECKER.check(slides.to_bytes(made))
    return {(one.rule, one.path.rpartition(".")[2]) for one in report.findings if one.severity != "info"}


def _more(made: FileDataset, change: Callable[[FileDataset], object]) -> set[tuple[str, str]]:
    before = _found(made)
    change(made)
    return _found(made) - before


def _plan() -> FileDataset:
    made = general.basic_sr()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = RT_PLAN
    made.Modality = "RTPLAN"
    for keyword in ("ContentSequence", "ValueType", "ContinuityOfContent"):
        if keyword in made:
            delattr(made, keyword)
    return made


@pytest.mark.parametrize(
    ("frame_type", "wrong"),
    [
        (["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], False),
        (["MIXED", "PRIMARY", "VOLUME", "NONE"], True),
        (["", "PRIMARY", "VOLUME", "NONE"], True),
        (["ORIGINAL", "SECONDARY", "VOLUME", "NONE"], True),
    ],
)
def test_frame_types_are_enumerated(frame_type: list[str], wrong: bool) -> None:
    # PS3.3 C.8.16.1.1, C.8.16.1.2: a frame is not of mixed types
    made = general.enhanced_ct()
    made.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0].FrameType = frame_type
    assert (("MOD009", "FrameType") in _found(made)) is wrong


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PixelPresentation", "MONOCHROME"), ("VolumetricProperties", "VOLUME")],
)
def test_only_the_image_is_mixed_not_a_frame(keyword: str, value: str) -> None:
    # PS3.3 C.8.16.2.1.1, C.8.16.2.1.2
    for level in ("image", "frame"):
        for given in (value, "MIXED"):
            made = general.enhanced_ct()
            where = (
                made
                if level == "image"
                else made.SharedFunctionalGroupsSequence[0].CTImageFrameTypeSequence[0]
            )
            setattr(where, keyword, given)
            assert (("MOD009", keyword) in _found(made)) is (level == "frame" and given == "MIXED")


@pytest.mark.parametrize(
    ("image_type", "wrong"),
    [
        (["ORIGINAL", "PRIMARY", ""], False),
        (["", "PRIMARY"], True),
        (["ORIGINAL", ""], True),
        ([], False),
    ],
)
def test_only_value_3_of_an_image_type_may_be_empty(image_type: list[str], wrong: bool) -> None:
    # PS3.3 C.7.6.1.1.2, where the attribute is optional, too
    made = general.sc()
    made.ImageType = image_type
    assert (("MOD009", "ImageType") in _found(made)) is wrong


def test_an_image_without_functional_groups_is_not_mixed() -> None:
    # PS3.3 C.7.6.1.1.2, C.8.16.1.1
    made = general.sc()
    made.ImageType = ["MIXED", "PRIMARY"]
    assert ("MOD009", "ImageType") in _found(made)
    made = general.enhanced_ct()
    made.ImageType = ["MIXED", "PRIMARY", "VOLUME", "NONE"]
    assert ("MOD009", "ImageType") not in _found(made)


@pytest.mark.parametrize(
    ("interpretation", "shape", "wrong"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", False),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_the_presentation_lut_shape_goes_with_the_interpretation(
    interpretation: str, shape: str, wrong: bool
) -> None:
    # PS3.3 Table C.7-9
    made = general.ct()
    made.PhotometricInterpretation, made.PresentationLUTShape = interpretation, shape
    assert (("MOD009", "PresentationLUTShape") in _found(made)) is wrong


@pytest.mark.parametrize(
    ("uid", "modality"),
    [("1.2.840.10008.5.1.4.1.1.77.1.7", "DMS"), ("1.2.840.10008.5.1.4.1.1.6.3", "PA")],
)
def test_dermoscopy_and_photoacoustic_images_have_their_own_modality(uid: str, modality: str) -> None:
    for given in (modality, "OT"):
        made = general.sc()
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
        made.Modality = given
        assert (("MOD009", "Modality") in _found(made)) is (given == "OT")


def test_a_voi_lut_of_a_digital_x_ray_image_has_10_to_16_bits() -> None:
    # PS3.3 C.8.11.3.1.5
    for bits, wrong in ((8, True), (10, False), (16, False)):
        made = general.sc()
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        made.VOILUTSequence = [_item(LUTDescriptor=[2, 0, bits], LUTData=b"\0\1\0\1")]
        assert (("MOD009", "LUTDescriptor") in _found(made)) is wrong


@pytest.mark.parametrize(("bits", "wrong"), [(8, False), (12, True), (16, False), (17, True)])
def test_a_voi_lut_of_an_image_has_8_or_16_bits(bits: int, wrong: bool) -> None:
    # PS3.3 C.11.2.1.1; of a presentation state 8 to 16, and so has its presentation LUT (C.11.6.1.1)
    lut = _item(LUTDescriptor=[2, 0, bits], LUTData=b"\0\1\0\1")
    made = general.ct()
    made.VOILUTSequence = [lut]
    assert (("MOD009", "LUTDescriptor") in _found(made)) is wrong
    state = general.basic_sr()
    state.SOPClassUID = state.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    state.SoftcopyVOILUTSequence = [_item(VOILUTSequence=[lut])]
    state.PresentationLUTSequence = [lut]
    assert (("MOD009", "LUTDescriptor") in _found(state)) is (bits == 17)


@pytest.mark.parametrize(
    ("image_type", "wrong"),
    [
        (["ORIGINAL", "PRIMARY"], False),
        (["ORIGINAL", "PRIMARY", "", "COLOR"], False),
        (["DERIVED", "PRIMARY", "MONTAGE"], False),
        (["ORIGINAL", "PRIMARY", "MONTAGE"], True),
    ],
)
def test_an_original_ophthalmic_photograph_has_no_value_3(image_type: list[str], wrong: bool) -> None:
    # PS3.3 C.8.17.2.1.4
    made = general.sc()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
    made.ImageType = image_type
    assert (("MOD009", "ImageType") in _found(made)) is wrong


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.1.7.4", "1.2.840.10008.5.1.4.1.1.4.3"])
def test_images_of_color_alone_are_not_monochrome(uid: str) -> None:
    # PS3.3 A.8.5.4, A.36.4.3.1
    for interpretation, wrong in (("RGB", False), ("MONOCHROME2", True), ("PALETTE COLOR", True)):
        made = general.sc()
        made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
        made.PhotometricInterpretation = interpretation
        assert (("MOD009", "PhotometricInterpretation") in _found(made)) is wrong


@pytest.mark.parametrize(
    ("keyword", "value"), [("StageName", "REST"), ("StageNumber", "1"), ("StageName", "")]
)
def test_an_image_of_a_stage_says_how_many_there_are(keyword: str, value: str) -> None:
    # PS3.3 Table C.8-18: a staged protocol
    made = general.sc()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    setattr(made, keyword, value)
    assert (("MOD006", "NumberOfStages") in _found(made)) is bool(value)


def test_images_with_functional_groups_are_primary() -> None:
    # PS3.3 C.8.16.1.2: the only value that is enumerated
    made = general.enhanced_ct()
    made.ImageType = ["DERIVED", "SECONDARY", "VOLUME", "RESAMPLED"]
    assert ("MOD009", "ImageType") in _found(made)


def test_a_structured_display_has_one_screen() -> None:
    # PS3.3 Table C.11.16-1: a sentence of the row
    made = general.basic_sr()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = STRUCTURED_DISPLAY
    made.NumberOfScreens = 2
    assert ("MOD009", "NumberOfScreens") in _found(made)
    made.NumberOfScreens = 1
    assert ("MOD009", "NumberOfScreens") not in _found(made)


@pytest.mark.parametrize(("bits", "wrong"), [(16, False), (8, True), (0, True)])
def test_bits_of_waveforms_follow_their_interpretation(bits: int, wrong: bool) -> None:
    # PS3.3 C.10.9.1.5
    made = general.basic_sr()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    made.WaveformSequence = [_item(WaveformBitsAllocated=bits, WaveformSampleInterpretation="SS")]
    assert (("WAV003", "WaveformBitsAllocated") in _found(made)) is wrong


@pytest.mark.parametrize(("numbers", "wrong"), [([1, 2], False), ([1, 1], True), ([2, 3], False)])
def test_beams_have_numbers_of_their_own(numbers: list[int], wrong: bool) -> None:
    made = _plan()
    made.BeamSequence = [_item(BeamNumber=str(number)) for number in numbers]
    assert (("MOD016", "BeamNumber") in _found(made)) is wrong


@pytest.mark.parametrize(("points", "wrong"), [("2", False), ("3", True)])
def test_a_beam_has_as_many_control_points_as_it_says(points: str, wrong: bool) -> None:
    # PS3.3 Table C.8-50
    made = _plan()
    control = [_item(ControlPointIndex="0"), _item(ControlPointIndex="1")]
    made.BeamSequence = [_item(BeamNumber="1", NumberOfControlPoints=points, ControlPointSequence=control)]
    assert (("MOD011", "ControlPointSequence") in _found(made)) is wrong
    made.BeamSequence[0].NumberOfControlPoints = "1"
    assert ("MOD017", "NumberOfControlPoints") in _found(made)


def test_wedges_are_counted_by_the_beam_around_their_positions() -> None:
    made = _plan()
    control = _item(ControlPointIndex="0", WedgePositionSequence=[_item(), _item()])
    made.BeamSequence = [_item(BeamNumber="1", NumberOfWedges="1", ControlPointSequence=[control])]
    assert ("MOD011", "WedgePositionSequence") in _found(made)
    made.BeamSequence[0].NumberOfWedges = "2"
    assert ("MOD011", "WedgePositionSequence") not in _found(made)


def test_each_value_of_several_must_be_there() -> None:
    # PS3.5 7.4.1: a value of Type 1 is not empty
    made = general.ct()
    assert _more(made, lambda one: setattr(one, "PixelSpacing", ["0.5", ""])) == {("MOD002", "PixelSpacing")}
    made.PixelSpacing = ["0.5", "0.5"]
    assert _more(made, lambda one: setattr(one, "ImageType", ["", "PRIMARY", "AXIAL"])) == {
        ("MOD009", "ImageType")
    }
    enhanced = general.enhanced_ct()
    measures = enhanced.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert _more(enhanced, lambda _: setattr(measures, "PixelSpacing", ["0.5", ""])) == {
        ("MOD005", "PixelSpacing")
    }


def _all(made: FileDataset) -> list[str]:
    return sorted(rule for rule, _ in _found(made))


@pytest.mark.parametrize("segmentation_type", ["FRACTIONAL", "LABELMAP"])
def test_a_type_that_the_bits_contradict_is_one_finding(segmentation_type: str) -> None:
    made = pydicom.dcmread(io.BytesIO(gzip.decompress((BASES / "seg-tiled-full.dcm.gz").read_bytes())))
    assert _all(made) == []
    made.SegmentationType = segmentation_type
    assert _found(made) == {("PIX043", "BitsAllocated")}


def test_a_missing_organization_type_is_one_finding() -> None:
    made = slides.full_jpeg()
    assert _more(made, lambda one: delattr(one, "DimensionOrganizationType")) == {
        ("FG010", "DimensionIndexSequence")
    }


def test_an_image_type_in_lower_case_is_one_finding() -> None:
    made = slides.pyramid()[0]
    kind = [str(one) for one in made.ImageType]
    assert "PyramidUID" in made
    assert _more(made, lambda one: setattr(one, "ImageType", [*kind[:2], kind[2].lower(), *kind[3:]])) == {
        ("VR003", "ImageType")
    }


@pytest.mark.parametrize(
    ("ratio", "spacing", "wrong"),
    [(["1", "1"], False, True), (["3", "4"], False, False), (["3", "4"], True, True)],
)
def test_a_ratio_is_stated_of_pixels_that_are_not_square(
    ratio: list[str], spacing: bool, wrong: bool
) -> None:
    # PS3.3 Table C.7-11c
    made = general.sc()
    made.PixelAspectRatio = ratio
    if spacing:
        made.PixelSpacing = ["1", "1"]
    assert (("MOD007", "PixelAspectRatio") in _found(made)) is wrong


def test_no_ratio_is_asked_for() -> None:
    assert not {one for one in _found(slides.full_jpeg()) if "AspectRatio" in one[1]}


@pytest.mark.parametrize(
    ("interpretation", "shape", "wrong"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", False),
    ],
)
def test_the_presentation_lut_shape_follows_the_photometric_interpretation(
    interpretation: str, shape: str, wrong: bool
) -> None:
    made = general.sc()
    made.PhotometricInterpretation = interpretation
    made.PresentationLUTShape = shape
    assert (("MOD009", "PresentationLUTShape") in _found(made)) is wrong


@pytest.mark.parametrize("values", [["", "PRIMARY"], ["ORIGINAL", ""], ["ORIGINAL", "MAIN"]])
def test_values_1_and_2_of_an_image_type_are_not_empty(values: list[str]) -> None:
    # PS3.3 C.7.6.1.1.2: they identify; those behind them may be empty
    made = general.us()
    made.ImageType = values
    assert ("MOD009", "ImageType") in _found(made)
    for legal in (["ORIGINAL", "PRIMARY", "", "0001"], []):
        made.ImageType = legal
        assert ("MOD009", "ImageType") not in _found(made)


def test_numbers_that_have_bounds_and_items_that_are_numbered_from_1() -> None:
    made = _plan()
    device = _item(RTBeamLimitingDeviceType="X", NumberOfLeafJawPairs="0")
    made.BeamSequence = [_item(BeamNumber="1", BeamLimitingDeviceSequence=[device])]
    assert ("MOD017", "NumberOfLeafJawPairs") in _found(made)
    device.NumberOfLeafJawPairs = "1"
    assert ("MOD017", "NumberOfLeafJawPairs") not in _found(made)
    hanging = _plan()
    hanging.SOPClassUID = hanging.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.38.1"
    hanging.DisplaySetsSequence = [_item(DisplaySetNumber=0)]
    assert ("MOD016", "DisplaySetNumber") in _found(hanging)
    hanging.DisplaySetsSequence = [_item(DisplaySetNumber=1), _item(DisplaySetNumber=2)]
    assert ("MOD016", "DisplaySetNumber") not in _found(hanging)
