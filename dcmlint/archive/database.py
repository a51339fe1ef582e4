"""DuckDB, as the scan and the questions use it."""

from __future__ import annotations

import tempfile
from typing import Any

from dcmlint.archive.layout import Folder

# What a scan may take before it goes to the disk: the same up to a million members, then more for each.
_LEAST, _EACH, _THREADS = 256 << 20, 256, 2
_QUERIES = 1 << 30  # bytes, for questions of somebody


def connect(members: int | None = None) -> Any:
    """A database in memory that goes to the system's temporary files beyond a bound.

    ``members``: for the work of a scan on as many instances; None: for questions.
    """
    import duckdb  # which takes as long to load as a scan in which nothing changed

    made = duckdb.connect(":memory:")
    memory = _QUERIES if members is None else max(_LEAST, members * _EACH)
    made.execute(f"SET memory_limit = '{memory >> 20}MiB'")
    if members is not None:
        made.execute(f"SET threads = {_THREADS}")
    made.execute("SET temp_directory = ?", [tempfile.gettempdir()])
    made.execute("SET preserve_insertion_order = false")
    made.execute("SET TimeZone = 'UTC'")
    return made


def rows_of(files: list[str]) -> int:
    """How many rows there are in Parquet files."""
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(file).num_rows for file in files)


def files_of(folder: Folder, kind: str, run: str) -> list[str]:
    """The files of a run with one kind of rows, those of shards alone."""
    return [str(folder.file(kind, run, number)) for number in folder.shards(kind, run)]
