"""A checking child: a process of its own, so that no instance can take its parent's memory or time.

It is started as ``python -m dcmlint.intake.child FD`` and speaks MessagePack over that file descriptor: settings
first, then a task and a reply, until the parent closes it. It only reads what was received.
"""

from __future__ import annotations

import mmap
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint import standard
from dcmlint.dicom.buffers import open_file
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result
from dcmlint.engine.session import Task as Input
from dcmlint.errors import DcmlintError
from dcmlint.findings.finding import Finding
from dcmlint.intake.policy import Policy
from dcmlint.intake.task import Start, Started, Task
from dcmlint.intake.verdict import Brief, Patient, ProfileFacts, Reply
from dcmlint.standard.tags import PatientID, PatientName, SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID

_MAX_FINDINGS = 200  # kept of one instance
_MAX_NAME = 324  # characters: three component groups of a PN (PS3.5 6.2)
_MAX_HEADER = 1 << 29  # of a header, counted in the memory limit
_ASIDE = 10
_PIXEL_DATA = b"\xe0\x7f\x10\x00"  # (7FE0,0010), little endian


# What a child does after the check of an instance that was read: its checker, its policy, the task and the reply.
Then = Callable[[Checker, Policy, Task, Reply], Reply]


def main(fd: int, then: Then | None = None) -> None:
    """Serve until the parent is gone."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})  # the gate's own are blocked
    connection = Connection(fd)
    started = msgspec.msgpack.decode(connection.recv_bytes(), type=Start)
    if started.observe:
        os.nice(
            _ASIDE
        )  # no sender waits for these verdicts, but senders wait for what this processor could do
    try:
        checker = Checker(started.settings)
    except DcmlintError as error:
        connection.send_bytes(msgspec.msgpack.encode(Started(error=str(error))))
        return
    profile = checker.profile
    facts = ProfileFacts(
        name=profile.name, action=dict(profile.action), own=profile.own, locked=profile.locked,
        rules=frozenset(checker.rules),
    )  # fmt: skip
    connection.send_bytes(msgspec.msgpack.encode(Started(profile=facts)))
    policy = Policy(profile=facts, rules=started.rules, observe=started.observe)
    tasks = msgspec.msgpack.Decoder(Task)
    while True:
        try:
            task = tasks.decode(connection.recv_bytes())
        except EOFError:
            return
        began = monotonic()
        try:
            reply = _reply(checker, task, started, None if then is None else partial(then, checker, policy))
        except MemoryError:
            reply = Reply(internal=f"more than {started.memory >> 20} MB of memory and twice the header")
        except OSError as error:
            reply = Reply(internal=f"the file cannot be read: {error.strerror}")
        reply = msgspec.structs.replace(reply, seconds=monotonic() - began)
        connection.send_bytes(msgspec.msgpack.encode(reply))


def _reply(
    checker: Checker, task: Task, started: Start, then: Callable[[Task, Reply], Reply] | None
) -> Reply:
    if task.members is not None:
        return together(checker, task.members)
    fd = _opened(Path(task.path))
    try:
        task = msgspec.structs.replace(task, path=f"/dev/fd/{fd}")
        limit_memory(task.path, started.memory)
        reply = check(checker, task, whole=started.whole, patient=started.patient)
        return then(task, reply) if then is not None and not reply.internal else reply
    finally:
        os.close(fd)


def _opened(path: Path) -> int:
    """The file of a task, which may get its name for good while it waits to be checked."""
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path.with_suffix(".dcm"), os.O_RDONLY)


def check(checker: Checker, task: Task, *, whole: bool = False, patient: bool = False) -> Reply:
    """The reply about one instance: its own rules, and those about how it was sent."""
    result = checker.check(
        Input(task.name or task.path, True, received=task.over_network), lambda: open_file(Path(task.path))
    )
    if any("MemoryError" in why for why in (*result.undecided.values(), *_not_opened(result))):
        raise MemoryError  # caught where it happened: the limit of this process, not a mistake in a rule
    findings = [*result.findings, *(_sent(checker, task) if task.over_network else ())]
    for why in _not_opened(result):
        return Reply(internal=why)
    study, series, sop_instance, person = ("", "", "", None) if whole else _entities(task.path, patient)
    status = result.record.status
    return Reply(
        status=status if status != "skipped" else "unreadable", findings=_briefs(findings), crashed=_crashed(result),
        study=study, series=series, instance=sop_instance, patient=person, member=result.member, result=pickle.dumps(result) if whole else b"",
    )  # fmt: skip


def _not_opened(result: Result) -> list[str]:
    """Why the file could not be checked as a whole, if it could not."""
    return [one.message for one in result.findings if one.rule == CANNOT_OPEN]


def together(checker: Checker, members: tuple[bytes, ...]) -> Reply:
    """The reply about the slides and series of a study."""
    from dcmlint.engine.across import check_together

    with standard.using(checker.tables):
        found = check_together(list(members), checker.planner.together, checker.settings)
    return Reply(findings=_briefs(found.findings))


def limit_memory(path: str, memory: int) -> None:
    """Bound the memory of this process: ``memory`` and twice the header of a file. Maps of files do not count."""
    limit = memory + 2 * header_bytes(path)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def header_bytes(path: str) -> int:
    """About how many bytes of a file stand before its pixel data, 512 MB at most; 0 where it cannot be read."""
    if not path:
        return 0
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = content.find(_PIXEL_DATA, 0, _MAX_HEADER)
            return found if found >= 0 else min(len(content), _MAX_HEADER)
    except (OSError, ValueError):
        return 0


def _entities(path: str, patient: bool) -> tuple[str, str, str, Patient | None]:
    """Study, Series and SOP Instance UID, as they stand in the file, and the patient if that is asked for."""
    from dcmlint.dicom.instance import read_instance

    try:
        buffer = open_file(Path(path))
    except OSError:
        return "", "", "", None
    try:
        instance = read_instance(buffer)
        if instance is None:
            return "", "", "", None
        text = instance.dataset.text
        person = Patient(text(PatientID)[:_MAX_NAME], text(PatientName)[:_MAX_NAME]) if patient else None
        return text(StudyInstanceUID), text(SeriesInstanceUID), text(SOPInstanceUID), person
    finally:
        buffer.close()


def _crashed(result: Result) -> tuple[str, ...]:
    return result.record.crashed


def _briefs(findings: list[Finding] | tuple[Finding, ...]) -> tuple[Brief, ...]:
    """The worst findings first, as many as are kept."""
    rank = {"error": 0, "warning": 1, "info": 2}
    shown = sorted((one for one in findings if not one.suppressed), key=lambda one: rank[one.severity])
    return tuple(
        Brief(rule=one.rule, name=one.name, severity=one.severity, message=one.message, path=one.path, remedy=one.remedy)
        for one in shown[:_MAX_FINDINGS]
    )  # fmt: skip


def _sent(checker: Checker, task: Task) -> tuple[Finding, ...]:
    """What the rules NET501 to NET508 say of how an instance was sent."""
    from dcmlint.intake.sent import sent_findings

    return sent_findings(
        checker, Path(task.path), sop_class=task.sop_class, sop_instance=task.sop_instance,
        transfer_syntax=task.transfer_syntax, sha256=task.sha256, half_originator=task.half_originator,
        earlier=task.earlier,
    )  # fmt: skip


def silence() -> None:
    """Nothing that is printed by accident may reach the connection or a log."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


if __name__ == "__main__":
    silence()
    main(int(sys.argv[1]))
