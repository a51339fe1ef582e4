"""DuckDB, as the scan and the questions use it."""

from __future__ import annotations

import tempfile
from typing import Any

from dcmlint.archive.layout import Folder

# What DuckDB may take before it goes to the disk (bytes): for the work of a scan, and for questions of somebody.
_SCAN, _QUERIES = 64 << 20, 1 << 30


def connect(*, sorting: bool = False) -> Any:
    """A database in memory that goes to the system's temporary files beyond a bound.

    ``sorting``: for the work of a scan, which sorts and adds up, in little memory.
    """
    import duckdb  # which takes as long to load as a scan in which nothing changed

    made = duckdb.connect(":memory:")
    made.execute(f"SET memory_limit = '{(_SCAN if sorting else _QUERIES) >> 20}MiB'")
    if sorting:
        made.execute("SET threads = 1")  # each has buffers of its own
    made.execute("SET temp_directory = ?", [tempfile.gettempdir()])
    made.execute("SET preserve_insertion_order = false")
    made.execute("SET TimeZone = 'UTC'")
    return made


def files_of(folder: Folder, kind: str, run: str) -> list[str]:
    """The files of a run with one kind of rows, those of shards alone."""
    return [str(folder.file(kind, run, number)) for number in folder.shards(kind, run)]
