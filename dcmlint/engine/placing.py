"""Where in an instance a problem stands: the level, the tag, the path, and the places that are listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import count_of
from dcmlint.dicom.path import ALL_ITEMS, parse_path, path_of, paths_of
from dcmlint.engine.maker import Where
from dcmlint.engine.plan import ActiveRule
from dcmlint.engine.runner import Groups
from dcmlint.findings.collapse import SHOWN_PLACES
from dcmlint.findings.problem import Problem
from dcmlint.rules.scope import DatasetScope


class Failure(msgspec.Struct, frozen=True):
    """One problem of a rule, and where it was met.

    ``level`` and ``where.tag``: the element concerned, None where there is none; ``scope``: the level for which an
    expression was evaluated; ``groups``: the items for which these levels stand.
    """

    active: ActiveRule
    problem: Problem
    where: Where
    level: Dataset | None
    scope: Dataset
    groups: Groups = ()


def place_at(dataset: Dataset, at: str, primary: int | None) -> tuple[Dataset | None, int, str]:
    """Level, tag and path of a rule's ``at``, or of the tag it compares where that is empty."""
    if not at:
        return (
            (dataset, primary or 0, path_of(dataset, primary or 0))
            if primary or dataset.parent
            else (None, 0, "")
        )
    try:
        steps = parse_path(at)
    except ValueError:
        return None, 0, at
    level, tag = dataset, 0
    for number, step in enumerate(steps):
        tag = step.tag
        if step.index is None or (number == len(steps) - 1 and step.index is None):
            break
        items = level.items(tag)
        index = 0 if step.index == ALL_ITEMS else step.index
        if index >= len(items):
            return None, steps[-1].tag, at
        level, tag = items[index], 0
    return level, tag, path_of(level, tag) if "[*]" not in at else at


def paths_at(level: Dataset, tag: int, groups: Groups, group: bool) -> tuple[str, ...]:
    """The paths of the places for which a level stands: the first few, or all where findings are not grouped."""
    most = SHOWN_PLACES if group else max(len(one.numbers) for one in groups)
    return paths_of(level, tag, groups, most)


def of_expression(
    active: ActiveRule, scope: DatasetScope, lets: dict[str, object], groups: Groups, group: bool
) -> tuple[Dataset | None, Where]:
    """Where an expression is false: the level of the attribute that it is about, and what a report says."""
    compiled, at = active.compiled, active.rule.at
    assert compiled.assertion is not None
    level, tag, path = place_at(scope.dataset, at, compiled.assertion.primary())
    places: tuple[str, ...] = ()
    count = 1
    if compiled.places is not None:
        numbers: Any = compiled.places(scope, lets)
        if hasattr(numbers, "__len__"):
            count = len(numbers)
            if "[*]" in at:
                places = _numbered(at, numbers, group)
                if places:
                    # Value and offset are those of the first place, not of the first item.
                    level, _, _ = place_at(scope.dataset, places[0], None)
                    path = places[0]
    if groups and level is not None and not places:
        places = paths_at(level, tag, groups, group)
        path = places[0]
        count = count_of(groups)
    element = level.get(tag) if level is not None and tag else None
    # An attribute that is absent has no place; a level has one of its own.
    offset = (
        element.offset if element is not None else level.offset if level is not None and not tag else None
    )
    return level, Where(path, tag, offset, places, max(1, count))


def of_problem(
    active: ActiveRule, problem: Problem, dataset: Dataset, group: bool
) -> tuple[Dataset | None, Where]:
    """Where a problem stands that a function found in a data set: the level, and what a report says."""
    level, tag, path = problem.level, problem.tag, problem.path
    items: Sequence[int] = problem.items if hasattr(problem.items, "__len__") else []
    places: tuple[str, ...] = ()
    if level is None and not path:
        level, tag, path = place_at(dataset, active.rule.at, tag or None)
    elif level is not None:
        places = paths_at(level, tag, problem.groups, group) if problem.groups else ()
        path = places[0] if places else path_of(level, tag)
    elif path:
        first = int(items[0]) if len(items) else 0
        found_level, found_tag, _ = place_at(dataset, path.replace("[*]", f"[{first}]"), None)
        level, tag = found_level, tag or found_tag
    element = level.get(tag) if level is not None and tag else None
    if "[*]" in path:
        places = _numbered(path, items, group)
        path = places[0] if places else path.replace("[*]", "")
    offset = element.offset if element is not None else None
    count = problem.count or len(items) or (count_of(problem.groups) if problem.groups else 1)
    return level, Where(path, tag, byte(problem.offset) if problem.offset >= 0 else offset, places, count)


def byte(offset: int) -> int | None:
    """The byte in the file that a problem names, or None."""
    return offset if offset >= 0 else None


def _numbered(path: str, numbers: Any, group: bool) -> tuple[str, ...]:
    """A path with ``[*]`` for each of the numbers: the first few, or all when findings are not grouped."""
    few = numbers[:SHOWN_PLACES] if group else numbers
    return tuple(path.replace("[*]", f"[{int(number)}]", 1) for number in few)
