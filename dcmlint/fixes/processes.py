"""Repairs many inputs in processes: one for each core, where there are enough files to be worth it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.run import Outcome, Places, Target, fix_input, fix_inputs
from dcmlint.sources.input import Input

Open = Callable[[Input], Buffer]

# With fewer files the start of processes costs more than they save.
_WORTH = 48
_AHEAD = 8  # inputs of each process that are on their way
_HELD = 64 << 20  # bytes of inputs in memory, or in temporary files, that are on their way


def fix_many(
    checker: Checker, inputs: Iterable[Input], open_: Open, choice: Choice, target: Target, jobs: int = 0
) -> Iterator[Outcome]:
    """The outcomes in the order of the inputs; ``jobs`` 0: one process for each core, if there are many inputs."""
    inputs = iter(inputs)
    first = list(islice(inputs, _WORTH))
    workers = jobs or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if workers == 1 or len(first) < _WORTH:
        yield from fix_inputs(checker, chain(first, inputs), open_, choice, target)
        return
    pool = _Pool(workers, checker.settings, open_, choice, target)
    places = Places(target)
    waiting: deque[tuple[Input, Future[Outcome] | Outcome]] = deque()
    held = 0
    try:
        for one in chain(first, inputs):
            wrong = places.taken(one)
            waiting.append((one, wrong or pool.submit(one)))
            held += one.held
            while len(waiting) > workers * _AHEAD or held > _HELD:
                held -= waiting[0][0].held
                yield pool.result(*waiting.popleft())
        while waiting:
            yield pool.result(*waiting.popleft())
    finally:
        pool.close()


class _Pool:
    """Processes that are made anew when one of them dies."""

    def __init__(self, workers: int, settings: Settings, open_: Open, choice: Choice, target: Target) -> None:
        self._workers, self._arguments = workers, (settings, open_, choice, target)
        self._executor = self._made()

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _start, self._arguments)

    def submit(self, one: Input) -> Future[Outcome] | Outcome:
        """Begin with an input."""
        try:
            return self._executor.submit(_work, one)
        except BrokenProcessPool:
            self.close()
            self._executor = self._made()
            return self._executor.submit(_work, one)

    def result(self, one: Input, waiting: Future[Outcome] | Outcome) -> Outcome:
        """What came of an input; it is left alone where the process that was at it died."""
        try:
            return waiting if isinstance(waiting, Outcome) else waiting.result()
        except BrokenProcessPool:
            return Outcome(
                path=one.path, status="failed", reason="the process that repaired it died: run it again"
            )
        finally:
            one.discard()

    def close(self) -> None:
        """End the processes, without what they have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)


_checker: Checker | None = None
_rest: tuple[Open, Choice, Target] | None = None


def _start(settings: Settings, open_: Open, choice: Choice, target: Target) -> None:
    global _checker, _rest
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run; what is begun becomes whole
    _checker, _rest = Checker(settings), (open_, choice, target)


def _work(one: Input) -> Outcome:
    assert _checker is not None
    assert _rest is not None
    open_, choice, target = _rest
    return fix_input(_checker, one, open_, choice, target)
