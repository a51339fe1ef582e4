"""Progress on standard error for long work, drawn only on a terminal: done, rate, and, once listed, the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_AFTER = 1.0
_EVERY = 0.2  # seconds between two drawings


@contextmanager
def counter(quiet: bool, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Gives a function to call after each input, or with the number of those that are done or listed; nothing is drawn in the first second.

    ``total``: the number of inputs, where it is known; then the remaining time is shown.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda count=1, listed=0: None
        return
    started = time.monotonic()
    done = 0
    bar: Any = None
    task: Any = None

    drawn = started

    def tick(count: int = 1, listed: int = 0) -> None:
        nonlocal done, bar, task, drawn, total
        done += count
        if listed:
            total = (total or 0) + listed
            return
        now = time.monotonic()
        if bar is None and now - started > _AFTER:
            bar, task = _bar(total)
        if bar is not None and (now - drawn > _EVERY or done == total):
            drawn = now
            bar.update(task, completed=done, total=total, rate=f"{done / (now - started):.0f}/s")

    try:
        yield tick
    finally:
        if bar is not None:
            bar.stop()


def _bar(total: int | None) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("checking"), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")]
    if total is not None:
        columns += [BarColumn(), TimeRemainingColumn()]
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("checking", total=total, rate="")
    bar.start()
    return bar, task


def total_of(paths: list[str], quiet: bool, most: int = 200_000) -> int | None:
    """How many files there are below some paths, where that is quick to say and somebody looks; None otherwise.

    Archives are not opened for it: their members make the number too small, so there is none then.
    """
    import os

    if quiet or not sys.stderr.isatty():
        return None
    count = 0
    for path in paths:
        if not os.path.isdir(path):
            if path == "-" or path.lower().endswith((".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2")):
                return None
            count += 1
            continue
        for _, _, names in os.walk(path):
            count += len(names)
            if count > most or any(name.lower().endswith((".zip", ".tar", ".tgz")) for name in names):
                return None
    return count
