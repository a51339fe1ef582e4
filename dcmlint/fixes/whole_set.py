"""What has to be known of all files of a run before the first is written: UIDs that change in several of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Checker, Task
from dcmlint.errors import InputError
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.identity import NewUids, ScanFrames
from dcmlint.fixes.plan import plan
from dcmlint.sources.input import STDIN, Input

# The rule whose repair is one Frame of Reference UID for the levels of a scan.
_ONE_FRAME = "PYR001"


def over_the_set(
    checker: Checker,
    inputs: Sequence[Input],
    open_: Callable[[Input], Buffer],
    choice: Choice,
    new_uids: bool,
) -> Choice:
    """The choice with the UIDs that change over the set.  Reads each input once for each of the two questions."""
    if choice.unsafe and _ONE_FRAME in checker.active:
        frames = ScanFrames()
        for one, buffer in _opened(inputs, open_):
            instance = read_instance(buffer)
            if instance is not None:
                frames.add(instance, one.path)
        choice = msgspec.structs.replace(choice, renamed_in=frames.renamed())
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
            collected.add(instance, change)
        choice = msgspec.structs.replace(choice, renamed=collected.renamed())
    return choice


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
