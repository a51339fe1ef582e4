"""What is changed in one input, decided before anything is written.

In rounds: the rules are held against the bytes as they would be, until no repair has anything left to do.  So a
second run changes nothing, and a repair after which a rule fails that did not fail before is not done.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.edits import Drop, Edit, Recode, Remove, SetItems, Sort
from dcmlint.dicom.pieces import PieceBuffer, opened
from dcmlint.dicom.rewrite import CannotWriteError, rewrite
from dcmlint.engine.members import same_to_others
from dcmlint.engine.repairs import Proposal, operation_of, proposed
from dcmlint.engine.run import InstanceRun
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.findings.collapse import without_indices
from dcmlint.findings.finding import Finding, Operation
from dcmlint.fixes.choice import EVERYTHING, SUPPLIED, WITHOUT_SYNTAX, Choice, comes_first, uncertain, unsure
from dcmlint.fixes.json_patch import patch_of
from dcmlint.fixes.record import record_edits
from dcmlint.fixes.spared import Place, Spared, suppressed_in
from dcmlint.rules.repairs import RepairContext
from dcmlint.standard.tags import PixelData

_MOST_ROUNDS = 8
_MOST_PARTS = 32  # of one rule that are tried by themselves


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is done, and the rule for which it is; ``patch``: see `patch_of`, where it was asked for."""

    rule: str
    label: str
    safety: str
    operation: Operation
    patch: dict[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """All but the patch, as a program reads it."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        del values["patch"]
        return values


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A repair that was asked for and is not done: where, and why."""

    rule: str
    path: str
    reason: str


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with one input.

    ``data`` are its bytes then, None where nothing changes; ``refused`` why none of it may be; ``before`` and
    ``after`` are what the rules found before and after; ``unsafe`` counts repairs that were not asked for; ``parts``
    are those of the changes.
    """

    path: str
    size: int
    data: PieceBuffer | None = None
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    refused: str = ""
    before: Result
    after: Result | None = None
    unsafe: int = 0
    parts: frozenset[Place] = frozenset()


class _Look(msgspec.Struct, frozen=True):
    """One round: what the rules found, the run that still knows the places (None: no DICOM), and what is not repaired."""

    result: Result
    run: InstanceRun | None
    spared: frozenset[Place] = frozenset()

    def proposals(self) -> Iterator[Proposal]:
        """Each repair at each place, of the failures that became findings."""
        run = self.run
        if run is None:
            return
        said = {finding.rule for finding in self.result.findings}
        context = RepairContext(run.instance, run.facts)
        for failure in run.failures:
            place = (failure.active.id, without_indices(failure.where.path))
            if failure.active.id in said and place not in self.spared:
                yield from proposed(context, failure)


def look(checker: Checker, task: Task, buffer: Buffer, spared: Spared | None = None) -> _Look:
    """Hold the rules against an input and keep each failure."""
    runs: list[InstanceRun] = []

    def keep(run: InstanceRun) -> None:
        run.keep_failures()
        runs.append(run)

    result = checker.check_opened(task, buffer, keep=keep)
    places = suppressed_in(result) | (frozenset() if spared is None else spared.of(result))
    return _Look(result, runs[0] if runs else None, places)


def plan(checker: Checker, task: Task, buffer: Buffer, choice: Choice) -> Planned:
    """What repairs an input, with the proof that it does: see the module.  Never raises on what the bytes say."""
    first = look(checker, task, buffer, choice.spared)
    size = len(buffer)
    if first.run is None:
        # What is skipped, or no DICOM, has nothing to repair.
        return Planned(path=task.path, size=size, before=first.result)
    reason = unsure(first.run.instance)
    if reason:
        waiting = any(choice.takes(one.repair) for one in first.proposals()) or any(
            one.edits for one in choice.asked(first.run.instance, task.path)
        )
        return Planned(path=task.path, size=size, before=first.result, refused=reason if waiting else "")
    return _Work(checker, task, buffer, choice, first).planned()


def seen_parts(checker: Checker, task: Task, buffer: Buffer, choice: Choice) -> dict[Place, bytes]:
    """The parts of what repairs an input that rules about slides and series see, and what they see of each alone."""
    first = look(checker, task, buffer, choice.spared)
    if first.run is None or unsure(first.run.instance):
        return {}
    work = _Work(checker, task, buffer, choice, first)
    alone = {part: work.rounds(frozenset((part,))) for part in _units(work.planned().parts)}
    return {
        part: planned.after.member
        for part, planned in alone.items()
        if planned.after is not None and seen_otherwise(planned)
    }


def worse(planned: Planned) -> str:
    """What is wrong after the changes that was not wrong before; empty where nothing is."""
    before, after = planned.before, planned.after
    if after is None:
        return ""
    if after.record.status != "checked":
        return "the file could not be read as before"
    known = _counted(before.findings)
    for key, count in _counted(after.findings).items():
        if count > known[key]:
            return f"{key[0]} would fail at {key[1] or 'the file'}"
    return ""


def seen_otherwise(planned: Planned) -> bool:
    """Whether the changes make rules about slides and series see another file."""
    after = planned.after
    return after is not None and not same_to_others(planned.before.member, after.member)


def _counted(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        counts[finding.rule, without_indices(finding.path)] += max(1, finding.count)
    return counts


def _units(parts: Collection[Place]) -> list[Place]:
    """Parts, in their order; whole rules where they are many."""
    return sorted(parts if len(parts) <= _MOST_PARTS else {(rule, "") for rule, _ in parts})


class _Work:
    """The rounds of one input.

    A part of the changes is a rule and a DICOM path without numbers of items; with the path "" all that the rule asks
    for.
    """

    def __init__(self, checker: Checker, task: Task, buffer: Buffer, choice: Choice, first: _Look) -> None:
        self._checker, self._task, self._buffer, self._choice = checker, task, buffer, choice
        self._first = first

    def planned(self) -> Planned:
        """All that is asked for, without what would do harm and without what is withheld."""
        made = self.rounds()
        withheld = self._choice.withheld.get(self._task.path, {})
        if withheld:
            made = self._without(made, {part: why for part, why in withheld.items() if part != EVERYTHING})
        if worse(made):
            made = self._without_culprits(made)
        return self._unseen(made, withheld[EVERYTHING]) if EVERYTHING in withheld else made

    def _without(self, made: Planned, parts: Mapping[Place, str]) -> Planned:
        """The changes without some parts, which are refusals then; ``parts``: why, for each."""
        keys = {part: key for part in made.parts for key in (part, (part[0], "")) if key in parts}
        if not keys:
            return made
        again = self.rounds(made.parts - keys.keys())
        refused = (Refusal(rule=key[0], path=key[1], reason=parts[key]) for key in sorted(set(keys.values())))
        return msgspec.structs.replace(again, refusals=(*again.refusals, *refused))

    def _without_culprits(self, made: Planned) -> Planned:
        """The changes without those after which something else fails."""
        whole, single = self._to_blame(made.parts, worse)
        harmless = any(part not in single and (part[0], "") not in single for part in made.parts)
        damage = uncertain(self._first.run.instance) if self._first.run is not None else ""
        if damage and not harmless:
            return self._refused(f"{damage}: {next(iter(single.values()))}")
        for parts in (single, whole):
            again = self._without(made, parts)
            reason = worse(again)
            if not reason:
                return again
        return self._refused(reason)

    def _unseen(self, made: Planned, reason: str) -> Planned:
        """The changes without those that change what rules about slides and series see of the file."""
        _, single = self._to_blame(made.parts, lambda planned: reason if seen_otherwise(planned) else "")
        again = self._without(made, single)
        return self._refused(reason) if worse(again) or seen_otherwise(again) else again

    def _to_blame(
        self, parts: Collection[Place], wrong: Callable[[Planned], str]
    ) -> tuple[dict[Place, str], dict[Place, str]]:
        """What is wrong with parts, by whole rules, and by the places of those rules as far as they can be told apart."""
        whole: dict[Place, str] = {}
        single: dict[Place, str] = {}
        rules: dict[str, list[Place]] = {}
        for part in sorted(parts):
            rules.setdefault(part[0], []).append(part)
        for rule, own in rules.items():
            reason = wrong(self.rounds(frozenset(own)))
            if reason:
                whole[rule, ""] = reason
                single.update(self._of_one_rule(own, reason, wrong))
        return whole, single

    def _of_one_rule(
        self, parts: list[Place], reason: str, wrong: Callable[[Planned], str]
    ) -> dict[Place, str]:
        """Of the parts of a rule the one without which nothing is wrong, else each that is wrong by itself, else all."""
        everything = {(parts[0][0], ""): reason}
        if len(parts) == 1 or len(parts) > _MOST_PARTS:
            return everything
        for part in parts:
            if not wrong(self.rounds(frozenset(parts) - {part})):
                return {part: reason}
        alone = {part: why for part in parts if (why := wrong(self.rounds(frozenset((part,)))))}
        return alone or everything

    def _refused(self, reason: str) -> Planned:
        return self._planned(refused=reason)

    def rounds(self, only: frozenset[Place] | None = None) -> Planned:
        """All repairs, or some parts of them, until none has anything left to do."""
        found, data, changes = self._first, None, list[Change]()
        refusals: dict[Refusal, None] = {}
        tags: set[int] = set()
        parts: set[Place] = set()
        unsafe = 0
        current: Buffer = self._buffer
        for number in range(_MOST_ROUNDS):
            run = found.run
            if run is None:
                break
            taken = _Taken()
            refusals.clear()  # what one round refuses the next may do
            for proposal in self._proposals(found, run):
                part = proposal.rule, without_indices(proposal.path)
                rules = self._choice.rules
                if only is not None and only.isdisjoint((part, (proposal.rule, ""))):
                    continue
                if rules is not None and proposal.rule not in rules:
                    continue
                if not proposal.asked and not self._choice.takes(proposal.repair):
                    unsafe += not number and not proposal.refused
                elif proposal.refused:
                    refusals[Refusal(rule=proposal.rule, path=proposal.path, reason=proposal.refused)] = None
                elif comes_first(run.instance, proposal.repair, proposal.check) is not False:
                    taken.take(proposal)
                    parts.add(part)
            if not taken.done:
                break
            try:
                pieces = rewrite(run.instance, [edit for _, edit in taken.done])
            except CannotWriteError as reason:
                return self._planned(refused=str(reason))
            changes += [self._change(*one) for one in taken.done]
            tags.update(_outermost(edit) for _, edit in taken.done)
            current = data = PieceBuffer(
                current, pieces, self._fragments(run) if current is self._buffer else None
            )
            found = self._look(data)
        else:
            return self._planned(refused=f"after {_MOST_ROUNDS} rounds there is still something to repair")
        damage = "" if found.run is None else uncertain(found.run.instance)
        if damage and (changes or refusals or self._waiting(found)):
            # Nothing that depends on what is uncertain may be changed.
            why = next((f": {one.reason}" for one in refusals), "")
            return self._planned(refused=f"{damage}{why}")
        if data is not None:
            recorded = self._recorded(data, changes, tags, found)
            if recorded is not None:
                data, found = recorded, self._look(recorded)
        return self._planned(
            data=data, changes=tuple(changes), refusals=tuple(refusals), unsafe=unsafe, parts=frozenset(parts),
            after=found.result if data is not None else None,
        )  # fmt: skip

    def _look(self, data: PieceBuffer) -> _Look:
        return look(self._checker, self._task, opened(data), self._choice.spared)

    def _proposals(self, found: _Look, run: InstanceRun) -> Iterator[Proposal]:
        yield from self._choice.asked(run.instance, self._task.path)
        supplied = self._choice.supplied is not None and self._choice.supplied.transfer_syntax
        for proposal in found.proposals():
            if not (supplied and proposal.check in WITHOUT_SYNTAX):  # a person says it: not the bytes
                yield proposal

    def _waiting(self, found: _Look) -> bool:
        return any(self._choice.takes(one.repair) for one in found.proposals())

    def _recorded(
        self, data: PieceBuffer, changes: list[Change], tags: set[int], found: _Look
    ) -> PieceBuffer | None:
        """The bytes with what was done written into them; None where that is not asked for."""
        choice, before, after = self._choice, self._first.run, found.run
        used = any(change.rule == SUPPLIED for change in changes)
        if before is None or after is None or not (choice.record or (choice.record is None and used)):
            return None
        edits = record_edits(
            before.instance.dataset, after.instance.dataset, tags, [change.rule for change in changes],
            choice.supplied if used else None, datetime.datetime.now().astimezone(),
        )  # fmt: skip
        return PieceBuffer(data, rewrite(after.instance, edits))

    def _fragments(self, run: InstanceRun) -> tuple[int, Any] | None:
        """The fragments of the pixel data, which need not be read again where they are copied."""
        element = run.instance.dataset.get(PixelData)
        if (
            element is None
            or element.fragments is None
            or run.instance.dataset.context.buffer is not self._buffer
        ):
            return None
        return element.start, element.fragments

    def _planned(self, **fields: Any) -> Planned:
        return Planned(path=self._task.path, size=len(self._buffer), before=self._first.result, **fields)

    def _change(self, proposal: Proposal, edit: Edit) -> Change:
        settings = self._checker.settings
        operation = operation_of(edit, settings)
        repair = proposal.repair
        return Change(
            rule=proposal.rule,
            label=repair.label,
            safety="asked for" if proposal.asked else repair.safety,
            operation=operation,
            patch=patch_of(edit, operation, settings) if self._choice.patch else None,
        )


def _outermost(edit: Edit) -> int:
    """The attribute of the main data set, or of the file meta group, in which an edit is."""
    tag, level = edit.tag, edit.level
    while level.parent is not None:
        tag, level = level.parent_tag, level.parent
    return tag


class _Taken:
    """The edits of one round: of two that touch the same element one is left for the next round."""

    def __init__(self) -> None:
        self.done: list[tuple[Proposal, Edit]] = []
        self._touched: set[tuple[int, int, int]] = set()  # elements that are edited
        self._inside: set[tuple[int, int, int]] = set()  # sequences in which something is
        self._levels: set[tuple[int, int]] = set()  # levels that are sorted or cut, or items

    def take(self, proposal: Proposal) -> None:
        """Take all edits of a proposal, or none."""
        new = [
            edit
            for edit in proposal.edits
            if not any(edit == done for _, done in self.done if done.level is edit.level)
        ]
        if any(self._in_the_way(edit) for edit in new):
            return
        for edit in new:
            self._note(edit)
            self.done.append((proposal, edit))

    def _in_the_way(self, edit: Edit) -> bool:
        key = (*_level_key(edit.level), edit.tag)
        whole = isinstance(edit, (Remove, SetItems, Recode))
        if key in self._touched or (whole and edit.tag and key in self._inside):
            return True
        if isinstance(edit, (Sort, Drop)) and _level_key(edit.level) in self._levels:
            return True
        return any(one in self._touched for one in _around(edit.level))

    def _note(self, edit: Edit) -> None:
        if isinstance(edit, (Sort, Drop)):
            self._levels.add(_level_key(edit.level))
        else:
            self._touched.add((*_level_key(edit.level), edit.tag))
        self._inside.update(_around(edit.level))


def _level_key(level: Dataset) -> tuple[int, int]:
    # The file meta group and a deflated data set count their bytes apart.
    return id(level.context), level.offset


def _around(level: Dataset) -> Iterator[tuple[int, int, int]]:
    """The sequences around a level."""
    while level.parent is not None:
        yield (*_level_key(level.parent), level.parent_tag)
        level = level.parent
