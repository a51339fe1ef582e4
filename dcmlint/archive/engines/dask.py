"""A cluster of Dask distributed: one that runs already, or one of processes of this machine.

The scheduler holds a bounded number of jobs, whatever the size of the archive.  It repeats a job whose worker was lost; one
that takes several workers with it is given back.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import Any

import msgspec
from distributed import Client, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from dcmlint.archive.engines import Job
from dcmlint.archive.engines.job import run_job
from dcmlint.archive.limits import limit_memory
from dcmlint.archive.work import Work
from dcmlint.engine.processes import worker_count
from dcmlint.errors import DcmlintError, UsageError

_TIMEOUT = 30.0  # seconds that a scheduler has to answer
_AHEAD = 2  # jobs for each worker that the scheduler may hold


class DaskEngine:
    """See `Engine`.  ``address``: of a scheduler, or of a scheduler file; "" for processes of this machine."""

    most = 0  # a scheduler has few large tasks rather than many small ones

    def __init__(self, work: Work, jobs: int, address: str) -> None:
        self._work = msgspec.msgpack.encode(work)
        self._cluster: Any = None
        try:
            if address:
                file = {"scheduler_file": address} if os.path.isfile(address) else {"address": address}
                self._client: Any = Client(**file, timeout=_TIMEOUT, set_as_default=False)
            else:
                self._cluster = LocalCluster(
                    n_workers=worker_count(jobs),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    # What it logs of its own ending, traces of calls too, is of no concern to who scans.
                    silence_logs=logging.WARNING if os.environ.get("DCMLINT_DEBUG") else logging.CRITICAL,
                )
                self._client = Client(self._cluster, set_as_default=False)
                if work.memory_limit:
                    self._client.run(limit_memory, work.memory_limit)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"--engine dask={address}: {type(error).__name__}: no scheduler answers"
            ) from None
        self._jobs: dict[str, int] = {}
        self._futures: Any = as_completed(loop=self._client.loop)
        self._submitted = 0

    @property
    def slots(self) -> int:
        """As many as its workers have threads, and some ahead; it may grow and shrink."""
        threads: int = sum(self._client.nthreads().values())
        return max(2, _AHEAD * threads) + 2

    def submit(self, job: Job) -> int:
        """See `Engine.submit`."""
        name, data = job
        number = self._submitted
        self._submitted += 1
        key = f"dcmlint-{os.getpid()}-{id(self)}-{number}"
        future = self._client.submit(run_job, name, data, self._work, key=key, pure=False)
        self._jobs[key] = number
        self._futures.add(future)
        return number

    def next_done(self) -> tuple[int, bytes | None]:
        """See `Engine.next_done`."""
        future = next(self._futures)
        number = self._jobs.pop(future.key)
        try:
            data: bytes = future.result()
        except KilledWorker:
            return number, None
        except DcmlintError as error:
            raise UsageError(str(error)) from None
        except Exception:  # noqa: BLE001 - out of memory, most likely: the job is given back, in halves
            return number, None
        finally:
            future.release()
        return number, data

    def close(self) -> None:
        """See `Engine.close`."""
        with contextlib.suppress(OSError, TimeoutError):
            self._client.close()
        if self._cluster is not None:
            with contextlib.suppress(OSError, TimeoutError):
                self._cluster.close()
