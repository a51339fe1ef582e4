"""Interrupts that wait for the end of a step: a report is never cut in the middle of a finding."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def terminate_as_interrupted() -> None:
    """Let SIGTERM, which ends jobs of CI and of batch systems, end a command as SIGINT does (main thread only)."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Raise `KeyboardInterrupt` behind the block; a second interrupt is not held back (main thread only)."""
    came = 0

    def hold(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came += 1
        if came > 1:
            raise KeyboardInterrupt

    # Those that are ignored, or that somebody else takes, stay as they are.
    held = [
        one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) is signal.default_int_handler
    ]
    for one in held:
        signal.signal(one, hold)
    try:
        yield
    finally:
        for one in held:
            signal.signal(one, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
