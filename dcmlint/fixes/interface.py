"""Repairs for other programs: files by path, and one instance in memory or on its way through a gate."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.pieces import PieceBuffer
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.engine.settings import settings_of
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Change, Refusal, plan
from dcmlint.fixes.processes import fix_many
from dcmlint.fixes.run import Outcome, Target
from dcmlint.fixes.supplied import read_supplied
from dcmlint.fixes.whole_set import over_the_set
from dcmlint.fixes.write import Source, write_new
from dcmlint.sources.inputs import list_inputs, open_input


def fix(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, out: str | os.PathLike[str] | None = None,
    in_place: bool = False, keep: bool = True, overwrite: bool = False, unchanged: bool = False, unsafe: bool = False,
    supplied: str | None = None, record: bool | None = None, new_uids: bool = False, profile: str = "wsi",
    jobs: int = 1,
    **settings: Any,
) -> list[Outcome]:  # fmt: skip
    """Repair files and folders as `dcmlint fix` does; one `Outcome` for each input.

    ``out``: the folder that repaired files are written to; ``in_place``: in the place of the old ones, which stay beside
    them as FILE.orig unless ``keep`` is False; neither: nothing is written, and the outcomes say what would change.
    ``unsafe``: also the repairs that somebody must mean; ``supplied``: a file of values or a profile (`--from`);
    ``record``, ``new_uids``, ``overwrite``, ``unchanged``: as the options (``unchanged`` is `--all`); ``jobs``: processes, 0: one for each core; ``settings``: the
    fields of `dcmlint.Settings`.  Raises `UsageError` for what is wrong in the arguments; what goes wrong with a file is
    its outcome.
    """
    named = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    roots = tuple(os.fspath(path) for path in named)
    checker = Checker(settings_of({"profile": profile, **settings}))
    choice = Choice(
        unsafe=unsafe, supplied=None if supplied is None else read_supplied(supplied), record=record
    )
    target = Target(
        out="" if out is None else os.fspath(out), in_place=in_place, keep=keep, overwrite=overwrite, unchanged=unchanged,
        roots=roots,
    )  # fmt: skip
    inputs = list(list_inputs(roots))
    if unsafe or new_uids:
        choice = over_the_set(checker, inputs, open_input, choice, new_uids)
    return list(fix_many(checker, inputs, open_input, choice, target, jobs))


class Repaired(msgspec.Struct, frozen=True, kw_only=True):
    """One instance and what was repaired in it.

    ``data``: its bytes now, None where nothing was to be done, or nothing may be (``refused`` says why); ``before`` and
    ``after``: what the rules found; without a change ``after`` is ``before``.
    """

    data: PieceBuffer | None
    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    refused: str
    before: Result
    after: Result


def repair_instance(
    checker: Checker,
    buffer: Buffer,
    *,
    name: str = "<instance>",
    unsafe: bool = False,
    rules: Collection[str] | None = None,
    record: bool | None = None,
) -> Repaired:
    """Repair one instance with file meta information; nothing is written.  Never raises on what its bytes say.

    ``rules``: only what these found is repaired (None: everything).
    """
    planned = plan(checker, Task(name, True), buffer, Choice(unsafe=unsafe, rules=rules, record=record))
    return Repaired(
        data=planned.data, changes=planned.changes, refusals=planned.refusals, refused=planned.refused,
        before=planned.before, after=planned.after or planned.before,
    )  # fmt: skip


def repair_file(
    checker: Checker,
    source: Path,
    target: Path,
    *,
    rules: Collection[str] | None = None,
    record: bool | None = True,
) -> Repaired:
    """Repair one file into another, safely only: what a gate does between sender and archive.

    ``target`` is written, whole and durable, only where something is changed, and must not exist; ``source`` is never touched.
    ``rules``, ``record``: as in `repair_instance`.  Raises `InputError` where a file cannot be read or written.
    """
    from dcmlint.sources.input import Input

    seen = Source(str(source))
    buffer = open_input(Input(path=str(source), named=True))
    try:
        done = repair_instance(checker, buffer, name=str(source), rules=rules, record=record)
        if done.data is not None:
            write_new(done.data, seen, target)
        return done
    finally:
        buffer.close()


def described(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Changes as a log or a journal keeps them: rule, path, what was done, lengths; values as reports show them."""
    return [change.plain() for change in changes]
