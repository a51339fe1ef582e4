"""Microscopy Bulk Simple Annotations (PS3.3 A.87, C.37); importing this package registers the rules."""

from dcmlint.rules.builtin_functions.annotations import (  # noqa: F401 - importing registers them
    coordinate_type,
    coordinates,
    measurements,
    numbering,
    shapes,
)
