"""Findings that were false once, and defects that were missed: each as a small instance."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.standard import load

_NM, _RT_DOSE, _RT_PLAN = (
    "1.2.840.10008.5.1.4.1.1.20",
    "1.2.840.10008.5.1.4.1.1.481.2",
    "1.2.840.10008.5.1.4.1.1.481.5",
)
_PET, _MAP, _PHOTO = (
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.30",
    "1.2.840.10008.5.1.4.1.1.77.1.4",
)
_TABLE_RULES = tuple(f"MOD{number:03}" for number in range(1, 12))


def _found(made: FileDataset) -> set[tuple[str, str]]:
    """Rule and keyword of what the tables say."""
    result = Checker(Settings(select=_TABLE_RULES)).check_buffer(
        Task("a.dcm", True), WholeBuffer(slides.to_bytes(made))
    )
    return {(finding.rule, finding.path.rpartition(".")[2]) for finding in result.findings}


def _of_class(uid: str, base: Callable[[], FileDataset], **attributes: object) -> FileDataset:
    made = base()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


# -- one attribute is no module (PS3.2 3.11.4) ---------------------------------------------------------


def test_a_slice_thickness_is_no_image_plane_module() -> None:
    made = general.sc()
    made.SliceThickness = "2"
    assert not _found(made)


def test_most_of_a_module_asks_for_the_rest_of_it() -> None:
    made = general.sc()
    made.ImagePositionPatient = ["0", "0", "0"]
    made.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    assert ("MOD003", "SliceThickness") in _found(made)


def test_a_module_whose_condition_is_false_asks_for_nothing() -> None:
    # PS3.3 A.5.4: NM Reconstruction is for reconstructed tomograms only.
    made = _of_class(_NM, general.sc, Modality="NM", ImageType=["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"])
    made.SliceThickness = "2"
    assert not {keyword for _, keyword in _found(made)} & {"SpacingBetweenSlices"}
    made.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    assert ("MOD003", "SpacingBetweenSlices") in _found(made)


def test_a_structure_set_that_a_dose_refers_to_is_no_dvh_module() -> None:
    reference = _item(
        ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", ReferencedSOPInstanceUID="2.25.5"
    )
    made = _of_class(_RT_DOSE, general.sc, Modality="RTDOSE", ReferencedStructureSetSequence=[reference])
    assert "DVHSequence" not in {keyword for _, keyword in _found(made)}


def test_a_map_of_floats_is_not_asked_for_integers() -> None:
    made = _of_class(_MAP, general.ct, Modality="OT", BitsAllocated=32, FloatPixelData=b"\0" * 1024)
    del made.PixelData
    found = _found(made)
    assert not {keyword for _, keyword in found} & {"PixelData", "BitsStored", "BitsAllocated"}
    made.BitsAllocated = 16
    assert ("MOD009", "BitsAllocated") in _found(made)


# -- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "wrong"), [("HFS", False), ("AFDL", False), ("SITTING", False), ("HF", True)]
)
def test_patient_positions_of_a_plan(position: str, wrong: bool) -> None:
    # PS3.3 C.8.8.12.1.2: the terms of C.7.3.1.1.2, and SITTING.
    made = _of_class(
        _RT_PLAN, general.basic_sr, Modality="RTPLAN",
        PatientSetupSequence=[_item(PatientSetupNumber="1", PatientPosition=position)],
    )  # fmt: skip
    assert (("MOD010", "PatientPosition") in _found(made)) is wrong


def test_value_3_of_mr_images_is_open() -> None:
    # PS3.3 C.7.6.1.1.2
    made = general.mr()
    made.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    assert not _found(made)


def test_tracked_position_measuring_devices() -> None:
    # PS3.3 C.8.24.3
    row = next(
        row
        for row in load().table("C.8.24.3-1").rows
        if getattr(row, "keyword", "") == "PositionMeasuringDeviceUsed"
    )
    assert "TRACKED" in row.values[0].values


def test_wrong_bits_are_one_finding() -> None:
    # PS3.3 C.8.9.4: Bits Stored of PET is Bits Allocated; High Bit follows.
    made = _of_class(_PET, general.ct, Modality="PT")
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    assert {one for one in _found(made) if one[1] in ("BitsAllocated", "BitsStored", "HighBit")} == {
        ("MOD009", "BitsStored")
    }


@pytest.mark.parametrize(
    ("frame_type", "wrong"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL", "NONE"], True),
        (["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"], False),
        (["DERIVED", "PRIMARY", "PERFUSION", "RCBF"], False),
    ],
)
def test_original_ct_frames_are_in_hounsfield_units(frame_type: list[str], wrong: bool) -> None:
    # PS3.3 C.8.15.3.10
    made = general.enhanced_ct()
    made.ImageType = frame_type
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.CTImageFrameTypeSequence[0].FrameType = frame_type
    shared.PixelValueTransformationSequence = [
        _item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
    ]
    for frame in made.PerFrameFunctionalGroupsSequence:
        for keyword in ("PixelValueTransformationSequence", "CTImageFrameTypeSequence"):
            if keyword in frame:
                delattr(frame, keyword)
    assert (("MOD009", "RescaleType") in _found(made)) is wrong


def test_photographs_are_not_ybr_full() -> None:
    # PS3.3 C.8.12.1.1.1
    made = _of_class(
        _PHOTO, general.sc, Modality="XC", PhotometricInterpretation="YBR_FULL", SamplesPerPixel=3
    )
    assert ("MOD009", "PhotometricInterpretation") in _found(made)


@pytest.mark.parametrize(
    ("sop_class", "bits", "wrong"), [("7.2", 8, False), ("7.3", 16, False), ("7.3", 8, True)]
)
def test_bits_of_multi_frame_secondary_captures(sop_class: str, bits: int, wrong: bool) -> None:
    # PS3.3 A.8.3.4, A.8.4.4
    made = _of_class(f"1.2.840.10008.5.1.4.1.1.{sop_class}", general.sc, SamplesPerPixel=1)
    made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = bits, bits, bits - 1
    assert {one for one in _found(made) if one[0] == "MOD009"} == (
        {("MOD009", "BitsAllocated")} if wrong else set()
    )
    made.PixelRepresentation = 1
    assert ("MOD009", "PixelRepresentation") in _found(made)


def test_modality_of_documents_and_of_secondary_captures() -> None:
    # PS3.3 C.8.6.1: the type of SC Equipment replaces the one of General Series, not of Encapsulated Document Series.
    secondary, document = general.sc(), _of_class("1.2.840.10008.5.1.4.1.1.104.1", general.sc)
    del secondary.Modality, document.Modality
    assert ("MOD001", "Modality") not in _found(secondary)
    assert ("MOD001", "Modality") in _found(document)


def test_the_contrast_of_intravascular_tomography_is_the_enhanced_one() -> None:
    # PS3.3 A.66.3
    module = next(
        one
        for one in load().iod("Intravascular Optical Coherence Tomography Image").modules
        if one.name == "Enhanced Contrast/Bolus"
    )
    assert module.tables == ("C.7-12b",)


@pytest.mark.parametrize(("origin", "asked"), [(None, True), ("DEVICE", True), ("USER", False)])
def test_treatment_records_of_users_have_no_session(origin: str | None, asked: bool) -> None:
    # PS3.3 A.29.3: the salvage record (C.8.8.31) has the same sequence, without control points
    made = _of_class("1.2.840.10008.5.1.4.1.1.481.4", general.basic_sr, Modality="RTRECORD")
    if origin is not None:
        made.add_new(0x300A0709, "CS", origin)
    assert ("MOD001", "TreatmentSessionBeamSequence") in _found(made)
    beam = Dataset()
    beam.BeamName = "1"  # an empty item would be a finding of its own
    made.add_new(0x30080020, "SQ", [beam])
    assert (("MOD001", "ControlPointDeliverySequence") in _found(made)) is asked


def test_values_of_tables_that_stand_in_sections() -> None:
    # PS3.3 C.8.16.2.1.2, A.45.1
    made = general.enhanced_ct()
    assert not {one for one in _found(made) if one[0] in ("MOD009", "MOD010")}
    made.VolumetricProperties = "SOLID"
    assert ("MOD009", "VolumetricProperties") in _found(made)
    document = _of_class(
        "1.2.840.10008.5.1.4.1.1.104.1", general.sc, MIMETypeOfEncapsulatedDocument="text/plain"
    )
    assert ("MOD009", "MIMETypeOfEncapsulatedDocument") in _found(document)
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    assert ("MOD009", "MIMETypeOfEncapsulatedDocument") not in _found(document)


# -- a macro that is reached under two conditions (PS3.3 C.18.3, C.18.4) ----------------------------------


@pytest.mark.parametrize("value_type", ["COMPOSITE", "IMAGE", "WAVEFORM"])
def test_each_item_that_refers_to_an_object_needs_the_reference(value_type: str) -> None:
    made = general.basic_sr()
    made.ContentSequence.append(_item(RelationshipType="CONTAINS", ValueType=value_type))
    assert _found(made) == {("MOD001", "ReferencedSOPSequence")}


def test_a_content_item_without_value_type_is_one_finding() -> None:
    made = general.basic_sr()
    text = _item(
        RelationshipType="CONTAINS",
        TextValue="seen",
        ConceptNameCodeSequence=[
            _item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
        ],
    )
    made.ContentSequence.append(text)
    assert _found(made) == {("MOD001", "ValueType")}


def test_a_code_item_holds_one_code() -> None:
    made = general.basic_sr()
    code = _item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    made.ContentSequence.append(
        _item(
            RelationshipType="CONTAINS",
            ValueType="CODE",
            ConceptNameCodeSequence=[code],
            ConceptCodeSequence=[code, code],
        )
    )
    assert _found(made) == {("MOD011", "ConceptCodeSequence")}


# -- what depends on a value that is not there is not told as well --------------------------------------


@pytest.mark.parametrize("condition", ["", "MANUAL"])
def test_a_threshold_without_its_condition_is_one_finding(condition: str) -> None:
    # PS3.3 Table C.8.22-2: the count is allowed where the condition is CARDIAC RRCNT
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.130", general.enhanced_ct, AcquisitionTerminationCondition=condition
    )
    made.add_new(0x00189723, "US", 3)
    told = {one for one in _found(made) if "Termination" in one[1]}
    assert len(told) == 1, told


def test_angles_of_a_positioner_without_type_are_no_finding_of_their_own() -> None:
    # PS3.3 Table C.8.19.6-10: the angles are allowed where the positioner is a C-arm
    angles = _item(PositionerPrimaryAngle=1.0, PositionerSecondaryAngle=1.0)
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.12.1.1",
        general.enhanced_ct,
        PositionerType="",
        PerFrameFunctionalGroupsSequence=[_item(PositionerPositionSequence=[angles])],
    )
    told = {one for one in _found(made) if one[1].startswith("Positioner")}
    assert told == {("MOD002", "PositionerType")}


# -- what is present and of type 1 or 1C has a value (PS3.5 7.4.1, 7.4.2) ------------------------------------


@pytest.mark.parametrize(
    "base", [general.enhanced_ct, lambda: _of_class("1.2.840.10008.5.1.4.1.1.3.1", general.us)]
)
@pytest.mark.parametrize(("profile", "wrong"), [(b"", True), (b"profile!", False)])
def test_an_icc_profile_has_a_value_where_the_iod_has_the_module(
    base: Callable[[], FileDataset], profile: bytes, wrong: bool
) -> None:
    # PS3.3 Table C.11.15-1
    made = base()
    made.ICCProfile = profile
    assert (("MOD002", "ICCProfile") in _found(made)) is wrong


@pytest.mark.parametrize(("ratio", "wrong"), [("", True), ("5", False)])
def test_a_compression_ratio_has_a_value_though_what_decides_is_missing(ratio: str, wrong: bool) -> None:
    # PS3.3 Table C.8-70
    made = _of_class("1.2.840.10008.5.1.4.1.1.1.1.1", general.sc)
    made.LossyImageCompressionRatio = ratio
    assert (("MOD005", "LossyImageCompressionRatio") in _found(made)) is wrong
