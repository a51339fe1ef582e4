"""Checks inputs one after the other or in several processes; results come back in the order of the inputs."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result, task_of
from dcmlint.engine.totals import Totals

if TYPE_CHECKING:
    from concurrent.futures import Future

    from dcmlint.engine.pool import Pool

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
    if workers == 1 and apart and hasattr(os, "fork"):
        done = _maps_apart(checker, inputs, open_)
    elif workers == 1:
        done = ((one, checker.check(task_of(one), partial(open_, one))) for one in inputs)
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


Waiting = deque[tuple[list[T], "Future[list[Result]] | None"]]


def _maps_apart(checker: Checker, inputs: Iterable[T], open_: Open) -> Iterator[tuple[T, Result]]:
    """One input after the other: what is mapped in a process of its own, the rest here."""
    pool: Pool | None = None
    try:
        for one in inputs:
            if not one.mapped:
                yield one, checker.check(task_of(one), partial(open_, one))
                continue
            from dcmlint.engine.pool import Pool

            pool = pool or Pool(checker, open_, 1, forked=True)
            yield from _taken(checker, pool, deque([([one], pool.submit([one]))]))
    finally:
        if pool is not None:
            pool.close()


def _in_processes(
    checker: Checker, inputs: Iterable[T], open_: Open, workers: int
) -> Iterator[tuple[T, Result]]:
    """A few chunks ahead of what is taken.  A process that dies costs the input that it was at."""
    from dcmlint.engine.pool import Pool

    pool = Pool(checker, open_, workers)
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


def _taken(checker: Checker, pool: Pool, waiting: Waiting[T]) -> Iterator[tuple[T, Result]]:
    """The results of the first chunk."""
    from dcmlint.engine.pool import results_of

    chunk, future = waiting.popleft()
    results = results_of(future)
    if results is not None:
        yield from zip(chunk, results, strict=True)
        return
    # A process died, and with it all that was on its way: which input it was at is found one input at a time.
    pool.renew()
    for one in chunk:
        alone = results_of(pool.submit([one]))
        if alone is None:
            pool.renew()
            message = "not checked: the process that checked it died"
            yield one, checker.unreadable(one.path, CANNOT_OPEN, message)
        else:
            yield one, alone[0]
    for place, (later, its) in enumerate(waiting):
        if its is None or (its.done() and results_of(its) is None) or its.cancelled():
            waiting[place] = later, pool.submit(later)


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
