"""The groups of the second pass: what links join, directly or by others between, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.archives import HereEngine, findings_in, mixed, outcomes_in, rows_in, scanned

from dcmlint.archive import member_batches as batches_of
from dcmlint.archive.database import connect
from dcmlint.archive.group_unit import MEMBERS, parts_of
from dcmlint.archive.joined import Joined
from dcmlint.archive.schema import FACTS


def components(links: list[set[int]]) -> set[frozenset[int]]:
    """The members that links join, the slow way."""
    groups: list[tuple[set[int], set[int]]] = []
    for number, own in enumerate(links):
        touched = [group for group in groups if group[1] & own]
        groups = [group for group in groups if not group[1] & own]
        members = {number}.union(*(group[0] for group in touched))
        groups.append((members, own.union(*(group[1] for group in touched))))
    return {frozenset(members) for members, _ in groups}


def test_the_label_of_a_group_is_its_least_number():
    with Joined(7) as joined:
        joined.join(6, 4)
        joined.join(2, 5)
        joined.join(4, 2)
        assert [label for some in joined.labels() for label in some] == [0, 1, 2, 3, 2, 2, 2]
    with Joined(0) as joined:
        assert list(joined.labels()) == []


def written(folder: Path, links: list[set[int]], sizes: list[int]) -> list[str]:
    files = []
    start = 0
    for place, size in enumerate(sizes):
        rows = [
            {"path": f"{number:03d}", "kept": b"k", "links": sorted(links[number]), "directory": None, "exempt": []}
            for number in range(start, start + size)
        ]  # fmt: skip
        start += size
        files.append(str(folder / f"{place}.parquet"))
        pq.write_table(pa.Table.from_pylist(rows, FACTS), files[-1])
    return files


@pytest.mark.parametrize("seed", range(12))
def test_a_batch_has_whole_groups_and_every_member_comes_once(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(batches_of, "_BATCH", 6)
    monkeypatch.setattr(batches_of, "_TOGETHER", 20)
    monkeypatch.setattr(batches_of, "_ROWS", 7)
    chance = random.Random(seed)
    count = chance.choice([1, 40, 100])
    wide = chance.choice([20, 200, 1 << 63])
    links = [{chance.randrange(wide) for _ in range(chance.randrange(4))} for _ in range(count)]
    cut = sorted(chance.randrange(count + 1) for _ in range(3))
    sizes = [after - before for before, after in zip([0, *cut], [*cut, count], strict=True)]
    database = connect(sorting=True)
    found = list(batches_of.member_batches(database, written(tmp_path, links, sizes)))
    database.close()
    groups: dict[int, set[int]] = {}
    for batch in found:
        rows = batch.to_pylist()
        assert not groups.keys() & {row["group"] for row in rows}
        assert [(row["group"], row["path"]) for row in rows] == sorted(
            (row["group"], row["path"]) for row in rows
        )
        for row in rows:
            groups.setdefault(row["group"], set()).add(int(row["path"]))
    assert sum(batch.num_rows for batch in found) == count
    assert {frozenset(members) for members in groups.values()} == components(links)


def test_what_keeps_nothing_is_in_no_group(tmp_path):
    rows = [
        {"path": name, "kept": kept, "links": [1] if kept else [], "directory": None, "exempt": []}
        for name, kept in (("a", b"k"), ("b", b""), ("c", None), ("d", b"k"))
    ]
    file = str(tmp_path / "facts.parquet")
    pq.write_table(pa.Table.from_pylist(rows, FACTS), file)
    database = connect(sorting=True)
    (batch,) = batches_of.member_batches(database, [file])
    database.close()
    assert batch.column("path").to_pylist() == ["a", "d"]
    assert len(set(batch.column("group").to_pylist())) == 1


@pytest.mark.parametrize("groups", [[1, 1, 1, 2], [1, 2, 2, 2], [1, 2, 3, 4, 4], [1, 2]])
def test_a_batch_is_divided_between_groups(groups):
    rows = [{"group": group, "path": str(place)} for place, group in enumerate(groups)]
    first, second = parts_of(pa.RecordBatch.from_pylist(rows, MEMBERS))
    said = [part.column("group").to_pylist() for part in (first, second)]
    assert [*said[0], *said[1]] == groups
    assert not set(said[0]) & set(said[1])
    (whole,) = parts_of(first.slice(0, 1))
    assert whole.num_rows == 1


class DyingEngine(HereEngine):
    """Loses its process where a member of a group has a path, the first so many times."""

    def __init__(self, work, path, times):
        super().__init__(work)
        self._path, self._times = path, times

    def submit(self, job):
        from dcmlint.archive.engines.job import unpacked

        there = job[0].endswith("check_batch") and self._path in "".join(
            unpacked(job[1]).column("path").to_pylist()
        )
        if not there or not self._times:
            return super().submit(job)
        self._times -= 1
        self._done.append((self._count, None))
        self._count += 1
        return self._count - 1


@pytest.mark.parametrize("times", [1, 100])
def test_a_group_whose_process_dies_is_a_finding_and_the_others_are_checked(tmp_path, monkeypatch, times):
    source = mixed(tmp_path / "archive")
    whole = scanned(tmp_path / "whole", source)
    before = findings_in(tmp_path / "whole", whole["run"])
    monkeypatch.setattr("support.archives.HereEngine", lambda work: DyingEngine(work, "/broken/", times))
    run = scanned(tmp_path / "out", source)
    found = findings_in(tmp_path / "out", run["run"])
    if times == 1:  # somebody ended it
        assert found == before
        return
    (said,) = [
        row
        for row in rows_in(tmp_path / "out", "findings", run["run"], "together")
        if row["rule"] == "FILE902"
    ]
    assert "ot checked together with the " in said["message"]
    assert "/broken/" in said["path"]
    assert run["exit_code"] == 4
    ends = outcomes_in(tmp_path / "out", run["run"])
    assert any(end["error"] == 1 for end in ends.values())
    about_files = [one for one in before if b'"kind":"file"' in one]
    assert set(about_files) <= set(found)
