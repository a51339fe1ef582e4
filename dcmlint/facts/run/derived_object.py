"""Objects that were made from images: what has to agree with their sources."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.registry import Facts
from dcmlint.standard.tags import (
    AnnotationCoordinateType,
    AnnotationGroupSequence,
    DoublePointCoordinatesData,
    PointCoordinatesData,
)

# Points looked at: more than a slide has nuclei.
_MOST_BYTES = 1 << 30


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """The smallest and largest coordinates of annotations: columns and rows in pixels (2D) of an image."""

    left: float
    top: float
    right: float
    bottom: float


class Annotations(msgspec.Struct, frozen=True, array_like=True):
    """Microscopy Bulk Simple Annotations (PS3.3 C.37): "2D" or "3D", and where 2D coordinates lie."""

    coordinates: str
    extent: Extent | None


def annotations_of(facts: Facts) -> Annotations | None:
    """The coordinates of annotations; None for other objects."""
    dataset = facts.instance.dataset
    if AnnotationGroupSequence not in dataset:
        return None
    kind = dataset.text(AnnotationCoordinateType)[:16]
    return Annotations(kind if kind in ("2D", "3D") else "", _extent(dataset) if kind == "2D" else None)


def _extent(dataset: Dataset) -> Extent | None:
    import numpy as np

    boxes = []
    for group, tag, width in _coordinates(dataset):
        order = "<" if dataset.context.little else ">"
        raw = group.raw(tag)
        values = np.frombuffer(raw, f"{order}f{width}", count=len(raw) // width // 2 * 2).reshape(-1, 2)
        values = values[np.isfinite(values).all(axis=1)]
        if len(values):
            low, high = values.min(axis=0), values.max(axis=0)
            boxes.append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    if not boxes:
        return None
    return Extent(
        min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
    )


def _coordinates(dataset: Dataset) -> Iterator[tuple[Dataset, int, int]]:
    for group in dataset.items(AnnotationGroupSequence):
        for tag, width in ((PointCoordinatesData, 4), (DoublePointCoordinatesData, 8)):
            element = group.get(tag)
            if element is not None and element.items is None and element.end - element.start < _MOST_BYTES:
                yield group, tag, width
