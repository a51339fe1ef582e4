"""Asks questions of a folder of results, in SQL (DuckDB).

The views: ``runs``, ``instances``, ``findings`` (without those that follow from others), ``outcomes``, ``keys``; each but
``runs`` has the column ``run``.  The SQL can read these files and nothing else, and writes nothing.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from dcmlint.archive.database import connect
from dcmlint.archive.layout import KINDS, Folder
from dcmlint.archive.questions import QUESTIONS
from dcmlint.archive.schema import RUNS
from dcmlint.errors import UsageError, did_you_mean

_VIEWS = ("instances", "findings", "outcomes", "keys")


class Results:
    """The results of one folder, open for questions.

    ``run``: the one that ready questions look at: an id or its beginning, "" for the newest.  Raises `UsageError`.
    """

    def __init__(self, folder: Folder, run: str = "") -> None:
        self._database = connect()
        rows = folder.runs()
        if not rows:
            raise UsageError(f"{folder.path} contains no run")
        chosen = [row for row in rows if row["run"].startswith(run)] if run else rows
        if not chosen:
            raise UsageError(f"--run {run}: no such run; the newest is {rows[-1]['run']}")
        self.row = chosen[-1]
        self.runs = rows
        earlier = [
            row for row in rows[: rows.index(self.row)]
            if (row["source"], row["profile"]) == (self.row["source"], self.row["profile"])
        ]  # fmt: skip
        self.before: str = earlier[-1]["run"] if earlier else ""
        self._views(folder)

    def ask(self, question: str) -> pa.Table:
        """The answer to a ready question, or to a statement in SQL.  Raises `UsageError`."""
        known = QUESTIONS.get(question)
        if known is None and " " not in question.strip():
            raise UsageError(
                f"{question} is not a question: {did_you_mean(question, QUESTIONS, 'known: ' + ', '.join(QUESTIONS))}"
            )
        sql = question if known is None else known.sql
        given = {"run": self.row["run"], "before": self.before}
        try:
            statement = duckdb.extract_statements(sql)
            wanted = {name: value for name, value in given.items() if f"${name}" in sql}
            if len(statement) != 1 or statement[0].type != duckdb.StatementType.SELECT:
                raise UsageError("only one SELECT statement is allowed")
            found: pa.Table = self._database.sql(sql, params=wanted).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(f"SQL: {str(error).splitlines()[0]}") from None
        return found

    def close(self) -> None:
        """End."""
        self._database.close()

    def _views(self, folder: Folder) -> None:
        database = self._database
        database.register("runs", pa.Table.from_pylist(self.runs, RUNS))
        for kind in (*_VIEWS, "explained"):
            files = sorted(
                str(name) for row in self.runs for name in folder.place(kind, row["run"]).glob("*.parquet")
            )
            name = f"all_{kind}" if kind in ("findings", "explained") else kind
            if files:
                database.execute(
                    f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{', '.join(map(_quoted, files))}], "
                    "hive_partitioning = true, hive_types = {'run': VARCHAR}, union_by_name = true)"
                )
            else:
                empty: Any = KINDS[kind].append(pa.field("run", pa.string())).empty_table()
                database.register(name, empty)
        database.execute(
            "CREATE VIEW findings AS SELECT * FROM all_findings f WHERE NOT suppressed AND NOT EXISTS (SELECT 1 FROM "
            "all_explained e WHERE e.run = f.run AND e.rule = f.rule AND e.path = f.path)"
        )
        database.execute("SET allowed_directories = ?", [[f"{folder.path.resolve()}/", f"{folder.path}/"]])
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
