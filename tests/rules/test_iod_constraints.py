"""What PS3.3 states in prose, of IODs in Annex A and of attributes in sections of Annex C: a violating and a conforming instance of each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydicom.dataset import Dataset, FileDataset
from support import general, slides

from dcmlint import Checker

CHECKER = Checker("dicom")
ROOT = "1.2.840.10008.5.1.4."
STORAGE = f"{ROOT}1.1."


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def of_class(uid: str, attributes: Mapping[str, object]) -> FileDataset:
    """A data set of a class; what its IOD asks for besides is missing, which is other findings."""
    made = general.sc()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uid
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def findings_of(made: FileDataset) -> set[tuple[str, str]]:
    """Rule and keyword of the errors and warnings."""
    report = CHECKER.check(slides.to_bytes(made))
    return {(one.rule, one.path.rpartition(".")[2]) for one in report.findings if one.severity != "info"}


EXCLUDED = [
    ("7.1", {"WindowCenter": "1"}),  # A.8.2.4
    ("7.1", {"OverlayRows": 4}),
    ("7.2", {"OverlayRows": 4}),  # A.8.3.4
    ("7.3", {"OverlayRows": 4}),  # A.8.4.4
    ("7.4", {"WindowWidth": "1"}),  # A.8.5.4
    ("4.1", {"OverlayRows": 4}),  # A.36.2.3.1
    ("4.3", {"VOILUTSequence": [Dataset()]}),  # A.36.4.3.1
    ("2.1", {"WindowCenter": "1"}),  # A.38.1.3.1
    ("12.1.1", {"PresentationLUTSequence": [Dataset()]}),  # A.47.3.1.2
    ("12.2.1", {"WindowCenter": "1"}),  # A.48.3.1.2
    ("77.1.5.4", {"WindowCenter": "1"}),  # A.52.4.2
    ("13.1.1", {"WindowCenter": "1"}),  # A.53.3.1.2
    ("13.1.3", {"RescaleSlope": "1"}),  # A.55.3.1.1
    ("13.1.4", {"WindowCenter": "1"}),  # A.74.3.1.2
    ("13.1.5", {"OverlayRows": 4}),
    ("130", {"WindowCenter": "1"}),  # A.56.1.3.1
    ("14.1", {"OverlayRows": 4}),  # A.66.3.1.2
    ("4.4", {"GraphicAnnotationSequence": [Dataset()]}),  # A.71.3.1
    ("30", {"RescaleIntercept": "0"}),  # A.75.4
    ("77.1.1.1", {"ModalityLUTSequence": [Dataset()]}),  # A.32.5.3.2
    ("77.1.2.1", {"GraphicAnnotationSequence": [Dataset()]}),  # A.32.6.3.2
    ("77.1.4.1", {"OverlayRows": 4}),  # A.32.7.3.2
    ("81.1", {"OverlayRows": 4}),  # A.67.4.1
    ("82.1", {"WindowCenter": "1"}),  # A.73.4.1
    ("77.1.5.8", {"ModalityLUTSequence": [Dataset()]}),  # A.84.3.1
    ("11.4", {"PresentationLUTShape": "IDENTITY"}),  # A.33.4
    ("11.4", {"RescaleSlope": "1"}),
    ("11.4", {"SoftcopyVOILUTSequence": [Dataset()]}),
    ("11.4", {"ShutterShape": "CIRCULAR"}),
    ("11.4", {"OverlayRows": 4}),
]


def _without_overlay(attributes: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in attributes.items() if key != "OverlayRows"}


@pytest.mark.parametrize(("uid", "attributes"), EXCLUDED)
def test_what_an_iod_excludes_may_not_be_there(uid: str, attributes: Mapping[str, object]) -> None:
    made = of_class(STORAGE + uid, _without_overlay(attributes))
    if "OverlayRows" in attributes:
        made.add_new(0x60020010, "US", 4)
    assert {rule for rule, _ in findings_of(made)} >= {"MOD018"}
    assert "MOD018" not in {rule for rule, _ in findings_of(of_class(STORAGE + uid, {}))}


def groups(**shared: object) -> dict[str, object]:
    return {"SharedFunctionalGroupsSequence": [item(**shared)]}


def palette(bits: int) -> dict[str, object]:
    return {f"{color}PaletteColorLookupTableDescriptor": [256, 0, bits] for color in ("Red", "Green", "Blue")}


def text_object(units: str) -> dict[str, object]:
    text = item(BoundingBoxAnnotationUnits=units, AnchorPointAnnotationUnits=units)
    drawn = item(GraphicAnnotationUnits=units)
    return {"GraphicAnnotationSequence": [item(TextObjectSequence=[text], GraphicObjectSequence=[drawn])]}


def volume(position: list[float], orientation: list[float]) -> dict[str, object]:
    return groups(
        PlanePositionVolumeSequence=[item(ImagePositionVolume=position)],
        PlaneOrientationVolumeSequence=[item(ImageOrientationVolume=orientation)],
    )


AXES = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
WIDE = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PhotometricInterpretation": "MONOCHROME2"}
SIXTEEN = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PhotometricInterpretation": "MONOCHROME2"}
IEC, ROBOTIC = "1.2.840.10008.1.4.3.1", "1.2.840.10008.1.4.3.2"

# Class, the attributes of a violating and of a conforming instance, and the keyword of the finding.
VALUES: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("9.5.1", {"Modality": "ECG"}, {"Modality": "HD"}, "Modality"),  # A.34.8.4.1
    ("9.7.1", {"Modality": "EMG"}, {"Modality": "EEG"}, "Modality"),  # A.34.12.4.1
    ("9.7.2", {"Modality": "EEG"}, {"Modality": "EMG"}, "Modality"),  # A.34.13.4.1
    ("9.7.3", {"Modality": "EEG"}, {"Modality": "EOG"}, "Modality"),  # A.34.14.4.1
    ("9.6.2", {"Modality": "EEG"}, {"Modality": "RESP"}, "Modality"),  # A.34.16.4.1
    ("9.8.1", {"Modality": "EEG"}, {"Modality": "POS"}, "Modality"),  # A.34.17.4.1
    ("12.1.1", {"Modality": "RF"}, {"Modality": "XA"}, "Modality"),  # A.47.3.1.1
    ("12.2.1", {"Modality": "XA"}, {"Modality": "RF"}, "Modality"),  # A.48.3.1.1
    ("13.1.1", {"Modality": "DX"}, {"Modality": "XA"}, "Modality"),  # A.53.3.1.1
    ("13.1.2", {"Modality": "XA"}, {"Modality": "DX"}, "Modality"),  # A.54.3.1.1
    ("90.1", {"Modality": "SR"}, {"Modality": "ASMT"}, "Modality"),  # A.81.4.1
    ("104.3", {"Modality": "DOC"}, {"Modality": "M3D"}, "Modality"),  # A.85.1.4.3
    ("481.10", {"Modality": "RTPLAN"}, {"Modality": "RTINTENT"}, "Modality"),  # A.86.1.2.4.1
    ("481.11", {"Modality": "RTPLAN"}, {"Modality": "RTSEGANN"}, "Modality"),  # A.86.1.3.4.1
    ("481.13", {"Modality": "RTPLAN"}, {"Modality": "RTRAD"}, "Modality"),  # A.86.1.5.4.1
    ("77.1.5.1", SIXTEEN, WIDE, "BitsAllocated"),  # A.41.4.1
    ("77.1.5.2", WIDE, SIXTEEN, "BitsAllocated"),  # A.42.4.1
    ("77.1.5.2", SIXTEEN | {"BitsStored": 12, "HighBit": 11}, SIXTEEN, "BitsStored"),
    ("77.1.5.5", SIXTEEN | {"BitsStored": 12, "HighBit": 11}, SIXTEEN, "BitsStored"),  # A.76.4.1
    ("77.1.5.6", SIXTEEN | {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, WIDE, "BitsAllocated"),  # A.77.4.1
    ("6.2", volume([1.0, 0.0, 0.0], AXES), volume([0.0, 0.0, 4.0], AXES), "ImagePositionVolume"),  # A.59.4.1.2
    ("6.2", volume([0.0, 0.0, 0.0], AXES[::-1]), volume([0.0, 0.0, 0.0], AXES), "ImageOrientationVolume"),
    (
        "6.2",  # A.59.4.1.1
        groups(USImageDescriptionSequence=[item(VolumetricProperties="SAMPLED")]),
        groups(USImageDescriptionSequence=[item(VolumetricProperties="VOLUME")]),
        "VolumetricProperties",
    ),
    (
        "6.2",
        groups(USImageDescriptionSequence=[item(VolumeBasedCalculationTechnique="MAX_IP")]),
        groups(USImageDescriptionSequence=[item(VolumeBasedCalculationTechnique="NONE")]),
        "VolumeBasedCalculationTechnique",
    ),
    ("12.1.1", {"PositionerType": "COLUMN"}, {"PositionerType": "CARM"}, "PositionerType"),  # A.47.3.1.3
    ("11.6", {"PixelPresentation": "TRUE_COLOR"}, {"PixelPresentation": "MONOCHROME"}, "PixelPresentation"),  # A.80.1.1
    ("11.7", {"PixelPresentation": "MONOCHROME"}, {"PixelPresentation": "TRUE_COLOR"}, "PixelPresentation"),
    (
        "11.9",  # A.80.2.4.1
        {"VolumetricPresentationStateInputSequence": [item(Crop="YES")]},
        {"VolumetricPresentationStateInputSequence": [item(Crop="NO")]},
        "Crop",
    ),
    (
        "13.1.5",  # PS3.4 B.5.1.18
        {"PresentationIntentType": "FOR PRESENTATION"},
        {"PresentationIntentType": "FOR PROCESSING"},
        "PresentationIntentType",
    ),
    ("12.2.1", {"PositionerType": "CARM"}, {"PositionerType": "COLUMN"}, "PositionerType"),  # A.48.3.1.3
    ("11.6", text_object("PIXEL"), text_object("DISPLAY"), "BoundingBoxAnnotationUnits"),  # A.80.1.4.3
    ("11.9", text_object("MATRIX"), text_object("DISPLAY"), "GraphicAnnotationUnits"),  # A.80.2.4.2
    (
        "77.1.5.8",  # A.84.3.2.1.1
        groups(DerivationImageSequence=[item(SourceImageSequence=[item(SpatialLocationsPreserved="NO")])]),
        groups(DerivationImageSequence=[item(SourceImageSequence=[item(SpatialLocationsPreserved="YES")])]),
        "SpatialLocationsPreserved",
    ),
    ("481.13", {"EquipmentFrameOfReferenceUID": ROBOTIC}, {"EquipmentFrameOfReferenceUID": IEC},
        "EquipmentFrameOfReferenceUID"),  # A.86.1.5.4.2
    ("481.15", {"EquipmentFrameOfReferenceUID": IEC}, {"EquipmentFrameOfReferenceUID": ROBOTIC},
        "EquipmentFrameOfReferenceUID"),  # A.86.1.7.4.2
    ("481.14", {"RTRecordFlag": "YES"}, {"RTRecordFlag": "NO"}, "RTRecordFlag"),  # A.86.1.6.4.3
    ("481.19", {"RTRecordFlag": "NO"}, {"RTRecordFlag": "YES"}, "RTRecordFlag"),  # A.86.1.10.4.3
    ("481.17", {"TreatmentRecordContentOrigin": "DEVICE"}, {"TreatmentRecordContentOrigin": "USER"},
        "TreatmentRecordContentOrigin"),  # A.86.1.9.4.3
]  # fmt: skip

# The same of classes that are not storage of images.
OTHERS: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("34.7", {"Modality": "RTPLAN"}, {"Modality": "PLAN"}, "Modality"),  # A.64.4.1
    ("34.10", {"Modality": "RTPLAN"}, {"Modality": "PLAN"}, "Modality"),  # A.79.4.1
    ("39.1", palette(16), palette(8), "RedPaletteColorLookupTableDescriptor"),  # A.58.3
    (
        "1.1.200.1",
        {"EquipmentModality": "MR"},
        {"EquipmentModality": "CT"},
        "EquipmentModality",
    ),  # A.82.2.3.1.1
]


def dose(kind: str, sign: int, bits: int = 16) -> dict[str, object]:
    return {
        "DoseType": kind, "PixelRepresentation": sign, "BitsAllocated": 16, "BitsStored": bits, "HighBit": bits - 1,
    }  # fmt: skip


def technique(term: str, *types: str) -> dict[str, object]:
    frame = item(FrameType=list(types), VolumeBasedCalculationTechnique=term)
    return {
        "ImageType": ["DERIVED", "PRIMARY", "VOLUME", "MAX_IP"],
        **groups(CTImageFrameTypeSequence=[frame]),
    }


COLOR = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
TEN = {"BitsAllocated": 16, "BitsStored": 10, "HighBit": 9}
TWELVE = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}

# The same of sections that rows of the tables refer to.
SECTIONS: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("481.1", TEN, TWELVE, "BitsStored"),  # C.8.8.2.6.4
    ("481.1", EIGHT | {"PixelRepresentation": 1}, EIGHT | {"PixelRepresentation": 0}, "PixelRepresentation"),
    ("481.2", dose("PHYSICAL", 0, 12), dose("PHYSICAL", 0), "BitsStored"),  # C.8.8.3.4.4
    ("481.2", dose("PHYSICAL", 1), dose("PHYSICAL", 0), "PixelRepresentation"),  # C.8.8.3.4.6
    ("481.2", dose("ERROR", 0), dose("ERROR", 1), "PixelRepresentation"),
    ("77.1.4", TWELVE, EIGHT, "BitsAllocated"),  # C.8.12.1.1.2
    ("77.1.8", TWELVE, EIGHT, "BitsAllocated"),
    ("4.1", TEN, TWELVE, "BitsStored"),  # C.8.13.1.1.2
    ("4.3", COLOR | SIXTEEN | {"PhotometricInterpretation": "RGB"}, COLOR | EIGHT, "BitsAllocated"),
    ("2.1", technique("MAX_IP", "ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
        technique("MAX_IP", "DERIVED", "PRIMARY", "VOLUME", "MAX_IP"), "VolumeBasedCalculationTechnique"),  # C.8.16.2.1.3
    ("77.1.5.7", TEN, TWELVE, "BitsStored"),  # C.8.17.14.1.6
    ("2", {"PatientPosition": "SUPINE"}, {"PatientPosition": "HFS"}, "PatientPosition"),  # C.7.3.1.1.2
    ("128", {"Units": "SUV"}, {"Units": "GML"}, "Units"),  # C.8.9.1.1.3
    ("12.1", {"MaskSubtractionSequence": [item(MaskOperation="SUB")]},
        {"MaskSubtractionSequence": [item(MaskOperation="AVG_SUB")]}, "MaskOperation"),  # C.7.6.10.1.1
    ("11.9", {"ShadingStyle": "BOTH"}, {"ShadingStyle": "DOUBLESIDED"}, "ShadingStyle"),  # C.11.31.1
    ("66.5", {"SurfaceSequence": [item(RecommendedPresentationOpacity=2.0)]},
        {"SurfaceSequence": [item(RecommendedPresentationOpacity=0.5)]}, "RecommendedPresentationOpacity"),  # C.27.1.1.3
]  # fmt: skip


def shares(denominator: int) -> dict[str, object]:
    return {
        "AcquisitionContextSequence": [
            item(
                ValueType="NUMERIC",
                NumericValue="0.5",
                RationalNumeratorValue=1,
                RationalDenominatorValue=denominator,
            )
        ]
    }


def filters(keyword: str, number: int) -> dict[str, object]:
    return {"DisplaySetsSequence": [item(**{keyword: [item(SelectorValueNumber=number)]})]}


# Bounds that the description of an attribute gives.
BOUNDS: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    (f"{STORAGE}1.1", shares(0), shares(1), "RationalDenominatorValue"),  # Table 10-2
    (f"{STORAGE}11.6", {"MPRSlabThickness": 0.0}, {"MPRSlabThickness": 0.5}, "MPRSlabThickness"),  # Table C.11.26-1
    (f"{STORAGE}66.5", {"SegmentSequence": [item(SurfaceCount=0)]}, {"SegmentSequence": [item(SurfaceCount=1)]},
        "SurfaceCount"),  # Table C.8.23-1
    (f"{ROOT}38.1", {"NumberOfScreens": 0}, {"NumberOfScreens": 1}, "NumberOfScreens"),  # Table C.23.2-1
    (f"{ROOT}38.1", filters("SortingOperationsSequence", 0), filters("FilterOperationsSequence", 0),
        "SelectorValueNumber"),  # Table C.23.3-1: of a filter, 0 is any value
]  # fmt: skip

CASES = [
    *BOUNDS,
    *((STORAGE + uid, *rest) for uid, *rest in [*VALUES, *SECTIONS]),
    *((ROOT + uid, *rest) for uid, *rest in OTHERS),
]


@pytest.mark.parametrize(("uid", "wrong", "right", "keyword"), CASES)
def test_values_that_stand_in_prose(
    uid: str, wrong: dict[str, object], right: dict[str, object], keyword: str
) -> None:
    for attributes, told in ((wrong, True), (right, False)):
        found = {(rule, name) for rule, name in findings_of(of_class(uid, attributes)) if name == keyword}
        listed = {rule for rule, _ in found if rule in ("MOD009", "MOD010", "MOD017", "PIX043")}
        assert bool(listed) is told, (attributes, found)


def _group(channels: int, interpretation: str, bits: int) -> Dataset:
    return item(
        NumberOfWaveformChannels=channels, NumberOfWaveformSamples=4, SamplingFrequency="100",
        WaveformSampleInterpretation=interpretation, WaveformBitsAllocated=bits,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uid", "wrong", "right"),
    [
        ("9.7.1", [_group(65, "SS", 16)], [_group(64, "SL", 32)]),  # A.34.12.4
        ("9.7.1", [_group(2, "SS", 16)] * 2, [_group(2, "SS", 16)]),
        ("9.7.2", [_group(2, "SB", 8)], [_group(2, "SS", 16)] * 2),  # A.34.13.4
        ("9.7.3", [_group(5, "SS", 16)], [_group(4, "SS", 16)]),  # A.34.14.4
        ("9.6.2", [_group(2, "UB", 8)], [_group(2, "SL", 32)]),  # A.34.16.4
    ],
)
def test_limits_of_neurophysiology_waveforms(uid: str, wrong: list[Dataset], right: list[Dataset]) -> None:
    for groups_, told in ((wrong, True), (right, False)):
        found = {rule for rule, _ in findings_of(of_class(STORAGE + uid, {"WaveformSequence": groups_}))}
        assert ("WAV005" in found) is told


def beam(flag: str) -> dict[str, object]:
    leaves = item(EnhancedRTBeamLimitingDeviceDefinitionFlag=flag, BeamLimitingDeviceSequence=[item()])
    return {"BeamSequence": [leaves]}


def ions(kind: str) -> dict[str, object]:
    point = item(RadiationMassNumber=12)
    return {"IonBeamSequence": [item(RadiationType=kind, IonControlPointSequence=[point])]}


def cell(vr: str) -> dict[str, object]:
    made = item(SelectorAttributeVR=vr, SelectorFDValue=1.0)
    return {
        "ContentSequence": [
            item(ValueType="TABLE", TabulatedValuesSequence=[item(CellValuesSequence=[made])])
        ]
    }


def group_of_points(kind: str) -> dict[str, object]:
    algorithm = [item(AlgorithmName="A")]
    made = item(AnnotationGroupGenerationType=kind, AnnotationGroupAlgorithmIdentificationSequence=algorithm)
    return {"AnnotationGroupSequence": [made]}


def area(**attributes: object) -> dict[str, object]:
    return {"DisplayedAreaSelectionSequence": [item(**attributes)]}


def window(intent: str) -> dict[str, object]:
    return {"PresentationIntentType": intent, "WindowCenter": "1", "WindowWidth": "2"}


def mr_frame(kind: str, **attributes: object) -> dict[str, object]:
    group = item(MRModifierSequence=[item(**attributes)])
    group.MRImageFrameTypeSequence = [item(FrameType=[kind, "PRIMARY", "VOLUME", "NONE"])]
    return {"PerFrameFunctionalGroupsSequence": [group], "ImageType": [kind, "PRIMARY", "VOLUME", "NONE"]}


def acquired(technique: str) -> dict[str, object]:
    details = [item(RevolutionTime=1.0)]
    group = item(
        CTAcquisitionDetailsSequence=details, CTAcquisitionTypeSequence=[item(AcquisitionType=technique)]
    )
    group.CTImageFrameTypeSequence = [item(FrameType=["DERIVED", "PRIMARY", "VOLUME", "NONE"])]
    return {
        "PerFrameFunctionalGroupsSequence": [group],
        "ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"],
    }


def reconstructed(**attributes: object) -> dict[str, object]:
    return {"PerFrameFunctionalGroupsSequence": [item(CTReconstructionSequence=[item(**attributes)])]}


PALETTE = {"RedPaletteColorLookupTableDescriptor": [1, 0, 16]}
SCANNED = {"NominalScannedPixelSpacing": ["1", "1"]}
INVERTED = {"InversionTimes": [1.0]}


def dose_reference(kind: str) -> dict[str, object]:
    return {"DoseReferenceSequence": [item(DoseReferenceStructureType=kind, ReferencedROINumber=1)]}


def wedges(number: str) -> dict[str, object]:
    point = item(
        ControlPointIndex=0, WedgePositionSequence=[item(WedgePosition="IN", ReferencedWedgeNumber=1)]
    )
    return {"BeamSequence": [item(NumberOfWedges=number, ControlPointSequence=[point])]}


def dose_of(what: str) -> dict[str, object]:
    plan = item(ReferencedFractionGroupSequence=[item(ReferencedFractionGroupNumber=1)])
    return {"DoseSummationType": what, "ReferencedRTPlanSequence": [plan]}


def skew(**attributes: object) -> dict[str, object]:
    return {"WaveformSequence": [item(ChannelDefinitionSequence=[item(**attributes)])]}


def mapping(**attributes: object) -> dict[str, object]:
    made = item(DoubleFloatRealWorldValueFirstValueMapped=0.0, **attributes)
    return {"ReferencedImageRealWorldValueMappingSequence": [item(RealWorldValueMappingSequence=[made])]}


# What is conditional and has no place where its condition does not hold (PS3.5 7.4.2).
CONDITIONAL: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("91.1", group_of_points("MANUAL"), group_of_points("AUTOMATIC"), "AnnotationGroupAlgorithmIdentificationSequence"),
    ("104.1", {"HL7InstanceIdentifier": "1.2"}, {}, "HL7InstanceIdentifier"),
    ("11.1", area(PresentationPixelSpacing=["1", "1"], PresentationPixelAspectRatio=["1", "1"]),
        area(PresentationPixelAspectRatio=["1", "1"]), "PresentationPixelAspectRatio"),
    ("481.5", beam("YES"), beam("NO"), "BeamLimitingDeviceSequence"),
    ("481.5", {"PatientSetupSequence": [item(PatientPosition="HFS", PatientAdditionalPosition="A")]},
        {"PatientSetupSequence": [item(PatientAdditionalPosition="A")]}, "PatientAdditionalPosition"),
    ("481.8", ions("PROTON"), ions("MIXED_ION"), "RadiationMassNumber"),
    ("88.34", cell("DS"), cell("FD"), "SelectorFDValue"),
    ("3.1", {"FrameTime": "1", "FrameIncrementPointer": 0x00181065}, {"FrameTime": "1", "FrameIncrementPointer": 0x00181063}, "FrameTime"),
    ("20", {"PhaseVector": 1, "FrameIncrementPointer": 0x00540010},
        {"PhaseVector": 1, "FrameIncrementPointer": [0x00540010, 0x00540030]}, "PhaseVector"),
    ("128", {"SeriesType": ["STATIC", "IMAGE"], "FrameTime": "1"}, {"SeriesType": ["GATED", "IMAGE"], "FrameTime": "1"},
        "FrameTime"),
    ("104.1", {"ValueType": "CONTAINER"}, {"ValueType": "CONTAINER", "ContentSequence": [item()]}, "ValueType"),
    ("481.5", dose_reference("SITE"), dose_reference("VOLUME"), "ReferencedROINumber"),
    ("481.5", wedges("0"), wedges("1"), "WedgePositionSequence"),
    ("481.2", {"GridFrameOffsetVector": ["0", "2"], "FrameIncrementPointer": 0x00181063, "NumberOfFrames": 2},
        {"GridFrameOffsetVector": ["0", "2"], "FrameIncrementPointer": 0x3004000C, "NumberOfFrames": 2},
        "GridFrameOffsetVector"),
    ("481.2", {"GridFrameOffsetVector": ["0"]}, {"GridFrameOffsetVector": ["0"], "FrameIncrementPointer": 0x3004000C,
        "NumberOfFrames": 1}, "GridFrameOffsetVector"),
    ("30", {"PixelPresentation": "MONOCHROME", "PaletteColorLookupTableUID": "1.2.3"},
        {"PixelPresentation": "COLOR_RANGE", "PaletteColorLookupTableUID": "1.2.3"}, "PaletteColorLookupTableUID"),
    ("30", {"FloatPixelData": bytes(8), "PixelData": None, "PixelSpacing": [1, 1], "PixelAspectRatio": ["2", "1"]},
        {"FloatPixelData": bytes(8), "PixelData": None, "PixelAspectRatio": ["2", "1"]}, "PixelAspectRatio"),
    ("481.2", dose_of("PLAN"), dose_of("BEAM"), "ReferencedFractionGroupSequence"),
    ("9.1.1", skew(ChannelTimeSkew="0", ChannelSampleSkew="0"), skew(ChannelSampleSkew="0"), "ChannelTimeSkew"),
    ("67", mapping(RealWorldValueFirstValueMapped=0), mapping(), "DoubleFloatRealWorldValueFirstValueMapped"),
    ("481.4", {"MeasuredDoseReferenceSequence": [item(MeasuredDoseReferenceNumber=1, ReferencedDoseReferenceNumber=1)]},
        {"MeasuredDoseReferenceSequence": [item(ReferencedDoseReferenceNumber=1)]}, "ReferencedDoseReferenceNumber"),
    ("1.1.1", window("FOR PROCESSING"), {}, "WindowCenter"),  # A.26.3
    ("1.2.1", window("FOR PROCESSING"), {}, "WindowCenter"),  # A.27.3
    ("1.3.1", window("FOR PROCESSING"), {}, "WindowCenter"),  # A.28.2
    ("7.2", {"ConversionType": "DV"} | SCANNED, {"ConversionType": "SI"} | SCANNED, "NominalScannedPixelSpacing"),
    ("4", {"ScanOptions": "FC", "TriggerTime": "1"}, {"ScanOptions": ["FC", "CG"], "TriggerTime": "1"}, "TriggerTime"),
    ("4", {"ScanOptions": ["FC", "SP"], "TriggerTime": "1"}, {"ScanOptions": "OTHER", "TriggerTime": "1"}, "TriggerTime"),
    ("2.1", {"PixelPresentation": "TRUE_COLOR"} | PALETTE, {"PixelPresentation": "COLOR"} | PALETTE,
        "RedPaletteColorLookupTableDescriptor"),
    ("4.1", mr_frame("ORIGINAL", InversionRecovery="NO", **INVERTED),
        mr_frame("ORIGINAL", InversionRecovery="YES", **INVERTED), "InversionTimes"),
    ("4.1", mr_frame("DERIVED", InversionRecovery="NO", **INVERTED),
        mr_frame("DERIVED", InversionRecovery="YES", **INVERTED), "InversionTimes"),
    # An original frame has the attribute that decides, and its absence is told of itself.
    ("4.1", mr_frame("DERIVED", **INVERTED), mr_frame("ORIGINAL", **INVERTED), "InversionTimes"),
    ("4.1", mr_frame("DERIVED", Spoiling="RF") | {"EchoPulseSequence": "SPIN"},
        mr_frame("DERIVED", Spoiling="RF") | {"EchoPulseSequence": "BOTH"}, "Spoiling"),
    ("4.1", {"ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"], "CardiacSynchronizationTechnique": "NONE", "LowRRValue": 1},
        {"ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"], "CardiacSynchronizationTechnique": "PROSPECTIVE",
        "LowRRValue": 1}, "LowRRValue"),
    ("2.1", acquired("CONSTANT_ANGLE"), acquired("SPIRAL"), "RevolutionTime"),
    ("2.1", reconstructed(ReconstructionDiameter=1.0, ReconstructionFieldOfView=[1.0, 1.0]),
        reconstructed(ReconstructionFieldOfView=[1.0, 1.0]), "ReconstructionFieldOfView"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"DimensionIndexSequence": [item(DimensionIndexPointer=0x00200032)]}, True),
        ({}, False),
        (
            {
                "DimensionIndexSequence": [item(DimensionIndexPointer=0x00200032)],
                "DimensionOrganizationType": "TILED_FULL",
            },
            False,
        ),
    ],
)
def test_frames_of_segmentations_with_dimensions_have_content(
    attributes: dict[str, object], told: bool
) -> None:
    """PS3.3 Table A.51-2, where it is asked for unless it is empty, and Table C.7.6.16-3: indices of dimensions are in it."""
    frame = item(SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)])
    made = of_class(STORAGE + "66.4", {"PerFrameFunctionalGroupsSequence": [frame]} | attributes)
    assert (("FG101", "FrameContentSequence") in findings_of(made)) is told


@pytest.mark.parametrize(
    ("uid", "keyword", "place"),
    [
        ("6.2", "PlaneOrientationVolumeSequence", "Shared"),
        ("6.2", "USImageDescriptionSequence", "Shared"),
        ("6.2", "PlanePositionVolumeSequence", "PerFrame"),
        ("6.3", "PlaneOrientationVolumeSequence", "Shared"),
        ("6.3", "PlanePositionVolumeSequence", "PerFrame"),
    ],
)
def test_the_functional_groups_of_a_volume_have_their_place(uid: str, keyword: str, place: str) -> None:
    """PS3.3 Tables A.59-2, A.89-2."""
    for given in ("Shared", "PerFrame"):
        places = {name: [item()] for name in ("Shared", "PerFrame")}
        setattr(places[given][0], keyword, [item(FrameType="ORIGINAL")])
        made = of_class(
            STORAGE + uid, {f"{name}FunctionalGroupsSequence": items for name, items in places.items()}
        )
        told = {rule for rule, name in findings_of(made) if name.startswith(keyword)} & {"FG102", "FG103"}
        assert bool(told) is (given != place), told


@pytest.mark.parametrize(("uid", "wrong", "right", "keyword"), CONDITIONAL)
def test_what_has_no_place_without_its_condition(
    uid: str, wrong: dict[str, object], right: dict[str, object], keyword: str
) -> None:
    for attributes, told in ((wrong, True), (right, False)):
        found = {rule for rule, name in findings_of(of_class(STORAGE + uid, attributes)) if name == keyword}
        assert ("MOD007" in found) is told, (attributes, found)


@pytest.mark.parametrize("also", [{}, {"VOILUTSequence": [item(LUTDescriptor=[2, 0, 8], LUTData=b"\0\1")]}])
def test_an_image_for_presentation_has_a_window_or_a_voi_lut_or_both(also: dict[str, object]) -> None:
    found = findings_of(of_class(STORAGE + "1.1", window("FOR PRESENTATION") | also))
    assert not {
        name
        for rule, name in found
        if rule in ("MOD004", "MOD007") and name in ("WindowCenter", "VOILUTSequence")
    }


def test_all_channels_of_a_12_lead_ecg_are_counted() -> None:
    """PS3.3 A.34.3.4.4."""
    for channels, told in (((3, 3, 3, 3, 2), True), ((3, 3, 3, 3, 1), False)):
        made = [_group(number, "SS", 16) for number in channels]
        for one in made:
            one.SamplingFrequency = "500"
        found = {rule for rule, _ in findings_of(of_class(STORAGE + "9.1.1", {"WaveformSequence": made}))}
        assert ("WAV005" in found) is told


def groups(name: str, **attributes: object) -> dict[str, object]:
    """An instance with these attributes and a functional group that all frames share."""
    return {**attributes, "SharedFunctionalGroupsSequence": [item(**{name: [item()]})]}


AGENT = {"ContrastBolusAgentSequence": [item(ContrastBolusAgentNumber=1)]}

# Modules and functional groups of usage C, where the condition does not hold and where it does (PS3.3 A.1.3).
CONDITIONAL_MODULES: list[tuple[str, dict[str, object], dict[str, object], str]] = [
    ("12.1.1", {"XRayReceptorType": "IMG_INTENSIFIER", "DetectorType": "DIRECT"},
        {"XRayReceptorType": "DIGITAL_DETECTOR", "DetectorType": "DIRECT"}, "DetectorType"),
    ("20", {"ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], "PhaseInformationSequence": [item()]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"], "PhaseInformationSequence": [item()]},
        "PhaseInformationSequence"),
    ("128", {"SeriesType": ["STATIC", "IMAGE"], "BeatRejectionFlag": "Y"},
        {"SeriesType": ["GATED", "IMAGE"], "BeatRejectionFlag": "Y"}, "BeatRejectionFlag"),
    ("12.2", {"TomoAngle": "30"}, {"ScanOptions": "TOMO", "TomoAngle": "30"}, "TomoAngle"),
    ("91.1", {"AnnotationCoordinateType": "2D", "FrameOfReferenceUID": "1.2.3"},
        {"AnnotationCoordinateType": "3D", "FrameOfReferenceUID": "1.2.3"}, "FrameOfReferenceUID"),
    ("30", {"PixelData": bytes(8), "FloatPixelPaddingValue": 1.0}, {"FloatPixelData": bytes(8),
        "FloatPixelPaddingValue": 1.0}, "FloatPixelPaddingValue"),
    ("2.1", groups("ContrastBolusUsageSequence"), groups("ContrastBolusUsageSequence", **AGENT),
        "ContrastBolusUsageSequence"),
    ("4.3", groups("PixelValueTransformationSequence", PhotometricInterpretation="RGB"),
        groups("PixelValueTransformationSequence", PhotometricInterpretation="MONOCHROME2"),
        "PixelValueTransformationSequence"),
    ("66.4", groups("SegmentIdentificationSequence", SegmentationType="LABELMAP"),
        groups("SegmentIdentificationSequence", SegmentationType="BINARY"), "SegmentIdentificationSequence"),
    ("13.1.3", groups("DerivationImageSequence", ImageType=["ORIGINAL", "PRIMARY", "TOMOSYNTHESIS", "NONE"]),
        groups("DerivationImageSequence", ImageType=["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]),
        "DerivationImageSequence"),
]  # fmt: skip


@pytest.mark.parametrize(("uid", "wrong", "right", "keyword"), CONDITIONAL_MODULES)
def test_modules_and_functional_groups_have_no_place_without_their_condition(
    uid: str, wrong: dict[str, object], right: dict[str, object], keyword: str
) -> None:
    rule = "FG105" if "SharedFunctionalGroupsSequence" in wrong else "MOD008"
    for attributes, told in ((wrong, True), (right, False)):
        found = {
            one for one, name in findings_of(of_class(STORAGE + uid, attributes)) if name.endswith(keyword)
        }
        assert (rule in found) is told, (attributes, found)


def test_what_decides_of_a_module_is_told_alone_where_it_is_missing() -> None:
    attributes = {"DetectorType": "DIRECT"}
    found = findings_of(of_class(STORAGE + "12.1.1", attributes))
    assert ("MOD008", "DetectorType") in found  # Type 1C: nothing here asks for the receptor
    found = findings_of(of_class(STORAGE + "91.1", {"FrameOfReferenceUID": "1.2.3"}))
    assert ("MOD008", "FrameOfReferenceUID") not in found
    assert ("MOD001", "AnnotationCoordinateType") in found


def test_a_list_that_holds_under_a_condition_says_which() -> None:
    made = of_class(f"{STORAGE}7.3", {"PixelRepresentation": 1})
    (found,) = (
        one for one in CHECKER.check(slides.to_bytes(made)).findings if one.path == "PixelRepresentation"
    )
    assert found.because == "the SOP Class is Multi-frame Grayscale Word Secondary Capture Image Storage"
    made = of_class(f"{STORAGE}481.2", {"DoseType": "PHYSICAL", "PixelRepresentation": 1})
    (found,) = (
        one for one in CHECKER.check(slides.to_bytes(made)).findings if one.path == "PixelRepresentation"
    )
    assert "DoseType is not ERROR" in found.because


def test_images_that_frames_refer_to_are_listed() -> None:
    """PS3.3 C.8.19.2, C.8.21.1."""
    image = item(ReferencedSOPClassUID=STORAGE + "12.1", ReferencedSOPInstanceUID="1.2.3")
    shared = item(ReferencedImageSequence=[image])
    for uid in ("12.1.1", "13.1.3"):
        for held, told in ((shared, True), (item(), False)):
            found = findings_of(of_class(STORAGE + uid, {"SharedFunctionalGroupsSequence": [held]}))
            assert (("MOD004", "ReferencedImageEvidenceSequence") in found) is told
