"""Presentation states: annotations, layers, referenced images, displayed areas and shutters (PS3.3 A.33, C.10, C.11)."""

from dcmlint.rules.builtin_functions.presentation import (  # noqa: F401 - importing registers them
    graphics,
    images,
    shutters,
)
