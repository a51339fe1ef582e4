"""Repairs one input: plans it, and writes what was planned where it is wanted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Literal

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.pieces import PieceBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.errors import InputError
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Change, Planned, Refusal, plan, seen_otherwise, seen_parts
from dcmlint.fixes.spared import Place
from dcmlint.fixes.write import Source, write_in_place, write_new
from dcmlint.sources.input import Input

Status = Literal["fixed", "would-change", "unchanged", "refused", "failed", "skipped"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the repaired files go: into a folder, or in the place of the old ones; neither: nothing is written.

    ``keep``: the old file stays beside the new one as ``.orig``.  ``overwrite``: files in the folder are replaced.
    ``unchanged``: files with nothing to repair are copied into the folder too.  ``roots``: folders below which the
    folder structure is kept.
    """

    out: str = ""
    in_place: bool = False
    keep: bool = True
    overwrite: bool = False
    unchanged: bool = False
    roots: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return bool(self.out) or self.in_place


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one input: ``reason`` says why it was refused, or what failed.

    ``size`` and ``new_size`` are bytes of the file; ``remaining`` counts findings after the repair; ``unsafe`` counts repairs that
    were not asked for.
    """

    path: str
    status: Status
    size: int = 0
    new_size: int = 0
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    reason: str = ""
    written: str = ""
    original: str = ""
    remaining: int = 0
    unsafe: int = 0


# "unseen": only where rules about slides and series see the same file before and after.
Writes = Literal["always", "unseen", "never"]
Opener = Callable[[Input], Buffer]


class Places:
    """Where the files of a run go: no two to the same place."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._taken: dict[str, str] = {}

    def taken(self, one: Input) -> Outcome | None:
        """What is wrong with the place of an input; None where nothing is."""
        if not self._target.out or one.skipped:
            return None
        try:
            place = place_of(one.path, self._target).as_posix()
        except InputError as error:
            return Outcome(path=one.path, status="failed", reason=str(error))
        other = self._taken.setdefault(place, one.path)
        if other != one.path:
            return Outcome(path=one.path, status="failed", reason=f"{place} is the place of {other} already")
        return None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one input, and what rules about slides and series see of it before and after.

    ``waits``: its changes may be seen in the other files of the run, and nothing is written yet; ``parts``: what is
    seen of each part of them alone, where that was asked.
    """

    outcome: Outcome
    before: bytes = b""
    after: bytes = b""
    waits: bool = False
    parts: Mapping[Place, bytes] = {}


def fix_input(
    checker: Checker, one: Input, open_: Opener, choice: Choice, target: Target, *,
    writes: Writes = "always", apart: bool = False,
) -> Taken:  # fmt: skip
    """Repair one input; ``apart``: say what rules about slides and series would see of each part of the changes."""
    if one.skipped:
        return Taken(outcome=Outcome(path=one.path, status="skipped", reason=one.skipped))
    try:
        source = _source(one)
        buffer = open_(one)
    except (InputError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Taken(outcome=Outcome(path=one.path, status="failed", reason=f"cannot be read: {reason}"))
    try:
        planned = plan(checker, Task(one.path, one.named), buffer, choice)
        before, after = planned.before.member, (planned.after or planned.before).member
        if writes == "never" or (writes == "unseen" and seen_otherwise(planned)):
            outcome = _outcome(planned, "would-change")
            parts = seen_parts(checker, Task(one.path, one.named), buffer, choice) if apart else {}
            return Taken(outcome=outcome, before=before, after=after, waits=True, parts=parts)
        try:
            outcome = _done(planned, one, source, buffer, target)
        except InputError as error:
            outcome, after = _outcome(planned, "failed", reason=str(error)), before
        return Taken(outcome=outcome, before=before, after=after)
    finally:
        buffer.close()


def _source(one: Input) -> Source:
    if one.kind == "file":
        return Source(one.path)
    return Source(one.container, one.offset) if one.kind == "part" else Source()


def _done(planned: Planned, one: Input, source: Source, buffer: Buffer, target: Target) -> Outcome:
    status = planned.before.record.status
    if status == "skipped":
        return _outcome(planned, "skipped", reason=planned.before.record.title)
    if status == "unreadable":
        return _outcome(planned, "failed", reason="is no DICOM file, or cannot be read")
    if planned.refused:
        return _outcome(planned, "refused", reason=planned.refused)
    data = planned.data
    if not target.writes:
        return _outcome(planned, "unchanged" if data is None else "would-change")
    if target.in_place:
        if data is None:
            return _outcome(planned, "unchanged")
        if one.kind != "file":
            return _outcome(
                planned, "failed", reason="what is in an archive cannot be written in place: --out"
            )
        original = write_in_place(data, source, keep=target.keep)
        return _outcome(planned, "fixed", written=one.path, original=str(original or ""))
    if data is None and not target.unchanged:
        return _outcome(planned, "unchanged")
    place = place_of(one.path, target)
    if place.exists() and one.kind == "file" and place.samefile(one.path):
        return _outcome(planned, "failed", reason="the folder is that of the input: --in-place")
    write_new(buffer if data is None else data, source, place, overwrite=target.overwrite)
    return _outcome(planned, "unchanged" if data is None else "fixed", written=str(place))


def _outcome(planned: Planned, status: Status, **fields: str) -> Outcome:
    data: PieceBuffer | None = planned.data
    found = planned.after or planned.before
    return Outcome(
        path=planned.path, status=status, size=planned.size, new_size=planned.size if data is None else len(data),
        changes=planned.changes, refusals=planned.refusals, remaining=len(found.findings), unsafe=planned.unsafe,
        **fields,
    )  # fmt: skip


def place_of(path: str, target: Target) -> Path:
    """Where an input goes below the folder: as it lies below the root that was named, else by its name alone.

    Raises `InputError` for a name, of a member of an archive perhaps, that leads out of the folder.
    """
    relative = os.path.basename(path)
    for root in target.roots:
        inside = os.path.relpath(path, root)
        if os.path.isdir(root) and not inside.startswith(os.pardir):
            relative = inside
            break
    else:
        archive, found, member = path.partition("!/")
        if found:
            relative = f"{os.path.basename(archive)}/{member}"
    parts = PurePath(relative.replace("!/", "/")).parts
    if not parts or os.path.isabs(relative) or any(part in (os.pardir, "") for part in parts):
        raise InputError("its name points outside the folder")
    return Path(target.out, *parts)
