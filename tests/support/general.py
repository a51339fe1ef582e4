"""Small clean instances of other SOP Classes, made from scratch for the rules that hold for any of them."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileDataset

from .modules import (
    SCAN_DATE,
    SCAN_DATETIME,
    Code,
    code,
    equipment,
    item,
    new_file,
    patient_and_study,
    series,
    uid,
)

_EXPLICIT = "1.2.840.10008.1.2.1"  # PS3.5 10.1
_SIDE = 16  # pixels


def _square(bits: int = 16) -> bytes:
    """A ramp of ``_SIDE`` x ``_SIDE`` samples."""
    ramp = np.add.outer(np.arange(_SIDE), np.arange(_SIDE)) * 8
    return ramp.astype("<u2" if bits == 16 else "u1").tobytes()


def _pixels(bits_allocated: int, bits_stored: int, data: bytes) -> Dataset:
    """Image Pixel (C.7.6.3) for one sample a pixel."""
    made = item(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=_SIDE,
        Columns=_SIDE,
        BitsAllocated=bits_allocated,
        BitsStored=bits_stored,
        HighBit=bits_stored - 1,
        PixelRepresentation=0,
        PixelData=data,
    )
    made["PixelData"].VR = "OW" if bits_allocated > 8 else "OB"
    return made


def _frame_of_reference(name: str) -> Dataset:
    return item(FrameOfReferenceUID=uid(name, "frame of reference"), PositionReferenceIndicator="")


def _times() -> Dataset:
    return item(
        InstanceNumber="1",
        ContentDate=SCAN_DATE,
        ContentTime="101900",
        AcquisitionDate=SCAN_DATE,
        AcquisitionTime="101500",
        AcquisitionNumber="1",
    )


def _axial() -> Dataset:
    """Image Plane (C.7.6.2) of a transverse slice."""
    return item(
        PixelSpacing=["1", "1"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
        ImagePositionPatient=["-8", "-8", "0"],
        SliceThickness="5",
        SliceLocation="0",
    )


def _made(name: str, sop_class: str, modality: str, *parts: Dataset) -> FileDataset:
    common = (patient_and_study(name), series(name, modality), equipment())
    return new_file(sop_class, uid(name, "instance"), _EXPLICIT, (*common, *parts))


def ct() -> FileDataset:
    """A CT Image: one transverse slice of 16 x 16 pixels."""
    return _made(
        "ct",
        "1.2.840.10008.5.1.4.1.1.2",
        "CT",
        _frame_of_reference("ct"),
        _times(),
        _axial(),
        item(
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            BodyPartExamined="ABDOMEN",
            PatientPosition="HFS",
            KVP="120",
            RescaleIntercept="-1024",
            RescaleSlope="1",
            RescaleType="HU",
        ),
        _pixels(16, 12, _square()),
    )


def mr() -> FileDataset:
    """An MR Image: one transverse spin echo slice of 16 x 16 pixels."""
    return _made(
        "mr",
        "1.2.840.10008.5.1.4.1.1.4",
        "MR",
        _frame_of_reference("mr"),
        _times(),
        _axial(),
        item(
            ImageType=["ORIGINAL", "PRIMARY", "OTHER"],
            BodyPartExamined="ABDOMEN",
            PatientPosition="HFS",
            ScanningSequence="SE",
            SequenceVariant="NONE",
            ScanOptions="",
            MRAcquisitionType="2D",
            RepetitionTime="500",
            EchoTime="15",
            EchoTrainLength="1",
        ),
        _pixels(16, 12, _square()),
    )


def sc() -> FileDataset:
    """A Secondary Capture Image: 16 x 16 pixels of 8 bits."""
    return _made(
        "sc",
        "1.2.840.10008.5.1.4.1.1.7",
        "OT",
        _times(),
        item(
            ImageType=["DERIVED", "SECONDARY"],
            ConversionType="WSD",
            BodyPartExamined="ABDOMEN",
            PatientOrientation="",
        ),
        _pixels(8, 8, _square(8)),
    )


def us() -> FileDataset:
    """An Ultrasound Image: one grayscale frame of 16 x 16 pixels."""
    return _made(
        "us",
        "1.2.840.10008.5.1.4.1.1.6.1",
        "US",
        _times(),
        item(
            ImageType=["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
            BodyPartExamined="ABDOMEN",
            PatientOrientation="",
            UltrasoundColorDataPresent=0,
            LossyImageCompression="00",
        ),
        _pixels(8, 8, _square(8)),
    )


def basic_sr() -> FileDataset:
    """A Basic Text SR: a title and one line of text."""
    finding: Code = ("121071", "DCM", "Finding")
    return _made(
        "basic-sr",
        "1.2.840.10008.5.1.4.1.1.88.11",
        "SR",
        item(
            InstanceNumber="1",
            ContentDate=SCAN_DATE,
            ContentTime="101900",
            CompletionFlag="COMPLETE",
            VerificationFlag="UNVERIFIED",
            ReferencedPerformedProcedureStepSequence=[],
            PerformedProcedureCodeSequence=[],
            ValueType="CONTAINER",
            ConceptNameCodeSequence=[code(("121144", "DCM", "Document Title"))],
            ContinuityOfContent="SEPARATE",
            ContentSequence=[
                item(
                    RelationshipType="CONTAINS",
                    ValueType="TEXT",
                    ConceptNameCodeSequence=[code(finding)],
                    TextValue="A made-up finding.",
                )
            ],
        ),
    )


def enhanced_ct() -> FileDataset:
    """An Enhanced CT Image: two transverse frames of 16 x 16 pixels, 5 mm apart."""
    organization = uid("enhanced-ct", "dimensions")
    frame_type = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    described = item(
        PixelPresentation="MONOCHROME", VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE"
    )
    stack, place = 0x00209056, 0x00209057  # Stack ID, In-Stack Position Number
    content = 0x00209111  # Frame Content Sequence
    abdomen: Code = ("818983003", "SCT", "Abdomen")
    return _made(
        "enhanced-ct",
        "1.2.840.10008.5.1.4.1.1.2.1",
        "CT",
        _frame_of_reference("enhanced-ct"),
        described,
        _pixels(16, 12, _square() * 2),
        item(
            ImageType=frame_type,
            InstanceNumber="1",
            ContentDate=SCAN_DATE,
            ContentTime="101900",
            AcquisitionDateTime=SCAN_DATETIME,
            PatientPosition="HFS",
            AcquisitionDuration=1.0,
            AcquisitionNumber="1",
            ContentQualification="PRODUCT",
            NumberOfFrames="2",
            AcquisitionContextSequence=[],
            BurnedInAnnotation="NO",
            LossyImageCompression="00",
            PresentationLUTShape="IDENTITY",
            MultienergyCTAcquisition="NO",
            DimensionOrganizationSequence=[item(DimensionOrganizationUID=organization)],
            DimensionIndexSequence=[
                item(
                    DimensionOrganizationUID=organization,
                    DimensionIndexPointer=pointer,
                    FunctionalGroupPointer=content,
                )
                for pointer in (stack, place)
            ],
            SharedFunctionalGroupsSequence=[_enhanced_ct_shared(frame_type, abdomen)],
            PerFrameFunctionalGroupsSequence=[_enhanced_ct_frame(number) for number in (1, 2)],
        ),
    )


def _enhanced_ct_shared(frame_type: list[str], region: Code) -> Dataset:
    """What both frames share: A.38.1.4, and the CT functional groups of C.8.15.3."""
    body_phantom: Code = ("113691", "DCM", "IEC Body Dosimetry Phantom")  # PS3.16 CID 4052
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=["1", "1"], SliceThickness="5", SpacingBetweenSlices="5")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        FrameAnatomySequence=[item(AnatomicRegionSequence=[code(region)], FrameLaterality="U")],
        PixelValueTransformationSequence=[item(RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU")],
        FrameVOILUTSequence=[item(WindowCenter="40", WindowWidth="400")],
        CTImageFrameTypeSequence=[
            item(
                FrameType=frame_type,
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
        CTAcquisitionTypeSequence=[
            item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
        ],
        CTAcquisitionDetailsSequence=[
            item(
                RotationDirection="CW",
                RevolutionTime=1.0,
                SingleCollimationWidth=5.0,
                TotalCollimationWidth=5.0,
                TableHeight=100.0,
                GantryDetectorTilt=0.0,
                DataCollectionDiameter=500.0,
            )
        ],
        CTTableDynamicsSequence=[item(TableSpeed=5.0, TableFeedPerRotation=5.0, SpiralPitchFactor=1.0)],
        CTGeometrySequence=[
            item(
                DistanceSourceToDetector=1000.0,
                DistanceSourceToDataCollectionCenter=500.0,
            )
        ],
        CTReconstructionSequence=[
            item(
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
                ConvolutionKernel="STANDARD",
                ConvolutionKernelGroup="SOFT_TISSUE",
                ImageFilter="NONE",
                ReconstructionDiameter=16.0,
                ReconstructionPixelSpacing=[1.0, 1.0],
                ReconstructionAngle=360.0,
            )
        ],
        CTExposureSequence=[
            item(
                ExposureTimeInms=1000.0,
                XRayTubeCurrentInmA=100.0,
                ExposureInmAs=100.0,
                ExposureModulationType="NONE",
                CTDIvol=10.0,
                CTDIPhantomTypeCodeSequence=[code(body_phantom)],
            )
        ],
        CTXRayDetailsSequence=[
            item(KVP="120", FocalSpots=[1.0], FilterType="NONE", FilterMaterial="ALUMINUM")
        ],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID=uid("enhanced-ct", "irradiation"))],
    )


def _enhanced_ct_frame(number: int) -> Dataset:
    """Frame Content and Plane Position of the ``number``-th frame, 1-based."""
    return item(
        FrameContentSequence=[
            item(
                FrameReferenceDateTime=SCAN_DATETIME,
                FrameAcquisitionDateTime=SCAN_DATETIME,
                FrameAcquisitionDuration=1000.0,
                FrameAcquisitionNumber=1,
                DimensionIndexValues=[1, number],
                StackID="1",
                InStackPositionNumber=number,
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=["-8", "-8", str(5 * (number - 1))])],
        CTPositionSequence=[
            item(
                TablePosition=5.0 * (number - 1),
                DataCollectionCenterPatient=[0.0, 0.0, 5.0 * (number - 1)],
                ReconstructionTargetCenterPatient=[0.0, 0.0, 5.0 * (number - 1)],
            )
        ],
    )
