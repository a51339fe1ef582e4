"""What a document says of parts of images: which frames it refers to, and where its coordinates lie in them."""

from __future__ import annotations

from math import isfinite

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts
from dcmlint.facts.report.content import Content, ContentItem
from dcmlint.standard.tags import (
    Columns,
    ContentSequence,
    GraphicData,
    NumberOfFrames,
    PhotometricInterpretation,
    PixelOriginInterpretation,
    PixelPresentation,
    ReferencedFrameNumber,
    ReferencedFrameOfReferenceUID,
    ReferencedSOPInstanceUID,
    ReferencedSOPSequence,
    Rows,
    TotalPixelMatrixColumns,
    TotalPixelMatrixRows,
    ValueType,
)

_MOST_REGIONS = 2_000


class Region(msgspec.Struct, frozen=True, array_like=True):
    """What a document says of one image, or of one frame of reference.

    ``frame`` is the highest frame number that it refers to (0: none); ``right`` and ``bottom`` the largest column and
    row of its coordinates (0: none). ``whole``: coordinates that may be of the
    Total Pixel Matrix rather than of a frame.  ``space``: the Frame of Reference UID of 3D coordinates; then there is
    no image, and X and Y (mm) go from ``left`` and ``top`` to ``right`` and ``bottom``.
    """

    sop_instance: str
    frame: int = 0
    right: float = 0.0
    bottom: float = 0.0
    whole: bool = True
    space: str = ""
    left: float = 0.0
    top: float = 0.0


class ImageSize(msgspec.Struct, frozen=True, array_like=True):
    """The size of an image in pixels: of a frame, and of its Total Pixel Matrix (0: none); the number of frames.

    ``color``: whether its pixels are color; None where that is not known, or some of them are (PS3.3 C.7.6.3.1.2).
    """

    columns: int
    rows: int
    frames: int
    matrix_columns: int = 0
    matrix_rows: int = 0
    color: bool | None = None


def image_size(facts: Facts) -> ImageSize | None:
    """The size of an image; None for an instance without Rows and Columns."""
    dataset = facts.instance.dataset
    found = [
        dataset.value(tag)
        for tag in (Columns, Rows, NumberOfFrames, TotalPixelMatrixColumns, TotalPixelMatrixRows)
    ]
    numbers = [value if isinstance(value, int) and 0 < value < 1 << 32 else 0 for value in found]
    if not numbers[0] or not numbers[1]:
        return None
    return ImageSize(numbers[0], numbers[1], numbers[2] or 1, numbers[3], numbers[4], _is_color(dataset))


def _is_color(dataset: Dataset) -> bool | None:
    colour = dataset.text(PhotometricInterpretation)
    if colour in ("MONOCHROME1", "MONOCHROME2"):
        # Supplemental palettes colour a part of the values. PS3.3 C.8.16.2.1.1.1
        return None if dataset.text(PixelPresentation) not in ("", "MONOCHROME") else False
    return True if colour in ("RGB", "PALETTE COLOR") or colour.startswith("YBR_") else None


def regions_of(facts: Facts) -> tuple[Region, ...]:
    """What a document says of each image, once for each image and kind of coordinates; () for other instances."""
    dataset = facts.instance.dataset
    if ContentSequence not in dataset or ValueType not in dataset:
        return ()
    content: Content | None = facts.group("content")
    found: dict[tuple[str, bool, str], Region] = {}
    for node in content.nodes if content is not None else ():
        item: ContentItem = node  # type: ignore[assignment]
        if item.value_type in ("IMAGE", "SCOORD3D"):
            region = _of_image(item) if item.value_type == "IMAGE" else _in_space(item)
            if region is not None:
                key = (region.sop_instance, region.whole, region.space)
                found[key] = _joined(found.get(key, region), region)
            if len(found) >= _MOST_REGIONS:
                break
    return tuple(
        region for region in found.values() if region.frame or region.right or region.bottom or region.space
    )


def _in_space(item: ContentItem) -> Region | None:
    frame = item.dataset.text(ReferencedFrameOfReferenceUID)
    values = item.dataset.values(GraphicData)
    flat = [value for at in (0, 1) for value in values[at::3]]
    if not frame or len(values) < 3 or not all(isinstance(one, float) and isfinite(one) for one in flat):
        return None
    return Region(
        "", right=max(values[::3]), bottom=max(values[1::3]), space=frame[:64], left=min(values[::3]),
        top=min(values[1::3]),
    )  # fmt: skip


def _of_image(item: ContentItem) -> Region | None:
    references = item.dataset.items(ReferencedSOPSequence)
    uid = references[0].text(ReferencedSOPInstanceUID) if references else ""
    if not uid:
        return None
    frames = [value for value in references[0].values(ReferencedFrameNumber) if isinstance(value, int)]
    above = item.parent
    right = bottom = 0.0
    whole = True
    if above is not None and above.value_type == "SCOORD" and item.relationship == "SELECTED FROM":
        values = [value for value in above.dataset.values(GraphicData) if isinstance(value, (int, float))]
        right, bottom = max(values[::2], default=0.0), max(values[1::2], default=0.0)
        whole = above.dataset.text(PixelOriginInterpretation) != "FRAME"
    return Region(uid[:64], max(frames, default=0), float(right), float(bottom), whole)


def _joined(one: Region, other: Region) -> Region:
    return Region(
        one.sop_instance, max(one.frame, other.frame), max(one.right, other.right), max(one.bottom, other.bottom),
        one.whole, one.space, min(one.left, other.left), min(one.top, other.top),
    )  # fmt: skip
