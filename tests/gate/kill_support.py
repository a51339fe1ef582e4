"""Senders, killers and the property: what was answered with success is in the archive or in the spool."""

from __future__ import annotations

import contextlib
import random
import subprocess
import threading
from pathlib import Path
from time import monotonic, sleep

from gate_support import (
    Archive,
    GateProcess,
    association,
    data_set,
    part10_file,
    sha,
    stored,
)

from dcmlint.errors import InputError
from dcmlint.gate.journal import Journal
from dcmlint.intake import part10
from dcmlint.network.wire.pdu import WireError


class Sender:
    """Sends new instances for as long as it may, and remembers every answer."""

    def __init__(self, port: int, folder: Path, number: int, seed: int) -> None:
        self.port, self.folder, self.number = port, folder, number
        self.random = random.Random(seed * 1000 + number)
        self.acknowledged: dict[str, str] = {}
        self.refused: set[str] = set()
        self.contents: dict[str, bytes] = {}
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        count = 0
        while not self.stopping:
            with (
                contextlib.suppress(WireError, ConnectionError, InputError, OSError),
                association(self.port, calling=f"SENDER{self.number}", timeout=10) as dialogue,
            ):
                while not self.stopping:
                    count += 1
                    uid = f"2.25.{self.number + 1}{count:08d}"
                    refused = self.random.random() < 0.2
                    content = data_set(
                            uid, study=f"2.25.77{self.number}{count // 10}", refused=refused,
                            held=self.random.random() < 0.1, filling=self.random.randbytes(200) * self.random.randint(1, 100),
                        )  # fmt: skip
                    path = self.folder / f"{self.number}.send"
                    path.write_bytes(part10_file(uid, content))
                    status = dialogue.store(path).status
                    if status == 0:
                        self.acknowledged[uid] = sha(content)
                    elif status is not None and status != 0xA700:
                        self.refused.add(uid)
            sleep(0.02)

    def stop(self) -> None:
        self.stopping = True
        self.thread.join(20)


def archived(folder: Path) -> dict[str, str]:
    """SHA-256 of the data sets of what a storescp has written, by UID."""
    found = {}
    for path in folder.iterdir():
        content = path.read_bytes()
        offset = part10.dataset_offset(content)
        if offset > 0:
            uid = path.name.split(".", 1)[1]
            found[uid] = sha(content[offset:])
    return found


def lost(spool: Path, acknowledged: dict[str, str], in_archive: dict[str, str]) -> list[str]:
    """What was acknowledged and is neither in the archive nor, with its row and its bytes, in the spool."""
    journal = Journal(spool / "journal.sqlite")
    try:
        rows: dict[str, list[object]] = {}
        for row in journal.rows("1"):
            rows.setdefault(row.uid, []).append(row)
        missing = []
        for uid, sha256 in acknowledged.items():
            mine = [row for row in rows.get(uid, []) if row.sha256 == sha256 and row.state != "refused"]  # type: ignore[attr-defined]
            if not mine:
                missing.append(f"{uid}: no row")
                continue
            files = [spool / "data" / row.file for row in mine if row.kept]  # type: ignore[attr-defined]
            if any(path.exists() and sha(stored(path)) == sha256 for path in files):
                continue
            if in_archive.get(uid) != sha256:
                missing.append(f"{uid}: no bytes")
        return missing
    finally:
        journal.close()


def killed_often(
    config: Path,
    folder: Path,
    archive: Archive,
    *,
    kills: int,
    seed: int,
    script: Path | None = None,
    arguments: tuple[str, ...] = (),
    archive_too: bool = True,
) -> tuple[list[str], dict[str, str], set[str]]:
    """Kill a gate at random moments while four senders send; gives what was lost, acknowledged and refused."""
    chance = random.Random(seed)
    folder.mkdir(exist_ok=True)
    gate = GateProcess(config, script=script, arguments=arguments)
    senders = [Sender(gate.port, folder, number, seed) for number in range(4)]
    missing: list[str] = []
    try:
        for sender in senders:
            sender.thread.start()
        for _ in range(kills):
            before = sum(len(sender.acknowledged) for sender in senders)
            end = monotonic() + 30
            while sum(len(sender.acknowledged) for sender in senders) < before + 5 and monotonic() < end:
                sleep(0.01)
            sleep(chance.uniform(0.0, 1.0))
            if archive_too and chance.random() < 0.3:
                archive.stop()
                sleep(chance.uniform(0, 0.3))
                archive.restart()
            gate.kill()
            known = {uid: digest for sender in senders for uid, digest in dict(sender.acknowledged).items()}
            stored_there = {uid: sha(content) for uid, content in dict(archive.stored).items()}
            missing = lost(config.parent / "spool", known, stored_there)
            if missing:
                break
            gate = GateProcess(config, script=script, arguments=arguments)
    finally:
        for sender in senders:
            sender.stop()
        gate.kill()
    acknowledged = {uid: digest for sender in senders for uid, digest in sender.acknowledged.items()}
    refused = {uid for sender in senders for uid in sender.refused}
    return missing, acknowledged, refused


def drained(config: Path) -> bool:
    journal = Journal(config.parent / "spool" / "journal.sqlite")
    try:
        return not journal.rows("state IN ('checking','waiting','queued')")
    finally:
        journal.close()


__all__ = ["Sender", "archived", "drained", "killed_often", "lost", "subprocess"]
