"""Objects that were made from images: what they say of the images, to be compared with them.

Segmentations, parametric maps, bulk annotations and structured reports (PS3.3 A.51, A.75, A.87, A.35).
"""

from __future__ import annotations

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.header.annotation_groups import Group, annotation_groups
from dcmlint.facts.registry import Facts
from dcmlint.facts.report.content import Content, ContentItem
from dcmlint.facts.run.entities import Said, said
from dcmlint.facts.run.referenced import uid_in
from dcmlint.findings.redact import harmless, is_legal
from dcmlint.standard.tags import (
    UID,
    AnnotationCoordinateType,
    AnnotationGroupSequence,
    ContainerIdentifier,
    ContentSequence,
    PixelOriginInterpretation,
    ReferencedFrameNumber,
    ReferencedImageSequence,
    ReferencedOpticalPathIdentifier,
    ReferencedSOPInstanceUID,
    SpecimenDescriptionSequence,
    SpecimenIdentifier,
    SpecimenUID,
    TextValue,
    ValueType,
)
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

_MOST = 512
# PS3.16 TID 1009: what a document says of the specimen that it is about.
_SPECIMEN_UID = ("121039", "DCM")
_CONTAINER = ("111700", "DCM")


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """The smallest and largest coordinates of annotation group ``number`` (0-based), and the attribute that holds them.

    Columns and rows in pixels for 2D coordinates, X and Y in millimeters for 3D coordinates.
    """

    number: int
    tag: int
    left: float
    top: float
    right: float
    bottom: float


class Annotations(msgspec.Struct, frozen=True, array_like=True):
    """Microscopy Bulk Simple Annotations (PS3.3 C.37).

    ``coordinates``: "2D" or "3D", else ""; ``origin``: Pixel Origin Interpretation; ``image``: the UID of the
    referenced image; ``frames``: its frames that are referred to; ``paths``: group (0-based) and the optical paths
    that it names; ``extents``: where the coordinates of the groups lie.
    """

    coordinates: str
    origin: str
    image: str
    frames: tuple[int, ...]
    paths: tuple[tuple[int, tuple[str, ...]], ...]
    extents: tuple[Extent, ...]


class Material(msgspec.Struct, frozen=True, array_like=True):
    """The container and the specimens (UIDs) that an object says it is about; ``names``: their identifiers by UID."""

    container: Said | None = None
    specimens: tuple[str, ...] = ()
    names: tuple[tuple[str, Said | None], ...] = ()


def annotations_of(facts: Facts) -> Annotations | None:
    """What annotations say of their image; None for other objects."""
    dataset = facts.instance.dataset
    if AnnotationGroupSequence not in dataset:
        return None
    kind = dataset.text(AnnotationCoordinateType)
    images = dataset.items(ReferencedImageSequence)
    image = images[0] if images else None
    groups = annotation_groups(dataset)
    return Annotations(
        coordinates=kind if kind in ("2D", "3D") else "",
        origin=harmless(dataset.text(PixelOriginInterpretation)[:16]),
        image=uid_in(image, ReferencedSOPInstanceUID) if image is not None else "",
        frames=_frames(image) if image is not None else (),
        paths=tuple((number, paths) for number, group in enumerate(groups[:_MOST]) if (paths := _paths(group.item))),
        extents=tuple(filter(None, (_extent(number, group) for number, group in enumerate(groups[:_MOST])))),
    )  # fmt: skip


def _frames(image: Dataset) -> tuple[int, ...]:
    values = image.values(ReferencedFrameNumber)[:_MOST]
    return tuple(value for value in values if isinstance(value, int) and abs(value) < 1 << 32)


def _paths(item: Dataset) -> tuple[str, ...]:
    values = [str(value) for value in item.values(ReferencedOpticalPathIdentifier)[:_MOST]]
    return tuple(value if is_legal(value, "SH") else harmless(value[:128]) for value in values)


def _extent(number: int, group: Group) -> Extent | None:
    import numpy as np

    points = group.points()
    if points is None:
        return None
    flat = points[:, :2]
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return None
    (left, top), (right, bottom) = flat.min(axis=0), flat.max(axis=0)
    return Extent(number, group.coordinates, float(left), float(top), float(right), float(bottom))


def material_of(facts: Facts) -> Material | None:
    """The specimens that a derived object says it is about; None for slide images, which say it themselves."""
    instance = facts.instance
    dataset = instance.dataset
    if instance.sop_class == VLWholeSlideMicroscopyImageStorage:
        return None
    container = said(dataset, ContainerIdentifier, facts.options.show_values)
    items = dataset.items(SpecimenDescriptionSequence)
    specimens = [uid_in(items[number], SpecimenUID) for number in range(min(len(items), _MOST))]
    if ContentSequence in dataset and ValueType in dataset:
        content: Content | None = facts.group("content")
        for node in content.nodes if content is not None else ():
            item: ContentItem = node  # type: ignore[assignment]
            name = item.concept.key if item.concept is not None else ("", "")
            if item.value_type == "UIDREF" and name == _SPECIMEN_UID:
                specimens.append(uid_in(item.dataset, UID))
            elif item.value_type == "TEXT" and name == _CONTAINER:
                container = container or said(item.dataset, TextValue, facts.options.show_values)
            if len(specimens) >= _MOST:
                break
    names = tuple(
        (uid_in(item, SpecimenUID), said(item, SpecimenIdentifier, facts.options.show_values))
        for item in (items[number] for number in range(min(len(items), _MOST)))
    )
    found = Material(container, tuple(dict.fromkeys(filter(None, specimens))), names)
    return found if found != Material() else None
