from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from support.archives import EXAMPLES, rows_in, scanned
from support.slides import ct, to_bytes

from dcmlint.archive import FACTS, FINDINGS, INSTANCES, KEYS, RESULTS, Work, scan_batch, split_batch
from dcmlint.archive.engines import open_engine
from dcmlint.archive.engines.job import packed
from dcmlint.archive.limits import TimeLimitError, Watch
from dcmlint.engine.session import Checker
from dcmlint.errors import UsageError
from dcmlint.sources.open_source import SourceSettings

BROKEN = sorted(map(str, (EXAMPLES / "slide-broken").glob("*.dcm")))


def test_a_batch_of_keys_alone_gives_results():
    keys = pa.RecordBatch.from_pydict({"key": BROKEN})
    results = scan_batch(keys, Work())
    assert results.schema == RESULTS
    instances, findings, facts = split_batch(results)
    assert (instances.schema, findings.schema, facts.schema) == (INSTANCES, FINDINGS, FACTS)
    assert instances.column("path").to_pylist() == BROKEN
    assert findings.num_rows == sum(len(row["findings"]) for row in results.to_pylist()) > 0
    assert all(facts.column("kept").to_pylist())


def test_it_is_pure():
    keys = pa.RecordBatch.from_pydict({"key": BROKEN})
    first, second = (scan_batch(keys, Work()).to_pylist() for _ in range(2))
    for row in (*first, *second):
        del row["seconds"]
    assert first == second
    one_by_one = [scan_batch(keys.slice(n, 1), Work()).to_pylist()[0] for n in range(len(BROKEN))]
    for row in one_by_one:
        del row["seconds"]
    assert one_by_one == first


def test_what_is_not_there_is_a_row(tmp_path):
    keys = pa.RecordBatch.from_pydict({"key": [str(tmp_path / "none.dcm")]})
    (row,) = scan_batch(keys, Work()).to_pylist()
    assert row["status"] == "unreadable"
    assert [finding["rule"] for finding in row["findings"]] == ["FILE902"]


def test_an_empty_batch():
    assert scan_batch(pa.RecordBatch.from_pylist([], KEYS), Work()).num_rows == 0


def test_a_profile_or_pattern_that_does_not_work_is_said_before_anything_is_read():
    with pytest.raises(UsageError):
        Work(sender="(")
    with pytest.raises(UsageError):
        open_engine("spark", Work(), 1)


# -- limits ------------------------------------------------------------------------------------------------


def test_what_takes_too_long_is_ended_and_the_next_is_not():
    watch = Watch(0.2)

    def endless() -> None:
        while True:
            sum(range(100))

    try:
        for _ in range(3):
            with pytest.raises(TimeLimitError):
                watch.run(endless)
            assert watch.run(lambda: 5) == 5
    finally:
        watch.close()


def test_work_that_ends_as_its_time_does_keeps_its_result():
    watch = Watch(0.05)
    try:
        for number in range(20):
            try:
                assert watch.run(lambda n=number: (time.sleep(0.045 + n / 1000), n)[1]) == number
            except TimeLimitError:
                pass
            sum(range(1000))  # nothing arrives here
    finally:
        watch.close()


def keys_below(folder: Path) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"key": sorted(map(str, folder.iterdir()))})


def three(folder: Path) -> pa.RecordBatch:
    for name in ("a", "b", "c"):
        (folder / f"{name}.dcm").write_bytes(to_bytes(ct()))
    return keys_below(folder)


def test_a_file_that_takes_too_long_costs_itself_and_is_a_finding(tmp_path, monkeypatch):
    keys = three(tmp_path)
    scan_batch(keys, Work())  # what is read once for a process counts for no file
    plain = Checker.check_buffer

    def check(self, task, buffer, **stated):
        while task.path.endswith("b.dcm"):
            sum(range(100))
        return plain(self, task, buffer, **stated)

    monkeypatch.setattr(Checker, "check_buffer", check)
    rows = scan_batch(keys, Work(time_limit=3)).to_pylist()
    assert [row["status"] for row in rows] == ["checked", "unreadable", "checked"]
    (finding,) = rows[1]["findings"]
    assert finding["rule"] == "FILE902"
    assert "more than 3 seconds" in finding["message"]


def test_a_file_that_takes_too_much_memory_costs_itself_and_is_a_finding(tmp_path, monkeypatch):
    keys = three(tmp_path)
    plain = Checker.check_buffer

    def check(self, task, buffer, **stated):
        if task.path.endswith("b.dcm"):
            raise MemoryError
        return plain(self, task, buffer, **stated)

    monkeypatch.setattr(Checker, "check_buffer", check)
    rows = scan_batch(keys, Work(memory_limit=1 << 30)).to_pylist()
    assert [row["status"] for row in rows] == ["checked", "unreadable", "checked"]
    assert "more than 1024 MiB of memory" in rows[1]["findings"][0]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_the_memory_of_a_process_is_limited():
    program = (
        "from dcmlint.archive.limits import limit_memory\n"
        "limit_memory(300 << 20)\n"
        "try: bytearray(1 << 30)\n"
        "except MemoryError: print('limited')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "limited\n"


def test_a_process_that_dies_costs_the_object_that_it_was_at(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    for number in range(8):
        (source / f"{number}.dcm").write_bytes(to_bytes(ct()))
    (tmp_path / "deadly.py").write_text(
        "import os\nfrom dcmlint.archive.unit import scan_batch\n"
        "def scan(keys, work):\n"
        "    if any(key.endswith('5.dcm') for key in keys.column('key').to_pylist()): os._exit(9)\n"
        "    return scan_batch(keys, work)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("dcmlint.archive.scan.SCAN", "deadly:scan")
    run = scanned(tmp_path / "out", source, profile="dicom", processes=True)
    rows = rows_in(tmp_path / "out", "instances", run["run"])
    assert [row["status"] for row in rows] == ["checked"] * 5 + ["unreadable"] + ["checked"] * 2
    assert run["unreadable"] == 1


def test_jobs_come_back_with_their_numbers():
    engine = open_engine("local", Work(), 2)
    try:
        batches = {
            engine.submit(
                ("dcmlint.archive.unit:scan_batch", packed(pa.RecordBatch.from_pydict({"key": [key]})))
            ): key
            for key in BROKEN
        }
        from dcmlint.archive.engines.job import unpacked

        for _ in BROKEN:
            number, data = engine.next_done()
            assert data is not None
            assert unpacked(data).column("key").to_pylist() == [batches[number]]
    finally:
        engine.close()


@pytest.mark.parametrize("forked", [True, False])
def test_processes_that_cannot_begin_end_the_run(monkeypatch, forked):
    monkeypatch.setattr("dcmlint.archive.engines.local.serve", "cannot be called")
    monkeypatch.setattr("dcmlint.archive.engines.local.can_fork", lambda: forked)
    engine = open_engine("local", Work(), 1)
    try:
        for _ in range(4):
            engine.submit(("dcmlint.archive.unit:scan_batch", b""))
        for _ in range(3):
            assert engine.next_done()[1] is None
        with pytest.raises(UsageError, match="end when they begin"):
            engine.next_done()
    finally:
        engine.close()


def test_a_profile_that_is_not_there_ends_the_run(tmp_path):
    with pytest.raises(UsageError):
        scanned(tmp_path / "out", EXAMPLES, profile="nothing-of-the-kind")


def test_sources_of_one_run_are_of_one_kind():
    from dcmlint.sources.open_source import open_source

    with pytest.raises(UsageError, match="a URL must be the only source of a run"):
        open_source(SourceSettings(names=("s3://bucket", "folder")))
    with pytest.raises(UsageError, match="no source has the scheme"):
        open_source(SourceSettings(names=("gopher://bucket",)))
