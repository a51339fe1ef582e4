"""From the facts of the shards to batches of whole groups: the members that links join, directly or by others between.

What is held does not grow with the archive: DuckDB sorts links on the disk where memory is short, and the groups are
numbers in a file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dcmlint.archive.group_unit import MEMBERS
from dcmlint.archive.joined import Joined

# Members that go to a process together, and that are put in order at a time, where groups are smaller.
_BATCH, _TOGETHER = 1024, 4096
# Where the members of groups are spread over all shards, each of those is read no more often than this.
_MOST_READ = 256
_ROWS = 1 << 13  # that are read at a time


def member_batches(database: Any, files: list[str]) -> Iterator[pa.RecordBatch]:
    """Whole groups, some together where they are small, as batches of `MEMBERS`; ``files``: facts in Parquet.

    Raises `duckdb.Error` and OSError where there is too little memory, or room on the disk.
    """
    starts = [0, *accumulate(pq.read_metadata(file).num_rows for file in files)]
    _label(database, files, starts)
    for low, high in _ranges(database, max(_TOGETHER, starts[-1] // _MOST_READ)):
        placed = database.sql(
            "SELECT number, label FROM placed WHERE label BETWEEN ? AND ? ORDER BY number", params=[low, high]
        ).to_arrow_table()
        members = _members(placed, files, starts)
        members = members.sort_by([("group", "ascending"), ("path", "ascending")])
        start = 0
        for stop in _cuts(members.column("group").to_pylist()):
            (batch,) = members.slice(start, stop - start).combine_chunks().to_batches()
            yield batch
            start = stop


def _cuts(groups: list[int]) -> Iterator[int]:
    """Where batches end: behind a whole group."""
    start = 0
    for place in range(1, len(groups)):
        if place - start >= _BATCH and groups[place] != groups[place - 1]:
            yield place
            start = place
    if len(groups) > start:
        yield len(groups)


def _members(placed: pa.Table, files: list[str], starts: list[int]) -> pa.Table:
    """The facts of members, which come in the order of their numbers, with their groups: file by file."""
    numbers, labels = (placed.column(name).to_pylist() for name in ("number", "label"))
    found = []
    at = 0
    while at < len(numbers):
        shard = bisect_right(starts, numbers[at]) - 1
        stop = bisect_left(numbers, starts[shard + 1], at)
        with pq.ParquetFile(files[shard]) as file:
            facts = file.read(columns=["path", "kept", "exempt"], use_threads=False)
        rows = facts.take([number - starts[shard] for number in numbers[at:stop]])
        groups = pa.array(labels[at:stop], pa.int64())
        found.append(pa.table([groups, *rows.columns], names=MEMBERS.names).cast(MEMBERS))
        at = stop
    table = pa.concat_tables(found)
    return table.filter(pc.greater(pc.binary_length(table.column("kept")), 0))


def _ranges(database: Any, most: int) -> Iterator[tuple[int, int]]:
    """First and last label of groups that are read together, ``most`` members where groups are smaller: their facts are
    in memory to be put in order."""
    sizes = database.cursor().execute("SELECT label, count(*) FROM placed GROUP BY label ORDER BY label")
    low = high = held = 0
    while found := sizes.fetchmany(_BATCH):
        for label, size in found:
            if held and held + size > most:
                yield low, high
                held = 0
            low = low if held else label
            high, held = label, held + size
    if held:
        yield low, high


def _label(database: Any, files: list[str], starts: list[int]) -> None:
    """Make the table ``placed``: each member's number, with that of its group, in the order of the groups.

    The number of a member is that of its row among those of all files, so that nothing else need be kept of it.
    """
    database.execute(
        "CREATE TABLE shard AS SELECT unnest($files) AS file, unnest($starts) AS first",
        {"files": files, "starts": starts[:-1]},
    )
    with Joined(starts[-1]) as joined:
        # Sorting goes to the disk where memory is short, so that what is held does not grow with the archive.  Of what
        # keeps nothing there are no links; what is kept may be large, and is not read here.
        links = database.sql(
            f"SELECT unnest(links) AS link, {_NUMBER} AS number FROM {_FACTS} ORDER BY link, number",
            params=[files],
        ).to_arrow_reader(_ROWS)
        last: int | None = None
        before = 0
        for batch in links:
            for link, number in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if link == last:
                    joined.join(before, number)
                last, before = link, number
        labels = pa.RecordBatchReader.from_batches(_LABELS, _labeled(joined))
        database.register("labels", labels)
        database.execute("CREATE TABLE placed AS SELECT label, number FROM labels ORDER BY label, number")
        database.unregister("labels")


_FACTS = "read_parquet(?, filename = true, file_row_number = true) f JOIN shard s ON s.file = f.filename"
_NUMBER = "s.first + f.file_row_number"
_LABELS = pa.schema([("label", pa.int64()), ("number", pa.int64())])


def _labeled(joined: Joined) -> Iterator[pa.RecordBatch]:
    start = 0
    for labels in joined.labels():
        numbers = range(start, start + len(labels))
        yield pa.RecordBatch.from_arrays(
            [pa.array(labels, pa.int64()), pa.array(numbers, pa.int64())], schema=_LABELS
        )
        start += len(labels)
