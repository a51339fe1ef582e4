"""The second pass: slides, series, studies and patients, from the facts that were kept of each instance.

Instances that share a link, or are joined by others that do, make a group (`dcmlint.archive.links`); the groups are found
in DuckDB, which goes to disk where memory is short, and are checked by themselves, on the same engine as the files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any, cast

import pyarrow as pa

from dcmlint.archive.database import connect, files_of, rows_of
from dcmlint.archive.engines import Engine
from dcmlint.archive.engines.job import packed, unpacked
from dcmlint.archive.group_unit import MEMBERS
from dcmlint.archive.layout import TOGETHER, Folder
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
# Members that go to a process together, where groups are smaller; rows that are read at a time.
_BATCH = 4096
_TOGETHER = 20_000  # members that are put in order at a time, where groups are smaller


def check_groups(
    folder: Folder, run: str, checker: Checker, counts: OutcomeCounts, engine: Callable[[], Engine]
) -> None:
    """Check the groups of a run, write what was found, and count the outcomes.

    ``engine``: gives the engine, if there is anything to check.  Raises `UsageError` where a group takes a process with
    it: of the files nothing is lost, and the same scan goes on.
    """
    import duckdb

    files = files_of(folder, "facts", run)
    database = connect(rows_of(files))
    try:
        with (
            folder.writing("explained", run, TOGETHER) as explained,
            folder.writing("findings", run, TOGETHER) as findings,
        ):
            if files:
                _label(database, files)
                for row in _checked(_batches(database, files), engine):
                    findings(_table(row.column("findings"), FINDINGS))
                    explained(_table(row.column("explained"), EXPLAINED))
                    ends = row.column("outcomes")[0].as_py()
                    counts.add_counted(
                        {}, {}, {(e["rule"], cast(OutcomeKind, e["end"])): e["count"] for e in ends}
                    )
                beside = _of_directories(database, folder, run, checker, counts)
                findings(pa.Table.from_pylist([finding_row(one) for one in beside], FINDINGS))
    except duckdb.Error as error:
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


def _label(database: Any, files: list[str]) -> None:
    """Give each member the label of its group: the least number among those that links join.

    The number of a member is that of its file and of its row, so that nothing else need be kept of it.
    """
    database.execute(
        "CREATE TABLE shard AS SELECT unnest($files) AS file, unnest(range(len($files))) AS number",
        {"files": files},
    )
    database.execute(
        f"CREATE TABLE edge AS SELECT {_NUMBER} AS id, unnest(links) AS link FROM {_FACTS} WHERE octet_length(kept) > 0",
        [files],
    )
    # A link of one member joins nothing.
    database.execute(
        "DELETE FROM edge WHERE link IN (SELECT link FROM edge GROUP BY link HAVING count(*) = 1)"
    )
    database.execute(
        f"CREATE TABLE label AS SELECT {_NUMBER} AS id, id AS label FROM {_FACTS} WHERE octet_length(kept) > 0",
        [files],
    )
    while True:
        database.execute(
            "CREATE TABLE next AS SELECT l.id, least(l.label, coalesce(min(low.label), l.label)) AS label FROM label l "
            "LEFT JOIN edge e USING (id) LEFT JOIN (SELECT link, min(label) AS label FROM edge JOIN label USING (id) "
            "GROUP BY link) low USING (link) GROUP BY l.id, l.label"
        )
        changed = database.execute(
            "SELECT count(*) FROM next JOIN label USING (id) WHERE next.label <> label.label"
        ).fetchone()[0]
        database.execute("DROP TABLE label")
        database.execute("ALTER TABLE next RENAME TO label")
        if not changed:
            break
    # In the order of the groups: those of a range are found without a look at the others.
    database.execute("CREATE TABLE placed AS SELECT label, id FROM label ORDER BY label, id")
    database.execute("DROP TABLE label")
    database.execute("DROP TABLE edge")


_FACTS = "read_parquet(?, filename = true, file_row_number = true) f JOIN shard s ON s.file = f.filename"
_NUMBER = "(s.number << 32) + f.file_row_number"


def _batches(database: Any, files: list[str]) -> Iterator[pa.RecordBatch]:
    """Whole groups, some together where they are small, as batches of `MEMBERS`."""
    rows: list[dict[str, Any]] = []
    for low, high in _ranges(database):
        numbers = database.execute(
            "SELECT DISTINCT id >> 32 FROM placed WHERE label BETWEEN ? AND ?", [low, high]
        ).fetchall()
        reader = database.sql(
            f'SELECT label AS "group", f.path, f.kept, f.exempt FROM {_FACTS} '
            f"JOIN (SELECT id, label FROM placed WHERE label BETWEEN ? AND ?) p ON p.id = {_NUMBER} ORDER BY label, f.path",
            params=[[files[number] for (number,) in sorted(numbers)], low, high],
        ).to_arrow_reader(_BATCH)
        for batch in reader:
            for row in batch.to_pylist():
                if len(rows) >= _BATCH and row["group"] != rows[-1]["group"]:
                    yield pa.RecordBatch.from_pylist(rows, MEMBERS)
                    rows = []
                rows.append(row)
    if rows:
        yield pa.RecordBatch.from_pylist(rows, MEMBERS)


def _ranges(database: Any) -> Iterator[tuple[int, int]]:
    """First and last label of groups that are read together: their facts are in memory to be put in order."""
    sizes = database.cursor().execute("SELECT label, count(*) FROM placed GROUP BY label ORDER BY label")
    low = high = held = 0
    while found := sizes.fetchmany(_BATCH):
        for label, size in found:
            if held and held + size > _TOGETHER:
                yield low, high
                held = 0
            low = low if held else label
            high, held = label, held + size
    if held:
        yield low, high


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
