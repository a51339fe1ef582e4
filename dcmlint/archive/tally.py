"""Adds up the rows of a run, in DuckDB, without holding them."""

from __future__ import annotations

from typing import Any, cast

from dcmlint.archive.database import connect, files_of
from dcmlint.archive.layout import Folder
from dcmlint.engine.outcomes import OutcomeCounts
from dcmlint.findings.finding import OutcomeKind

_INSTANCES = ("instances", "checked", "partial", "unreadable", "skipped")
# The numbers of a run that `totals_of` gives.
TOTALS = (*_INSTANCES, "keys", "bytes_listed", "errors", "warnings", "infos")


def count_outcomes(folder: Folder, run: str, counts: OutcomeCounts) -> None:
    """Count how the rules ended on the instances of a run."""
    files = files_of(folder, "instances", run)
    if not files:
        return
    database = connect(sorting=True)
    try:
        planned = dict(
            database.execute(
                "SELECT sop_class, count(*) FROM read_parquet(?) WHERE planned GROUP BY ALL", [files]
            ).fetchall()
        )
        ends = database.execute(
            "SELECT planned, pair.key, pair.value, count(*) FROM (SELECT planned, unnest(map_entries(outcomes)) AS pair "
            "FROM read_parquet(?)) GROUP BY ALL",
            [files],
        ).fetchall()
    finally:
        database.close()
    exceptions: dict[tuple[str, OutcomeKind], int] = {}
    others: dict[tuple[str, OutcomeKind], int] = {}
    for of_plan, rule, end, count in ends:
        (exceptions if of_plan else others)[rule, cast(OutcomeKind, end)] = count
    counts.add_counted(planned, exceptions, others)


def totals_of(folder: Folder, run: str) -> dict[str, int]:
    """The numbers of a run's instances by status, and of the findings about single files."""
    files = files_of(folder, "instances", run)
    totals = dict.fromkeys(TOTALS, 0)
    if not files:
        return totals
    database = connect(sorting=True)
    try:
        row: Any = database.execute(
            "SELECT count(*) FILTER (status <> 'skipped'), count(*) FILTER (status = 'checked'), "
            "count(*) FILTER (status = 'partial'), count(*) FILTER (status = 'unreadable'), "
            "count(*) FILTER (status = 'skipped') FROM read_parquet(?)",
            [files],
        ).fetchone()
        totals.update(zip(_INSTANCES, map(int, row), strict=True))
        listed: Any = database.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM read_parquet(?)", [files_of(folder, "keys", run)]
        ).fetchone()
        totals["keys"], totals["bytes_listed"] = map(int, listed)
        found = database.execute(
            "SELECT f.severity, count(*) FROM read_parquet(?) f ANTI JOIN read_parquet(?) e ON e.rule = f.rule AND "
            "e.path = f.path WHERE NOT suppressed GROUP BY ALL",
            [
                [*files_of(folder, "findings", run), str(folder.file("findings", run, "together"))],
                str(folder.file("explained", run, "together")),
            ],
        ).fetchall()
    finally:
        database.close()
    totals.update({f"{severity}s": count for severity, count in found})
    return totals
