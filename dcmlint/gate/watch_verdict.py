"""Who decides about a watched file: the checks alone, or a running gate, which forwards what it accepts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from dcmlint.errors import UsageError
from dcmlint.gate.config import relative
from dcmlint.gate.core import Core
from dcmlint.gate.explain import findings
from dcmlint.gate.logs import Log
from dcmlint.gate.records import Arrival
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import Watch
from dcmlint.gate.watch import ACCEPTED, HELD, FileVerdict, Watcher
from dcmlint.intake.checking import Checks
from dcmlint.intake.dataset_head import parse_dataset_head
from dcmlint.intake.part import SUFFIX
from dcmlint.intake.policy import Policy
from dcmlint.intake.status import SUCCESS
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Brief
from dcmlint.intake.whole_file import WholeFile

_CHUNK = 1 << 20
_TICK = 0.5


class ByChecks:
    """Decides by the checks and the profile's `action`: what is accepted is accepted, all else is held."""

    def __init__(self, checks: Checks, policy: Policy) -> None:
        self._checks, self._policy = checks, policy

    def __call__(self, path: Path, name: str) -> FileVerdict | None:
        """The verdict; None where the checks were stopped."""
        pending = self._checks.submit(Task(path=str(path), name=name, over_network=False))
        reply = None
        while reply is None:  # its own limit ends a check
            if self._checks.stopping:
                return None
            reply = pending.wait(_TICK)
        verdict = self._policy.decide(reply)
        accepted = verdict.action == "accept"
        return FileVerdict(
            file=name, verdict=ACCEPTED if accepted else HELD, status=f"{verdict.status:04X}", why=verdict.why,
            profile=self._policy.profile.name, sop_instance_uid=reply.instance, findings=verdict.findings,
        )  # fmt: skip


class ByGate:
    """Gives files to a running gate: accepted is what the gate has in its hands, also if it holds it."""

    def __init__(self, core: Core, *, largest: int, sender: str, closed: Callable[[], bool]) -> None:
        self._core, self._largest, self._sender, self._closed = core, largest, sender, closed

    def __call__(self, path: Path, name: str) -> FileVerdict | None:
        """The verdict; None where the gate has no space. Raises `OSError` where the file cannot be copied."""
        if self._closed():
            return None
        part = self._core.incoming / f"watch-{uuid.uuid4().hex}{SUFFIX}"
        file = WholeFile(str(part), limit=self._largest, sender=self._sender[:16])
        try:
            with path.open("rb") as source:
                while piece := source.read(_CHUNK):
                    file.write(memoryview(piece))
            answer = file.finish(durable=True)
        except BaseException:
            file.drop()
            raise
        meta, why, state = file.meta, "", ""
        found: tuple[Brief, ...] = ()
        if answer is None and meta is not None:
            answer = self._core.take(part, Arrival(
                file="", sop_instance=meta.sop_instance, sop_class=meta.sop_class, transfer_syntax=meta.transfer_syntax,
                sha256=file.part.sha256, size=file.part.size, sender=self._sender, via="watch",
                study=parse_dataset_head(file.part.start).study,
            ))  # fmt: skip
            rows = self._core.journal.find(meta.sop_instance)
            if rows:
                why, state, found = rows[-1].why, rows[-1].state, tuple(findings(rows[-1]))
        status = answer.status if answer is not None else SUCCESS
        if status & 0xFF00 == 0xA700:
            return None
        return FileVerdict(
            file=name, verdict=ACCEPTED if status == SUCCESS else HELD, status=f"{status:04X}",
            why=why or (answer.comment if answer is not None else ""), profile=self._core.policy.profile.name,
            sop_instance_uid=meta.sop_instance if meta is not None else "", state=state, findings=found,
        )  # fmt: skip


def watched_folder(settings: Watch, base: Path) -> Path:
    """The folder of a configuration; ``UsageError`` where files in it cannot be moved."""
    folder = Path(relative(base, settings.folder))
    if not folder.is_dir():
        raise UsageError(f"watch.folder: {folder} is not a folder")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"watch.folder: {folder} cannot be read and written by this user")
    return folder


def folder_watcher(gate: Gate, settings: Watch, base: Path, log: Log) -> Watcher:
    """The watcher of a gate for one folder; ``base``: that of its configuration. Raises ``UsageError``."""
    folder = watched_folder(settings, base)
    decide = ByGate(
        gate.core,
        largest=int(gate.settings.listen.largest),
        sender=settings.sender,
        closed=lambda: gate.space.closed,
    )
    return Watcher(folder, decide, settle=settings.settle, log=log)
