"""Measures the check of a file with very many compressed frames against reading its item headers alone.

``python benchmarks/codestream_scan.py make FILE [--frames N] [--bytes N]`` writes a sparse file: a clean slide of
JPEG tiles whose frames are mostly holes. ``... run FILE`` measures, each in a process of its own: one read of 8 bytes
for each item header (what no reader without offset table can do without), then the whole check with the code streams
of a sample, of all frames and of none.
"""

from __future__ import annotations

import argparse
import gzip
import os
import resource
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

from dcmlint.dicom.buffers import WholeBuffer, open_file
from dcmlint.dicom.dataset import Element
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.standard.tags import PixelData

_ITEM, _DELIMITER = struct.Struct("<HHI"), b"\xfe\xff\xdd\xe0\0\0\0\0"  # PS3.5 A.4
_BASE = Path(__file__).resolve().parents[1] / "dcmlint" / "rules" / "bases" / "wsi-jpeg.dcm.gz"
NUMBER_OF_FRAMES, MATRIX_COLUMNS, MATRIX_ROWS = 0x00280008, 0x00480006, 0x00480007


def _header(instance: Instance, raw: bytes, frames: int, tile: int) -> bytes:
    """The bytes before the fragments, for another number of frames in a matrix of tiles that they fill."""
    across = max(1, int(frames**0.5))
    while frames % across:
        across -= 1
    stated = str(frames).encode()
    values = {
        NUMBER_OF_FRAMES: stated + b" " * (len(stated) % 2),
        MATRIX_COLUMNS: struct.pack("<I", across * tile),
        MATRIX_ROWS: struct.pack("<I", frames // across * tile),
    }
    out, at = b"", 0
    for tag, value in sorted(values.items()):
        element: Element = instance.dataset.elements[tag]
        out += raw[at : element.start - 2] + struct.pack("<H", len(value)) + value
        at = element.end
    return out + raw[at : instance.dataset.elements[PixelData].start]


def make(path: str, frames: int, size: int) -> None:
    """Write the file; only the headers and the ends of its frames take space on the disk."""
    raw = gzip.decompress(_BASE.read_bytes())
    instance = read_instance(WholeBuffer(raw))
    assert instance is not None
    fragments = instance.dataset.elements[PixelData].fragments
    first = int(fragments.offsets[0]) + 8
    frame = raw[first : first + int(fragments.lengths[0])]
    head = frame[: frame.index(b"\xff\xda") + 14]
    length = max(len(frame), size // frames) & ~1
    tail = b"\xff\xd9"
    start = _ITEM.pack(0xFFFE, 0xE000, length) + head
    with open(path, "wb") as out:
        out.write(_header(instance, raw, frames, 32) + _ITEM.pack(0xFFFE, 0xE000, 0))
        position = out.tell()
        out.flush()
        for _ in range(frames):
            os.pwrite(out.fileno(), start, position)
            position += 8 + length
            os.pwrite(out.fileno(), tail, position - len(tail))
        os.pwrite(out.fileno(), _DELIMITER, position)
    print(f"{path}: {frames} frames, {os.path.getsize(path) / 1e9:.2f} GB")


def walk_and_check(path: str) -> tuple[float, float]:
    """Median seconds for one read of each item header, with a warm cache, and for the whole check with all frames."""
    _walk(path), _check(path, "all")
    runs = [(_walk(path), _check(path, "all")) for _ in range(5)]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def _first_item(path: str) -> int:
    """The byte of the first item after the Basic Offset Table."""
    buffer = open_file(path)
    instance = read_instance(buffer)
    assert instance is not None
    first: int = instance.dataset.elements[PixelData].fragments.first
    buffer.close()
    return first


def _walk(path: str) -> float:
    position = _first_item(path)
    handle = os.open(path, os.O_RDONLY)
    began, count = time.perf_counter(), 0
    while True:
        _, element, length = _ITEM.unpack(os.pread(handle, 8, position))
        if element != 0xE000:
            break
        position += 8 + length
        count += 1
    os.close(handle)
    return _say("one pread of 8 bytes per item", time.perf_counter() - began, f"{count} items")


def _check(path: str, frames: str) -> float:
    from dcmlint.engine.session import Checker, Task
    from dcmlint.engine.settings import Settings

    checker = Checker(Settings(frames=frames))
    checker.check(Task(str(_BASE), True), lambda: WholeBuffer(gzip.decompress(_BASE.read_bytes())))
    began = time.perf_counter()
    result = checker.check(Task(path, True), lambda: open_file(path))
    assert result is not None
    found = sorted({finding.rule for finding in result.findings})
    return _say(
        f"whole check, --frames {frames}",
        time.perf_counter() - began,
        f"findings {' '.join(found) or 'none'}",
    )


def _say(what: str, seconds: float, more: str) -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:7.2f} s {peak:7.0f} MiB  {what}  ({more})", flush=True)
    return seconds


def main() -> None:
    """Make a file, or measure one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("make", "run", "walk", "auto", "all", "none"))
    parser.add_argument("file")
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--bytes", type=int, default=4 << 30)
    arguments = parser.parse_args()
    if arguments.what == "make":
        make(arguments.file, arguments.frames, arguments.bytes)
    elif arguments.what == "run":
        for part in ("walk", "walk", "auto", "all", "none"):
            subprocess.run([sys.executable, __file__, part, arguments.file], check=True)
    elif arguments.what == "walk":
        _walk(arguments.file)
    else:
        _check(arguments.file, arguments.what)


if __name__ == "__main__":
    main()
