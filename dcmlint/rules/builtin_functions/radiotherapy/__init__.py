"""Radiotherapy objects: structure sets and plans (PS3.3 C.8.8)."""

from dcmlint.rules.builtin_functions.radiotherapy import (  # noqa: F401 - importing registers them
    contours,
    leaves,
    plans,
)
