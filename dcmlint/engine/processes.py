"""Checks inputs one after the other or in several processes; results come back in the order of the inputs."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeVar

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.guard import show_log
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals

_CHUNK = 8
_AHEAD = 4
# From so many inputs on, processes of their own are worth their start (some 0.4 s of processor time each).
_MANY = 256
# Bytes that inputs in memory or in temporary files may take while they wait.
_HELD = 256 << 20


class NamedInput(Protocol):
    """An input that can be sent to another process."""

    @property
    def path(self) -> str:
        """How reports name it."""
        ...

    @property
    def named(self) -> bool:
        """Whether somebody named it, rather than finding it in a folder."""
        ...

    @property
    def received(self) -> bool:
        """Whether it came over an association, without file meta information."""
        ...

    @property
    def skipped(self) -> str:
        """What it is, where nobody wants to read it; else empty."""
        ...

    @property
    def held(self) -> int:
        """Bytes of memory or temporary disk that it takes until it is discarded."""
        ...

    @property
    def mapped(self) -> bool:
        """Whether it is read through a memory map."""
        ...

    def discard(self) -> None:
        """Give back what is held for it: it was checked."""
        ...


T = TypeVar("T", bound=NamedInput)
Open = Callable[[Any], Buffer]


def check_inputs(
    checker: Checker, inputs: Iterable[T], open_: Open, jobs: int, *, apart: bool = False
) -> Iterator[tuple[T, Result]]:
    """Each input with its result, in the order of the inputs.

    ``jobs``: the number of processes; 0 for one a core, where there are many inputs.  ``apart``: with one process,
    another one reads what is mapped, if the system can fork: a file that is cut while it is read ends the process
    that reads it (SIGBUS), and may not end the run.
    """
    workers = worker_count(jobs)
    if jobs == 0 and workers > 1:
        inputs, workers = _counted(iter(inputs), workers)
    done: Iterator[tuple[T, Result]]
    if workers == 1 and apart and "fork" in multiprocessing.get_all_start_methods():
        done = _maps_apart(checker, inputs, open_)
    elif workers == 1:
        done = ((one, checker.check(_task(one), partial(open_, one))) for one in inputs)
    else:
        done = _in_processes(checker, inputs, open_, workers)
    for one, result in done:
        one.discard()
        yield one, result


def totals_of(checker: Checker, inputs: Iterable[NamedInput], open_: Open, jobs: int) -> Totals:
    """What came of all inputs: see `check_inputs`."""
    totals = Totals(checker)
    for _, result in check_inputs(checker, inputs, open_, jobs, apart=True):
        totals.add(result)
    return totals


def worker_count(jobs: int) -> int:
    """The number of processes that ``--jobs`` asks for; 0 means one for each core."""
    if jobs > 0:
        return jobs
    count = getattr(os, "sched_getaffinity", None)
    found = len(count(0)) if count is not None else os.cpu_count() or 1
    return min(found, 60)  # Windows waits for 63 handles at most


def _counted(inputs: Iterator[T], workers: int) -> tuple[Iterator[T], int]:
    """The same inputs, and 1 where there are too few for processes of their own."""
    first: list[T] = []
    held = 0
    for one in inputs:
        first.append(one)
        held += one.held
        if len(first) >= _MANY or held > _HELD:
            return chain(first, inputs), workers
    return iter(first), 1


def _task(one: NamedInput) -> Task:
    return Task(one.path, one.named, one.received, one.skipped)


_checker: Checker | None = None
_open: Open | None = None


def _start(settings: Settings, open_: Open) -> None:
    global _checker, _open
    if os.environ.get("DCMLINT_DEBUG"):
        show_log()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run, with the report of what is done
    _checker, _open = Checker(settings), open_


def _start_here(checker: Checker, open_: Open) -> None:
    """Begin with what the process that forked has."""
    global _checker, _open
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _checker, _open = checker, open_


def _work(inputs: list[Any]) -> list[Result]:
    checker, open_ = _checker, _open
    assert checker is not None
    assert open_ is not None
    return [checker.check(_task(one), partial(open_, one)) for one in inputs]


Waiting = deque[tuple[list[T], "Future[list[Result]] | None"]]


class _Pool:
    """Processes that are made anew when one of them dies; ``forked``: copies of this one."""

    def __init__(self, checker: Checker, open_: Open, workers: int, *, forked: bool = False) -> None:
        self._checker, self._open, self._workers, self._forked = checker, open_, workers, forked
        self._executor = self._made()

    def _made(self) -> ProcessPoolExecutor:
        if self._forked:
            fork = multiprocessing.get_context("fork")
            return ProcessPoolExecutor(self._workers, fork, _start_here, (self._checker, self._open))
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _start, (self._checker.settings, self._open))

    def submit(self, chunk: list[Any]) -> Future[list[Result]] | None:
        """None when a process has died."""
        try:
            return self._executor.submit(_work, chunk)
        except BrokenProcessPool:
            return None

    def renew(self) -> None:
        """New processes in place of the broken ones."""
        self.close()
        self._executor = self._made()

    def close(self) -> None:
        """End the processes, without what they have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _maps_apart(checker: Checker, inputs: Iterable[T], open_: Open) -> Iterator[tuple[T, Result]]:
    """One input after the other: what is mapped in a process of its own, the rest here."""
    pool: _Pool | None = None
    try:
        for one in inputs:
            if not one.mapped:
                yield one, checker.check(_task(one), partial(open_, one))
                continue
            pool = pool or _Pool(checker, open_, 1, forked=True)
            yield from _taken(checker, pool, deque([([one], pool.submit([one]))]))
    finally:
        if pool is not None:
            pool.close()


def _in_processes(
    checker: Checker, inputs: Iterable[T], open_: Open, workers: int
) -> Iterator[tuple[T, Result]]:
    """A few chunks ahead of what is taken.  A process that dies costs the input that it was at."""
    pool = _Pool(checker, open_, workers)
    waiting: Waiting[T] = deque()
    held = 0
    try:
        for chunk in _chunks(inputs):
            waiting.append((chunk, pool.submit(chunk)))
            held += _held(chunk)
            while len(waiting) > workers * _AHEAD or (waiting and held > _HELD):
                held -= _held(waiting[0][0])
                yield from _taken(checker, pool, waiting)
        while waiting:
            yield from _taken(checker, pool, waiting)
    finally:
        pool.close()


def _taken(checker: Checker, pool: _Pool, waiting: Waiting[T]) -> Iterator[tuple[T, Result]]:
    """The results of the first chunk."""
    chunk, future = waiting.popleft()
    results = _results(future)
    if results is not None:
        yield from zip(chunk, results, strict=True)
        return
    # A process died, and with it all that was on its way: which input it was at is found one input at a time.
    pool.renew()
    for one in chunk:
        alone = _results(pool.submit([one]))
        if alone is None:
            pool.renew()
            message = "not checked: the process that checked it died"
            yield one, checker.unreadable(one.path, CANNOT_OPEN, message)
        else:
            yield one, alone[0]
    for place, (later, its) in enumerate(waiting):
        if its is None or (its.done() and _results(its) is None) or its.cancelled():
            waiting[place] = later, pool.submit(later)


def _results(future: Future[list[Result]] | None) -> list[Result] | None:
    try:
        return None if future is None else future.result()
    except BrokenProcessPool:
        return None


def _held(chunk: list[T]) -> int:
    return sum(one.held for one in chunk)


def _chunks(inputs: Iterable[T]) -> Iterator[list[T]]:
    chunk: list[T] = []
    held = 0
    for one in inputs:
        chunk.append(one)
        held += one.held
        if len(chunk) == _CHUNK or held > _HELD // 16:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
