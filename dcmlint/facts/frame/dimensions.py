"""The dimensions of a multi-frame image and the indices of its frames: PS3.3 C.7.6.17, C.7.6.16.2.2.

Dimensions are counted from 0 in the order of the Dimension Index Sequence, as frames are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.expr import UNKNOWN
from dcmlint.facts.frame.frame_columns import FrameColumns
from dcmlint.facts.registry import Facts, facts
from dcmlint.standard.tags import (
    DimensionIndexPointer,
    DimensionIndexSequence,
    DimensionIndexValues,
    DimensionOrganizationSequence,
    DimensionOrganizationUID,
    FrameContentSequence,
    FunctionalGroupPointer,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]


_MOST_VALUES = 100_000_000  # of all frames and dimensions; more are not looked at
_REAL = frozenset({"DS", "FD", "FL"})
_WHOLE = frozenset({"IS", "SL", "SS", "UL", "US", "SV", "UV"})
_TEXT = frozenset({"AE", "CS", "LO", "SH", "UI"})


class Dimensions(msgspec.Struct, frozen=True, kw_only=True):
    """The dimensions of an image and what is wrong with the indices of its frames.

    ``count``: items of the Dimension Index Sequence
    ``frames``: items of the Per-Frame Functional Groups Sequence
    ``indexed``: frames with Dimension Index Values
    ``unlisted``: dimensions whose organization is not in the Dimension Organization Sequence
    ``unresolved``: dimensions whose attribute is not found in the functional groups; not those that name no
        group where they should, or themselves as their group
    ``valueless``: dimensions in which frames without the attribute do not share one index that is theirs alone
    ``valueless_frames``: the frames that break this in the first of these dimensions
    ``wrong_count``: frames whose number of indices is not the number of dimensions
    ``zero``: frames with an index below 1
    ``gapped``: dimensions whose indices are not 1, 2, 3 ... without a gap
    ``ambiguous``: dimensions in which indices and values of the attribute do not correspond one to one
    ``ambiguous_frames``: frames that break the correspondence in the first of these dimensions
    ``descending``: dimensions whose index falls where the attribute rises
    ``repeated``: frames with the same indices as an earlier frame
    """

    count: int
    frames: int
    indexed: int
    unlisted: Sequence[int] = ()
    unresolved: Sequence[int] = ()
    valueless: Sequence[int] = ()
    valueless_frames: Sequence[int] = ()
    wrong_count: Sequence[int] = ()
    zero: Sequence[int] = ()
    gapped: Sequence[int] = ()
    ambiguous: Sequence[int] = ()
    ambiguous_frames: Sequence[int] = ()
    descending: Sequence[int] = ()
    repeated: Sequence[int] = ()


@facts("dimensions", Dimensions, possible=lambda shape: shape.has(DimensionIndexSequence))
def dimensions(facts: Facts) -> Dimensions | None:
    """The dimensions of an image that has a Dimension Index Sequence."""
    dataset = facts.instance.dataset
    items = dataset.items(DimensionIndexSequence)
    if DimensionIndexSequence not in dataset or not len(items):
        return None
    columns = FrameColumns(dataset)
    listed = {item.text(DimensionOrganizationUID) for item in dataset.items(DimensionOrganizationSequence)}
    stated = [item.text(DimensionOrganizationUID) for item in items]
    result = Dimensions(
        count=len(items), frames=columns.count, indexed=0,
        unlisted=tuple(n for n, uid in enumerate(stated) if uid and uid not in listed),
        unresolved=tuple(n for n, item in enumerate(items) if _found(dataset, columns, item) is False),
    )  # fmt: skip
    if not columns.count:
        return result
    import numpy as np

    path = (FrameContentSequence, DimensionIndexValues)
    counts = columns.counts(path)
    there = counts > 0
    told = _told(facts.instance.sop_class)
    # That a frame lacks indices is told of them, where the IOD has their functional group.
    looked_at = there
    if there.any() and FrameContentSequence not in told.groups:
        looked_at = there | columns.has(path[:1])
    result = msgspec.structs.replace(
        result, indexed=int(there.sum()),
        wrong_count=np.flatnonzero(looked_at & (counts != len(items))),
    )  # fmt: skip
    if len(items) * columns.count > _MOST_VALUES:
        hidden = dict.fromkeys(
            (
                "zero",
                "gapped",
                "valueless",
                "valueless_frames",
                "ambiguous",
                "ambiguous_frames",
                "descending",
                "repeated",
            ),
            UNKNOWN,
        )
        return msgspec.structs.replace(result, **hidden)
    indices = [columns.numbers(path, number) for number in range(1, len(items) + 1)]
    return _indexed(result, columns, items, indices, there & (counts == len(items)), told)


def _indexed(
    result: Dimensions, columns: FrameColumns, items: Sequence[Dataset], indices: list[Floats], complete: Flags, told: _Told,
) -> Dimensions:  # fmt: skip
    import numpy as np

    zero = np.zeros(columns.count, bool)
    gapped: list[int] = []
    valueless: list[int] = []
    bare: Ints | tuple[int, ...] = ()
    ambiguous: list[int] = []
    descending: list[int] = []
    frames: Ints | tuple[int, ...] = ()
    for number, index in enumerate(indices):
        zero |= index < 1
        known = np.unique(index[~np.isnan(index)])
        if len(known) and known[0] >= 1 and known[-1] != len(known):
            gapped.append(number)
        mixed = _mixed(index, _lacking(columns, items[number], told))
        if len(mixed):
            bare = bare if valueless else mixed
            valueless.append(number)
        pointed = _value(columns, items[number])
        if pointed is None:
            continue
        values, real = pointed
        both = np.flatnonzero((index >= 1) & ~np.isnan(values))
        if not len(both):
            continue
        wrong = _apart(index[both], values[both]) if real else _pairs(index[both], values[both])
        if wrong is not None:
            if not ambiguous:
                frames = both[wrong]
            ambiguous.append(number)
        elif real is not None and _falls(index[both], values[both]):
            descending.append(number)
    return msgspec.structs.replace(
        result, zero=np.flatnonzero(zero), gapped=tuple(gapped), valueless=tuple(valueless), valueless_frames=bare,
        ambiguous=tuple(ambiguous), ambiguous_frames=frames, descending=tuple(descending),
        repeated=_repeated(indices, complete),
    )  # fmt: skip


def dimension_values(dataset: Dataset) -> list[Floats | None]:
    """The values of the attribute of each dimension for each frame, NaN where a frame has none, texts as numbers of
    their own; None for a dimension whose values cannot be compared."""
    columns = FrameColumns(dataset)
    found = [_value(columns, item) for item in dataset.items(DimensionIndexSequence)]
    return [None if one is None else one[0] for one in found]


def _path(item: Dataset) -> tuple[int, ...] | None:
    """Where the attribute of a dimension stands within an item of the functional groups."""
    pointer, group = item.value(DimensionIndexPointer), item.value(FunctionalGroupPointer)
    if not isinstance(pointer, int):
        return None
    return (group, pointer) if isinstance(group, int) else (pointer,)


def _found(dataset: Dataset, columns: FrameColumns, item: Dataset) -> bool | None:
    """Whether the attribute of a dimension is there; None where the item does not say which it is, or says it wrongly
    of one that is there."""
    path = _path(item)
    if path is None:
        return None
    if len(path) == 1 and path[0] in dataset:
        return True
    if len(path) == 2 and path[0] == path[1]:
        return None
    if columns.shared_has(path) or bool(columns.has(path).any()):
        return True
    return None if len(path) == 1 and columns.in_a_group(path[0]) else False


class _Told(NamedTuple):
    """What the table of an IOD tells of its functional groups, each with an attribute: what lacks, what is empty."""

    groups: frozenset[int]
    missing: frozenset[tuple[int, ...]]
    empty: frozenset[tuple[int, ...]]


@lru_cache(maxsize=32)
def _told(sop_class: str) -> _Told:
    """The functional groups of an IOD, and what of them its table tells by itself: attributes of Type 1 and 2 that are
    missing, and of Type 1 and 1C that are empty."""
    tables = standard.load()
    entry = tables.sop_class(sop_class) if sop_class else None
    uses = tables.iod(entry.iod).functional_groups if entry is not None else ()
    groups = [
        group for use in uses for group in tables.table(use.table).rows if isinstance(group, standard.Row)
    ]
    rows = [
        ((group.tag, row.tag), row.type)
        for group in groups
        for row in group.rows
        if isinstance(row, standard.Row)
    ]
    return _Told(
        groups=frozenset(group.tag for group in groups),
        missing=frozenset(path for path, kind in rows if kind in ("1", "2")),
        empty=frozenset(path for path, kind in rows if kind in ("1", "1C")),
    )


def _lacking(columns: FrameColumns, item: Dataset, told: _Told) -> Flags:
    """Frames that have the functional group of a dimension without its attribute or without a value of it; none where
    it is shared, or is looked for outside of a group.  That a frame lacks the group is told of the group (FG007,
    TILE007), and what the table of the IOD tells of the attribute is told there.
    """
    import numpy as np

    path = _path(item)
    if path is None or len(path) == 1 or path[0] == path[1] or columns.shared_has(path):
        return np.zeros(columns.count, bool)
    there = columns.has(path)
    lacking = np.zeros(columns.count, bool)
    if path not in told.missing:
        lacking |= columns.has(path[:1]) & ~there
    entry = standard.load().dictionary.entry(path[-1])
    if path not in told.empty and entry is not None and entry.vr != "SQ":
        lacking |= there & (columns.counts(path) == 0)
    return lacking


def _value(columns: FrameColumns, item: Dataset) -> tuple[Floats, bool | None] | None:
    """The attribute of a dimension for each frame, texts as numbers of their own, and whether it is a real
    number (None: a text); None where it cannot be compared."""
    path = _path(item)
    if path is None or len(path) == 1:
        return None
    entry = standard.load().dictionary.entry(path[-1])
    if entry is None or entry.vm != "1":
        return None
    if entry.vr in _REAL or entry.vr in _WHOLE:
        return columns.numbers(path, shared=True), entry.vr in _REAL
    if entry.vr in _TEXT:
        import numpy as np

        which = columns.texts(path, shared=True).which
        return np.where(which < 0, np.nan, which), None
    return None


def _mixed(index: Floats, lacking: Flags) -> Ints:
    """Frames without the attribute whose index is that of a frame with it, or not that of the others without
    (PS3.3 C.7.6.17.1: one index stands for the lack of a value); none where no frame has it, which FG018 tells."""
    import numpy as np

    without = np.flatnonzero(lacking & (index >= 1) & ~lacking.all())
    if not len(without):
        return without
    taken = np.isin(index[without], index[~lacking & (index >= 1)])
    values, times = np.unique(index[without], return_counts=True)
    wrong: Ints = without[taken | (index[without] != values[np.argmax(times)])]
    return wrong


def _pairs(index: Floats, values: Floats) -> Ints | None:
    """Rows in which index and value do not go together as in most rows; None if they do everywhere."""
    import numpy as np

    _, at = np.unique(index, return_inverse=True)
    _, value = np.unique(values, return_inverse=True)
    at, value = at.reshape(-1), value.reshape(-1)
    many = int(value.max()) + 1
    pairs, which, times = np.unique(at * many + value, return_inverse=True, return_counts=True)
    if len(pairs) == int(at.max()) + 1 == many:
        return None
    which = which.reshape(-1)
    # Of the pairs that share an index, and of those that share a value, the most frequent one is the rule.
    wrong = np.zeros(len(pairs), bool)
    order = np.argsort(-times, kind="stable")
    seen_at, seen_value = np.zeros(int(at.max()) + 1, bool), np.zeros(many, bool)
    for pair in order.tolist():
        one, other = divmod(int(pairs[pair]), many)
        wrong[pair] = seen_at[one] or seen_value[other]
        seen_at[one] = seen_value[other] = True
    return np.flatnonzero(wrong[which])


def _apart(index: Floats, values: Floats) -> Ints | None:
    """The same for real numbers: what counts as equal is for the writer to say (PS3.3 C.7.6.17.1), but the
    values of one index may not lie among those of another."""
    import numpy as np

    _, at = np.unique(index, return_inverse=True)
    at = at.reshape(-1)
    count = int(at.max()) + 1
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(count))
    sorted_values = values[order]
    low, high = np.minimum.reduceat(sorted_values, starts), np.maximum.reduceat(sorted_values, starts)
    by_low = np.argsort(low, kind="stable")
    reach = np.maximum.accumulate(high[by_low])
    if (low[by_low][1:] > reach[:-1]).all():
        return None
    middle = np.array([np.median(part) for part in np.split(sorted_values, starts[1:])])
    levels = np.sort(middle)
    gaps = np.diff(levels)
    gap = float(gaps[gaps > 0].min()) if (gaps > 0).any() else 0.0
    wrong = np.abs(values - middle[at]) > gap / 2
    if not wrong.any():
        # Two indices for one value.
        twin = np.isin(middle, levels[1:][gaps <= 0])
        wrong = twin[at] & (at != np.flatnonzero(twin)[0]) if twin.any() else np.ones(len(values), bool)
    return np.flatnonzero(wrong)


def _falls(index: Floats, values: Floats) -> bool:
    """Whether the values fall somewhere while the index rises."""
    import numpy as np

    order = np.lexsort((values, index))
    index, values = index[order], values[order]
    step = index[1:] > index[:-1]
    return bool((values[1:][step] < values[:-1][step]).any())


def _repeated(indices: list[Floats], complete: Flags) -> Sequence[int]:
    """Frames whose indices are those of an earlier frame."""
    import numpy as np

    at = np.flatnonzero(complete)
    if len(at) < 2:
        return ()
    keys = [index[at] for index in indices]
    keys = [key for key in keys if (key != key[0]).any()]
    if not keys:
        return at[1:]  # type: ignore[return-value]  # an array is read as a sequence
    order = np.lexsort(keys)
    same = np.ones(len(at) - 1, bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    return np.sort(at[order[1:][same]])  # type: ignore[return-value]  # as above
