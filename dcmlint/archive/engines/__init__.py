"""What runs the unit of work: processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from dcmlint.archive.work import Work
from dcmlint.errors import UsageError

# A function from a batch and the work to a batch, by its name "module:function", and the batch as Arrow IPC.
Job = tuple[str, bytes]


class Engine(Protocol):
    """Runs jobs anywhere, a bounded number at a time.  A job whose process dies is given back as None."""

    @property
    def slots(self) -> int:
        """How many jobs may be under way when another shard is begun."""
        ...

    @property
    def most(self) -> int:
        """The most objects of a job, 0: a whole shard."""
        ...

    def submit(self, job: Job) -> int:
        """Begin a job; gives its number."""
        ...

    def next_done(self) -> tuple[int, bytes | None]:
        """Wait for a job: its number and its batch as Arrow IPC, None where its process died.

        Raises what the job raised: a `DcmlintError`, since nothing else leaves it.
        """
        ...

    def close(self) -> None:
        """End, without what has not begun."""
        ...


def open_engine(name: str, work: Work, jobs: int) -> Engine:
    """``local``, or ``dask`` and ``dask=SCHEDULER``; ``jobs``: processes of this machine, 0 for one a core."""
    kind, _, address = name.partition("=")
    made: dict[str, Callable[[], Any]] = {
        "local": lambda: _local(work, jobs),
        "dask": lambda: _dask(work, jobs, address),
    }
    if kind not in made or (address and kind != "dask"):
        raise UsageError(f"--engine {name}: local, dask or dask=SCHEDULER")
    engine: Engine = made[kind]()
    return engine


def _local(work: Work, jobs: int) -> Engine:
    from dcmlint.archive.engines.local import LocalEngine
    from dcmlint.engine.processes import worker_count

    return LocalEngine(work, worker_count(jobs))


def _dask(work: Work, jobs: int, address: str) -> Engine:
    try:
        from dcmlint.archive.engines.dask import DaskEngine
    except ImportError:
        raise UsageError("--engine dask needs Dask distributed: pip install 'dcmlint[archive]'") from None
    return DaskEngine(work, jobs, address)
