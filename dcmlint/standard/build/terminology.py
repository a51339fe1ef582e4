"""Front end: UIDs and context groups, from an archive of FHIR shorthand files."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from dcmlint.standard.terms import ContextGroupBody, UidEntry
from dcmlint.standard.uids import (
    JPEGXL,
    DeflatedImageFrameCompression,
    JPEGXLJPEGRecompression,
    JPEGXLLossless,
    ThermographyImageStorage,
    ThermographyMultiFrameImageStorage,
    UltrasoundWaveformStorage,
)

# PS3.16 Table 8-1: the coding scheme designators of the systems that FHIR names by a URI (PS3.16 8.1).
_SCHEMES = {
    "BARICodeSystem": "BARI",
    "BICodeSystem": "BI",
    "DICOM_DCM_CodeSystem": "DCM",
    "DICOM_UIDs": "DCMUID",
    "DigitalAnatomistFoundationalModelOfAnatomyCodeSystem": "FMA",
    "IBSICodeSystem": "IBSI",
    "NEUCodeSystem": "NEU",
    "UNSCodeSystem": "UNS",
    "PUBCHEM_CodeSystem": "PUBCHEM_CID",
    "http://hl7.org/fhir/sid/icd-10": "I10",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://loinc.org": "LN",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIt",
    "http://snomed.info/sct": "SCT",
    "http://terminology.hl7.org/CodeSystem/umls": "UMLS",
    "http://unitsofmeasure.org": "UCUM",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://www.radlex.org": "RADLEX",
    "https://cvquality.acc.org/NCDR": "NCDR",
    "https://www.itis.gov/": "ITIS_TSN",
    "https://www.nlm.nih.gov/mesh": "MSH",
    "urn:iso:std:iso:11073:10101": "MDC",
}

_CODE = re.compile(r'^\* (?P<system>[^#\s]+)#(?P<value>"[^"]*"|\S+)\s+(?://)?\s*"(?P<meaning>.*)"\s*$')
_INCLUDED = re.compile(r"^\* include codes from valueset CID_(\d+)\s*$")
_UID = re.compile(r'^\* #(?P<uid>[0-9.]+) "(?P<name>.*?)" ".*"\s*$')
_PROPERTY = re.compile(
    r"^\* #[0-9.]+ \^property\[(?P<index>\d)\]\.value(?:String|Boolean)\s*=\s*(?P<value>.*)$"
)


def read_terms(archive: Path) -> tuple[dict[int, ContextGroupBody], list[UidEntry], list[str]]:
    """The context groups and the UIDs in the archive, and notes on lines that no rule reads."""
    groups: dict[int, ContextGroupBody] = {}
    uids: list[UidEntry] = []
    notes: list[str] = []
    for name, text in sorted(_texts(archive)):
        if found := re.fullmatch(r"ValueSet-dicom-cid-?(\d+)(?:-.*)?\.fsh", name):
            groups[int(found[1])] = _group(text, int(found[1]), notes)
        elif name == "CodeSystem-dicom-uids.fsh":
            uids = _uids(text)
    return dict(sorted(groups.items())), uids, notes


_DCM_CODE = re.compile(r'^\* #(?P<value>\S+) "(?P<meaning>.*)"\s*$', re.M)


def read_dcm(archive: Path) -> list[tuple[str, str]]:
    """The codes of DCM with their meanings, retired ones too (PS3.16 Table D-1)."""
    for name, text in _texts(archive):
        if name == "CodeSystem-dicom-dcm-codesystem.fsh":
            return [(found["value"], found["meaning"]) for found in _DCM_CODE.finditer(text)]
    return []


def _texts(archive: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(archive, "r:xz") as opened:
        for member in opened:
            body = opened.extractfile(member) if member.name.endswith(".fsh") else None
            if body is not None:
                yield member.name.rpartition("/")[2], body.read().decode("utf-8")


def _group(text: str, cid: int, notes: list[str]) -> ContextGroupBody:
    title = re.search(r'^\* \^title = "(.*?)(?: \(CID \d+\))?"\s*$', text, re.M)
    codes: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    includes: list[int] = []
    for line in text.splitlines():
        if included := _INCLUDED.match(line):
            includes.append(int(included[1]))
        elif found := _CODE.match(line):
            scheme = _SCHEMES.get(found["system"])
            if scheme is None:
                notes.append(f"CID {cid}: unknown code system {found['system']}")
                continue
            value = found["value"].strip('"')
            if (scheme, value) not in seen:
                seen.add((scheme, value))
                codes.setdefault(scheme, []).extend((value, found["meaning"]))
        elif line.startswith("* ") and "#" in line and not line.startswith("* ^"):
            notes.append(f"CID {cid}: a line is not understood")
    return ContextGroupBody(title[1] if title else "", codes, sorted(set(includes)))


def _uids(text: str) -> list[UidEntry]:
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for line in text.splitlines():
        if value := _PROPERTY.match(line):
            last.append(value["value"].strip().strip('"'))
        elif uid := _UID.match(line):
            last = found[uid["uid"]] = [uid["name"]]
    entries = []
    for uid_text, (name, *properties) in found.items():
        type_, keyword, retired = (*properties, "", "", "")[:3]
        name = _UID_NAMES.get(uid_text, name)
        entries.append(UidEntry(uid_text, name, keyword, _UID_TYPES.get(type_, type_), retired == "true"))
    return entries


# PS3.6 Table A-1 names the types so.
_UID_TYPES = {
    "COLOR_PALLETTE": "Well-known SOP Instance",
    "Wellknown Frame Of Reference": "Well-known frame of reference",
}

# PS3.6 Table A-1: names of the newest UIDs, for which the archive has the keyword only.
_UID_NAMES = {
    JPEGXLLossless: "JPEG XL Lossless",
    JPEGXLJPEGRecompression: "JPEG XL JPEG Recompression",
    JPEGXL: "JPEG XL",
    DeflatedImageFrameCompression: "Deflated Image Frame Compression",
    ThermographyImageStorage: "Thermography Image Storage",
    ThermographyMultiFrameImageStorage: "Thermography Multi-frame Image Storage",
    UltrasoundWaveformStorage: "Ultrasound Waveform Storage",
}
