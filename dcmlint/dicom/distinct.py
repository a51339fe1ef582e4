"""The different values of an array.

`numpy.unique` does as much, but first imports NumPy's masked arrays, which takes longer than to check a small file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def distinct(*arrays: Values) -> Values:
    """The different values of one array, or of several, ascending; none of them is NaN."""
    ordered = np.sort(np.concatenate([one.reshape(-1) for one in arrays]))
    return ordered[_first(ordered)]


def counted(values: Values) -> tuple[Values, npt.NDArray[np.int64]]:
    """The different values, ascending, and how often each of them is there."""
    ordered = np.sort(values)
    starts = np.flatnonzero(_first(ordered))
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def first_places(values: Values) -> npt.NDArray[np.int64]:
    """Where each different value is met for the first time, in the order of the values."""
    order: npt.NDArray[np.int64] = np.argsort(values, kind="stable")
    return order[_first(values[order])]


def _first(ordered: Values) -> npt.NDArray[np.bool_]:
    """Where a value begins that is not the one before."""
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first
