"""What an instance says of the entities that it belongs to: patient, study, series, equipment (PS3.3 A.1.2).

Kept so small that thousands of instances can be compared: of each attribute its tag, a hash of its value and
the value as a report may print it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from dcmlint.decoding import decoder
from dcmlint.dicom.dataset import Dataset
from dcmlint.findings.redact import ShowValues, show_value
from dcmlint.standard.tags import (
    AccessionNumber,
    BodyPartExamined,
    DeviceSerialNumber,
    EthnicGroup,
    InstitutionName,
    IssuerOfPatientID,
    Laterality,
    Manufacturer,
    ManufacturerModelName,
    Modality,
    OperatorsName,
    PatientAge,
    PatientBirthDate,
    PatientBirthTime,
    PatientComments,
    PatientID,
    PatientName,
    PatientPosition,
    PatientSex,
    PatientSize,
    PatientWeight,
    PerformedProcedureStepID,
    PerformedProcedureStepStartDate,
    PositionReferenceIndicator,
    ProtocolName,
    ReferringPhysicianName,
    SeriesDate,
    SeriesDescription,
    SeriesNumber,
    SeriesTime,
    SoftwareVersions,
    SpatialResolution,
    SpecificCharacterSet,
    StationName,
    StudyDate,
    StudyDescription,
    StudyID,
    StudyTime,
)

# PS3.3 Table C.7-1: what tells patients apart, and what else is said of them.
PATIENT = (
    PatientName,
    PatientID,
    IssuerOfPatientID,
    PatientBirthDate,
    PatientSex,
    PatientBirthTime,
    EthnicGroup,
    PatientComments,
)
# PS3.3 Table C.7-3 and Table C.7-4a.
STUDY = (
    StudyDate,
    StudyTime,
    AccessionNumber,
    ReferringPhysicianName,
    StudyID,
    StudyDescription,
    PatientAge,
    PatientSize,
    PatientWeight,
)
# PS3.3 Table C.7-5a.
SERIES = (
    Modality,
    SeriesNumber,
    SeriesDescription,
    SeriesDate,
    SeriesTime,
    BodyPartExamined,
    Laterality,
    PatientPosition,
    ProtocolName,
    OperatorsName,
    PerformedProcedureStepStartDate,
    PerformedProcedureStepID,
)
# PS3.3 Table C.7-8.
EQUIPMENT = (
    Manufacturer,
    ManufacturerModelName,
    DeviceSerialNumber,
    SoftwareVersions,
    InstitutionName,
    StationName,
    SpatialResolution,
)
# PS3.3 Table C.7-6.
FRAME_OF_REFERENCE = (PositionReferenceIndicator,)

_LONGEST = 1 << 14


class Said(msgspec.Struct, frozen=True, array_like=True):
    """A value without the value: a hash of it (empty for an empty value), and what a report may print."""

    key: bytes
    text: str

    @property
    def empty(self) -> bool:
        """Whether the attribute is there but has no value."""
        return not self.key


class Attribute(msgspec.Struct, frozen=True, array_like=True):
    """What an entity's attribute says; absent attributes have none."""

    tag: int
    said: Said


_ATTRIBUTES = decoder(tuple[Attribute, ...])


def hashed(data: bytes) -> bytes:
    """Eight bytes that stand for a value; never printed."""
    return blake2b(data, digest_size=8).digest()


def printable_text(text: str) -> str:
    """Text that can be encoded: lone surrogates are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8", "replace")


def said(dataset: Dataset, tag: int, mode: ShowValues) -> Said | None:
    """What an attribute of a level says; None when it is absent, a sequence, or cut off by damage."""
    element = dataset.get(tag)
    if element is None or not element.is_plain:
        return None
    if element.length > _LONGEST:
        return Said(hashed(dataset.raw(tag)), f"{element.length} bytes")
    values = dataset.values(tag)
    canonical = "\\".join(_canonical(value, element.vr) for value in values)
    if not canonical.strip("\\"):
        return Said(b"", "(empty)")
    return Said(
        hashed(canonical.encode("utf-8", "replace")),
        printable_text(show_value(values, tag, mode)),
    )


def _canonical(value: Any, vr: str) -> str:
    """A value without what may differ between writers without a difference in meaning (PS3.5 6.2)."""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    text = str(value).strip(" \0")
    if vr == "PN":
        groups = [group.rstrip("^ ") for group in text.split("=")]
        return "=".join(groups).rstrip("=")
    if vr == "DA":
        return text.replace(".", "")
    if vr == "TM":
        text = text.replace(":", "")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


_CACHE: dict[object, bytes] = {}
_CACHED = 2000


def entity(dataset: Dataset, tags: Sequence[int], mode: ShowValues) -> bytes:
    """Attributes of the main data set, packed; equal bytes mean equal attributes.

    The instances of a study mostly say the same: what the same bytes give is kept.
    """
    elements = dataset.elements
    here = [tag for tag in tags if tag in elements and elements[tag].is_plain]
    raws = [dataset.raw(tag) for tag in here]
    small = sum(map(len, raws)) < _LONGEST
    key = (mode, dataset.context.little, dataset.raw(SpecificCharacterSet), *here, *raws)
    packed = _CACHE.get(key) if small else None
    if packed is None:
        found = [Attribute(tag, value) for tag in here if (value := said(dataset, tag, mode)) is not None]
        packed = msgspec.msgpack.encode(found)
        if small:
            if len(_CACHE) >= _CACHED:
                _CACHE.clear()
            _CACHE[key] = packed
    return packed


def attributes_of(packed: bytes) -> tuple[Attribute, ...]:
    """The attributes of a packed entity."""
    return _ATTRIBUTES.decode(packed) if packed else ()


@lru_cache(maxsize=1024)
def said_by(packed: bytes) -> dict[int, Said]:
    """What a packed entity says, by tag."""
    return {one.tag: one.said for one in attributes_of(packed)}


def patient_key(packed: bytes) -> tuple[bytes, bytes] | None:
    """Hashes of Patient ID and its issuer; None without an ID."""
    found = said_by(packed)
    identifier, issuer = found.get(PatientID), found.get(IssuerOfPatientID)
    if identifier is None or identifier.empty:
        return None
    return identifier.key, issuer.key if issuer is not None else b""
