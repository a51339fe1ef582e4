"""Whether somebody still writes a file that seems to be whole."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path


def is_being_written(path: Path) -> bool:
    """Whether a process of this machine has a file open for writing; False where the system cannot say (Linux only, and a
    file of the same user)."""
    try:
        import fcntl

        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (ImportError, OSError):
        return False
    try:
        # A lease to read is only given where nobody writes. Who opens the file meanwhile waits until it is given back, and
        # the signal that tells us of them is one that does nothing (the usual one ends a process).
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except AttributeError:
        return False
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(fd)
    return False
