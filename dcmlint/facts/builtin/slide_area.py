"""Where the Total Pixel Matrix lies on the glass: PS3.3 C.8.12.4.1.4, Figure C.8-16."""

from __future__ import annotations

import msgspec

from dcmlint.facts.builtin.measures import Measures
from dcmlint.facts.builtin.orientation import Orientation
from dcmlint.facts.builtin.tiling import Tiling
from dcmlint.facts.registry import Facts, facts


class SlideArea(msgspec.Struct, frozen=True, kw_only=True):
    """The rectangle that the Total Pixel Matrix covers; absent where one of the numbers needed is.

    ``width``: extent along the rows in mm
    ``height``: extent along the columns in mm
    ``x_min``: smallest X of the four corners in mm of the Slide Coordinate System
    ``x_max``: largest X of the four corners in mm
    ``y_min``: smallest Y of the four corners in mm
    ``y_max``: largest Y of the four corners in mm; the label is on that side
    """

    width: float
    height: float
    x_min: float | None = None
    x_max: float | None = None
    y_min: float | None = None
    y_max: float | None = None


@facts("slide_area", SlideArea)
def slide_area(facts: Facts) -> SlideArea | None:
    """What of the glass an image covers, from size, spacing, origin and directions of its matrix."""
    tiling: Tiling | None = facts.group("tiling")
    measures: Measures | None = facts.group("measures")
    if tiling is None or not tiling.matrix_columns or not tiling.matrix_rows or measures is None:
        return None
    if measures.row_spacing is None or measures.column_spacing is None:
        return None
    width, height = tiling.matrix_columns * measures.column_spacing, tiling.matrix_rows * measures.row_spacing
    way: Orientation | None = facts.group("orientation")
    x, y = tiling.origin_x, tiling.origin_y
    if way is None or x is None or y is None:
        return SlideArea(width=width, height=height)
    xs = [x, x + width * way.row_x, x + height * way.column_x, x + width * way.row_x + height * way.column_x]
    ys = [y, y + width * way.row_y, y + height * way.column_y, y + width * way.row_y + height * way.column_y]
    return SlideArea(width=width, height=height, x_min=min(xs), x_max=max(xs), y_min=min(ys), y_max=max(ys))
