"""One Frame of Reference UID for the levels of one scan, where their geometry proves that it is one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.rules.repairs import set_repair
from dcmlint.standard.tags import (
    ContainerIdentifier,
    FrameOfReferenceUID,
    ImageOrientationSlide,
    ImageType,
    PixelMeasuresSequence,
    PixelSpacing,
    SeriesInstanceUID,
    SharedFunctionalGroupsSequence,
    TotalPixelMatrixColumns,
    TotalPixelMatrixOriginSequence,
    TotalPixelMatrixRows,
    XOffsetInSlideCoordinateSystem,
    YOffsetInSlideCoordinateSystem,
)
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

_SAME_LENGTH = 0.01  # of the extent of a scan, as a share: levels are cut to whole pixels


class _Level(msgspec.Struct, frozen=True):
    """The geometry of a level: where it begins, how it lies, and its extent in mm."""

    path: str
    frame: str
    origin: tuple[float, float]
    orientation: tuple[float, ...]
    extent: tuple[float, float]
    columns: int


@set_repair("one-frame-of-reference")
class ScanFrames:
    """Collects the levels of scans; then `renamed` gives the files that need the Frame of Reference of the largest."""

    def __init__(self) -> None:
        self._scans: dict[tuple[str, str], list[_Level]] = {}

    def add(self, instance: Instance, path: str) -> None:
        """Take in an instance."""
        dataset = instance.dataset
        kinds = dataset.values(ImageType)
        if instance.sop_class != VLWholeSlideMicroscopyImageStorage or "VOLUME" not in kinds:
            return
        level = _level(dataset, path)
        if level is not None:
            key = (dataset.text(SeriesInstanceUID), dataset.text(ContainerIdentifier))
            self._scans.setdefault(key, []).append(level)

    def renamed(self) -> dict[str, dict[str, str]]:
        """By path: the UID that takes the place of the file's own, where one geometry proves one scan."""
        made: dict[str, dict[str, str]] = {}
        for (series, container), levels in self._scans.items():
            base = max(levels, key=lambda level: (level.columns, level.path))
            if not series or not container or not all(_alike(base, level) for level in levels):
                continue
            for level in levels:
                if level.frame != base.frame:
                    made[level.path] = {level.frame: base.frame}
        return made


def _level(dataset: Dataset, path: str) -> _Level | None:
    """The geometry that a level states; None where it does not."""
    origin, shared = (
        dataset.items(TotalPixelMatrixOriginSequence),
        dataset.items(SharedFunctionalGroupsSequence),
    )
    measures = shared[0].items(PixelMeasuresSequence) if len(shared) == 1 else ()
    frame = dataset.text(FrameOfReferenceUID)
    if len(origin) != 1 or len(measures) != 1 or not frame:
        return None
    spacing = _numbers(measures[0].values(PixelSpacing))
    size = _numbers((dataset.value(TotalPixelMatrixRows), dataset.value(TotalPixelMatrixColumns)))
    start = _numbers(
        (origin[0].value(XOffsetInSlideCoordinateSystem), origin[0].value(YOffsetInSlideCoordinateSystem))
    )
    orientation = _numbers(dataset.values(ImageOrientationSlide))
    if len(spacing) != 2 or len(size) != 2 or len(start) != 2 or len(orientation) != 6:
        return None
    extent = (size[0] * spacing[0], size[1] * spacing[1])
    return _Level(path, frame, (start[0], start[1]), orientation, extent, int(size[1]))


def _numbers(values: Iterable[object]) -> tuple[float, ...]:
    return tuple(float(one) for one in values if isinstance(one, (int, float)))


def _alike(base: _Level, other: _Level) -> bool:
    """Whether two levels begin at the same place, lie alike and are as large, up to the pixels at the edges."""
    longest = max(*base.extent, 1e-9)
    return (
        base.orientation == other.orientation
        and all(
            math.isclose(a, b, rel_tol=_SAME_LENGTH) for a, b in zip(base.extent, other.extent, strict=True)
        )
        and all(abs(a - b) <= _SAME_LENGTH * longest for a, b in zip(base.origin, other.origin, strict=True))
    )
