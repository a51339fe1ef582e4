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

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.fixes.across import Together
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.run import Outcome, Places, Taken, Target, fix_input
from dcmlint.sources.input import Input

Open = Callable[[Input], Buffer]

# With fewer files the start of processes costs more than they save.
_WORTH = 48
_AHEAD = 8  # inputs of each process that are on their way
_HELD = 64 << 20  # bytes of inputs in memory, or in temporary files, that are on their way


def fix_many(
    checker: Checker, inputs: Iterable[Input], open_: Open, choice: Choice, target: Target, jobs: int = 0
) -> Iterator[Outcome]:
    """The outcomes in the order of the inputs; ``jobs`` 0: one process for each core, if there are many inputs.

    Files of which rules about slides and series see a change are repaired at the end, when all files are known.
    """
    inputs = iter(inputs)
    first = list(islice(inputs, _WORTH))
    workers = jobs or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    runner: _Here | _Pool
    if workers == 1 or len(first) < _WORTH:
        runner = _Here(checker, open_, choice, target)
    else:
        runner = _Pool(workers, checker.settings, open_, choice, target)
    together, waiting = Together(checker), list[Input]()
    try:
        for one, taken in _taken(runner, ((one, None) for one in chain(first, inputs)), Places(target)):
            together.add(taken)
            if taken.waits:
                waiting.append(one)
            else:
                yield taken.outcome
                one.discard()
        if waiting:
            reasons = together.withheld([one.path for one in waiting])
            if reasons and choice.renamed:  # else references would name an instance that stays as it was
                reasons = dict.fromkeys((one.path for one in waiting), next(iter(reasons.values())))
            for one, taken in _taken(
                runner, ((one, reasons.get(one.path, "")) for one in waiting), Places(target)
            ):
                yield taken.outcome
                one.discard()
    finally:
        for one in waiting:
            one.discard()
        runner.close()


def _taken(
    runner: _Here | _Pool, asked: Iterable[tuple[Input, str | None]], places: Places
) -> Iterator[tuple[Input, Taken]]:
    """What comes of inputs, in their order; with each why it is withheld, None: it waits for the others."""
    under_way: deque[tuple[Input, Future[Taken] | Taken]] = deque()
    held = 0
    for one, reason in asked:
        wrong = places.taken(one)
        under_way.append((one, runner.submit(one, reason) if wrong is None else Taken(outcome=wrong)))
        held += one.held
        while len(under_way) > runner.ahead or held > _HELD:
            held -= under_way[0][0].held
            yield under_way[0][0], runner.result(*under_way.popleft())
    while under_way:
        yield under_way[0][0], runner.result(*under_way.popleft())


class _Here:
    """This process, one input after the other."""

    ahead = 0

    def __init__(self, checker: Checker, open_: Open, choice: Choice, target: Target) -> None:
        self._arguments = checker, open_, choice, target

    def submit(self, one: Input, reason: str | None) -> Taken:
        """Repair an input."""
        return _repaired(*self._arguments, one, reason)

    def result(self, one: Input, done: Future[Taken] | Taken) -> Taken:
        """What came of it."""
        assert isinstance(done, Taken)
        return done

    def close(self) -> None:
        """Nothing."""


class _Pool:
    """Processes that are made anew when one of them dies."""

    def __init__(self, workers: int, settings: Settings, open_: Open, choice: Choice, target: Target) -> None:
        self._workers, self._arguments = workers, (settings, open_, choice, target)
        self.ahead = workers * _AHEAD
        self._executor = self._made()

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _start, self._arguments)

    def submit(self, one: Input, reason: str | None) -> Future[Taken]:
        """Begin with an input."""
        try:
            return self._executor.submit(_work, one, reason)
        except BrokenProcessPool:
            self.close()
            self._executor = self._made()
            return self._executor.submit(_work, one, reason)

    def result(self, one: Input, waiting: Future[Taken] | Taken) -> Taken:
        """What came of an input; it is left alone where the process that was at it died."""
        try:
            return waiting if isinstance(waiting, Taken) else waiting.result()
        except BrokenProcessPool:
            reason = "the process that repaired it died: run it again"
            return Taken(outcome=Outcome(path=one.path, status="failed", reason=reason))

    def close(self) -> None:
        """End the processes, without what they have not begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _repaired(
    checker: Checker, open_: Open, choice: Choice, target: Target, one: Input, reason: str | None
) -> Taken:
    if reason:
        choice = msgspec.structs.replace(choice, withheld={one.path: reason})
    return fix_input(checker, one, open_, choice, target, waits=reason is None)


_checker: Checker | None = None
_rest: tuple[Open, Choice, Target] | None = None


def _start(settings: Settings, open_: Open, choice: Choice, target: Target) -> None:
    global _checker, _rest
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the run; what is begun becomes whole
    _checker, _rest = Checker(settings), (open_, choice, target)


def _work(one: Input, reason: str | None) -> Taken:
    assert _checker is not None
    assert _rest is not None
    return _repaired(_checker, *_rest, one, reason)
