"""The command has no threads of libraries: a process that has some cannot be forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_THREADS = """
import os, dcmlint.cli.__main__ as command, dcmlint.cli.app as app

def run():
    import numpy
    print(os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task")))
    return 0

app.run = run
command.main()
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted by /proc")
@pytest.mark.parametrize("asked", ["", "2"])
def test_numpy_begins_threads_only_when_asked_to(asked: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    environment |= {"OPENBLAS_NUM_THREADS": asked} if asked else {}
    done = subprocess.run(
        [sys.executable, "-c", _THREADS], env=environment, capture_output=True, text=True, check=True
    )
    told, threads = done.stdout.split()
    assert told == (asked or "1")
    assert asked or threads == "1"
