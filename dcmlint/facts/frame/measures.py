"""The size of a pixel and the distance of planes: PS3.3 C.7.6.16.2.1, 10.7.1.3."""

from __future__ import annotations

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.frame.tiling import real
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    PerFrameFunctionalGroupsSequence,
    PixelMeasuresSequence,
    PixelSpacing,
    SharedFunctionalGroupsSequence,
    SliceThickness,
    SpacingBetweenSlices,
)


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Pixel Measures of all frames, or of the first one where they are not shared.

    ``row_spacing``: distance of the centers of two rows in mm, value 1 of Pixel Spacing
    ``column_spacing``: distance of the centers of two columns in mm, value 2 of Pixel Spacing
    ``slice_thickness``: mm
    ``spacing_between_slices``: distance of the centers of two planes in mm
    ``shared``: whether they come from the Shared Functional Groups Sequence
    """

    row_spacing: float | None = None
    column_spacing: float | None = None
    slice_thickness: float | None = None
    spacing_between_slices: float | None = None
    shared: bool = False


def group_item(dataset: Dataset, group: int) -> tuple[Dataset | None, bool]:
    """The item of a functional group, and whether it is shared: the shared one, else the first frame's."""
    for sequence in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence):
        items = dataset.items(sequence)
        if len(items):
            found = items[0].items(group)
            if len(found):
                return found[0], sequence == SharedFunctionalGroupsSequence
    return None, False


@facts("measures", Measures)
def measures(facts: Facts) -> Measures | None:
    """Pixel Spacing, Slice Thickness and Spacing Between Slices, from functional groups or the top level."""
    dataset = facts.instance.dataset
    found, shared = group_item(dataset, PixelMeasuresSequence)
    level = dataset if found is None else found
    if not any(tag in level for tag in (PixelSpacing, SliceThickness, SpacingBetweenSlices)):
        return None
    return Measures(
        row_spacing=real(level, PixelSpacing), column_spacing=real(level, PixelSpacing, 2),
        slice_thickness=real(level, SliceThickness), spacing_between_slices=real(level, SpacingBetweenSlices),
        shared=shared,
    )  # fmt: skip
