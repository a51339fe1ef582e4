"""Checks inputs in several processes; results come back in the order of the inputs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, Protocol, TypeVar

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.guard import show_log
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result, Task
from dcmlint.engine.settings import Settings

_CHUNK = 8
_AHEAD = 4


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


T = TypeVar("T", bound=NamedInput)
Open = Callable[[Any], Buffer]

_checker: Checker | None = None
_open: Open | None = None


def _start(settings: Settings, open_: Open) -> None:
    global _checker, _open
    if os.environ.get("DCMLINT_DEBUG"):
        show_log()
    _checker, _open = Checker(settings), open_


def _work(inputs: list[Any]) -> list[Result | None]:
    checker, open_ = _checker, _open
    assert checker is not None
    assert open_ is not None
    return [checker.check(Task(one.path, one.named), partial(open_, one)) for one in inputs]


def worker_count(jobs: int) -> int:
    """The number of processes that ``--jobs`` asks for; 0 means one for each core."""
    if jobs > 0:
        return jobs
    count = getattr(os, "sched_getaffinity", None)
    return len(count(0)) if count is not None else os.cpu_count() or 1


def run_in_processes(
    checker: Checker, inputs: Iterable[T], open_: Open, workers: int
) -> Iterator[tuple[T, Result | None]]:
    """Check inputs in ``workers`` processes, a few chunks ahead of what is taken.

    An input whose process dies (out of memory, killed) is told as one that cannot be read.
    """
    chunks = _chunks(inputs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (checker.settings, open_)) as pool:
        waiting: list[tuple[list[T], Any]] = []
        broken = False
        for chunk in chunks:
            if broken:
                yield from _dead(checker, chunk)
                continue
            try:
                waiting.append((chunk, pool.submit(_work, chunk)))
            except BrokenProcessPool:
                broken = True
                waiting.append((chunk, None))
            while len(waiting) > workers * _AHEAD or (broken and waiting):
                broken = (yield from _take(checker, *waiting.pop(0))) or broken
        for chunk, future in waiting:
            yield from _take(checker, chunk, future)


def _take(checker: Checker, chunk: list[T], future: Any) -> Any:
    try:
        results = None if future is None else future.result()
    except BrokenProcessPool:
        results = None
    if results is None:
        yield from _dead(checker, chunk)
        return True
    yield from zip(chunk, results, strict=True)
    return False


def _dead(checker: Checker, chunk: list[T]) -> Iterator[tuple[T, Result | None]]:
    for one in chunk:
        yield one, checker.unreadable(one.path, CANNOT_OPEN, "not checked: a process of dcmlint died")


def _chunks(inputs: Iterable[T]) -> Iterator[list[T]]:
    chunk: list[T] = []
    for one in inputs:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
