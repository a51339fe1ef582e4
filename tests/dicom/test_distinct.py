"""The different values of an array are those of `numpy.unique`."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dcmlint.dicom.distinct import counted, distinct, first_places


@given(st.lists(st.integers(-3, 3)), st.lists(st.integers(-3, 3)))
def test_as_numpy_has_it(one: list[int], other: list[int]) -> None:
    first, second = np.array(one, np.int64), np.array(other, np.int64)
    assert distinct(first).tolist() == np.unique(first).tolist()
    assert distinct(first, second).tolist() == np.union1d(first, second).tolist()
    values, counts = np.unique(first, return_counts=True)
    assert [part.tolist() for part in counted(first)] == [values.tolist(), counts.tolist()]
    assert first_places(first).tolist() == np.unique(first, return_index=True)[1].tolist()
