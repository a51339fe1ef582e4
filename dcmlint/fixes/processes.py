"""Repairs many inputs in processes: one for each core, where there are enough files to be worth it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.fixes.across import Together
from dcmlint.fixes.choice import EVERYTHING, Choice
from dcmlint.fixes.run import Outcome, Places, Taken, Target, Writes, fix_input
from dcmlint.fixes.spared import Place
from dcmlint.forking import begun, can_fork, leave_signals_to_parent
from dcmlint.sources.input import Input

Open = Callable[[Input], Buffer]

# With fewer files the start of processes costs more than they save.
_WORTH = 48
_AHEAD = 8  # inputs of each process that are on their way
_HELD = 64 << 20  # bytes of inputs in memory, or in temporary files, that are on their way


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one input: ``writes``, ``apart`` as in `fix_input`; ``withheld``: parts that may not be done, and why."""

    withheld: Mapping[Place, str] = {}
    writes: Writes = "unseen"
    apart: bool = False


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
        for one, taken in _taken(runner, ((one, Ask()) for one in chain(first, inputs)), Places(target)):
            together.add(taken)
            if taken.waits:
                waiting.append(one)
            else:
                yield taken.outcome
                one.discard()
        if waiting:
            withheld = _withheld(runner, together, waiting, choice, target)
            asked = ((one, Ask(withheld=withheld.get(one.path, {}), writes="always")) for one in waiting)
            for one, taken in _taken(runner, asked, Places(target)):
                yield taken.outcome
                one.discard()
    finally:
        for one in waiting:
            one.discard()
        runner.close()


def _withheld(
    runner: _Here | _Pool, together: Together, waiting: Sequence[Input], choice: Choice, target: Target
) -> dict[str, Mapping[Place, str]]:
    """Of the files that wait the parts of their changes after which a rule about several files would fail."""
    paths = [one.path for one in waiting]
    reasons = together.withheld(paths)
    if not reasons:
        return {}
    if choice.renamed:  # else references would name an instance that stays as it was
        reason = next(iter(reasons.values()))
        return {path: {EVERYTHING: reason} for path in paths}
    blamed = [one for one in waiting if one.path in reasons]
    apart = _taken(runner, ((one, Ask(writes="never", apart=True)) for one in blamed), Places(target))
    parts = together.to_blame(paths, {one.path: taken.parts for one, taken in apart})
    again = ((one, Ask(withheld=parts.get(one.path, {}), writes="never")) for one in blamed)
    for _, taken in _taken(runner, again, Places(target)):
        together.add(taken)
    everything = {path: {EVERYTHING: reason} for path, reason in together.withheld(paths).items()}
    return {**parts, **everything}


def _taken(
    runner: _Here | _Pool, asked: Iterable[tuple[Input, Ask]], places: Places
) -> Iterator[tuple[Input, Taken]]:
    """What comes of inputs, in their order."""
    under_way: deque[tuple[Input, Future[Taken] | Taken]] = deque()
    held = 0
    for one, ask in asked:
        wrong = places.taken(one)
        under_way.append((one, runner.submit(one, ask) if wrong is None else Taken(outcome=wrong)))
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

    def submit(self, one: Input, ask: Ask) -> Taken:
        """Repair an input."""
        return _repaired(*self._arguments, one, ask)

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
        return begun(self._workers, can_fork(), _start, self._arguments)

    def submit(self, one: Input, ask: Ask) -> Future[Taken]:
        """Begin with an input."""
        try:
            return self._executor.submit(_work, one, ask)
        except BrokenProcessPool:
            self.close()
            self._executor = self._made()
            return self._executor.submit(_work, one, ask)

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


def _repaired(checker: Checker, open_: Open, choice: Choice, target: Target, one: Input, ask: Ask) -> Taken:
    if ask.withheld:
        choice = msgspec.structs.replace(choice, withheld={one.path: ask.withheld})
    return fix_input(checker, one, open_, choice, target, writes=ask.writes, apart=ask.apart)


_checker: Checker | None = None
_rest: tuple[Open, Choice, Target] | None = None


def _start(settings: Settings, open_: Open, choice: Choice, target: Target) -> None:
    global _checker, _rest
    leave_signals_to_parent()  # what is begun becomes whole
    _checker, _rest = Checker(settings), (open_, choice, target)


def _work(one: Input, ask: Ask) -> Taken:
    assert _checker is not None
    assert _rest is not None
    return _repaired(_checker, *_rest, one, ask)
