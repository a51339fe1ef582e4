"""The attributes of an instance that have no value that could be used, and what of other findings follows from that.

Of what is absent, unreadable or not a value that the attribute can have nothing else is known: that is told once, and
what others say of the same value, or make of it, is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import NamedTuple

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import Group
from dcmlint.dicom.path import name_of
from dcmlint.engine.placing import Failure
from dcmlint.findings.problem import Problem
from dcmlint.rules.compile import RestsOn
from dcmlint.rules.load import builtin_rules
from dcmlint.rules.tables.checks import LACKING

# What says that an attribute has no value that could be used, by the order in which it is settled: a later one says
# nothing new of the same value.
_ENCODED = ("encoding.unknown-vr", "encoding.length-beyond-parent", "encoding.structure-lost")
_READ = ("element.sequence-vr", "element.vr-mismatch", "element.value-multiplicity")
_LACKING = (*LACKING, "table.meta-type-1")
_LISTED = ("table.enumerated-value", "table.value-range")
# These only judge a value; whether it may be there at all is another question.
_JUDGED = ("table.defined-term", "table.item-count", "table.item-numbers")
# Values that are understood although they are not written as they should be.
_LEGIBLE = frozenset([
    "value.padding", "value.ui-padding", "value.da-legacy-dots", "value.tm-legacy-colons", "value.pn-components",
    "value.uid-root",
])  # fmt: skip
# Rules on who is named, on the bytes, and on single values: they hold whatever others say.
_APART = frozenset(["PHI", "ENC", "FILE", "META", "ELM", "VR", "CHR"])

_STAGES = {
    **dict.fromkeys(_ENCODED, 1),
    **dict.fromkeys((*_READ, *_LACKING), 2),
    "element.sequence-vr": 1,
    **dict.fromkeys(_LISTED, 3),
    **dict.fromkeys(_JUDGED, 4),
}
_LAST_OF_VALUES = 3
_RULE = 9
_MOST_ITEMS = 20_000  # for which one finding stands and is looked at

_Indices = set[tuple[int, ...]]


class _What(NamedTuple):
    """What a rule tells of an attribute, at ``stage``: of value ``number`` of a list (0: of all); ``uid``: a bad one."""

    rule: str
    check: str
    stage: int
    rank: int
    number: int
    uid: bytes


@cache
def _builtin() -> frozenset[str]:
    return frozenset(source.rule.id for source in builtin_rules())


def _stage(check: str) -> int:
    """Where a check stands in the order; 0: it says nothing of a value."""
    found = _STAGES.get(check)
    if found is not None:
        return found
    if check.startswith("value.") and check not in _LEGIBLE:
        return 2
    return 0


# Tags of the sequences around an attribute and its own, what was told, and of which items.
_Known = tuple[tuple[tuple[int, ...], int], _What, _Indices]


class Unusable:
    """What was told of the values of one instance.

    ``rules``: those that told something.
    """

    __slots__ = ("_told", "_uids", "rules")

    def __init__(self) -> None:
        # By the tags of the sequences around an attribute and its own: what was told, and of which of the items.
        self._told: dict[tuple[tuple[int, ...], int], dict[_What, _Indices]] = {}
        # A bad UID that is written in several places is understood: it is the same in all of them.
        self._uids: dict[bytes, int] = {}
        self.rules: set[str] = set()

    def note(self, rule: str, problem: Problem, rank: int) -> None:
        """Take in what a rule tells of an attribute."""
        stage, level, tag = _stage(problem.check), problem.level, problem.tag
        if level is None or not tag or not 0 < stage <= _LAST_OF_VALUES:
            return
        tags, indices = _place(level, problem.groups)
        if indices:
            self.rules.add(rule)
            number = problem.number if problem.number and _is_list(level, tag) else 0
            told = self._told.setdefault((tags, tag), {})
            uid = level.raw(tag) if problem.check.startswith("value.ui-") else b""
            if uid:
                self._uids[uid] = self._uids.get(uid, 0) + len(indices)
            told.setdefault(_What(rule, problem.check, stage, rank, number, uid), set()).update(indices)

    def explains(self, failure: Failure, rank: int, spared: Collection[str]) -> bool:
        """Whether a failure of this rank follows, wherever it was met, from what was told, which is no less severe.

        ``spared``: rules of which it does not follow. What a profile or a rule of the user demands follows from nothing.
        """
        if not self._told or failure.active.id not in _builtin():
            return False
        known = [
            (at, what, indices) for at, told in self._told.items() for what, indices in told.items()
            if what.rank >= rank and what.rule not in spared and self._uids.get(what.uid, 0) <= 1
        ]  # fmt: skip
        problem, level = failure.problem, failure.level
        rule = failure.active.rule
        apart = not problem.check and rule.area in _APART
        if rule.rests_on and any(_named(*at, rule.rests_on) for at, _, _ in known):
            return True
        for other, tag in problem.rests_on:
            tags, meant = _place(other, ())
            if _covers((one for one in known if one[0] == (tags, tag)), tags, meant):
                return True
        if level is not None and "[*]" not in problem.path:
            tags, meant = _place(level, failure.groups)
            stage = _stage(problem.check) if problem.check else 0 if apart else _RULE
            here = tags, failure.where.tag
            behind = (
                one for one in known
                if (one[0] == here and one[1].stage < stage and one[1].number in (0, problem.number))
                or (one[0][1] in problem.condition and tags[: len(one[0][0])] == one[0][0])
            )  # fmt: skip
            if _covers(behind, tags, meant):
                return True
        if rule.kind == "expression" and not problem.check and not apart:
            tags, meant = _place(failure.scope, failure.groups)
            reads = failure.active.compiled.rests_on
            behind = (one for one in known if not one[1].number and _reads(reads, one[1], one[0], tags))
            return _covers(behind, tags, meant)
        return False


def _reads(reads: RestsOn, what: _What, at: tuple[tuple[int, ...], int], tags: tuple[int, ...]) -> bool:
    """Whether an expression on a level at ``tags`` reads an attribute in a way to which what was told of it matters."""
    sequences, tag = at
    if what.check in _LACKING:
        several = reads.anywhere
    else:
        several = reads.counted if what.check in _ENCODED or what.check in _READ else reads.compared
    if tag not in several:
        return False
    if tag in reads.here:
        return tags[: len(sequences)] == sequences  # of the level, or of one around it
    common = min(len(sequences), len(tags))
    return sequences[:common] == tags[:common]


def _covers(found: Iterator[_Known], tags: tuple[int, ...], indices: _Indices) -> bool:
    """Whether all items that are meant by ``indices`` are among, around or above those that were told of."""
    left = set(indices)
    for (sequences, _), _, told in found:
        common = min(len(sequences), len(tags))
        known = {one[:common] for one in told}
        left = {one for one in left if one[:common] not in known}
        if not left:
            break
    return not left and bool(indices)


def _place(level: Dataset, groups: Sequence[Group]) -> tuple[tuple[int, ...], _Indices]:
    """The tags of the sequences around a level, from the outside, and the indices of the items for which it stands.

    Without indices where they are too many.
    """
    tags: list[int] = []
    numbers: list[Sequence[int]] = []
    current = level
    while current.parent is not None:
        tags.append(current.parent_tag)
        template = current
        group = next((one for one in groups if one.template is template), None)
        numbers.append((current.index,) if group is None else [int(number) for number in group.numbers])
        current = current.parent
    tags.reverse()
    numbers.reverse()
    if prod(len(several) for several in numbers) > _MOST_ITEMS:
        return tuple(tags), set()
    return tuple(tags), set(product(*numbers))


def _named(tags: tuple[int, ...], tag: int, paths: Collection[str]) -> bool:
    """Whether an attribute has one of these paths, which have no indices; ``*.Keyword``: wherever it is."""
    name = name_of(tag)
    return f"*.{name}" in paths or ".".join([*map(name_of, tags), name]) in paths


def _is_list(level: Dataset, tag: int) -> bool:
    """Whether an attribute has several values that mean different things: terms."""
    element = level.get(tag)
    return element is not None and element.vr == "CS" and len(level.values(tag)) > 1
