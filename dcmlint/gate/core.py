"""The core: takes an instance from whatever received it, and gives the answer.

The order is the promise: the bytes are safe (the receiver has synchronised them), the name is safe, the row is
safe, and only then is success answered. Whatever fails before leaves the instance with its sender.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.gate.journal import Journal
from dcmlint.gate.records import WHOLE_FILES, Arrival, State, Taken, arrival_of
from dcmlint.gate.spool import REPAIRED, WHOLE, Spool
from dcmlint.intake.checking import Checks, Pending
from dcmlint.intake.policy import Policy
from dcmlint.intake.status import DATA_SET_MISMATCH, SUCCESS, Answer
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Repair, Reply, Verdict

_BACKLOG = 500  # checks that wait in memory; the others wait in the journal, so that no sender has to
_MOMENT = 0.05  # seconds that a check which nobody waits for lets answers go first


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an arrival, for logs, metrics and alarms; ``seconds`` until the answer was ready."""

    arrival: Arrival
    taken: Taken
    verdict: Verdict | None
    answer: Answer
    seconds: float


class Core:
    """Takes instances; one for a gate. All methods can be called from any thread.

    ``answer_within``: seconds that a sender waits for a verdict. ``waits``: accepted instances wait for
    their study. ``tell``: called with what was decided, after the answer is fixed; ``settled`` with the number
    of an instance, its state and its verdict, where the verdict came later. ``queued``: called when there is something to deliver.
    """

    def __init__(
        self, spool: Spool, journal: Journal, checks: Checks, policy: Policy, *, answer_within: float = 8.0,
        waits: bool = False,
    ) -> None:  # fmt: skip
        self.spool, self.journal, self.checks, self.policy = spool, journal, checks, policy
        self.answer_within = answer_within
        self.waits = waits
        self.tell: Callable[[Decided], None] = lambda decided: None
        self.settled: Callable[[int, State, Verdict], None] = lambda number, state, verdict: None
        self.queued: Callable[[], None] = lambda: None
        self._again: list[tuple[int, str, Verdict]] = []
        self._lock = threading.Lock()
        # Verdicts whose commit is waited for, by a thread that starts with the first.
        self._settled: queue.SimpleQueue[tuple[int, str, Verdict, Future[State]]] = queue.SimpleQueue()
        self._settler: threading.Thread | None = None
        self._idle = threading.Condition(self._lock)
        self._quiet = threading.Condition(self._lock)
        self._taking = 0  # senders that wait for their answer
        self._unsettled = 0
        self._checked: set[int] = set()  # the instances whose check waits here, or goes on
        self._behind = False  # others wait in the journal
        self._originators: dict[int, bool] = {}  # of those, where one was named

    @property
    def incoming(self) -> Path:
        """The folder in which a receiver writes ``*.part``."""
        return self.spool.data

    def take(self, part: Path, arrival: Arrival, *, study: str = "") -> Answer:
        """Take an instance whose bytes are safe in ``part``; gives what its sender is answered.

        ``arrival.file`` is filled in here. The file is ours afterwards, or gone. Raises ``OSError`` where it
        could not be taken: the sender is then answered A700H, and keeps it. ``study``: the only study that is taken.
        """
        with self._lock:
            self._taking += 1
        try:
            return self._take(part, arrival, study)
        finally:
            with self._lock:
                self._taking -= 1
                if not self._taking:
                    self._quiet.notify_all()

    def give_way(self) -> None:
        """Before a check that nobody waits for: let those be answered first who are waiting, for a moment.

        However much comes in, checks and deliveries so go on at some tens a second.
        """
        if self.policy.observe and self._taking:
            with self._quiet:
                self._quiet.wait_for(lambda: not self._taking, _MOMENT)

    def _take(self, part: Path, arrival: Arrival, study: str) -> Answer:
        began = monotonic()
        if not arrival.sop_instance or not arrival.sop_class:
            self.spool.remove(part.name)
            return Answer(DATA_SET_MISMATCH, "NET508 the command lacks a SOP Class or Instance UID")
        if study and arrival.study not in ("", study):
            self.spool.remove(part.name)
            return Answer(DATA_SET_MISMATCH, "Study Instance UID is not that of the request")
        pending = self.checks.submit(task_of(part, arrival)) if self.policy.can_refuse() else None
        verdict: Verdict | None = None
        if pending is not None:
            reply = pending.wait(self.answer_within)
            verdict = self.policy.decide(reply) if reply is not None else None
        unused = verdict.repair if verdict is not None else None
        if verdict is not None and verdict.action == "refuse":
            verdict = msgspec.structs.replace(verdict, repair=None)
        whole = part.stem + WHOLE
        try:
            whole = self.spool.keep(part)
            taken = self.journal.take(
                msgspec.structs.replace(arrival, file=whole), verdict, waits=self.waits, observe=self.policy.observe
            )  # fmt: skip
        except BaseException:
            self.spool.remove(part.name)
            self.spool.remove(whole)
            self._drop(unused)
            if pending is not None and verdict is None:
                pending.then(lambda reply: self._drop(reply.repair))
            raise
        self._drop(unused, taken.id)
        if taken.duplicate:
            self.spool.remove(whole)
            if pending is not None and verdict is None:
                pending.then(lambda reply: self._drop(reply.repair))
        elif verdict is None:
            arrival = msgspec.structs.replace(arrival, file=whole)
            self.check(taken.id, arrival, pending)
        answer = Answer(SUCCESS)
        if taken.state == "refused" and not taken.duplicate and verdict is not None:
            answer = Answer(verdict.status, verdict.comment)
        if taken.state == "queued":
            self.queued()
        self.tell(
            Decided(arrival=arrival, taken=taken, verdict=verdict, answer=answer, seconds=monotonic() - began)
        )
        return answer

    def check(self, number: int, arrival: Arrival, pending: Pending | None = None) -> None:
        """Have an instance checked that was taken before its verdict is known; ``pending``: its check, if it has begun.

        Beyond some hundred that wait, it is found in the journal once its turn comes.
        """
        with self._lock:
            if pending is None:
                if number in self._checked:
                    return
                if self._behind or self.checks.waiting >= _BACKLOG:
                    self._behind = True
                    if arrival.originator is not None:  # which no row tells
                        self._originators[number] = arrival.originator
                    return
            self._checked.add(number)
        if pending is None:
            pending = self.checks.submit(task_of(os.path.join(self.spool.data, arrival.file), arrival))
        pending.then(lambda reply: self._settle(number, arrival.sop_instance, reply))

    def resume(self) -> None:
        """Have checked what the journal says is not checked yet."""
        self._behind = True
        self.catch_up()

    def catch_up(self) -> None:
        """Have checked what waits in the journal, if there is something and not much waits before it."""
        if not self._behind or self.checks.waiting > _BACKLOG // 2:
            return
        with self._lock:
            self._behind = False  # from here on, what comes is submitted, or says so again
            limit = len(self._checked) + _BACKLOG
        rows = self.journal.unchecked(limit)
        for row in rows:
            originator = self._originators.pop(row.id, None)
            self.check(row.id, msgspec.structs.replace(arrival_of(row), originator=originator))
        with self._lock:
            self._behind = self._behind or len(rows) == limit

    def retry_settling(self) -> None:
        """Write the verdicts that could not be written when they came, because the disk was full."""
        with self._lock:
            again, self._again = self._again, []
        for number, uid, verdict in again:
            self._write(number, uid, verdict)

    def rest(self, seconds: float | None = None) -> bool:
        """Wait until the verdicts that have come are written and told of, or could not be; whether they are in time."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._unsettled, seconds)

    def _drop(self, repair: Repair | None, number: int = 0) -> None:
        """Remove a repaired file, unless the row with a number names it."""
        if repair is None or not repair.file:
            return
        rows = self.journal.rows("id=?", number) if number else []
        if not any(row.repaired == repair.file for row in rows):
            self.spool.remove(repair.file)

    def _settle(self, number: int, uid: str, reply: Reply) -> None:
        self._write(number, uid, self.policy.decide(reply))

    def _write(self, number: int, uid: str, verdict: Verdict) -> None:
        """Have a verdict written. Who brings it does not wait: it has the next instance to check."""
        try:
            settled = self.journal.settle(number, uid, verdict, waits=self.waits)
        except OSError:
            self._later(number, uid, verdict)
            return
        with self._lock:
            self._unsettled += 1
            if self._settler is None:
                self._settler = threading.Thread(target=self._tell_settled, name="gate-settle", daemon=True)
                self._settler.start()
        self._settled.put((number, uid, verdict, settled))

    def _later(self, number: int, uid: str, verdict: Verdict) -> None:
        with self._lock:
            self._again.append((number, uid, verdict))

    def _tell_settled(self) -> None:
        while True:
            number, uid, verdict, settled = self._settled.get()
            try:
                state = settled.result()
            except OSError:
                self._later(number, uid, verdict)
            else:
                self._drop(verdict.repair, number)
                self.queued()  # if not this one, then what came after it in its study
                self.settled(number, state, verdict)
                with self._lock:
                    self._checked.discard(number)
                with suppress(sqlite3.Error):  # else whoever calls it twice a second says so
                    self.catch_up()
            with self._idle:
                self._unsettled -= 1
                if not self._unsettled:
                    self._idle.notify_all()


def task_of(path: str | Path, arrival: Arrival) -> Task:
    """The check of an arrival, whose file may be renamed before the child opens it."""
    return Task(
        path=str(path), name=arrival.sop_instance, repaired=os.path.splitext(path)[0] + REPAIRED,
        sop_class=arrival.sop_class, sop_instance=arrival.sop_instance, transfer_syntax=arrival.transfer_syntax, sha256=arrival.sha256, over_network=arrival.via not in WHOLE_FILES,
        half_originator=arrival.originator is False,
    )  # fmt: skip
