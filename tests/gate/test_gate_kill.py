"""Whatever dies, what was acknowledged is in the archive or in the spool; and a gate that is broken is found out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crash_gate import STEPS
from gate_support import HERE, Archive, GateProcess, data_set, free_port, send, sha, until, write_config
from kill_support import Storescp, drained, killed_often, lost, resident
from network_peers import found

from dcmlint.errors import InputError
from dcmlint.gate.journal import Journal
from dcmlint.network.wire.pdu import WireError

KILLS = int(os.environ.get("DCMLINT_GATE_KILLS", "4"))
BETWEEN = float(os.environ.get("DCMLINT_GATE_BETWEEN", "1"))  # seconds at most
SEED = int(os.environ.get("DCMLINT_GATE_SEED", "20"))
SCRIPT = HERE / "crash_gate.py"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("processes", "mode"), [(1, "enforce"), (2, "enforce"), (2, "observe")])
def test_kill_the_gate_and_the_archive_at_random(tmp_path: Path, processes: int, mode: str) -> None:
    """Behind it is `storescp +B` where there is one, killed as well."""
    # Four times as many are taken between two kills where nobody waits for a verdict.
    kills = KILLS // processes if mode == "enforce" else KILLS // 4
    with (Storescp if found("storescp") else Archive)(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, listen=f"processes = {processes}", mode=mode)
        killed = killed_often(config, tmp_path / "send", archive, kills=kills, seed=SEED, between=BETWEEN)
        assert killed.missing == []
        assert len(killed.acknowledged) >= 5 * kills
        assert bool(killed.refused) == (mode == "enforce")
        with GateProcess(config) as gate:
            until(lambda: drained(config), 1800)
            memory = max(killed.memory, resident(gate.process.pid))
            assert gate.stop() == 0
        there = archive.digests()
        assert not killed.refused & there.keys()
        assert lost(tmp_path / "gate" / "spool", killed.acknowledged, there) == []
        journal = Journal(tmp_path / "gate" / "spool" / "journal.sqlite")
        held = {row.uid for row in journal.rows("state='held'")}
        journal.close()
        for uid, digest in killed.acknowledged.items():
            assert uid in held or there[uid] == digest
        assert memory < 200
        print(
            f"seed {SEED}, {kills} kills: {len(killed.acknowledged)} acknowledged, {len(held)} of them held, "
            f"{len(killed.refused)} refused, {len(there)} in the archive, at most {memory} MB"
        )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["answer before row", "row missing", "removed early"])
def test_a_broken_gate_is_found_out(tmp_path: Path, kind: str) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        killed = killed_often(
            config, tmp_path / "send", archive, kills=20, seed=SEED, script=SCRIPT, arguments=(f"broken:{kind}",),
            archive_too=False,
        )  # fmt: skip
        assert killed.acknowledged
        assert killed.missing != []


@pytest.mark.timeout(300)
def test_kill_after_each_step(tmp_path: Path) -> None:
    """One spool, and a gate for each step that is killed there: the next one takes up what it left."""
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, port=free_port())
        acknowledged: dict[str, str] = {}
        number = 0
        for step in STEPS:
            if step in ("settled", "files removed"):
                continue
            before = len(acknowledged)
            with GateProcess(config, script=SCRIPT, arguments=(f"{step}:3",)) as gate:
                for _ in range(200):  # a step may be taken for several instances at once
                    number += 1
                    uid, content = f"2.25.{number}", data_set(f"2.25.{number}")
                    try:
                        if send(gate.port, tmp_path, uid, content) == 0:
                            acknowledged[uid] = sha(content)
                    except (WireError, ConnectionError, InputError):
                        break
                gate.process.wait(30)
                assert gate.process.returncode == -9, step
            there = {uid: sha(content) for uid, content in archive.stored.items()}
            assert lost(tmp_path / "gate" / "spool", acknowledged, there) == [], step
            assert len(acknowledged) > before or step in ("claimed", "sending", "sent"), step
        with GateProcess(config) as gate:
            until(lambda: drained(config))
            gate.stop()
        assert len(acknowledged) >= 8  # two at each of the first four steps; later ones depend on the time
        assert {uid: sha(content) for uid, content in archive.stored.items()}.items() >= acknowledged.items()
