"""Bases of mutants: other legal instances of the same SOP Class, and one file of each SOP Class of a folder.

A variant changes a copy of an instance; ``settle`` then makes the rest agree, and ``errors`` says what is wrong with it.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import defects
import pydicom
from pydicom.dataset import Dataset

Settle = Callable[[Dataset], None]
"""Adds, in place, what the validators ask for."""
Errors = Callable[[Dataset], "Counter[str]"]

# Of grayscale images alone: the transformations of stored values (PS3.3 C.11.1, C.11.2, C.11.6) and padding (C.7.5.1.1.2).
_GRAYSCALE = (
    "RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "WindowCenterWidthExplanation", "VOILUTSequence", "VOILUTFunction", "PresentationLUTShape", "PresentationLUTSequence",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "SmallestImagePixelValue", "LargestImagePixelValue",
)  # fmt: skip


class Base(NamedTuple):
    """A variant by its name; ``data`` is None where the SOP Class has none such, or the instance is one already."""

    name: str
    data: Dataset | None


def derived(data: Dataset) -> bool:
    """Value 1 of each Image Type and Frame Type says DERIVED (PS3.3 C.7.6.1.1.2, C.8.16.1); whether anything changed."""
    changed = False
    for _, level in defects.levels(data):
        for name in ("ImageType", "FrameType"):
            if name in level and level[name].VM > 1 and level[name].value[0] == "ORIGINAL":
                level[name].value = ["DERIVED", *level[name].value[1:]]
                changed = True
    return changed


def color(data: Dataset) -> bool:
    """Three samples of eight bits for each pixel of a native grayscale image (PS3.3 C.7.6.3.1.2)."""
    if data.get("SamplesPerPixel") != 1 or "PixelData" not in data or not _native(data):
        return False
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    size = int(data.Rows) * int(data.Columns) * 3 * int(data.get("NumberOfFrames") or 1)
    data.add_new("PixelData", "OB", bytes(size + size % 2))
    for name in _GRAYSCALE:
        if name in data:
            delattr(data, name)
    return True


def with_items(data: Dataset, errors: Errors) -> bool:
    """Two items instead of one in each sequence of which no validator then has more to say."""
    changed = False
    for _, level in list(defects.levels(data)):
        for element in list(level):
            if element.VR != "SQ" or element.tag.is_private or len(element.value or ()) != 1:
                continue
            before = errors(data)
            element.value.append(copy.deepcopy(element.value[0]))
            if errors(data) - before:
                del element.value[1]
            else:
                changed = True
    return changed


def _native(data: Dataset) -> bool:
    syntax = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", None)
    return syntax is None or not syntax.is_compressed


def variant(
    data: Dataset, name: str, settle: Settle, errors: Errors, rich: Callable[[Dataset], Dataset]
) -> Base:
    """A variant that has no error more than the instance."""
    if name == "rich":
        return Base(name, rich(data))
    other = copy.deepcopy(data)
    if name == "items":
        return Base(name, other if with_items(other, errors) else None)
    if not CHANGES[name](other):
        return Base(name, None)
    settle(other)
    if CHANGES[name](copy.deepcopy(other)):
        return Base(name, None)  # what the SOP Class does not allow was mended away
    return Base(name, None if errors(other) - errors(data) else other)


CHANGES: dict[str, Callable[[Dataset], bool]] = {"derived": derived, "color": color}
NAMES = (*CHANGES, "items", "rich")


def one_of_each(files: Iterable[str], largest: int) -> list[str]:
    """Of the files of each SOP Class the one with the most attributes; none above a size in bytes."""
    best: dict[str, tuple[int, str]] = {}
    for file in sorted(files):
        if Path(file).stat().st_size > largest:
            continue
        try:
            data = pydicom.dcmread(file, stop_before_pixels=True)
            key, number = (
                str(data.get("SOPClassUID", "")),
                sum(len(level) for _, level in defects.levels(data)),
            )
        except Exception:  # noqa: BLE001 - whatever pydicom raises of what is no DICOM
            continue
        if key and number > best.get(key, (0, ""))[0]:
            best[key] = number, file
    return sorted(file for _, file in best.values())
