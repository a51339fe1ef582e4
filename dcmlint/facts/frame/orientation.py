"""How the Total Pixel Matrix lies on the slide: PS3.3 C.8.12.4.1.4, C.8.12.2.1.1, Figure C.8-16."""

from __future__ import annotations

import math

import msgspec

from dcmlint.facts.frame.tiling import real
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import ImageOrientationSlide


class Orientation(msgspec.Struct, frozen=True, kw_only=True):
    """The directions of Image Orientation (Slide).

    ``row_x``: X of the direction along a row (increasing column), value 1
    ``row_y``: Y of the direction along a row, value 2
    ``row_z``: Z of the direction along a row, value 3
    ``column_x``: X of the direction along a column (increasing row), value 4
    ``column_y``: Y of the direction along a column, value 5
    ``column_z``: Z of the direction along a column, value 6
    ``row_length``: length of the row direction; 1 for cosines
    ``column_length``: length of the column direction; 1 for cosines
    ``dot``: scalar product of the two directions; 0 if they are at right angles
    ``normal_z``: Z of row direction x column direction; below 0 for an image that is no mirror image
    """

    row_x: float
    row_y: float
    row_z: float
    column_x: float
    column_y: float
    column_z: float
    row_length: float
    column_length: float
    dot: float
    normal_z: float


@facts("orientation", Orientation, possible=lambda shape: shape.has(ImageOrientationSlide))
def orientation(facts: Facts) -> Orientation | None:
    """The two directions of Image Orientation (Slide); absent unless it has six numbers."""
    dataset = facts.instance.dataset
    if len(dataset.values(ImageOrientationSlide)) != 6:
        return None
    found = [real(dataset, ImageOrientationSlide, number) for number in range(1, 7)]
    cosines = [value for value in found if value is not None]
    if len(cosines) != 6 or max(map(abs, cosines)) > 1e100:
        return None
    row, column = cosines[:3], cosines[3:]
    return Orientation(
        row_x=row[0], row_y=row[1], row_z=row[2], column_x=column[0], column_y=column[1], column_z=column[2],
        row_length=math.hypot(*row), column_length=math.hypot(*column),
        dot=sum(a * b for a, b in zip(row, column, strict=True)),
        normal_z=row[0] * column[1] - row[1] * column[0],
    )  # fmt: skip
