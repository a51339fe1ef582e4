"""The references in the items of a long sequence, all at once (SOP Instance Reference Macro, PS3.3 Table 10-11)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np

from dcmlint.dicom.column_values import numbers_of
from dcmlint.dicom.columns import Columns, LeafPath, Shape
from dcmlint.dicom.items import Items
from dcmlint.facts.run.referenced import LONGEST, uid_in
from dcmlint.standard.tags import (
    ReferencedFrameNumber,
    ReferencedFrameOfReferenceUID,
    ReferencedSOPClassUID,
    ReferencedSOPInstanceUID,
    SeriesInstanceUID,
    StudyInstanceUID,
)

# What a reference says: the first two beside it, the others there or in a level above.
_OF_A_REFERENCE = (ReferencedSOPClassUID, ReferencedSOPInstanceUID, SeriesInstanceUID, StudyInstanceUID)


def references_in(items: Items) -> Iterator[tuple[tuple[str, ...], int]]:
    """SOP Class, instance, series and study UID of each distinct reference, and the tag of the sequence that holds it.

    The tag is 0 where it is the long sequence itself.
    """
    if not isinstance(items, Columns):
        return
    for shape in _shapes_with(items, ReferencedSOPInstanceUID):
        for path in shape.leaves:
            if path[-1] == ReferencedSOPInstanceUID:
                through = path[-3] if len(path) > 2 else 0
                for row in _rows(items, shape, [_leaf_path(shape, path, one) for one in _OF_A_REFERENCE]):
                    yield row, through


def highest_in(items: Items) -> Iterator[tuple[str, int]]:
    """The highest Referenced Frame Number of each instance that is referred to."""
    if not isinstance(items, Columns):
        return
    for shape in _shapes_with(items, ReferencedFrameNumber):
        for path, leaf in shape.leaves.items():
            named = (*path[:-1], ReferencedSOPInstanceUID)
            if path[-1] != ReferencedFrameNumber or named not in shape.leaves:
                continue
            instances, rows, which = np.unique(
                items.raw(shape.leaves[named]), return_index=True, return_inverse=True
            )
            highest = np.zeros(len(instances))
            number = 1
            while not np.isnan(values := numbers_of(items, leaf, number)).all():
                np.fmax.at(highest, which.reshape(-1), values)
                number += 1
            for instance, row, value in zip(instances.tolist(), rows.tolist(), highest.tolist(), strict=True):
                if value < 1 << 32:
                    yield uid_at(items, shape, named, row, instance), int(value)


def frames_in(items: Items) -> Iterator[str]:
    """The distinct Referenced Frame of Reference UIDs."""
    if not isinstance(items, Columns):
        return
    for shape in _shapes_with(items, ReferencedFrameOfReferenceUID):
        for path in shape.leaves:
            if path[-1] == ReferencedFrameOfReferenceUID:
                for row in _rows(items, shape, [path]):
                    yield row[0]


def uids_at(
    items: Items, shape: Shape, paths: Container[tuple[int, ...]]
) -> Iterator[tuple[tuple[int, ...], int, str, int]]:
    """The distinct UIDs at some paths of tags in the items of a shape: path, first item, UID, and in how many items."""
    assert isinstance(items, Columns)
    for path, leaf in shape.leaves.items():
        if path[::2] not in paths:
            continue
        found = np.unique(items.raw(leaf), return_index=True, return_counts=True)
        for raw, row, count in zip(*(part.tolist() for part in found), strict=True):
            yield path[::2], int(shape.items[row]), uid_at(items, shape, path, row, raw), count


def _shapes_with(items: Columns, tag: int) -> Iterable[Shape]:
    return (shape for shape in items.shapes if shape.holds(tag))


def _leaf_path(shape: Shape, path: LeafPath, tag: int) -> LeafPath | None:
    """Where an attribute of the level of ``path`` is; Series and Study Instance UID in the nearest level above too."""
    for end in range(len(path) - 1, -1, -2):
        found = (*path[:end], tag)
        if found in shape.leaves:
            return found
        if tag in (ReferencedSOPClassUID, ReferencedSOPInstanceUID):
            break
    return None


def _rows(items: Columns, shape: Shape, paths: Sequence[LeafPath | None]) -> Iterable[tuple[str, ...]]:
    """The distinct rows of some leaves of a shape, in the order of its items; "" where a leaf is absent."""
    columns = [items.raw(shape.leaves[path]) if path is not None else None for path in paths]
    there = [column for column in columns if column is not None]
    if not there or not len(there[0]):
        return
    other = np.zeros(len(there[0]), bool)
    for column in there:
        other |= column != column[0]
    # Most often all items say the same: the first, and those that differ from it.
    rows = [0, *np.flatnonzero(other).tolist()]
    texts = [
        [uid_at(items, shape, path, row, column[row]) for row in rows]
        if path is not None and column is not None else [""] * len(rows)
        for path, column in zip(paths, columns, strict=True)
    ]  # fmt: skip
    yield from dict.fromkeys(zip(*texts, strict=True))


def uid_at(items: Columns, shape: Shape, path: LeafPath, row: int, value: bytes) -> str:
    """A UID as it is read from its item, of which ``value`` are the bytes; most need not be read for that."""
    value = value.strip(b" \0")
    if shape.leaves[path].vr == "UI" and not value.translate(None, b"0123456789."):
        return value.decode("ascii")[:LONGEST]
    level = items[int(shape.items[row])]
    for tag, number in zip(path[:-1:2], path[1:-1:2], strict=True):
        level = level.items(tag)[number]
    return uid_in(level, path[-1])
