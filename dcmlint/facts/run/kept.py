"""What is kept of an instance after it was checked, to compare it with the others of a run."""

from __future__ import annotations

from typing import Literal

import msgspec

from dcmlint.decoding import decoder
from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts, facts
from dcmlint.facts.report.regions import ImageSize, Region, image_size, regions_of
from dcmlint.facts.run.derived_object import Annotations, Material, annotations_of, material_of
from dcmlint.facts.run.entities import (
    EQUIPMENT,
    FRAME_OF_REFERENCE,
    PATIENT,
    SERIES,
    STUDY,
    entity,
)
from dcmlint.facts.run.referenced import References, kept_uid
from dcmlint.facts.run.sameness import Sameness, sameness
from dcmlint.facts.run.slide_image import SlideImage, slide_image
from dcmlint.standard.tags import (
    FrameOfReferenceUID,
    PixelData,
    SegmentNumber,
    SegmentSequence,
    SeriesInstanceUID,
    StudyInstanceUID,
    TotalPixelMatrixColumns,
    TotalPixelMatrixRows,
)
from dcmlint.standard.uids import MediaStorageDirectoryStorage, VLWholeSlideMicroscopyImageStorage

_MATRIX = (TotalPixelMatrixColumns, TotalPixelMatrixRows)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One instance as a member of a patient, a study, a series and perhaps a slide.

    ``sop_class``: SOP Class UID
    ``sop_instance``: SOP Instance UID
    ``study``: Study Instance UID
    ``series``: Series Instance UID
    ``frame_of_reference``: Frame of Reference UID; empty where there is none
    ``transfer_syntax``: Transfer Syntax UID

    Packed, so that equal ones can be kept once: ``patient``, ``study_values``, ``series_values``,
    ``equipment``, ``reference_frame`` (attributes of the entities) and ``references``.  ``image`` is packed
    for every image with a Total Pixel Matrix, ``annotations`` (packed) for annotations of one, and ``material`` is
    the container and the specimens that a derived object names.
    ``partial``: the file is cut or damaged before its pixel data, or anywhere if it has none: "" or what is missing,
    "header" or "pixels".
    ``segments``: the numbers of its segments, () where there are none or very many.
    ``size`` is that of an image, ``regions`` (packed) what a document says of parts of images.
    """

    sop_class: str
    sop_instance: str
    study: str
    series: str
    frame_of_reference: str
    transfer_syntax: str
    sameness: Sameness
    patient: bytes
    study_values: bytes
    series_values: bytes
    equipment: bytes
    reference_frame: bytes
    references: bytes = b""
    image: bytes = b""
    annotations: bytes = b""
    material: Material | None = None
    size: ImageSize | None = None
    regions: bytes = b""
    segments: tuple[int, ...] = ()
    partial: Literal["", "header", "pixels"] = ""


@facts("kept", Kept)
def kept(facts: Facts) -> Kept | None:
    """What is kept of an instance; absent for directories and for what has no SOP Class or no SOP Instance UID."""
    instance = facts.instance
    dataset = instance.dataset
    if instance.sop_class in ("", MediaStorageDirectoryStorage) or not instance.sop_instance:
        return None
    mode = facts.options.show_values
    referred = facts.of(References) or _NONE
    wanted = instance.sop_class == VLWholeSlideMicroscopyImageStorage or any(
        tag in dataset for tag in _MATRIX
    )
    image = slide_image(facts) if wanted else None
    regions = regions_of(facts)
    annotations = annotations_of(facts)
    return Kept(
        sop_class=kept_uid(instance.sop_class), sop_instance=kept_uid(instance.sop_instance),
        study=kept_uid(dataset.text(StudyInstanceUID)), series=kept_uid(dataset.text(SeriesInstanceUID)),
        frame_of_reference=kept_uid(dataset.text(FrameOfReferenceUID)), transfer_syntax=kept_uid(instance.syntax.uid),
        sameness=sameness(instance),
        patient=entity(dataset, PATIENT, mode), study_values=entity(dataset, STUDY, mode),
        series_values=entity(dataset, SERIES, mode), equipment=entity(dataset, EQUIPMENT, mode),
        reference_frame=entity(dataset, FRAME_OF_REFERENCE, mode),
        references=msgspec.msgpack.encode(referred) if referred != _NONE else b"",
        image=msgspec.msgpack.encode(image) if image is not None else b"",
        annotations=msgspec.msgpack.encode(annotations) if annotations is not None else b"",
        material=material_of(facts), size=image_size(facts),
        regions=msgspec.msgpack.encode(regions) if regions else b"",
        segments=_segments(dataset),
        partial="" if instance.status != "partial" else "pixels" if PixelData in dataset else "header",
    )  # fmt: skip


def _segments(dataset: Dataset) -> tuple[int, ...]:
    items = dataset.items(SegmentSequence)
    if not 0 < len(items) <= _MOST_SEGMENTS:
        return ()
    numbers = [item.value(SegmentNumber) for item in items]
    known = tuple(one for one in numbers if isinstance(one, int))
    return known if len(known) == len(numbers) else ()


_MOST_SEGMENTS = 4_096
_NONE = References()
_REGIONS = decoder(list[Region])
_REFERENCES = decoder(References)
_IMAGE = decoder(SlideImage)
_ANNOTATIONS = decoder(Annotations)


def regions_in(one: Kept) -> list[Region]:
    """What a member says of parts of images."""
    return _REGIONS.decode(one.regions) if one.regions else []


def references_of(one: Kept) -> References:
    """The references of a member."""
    return _REFERENCES.decode(one.references) if one.references else _NONE


def annotations_in(one: Kept) -> Annotations | None:
    """What annotations say of their image; None for other members."""
    return _ANNOTATIONS.decode(one.annotations) if one.annotations else None


def image_of(one: Kept) -> SlideImage | None:
    """The image of a member with a Total Pixel Matrix."""
    return _IMAGE.decode(one.image) if one.image else None


def same_to_others(one: Kept, other: Kept) -> bool:
    """Whether two members differ at most in the digests and the numbers of their bytes."""
    if one != msgspec.structs.replace(other, sameness=one.sameness, image=one.image):
        return False
    image, again = image_of(one), image_of(other)
    if image is None or again is None:
        return image is again
    return image == msgspec.structs.replace(again, header_bytes=image.header_bytes)
