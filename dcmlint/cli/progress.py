"""A count on standard error for long work, drawn only on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_AFTER = 1.0


@contextmanager
def counter(quiet: bool) -> Iterator[Callable[[], None]]:
    """Gives a function to call after each input; nothing is drawn in the first second."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    started = time.monotonic()
    drawing = False
    done = 0
    status = None

    def tick() -> None:
        nonlocal done, drawing, status
        done += 1
        if not drawing and time.monotonic() - started > _AFTER:
            from rich.console import Console

            drawing = True
            status = Console(stderr=True).status("checking")
            status.start()
        if status is not None and done % 16 == 0:
            status.update(f"{done} inputs checked")

    try:
        yield tick
    finally:
        if status is not None:
            status.stop()
