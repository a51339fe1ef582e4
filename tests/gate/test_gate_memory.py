"""What a gate keeps in memory does not grow with what it has received: objects are counted, not megabytes."""

from __future__ import annotations

import gc
from collections import deque
from pathlib import Path
from weakref import ref

import pytest
from gate_support import FACTS, Archive, FakeChecks, association, data_set, part10_file, until, write_config

from dcmlint.gate import running
from dcmlint.gate.config import read_config
from dcmlint.gate.logs import json_log
from dcmlint.gate.metrics import Metrics
from dcmlint.intake.verdict import ProfileFacts

_CONTAINERS = (dict, list, set, deque)


class NoChildren(FakeChecks):
    """In the place of checking processes."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def start(self) -> ProfileFacts:
        return FACTS

    def stop(self) -> None:
        pass


def held() -> int:
    """Objects of this process, and entries of its containers: what is in them need not be an object of its own."""
    gc.collect()
    objects = [
        one for one in gc.get_objects() if type(one) is not ref
    ]  # threads that have ended are known weakly
    entries = sum(
        type(entry) is not ref for one in objects if type(one) in _CONTAINERS for entry in list(one)
    )
    return len(objects) + entries


def test_nothing_is_kept_of_what_was_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Checks", NoChildren)
    with Archive(tmp_path / "archive") as archive, (tmp_path / "log").open("w") as log:
        config = write_config(tmp_path / "gate", archive.port, mode="observe")
        metrics = Metrics()
        gate = running.Gate(read_config(config), config.parent, log=json_log(log), observers=(metrics,))
        metrics.watch(gate)
        gate.start()
        try:
            counts = []
            for batch in range(4):
                for number in range(6):
                    with association(gate.address[1], calling=f"SENDER{number}") as dialogue:
                        for at in range(10):
                            uid = f"2.25.{batch}{number:02d}{at}7"
                            (tmp_path / "one").write_bytes(part10_file(uid, data_set(uid)))
                            assert dialogue.store(tmp_path / "one").status == 0
                        dialogue.release()
                count = (batch + 1) * 60
                until(lambda count=count: len(gate.journal.rows("state='delivered'")) == count)  # type: ignore[misc]
                until(lambda: not gate.front.receiver._open)
                gate.checks.done.clear()  # type: ignore[attr-defined]
                archive.stored.clear()
                archive.order.clear()
                archive.attempts.clear()
                assert b"dcmlint_gate_instances_total" in metrics.text()
                counts.append(held())
        finally:
            gate.stop()
    # 120 instances came between these two; one that was remembered would be in several containers.
    assert counts[-1] - counts[1] < 60, counts
