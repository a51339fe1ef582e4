"""UIDs that change over a set of files, with everything that refers to them.

Looked for before anything is written: new SOP Instance UIDs of files that change, and of files whose references do;
one Frame of Reference UID for the levels of one scan, where their geometry proves that it is one.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Edit, SetValue, text
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.items import all_places
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

Renamed = Mapping[str, str]
# Name space of the UIDs that are made: the same repair of the same instance gives the same UID (PS3.5 B.2).
_SPACE = uuid.UUID("6f0d1b52-6c1e-4b0c-9a27-6d3b7b0f1c55")
_MOST_UIDS = 1_000_000  # of a run
_SAME_LENGTH = 0.01  # of the extent of a scan, as a share: levels are cut to whole pixels


def new_uid(old: str, why: str) -> str:
    """A UID made from a UUID, of an instance that was changed in this way (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_SPACE, f'{old} {why}').int}"


def renaming_edits(instance: Instance, renamed: Renamed) -> Iterator[Edit]:
    """The edits that put new UIDs in the place of old ones, wherever an element of VR UI has one."""
    if not renamed:
        return
    if instance.meta is not None:
        yield from _of_level(instance.meta, renamed)
    for place in all_places(instance.dataset, None):
        yield from _of_level(place.level, renamed)


def _of_level(level: Dataset, renamed: Renamed) -> Iterator[Edit]:
    for element in level:
        if element.items is not None or level.value_representation(element) != "UI":
            continue
        uids = [str(uid) for uid in level.values(element.tag)]
        if not renamed.keys().isdisjoint(uids):
            field = text("UI", "\\".join(renamed.get(uid, uid) for uid in uids).encode("ascii", "replace"))
            yield SetValue(level=level, tag=element.tag, vr=element.vr, parts=(field,))


class _Seen(msgspec.Struct, frozen=True):
    """What a run has to know of an instance: its UID, whether it changes by itself, and the UIDs that it names."""

    uid: str
    change: str
    names: frozenset[str]


class NewUids:
    """Collects the instances of a set; then `renamed` says which get which SOP Instance UID."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def add(self, instance: Instance, change: str) -> None:
        """Take in an instance; ``change``: what is done to it, empty where nothing is."""
        own = instance.sop_instance
        names = {
            str(uid)
            for place in all_places(instance.dataset, None)
            for element in place.level
            if element.items is None and place.level.value_representation(element) == "UI"
            for uid in place.level.values(element.tag)
        }
        self._seen.append(_Seen(own, change, frozenset(names - {own})))

    def renamed(self) -> dict[str, str]:
        """New UIDs by old ones: of what changes, and of what refers to it, until nothing more does."""
        own = {one.uid for one in self._seen if one.uid}
        made = {one.uid: new_uid(one.uid, one.change) for one in self._seen if one.uid and one.change}
        by_name: dict[str, list[str]] = {}
        for one in self._seen:
            for name in one.names & own:
                by_name.setdefault(name, []).append(one.uid)
        left = list(made)
        while left and len(made) < _MOST_UIDS:
            for uid in by_name.get(left.pop(), ()):
                if uid and uid not in made:
                    made[uid] = new_uid(uid, "references")
                    left.append(uid)
        return made


class _Level(msgspec.Struct, frozen=True):
    """The geometry of a level: where it begins, how it lies, and its extent in mm."""

    path: str
    frame: str
    origin: tuple[float, float]
    orientation: tuple[float, ...]
    extent: tuple[float, float]
    columns: int


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
