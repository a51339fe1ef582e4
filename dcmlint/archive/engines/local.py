"""Processes of this machine, one job each at a time and one that waits; one that dies is replaced, and its job given back."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from dcmlint.archive.engines import Job
from dcmlint.archive.engines.nursery import Forked, Nursery
from dcmlint.archive.work import Work
from dcmlint.errors import DcmlintError, UsageError
from dcmlint.forking import can_fork, leave_signals_to_parent

if TYPE_CHECKING:  # slow to load, and not needed where nothing is left to do
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_ENDING = 5.0  # seconds that a process has to end
_MOST_STARTS = 3  # that fail one after the other
# Objects of a job: at the end no process is long at work alone, and the requests that a job begins with are few of its own.
_OBJECTS = 500
_HELD = 2  # jobs of a process: the next one is there when one ends, whatever this process does meanwhile


class _Worker:
    def __init__(self, process: SpawnProcess | Forked, here: Connection) -> None:
        self.process, self.here = process, here
        self.jobs: deque[tuple[int, Job]] = deque()  # the first is under way
        self.ready = False

    def close(self) -> None:
        self.here.close()
        if self.jobs:
            self.process.terminate()
        self.process.join(_ENDING)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class LocalEngine:
    """See `Engine`.  Its processes are forked where it is made while there is one thread, else spawned."""

    most = _OBJECTS

    def __init__(self, work: Work, workers: int) -> None:
        self._work = msgspec.msgpack.encode(work)
        self._memory = work.memory_limit
        self._nursery = self._forking()
        self._most = workers
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, Job]] = deque()
        self._submitted = 0
        self._not_begun = 0  # processes one after the other that ended before they were ready
        self.slots = _HELD * workers + 2

    def submit(self, job: Job) -> int:
        """See `Engine.submit`."""
        number = self._submitted
        self._submitted += 1
        self._waiting.append((number, job))
        self._begin()
        return number

    def next_done(self) -> tuple[int, bytes | None]:
        """See `Engine.next_done`."""
        from multiprocessing.connection import wait

        while True:
            self._begin()
            busy = [worker for worker in self._workers if worker.jobs]
            ready = wait([worker.here for worker in busy])
            for worker in busy:
                if worker.here in ready and (done := self._taken(worker)) is not None:
                    return done

    def close(self) -> None:
        """See `Engine.close`."""
        for worker in self._workers:
            worker.close()
        self._workers = []
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def _forking(self) -> Nursery | None:
        if not can_fork():
            return None
        work, memory = self._work, self._memory

        def prepare() -> None:
            from dcmlint.archive.unit import checker_of

            checker_of(msgspec.msgpack.decode(work, type=Work))

        with contextlib.suppress(OSError):
            return Nursery(prepare, lambda there: serve(there, work, memory))
        return None

    def _process(self) -> tuple[SpawnProcess | Forked, Connection]:
        """A process that serves a connection, and this end of it."""
        if self._nursery is not None:
            with contextlib.suppress(OSError):
                return self._nursery.process()
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there, self._work, self._memory), daemon=True)
        process.start()
        there.close()
        return process, here

    def _begin(self) -> None:
        while self._waiting:
            # A process more before a second job for one that is there: small archives are spread over all.
            worker = min(self._workers, key=lambda one: len(one.jobs), default=None)
            if (worker is None or worker.jobs) and len(self._workers) < self._most:
                worker = _Worker(*self._process())
                self._workers.append(worker)
            if worker is None or len(worker.jobs) >= _HELD:
                return
            job = self._waiting.popleft()
            worker.jobs.append(job)
            try:
                worker.here.send(job[1])
            except OSError:  # it died before it got the job: that is seen when its answer is awaited
                return

    def _taken(self, worker: _Worker) -> tuple[int, bytes | None] | None:
        """What a process says: what came of its job, or None: that it has begun."""
        try:
            said = worker.here.recv()
        except (EOFError, OSError):
            worker.close()
            self._workers.remove(worker)
            number, _ = worker.jobs.popleft()
            self._waiting.extendleft(reversed(worker.jobs))  # those were not begun
            self._not_begun += not worker.ready
            if self._not_begun > _MOST_STARTS:
                raise UsageError(
                    "the processes that check end when they begin: there is no memory for them, or a script that calls "
                    "dcmlint does so outside of if __name__ == '__main__'"
                ) from None
            return number, None
        if said is None:
            worker.ready, self._not_begun = True, 0
            return None
        done, data = said
        number, _ = worker.jobs.popleft()
        if not done:
            raise UsageError(data)
        return number, data


def serve(there: Connection, work: bytes, memory: int) -> None:
    """What a process does: jobs until the other end closes."""
    leave_signals_to_parent()
    from dcmlint.archive.engines.job import run_job
    from dcmlint.archive.limits import limit_memory

    if os.environ.get("DCMLINT_DEBUG"):
        from dcmlint.engine.guard import show_log

        show_log()
    limit_memory(memory)
    there.send(None)  # it has begun
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(there, jobs), daemon=True, name="jobs").start()
    while (job := jobs.get()) is not None:
        name, data = job
        try:
            there.send((True, run_job(name, data, work)))
        except DcmlintError as error:
            there.send((False, str(error)))
        except Exception as error:  # noqa: BLE001 - out of memory, most likely: the job is given back, and done in halves
            import logging
            import traceback

            where = "".join(traceback.format_tb(error.__traceback__))
            logging.getLogger("dcmlint").debug("a job ended with %s\n%s", type(error).__name__, where)
            return


def _receive(there: Connection, jobs: queue.SimpleQueue[Job | None]) -> None:
    """Take in jobs while others are done: who sends one never waits for who sends a result."""
    try:
        while True:
            jobs.put(there.recv())
    except (EOFError, OSError):
        jobs.put(None)
