"""Where the Total Pixel Matrix lies on the glass: PS3.3 C.8.12.4.1.4, Figure C.8-16."""

from __future__ import annotations

import msgspec

from dcmlint.facts.frame.measures import Measures
from dcmlint.facts.frame.orientation import Orientation
from dcmlint.facts.frame.tiling import Tiling, has_matrix
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import ImageType

# mm.  Light resolves 0.2 um; no slide is longer than 100 mm; no camera of a scanner has pixels of 0.2 mm, while
# the coarsest levels, which some converters call NONE, reach 0.13 mm.
_FINEST, _LONGEST, _COARSEST_BASE = 5e-5, 100.0, 0.2


class SlideArea(msgspec.Struct, frozen=True, kw_only=True):
    """The rectangle that the Total Pixel Matrix covers; absent where one of the numbers needed is.

    ``width``: extent along the rows in mm
    ``height``: extent along the columns in mm
    ``x_min``: smallest X of the four corners in mm of the Slide Coordinate System
    ``x_max``: largest X of the four corners in mm
    ``y_min``: smallest Y of the four corners in mm
    ``y_max``: largest Y of the four corners in mm; the label is on that side
    ``spacing_in_doubt``: no slide in light has this Pixel Spacing in mm: its pixels are finer than 0.05 um, the
    image would be longer than 100 mm, or the pixels of a base level are coarser than 0.2 mm
    """

    width: float
    height: float
    spacing_in_doubt: bool
    x_min: float | None = None
    x_max: float | None = None
    y_min: float | None = None
    y_max: float | None = None


@facts("slide_area", SlideArea, possible=has_matrix)
def slide_area(facts: Facts) -> SlideArea | None:
    """What of the glass an image covers, from size, spacing, origin and directions of its matrix."""
    tiling = facts.of(Tiling)
    measures = facts.of(Measures)
    if tiling is None or not tiling.matrix_columns or not tiling.matrix_rows or measures is None:
        return None
    if measures.row_spacing is None or measures.column_spacing is None:
        return None
    width, height = tiling.matrix_columns * measures.column_spacing, tiling.matrix_rows * measures.row_spacing
    base = facts.instance.dataset.value(ImageType, 4) == "NONE"  # PS3.3 Table C.8.12.4-3
    spacings = (measures.row_spacing, measures.column_spacing)
    doubt = (
        min(spacings) < _FINEST or max(width, height) > _LONGEST or (base and max(spacings) > _COARSEST_BASE)
    )
    way = facts.of(Orientation)
    x, y = tiling.origin_x, tiling.origin_y
    if way is None or x is None or y is None:
        return SlideArea(width=width, height=height, spacing_in_doubt=doubt)
    xs = [x, x + width * way.row_x, x + height * way.column_x, x + width * way.row_x + height * way.column_x]
    ys = [y, y + width * way.row_y, y + height * way.column_y, y + width * way.row_y + height * way.column_y]
    return SlideArea(
        width=width, height=height, spacing_in_doubt=doubt,
        x_min=min(xs), x_max=max(xs), y_min=min(ys), y_max=max(ys),
    )  # fmt: skip
