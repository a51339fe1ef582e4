"""Holds functional groups to their places: shared, per frame, for every frame (PS3.3 C.7.6.16, Annex A)."""

from __future__ import annotations

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Group, Items
from dcmlint.dicom.path import name_of
from dcmlint.expr import describe
from dcmlint.findings.problem import Problem
from dcmlint.rules.scope import ConditionScope
from dcmlint.rules.tables.collector import ProblemCollector
from dcmlint.rules.tables.levels import condition
from dcmlint.standard.tags import (
    DimensionIndexSequence,
    DimensionOrganizationType,
    FrameContentSequence,
    FunctionalGroupPointer,
    PerFrameFunctionalGroupsSequence,
    SharedFunctionalGroupsSequence,
)

_SHARED, _PER_FRAME = (
    "in the Shared Functional Groups Sequence",
    "in each item of the Per-Frame Functional Groups Sequence",
)
_PLACES = {"shared": _SHARED, "per-frame": _PER_FRAME}

# Where functional groups are
_HOLDING = frozenset((SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence))


def check_frame_groups(collector: ProblemCollector, iod: standard.Iod, dataset: Dataset) -> None:
    """Hold the functional groups to where the IOD wants them."""
    cut = dataset.may_have(PerFrameFunctionalGroupsSequence) or not all(
        dataset.is_whole(dataset.elements[tag])
        for tag in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence)
        if tag in dataset
    )
    # Of groups that are cut nobody knows which were meant to be where.
    if (
        not iod.functional_groups
        or cut
        or (SharedFunctionalGroupsSequence not in dataset and PerFrameFunctionalGroupsSequence not in dataset)
    ):
        return
    shared = _group_tags(dataset.items(SharedFunctionalGroupsSequence))
    everywhere, somewhere = _frame_tags(dataset.items(PerFrameFunctionalGroupsSequence))
    scope = collector.scope(_frame_level(dataset))
    indexed = _groups_of_dimensions(dataset)
    # Where nothing is shared, or nothing is said of the frames, that is told, not all that it would hold.
    nothing_shared = not len(dataset.items(SharedFunctionalGroupsSequence))
    absent: list[_Absent] = []
    _tell_foreign_in_both(collector, iod, dataset, shared & somewhere)
    for use in iod.functional_groups:
        tags = _sequences_of(use.table)
        if not tags:
            continue
        for tag in tags & shared & somewhere:
            _group(collector, "functional-group-both", dataset, tag, use, f"{name_of(tag)} is both shared and per-frame",
                        "either shared or per-frame")  # fmt: skip
        if use.placement == "shared":
            for tag in tags & somewhere - shared:
                _group(collector, "functional-group-not-shared", dataset, tag, use,
                            f"{name_of(tag)} is per-frame, but must be shared", _SHARED)  # fmt: skip
        if use.placement == "per-frame":
            for tag in tags & shared - somewhere:
                _group(collector, "functional-group-not-per-frame", dataset, tag, use,
                            f"{name_of(tag)} is shared, but must be per-frame", _PER_FRAME)  # fmt: skip
        if tags.isdisjoint(shared | somewhere) and not (nothing_shared and use.placement != "per-frame"):
            because = _wanted(collector, use, dataset, scope)
            if because is not None:
                absent.append((use, tags, because))
        for tag in sorted(tags & (shared | somewhere))[:1]:
            _tell_forbidden(collector, use, dataset, tag, scope)
        for tag in tags & somewhere - everywhere:
            _some_frames(
                collector,
                dataset.items(PerFrameFunctionalGroupsSequence),
                tag,
                use,
                use.usage == "U" and tag not in indexed,
            )
    _tell_absent(collector, absent, dataset)


def _some_frames(
    collector: ProblemCollector, frames: Items, tag: int, use: standard.MacroUse, optional: bool
) -> None:
    lacking = _frames_without(frames, tag)
    level = frames[lacking[0]]
    collector.problems.append(
        Problem(
            check=f"table.functional-group-some-frames{'-optional' if optional else ''}", level=level, tag=tag,
            message=f"{name_of(tag)} is present for some frames only", want="present for every frame",
            table=use.table, offset=level.offset, groups=(Group(level, lacking),), count=len(lacking),
        )
    )  # fmt: skip


def _tell_foreign_in_both(
    collector: ProblemCollector, iod: standard.Iod, dataset: Dataset, both: frozenset[int]
) -> None:
    """Tell of groups that the IOD does not list, and that are shared and per-frame as well (PS3.3 C.7.6.16.1.1)."""
    if not both:
        return
    foreign = both.difference(*(_sequences_of(use.table) for use in iod.functional_groups))
    item = dataset.items(SharedFunctionalGroupsSequence)[0]
    for tag in sorted(foreign):
        element = item.elements.get(tag)
        if element is not None and element.items is not None and not tag >> 16 & 1:
            collector.add(
                "functional-group-both", item, tag, f"{name_of(tag)} is both shared and per-frame",
                want="either shared or per-frame", offset=element.offset,
            )  # fmt: skip


# The use of a functional group that is wanted and not there, its sequences, and the condition that asks for it.
_Absent = tuple[standard.MacroUse, frozenset[int], str]


def _wanted(
    collector: ProblemCollector, use: standard.MacroUse, dataset: Dataset, scope: ConditionScope
) -> str | None:
    """The condition by which a functional group is wanted, "" where it always is; None where it is not."""
    if use.usage == "U" or not collector.stands(use):
        return None
    if use.usage != "C":
        return ""
    if use.when is None:
        collector.open("functional-group-missing", None)
        return None
    when = condition(use.when)
    if collector.unlisted(dataset, when.attributes):
        return None  # what decides was told to be wrong
    verdict = when(scope, {})
    if verdict is not True and verdict is not False:
        collector.open("functional-group-missing", use.when)
    return describe(when) if verdict is True else None


def _tell_forbidden(
    collector: ProblemCollector, use: standard.MacroUse, dataset: Dataset, tag: int, scope: ConditionScope
) -> None:
    """Tell of a functional group that is there though its condition does not hold."""
    if use.usage != "C" or use.otherwise != "not" or use.when is None or use.parsed_by != "reviewed":
        return
    if not collector.stands(use):
        return
    when = condition(use.when)
    if when(scope, {}) is not False or collector.doubtful(dataset, when.attributes):
        return
    shared = dataset.items(SharedFunctionalGroupsSequence)
    holder = next(
        (
            item
            for items in (shared, dataset.items(PerFrameFunctionalGroupsSequence))
            for item in items
            if tag in item
        ),
        dataset,
    )
    collector.add(
        "functional-group-forbidden", holder, tag,
        f"{name_of(tag)} is present, but the {use.name} Functional Group is not allowed here",
        want=f"present only if {describe(when)}", table=use.table, offset=holder.elements[tag].offset,
    )  # fmt: skip


def _tell_absent(collector: ProblemCollector, absent: list[_Absent], dataset: Dataset) -> None:
    """Tell which groups are missing; those that frames would have are one finding where nothing is said of frames."""
    frames = [one for one in absent if one[0].placement != "shared"]
    if len(dataset.items(PerFrameFunctionalGroupsSequence)) or len(frames) < 2:
        frames = []
    elif collector.speaks_of(dataset, PerFrameFunctionalGroupsSequence) or (
        not dataset.text(DimensionOrganizationType) and collector.speaks_of(dataset, DimensionIndexSequence)
    ):
        absent, frames = [one for one in absent if one not in frames], []
    for one in absent:
        use, tags, because = one
        if one in frames[1:]:
            continue
        names = [other.name for other, _, _ in frames] if one in frames else [use.name]
        what = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
        _group(collector, "functional-group-missing", dataset, min(tags), use,
               f"the {what} Functional Group{'s are' if len(names) > 1 else ' is'} missing",
               _PLACES.get(use.placement, f"{_SHARED}, or {_PER_FRAME}"), because, _deciding(use, dataset))  # fmt: skip


def _deciding(use: standard.MacroUse, dataset: Dataset) -> frozenset[int]:
    """The attributes that decide whether a functional group is wanted, and those that are there and would hold it."""
    wanted = condition(use.when).attributes if use.when is not None else frozenset()
    return wanted | (_HOLDING & dataset.elements.keys())


def _group(
    collector: ProblemCollector,
    code: str,
    dataset: Dataset,
    tag: int,
    use: standard.MacroUse,
    message: str,
    want: str,
    because: str = "",
    deciding: frozenset[int] = frozenset(),
) -> None:
    per_frame = code == "functional-group-not-shared" or (
        code == "functional-group-missing" and use.placement == "per-frame"
    )
    sequence = PerFrameFunctionalGroupsSequence if per_frame else SharedFunctionalGroupsSequence
    items = dataset.items(sequence) or dataset.items(PerFrameFunctionalGroupsSequence)
    level = items[0] if len(items) else dataset
    collector.add(code, level, tag, message, want=want, because=because, table=use.table, offset=level.offset,
                  condition=deciding)  # fmt: skip


def _group_tags(items: Items) -> frozenset[int]:
    return frozenset().union(*(group.template.elements for group in items.groups()))


def _frame_tags(items: Items) -> tuple[frozenset[int], frozenset[int]]:
    """Tags of the groups that every frame has, and of those that some frame has."""
    tags = [frozenset(group.template.elements) for group in items.groups()]
    if not tags:
        return frozenset(), frozenset()
    return frozenset.intersection(*tags), frozenset().union(*tags)


def _frames_without(items: Items, tag: int) -> tuple[int, ...]:
    """The numbers of the frames that do not have a group."""
    lacking = [
        int(number)
        for group in items.groups()
        if tag not in group.template.elements
        for number in group.numbers
    ]
    return tuple(sorted(lacking))


def _groups_of_dimensions(dataset: Dataset) -> frozenset[int]:
    """The groups that every frame needs for the dimensions: their indices, and what they stand for (PS3.3 C.7.6.17)."""
    items = dataset.items(DimensionIndexSequence)
    if not len(items):
        return frozenset()
    pointed = (item.value(FunctionalGroupPointer) for item in items)
    return frozenset({FrameContentSequence, *(tag for tag in pointed if isinstance(tag, int))})


def _frame_level(dataset: Dataset) -> Dataset:
    """A level from which the conditions of functional groups see the first frame."""
    items = dataset.items(PerFrameFunctionalGroupsSequence) or dataset.items(SharedFunctionalGroupsSequence)
    return items[0] if len(items) else dataset


def _sequences_of(table: str) -> frozenset[int]:
    try:
        rows = standard.load().table(table).rows
    except KeyError:
        return frozenset()
    return frozenset(row.tag for row in rows if isinstance(row, standard.Row))
