"""Dimension Index Values, computed from the attributes that they index (PS3.3 C.7.6.16.2.2, C.7.6.17.1)."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint.dicom.edits import Edit, SetValue, numbers
from dcmlint.facts.frame.dimensions import dimension_values
from dcmlint.rules.repairs import Failed, Refused, RepairContext, repair_function
from dcmlint.standard.tags import (
    DimensionIndexValues,
    FrameContentSequence,
    PerFrameFunctionalGroupsSequence,
)


@repair_function("dimension-indices")
def dimension_indices(context: RepairContext, failed: Failed) -> Iterable[Edit]:
    """The ordinal number, from 1, of each frame's value among the different values of the dimension."""
    import numpy as np

    dataset = context.instance.dataset
    frames = dataset.items(PerFrameFunctionalGroupsSequence)
    columns = []
    for values in dimension_values(dataset):
        if values is None or np.isnan(values).any():
            raise Refused("a frame has no value of an attribute that is indexed")
        _, which = np.unique(values, return_inverse=True)
        columns.append(which.reshape(-1) + 1)
    if not columns or not len(frames):
        raise Refused("there are no dimensions, or no frames")
    for frame, row in zip(frames, np.stack(columns, 1).tolist(), strict=True):
        content = frame.items(FrameContentSequence)
        if len(content) != 1:
            raise Refused("a frame has no Frame Content item, or several")
        field = numbers(content[0], "UL", row)
        if content[0].raw(DimensionIndexValues) != field:
            yield SetValue(level=content[0], tag=DimensionIndexValues, vr="UL", parts=(field,))
