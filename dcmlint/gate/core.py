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
from functools import partial
from pathlib import Path
from time import monotonic, sleep

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
# Seconds that a check which nobody waits for lets what comes in go first: each, and as long as there is something to check;
# and seconds without an instance after which nothing more is expected.
_MOMENT, _BURST, _CALM = 0.2, 5.0, 0.02


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an arrival, for logs, metrics and alarms; ``seconds`` until the answer was ready."""

    arrival: Arrival
    taken: Taken
    verdict: Verdict | None
    answer: Answer
    seconds: float


class _Taking:
    """An arrival on its way to its answer. ``whole``: the name of its file, ``unused``: a repair that may come to nothing."""

    __slots__ = ("answer", "arrival", "began", "part", "pending", "unused", "verdict", "whole")

    def __init__(self, part: Path, arrival: Arrival) -> None:
        self.part, self.arrival = part, arrival
        self.answer: Future[Answer] = Future()
        self.began = monotonic()
        self.whole = ""
        self.pending: Pending | None = None
        self.verdict: Verdict | None = None
        self.unused: Repair | None = None


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
        self._came = 0.0  # when the last instance did
        self._burst = 0.0  # when there was nothing more to check
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
        return self.begin(part, arrival, study=study).result()

    def begin(self, part: Path, arrival: Arrival, *, study: str = "") -> Future[Answer]:
        """The same, the answer being known later, to the thread that writes the journal. The verdict is waited for here
        where it can change the answer (``Policy.can_refuse``), and else nothing is."""
        self._came = monotonic()
        taking = _Taking(part, arrival)
        try:
            self._begin(taking, study)
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it
            taking.answer.set_exception(error)
        return taking.answer

    def give_way(self) -> None:
        """Before a check that nobody waits for: let what comes in go first, a moment for each check.

        Where that lasts for longer than a burst, checks and deliveries get their share.
        """
        now = monotonic()
        if not self.checks.waiting:
            self._burst = now
        if not self.policy.observe or now - self._burst > _BURST:
            return
        end = now + _MOMENT
        while (seconds := min(self._came + _CALM, end) - monotonic()) > 0:
            sleep(seconds)

    def _begin(self, taking: _Taking, study: str) -> None:
        part, arrival = taking.part, taking.arrival
        mismatch = _mismatch(arrival, study)
        if mismatch:
            self.spool.remove(part.name)
            taking.answer.set_result(Answer(DATA_SET_MISMATCH, mismatch))
            return
        if self.policy.can_refuse():
            taking.pending = self.checks.submit(task_of(part, arrival))
            reply = taking.pending.wait(self.answer_within)
            taking.verdict = self.policy.decide(reply) if reply is not None else None
        verdict = taking.verdict
        taking.unused = verdict.repair if verdict is not None else None
        if verdict is not None and verdict.action == "refuse":
            verdict = taking.verdict = msgspec.structs.replace(verdict, repair=None)
        taking.whole = part.stem + WHOLE
        try:
            taking.whole = self.spool.keep(part)
            taking.arrival = msgspec.structs.replace(arrival, file=taking.whole)
            row = self.journal.take_soon(
                taking.arrival, verdict, waits=self.waits, observe=self.policy.observe
            )
        except BaseException:
            self._give_up(taking)
            raise
        row.add_done_callback(partial(self._taken, taking))

    def _taken(self, taking: _Taking, row: Future[Taken]) -> None:
        """The row is on the disk, or cannot be written."""
        try:
            failure = row.exception()
            if failure is not None:
                self._give_up(taking)
                raise failure
            answer = self._done(taking, row.result())
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it
            taking.answer.set_exception(error)
        else:
            taking.answer.set_result(answer)

    def _give_up(self, taking: _Taking) -> None:
        self.spool.remove(taking.part.name)
        self.spool.remove(taking.whole)
        self._drop(taking.unused)
        self._drop_later(taking)

    def _drop_later(self, taking: _Taking) -> None:
        """Nothing comes of a check that goes on."""
        if taking.pending is not None and taking.verdict is None:
            taking.pending.then(lambda reply: self._drop(reply.repair))

    def _done(self, taking: _Taking, taken: Taken) -> Answer:
        verdict = taking.verdict
        self._drop(taking.unused, taken.id)
        if taken.duplicate:
            self.spool.remove(taking.whole)
            self._drop_later(taking)
        elif verdict is None:
            self.check(taken.id, taking.arrival, taking.pending)
        answer = Answer(SUCCESS)
        if taken.state == "refused" and not taken.duplicate and verdict is not None:
            answer = Answer(verdict.status, verdict.comment)
        if taken.state == "queued":
            self.queued()
        seconds = monotonic() - taking.began
        self.tell(
            Decided(arrival=taking.arrival, taken=taken, verdict=verdict, answer=answer, seconds=seconds)
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


def _mismatch(arrival: Arrival, study: str) -> str:
    """Why an arrival is not what was announced; empty if it is."""
    if not arrival.sop_instance or not arrival.sop_class:
        return "NET508 the command lacks a SOP Class or Instance UID"
    if study and arrival.study not in ("", study):
        return "Study Instance UID is not that of the request"
    return ""


def task_of(path: str | Path, arrival: Arrival) -> Task:
    """The check of an arrival, whose file may be renamed before the child opens it."""
    return Task(
        path=str(path), name=arrival.sop_instance, repaired=os.path.splitext(path)[0] + REPAIRED,
        sop_class=arrival.sop_class, sop_instance=arrival.sop_instance, transfer_syntax=arrival.transfer_syntax, sha256=arrival.sha256, over_network=arrival.via not in WHOLE_FILES,
        half_originator=arrival.originator is False,
    )  # fmt: skip
