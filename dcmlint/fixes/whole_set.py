"""What has to be known of all files of a run before the first is written: UIDs that change in several of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Checker, Task
from dcmlint.errors import InputError
from dcmlint.fixes.choice import Choice, Renaming, uncertain, unsure
from dcmlint.fixes.identity import NewUids
from dcmlint.fixes.plan import plan
from dcmlint.rules.model import Repair
from dcmlint.rules.repairs import SetRepair, compiled_repairs
from dcmlint.sources.input import STDIN, Input


def over_the_set(
    checker: Checker,
    inputs: Sequence[Input],
    open_: Callable[[Input], Buffer],
    choice: Choice,
    new_uids: bool,
) -> Choice:
    """The choice with the UIDs that change over the set.  Reads each input once for each of the two questions."""
    repairs = list(_of_sets(checker, choice))
    if repairs:
        for one, buffer in _opened(inputs, open_):
            instance = read_instance(buffer)
            if instance is not None:
                for _, _, repair in repairs:
                    repair.add(instance, one.path)
        renamed: dict[str, tuple[Renaming, ...]] = {}
        for rule, asked, repair in repairs:
            for path, uids in repair.renamed().items():
                renamed[path] = (*renamed.get(path, ()), Renaming(rule=rule, repair=asked, uids=uids))
        choice = msgspec.structs.replace(choice, renamed_in=renamed)
    if new_uids:
        collected = NewUids()
        for one, buffer in _opened(inputs, open_):
            instance = read_instance(buffer)
            if instance is None:
                continue
            planned = plan(checker, Task(one.path, one.named), buffer, choice)
            change = (
                hashlib.sha256(repr(planned.changes).encode()).hexdigest() if planned.data is not None else ""
            )
            stays = unsure(instance) or planned.refused or (planned.data is None and uncertain(instance))
            collected.add(instance, change, not stays)
        choice = msgspec.structs.replace(choice, renamed=collected.renamed())
    return choice


def _of_sets(checker: Checker, choice: Choice) -> Iterator[tuple[str, Repair, SetRepair]]:
    """The repairs of rules about several files that are asked for."""
    for active in checker.planner.together:
        if choice.spared is not None and choice.spared.of_set(active.id):
            continue
        for one in compiled_repairs(active.source):
            if one.of_set is not None and choice.takes(one.repair):
                yield active.id, msgspec.structs.replace(one.repair, examples=()), one.of_set()


def _opened(inputs: Sequence[Input], open_: Callable[[Input], Buffer]) -> Iterator[tuple[Input, Buffer]]:
    for one in inputs:
        if one.skipped or one.path == STDIN:
            continue
        try:
            buffer = open_(one)
        except (InputError, OSError):
            continue  # told where it is repaired
        try:
            yield one, buffer
        finally:
            buffer.close()
