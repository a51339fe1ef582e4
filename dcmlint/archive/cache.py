"""What earlier runs found of objects that have not changed: their size and modification time, or ETag, is the same.

Runs by other rules, settings or another edition are not looked at.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pyarrow as pa

from dcmlint.archive.database import files_of
from dcmlint.archive.layout import OF_SHARD, Folder
from dcmlint.archive.objects import keys_of
from dcmlint.archive.plan import Shard, digests_of
from dcmlint.archive.schema import FACTS, FINDINGS, INSTANCES

Tables = tuple[pa.Table, pa.Table, pa.Table]
# Above every character that a path can have after its key.
_LAST = "\U0010ffff"


class Earlier:
    """The last run that came to its end by the same rules."""

    def __init__(self, folder: Folder, digest: str, runs: list[dict[str, Any]], now: str) -> None:
        self._folder = folder
        known = [
            row
            for row in runs
            if row["status"] == "complete" and row["rules_digest"] == digest and row["run"] != now
            and folder.shards("facts", row["run"]) == folder.shards("instances", row["run"])
        ]  # fmt: skip
        self.row = known[-1] if known else None

    @cached_property
    def _digests(self) -> dict[str, int]:
        return {} if self.row is None else digests_of(self._folder, self.row["run"])

    def take(self, run: str, number: int, digest: str) -> bool:
        """Give a shard the files of an earlier one whose objects were all the same, if there is one."""
        if self.row is None or digest not in self._digests:
            return False
        earlier = self._digests[digest]
        for kind in ("keys", *OF_SHARD):
            self._folder.link(kind, run, number, self._folder.file(kind, self.row["run"], earlier))
        return True

    def whole(self, run: str) -> dict[str, Any] | None:
        """The earlier run, where the run has the same shards as it has, neither more nor fewer."""
        if self.row is None:
            return None
        same = self._folder.shards("keys", run) == self._folder.shards("keys", self.row["run"])
        return self.row if same else None

    def known(self, shard: Shard) -> tuple[Tables, list[str]] | None:
        """The rows of those objects of a shard that have not changed, and their keys; None without any."""
        if self.row is None or not shard.keys.num_rows:
            return None
        import pyarrow.compute as pc

        now = {key.key: key.identity for key in keys_of(shard.keys)}
        low, high = min(now), max(now)
        instances = self._rows("instances", INSTANCES, "key", low, high)
        before = self._rows("keys", shard.keys.schema, "key", low, high)
        same = [
            key.key
            for key in keys_of(before)
            if key.identity is not None and now.get(key.key) == key.identity
        ]
        if not same:
            return None
        instances = instances.filter(pc.is_in(instances.column("key"), pa.array(same, pa.string())))
        paths = instances.column("path").combine_chunks()
        findings, facts = (
            table.filter(pc.is_in(table.column("path"), paths))
            for table in (
                self._rows("findings", FINDINGS, "path", low, high + _LAST),
                self._rows("facts", FACTS, "path", low, high + _LAST),
            )
        )
        return (instances, findings, facts), same

    def _rows(self, kind: str, schema: pa.Schema, column: str, low: str, high: str) -> pa.Table:
        import pyarrow.dataset as ds

        assert self.row is not None
        dataset = ds.dataset(files_of(self._folder, kind, self.row["run"]), schema=schema, format="parquet")
        return dataset.to_table(filter=(ds.field(column) >= low) & (ds.field(column) <= high))
