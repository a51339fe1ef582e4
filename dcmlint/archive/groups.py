"""The second pass: slides, series, studies and patients, from the facts that were kept of each instance.

Instances that share a link, or are joined by others that do, make a group (`dcmlint.archive.links`); the groups are found
on the disk where memory is short, and are checked by themselves, on the same engine as the files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow as pa

from dcmlint.archive.database import connect, files_of
from dcmlint.archive.engines import Engine
from dcmlint.archive.engines.job import packed, unpacked
from dcmlint.archive.group_unit import not_checked, parts_of
from dcmlint.archive.layout import TOGETHER, Folder
from dcmlint.archive.member_batches import member_batches
from dcmlint.archive.rows import finding_row
from dcmlint.archive.schema import EXPLAINED, FINDINGS
from dcmlint.archive.work import Work
from dcmlint.engine.directory import Directory, check_directories
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.engine.session import Checker
from dcmlint.errors import UsageError
from dcmlint.findings.finding import Finding, OutcomeKind
from dcmlint.profiles.apply import with_profile
from dcmlint.standard.uids import MediaStorageDirectoryStorage

CHECK = "dcmlint.archive.group_unit:check_batch"
_TRIES = 2  # of a group whose process died: somebody may have ended it


def check_groups(
    folder: Folder,
    run: str,
    checker: Checker,
    counts: OutcomeCounts,
    engine: Callable[[], Engine],
    work: Work,
) -> None:
    """Check the groups of a run, write what was found, and count the outcomes.

    ``engine``: gives the engine, if there is anything to check; ``work``: what it does.  A group that takes its process
    with it is a finding.  Raises `UsageError` where memory or room for temporary files is lacking: of the files nothing
    is lost, and the same scan goes on.
    """
    import duckdb

    files = files_of(folder, "facts", run)
    database = connect(sorting=True)
    try:
        with (
            folder.writing("explained", run, TOGETHER) as explained,
            folder.writing("findings", run, TOGETHER) as findings,
        ):
            if files:
                for row in _checked(member_batches(database, files), engine, work):
                    findings(_table(row.column("findings"), FINDINGS))
                    explained(_table(row.column("explained"), EXPLAINED))
                    ends = row.column("outcomes")[0].as_py()
                    counts.add_counted(
                        {}, {}, {(e["rule"], cast(OutcomeKind, e["end"])): e["count"] for e in ends}
                    )
                beside = _of_directories(database, folder, run, checker, counts)
                findings(pa.Table.from_pylist([finding_row(one) for one in beside], FINDINGS))
    except (duckdb.Error, OSError) as error:
        raise UsageError(
            f"the slides and series of {folder.path} cannot be put together ({type(error).__name__}): "
            "there is too little memory, or room for temporary files; the same scan goes on from here"
        ) from None
    finally:
        database.close()


class _Waiting:
    """A batch that is being checked, and what came of it; ``tries``: how often that was begun."""

    def __init__(self, number: int, data: bytes, tries: int = 1) -> None:
        self.number, self.data, self.tries = number, data, tries
        self.result: pa.RecordBatch | None = None


def _checked(
    batches: Iterator[pa.RecordBatch], engine: Callable[[], Engine], work: Work
) -> Iterator[pa.RecordBatch]:
    """The results of batches, in their order; one whose process died is divided, down to a group that stays unchecked."""
    waiting: list[_Waiting] = []

    def submitted(data: bytes, tries: int = 1) -> _Waiting:
        return _Waiting(engine().submit((CHECK, data)), data, tries)

    def take() -> None:
        number, data = engine().next_done()
        (place,) = (place for place, one in enumerate(waiting) if one.number == number)
        one = waiting[place]
        if data is not None:
            one.result = unpacked(data)
            return
        parts = parts_of(unpacked(one.data))
        if len(parts) > 1:
            waiting[place : place + 1] = [submitted(packed(part)) for part in parts]
        elif one.tries < _TRIES:
            waiting[place] = submitted(one.data, one.tries + 1)
        else:
            one.result = not_checked(parts[0], work)

    def ready() -> Iterator[pa.RecordBatch]:
        while waiting and (result := waiting[0].result) is not None:
            waiting.pop(0)
            yield result

    for batch in batches:
        while sum(one.result is None for one in waiting) >= engine().slots:
            take()
        waiting.append(submitted(packed(batch)))
        del batch
        yield from ready()
    while waiting:
        take()
        yield from ready()


def _table(column: Any, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([pa.RecordBatch.from_arrays(column.flatten().flatten(), schema=schema)])


def _of_directories(
    database: Any, folder: Folder, run: str, checker: Checker, counts: OutcomeCounts
) -> list[Finding]:
    """Each DICOMDIR against the files below its folder."""
    result: list[Finding] = []
    rows = database.execute(
        "SELECT path, directory, exempt FROM read_parquet(?) WHERE directory IS NOT NULL ORDER BY path",
        [files_of(folder, "facts", run)],
    ).fetchall()
    for path, names, exempt in rows:
        base = posixpath.dirname(path.replace("\\", "/"))
        paths = database.execute(
            "SELECT path FROM read_parquet(?) WHERE status <> 'skipped' AND sop_class <> ? AND starts_with(path, ?)",
            [files_of(folder, "instances", run), MediaStorageDirectoryStorage, base],
        ).fetchall()
        directory = Directory(path, tuple(names))
        beside = [one for (one,) in paths]
        for _, found, outcome in check_directories(
            [directory], beside, None, checker.active, checker.settings
        ):
            result += with_profile(checker.profile, checker.rules, found, tuple(exempt or ()))
            counts.add(outcome)
    return result
