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
from dcmlint.archive.layout import TOGETHER, Folder
from dcmlint.archive.member_batches import member_batches
from dcmlint.archive.rows import finding_row
from dcmlint.archive.schema import EXPLAINED, FINDINGS
from dcmlint.engine.directory import Directory, check_directories
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.engine.session import Checker
from dcmlint.errors import UsageError
from dcmlint.findings.finding import Finding, OutcomeKind
from dcmlint.profiles.apply import with_profile
from dcmlint.standard.uids import MediaStorageDirectoryStorage

CHECK = "dcmlint.archive.group_unit:check_batch"


def check_groups(
    folder: Folder, run: str, checker: Checker, counts: OutcomeCounts, engine: Callable[[], Engine]
) -> None:
    """Check the groups of a run, write what was found, and count the outcomes.

    ``engine``: gives the engine, if there is anything to check.  Raises `UsageError` where a group takes a process with
    it: of the files nothing is lost, and the same scan goes on.
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
                for row in _checked(member_batches(database, files), engine):
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


def _checked(batches: Iterator[pa.RecordBatch], engine: Callable[[], Engine]) -> Iterator[pa.RecordBatch]:
    """The results of batches, in their order."""
    done: dict[int, bytes] = {}
    wanted: list[int] = []
    taken = 0
    running: Engine | None = None

    def take() -> None:
        assert running is not None
        number, data = running.next_done()
        if data is None:
            raise UsageError(
                "a process died over the slides and series of a group: the same scan tries again"
            )
        done[number] = data

    for batch in batches:
        running = running or engine()
        while len(wanted) - taken - len(done) >= running.slots:
            take()
        wanted.append(running.submit((CHECK, packed(batch))))
        while taken < len(wanted) and wanted[taken] in done:
            yield unpacked(done.pop(wanted[taken]))
            taken += 1
    while taken < len(wanted):
        if wanted[taken] in done:
            yield unpacked(done.pop(wanted[taken]))
            taken += 1
        else:
            take()


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
        for _, found, outcome in check_directories([directory], beside, checker.active, checker.settings):
            result += with_profile(checker.profile, checker.rules, found, tuple(exempt or ()))
            counts.add(outcome)
    return result
