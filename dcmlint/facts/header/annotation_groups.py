"""Annotation groups of Microscopy Bulk Simple Annotations and their coordinates (PS3.3 C.37.1).

Coordinates are read as arrays: an instance may hold millions of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.standard.tags import (
    AnnotationCoordinateType,
    AnnotationGroupSequence,
    CommonZCoordinateValue,
    DoublePointCoordinatesData,
    GraphicType,
    LongPrimitivePointIndexList,
    NumberOfAnnotations,
    PointCoordinatesData,
)

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]

# Points of one annotation where the graphic type fixes them, and the fewest otherwise (PS3.3 C.37.1.1).
FIXED = {"POINT": 1, "ELLIPSE": 4, "RECTANGLE": 4}
FEWEST = {"POLYLINE": 2, "POLYGON": 3}
# Coordinates and indices are read up to this size (bytes of one value): 2^27 coordinates.
_MOST = 1 << 30


class Group(msgspec.Struct, frozen=True):
    """One item of Annotation Group Sequence.

    ``dimensions``: values stored for each point: 2, or 3 for 3D coordinates without a common Z; 0 if unknown.
    ``coordinates``: the attribute that holds them, 0 without any, or with two of which only one may be there, or where
    it has no value; ``width``: bytes of one of its values.
    """

    item: Dataset
    graphic_type: str
    dimensions: int
    coordinates: int
    width: int

    @property
    def stated(self) -> int | None:
        """Number of Annotations."""
        value = self.item.value(NumberOfAnnotations)
        return value if isinstance(value, int) else None

    @property
    def value_bytes(self) -> int:
        """Length of the coordinates in bytes, as stated in the file."""
        element = self.item.get(self.coordinates) if self.coordinates else None
        return element.length if element is not None else 0

    @property
    def whole(self) -> bool:
        """Whether there are coordinates, and they are whole points."""
        size = self.width * self.dimensions
        return bool(self.coordinates and size) and not self.value_bytes % size

    def values(self) -> Array | None:
        """All coordinates, flat; None where there are none, no whole number of them, or too many to read."""
        return self._array(self.coordinates, f"f{self.width}", self.width) if self.coordinates else None

    def points(self) -> Array | None:
        """The coordinates as rows of one point; None as for `values`, and where they are no whole points."""
        values = self.values()
        if values is None or not self.dimensions or len(values) % self.dimensions:
            return None
        return values.reshape(-1, self.dimensions)

    def starts(self) -> Array | None:
        """Long Primitive Point Index List; None as for `values`."""
        return self._array(LongPrimitivePointIndexList, "u4", 4)

    def _array(self, tag: int, kind: str, width: int) -> Array | None:
        import numpy as np

        element = self.item.get(tag)
        if element is None or not element.is_plain:
            return None
        if not 0 < element.length <= _MOST or element.length % width:
            return None
        order = "<" if self.item.context.little else ">"
        return np.frombuffer(self.item.raw(tag), f"{order}{kind}")


def annotation_groups(dataset: Dataset) -> list[Group]:
    """The annotation groups of an instance; none for other objects."""
    flat = {"2D": 2, "3D": 3}.get(dataset.text(AnnotationCoordinateType), 0)
    return [_group(item, flat) for item in dataset.items(AnnotationGroupSequence)]


def _group(item: Dataset, flat: int) -> Group:
    there = [tag for tag in (PointCoordinatesData, DoublePointCoordinatesData) if tag in item]
    tag = there[0] if len(there) == 1 and item.elements[there[0]].length else 0
    dimensions = 2 if flat == 3 and CommonZCoordinateValue in item else flat
    return Group(item, item.text(GraphicType), dimensions, tag, 4 if tag == PointCoordinatesData else 8)
