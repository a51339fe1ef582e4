"""Whether processes of work may be copies of this one, which begin with all that it has loaded."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

# Threads of libraries that take care of forks themselves.
_HARMLESS = {"jemalloc_bg_thd"}


def can_fork() -> bool:
    """Whether a fork of this process is safe: Linux, and no thread but this one.

    What is forked from several threads may wait forever for a lock that none of its threads holds.
    """
    if sys.platform != "linux" or not hasattr(os, "pidfd_open") or threading.active_count() > 1:
        return False
    try:
        tasks = Path("/proc/self/task")
        names = [
            (task / "comm").read_text().strip() for task in tasks.iterdir() if int(task.name) != os.getpid()
        ]
    except OSError:
        return False
    return set(names) <= _HARMLESS


def begun(
    workers: int, forked: bool, start: Callable[..., None], arguments: tuple[Any, ...]
) -> ProcessPoolExecutor:
    """Processes of work, each of which has called ``start``: copies of this one (see `can_fork`), or begun from nothing.

    Copies are made at once: a listing that begins later may have threads of its own.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("fork" if forked else "spawn")
    made = ProcessPoolExecutor(workers, context, start, arguments)
    if forked:
        made.submit(int)
    return made


def leave_signals_to_parent() -> None:
    """In a process of work: the parent answers Ctrl-C with the report of what is done, and its handlers are its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
