"""What is changed in one input, decided before anything is written.

In rounds: the rules are held against the bytes as they would be, until no repair has anything left to do.  So a
second run changes nothing, and a repair after which a rule fails that did not fail before is not done.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator
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
from dcmlint.fixes.choice import SUPPLIED, WITHOUT_SYNTAX, Choice, comes_first, uncertain, unsure
from dcmlint.fixes.json_patch import patch_of
from dcmlint.fixes.record import record_edits
from dcmlint.fixes.spared import Place, Spared, suppressed_in
from dcmlint.rules.repairs import RepairContext
from dcmlint.standard.tags import PixelData

_MOST_ROUNDS = 8


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
    ``after`` are what the rules found before and after; ``unsafe`` counts repairs that were not asked for.
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
    work = _Work(checker, task, buffer, choice, first)
    made = work.rounds()
    if worse(made):
        made = work.without_culprits(made)
    reason = choice.withheld.get(task.path, "")
    return work.unseen(made, reason) if reason else made


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


class _Work:
    """The rounds of one input."""

    def __init__(self, checker: Checker, task: Task, buffer: Buffer, choice: Choice, first: _Look) -> None:
        self._checker, self._task, self._buffer, self._choice = checker, task, buffer, choice
        self._first = first

    def without_culprits(self, made: Planned) -> Planned:
        """The changes without those of rules after which something else fails."""
        rules = dict.fromkeys(change.rule for change in made.changes)
        alone = {rule: worse(self.rounds(frozenset((rule,)))) for rule in rules}
        kept = frozenset(rule for rule, reason in alone.items() if not reason)
        nothing = msgspec.structs.replace(made, data=None, changes=(), after=None)
        again = self.rounds(kept) if kept else nothing
        damage = uncertain(self._first.run.instance) if self._first.run is not None else ""
        reason = worse(again) or (
            f"{damage}: {next(filter(None, alone.values()))}" if damage and not kept else ""
        )
        if reason:
            return msgspec.structs.replace(nothing, refused=reason)
        culprits = tuple(
            Refusal(rule=rule, path="", reason=reason) for rule, reason in alone.items() if reason
        )
        return msgspec.structs.replace(again, refusals=(*again.refusals, *culprits))

    def unseen(self, made: Planned, reason: str) -> Planned:
        """The changes without those of rules that change what rules about slides and series see of the file."""
        rules = dict.fromkeys(change.rule for change in made.changes)
        kept = frozenset(rule for rule in rules if not seen_otherwise(self.rounds(frozenset((rule,)))))
        nothing = msgspec.structs.replace(made, data=None, changes=(), after=None)
        again = self.rounds(kept) if kept else nothing
        if worse(again) or seen_otherwise(again):
            return msgspec.structs.replace(nothing, refused=reason)
        withheld = tuple(Refusal(rule=rule, path="", reason=reason) for rule in rules if rule not in kept)
        return msgspec.structs.replace(again, refusals=(*again.refusals, *withheld))

    def rounds(self, only: frozenset[str] | None = None) -> Planned:
        """All repairs, or those for some rules, until none has anything left to do."""
        found, data, changes = self._first, None, list[Change]()
        refusals: dict[Refusal, None] = {}
        tags: set[int] = set()
        unsafe = 0
        current: Buffer = self._buffer
        for number in range(_MOST_ROUNDS):
            run = found.run
            if run is None:
                break
            taken = _Taken()
            refusals.clear()  # what one round refuses the next may do
            for proposal in self._proposals(found, run):
                if any(some is not None and proposal.rule not in some for some in (only, self._choice.rules)):
                    continue
                if not proposal.asked and not self._choice.takes(proposal.repair):
                    unsafe += not number and not proposal.refused
                elif proposal.refused:
                    refusals[Refusal(rule=proposal.rule, path=proposal.path, reason=proposal.refused)] = None
                elif comes_first(run.instance, proposal.repair, proposal.check) is not False:
                    taken.take(proposal)
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
            data=data, changes=tuple(changes), refusals=tuple(refusals), unsafe=unsafe,
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
