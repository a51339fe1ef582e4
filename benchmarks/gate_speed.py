"""The gate beside storescp and the disk's own sync, in one run: same sender, same machine, loopback only.

    python benchmarks/gate_speed.py                    # about two minutes; 5 GB in the working folder
    python benchmarks/gate_speed.py --memory 100000    # memory over as many instances

Needs dcmtk (storescp). A target that is missed is said so, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing import Process, Queue
from pathlib import Path
from time import monotonic, sleep

from dcmlint.intake import part10
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.standard.uids import ExplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"  # PS3.6 Table A-1
CT_BYTES = 131_000
CONFIG = """\
spool = "spool"
mode = "{mode}"
profile = "{profile}"
[listen]
port = {port}
per_address = 100
associations = 100
[[forward]]
name = "archive"
host = "127.0.0.1"
port = {archive}
called = "ARCHIVE"
associations = 2
[space]
low = "1GB"
high = "2GB"
"""


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    long = (
        b"\0\0" + len(value).to_bytes(4, "little")
        if vr in (b"OB", b"OW")
        else len(value).to_bytes(2, "little")
    )
    return head + long + value


def instance(uid: str, pixels: int) -> bytes:
    """A file with as many bytes of pixel data."""
    content = b"".join((
        element(0x0008, 0x0016, b"UI", CT.encode()), element(0x0008, 0x0018, b"UI", uid.encode()),
        element(0x0020, 0x000D, b"UI", b"2.25.1"), element(0x0020, 0x000E, b"UI", b"2.25.2"),
        element(0x7FE0, 0x0010, b"OW", bytes(pixels)),
    ))  # fmt: skip
    return part10.file_meta(CT, uid, ExplicitVRLittleEndian, "BENCH", "GATE") + content


PROFILE = """\
id: bench
version: "1"
title: Patient ID is demanded and nothing else
area: BEN
action: {error: refuse}
rules: {ALL: off, BEN: on}
attributes:
  - {id: BEN001, attribute: PatientID, presence: optional}
"""
ACCEPTING = """\
id: accepting
version: "1"
title: All rules, and nothing is refused
area: ACC
extends: [dicom]
action: {error: accept}
"""
ITEMS = 1_500_000


def many_items(uid: str, items: int) -> bytes:
    """A file of 32 bytes an item, in one sequence: slow to check, and large in memory."""
    item = b"\xfe\xff\x00\xe0" + (24).to_bytes(4, "little")
    item += element(0x0008, 0x0100, b"SH", b"A ") + element(0x0008, 0x0102, b"SH", b"DCM  A")
    content = (
        element(0x0008, 0x0016, b"UI", CT.encode()) + element(0x0008, 0x0018, b"UI", uid.encode())
        + b"\x08\x00\x40\x11SQ\0\0" + (items * len(item)).to_bytes(4, "little") + item * items
    )  # fmt: skip
    return part10.file_meta(CT, uid, ExplicitVRLittleEndian, "BENCH", "GATE") + content


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_open(port: int) -> None:
    for _ in range(3000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        sleep(0.02)
    raise TimeoutError


@contextlib.contextmanager
def in_memory(content: bytes) -> Iterator[Path]:
    """A file that is on no disk: a sender is another machine, and what it writes is no work for the disk of the gate."""
    with os.fdopen(os.memfd_create("instance"), "wb") as file:
        file.write(content)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


def sender(port: int, number: int, count: int, pixels: int, times: Queue[list[float]]) -> None:
    """Send ``count`` instances over one association; the seconds of each."""
    target = Target(host="127.0.0.1", port=port, called="GATE", calling=f"BENCH{number}", timeout=120)
    request = association_request(target, (ProposedContext(1, CT, (ExplicitVRLittleEndian,)),))
    dialogue, facts, _ = associate(target, request, "bench")
    if dialogue is None:
        raise ConnectionError(facts.detail)
    taken = []
    for at in range(count):
        with in_memory(instance(f"2.25.{os.getpid()}{number:03d}{at:06d}", pixels)) as path:
            began = monotonic()
            reply = dialogue.store(path)
            taken.append(monotonic() - began)
        if reply.status != 0:
            raise ValueError(f"{reply.status:04X}H")
    dialogue.release()
    times.put(taken)


def send(port: int, associations: int, count: int, pixels: int) -> tuple[float, list[float]]:
    """Instances per second, and the seconds of each answer, sorted."""
    times: Queue[list[float]] = Queue()
    began = monotonic()
    processes = [Process(target=sender, args=(port, n, count, pixels, times)) for n in range(associations)]
    for process in processes:
        process.start()
    all_times = [seconds for _ in processes for seconds in times.get(timeout=600)]
    for process in processes:
        process.join()
    return associations * count / (monotonic() - began), sorted(all_times)


def sync_seconds(folder: Path) -> float:
    """The median of fdatasync after writing as many bytes as an instance has."""
    path = folder / "sync"
    taken = []
    for _ in range(40):
        with path.open("wb", buffering=0) as file:
            file.write(bytes(CT_BYTES))
            began = monotonic()
            os.fdatasync(file.fileno())
            taken.append(monotonic() - began)
    path.unlink()
    return sorted(taken)[len(taken) // 2]


@contextlib.contextmanager
def storescp(folder: Path) -> Iterator[int]:
    folder.mkdir(exist_ok=True)
    port = free_port()
    command = ["storescp", "--fork", "+B", "-pdu", "131072", "-od", str(folder), str(port)]
    process = subprocess.Popen(command, env={**os.environ, "TCP_NODELAY": "1"}, stderr=subprocess.DEVNULL)
    try:
        wait_open(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def gate(folder: Path, archive: int, profile: str, mode: str = "observe") -> Iterator[tuple[int, int]]:
    """Port and process id."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    (folder / "gate.toml").write_text(CONFIG.format(port=port, archive=archive, profile=profile, mode=mode))
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "dcmlint.cli", "gate", "run", "-c", str(folder / "gate.toml")]
        process = subprocess.Popen(command, stderr=log)
    try:
        wait_open(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> tuple[list[int], list[int]]:
    """The receiving and the checking processes of a gate."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")  # each thread has its own
    found = [int(one) for task in tasks for one in task.read_text().split()]
    receiving = [one for one in found if b"receiving" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return receiving, [one for one in found if one not in receiving]


def to_the_archive(folder: Path, port: int, pid: int, mode: str) -> None:
    """What an instance costs from its first byte to the archive's answer, and how many a second that makes."""
    drain(folder)
    receiving, checking = children(pid)
    parts = {"gate": [pid], "receiving": receiving, "checks": checking}
    before = {name: sum(map(cpu_seconds, pids)) for name, pids in parts.items()}
    began = monotonic()
    rate, _ = send(port, 16, 40, CT_BYTES)
    drain(folder)
    rate_through = 640 / (monotonic() - began)
    spent = {name: sum(map(cpu_seconds, pids)) - before[name] for name, pids in parts.items()}
    words = ", ".join(f"{name} {seconds / 0.64:.1f} ms" for name, seconds in spent.items())
    print(
        f"        {mode}, 16 associations: {rate:.0f}/s answered, {rate_through:.0f}/s checked and delivered; processor time of "
        f"one: {words}", flush=True,
    )  # fmt: skip


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{which}:")[1].split()[0]) / 1024


def written_seconds(folder: Path, size: int) -> float:
    """What the disk itself takes to have as many bytes."""
    path, block = folder / "written", bytes(1 << 20)
    began = monotonic()
    with path.open("wb", buffering=0) as file:
        for _ in range(size // len(block)):
            file.write(block)
        os.fdatasync(file.fileno())
    taken = monotonic() - began
    path.unlink()
    return taken


def drain(folder: Path) -> None:
    """Wait until everything is checked and delivered, so that what comes next is measured alone."""
    sql = "SELECT count(*) FROM instances WHERE state IN ('checking', 'queued')"
    with contextlib.closing(sqlite3.connect(folder / "spool" / "journal.sqlite")) as db:
        while db.execute(sql).fetchone()[0]:
            sleep(0.05)


class Verdicts:
    def __init__(self) -> None:
        self.missed = 0

    def __call__(self, what: str, found: str, target: str, good: bool) -> None:
        self.missed += not good
        print(f"{'ok    ' if good else 'MISSED'}  {what:<44} {found:<44} target {target}", flush=True)


def idle(port: int, pid: int) -> float:
    """The share of a core that 50 idle associations cost."""
    target = Target(host="127.0.0.1", port=port, called="GATE", calling="IDLE", timeout=30)
    request = association_request(target, (ProposedContext(1, CT, (ExplicitVRLittleEndian,)),))
    open_ = [associate(target, request, "idle")[0] for _ in range(50)]
    before = cpu_seconds(pid)
    sleep(10)
    share = (cpu_seconds(pid) - before) / 10
    for dialogue in open_:
        if dialogue is not None:
            dialogue.release()
            dialogue.close()
    return share


def together(folder: Path, port: int, beside: int, said: Verdicts) -> None:
    """16 associations at a time: the median of five rounds, each beside storescp's."""
    rounds = []
    for _ in range(5):
        rate, _ = send(port, 16, 40, CT_BYTES)
        other, _ = send(beside, 16, 40, CT_BYTES)
        rounds.append((rate / other, rate, other))
        drain(folder)
    ratios = sorted(rounds)
    ratio, rate, other = ratios[2]
    text = f"{rate:.0f}/s, storescp {other:.0f}/s: {ratio:.2f}x ({ratios[0][0]:.2f} to {ratios[-1][0]:.2f})"
    said("16 associations", text, "0.5x", ratio >= 0.5)


def speed(folder: Path, profile: str, slide: int) -> int:
    said = Verdicts()
    with (
        storescp(folder / "archive") as archive,
        gate(folder / "gate", archive, profile) as (port, pid),
        storescp(folder / "beside") as beside,
    ):
        send(port, 1, 20, CT_BYTES)
        sync = sync_seconds(folder)
        rate, times = send(port, 1, 200, CT_BYTES)
        other, _ = send(beside, 1, 200, CT_BYTES)
        p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
        limit = 3 * sync + 0.003
        said(
            "one association, p50 of the answer", f"{p50 * 1000:.1f} ms (p95 {p95 * 1000:.1f}), {rate:.0f}/s, storescp {other:.0f}/s",
            f"3 syncs of {sync * 1000:.1f} ms + 3 ms = {limit * 1000:.1f} ms", p50 <= limit,
        )  # fmt: skip
        together(folder / "gate", port, beside, said)
        to_the_archive(folder / "gate", port, pid, "observe")
        if slide:
            drain(folder / "gate")
            _, (ours,) = send(port, 1, 1, slide)
            _, (theirs,) = send(beside, 1, 1, slide)
            disk = written_seconds(folder, slide)
            text = f"{ours:.1f} s, storescp {theirs:.1f} s, disk {disk:.1f} s: {theirs / ours:.2f}x, {disk / ours:.2f}x"
            said(
                f"a slide of {slide / 1e9:.1f} GB", text, "0.6x storescp, or the disk where its sync is slower",
                max(theirs, disk) / ours >= 0.6,
            )  # fmt: skip
        drain(folder / "gate")
        sleep(2)
        share = idle(port, pid)
        said("50 idle associations", f"{share * 100:.1f} % of a core", "2 %", share < 0.02)
        receiving = ", ".join(f"{memory_mb(one):.0f}" for one in children(pid)[0])
        print(
            f"        memory of the gate: {memory_mb(pid):.0f} MB; of its receiving processes: {receiving} MB"
        )
        isolation(folder, archive, said)
    (folder / "accepting.yaml").write_text(ACCEPTING)
    with (
        storescp(folder / "archive2") as archive,
        gate(folder / "gate2", archive, str(folder / "accepting.yaml"), "enforce") as (port, pid),
    ):
        send(port, 2, 10, CT_BYTES)
        to_the_archive(folder / "gate2", port, pid, "enforce")
    return int(said.missed > 0)


def isolation(folder: Path, archive: int, said: Verdicts) -> None:
    """The answers of others, and the memory of the gate, while a huge instance is sent, waited for and checked."""
    (folder / "bench.yaml").write_text(PROFILE)
    (folder / "huge").write_bytes(many_items("2.25.666", ITEMS))
    with gate(folder / "enforcing", archive, str(folder / "bench.yaml"), "enforce") as (port, pid):
        send(port, 1, 20, 2000)
        _, quiet = send(port, 1, 200, 2000)
        target = Target(host="127.0.0.1", port=port, called="GATE", calling="HUGE", timeout=120)
        request = association_request(target, (ProposedContext(1, CT, (ExplicitVRLittleEndian,)),))
        dialogue, _, _ = associate(target, request, "bench")
        if dialogue is None:
            raise ConnectionError
        huge = threading.Thread(target=dialogue.store, args=(folder / "huge",))
        huge.start()
        times: list[float] = []
        while huge.is_alive() or len(times) < 200:
            times += send(port, 1, 50, 2000)[1]
        huge.join()
        dialogue.release()
        held = memory_mb(pid, "VmHWM")
        p95, before = (sorted(one)[len(one) * 95 // 100] * 1000 for one in (times, quiet))
        text = f"p95 {p95:.0f} ms, {before:.0f} ms without it, at most {held:.0f} MB"
        said(f"others while {ITEMS} items are checked", text, "100 ms, 300 MB", p95 < 100 and held < 300)


def memory(folder: Path, profile: str, count: int) -> int:
    said = Verdicts()
    with storescp(folder / "archive") as archive, gate(folder / "gate", archive, profile) as (port, pid):
        found = []
        for part in range(10):
            send(port, 2, count // 20, 2000)
            found.append(sum(map(memory_mb, (pid, *children(pid)[0]))))
            print(f"        after {(part + 1) * count // 10} instances: {found[-1]:.0f} MB", flush=True)
        growth = found[-1] - found[2]
        said(
            f"memory over {count} instances", f"{found[2]:.0f} to {found[-1]:.0f} MB", "+ 20 MB", growth < 20
        )
    return int(said.missed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory", type=int, default=0, metavar="COUNT")
    parser.add_argument("--profile", default="dicom")
    parser.add_argument("--slide", type=int, default=2 * 10**9, metavar="BYTES")
    parser.add_argument("--folder", help="where spool and archive are made; default: the working folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder or ".", prefix="gate-bench-") as made:
        folder = Path(made)
        return (
            memory(folder, given.profile, given.memory)
            if given.memory
            else speed(folder, given.profile, given.slide)
        )


if __name__ == "__main__":
    sys.exit(main())
