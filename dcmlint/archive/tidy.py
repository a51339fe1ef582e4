"""Joins folders of results, and removes old runs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from dcmlint.archive.key_file import NAME, read_key, write_key
from dcmlint.archive.layout import KINDS, Folder, only_one
from dcmlint.errors import UsageError


def merge(sources: Sequence[str], out: str) -> int:
    """Put the runs of several folders into one; gives how many were new there.  A run that is there stays as it is."""
    folder = Folder(out, create=True)
    count = 0
    with only_one(folder):
        there = {row["run"] for row in folder.runs()}
        for name in sources:
            source = Folder(name)
            for row in source.runs():
                run = row["run"]
                if run in there:
                    continue
                for kind in KINDS:
                    for file in sorted(source.place(kind, run).glob("*.parquet")):
                        if not file.name.startswith("."):
                            folder.link(kind, run, file.stem, file)
                folder.write_run(row)  # last: a run that is named is whole
                there.add(run)
                count += 1
        _share_key(folder, [Folder(name) for name in sources])
    return count


def _share_key(folder: Folder, sources: Sequence[Folder]) -> None:
    """The key of the hashes goes along where all sources have the same one, so that later scans can take runs over."""
    if (folder.path / NAME).exists():
        return
    keys = {read_key(one.path) if (one.path / NAME).exists() else b"" for one in sources}
    if len(keys) == 1 and all(keys):
        write_key(folder.path / NAME, keys.pop())


def prune(
    path: str, *, keep: int | None = None, before: datetime.datetime | None = None, facts: bool = False
) -> list[str]:
    """Remove runs but the newest ``keep``, or those that began before a day; gives their ids.

    ``facts``: remove only what the pass over groups needed; these runs are not taken over from any more.
    """
    folder = Folder(path)
    with only_one(folder):
        folder.sweep()
        rows = folder.runs()
        chosen = rows
        if keep is not None:
            chosen = rows[: max(0, len(rows) - keep)]
        if before is not None:
            chosen = [row for row in chosen if row["started"] < before]
        if keep is None and before is None and not facts:
            raise UsageError("specify what to remove: --keep, --before or --facts")
        for row in chosen:
            if facts:
                folder.drop("facts", row["run"])
                continue
            (folder.path / "runs" / f"{row['run']}.parquet").unlink(
                missing_ok=True
            )  # first: no run is named that is not whole
            for kind in KINDS:
                folder.drop(kind, row["run"])
    return [row["run"] for row in chosen]
