"""Processes that check: what each of them holds, and what becomes of inputs when one of them dies.

A module of its own, since it imports what a run in one process does not need.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from dcmlint.dicom.buffers import Buffer
from dcmlint.engine.guard import show_log
from dcmlint.engine.session import Checker, Result, task_of
from dcmlint.engine.settings import Settings
from dcmlint.forking import begun, can_fork, leave_signals_to_parent

Open = Callable[[Any], Buffer]

_checker: Checker | None = None
_open: Open | None = None


def _start(settings: Settings, open_: Open) -> None:
    global _checker, _open
    if os.environ.get("DCMLINT_DEBUG"):
        show_log()
    leave_signals_to_parent()
    _checker, _open = Checker(settings), open_


def _start_here(checker: Checker, open_: Open) -> None:
    """Begin with what the process that forked has."""
    global _checker, _open
    leave_signals_to_parent()
    _checker, _open = checker, open_


def _work(inputs: list[Any]) -> list[Result]:
    checker, open_ = _checker, _open
    assert checker is not None
    assert open_ is not None
    return [checker.check(task_of(one), partial(open_, one)) for one in inputs]


class Pool:
    """Processes that are made anew when one of them dies: copies of this one where that is safe (see `can_fork`).

    ``forked``: copies in any case.
    """

    def __init__(self, checker: Checker, open_: Open, workers: int, *, forked: bool = False) -> None:
        self._checker, self._open, self._workers, self._forked = checker, open_, workers, forked
        self._executor = self._made()

    def _made(self) -> ProcessPoolExecutor:
        if self._forked or can_fork():
            return begun(self._workers, True, _start_here, (self._checker, self._open))
        return begun(self._workers, False, _start, (self._checker.settings, self._open))

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


def results_of(future: Future[list[Result]] | None) -> list[Result] | None:
    """What came of a chunk; None where its process has died."""
    try:
        return None if future is None else future.result()
    except BrokenProcessPool:
        return None
