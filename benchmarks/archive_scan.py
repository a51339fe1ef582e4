"""Measures scans of a synthetic archive, in one run: a server of the S3 API makes its objects when they are asked for.

    python benchmarks/archive_scan.py [--objects 10000] [--listed 1000000] [--files 2000] [--out FILE]

- objects a second and bytes read by a scan, against listing the archive and fetching the first range of each object alone;
  from a server that answers at once, and from one whose answers take ``--wait`` seconds, as those of a store do
- memory of the client while 10,000 objects and while ``--listed`` objects are listed into shards, and of the client and the
  largest worker while as many are scanned by a few rules (``--scanned``; `--only memory` measures just this)
- one process against two, over local files
- a second run, of which nothing has changed, against the first, of objects and of local files

Scans are commands (`dcmlint scan`), with all that it takes to start them; those of which memory is measured are not.  Processor time is that of the client and its workers; the server is a process of its own.  Wall times mean something only on
a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.servers import SYNTHETIC_OPTIONS, SyntheticServer  # noqa: E402

URL = "s3://b/archive"
_FAR = 2  # of the objects one in so many is scanned from afar, which is done nine times


def archive(count: int) -> Any:
    """A CT image of 128 KiB, of which the header is some 2 kB; each series is of a patient of its own."""
    from support.servers import Synthetic
    from support.slides import ct, to_bytes

    image = ct()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.9.1.{10**11}"
    # What follows from the series changes with it.
    image.SeriesInstanceUID = image.PatientID = "1.2.826.0.1.3680043.9.2.100000"
    image.StudyInstanceUID = f"{image.SeriesInstanceUID}.1"
    image.FrameOfReferenceUID = f"{image.SeriesInstanceUID}.2"
    image.Rows = image.Columns = 256
    image.PixelData = bytes(2 * 256 * 256)
    return Synthetic(count, to_bytes(image), image.SOPInstanceUID, image.SeriesInstanceUID)


class Server:
    """The server in a process of its own."""

    def __init__(self, count: int, wait: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(count), "--wait", str(wait)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self.options = {**SYNTHETIC_OPTIONS, "endpoint": f"http://127.0.0.1:{port}"}

    def __enter__(self) -> dict[str, str]:
        return self.options

    def __exit__(self, *why: object) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def measured(task: str, *given: str) -> dict[str, Any]:
    """Run a task in a process of its own: its answer, wall and processor seconds (with its children), peak memory (MiB)."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, *given], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    return {"wall": wall, **json.loads(done.stdout.splitlines()[-1])}


def command(out: Path, source: str, jobs: int, options: dict[str, str]) -> dict[str, Any]:
    """Run `dcmlint scan`: what it read, wall and processor seconds (with its workers)."""
    from dcmlint.archive.layout import Folder

    given = [f"--source-option={name}={value}" for name, value in options.items()]
    line = [
        "-m",
        "dcmlint",
        "scan",
        source,
        "--out",
        str(out),
        "-p",
        "dicom",
        "-j",
        str(jobs),
        "--isolated",
        "--exit-zero",
        "-q",
    ]
    # An installed package has its byte code.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *line, *given], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 4):  # 4: an example is damaged on purpose
        raise RuntimeError(f"dcmlint scan ended with {process.returncode}")
    run = Folder(str(out)).runs()[-1]
    counts = {name: run[name] for name in ("keys", "checked", "bytes_read", "requests", "reused")}
    return {**counts, "wall": wall, "cpu": used.ru_utime + used.ru_stime}


def run_task(task: str, given: list[str]) -> dict[str, Any]:
    """What a process of its own does."""
    from support.archives import scanned

    from dcmlint.sources.object_store import ObjectStore
    from dcmlint.sources.ranged import FIRST

    answer: dict[str, Any] = {}
    if task == "few-rules":
        out, options = given
        run = scanned(
            Path(out),
            URL,
            profile="dicom",
            select=("ENT",),
            processes=True,
            options=json.loads(options),
        )
        answer = {name: run[name] for name in ("keys", "checked", "bytes_read", "requests")}
    elif task == "fetch":
        store = ObjectStore(URL, json.loads(given[0]))
        keys = list(store.listed())
        store.fetch(keys[:64])
        for number, key in enumerate(keys):
            store.fetch(keys[number + 64 : number + 65])
            (one,) = store.inputs(key)
            store.open(one)
        answer = {
            "keys": len(keys),
            "bytes_read": store.usage.bytes,
            "requests": store.usage.requests,
            "first": FIRST,
        }
    elif task == "list":
        from dcmlint.archive.layout import Folder
        from dcmlint.archive.plan import Choice, shards

        store = ObjectStore(URL, json.loads(given[0]))
        with tempfile.TemporaryDirectory() as place:
            folder = Folder(place, create=True)
            answer = {
                "keys": sum(one.keys.num_rows for one in shards(folder, "r", store.listed, Choice(), 2000))
            }
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime
    return {**answer, "cpu": seconds, "memory": used.ru_maxrss / 1024, "worker": children.ru_maxrss / 1024}


def memory_rows(arguments: argparse.Namespace, place: Path) -> list[tuple[str, str]]:
    """Memory of a scan by a few rules, of fewer and of more objects."""
    made = []
    for count in (10_000, arguments.scanned):
        with Server(count) as options:
            given = str(place / f"few{count}"), json.dumps(options)
            one, again = measured("few-rules", *given), measured("few-rules", *given)
        memory = f"client {one['memory']:.0f} MiB, worker {one['worker']:.0f} MiB"
        made.append((f"scan {one['checked']} objects by a few rules, 2 processes", f"{memory}; {_line(one)}"))
        how = f"{one['wall'] / again['wall']:.0f} times faster, {again['cpu']:.1f} s of processor"
        made.append((f"second run of {count} objects by them, nothing changed", how))
    return made


def rows(arguments: argparse.Namespace, place: Path) -> list[tuple[str, str]]:
    """Everything that is measured, as lines of a table."""
    made: list[tuple[str, str]] = memory_rows(arguments, place) if arguments.scanned else []
    if arguments.only == "memory":
        return made
    command(place / "warm", str(ROOT / "examples"), 1, {})  # files of libraries are in memory then
    with Server(arguments.objects) as options:
        given = json.dumps(options)
        fetch = measured("fetch", given)
        scan = command(place / "scan", URL, 2, options)
        again = [command(place / "scan", URL, 2, options) for _ in range(3)]
        few = measured("list", given)
    made += [
        (f"list {fetch['keys']} objects and fetch their first range", _line(fetch)),
        (f"scan {scan['checked']} objects, 2 processes", _line(scan)),
        ("bytes read by the scan, of what the first ranges take", f"{scan['bytes_read'] / fetch['bytes_read']:.2f}"),
        ("wall time of the scan, of listing and fetching alone", f"{scan['wall'] / fetch['wall']:.2f}"),
        ("processor time for an object: fetched, scanned", f"{1e3 * fetch['cpu'] / fetch['keys']:.2f} ms, {1e3 * scan['cpu'] / scan['keys']:.2f} ms"),
        ("second run, nothing changed, three times", _again(scan, again)),
    ]  # fmt: skip
    with Server(max(1, arguments.objects // _FAR), arguments.wait) as options:
        given = json.dumps(options)
        turns = [
            (
                measured("fetch", given),
                command(place / f"far{number}", URL, 1, options),
                command(place / f"farther{number}", URL, 2, options),
            )
            for number in range(3)
        ]
    rates = [
        f"{statistics.median(one['keys'] / one['wall'] for one in side):.0f}"
        for side in zip(*turns, strict=True)
    ]
    made.append(
        (
            f"objects a second where an answer takes {1e3 * arguments.wait:.0f} ms, fetched alone by 1 process; scanned by 1; by 2",
            "; ".join(rates),
        )
    )
    for processes in (1, 2):
        ratios = sorted(turn[processes]["wall"] / turn[0]["wall"] for turn in turns)
        what = f"wall time of a scan by {processes}, of fetching alone by 1, three times by turns"
        made.append((what, ", ".join(f"{one:.2f}" for one in ratios)))
    with Server(arguments.listed) as options:
        many = measured("list", json.dumps(options))
    made += [
        (f"list {few['keys']} into shards", f"{few['memory']:.0f} MiB, {few['cpu']:.1f} s of processor"),
        (f"list {many['keys']} into shards", f"{many['memory']:.0f} MiB, {many['cpu']:.1f} s of processor"),
    ]
    folder = place / "files"
    folder.mkdir()
    source = archive(arguments.files)
    for number in range(arguments.files):
        (folder / f"{number:06d}.dcm").write_bytes(source.data(number))
    one = command(place / "one", str(folder), 1, {})
    two = command(place / "two", str(folder), 2, {})
    again = [command(place / "two", str(folder), 2, {}) for _ in range(3)]
    made += [
        (f"{arguments.files} local files, 1 process", _line(one)),
        (
            f"{arguments.files} local files, 2 processes",
            f"{_line(two)}; {one['wall'] / two['wall']:.2f} times faster",
        ),
        ("second run over them, nothing changed, three times", _again(two, again)),
    ]
    return made


def _again(first: dict[str, Any], again: list[dict[str, Any]]) -> str:
    """How much faster runs without a change are than the first one."""
    assert all(one["reused"] == one["keys"] for one in again)
    walls = ", ".join(f"{first['wall'] / one['wall']:.0f}" for one in again)
    cpu = statistics.median(one["cpu"] for one in again)
    return f"{walls} times faster; {cpu:.2f} s of processor, {first['cpu'] / cpu:.0f} times less"


def _line(one: dict[str, Any]) -> str:
    size = f", {one['bytes_read'] / 1e6:.0f} MB, {one['requests']} requests" if one.get("requests") else ""
    return f"{one['keys'] / one['wall']:.0f} objects/s, {one['cpu']:.1f} s of processor{size}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--out")
    parser.add_argument("--scanned", type=int, default=100_000)
    parser.add_argument("--only", choices=["memory"])
    parser.add_argument("--wait", type=float, default=0.03)
    parser.add_argument("--serve", type=int)
    parser.add_argument("--task", nargs="+")
    arguments = parser.parse_args()
    if arguments.serve:
        server = SyntheticServer(archive(arguments.serve), wait=arguments.wait)
        print(server.server_port, flush=True)
        server.serve_forever()
    elif arguments.task:
        print(json.dumps(run_task(arguments.task[0], arguments.task[1:])))
    else:
        with tempfile.TemporaryDirectory() as place:
            lines = [f"| {what} | {how} |" for what, how in rows(arguments, Path(place))]
        text = "\n".join(["| | |", "|---|---|", *lines, f"| processors | {os.cpu_count()} |", ""])
        print(text)
        if arguments.out:
            Path(arguments.out).write_text(text)


if __name__ == "__main__":
    main()
