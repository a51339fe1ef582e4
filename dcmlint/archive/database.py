"""DuckDB, as the scan and the questions use it."""

from __future__ import annotations

import tempfile
from typing import Any

from dcmlint.archive.layout import Folder

# What it may take before it goes to the disk: a scan of a million objects takes no more than one of ten thousand.
_SPARING, _MEMORY, _THREADS = "256MB", "1GB", 2


def connect(*, sparing: bool = True) -> Any:
    """A database in memory that goes to the system's temporary files beyond a bound; ``sparing``: a low one."""
    import duckdb  # which takes as long to load as a scan in which nothing changed

    made = duckdb.connect(":memory:")
    made.execute(f"SET memory_limit = '{_SPARING if sparing else _MEMORY}'")
    if sparing:
        made.execute(f"SET threads = {_THREADS}")
    made.execute("SET temp_directory = ?", [tempfile.gettempdir()])
    made.execute("SET preserve_insertion_order = false")
    made.execute("SET TimeZone = 'UTC'")
    return made


def files_of(folder: Folder, kind: str, run: str) -> list[str]:
    """The files of a run with one kind of rows, those of shards alone."""
    return [str(folder.file(kind, run, number)) for number in folder.shards(kind, run)]
