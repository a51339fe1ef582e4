"""Slides that conform to the vendor profiles, for tests that break them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from support import slides
from support.modules import code, item, uid
from support.writing import changed, put, to_bytes

from dcmlint.api import check_bytes
from dcmlint.engine.report import Report

DICOMVERT = "dicomvert-2.0"
GT450 = "aperio-gt450-dx"
IQC = "aperio-iqc"


@cache
def _dicomvert() -> FileDataset:
    scan = slides.Scan(
        name="dicomvert", columns=1024, rows=512, tile=512, codec="jpeg", sparse=True, order="raster"
    )
    made = slides.volume(scan)
    image_type = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    made.SpecificCharacterSet = "ISO_IR 100"
    made.ImageType = image_type
    made.DerivationDescription = "Converted"
    made.AcquisitionContextSequence = [_context()]
    made.ReferringPhysicianName = "Example^Referrer"
    put(made, "PatientOrientation", None)
    made.SeriesDate, made.SeriesTime = made.StudyDate, made.StudyTime
    made.AcquisitionDuration = 120.0
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.WholeSlideMicroscopyImageFrameTypeSequence[0].FrameType = image_type
    shared.OpticalPathIdentificationSequence = [item(OpticalPathIdentifier="1")]
    index = made.DimensionIndexSequence[1]
    made.DimensionIndexSequence = [index]
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence, 1):
        del frame.OpticalPathIdentificationSequence
        frame.FrameContentSequence[0].DimensionIndexValues = [number]
    path = made.OpticalPathSequence[0]
    path.OpticalPathDescription = "Brightfield"
    path.ICCProfile = _as_srgb(path.ICCProfile)
    color = path.IlluminationColorCodeSequence[0]
    color.CodeValue, color.CodingSchemeDesignator, color.CodeMeaning = "R-102C0", "SRT", "Full Spectrum"
    return made


def _context() -> Dataset:
    """One item of an acquisition context (PS3.3 C.7.6.14)."""
    return item(
        ValueType="CODE", ConceptNameCodeSequence=[code(("246501002", "SCT", "Technique"))],
        ConceptCodeSequence=[code(("127790008", "SCT", "Staining method"))],
    )  # fmt: skip


def _as_srgb(profile: bytes) -> bytes:
    """The same profile, called sRGB: names in an ICC profile are UTF-16."""
    old = "Example slide scanner".encode("utf-16-be")
    assert old in profile
    return profile.replace(old, "sRGB IEC61966-2.1".ljust(21).encode("utf-16-be"))


def dicomvert(changes: Mapping[str, Any] | None = None) -> FileDataset:
    """A slide of two tiles as DICOMvert 2.0 states that it writes it."""
    return changed(_dicomvert(), changes or {})


@cache
def _gt450(sparse: bool, level: int = 0) -> FileDataset:
    scan = slides.Scan(name=f"gt450 {sparse}", container="EX24-17-A1-1", columns=512, rows=512, tile=256, codec="jpeg",
                       sparse=sparse, order="raster")  # fmt: skip
    made = slides.volume(scan, level)
    made.Manufacturer, made.ManufacturerModelName = "Leica Biosystems", "GT450DX"
    made.SoftwareVersions = "1.2.1"
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = (
        f"1.3.6.1.4.1.36533.{1 + level}.{int(sparse)}.17"
    )
    made.LabelText = made.BarcodeValue = "X-240017-A"
    return made


def gt450(changes: Mapping[str, Any] | None = None, *, sparse: bool = False, level: int = 0) -> FileDataset:
    """A level as a GT 450 DX writes it."""
    return changed(_gt450(sparse, level), changes or {})


def gt450_label(changes: Mapping[str, Any] | None = None) -> FileDataset:
    """The label that goes with the full slide."""
    scan = slides.Scan(name="gt450 False", container="EX24-17-A1-1", tile=256)
    made = slides.label(scan)
    made.Manufacturer, made.ManufacturerModelName = "Leica Biosystems", "GT450DX"
    made.SoftwareVersions = "1.2.1"
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "1.3.6.1.4.1.36533.9.17"
    made.LabelText = made.BarcodeValue = "X-240017-A"
    return changed(made, changes or {})


def checked(dataset: Dataset | bytes, profile: str, *, name: str = "slide.dcm", **settings: Any) -> Report:
    """The report on one instance."""
    data = dataset if isinstance(dataset, bytes) else to_bytes(dataset)  # type: ignore[arg-type]
    return check_bytes(data, name=name, profile=profile, **settings)


def found(report: Report, *levels: str) -> dict[str, str]:
    """The rules that fired, with their severity; of some severities only, if any are named."""
    return {one.rule: one.severity for one in report.findings if not levels or one.severity in levels}


def said(report: Report) -> list[str]:
    """Findings above information, in words."""
    return [
        f"{f.severity}[{f.rule}] {f.path}: {f.message} {f.is_}"
        for f in report.findings
        if f.severity != "info"
    ]


__all__ = [
    "DICOMVERT",
    "GT450",
    "IQC",
    "checked",
    "dicomvert",
    "found",
    "gt450",
    "gt450_label",
    "said",
    "uid",
]
