"""The receive path against storescp: same sender, same machine, one run, loopback only.

    python benchmarks/network_receive.py              # about half a minute; 5 GB in the working folder
    python benchmarks/network_receive.py --requestor  # 20,000 stores by pynetdicom on a busy machine

Needs dcmtk (storescu, storescp). Ratios are dcmlint's rate over storescp's: more is better. A target
that is missed is said so, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import Event, Process
from multiprocessing.synchronize import Event as EventType
from pathlib import Path
from threading import Timer
from time import monotonic, sleep

from dcmlint.intake import part10
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.receiver import Handlers, ReceivedInstance, Receiver, Settings
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.standard.uids import ExplicitVRLittleEndian, JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

CT = "1.2.840.10008.5.1.4.1.1.2"
CT_COUNT = 1000
NAGLE_COUNT = 60
MB = 1_000_000


# --- what is sent --------------------------------------------------------------------------------------


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    if vr in (b"OB", b"OW"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def identity(sop_class: str, instance: str) -> bytes:
    return (
        element(0x0008, 0x0016, b"UI", sop_class.encode())
        + element(0x0008, 0x0018, b"UI", instance.encode())
        + element(0x0020, 0x000D, b"UI", b"2.25.1")
        + element(0x0020, 0x000E, b"UI", b"2.25.2")
    )


def write_ct(folder: Path, count: int) -> None:
    """Instances of 131 kB: 256 x 256 pixels of 16 bits."""
    folder.mkdir()
    pixels = element(0x7FE0, 0x0010, b"OW", os.urandom(256 * 256 * 2))
    for number in range(count):
        instance = f"2.25.9.{number}"
        head = part10.file_meta(CT, instance, ExplicitVRLittleEndian, "BENCH", "BENCH")
        (folder / f"{number:05d}.dcm").write_bytes(head + identity(CT, instance) + pixels)


def write_slide(path: Path, size: int) -> None:
    """One slide: encapsulated frames of 123 kB, which nobody here decodes."""
    frame = b"\xff\xd8" + os.urandom(123 * 1024 - 4).replace(b"\xff", b"\xfe") + b"\xff\xd9"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    with path.open("wb") as file:
        file.write(
            part10.file_meta(VLWholeSlideMicroscopyImageStorage, "2.25.7", JPEGBaseline8Bit, "BENCH", "BENCH")
        )
        file.write(identity(VLWholeSlideMicroscopyImageStorage, "2.25.7"))
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF))
        file.write(struct.pack("<HHI", 0xFFFE, 0xE000, 0))
        for _ in range(size // len(item)):
            file.write(item)
        file.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


# --- who receives --------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_open(port: int) -> None:
    deadline = monotonic() + 20
    while monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


def _serve(port: int, folder: Path, durable: bool, stop: EventType) -> None:
    def keep(instance: ReceivedInstance) -> Answer:
        instance.path.replace(folder / f"{instance.command.sop_instance}.dcm")
        return Answer()

    settings = Settings(directory=folder, port=port, durable=durable, max_associations=128)
    with Receiver(settings, Handlers(on_instance=keep)):
        stop.wait()


@contextlib.contextmanager
def ours(folder: Path, *, durable: bool = False) -> Iterator[tuple[int, int]]:
    """Port and process id of this receiver, in a process of its own."""
    port, stop = free_port(), Event()
    process = Process(target=_serve, args=(port, folder, durable, stop), daemon=True)
    process.start()
    try:
        wait_open(port)
        yield port, process.pid or 0
    finally:
        stop.set()
        process.join(20)


@contextlib.contextmanager
def storescp(folder: Path, *, nodelay: bool = True, tuned: bool = True) -> Iterator[tuple[int, int]]:
    port = free_port()
    environment = {**os.environ, "TCP_NODELAY": "1"} if nodelay else _without_nodelay()
    options = ["-pdu", "131072"] if tuned else []
    process = subprocess.Popen(
        ["storescp", "--fork", "+B", "+xa", *options, "-od", str(folder), str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_open(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _without_nodelay() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}


def send(port: int, source: Path, *, nodelay: bool = True) -> float:
    """Seconds that storescu takes, its start included."""
    environment = {**os.environ, "TCP_NODELAY": "1"} if nodelay else _without_nodelay()
    arguments = ["storescu", "-R", "-xy" if source.is_file() else "-xe", "127.0.0.1", str(port)]
    arguments += ["+sd", str(source)] if source.is_dir() else [str(source)]
    began = monotonic()
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    # Waiting with a timeout would look only every 50 ms.
    watchdog = Timer(300, process.kill)
    watchdog.start()
    code = process.wait()
    watchdog.cancel()
    if code:
        raise RuntimeError(f"storescu ended with {code}")
    return monotonic() - began


def peak_mb(pid: int) -> float:
    """VmHWM of a process in MB; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    (line,) = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1000


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def warm(folder: Path, source: Path) -> None:
    """Touch as much memory as will be written: a virtual machine may have to ask its host for it first."""
    if source.is_file():
        shutil.copyfile(source, folder / "warm")
        (folder / "warm").unlink()


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


# --- the measurements ------------------------------------------------------------------------------------


class Table:
    """Prints a line for each measurement and remembers what was missed."""

    def __init__(self) -> None:
        self.missed = 0
        print(f"{'measurement':38} {'dcmlint':>12} {'storescp':>12} {'result':>10} {'target':>10}")

    def line(
        self, what: str, own: str, other: str, value: float, target: float, *, least: bool = True
    ) -> None:
        met = value >= target if least else value <= target
        self.missed += not met
        sign = ">=" if least else "<="
        verdict = "" if met else "   MISSED"
        print(f"{what:38} {own:>12} {other:>12} {value:>10.2f} {sign:>3} {target:<6g}{verdict}", flush=True)


def rates(folder: Path, rounds: int, table: Table) -> None:
    own_folder, other_folder = folder / "own", folder / "other"
    own_folder.mkdir()
    other_folder.mkdir()
    write_ct(folder / "ct", CT_COUNT)
    slides = [(folder / "slide-500.dcm", 489 * MB), (folder / "slide-2000.dcm", 1990 * MB)]
    for path, size in slides:
        write_slide(path, size)
    with ours(own_folder) as (own_port, own_pid), storescp(other_folder) as (other_port, _):
        sources = [("1,000 instances of 131 kB", folder / "ct", 0.7)]
        sources += [(f"a slide of {size // MB} MB", path, 0.8) for path, size in slides]
        for what, source, target in sources:
            warm(folder, source)
            best = {own_port: float("inf"), other_port: float("inf")}
            for turn in range(rounds):  # in turns, and who begins changes: who is second finds warm memory
                for port in (own_port, other_port) if turn % 2 else (other_port, own_port):
                    best[port] = min(best[port], send(port, source))
                    empty(own_folder)
                    empty(other_folder)
            own_best, other_best = best[own_port], best[other_port]
            ratio = other_best / own_best
            table.line(what, f"{own_best:.2f} s", f"{other_best:.2f} s", ratio, target)
        peak = peak_mb(own_pid)
        table.line("peak memory, MB", f"{peak:.0f}", "", peak, 120, least=False)
        idle(own_port, own_pid, table)


def idle(port: int, pid: int, table: Table, count: int = 50, seconds: float = 5.0) -> None:
    target = Target(host="127.0.0.1", port=port)
    contexts = (ProposedContext(1, CT, (ExplicitVRLittleEndian,)),)
    dialogues = []
    for _ in range(count):
        dialogue, attempt, _ = associate(target, association_request(target, contexts), "idle")
        if dialogue is None:
            raise RuntimeError(attempt.detail)
        dialogues.append(dialogue)
    before, began = cpu_seconds(pid), monotonic()
    sleep(seconds)
    share = (cpu_seconds(pid) - before) / (monotonic() - began) * 100
    table.line(f"{count} idle associations, % of a core", f"{share:.2f}", "", share, 2, least=False)
    for dialogue in dialogues:
        dialogue.release()
        dialogue.close()


def nagle(folder: Path, rounds: int, table: Table) -> None:
    """An unchanged storescu, Nagle's algorithm on, into this receiver and into stock storescp."""
    own_folder, other_folder = folder / "own-nagle", folder / "other-nagle"
    own_folder.mkdir()
    other_folder.mkdir()
    write_ct(folder / "few", NAGLE_COUNT)
    with (
        ours(own_folder) as (own_port, _),
        storescp(other_folder, nodelay=False, tuned=False) as (other_port, _),
    ):
        own_best = min(send(own_port, folder / "few", nodelay=False) for _ in range(rounds))
        other = send(other_port, folder / "few", nodelay=False)
    ratio = other / own_best
    table.line(
        f"unchanged storescu, {NAGLE_COUNT} instances", f"{own_best:.2f} s", f"{other:.2f} s", ratio, 20
    )


def _burn(stop: EventType) -> None:
    while not stop.is_set():
        sum(range(10_000))


def requestor(folder: Path, count: int, table: Table) -> None:
    """Stores by pynetdicom with three busy processes beside it: none may fail, none may stall."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from support.pynetdicom_requestor import requested, store

    write_ct(folder / "one", 1)
    source = folder / "one" / "00000.dcm"
    own_folder = folder / "own-requestor"
    own_folder.mkdir()
    stop = Event()
    burners = [Process(target=_burn, args=(stop,), daemon=True) for _ in range(3)]
    for burner in burners:
        burner.start()
    failures, slowest, began = 0, 0.0, monotonic()
    try:
        with ours(own_folder) as (port, _):
            target = Target(host="127.0.0.1", port=port, timeout=30)
            for start in range(0, count, 2000):
                with requested(target, (ProposedContext(1, CT, (ExplicitVRLittleEndian,)),)) as association:
                    for _ in range(min(2000, count - start)):
                        at = monotonic()
                        failures += store(association, source) != 0
                        slowest = max(slowest, monotonic() - at)
    finally:
        stop.set()
        for burner in burners:
            burner.join(5)
    spent = f"{monotonic() - began:.0f} s"
    table.line(f"{count} stores by pynetdicom, failures", spent, "", failures, 0, least=False)
    table.line("the slowest of them, s", "", "", slowest, 25, least=False)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, help="where to work; default: memory if there is any, else temporary"
    )
    parser.add_argument("--rounds", type=int, default=4, help="each measurement is the best of so many")
    parser.add_argument("--requestor", action="store_true", help="the stores by pynetdicom, and nothing else")
    parser.add_argument("--count", type=int, default=20_000, help="how many of them")
    arguments = parser.parse_args()
    if shutil.which("storescu") is None or shutil.which("storescp") is None:
        print("storescu and storescp (dcmtk) are needed", file=sys.stderr)
        return 2
    memory = Path("/dev/shm")
    base = arguments.folder or (memory if memory.is_dir() and shutil.disk_usage(memory).free > 8e9 else None)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="dcmlint-bench-", dir=base) as name:
        folder = Path(name)
        if arguments.requestor:
            requestor(folder, arguments.count, table)
        else:
            rates(folder, arguments.rounds, table)
            nagle(folder, arguments.rounds, table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
