from __future__ import annotations

import os
import signal
import threading

import pytest
from support.archives import EXAMPLES, findings_in, mixed, outcomes_in, rows_in, scanned
from support.slides import ct, to_bytes

from dcmlint.archive.layout import Folder
from dcmlint.errors import UsageError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as made:
        yield made


def test_a_cluster_finds_what_one_machine_finds(tmp_path, cluster):
    source = mixed(tmp_path / "archive")
    for name, place in (("mixed", source), ("examples", EXAMPLES)):
        near = scanned(tmp_path / f"near-{name}", place, shard_size=10)
        far = scanned(
            tmp_path / f"far-{name}", place, shard_size=10, engine=f"dask={cluster.scheduler_address}"
        )
        assert findings_in(tmp_path / f"far-{name}", far["run"]) == findings_in(
            tmp_path / f"near-{name}", near["run"]
        )
        assert outcomes_in(tmp_path / f"far-{name}", far["run"]) == outcomes_in(
            tmp_path / f"near-{name}", near["run"]
        )
        assert far["exit_code"] == near["exit_code"]


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(tmp_path, cluster):
    source = tmp_path / "in"
    source.mkdir()
    image = to_bytes(ct())
    for number in range(200):
        (source / f"{number:03d}.dcm").write_bytes(image)
    out = tmp_path / "out"
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while len(list(out.glob("instances/*/shard-*.parquet"))) < 3:
            if ended.wait(0.01):
                return
        pid = next(iter(cluster.workers.values())).process.process.pid
        killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        run = scanned(out, source, profile="dicom", shard_size=10, engine=f"dask={cluster.scheduler_address}")
    finally:
        ended.set()
        thread.join()
    assert killed
    rows = rows_in(out, "instances", run["run"])
    assert len(rows) == run["instances"] == 200
    assert len({row["path"] for row in rows}) == 200
    assert {row["status"] for row in rows} == {"checked"}
    assert len(Folder(str(out)).shards("instances", run["run"])) == 20


def test_workers_of_its_own(tmp_path):
    run = scanned(tmp_path / "out", EXAMPLES / "slide-good", engine="dask", jobs=1)
    assert run["checked"] == run["instances"] > 0


def test_no_scheduler():
    from dcmlint.archive import Work
    from dcmlint.archive.engines import open_engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dcmlint.archive.engines.dask._TIMEOUT", 0.5)
        with pytest.raises(UsageError, match="no scheduler answers"):
            open_engine("dask=tcp://127.0.0.1:9", Work(), 1)
