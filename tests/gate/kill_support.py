"""Senders, killers and the property: what was answered with success is in the archive or in the spool."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from gate_support import (
    Archive,
    GateProcess,
    association,
    data_set,
    free_port,
    part10_file,
    sha,
    stored,
)
from network_peers import wait_open

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


class Storescp:
    """`storescp +B` as the archive, which is killed and started again; nothing but its files is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        self._known: dict[str, tuple[tuple[int, int], str]] = {}
        self.restart()

    def restart(self) -> None:
        command = ["storescp", "+B", "-od", str(self.folder), str(self.port)]
        environment = {**os.environ, "TCP_NODELAY": "1"}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        wait_open(self.port)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def digests(self) -> dict[str, str]:
        """SHA-256 of the data sets that it has written, by UID; a file is read again when it has changed."""
        found = {}
        for path in self.folder.iterdir():
            try:
                state = path.stat()
                key = (state.st_size, state.st_mtime_ns)
                known = self._known.get(path.name)
                content = path.read_bytes() if known is None or known[0] != key else b""
            except FileNotFoundError:  # storescp removes what did not come whole
                continue
            if content or known is None:
                offset = part10.dataset_offset(content)
                if offset <= 0:
                    continue
                known = self._known[path.name] = (key, sha(content[offset:]))
            found[path.name.split(".", 1)[1]] = known[1]
        return found

    def __enter__(self) -> Storescp:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


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
    archive: Archive | Storescp,
    *,
    kills: int,
    seed: int,
    script: Path | None = None,
    arguments: tuple[str, ...] = (),
    archive_too: bool = True,
    between: float = 1.0,
) -> Killed:
    """Kill a gate at random moments, up to ``between`` seconds apart, while four senders send."""
    chance = random.Random(seed)
    folder.mkdir(exist_ok=True)
    gate = GateProcess(config, script=script, arguments=arguments)
    senders = [Sender(gate.port, folder, number, seed) for number in range(4)]
    missing: list[str] = []
    memory = 0
    try:
        for sender in senders:
            sender.thread.start()
        for _ in range(kills):
            before = sum(len(sender.acknowledged) for sender in senders)
            end = monotonic() + 30
            while sum(len(sender.acknowledged) for sender in senders) < before + 5 and monotonic() < end:
                if gate.process.poll() is not None:
                    break  # it ended by itself
                sleep(0.01)
            sleep(chance.uniform(0.0, between))
            if archive_too and chance.random() < 0.3:
                archive.stop()
                sleep(chance.uniform(0, 0.3))
                archive.restart()
            memory = max(memory, resident(gate.process.pid))
            gate.kill()
            known = {uid: digest for sender in senders for uid, digest in dict(sender.acknowledged).items()}
            missing = lost(config.parent / "spool", known, archive.digests())
            if missing:
                break
            gate = GateProcess(config, script=script, arguments=arguments)
    finally:
        for sender in senders:
            sender.stop()
        gate.kill()
    acknowledged = {uid: digest for sender in senders for uid, digest in sender.acknowledged.items()}
    refused = {uid for sender in senders for uid in sender.refused}
    return Killed(missing, acknowledged, refused, memory)


class Killed(NamedTuple):
    """What was lost, acknowledged and refused; the most memory that a gate had, in MB."""

    missing: list[str]
    acknowledged: dict[str, str]
    refused: set[str]
    memory: int


def resident(pid: int) -> int:
    """Memory of a process in MB; 0 where it has just ended."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) // 1024
    except (OSError, IndexError):
        return 0


def drained(config: Path) -> bool:
    journal = Journal(config.parent / "spool" / "journal.sqlite")
    try:
        return not journal.rows("state IN ('checking','waiting','queued')", limit=1)
    finally:
        journal.close()


__all__ = ["Sender", "Storescp", "drained", "killed_often", "lost"]
