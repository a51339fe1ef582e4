"""What people have read of the standard for the IODs of daily use, and what instances are told by it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from pydicom.dataset import Dataset
from support import general, slides

from dcmlint import Checker, standard

_DAILY = (
    "CT", "MR", "Computed Radiography", "Digital X-Ray", "Digital Mammography X-Ray", "Digital Intra-Oral X-Ray",
    "Ultrasound", "Ultrasound Multi-frame", "Nuclear Medicine", "Positron Emission Tomography", "X-Ray Angiographic",
    "X-Ray Radiofluoroscopic", "Secondary Capture", "Enhanced CT", "Enhanced MR", "Enhanced MR Color", "Enhanced PET",
    "Enhanced XA", "Enhanced XRF", "Breast Tomosynthesis", "RT", "VL Endoscopic", "VL Microscopic",
    "VL Slide-Coordinates Microscopic", "VL Photographic", "VL Whole Slide Microscopy", "Ophthalmic Tomography",
    "Ophthalmic Photography 8 Bit",
)  # fmt: skip
_DAILY_OBJECTS = (
    "Segmentation", "Parametric Map", "Microscopy Bulk Simple Annotations", "Basic Text SR", "Comprehensive 3D SR",
    "X-Ray Radiation Dose SR", "Key Object Selection Document", "Grayscale Softcopy Presentation State",
    "XA/XRF Grayscale Softcopy Presentation State", "RT Dose", "RT Structure Set", "RT Plan", "RT Ion Plan",
    "RT Beams Treatment Record", "RT Ion Beams Treatment Record", "RT Brachy Treatment Record", "Encapsulated PDF",
    "Encapsulated CDA", "12-Lead ECG", "General ECG", "Hemodynamic Waveform", "Basic Voice Audio Waveform",
    "Hanging Protocol", "Spatial Registration", "Deformable Spatial Registration", "Spatial Fiducials", "Raw Data",
    "Surface Segmentation", "Real World Value Mapping", "Lensometry Measurements",
)  # fmt: skip
_RARER = (
    "Intravascular Optical Coherence Tomography Image", "X-Ray 3D Craniofacial Image", "Breast Projection X-Ray Image",
    "Confocal Microscopy Image", "Photoacoustic Image", "Height Map Segmentation", "Tractography Results",
    "Ophthalmic Thickness Map", "Corneal Topography Map", "Basic Structured Display", "Surface Scan Mesh",
    "RT Physician Intent", "RT Radiation Set", "Waveform Presentation State", "XA Performed Procedure Protocol",
)  # fmt: skip


@cache
def _counts() -> dict[str, Any]:
    return {one.name: one for one in standard.load().counts().per_iod}


@pytest.mark.parametrize("name", [*(f"{one} Image" for one in _DAILY), *_DAILY_OBJECTS, *_RARER])
def test_no_condition_of_daily_use_is_unreviewed(name: str) -> None:
    counts = _counts()[name]
    assert counts.reviewed
    assert counts.undecided == 0
    assert counts.read == counts.decidable + counts.unknowable


def test_each_functional_group_is_that_of_a_macro() -> None:
    # PS3.3 A.1.3.1: a functional group is a macro, also where a module has the same name (X-Ray Collimator)
    tables = standard.load()
    modules = {
        (name, use.name)
        for name in tables.iods()
        for use in tables.iod(name).functional_groups
        if use.table and "Macro" not in tables.table(use.table).caption
    }
    assert not modules


def test_enhanced_mr_color_has_its_functional_groups() -> None:
    # PS3.3 A.36.5
    uses = {use.name: use.usage for use in standard.load().iod("Enhanced MR Color Image").functional_groups}
    assert uses["MR Image Frame Type"] == "M"
    assert uses["MR Receive Coil"] == "C"


def _found(made: Dataset, *rules: str) -> set[tuple[str, str]]:
    report = Checker("dicom", select=rules).check(slides.to_bytes(made))  # type: ignore[arg-type]
    return {(one.rule, one.path) for one in report.findings}


def _ion_plan(**point: Any) -> Dataset:
    made = general.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
    first = Dataset()
    first.ControlPointIndex = 0
    for keyword, value in point.items():
        setattr(first, keyword, value)
    second = Dataset()
    second.ControlPointIndex = 1
    beam = Dataset()
    beam.NumberOfWedges = 0
    beam.IonControlPointSequence = [first, second]
    made.IonBeamSequence = [beam]
    fraction = Dataset()
    fraction.NumberOfBeams = 1
    made.FractionGroupSequence = [fraction]
    return made


def test_the_first_control_point_of_an_ion_beam_says_all() -> None:
    # PS3.3 C.8.8.25: what does not change is left out of the later ones
    missing = {path for _, path in _found(_ion_plan(), "MOD004", "MOD006") if "ControlPoint" in path}
    points = "IonBeamSequence[0].IonControlPointSequence"
    assert f"{points}[0].GantryAngle" in missing
    assert f"{points}[0].SnoutPosition" in missing
    assert not {path for path in missing if path.startswith(f"{points}[1]")}
    assert f"{points}[0].GantryAngle" not in {
        path for _, path in _found(_ion_plan(GantryAngle="0"), "MOD004")
    }


def test_counts_that_are_zero_have_no_items() -> None:
    made = _ion_plan()
    made.IonBeamSequence[0].IonWedgeSequence = [Dataset()]
    assert ("MOD007", "IonBeamSequence[0].IonWedgeSequence") in _found(made, "MOD007")
    made.IonBeamSequence[0].NumberOfWedges = 1
    assert ("MOD007", "IonBeamSequence[0].IonWedgeSequence") not in _found(made, "MOD007")


@pytest.mark.parametrize(("bits", "legal"), [(8, True), (16, True), (12, False)])
def test_entries_of_a_palette_have_8_or_16_bits(bits: int, legal: bool) -> None:
    # PS3.3 C.7.6.3.1.5
    made = general.sc()
    made.PhotometricInterpretation, made.SamplesPerPixel = "PALETTE COLOR", 1
    made.RedPaletteColorLookupTableDescriptor = [2, 0, bits]
    found = ("MOD009", "RedPaletteColorLookupTableDescriptor") in _found(made, "MOD009")
    assert found is not legal


def test_a_functional_group_that_is_there_has_an_item() -> None:
    # PS3.5 7.4.2: whatever of type 1C is present has a value
    made = general.enhanced_ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.2"
    made.PerFrameFunctionalGroupsSequence[0].UnassignedPerFrameConvertedAttributesSequence = []
    path = "PerFrameFunctionalGroupsSequence[0].UnassignedPerFrameConvertedAttributesSequence"
    assert path in {path for _, path in _found(made, "MOD005")}


@pytest.mark.parametrize(
    ("uid", "modality", "legal"),
    [
        ("1.2.840.10008.5.1.4.1.1.77.1.4", "XC", True),
        ("1.2.840.10008.5.1.4.1.1.77.1.4", "ES", False),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", True),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "HD", False),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", True),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTDOSE", False),
        ("1.2.840.10008.5.1.4.1.1.9.6.1", "RESP", True),
        ("1.2.840.10008.5.1.4.1.1.9.6.1", "ECG", False),
        ("1.2.840.10008.5.1.4.1.1.2", "CT", True),
    ],
)
def test_the_modality_that_an_iod_fixes(uid: str, modality: str, legal: bool) -> None:
    made = general.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    made.Modality = modality
    assert (("MOD009", "Modality") in _found(made, "MOD009")) is not legal


@pytest.mark.parametrize(
    ("uid", "modality", "legal"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", "ZZ", False),
        ("1.2.840.10008.5.1.4.1.1.2", "OT", True),
        ("1.2.840.10008.5.1.4.1.1.7", "DM", True),  # retired
        ("1.2.840.10008.5.1.4.1.1.7", "JPG", False),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", True),
        ("1.2.840.10008.5.1.4.1.1.104.1", "PDF", False),
        ("1.2.840.10008.5.1.4.1.1.30", "MR", True),
        ("1.2.840.10008.5.1.4.1.1.30", "MAP", False),
        ("1.2.840.10008.5.1.4.1.1.481.23", "RTIMAGE", True),
    ],
)
def test_a_modality_is_a_defined_term(uid: str, modality: str, legal: bool) -> None:
    # PS3.3 C.7.3.1.1.1
    found = _found(_of_class(uid, Modality=modality), "MOD009", "MOD010")
    assert {rule for rule, path in found if path == "Modality"} == (set() if legal else {"MOD010"})


def test_every_condition_of_every_iod_is_read() -> None:
    counts = standard.load().counts().per_iod
    assert len(counts) == 175
    assert {one.name for one in counts if not one.reviewed or one.undecided} == set()


def _of_class(uid: str, **attributes: Any) -> Dataset:
    made = general.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _item(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def test_the_first_control_point_of_a_radiation_says_all() -> None:
    # PS3.3 C.36.2.2.5.1.1
    points = [_item(RTControlPointIndex=1), _item(RTControlPointIndex=2)]
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.481.13", CArmPhotonElectronControlPointSequence=points, RTRecordFlag="NO"
    )
    missing = {path for _, path in _found(made, "MOD004", "MOD006") if "ControlPoint" in path}
    first, second = (f"CArmPhotonElectronControlPointSequence[{place}]" for place in (0, 1))
    assert {
        f"{first}.SourceRollAngle",
        f"{first}.RTBeamLimitingDeviceAngle",
        f"{first}.DeliveryRate",
    } <= missing
    assert not {path for path in missing if path.startswith(second) and "CumulativeMeterset" not in path}
    # Generation modes are referenced where there are some.
    reference = f"{first}.ReferencedRadiationGenerationModeIndex"
    assert reference not in missing
    made.NumberOfRadiationGenerationModes = 1
    assert ("MOD004", reference) in _found(made, "MOD004")


@pytest.mark.parametrize(("number", "legal"), [(0, True), (1, False)])
def test_wedges_of_a_radiation_are_there_where_there_are_some(number: int, legal: bool) -> None:
    # PS3.3 Table C.36.2.2.10-1
    made = _of_class("1.2.840.10008.5.1.4.1.1.481.13", NumberOfWedges=number)
    assert (("MOD004", "WedgeDefinitionSequence") not in _found(made, "MOD004")) is legal
    made.WedgeDefinitionSequence = [Dataset()]
    assert (("MOD007", "WedgeDefinitionSequence") in _found(made, "MOD007")) is legal


@pytest.mark.parametrize(("measured", "legal"), [("YES", False), ("NO", True)])
def test_foveal_sensitivity_is_there_where_it_was_measured(measured: str, legal: bool) -> None:
    # PS3.3 Table C.8.26.4-1
    made = _of_class("1.2.840.10008.5.1.4.1.1.80.1", FovealSensitivityMeasured=measured)
    assert (("MOD004", "FovealSensitivity") not in _found(made, "MOD004")) is legal
    made.FovealSensitivity = 30.0
    assert (("MOD007", "FovealSensitivity") in _found(made, "MOD007")) is legal


@pytest.mark.parametrize(("code", "legal"), [("261004008", False), ("360156006", True)])
def test_points_of_a_diagnostic_perimetry_have_a_sensitivity(code: str, legal: bool) -> None:
    # PS3.3 Table C.8.26.4-1
    kind = _item(ConceptCodeSequence=[_item(CodeValue=code, CodingSchemeDesignator="SCT", CodeMeaning="x")])
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.80.1", VisualFieldTestPointSequence=[_item(VisualFieldTestPointXCoordinate=1.0)],
        PerformedProtocolCodeSequence=[_item(ContentItemModifierSequence=[kind])],
    )  # fmt: skip
    found = _found(made, "MOD004")
    assert (("MOD004", "VisualFieldTestPointSequence[0].SensitivityValue") not in found) is legal
    assert (("MOD004", "ScreeningTestModeCodeSequence") in found) is legal


@pytest.mark.parametrize(("crop", "legal"), [("YES", False), ("NO", True)])
def test_a_volume_that_is_cropped_has_a_cropping(crop: str, legal: bool) -> None:
    # PS3.3 A.80.1.3: the module Volume Cropping
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.11.6",
        GlobalCrop="NO",
        VolumetricPresentationStateInputSequence=[_item(Crop=crop)],
    )
    assert (("MOD001", "VolumeCroppingSequence") not in _found(made, "MOD001")) is legal


def test_a_point_of_an_implant_is_in_two_or_three_dimensions() -> None:
    # PS3.3 Table C.29.1.4-1
    made = _of_class(
        "1.2.840.10008.5.1.4.43.1", ImplantTemplate3DModelSurfaceNumber=1,
        MatingFeatureSetsSequence=[_item(MatingFeatureSequence=[_item(MatingFeatureID=1), _item(ThreeDMatingPoint=[0.0, 0.0, 0.0])])],
    )  # fmt: skip
    features = "MatingFeatureSetsSequence[0].MatingFeatureSequence"
    missing = {path for _, path in _found(made, "MOD004")}
    assert f"{features}[0].ThreeDMatingPoint" in missing
    assert f"{features}[0].ThreeDMatingAxes" not in missing
    assert f"{features}[1].ThreeDMatingAxes" in missing


def test_what_an_inventory_holds_follows_its_level() -> None:
    # PS3.3 Table C.38.1-1
    series = "InventoriedStudiesSequence[0].InventoriedSeriesSequence"
    for level, expected in (("STUDY", set()), ("SERIES", {series}), ("INSTANCE", {series})):
        made = _of_class(
            "1.2.840.10008.5.1.4.1.1.201.1",
            InventoryLevel=level,
            InventoriedStudiesSequence=[_item(StudyInstanceUID="2.25.8")],
        )
        assert {path for _, path in _found(made, "MOD006") if path.endswith("SeriesSequence")} == expected


def _two_stacks(*indices: int) -> Dataset:
    """Four frames: two with a temporal position, of indices 1 and 2, and two without, of the indices given."""
    made = general.enhanced_ct()
    made.DimensionIndexSequence = [
        _item(
            DimensionIndexPointer=0x00209128,
            FunctionalGroupPointer=0x00209111,
            DimensionOrganizationUID="2.25.9",
        )
    ]
    made.DimensionOrganizationSequence = [_item(DimensionOrganizationUID="2.25.9")]
    frames = []
    for number, index in enumerate((1, 2, *indices)):
        content = _item(DimensionIndexValues=index)
        if number < 2:
            content.TemporalPositionIndex = number + 1
        frames.append(_item(FrameContentSequence=[content]))
    made.PerFrameFunctionalGroupsSequence = frames
    made.NumberOfFrames = len(frames)
    return made


@pytest.mark.parametrize(("indices", "wrong"), [((3, 3), 0), ((2, 2), 1), ((3, 4), 1)])
def test_frames_without_a_value_share_an_index_of_their_own(indices: tuple[int, int], wrong: int) -> None:
    # PS3.3 C.7.6.17.1
    assert len(_found(_two_stacks(*indices), "FG025")) == wrong


@pytest.mark.parametrize(
    ("uid", "missing"),
    [
        ("1.2.840.10008.5.1.4.1.1.2.1", True),
        ("1.2.840.10008.5.1.4.1.1.13.1.4", True),
        ("1.2.840.10008.5.1.4.1.1.14.1", True),
        ("1.2.840.10008.5.1.4.1.1.2.2", False),  # Legacy Converted
    ],
)
def test_frames_that_were_acquired_say_when(uid: str, missing: bool) -> None:
    # PS3.3 C.7.6.16.2.2
    made = general.enhanced_ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    if "14.1" in uid:
        kind = _item(FrameType=["ORIGINAL", "PRIMARY"])
        made.SharedFunctionalGroupsSequence[0].IntravascularOCTFrameTypeSequence = [kind]
    elif "13.1.4" in uid:
        kind = _item(FrameType=["ORIGINAL", "PRIMARY"])
        made.SharedFunctionalGroupsSequence[0].FramePixelDataPropertiesSequence = [kind]
    for frame in made.PerFrameFunctionalGroupsSequence:
        del frame.FrameContentSequence[0].FrameAcquisitionDateTime
    found = {path.rpartition(".")[2] for _, path in _found(made, "MOD004")}
    assert ("FrameAcquisitionDateTime" in found) is missing


@pytest.mark.parametrize(("code", "missing"), [("111782", True), ("111999", False)])
def test_what_was_measured_by_another_instance_refers_to_it(code: str, missing: bool) -> None:
    # PS3.3 Table C.8.25.16-4
    source = _item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning="x")
    length = _item(SourceOfOphthalmicAxialLengthCodeSequence=[source])
    made = _of_class(
        "1.2.840.10008.5.1.4.1.1.78.8",
        IntraocularLensCalculationsRightEyeSequence=[_item(OphthalmicAxialLengthSequence=[length])],
    )
    path = "IntraocularLensCalculationsRightEyeSequence[0].OphthalmicAxialLengthSequence[0].ReferencedSOPSequence"
    assert (("MOD004", path) in _found(made, "MOD004")) is missing


@pytest.mark.parametrize(
    ("shows", "species", "missing"),
    [
        ("PatientBreedCodeSequence", None, True),
        ("BreedRegistrationSequence", None, True),
        ("StrainStockSequence", None, True),
        ("StrainStockSequence", "PatientSpeciesDescription", False),
        (None, None, False),
    ],
)
def test_a_patient_of_a_breed_or_strain_has_a_species(
    shows: str | None, species: str | None, missing: bool
) -> None:
    # PS3.3 Table C.7-1
    made = general.ct()
    if shows is not None:
        setattr(made, shows, [_item(CodeValue="1")])
    if species is not None:
        setattr(made, species, "Mus musculus")
    paths = {path for _, path in _found(made, "MOD004", "MOD007")}
    assert any(path.startswith("PatientSpecies") for path in paths) is missing


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"TemporalRangeType": "POINT", "ReferencedSamplePositions": [1]}, {}),
        ({"TemporalRangeType": "POINT", "ReferencedTimeOffsets": "0"}, {}),
        ({}, {}),
        ({"ReferencedSamplePositions": [1]}, {"MOD007": "ReferencedSamplePositions"}),
        ({"ReferencedTimeOffsets": "0"}, {"MOD007": "ReferencedTimeOffsets"}),
        (
            {"TemporalRangeType": "POINT", "ReferencedSamplePositions": [1], "ReferencedTimeOffsets": "0"},
            {"MOD007": "ReferencedTimeOffsets"},
        ),
        ({"TemporalRangeType": "POINT"}, {"MOD004": "ReferencedSamplePositions"}),
    ],
)
def test_points_of_an_annotation_belong_to_a_temporal_range(
    values: dict[str, Any], found: dict[str, str]
) -> None:
    # PS3.3 Table C.10-11
    made = general.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.2"
    annotation = Dataset()
    annotation.UnformattedTextValue, annotation.ReferencedWaveformChannels = "text", [1, 0]
    for keyword, value in values.items():
        setattr(annotation, keyword, value)
    made.WaveformAnnotationSequence = [annotation]
    expected = {(rule, f"WaveformAnnotationSequence[0].{name}") for rule, name in found.items()}
    assert {
        one for one in _found(made, "MOD004", "MOD007") if one[1].startswith("WaveformAnnotation")
    } == expected


@pytest.mark.parametrize(
    ("uid", "photometric", "planes", "legal"),
    [
        ("1.2.840.10008.5.1.4.1.1.7.4", "RGB", 0, True),
        ("1.2.840.10008.5.1.4.1.1.7.4", "RGB", 1, False),
        ("1.2.840.10008.5.1.4.1.1.7.4", "YBR_FULL", 1, True),  # the value that is wrong is another one
        ("1.2.840.10008.5.1.4.1.1.7", "RGB", 1, True),
        ("1.2.840.10008.5.1.4.1.1.7", "RGB", 2, False),
    ],
)
def test_true_color_captures_are_color_by_pixel(uid: str, photometric: str, planes: int, legal: bool) -> None:
    # PS3.3 A.8.5.4
    made = general.sc()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, photometric, planes
    assert (("MOD009", "PlanarConfiguration") not in _found(made, "MOD009")) is legal
