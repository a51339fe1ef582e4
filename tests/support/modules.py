"""Attributes of made-up slides, module by module, and the fixed UIDs and dates that they share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID

from .pictures import icc_profile

SCAN_DATE, SCAN_TIME = "20240315", "101500"
SCAN_DATETIME = f"{SCAN_DATE}{SCAN_TIME}+0000"
IMPLEMENTATION_VERSION = "DCMLINT_SAMPLES"

Code = tuple[str, str, str]

MICROSCOPE_SLIDE: Code = ("433466003", "SCT", "Microscope slide")  # PS3.16 CID 8101
TISSUE_SECTION: Code = ("430856003", "SCT", "Tissue section")  # PS3.16 CID 8103
TISSUE_SPECIMEN: Code = ("119376003", "SCT", "Tissue specimen")  # PS3.16 CID 8103
GROSS_SPECIMEN: Code = ("430861001", "SCT", "Gross specimen")  # PS3.16 CID 8103
COLON: Code = ("71854001", "SCT", "Colon")  # PS3.16 CID 8134; not a paired organ
BRIGHTFIELD: Code = ("111744", "DCM", "Brightfield illumination")  # PS3.16 CID 8123
EPIFLUORESCENCE: Code = ("111743", "DCM", "Epifluorescence illumination")  # PS3.16 CID 8123
REFLECTION: Code = ("111742", "DCM", "Reflection illumination")  # PS3.16 CID 8123
FULL_SPECTRUM: Code = ("414298005", "SCT", "Full Spectrum")  # PS3.16 CID 8122
LIGHT_EMITTING_DIODE: Code = ("445683001", "SCT", "Light emitting diode")  # PS3.16 CID 8125
DRY_LENS: Code = ("445621001", "SCT", "High power non-immersion lens")  # PS3.16 CID 8121
OVERVIEW_LENS: Code = ("445601002", "SCT", "Slide overview lens")  # PS3.16 CID 8121


def uid(*names: str) -> UID:
    """The same UID for the same names on every machine, below 2.25 (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, '/'.join(('dcmlint-samples', *names))).int}")


def item(**attributes: Any) -> Dataset:
    """A sequence item, or any dataset, with these attributes by keyword."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def code(concept: Code) -> Dataset:
    """A code sequence item (PS3.3 8.8)."""
    value, scheme, meaning = concept
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def decimal(value: float) -> str:
    """A DS of at most 16 characters (PS3.5 6.2)."""
    return format(round(value, 8), ".10g")


def new_file(
    sop_class: str, sop_instance: str, transfer_syntax: str, parts: Iterable[Dataset]
) -> FileDataset:
    """A file with its meta information and SOP Common, made of ``parts``, one for each module."""
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0  # the writer fills it in
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = uid("implementation")
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    made = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    for part in parts:
        made.update(part)
    made.SOPClassUID = UID(sop_class)
    made.SOPInstanceUID = UID(sop_instance)
    made.SpecificCharacterSet = "ISO_IR 192"
    made.TimezoneOffsetFromUTC = "+0000"
    return made


def patient_and_study(name: str, accession: str = "EX24-17") -> Dataset:
    """Patient (C.7.1.1) and General Study (C.7.2.1) of the made-up slide ``name``."""
    return item(
        PatientName="Example^Slide",
        PatientID="EX-17",
        PatientBirthDate="19600229",
        PatientSex="O",
        StudyInstanceUID=uid(name, "study"),
        StudyDate=SCAN_DATE,
        StudyTime="093000",
        ReferringPhysicianName="",
        StudyID=accession,
        AccessionNumber=accession,
    )


def series(name: str, modality: str, number: int = 1) -> Dataset:
    """General Series (C.7.3.1)."""
    return item(
        Modality=modality,
        SeriesInstanceUID=uid(name, "series", str(number)),
        SeriesNumber=str(number),
    )


def equipment() -> Dataset:
    """General and Enhanced General Equipment (C.7.5.1, C.7.5.2)."""
    return item(
        Manufacturer="Example Devices",
        ManufacturerModelName="Sample Scanner 1",
        DeviceSerialNumber="ED-0042",
        SoftwareVersions="1.0.0",
    )


def _step(identifier: str, process: Code, moment: str, *contents: Dataset) -> Dataset:
    """An item of Specimen Preparation Sequence (PS3.16 TID 8001)."""
    return item(
        SpecimenPreparationStepContentItemSequence=[
            _text(("121041", "DCM", "Specimen Identifier"), identifier),
            _coded(("111701", "DCM", "Processing type"), process),
            item(
                ValueType="DATETIME",
                ConceptNameCodeSequence=[code(("111702", "DCM", "DateTime of processing"))],
                DateTime=moment,
            ),
            *contents,
        ]
    )


def _text(concept: Code, value: str) -> Dataset:
    return item(ValueType="TEXT", ConceptNameCodeSequence=[code(concept)], TextValue=value)


def _coded(concept: Code, value: Code) -> Dataset:
    return item(ValueType="CODE", ConceptNameCodeSequence=[code(concept)], ConceptCodeSequence=[code(value)])


def _sampling(method: Code, parent: str, parent_type: Code) -> tuple[Dataset, ...]:
    """What a sampling step says of its parent (PS3.16 TID 8002)."""
    return (
        _coded(("111704", "DCM", "Sampling Method"), method),
        _text(("111705", "DCM", "Parent Specimen Identifier"), parent),
        _coded(("111707", "DCM", "Parent specimen type"), parent_type),
    )


def preparation(slide: str) -> list[Dataset]:
    """From the excision to the stain, in the order of time; ``slide`` is like ``EX24-17-A1-1``."""
    block = slide.rpartition("-")[0]
    part = block.rstrip("0123456789")
    sampling: Code = ("433465004", "SCT", "Sampling of tissue specimen")
    substance: Code = ("424361007", "SCT", "Using substance")
    return [
        _step(
            part,
            ("17636008", "SCT", "Specimen collection"),
            "20240311090000+0000",
            _coded(("17636008", "SCT", "Specimen collection"), ("65801008", "SCT", "Excision")),
            _coded(("430864009", "SCT", "Tissue fixative"), ("431510009", "SCT", "Formalin")),
        ),
        _step(
            block,
            sampling,
            "20240312140000+0000",
            *_sampling(("122459003", "SCT", "Dissection"), part, GROSS_SPECIMEN),
            _coded(("430863003", "SCT", "Tissue embedding medium"), ("311731000", "SCT", "Paraffin wax")),
        ),
        _step(
            slide,
            sampling,
            "20240314080000+0000",
            *_sampling(("434472006", "SCT", "Block sectioning"), block, TISSUE_SPECIMEN),
        ),
        _step(
            slide,
            ("127790008", "SCT", "Staining"),
            "20240314101500+0000",
            _coded(substance, ("12710003", "SCT", "hematoxylin stain")),
            _coded(substance, ("36879007", "SCT", "water soluble eosin stain")),
        ),
    ]


def _issuer() -> Dataset:
    return item(LocalNamespaceEntityID="EXAMPLE LAB")


def specimen(name: str, container: str) -> Dataset:
    """Specimen (C.7.6.22): one section of colon on one glass slide, stained with H&E."""
    return item(
        ContainerIdentifier=container,
        IssuerOfTheContainerIdentifierSequence=[_issuer()],
        ContainerTypeCodeSequence=[code(MICROSCOPE_SLIDE)],
        SpecimenDescriptionSequence=[
            item(
                SpecimenIdentifier=container,
                SpecimenUID=uid(name, "specimen"),
                IssuerOfTheSpecimenIdentifierSequence=[_issuer()],
                SpecimenTypeCodeSequence=[code(TISSUE_SECTION)],
                SpecimenShortDescription="Colon, H&E",
                SpecimenPreparationSequence=preparation(container),
                PrimaryAnatomicStructureSequence=[code(COLON)],
            )
        ],
    )


def brightfield_path(identifier: str = "1", power: float = 20.0) -> Dataset:
    """An Optical Path (C.8.12.5) of a colour camera behind a dry lens."""
    return item(
        OpticalPathIdentifier=identifier,
        OpticalPathDescription="Brightfield",
        IlluminatorTypeCodeSequence=[code(LIGHT_EMITTING_DIODE)],
        IlluminationTypeCodeSequence=[code(BRIGHTFIELD)],
        IlluminationColorCodeSequence=[code(FULL_SPECTRUM)],
        LensesCodeSequence=[code(DRY_LENS)],
        ObjectiveLensPower=decimal(power),
        ObjectiveLensNumericalAperture="0.75",
        ICCProfile=icc_profile(),
    )


def macro_path(identifier: str = "1") -> Dataset:
    """The Optical Path of the camera that takes labels and overviews."""
    return item(
        OpticalPathIdentifier=identifier,
        OpticalPathDescription="Macro camera",
        IlluminatorTypeCodeSequence=[code(LIGHT_EMITTING_DIODE)],
        IlluminationTypeCodeSequence=[code(REFLECTION)],
        IlluminationColorCodeSequence=[code(FULL_SPECTRUM)],
        LensesCodeSequence=[code(OVERVIEW_LENS)],
        ICCProfile=icc_profile(),
    )


def fluorescence_path(identifier: str = "1", wavelength: float = 405.0) -> Dataset:
    """An Optical Path of a monochrome camera; ``wavelength`` of the light in nm. No ICC profile."""
    return item(
        OpticalPathIdentifier=identifier,
        OpticalPathDescription=f"Fluorescence {wavelength:.0f} nm",
        IlluminatorTypeCodeSequence=[code(LIGHT_EMITTING_DIODE)],
        IlluminationTypeCodeSequence=[code(EPIFLUORESCENCE)],
        IlluminationWaveLength=wavelength,
        LensesCodeSequence=[code(DRY_LENS)],
        ObjectiveLensPower="20",
        ObjectiveLensNumericalAperture="0.75",
    )
