"""The second pass: slides, series, studies and patients, from the facts that were kept of each instance.

Instances that share a link, or are joined by others that do, make a group (`dcmlint.archive.links`); the groups are found
in DuckDB, which goes to disk where memory is short, and each is checked by itself.
"""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from dcmlint.archive.layout import TOGETHER, Folder
from dcmlint.archive.rows import finding_row, text
from dcmlint.archive.schema import EXPLAINED, FINDINGS
from dcmlint.engine.directory import Directory, check_directories
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.engine.session import Checker
from dcmlint.engine.together import Members, check_together
from dcmlint.findings.finding import Finding
from dcmlint.profiles.apply import settled, settled_together
from dcmlint.standard.uids import MediaStorageDirectoryStorage

_MEMORY = "1GB"
_BATCH = 4096
# Rows of findings that are held before they are written.
_HELD = 100_000


class Grouped(msgspec.Struct):
    """What the pass found, beside its findings: counts, and the first place of each rule that was undecided or crashed."""

    errors: int = 0
    warnings: int = 0
    infos: int = 0
    crashed: bool = False


def connect(folder: Folder) -> Any:
    """A database in memory that goes to disk beyond a bound, beside the system's temporary files."""
    made = duckdb.connect(":memory:")
    made.execute(f"SET memory_limit = '{_MEMORY}'")
    made.execute("SET temp_directory = ?", [tempfile.gettempdir()])
    made.execute("SET preserve_insertion_order = false")
    made.execute("SET TimeZone = 'UTC'")
    return made


def files_of(folder: Folder, kind: str, run: str) -> list[str]:
    """The files of a run with one kind of rows, shards alone."""
    return [str(folder.file(kind, run, number)) for number in folder.shards(kind, run)]


def check_groups(folder: Folder, run: str, checker: Checker, counts: OutcomeCounts) -> Grouped:
    """Check the groups of a run, write what was found, and count the outcomes."""
    files = files_of(folder, "facts", run)
    made = Grouped()
    findings: list[dict[str, Any]] = []
    explained: list[dict[str, Any]] = []
    database = connect(folder)
    try:
        if files:
            _label(database, files)
            for members, exempt in _groups(database):
                found = check_together(members, checker.planner.together, checker.settings)
                for outcomes in found.outcomes:
                    counts.add(outcomes)
                    made.crashed = made.crashed or "error" in outcomes.values()
                findings += _noted(settled_together(checker.profile, found.findings, exempt), made)
                explained += [{"rule": rule, "path": text(path)} for rule, path in sorted(found.explained)]
            findings += _noted(_of_directories(database, folder, run, checker, counts), made)
    finally:
        database.close()
    folder.write("explained", run, TOGETHER, pa.Table.from_pylist(explained, EXPLAINED))
    folder.write("findings", run, TOGETHER, pa.Table.from_pylist(findings, FINDINGS))
    return made


def _noted(findings: list[Finding], made: Grouped) -> Iterator[dict[str, Any]]:
    for finding in findings:
        if not finding.suppressed:
            made.errors += finding.severity == "error"
            made.warnings += finding.severity == "warning"
            made.infos += finding.severity == "info"
        yield finding_row(finding)


def _label(database: Any, files: list[str]) -> None:
    """Give each member the label of its group: the least number among those that links join."""
    database.execute(
        "CREATE TABLE member AS SELECT row_number() OVER () AS id, path, filename AS file, file_row_number AS row, links "
        "FROM read_parquet(?, filename = true, file_row_number = true) WHERE octet_length(kept) > 0",
        [files],
    )
    database.execute("CREATE TABLE edge AS SELECT id, unnest(links) AS link FROM member")
    # A link of one member joins nothing.
    database.execute(
        "DELETE FROM edge WHERE link IN (SELECT link FROM edge GROUP BY link HAVING count(*) = 1)"
    )
    database.execute("CREATE TABLE label AS SELECT id, id AS label FROM member")
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
    database.execute("CREATE TABLE files AS SELECT unnest(?) AS file", [files])


def _groups(database: Any) -> Iterator[tuple[Members, dict[str, tuple[int, ...]]]]:
    """Each group: its members, and the exceptions of the profile that match them."""
    files = [row[0] for row in database.execute("SELECT file FROM files").fetchall()]
    reader = database.sql(
        "SELECT label, f.path, f.kept, f.exempt FROM read_parquet(?, filename = true, file_row_number = true) f "
        "JOIN member m ON m.file = f.filename AND m.row = f.file_row_number JOIN label USING (id) ORDER BY label, f.path",
        params=[files],
    ).to_arrow_reader(_BATCH)
    current: int | None = None
    members, exempt = Members(), dict[str, tuple[int, ...]]()
    for batch in reader:
        for row in batch.to_pylist():
            if row["label"] != current:
                if current is not None:
                    yield members, exempt
                current, members, exempt = row["label"], Members(), {}
            members.append(row["kept"])
            if row["exempt"]:
                exempt[row["path"]] = tuple(row["exempt"])
    if current is not None:
        yield members, exempt


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
            result += settled(checker.profile, checker.rules, found, tuple(exempt or ()))
            counts.add(outcome)
    return result
