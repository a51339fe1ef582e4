"""A folder for what is being received, of one process alone, which nothing outlives."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = ".dcmlint-incoming-"


@contextmanager
def incoming_folder(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent``, removed in the end; those that a process left which was killed are removed first.

    A folder in use is locked; what lies in one that is not was never acknowledged to its sender.  Raises `OSError`.
    """
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_unused(left)
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    lock = lock_folder(made)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_unused(folder: Path) -> None:
    try:
        lock = lock_folder(folder)
    except BlockingIOError:
        return  # in use
    if lock is None:
        return  # there is no telling
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def lock_folder(folder: Path) -> int | None:
    """A descriptor that holds the lock of a folder; None where locks are not to be had.  Raises `BlockingIOError` where
    another process holds it."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise
    except OSError:
        os.close(fd)
        return None
    return fd
