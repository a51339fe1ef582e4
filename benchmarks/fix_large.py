"""Measures `dcmlint fix` on a large slide against copying it, and its memory against that on a small one.

    python benchmarks/fix_large.py [--gigabytes 2] [--tile 20000] [--runs 3] [--folder DIR]

The slide has a Patient ID of odd length, so that everything behind it moves by a byte, and JPEG frames of one fragment
each.  Both sides write a new file and synchronize it: `cp` and `sync` against `dcmlint fix --out`.  Runs alternate;
compare the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.repairs import made

DCMLINT = str(Path(sys.executable).parent / "dcmlint")
# A cache of byte code is what an installed tool has.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
SIDE = 512  # pixels of a tile
PIXEL_DATA = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"  # PS3.5 7.5


def write_slide(path: Path, size: int, tile: int) -> int:
    """A TILED_FULL slide of about ``size`` bytes with tiles of ``tile`` bytes; returns its frames."""
    across = max(1, int((size / tile) ** 0.5))
    frames = across * across
    matrix = across * SIDE
    head = made(
        f'{{use: wsi-jpeg, PatientID: !raw "EX-17", NumberOfFrames: "{frames}", Rows: {SIDE}, Columns: {SIDE},'
        f" TotalPixelMatrixColumns: {matrix}, TotalPixelMatrixRows: {matrix}}}"
    )
    start = head.index(PIXEL_DATA)
    stream = head.index(b"\xff\xd8\xff", start)
    scan = head.index(b"\xff\xda", stream)
    picture = bytearray(head[stream : head.index(b"\xff\xd9", scan) + 2])
    frame_header = picture.index(b"\xff\xc0")
    picture[frame_header + 5 : frame_header + 9] = struct.pack(">HH", SIDE, SIDE)
    # Entropy-coded bytes that hold no marker; nothing here decodes them.
    fragment = bytes(picture[:-2]) + b"\x5a" * (tile - len(picture)) + b"\xff\xd9"
    with path.open("wb") as handle:
        handle.write(head[:start] + PIXEL_DATA + ITEM + bytes(4))
        for _ in range(frames):
            handle.write(ITEM + struct.pack("<I", len(fragment)) + fragment)
        handle.write(END)
        handle.flush()
        os.fsync(handle.fileno())
    return frames


def timed(*command: str) -> tuple[float, int, float]:
    """Seconds, the largest memory in KiB, and seconds of processor time of a command."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}: {said.decode()}")
    return time.monotonic() - began, usage.ru_maxrss, usage.ru_utime + usage.ru_stime


def fix(path: Path, out: Path) -> tuple[float, int, float]:
    """One repair into a folder."""
    shutil.rmtree(out, ignore_errors=True)
    return timed(DCMLINT, "fix", "--isolated", "-q", "--select", "ENC004", str(path), "--out", str(out))


def copy(path: Path, target: Path) -> tuple[float, int, float]:
    """One copy that is synchronized."""
    target.unlink(missing_ok=True)
    return timed("sh", "-c", f'cp --reflink=never "{path}" "{target}" && sync "{target}"')


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--tile", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        large, small = folder / "large.dcm", folder / "small.dcm"
        frames = write_slide(large, int(given.gigabytes * 1e9), given.tile)
        write_slide(small, int(given.gigabytes * 1e7), given.tile)
        fixes, copies, small_ones = [], [], []
        for _ in range(given.runs):
            copies.append(copy(large, folder / "copy.dcm"))
            fixes.append(fix(large, folder / "out"))
            small_ones.append(fix(small, folder / "out-small"))
        same = (folder / "out" / "large.dcm").stat().st_size - large.stat().st_size
        print(
            f"{large.stat().st_size / 1e9:.2f} GB, {frames} frames; the repaired file is {same} byte(s) longer"
        )
        ratio = statistics.median(one[0] / other[0] for one, other in zip(fixes, copies, strict=True))
        fix_time, copy_time = (statistics.median(one[0] for one in runs) for runs in (fixes, copies))
        fix_cpu, copy_cpu = (statistics.median(one[2] for one in runs) for runs in (fixes, copies))
        print(
            "each ratio: "
            + " ".join(f"{one[0] / other[0]:.2f}" for one, other in zip(fixes, copies, strict=True))
        )
        print(f"fix {fix_time:.2f} s, cp and sync {copy_time:.2f} s: ratio {ratio:.2f}")
        print(f"processor: fix {fix_cpu:.2f} s, cp and sync {copy_cpu:.2f} s")
        most, least = (max(one[1] for one in runs) / 1024 for runs in (fixes, small_ones))
        print(f"memory: {most:.0f} MiB, of a file of a hundredth {least:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
