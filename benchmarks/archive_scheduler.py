"""Measures the memory of Dask's scheduler, and of the client, while as many shards as of a large archive pass through.

    python benchmarks/archive_scheduler.py [--shards 500 5000] [--workers 2]

The jobs are those of `dcmlint.archive.engines.dask`, by the same rule for how many are under way; instead of checking, a worker
gives back as many bytes as the results of a shard of 2,000 CT images have. A job's batch has the size of 2,000 keys. 500 shards are
10⁶ objects. The scheduler is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

_KEYS = 60_000  # bytes of a packed batch of 2,000 keys
_MIB = 1024
_RESULT = int(os.environ.get("RESULT_BYTES", "1200000"))


def echo(batch: object, work: object) -> object:
    """What a worker does instead of checking: a batch of one row that cannot be compressed."""
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({"bytes": [secrets.token_bytes(_RESULT)]})


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, int]]:
    """A scheduler and its workers: the file that says where it is, and its process."""
    with tempfile.TemporaryDirectory() as place:
        file = f"{place}/scheduler.json"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
        start = [
            sys.executable,
            "-m",
            "distributed.cli.dask_scheduler",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            file,
        ]
        scheduler = subprocess.Popen(start, **quiet)  # type: ignore[call-overload]
        start = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", file, "--nworkers", str(workers),
                 "--nthreads", "1", "--no-dashboard"]  # fmt: skip
        others = subprocess.Popen(start, **quiet)  # type: ignore[call-overload]
        try:
            while not Path(file).exists():
                time.sleep(0.1)
            yield file, scheduler.pid
        finally:
            for process in (others, scheduler):
                process.terminate()
                process.wait()


def memory(pid: int, name: str = "VmRSS") -> float:
    """Memory of a process (MiB): now, or at most (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / _MIB


def measure(shards: int, workers: int) -> str:
    """Pass so many shards through a new cluster."""
    import pyarrow as pa

    from dcmlint.archive.engines import open_engine
    from dcmlint.archive.engines.job import packed
    from dcmlint.archive.work import Work

    with cluster(workers) as (file, scheduler):
        engine = open_engine(f"dask={file}", Work(), 1)
        while engine.slots < 2 * workers + 2:
            time.sleep(0.1)
        job = (
            "archive_scheduler:echo",
            packed(pa.RecordBatch.from_pydict({"keys": [secrets.token_bytes(_KEYS)]})),
        )
        before, here = memory(scheduler), memory(os.getpid())
        start = time.perf_counter()
        waiting = most = 0
        for _ in range(shards):
            while waiting >= engine.slots:
                engine.next_done()
                waiting -= 1
            engine.submit(job)
            waiting += 1
            most = max(most, waiting)
        while waiting:
            engine.next_done()
            waiting -= 1
        seconds = time.perf_counter() - start
        now, peak = memory(scheduler), memory(scheduler, "VmHWM")
        client = memory(os.getpid(), "VmHWM")
        engine.close()
    return (
        f"| {shards} shards, {most} under way at most | scheduler {before:.0f} MiB before, {now:.0f} after, {peak:.0f} at most; "
        f"client {here:.0f} before, {client:.0f} at most; {1e3 * seconds / shards:.1f} ms each |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shards", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    for shards in arguments.shards:
        print(measure(shards, arguments.workers), flush=True)


if __name__ == "__main__":
    main()
