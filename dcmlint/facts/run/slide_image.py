"""What the rules about slides need of one image that has a Total Pixel Matrix."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.frame.covered import Covered, covered
from dcmlint.facts.frame.tiling import real, whole
from dcmlint.facts.header.dates import moment
from dcmlint.facts.registry import Facts
from dcmlint.facts.run.entities import Attribute, Said, hashed, said
from dcmlint.facts.run.sameness import hash_level
from dcmlint.findings.redact import harmless, is_legal
from dcmlint.standard.tags import (
    AcquisitionDateTime,
    AcquisitionUID,
    BarcodeValue,
    BitsStored,
    BurnedInAnnotation,
    ChannelDescriptionCodeSequence,
    CodeValue,
    CodingSchemeDesignator,
    Columns,
    ConcatenationFrameOffsetNumber,
    ConcatenationUID,
    ContainerIdentifier,
    DeidentificationMethodCodeSequence,
    DimensionOrganizationSequence,
    DimensionOrganizationType,
    DimensionOrganizationUID,
    ExtendedDepthOfField,
    ExtendedOffsetTable,
    ExtendedOffsetTableLengths,
    ICCProfile,
    IlluminationColorCodeSequence,
    IlluminationTypeCodeSequence,
    IlluminationWaveLength,
    ImagedVolumeHeight,
    ImagedVolumeWidth,
    ImagePathFilterPassBand,
    ImagePathFilterPassThroughWavelength,
    ImagePathFilterTypeStackCodeSequence,
    ImageType,
    InConcatenationNumber,
    InConcatenationTotalNumber,
    InstanceCreationDate,
    InstanceCreationTime,
    InstanceNumber,
    LightPathFilterPassBand,
    LightPathFilterPassThroughWavelength,
    LightPathFilterTypeStackCodeSequence,
    LossyImageCompression,
    NumberOfFrames,
    ObjectiveLensPower,
    OpticalPathDescription,
    OpticalPathIdentifier,
    OpticalPathSequence,
    PatientIdentityRemoved,
    PerFrameFunctionalGroupsSequence,
    PhotometricInterpretation,
    PixelData,
    PyramidUID,
    Rows,
    SamplesPerPixel,
    SOPInstanceUID,
    SOPInstanceUIDOfConcatenationSource,
    SpecimenDescriptionSequence,
    SpecimenIdentifier,
    SpecimenLabelInImage,
    SpecimenUID,
    TotalPixelMatrixColumns,
    TotalPixelMatrixFocalPlanes,
    TotalPixelMatrixRows,
)

_MOST = 64
# PS3.3 C.7.6.16.2.2.4 names what may differ within a concatenation; Instance Creation Date goes with its time,
# Instance Number has a rule of its own, the offset tables describe the pixel data.
_MEMBER_OWN = frozenset({NumberOfFrames, ConcatenationFrameOffsetNumber, InConcatenationNumber, SOPInstanceUID, InstanceCreationDate, InstanceCreationTime, InstanceNumber,
                         PerFrameFunctionalGroupsSequence, PixelData, ExtendedOffsetTable, ExtendedOffsetTableLengths})  # fmt: skip


class Concatenated(msgspec.Struct, frozen=True, array_like=True):
    """An instance's place in its concatenation, and hashes of what all its members must share."""

    uid: str
    source: str
    number: int | None
    total: int | None
    offset: int | None
    shared: tuple[Attribute, ...]


class SlideImage(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One instance with a Total Pixel Matrix; lengths in mm unless a name says otherwise, None: not stated."""

    image_type: tuple[str, ...]
    number: int | None
    rows: int | None
    columns: int | None
    matrix_columns: int | None
    matrix_rows: int | None
    focal_planes: int | None
    frames: int | None
    segments: int | None
    organization: str
    row_spacing: float | None
    column_spacing: float | None
    origin: tuple[float | None, float | None, float | None] | None
    orientation: tuple[float, ...]
    volume_width: float | None
    volume_height: float | None
    paths: tuple[str, ...]
    profiles: tuple[bytes, ...]
    channels: tuple[bytes, ...]
    objective: float | None
    samples: int | None
    bits_stored: int | None
    photometric: str
    lossy: str
    label_shown: str
    burned_in: str
    extended_depth: str
    pyramid: str
    acquisition: str
    acquired: Said | None
    acquired_days: float | None
    container: Said | None
    barcode: Said | None
    barcode_names_container: bool | None
    specimens: tuple[tuple[str, Said | None], ...]
    dimension_organizations: tuple[str, ...]
    header_bytes: int
    removed: str
    deidentification: tuple[str, ...]
    concatenated: Concatenated | None
    covered: Covered | None

    @property
    def flavour(self) -> str:
        """Value 3 of Image Type: VOLUME, LABEL, OVERVIEW, THUMBNAIL."""
        return self.image_type[2] if len(self.image_type) > 2 else ""

    @property
    def sorted_paths(self) -> tuple[str, ...]:
        """The identifiers of the optical paths, in an order that does not depend on the file."""
        return tuple(sorted(self.paths))

    @property
    def resampled(self) -> str:
        """Value 4 of Image Type: NONE or RESAMPLED."""
        return self.image_type[3] if len(self.image_type) > 3 else ""


def slide_image(facts: Facts) -> SlideImage | None:
    """The facts of an image that has a Total Pixel Matrix, or should have one."""
    dataset = facts.instance.dataset
    tiling, measures = facts.group("tiling"), facts.group("measures")
    orientation = facts.group("orientation")
    mode = facts.options.show_values
    container = said(dataset, ContainerIdentifier, mode)
    barcode = said(dataset, BarcodeValue, mode)
    pixels = dataset.get(PixelData)
    paths, profiles, objective, channels = _optical_paths(dataset)
    acquired = dataset.text(AcquisitionDateTime)
    origin = (tiling.origin_x, tiling.origin_y, tiling.origin_z) if tiling is not None else None
    return SlideImage(
        image_type=tuple(_short(str(value)) for value in dataset.values(ImageType)[:8]),
        number=_bounded(whole(dataset, InstanceNumber)),
        rows=_bounded(whole(dataset, Rows)), columns=_bounded(whole(dataset, Columns)),
        matrix_columns=_bounded(whole(dataset, TotalPixelMatrixColumns)), matrix_rows=_bounded(whole(dataset, TotalPixelMatrixRows)),
        focal_planes=_bounded(whole(dataset, TotalPixelMatrixFocalPlanes)), frames=_bounded(whole(dataset, NumberOfFrames)),
        segments=tiling.segments if tiling is not None else None,
        organization=_text(dataset, DimensionOrganizationType),
        row_spacing=measures.row_spacing if measures is not None else None,
        column_spacing=measures.column_spacing if measures is not None else None,
        origin=None if origin is None or origin == (None, None, None) else origin,
        orientation=() if orientation is None else (
            orientation.row_x, orientation.row_y, orientation.row_z,
            orientation.column_x, orientation.column_y, orientation.column_z,
        ),
        volume_width=real(dataset, ImagedVolumeWidth), volume_height=real(dataset, ImagedVolumeHeight),
        paths=paths, profiles=profiles, objective=objective, channels=channels,
        samples=_bounded(whole(dataset, SamplesPerPixel)), bits_stored=_bounded(whole(dataset, BitsStored)),
        photometric=_text(dataset, PhotometricInterpretation), lossy=_text(dataset, LossyImageCompression),
        label_shown=_text(dataset, SpecimenLabelInImage), burned_in=_text(dataset, BurnedInAnnotation),
        extended_depth=_text(dataset, ExtendedDepthOfField), pyramid=_text(dataset, PyramidUID),
        acquisition=_text(dataset, AcquisitionUID),
        acquired=said(dataset, AcquisitionDateTime, mode), acquired_days=moment(acquired[:8], acquired[8:]),
        container=container, barcode=barcode, barcode_names_container=_names(dataset),
        specimens=_specimens(facts), dimension_organizations=_uids(dataset, DimensionOrganizationSequence, DimensionOrganizationUID),
        header_bytes=pixels.offset if pixels is not None else len(facts.instance.buffer),
        removed=_text(dataset, PatientIdentityRemoved), deidentification=_uids(dataset, DeidentificationMethodCodeSequence, CodeValue),
        concatenated=_concatenated(dataset) if _is_member(dataset) else None, covered=covered(dataset, facts.group("tiling")),
    )  # fmt: skip


def _bounded(value: int | None) -> int | None:
    return value if value is None or abs(value) < 1 << 62 else None


def _short(text: str) -> str:
    return harmless(text[:128])


def _text(dataset: Dataset, tag: int) -> str:
    return _short(dataset.text(tag))


def _uids(dataset: Dataset, sequence: int, tag: int) -> tuple[str, ...]:
    items = dataset.items(sequence)
    return tuple(filter(None, (_text(items[number], tag) for number in range(min(len(items), _MOST)))))


def _names(dataset: Dataset) -> bool | None:
    """Whether the barcode is, holds or is part of the Container Identifier; None where one of them is missing."""
    barcode, container = dataset.text(BarcodeValue).strip(), dataset.text(ContainerIdentifier).strip()
    if not barcode or not container:
        return None
    return container in barcode or barcode in container


def _optical_paths(
    dataset: Dataset,
) -> tuple[tuple[str, ...], tuple[bytes, ...], float | None, tuple[bytes, ...]]:
    paths, profiles, channels, objective = [], [], [], None
    items = dataset.items(OpticalPathSequence)
    for number in range(min(len(items), _MOST)):
        item = items[number]
        identifier = item.text(OpticalPathIdentifier)
        paths.append(identifier if is_legal(identifier, "SH") else harmless(identifier))
        profile = item.get(ICCProfile)
        profiles.append(b"" if profile is None else hashed(_transform(item.raw(ICCProfile))))
        objective = objective or real(item, ObjectiveLensPower)
        channels.append(hashed(_channel(item)))
    return tuple(paths), tuple(profiles), objective, tuple(sorted(channels))


def _channel(item: Dataset) -> bytes:
    """What tells the light of one optical path from that of another with the same identifier (PS3.3 C.8.12.5)."""
    told = [
        item.text(tag)
        for tag in (
            IlluminationWaveLength,
            OpticalPathDescription,
            LightPathFilterPassThroughWavelength,
            LightPathFilterPassBand,
            ImagePathFilterPassThroughWavelength,
            ImagePathFilterPassBand,
        )
    ]
    for tag in (
        IlluminationTypeCodeSequence,
        IlluminationColorCodeSequence,
        ChannelDescriptionCodeSequence,
        LightPathFilterTypeStackCodeSequence,
        ImagePathFilterTypeStackCodeSequence,
    ):
        told += [
            f"{code.text(CodingSchemeDesignator)} {code.text(CodeValue)}"
            for code in list(item.items(tag))[:8]
        ]
    return "\n".join(told).encode("utf-8", "replace")


def _transform(profile: bytes) -> bytes:
    """A profile without the time it was made and its identifier: ICC.1 7.2.8 and 7.2.18, bytes 24-35 and 84-99.

    Converters make the profile anew for each level: the transform is the same, the second is not.
    """
    return profile[:24] + profile[36:84] + profile[100:]


def _specimens(facts: Facts) -> tuple[tuple[str, Said | None], ...]:
    items = facts.instance.dataset.items(SpecimenDescriptionSequence)
    return tuple(
        (_text(item, SpecimenUID), said(item, SpecimenIdentifier, facts.options.show_values))
        for item in (items[number] for number in range(min(len(items), _MOST)))
    )


def _is_member(dataset: Dataset) -> bool:
    """Whether an image says that it is one of a concatenation, by its UID or by a place in its source."""
    return ConcatenationUID in dataset or (
        SOPInstanceUIDOfConcatenationSource in dataset and InConcatenationNumber in dataset
    )


def _concatenated(dataset: Dataset) -> Concatenated:
    shared: list[Attribute] = []
    for element in dataset:
        tag = element.tag
        if tag in _MEMBER_OWN or not tag & 0xFFFF or len(shared) > 512:
            continue
        digest = blake2b(digest_size=8)
        if element.items is None:
            digest.update(dataset.raw(tag)[: 1 << 24].rstrip(b" \0"))
        else:
            for item in dataset.items(tag):
                hash_level(digest, item)
        shared.append(Attribute(tag, Said(digest.digest(), "")))
    return Concatenated(
        _text(dataset, ConcatenationUID), _text(dataset, SOPInstanceUIDOfConcatenationSource), _bounded(whole(dataset, InConcatenationNumber)),
        _bounded(whole(dataset, InConcatenationTotalNumber)), _bounded(whole(dataset, ConcatenationFrameOffsetNumber)), tuple(shared),
    )  # fmt: skip
