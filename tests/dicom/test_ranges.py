"""What is read in ranges: the same findings where all was read, and little of what is large."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support.archives import EXAMPLES
from support.slides import ct, full_jpeg, to_bytes

from dcmlint import Checker
from dcmlint.dicom.buffers import RangeBuffer
from dcmlint.dicom.encapsulation import read_fragments
from dcmlint.dicom.sparse_fragments import read_sparsely
from dcmlint.errors import InputError

FRAMES = 400


class Counted:
    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[tuple[int, int]]()

    def __call__(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return self.data[start:stop]

    def buffer(self) -> RangeBuffer:
        return RangeBuffer(self, len(self.data))

    @property
    def read(self) -> int:
        return sum(stop - start for start, stop in self.asked)


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + len(value).to_bytes(4, "little") + value


def fragments(sizes: list[int], table: bool) -> bytes:
    values = [b"\xff\xd8\xff\xe0" + bytes(size - 6) + b"\xff\xd9" for size in sizes]
    places = np.cumsum([0, *(size + 8 for size in sizes)])[:-1]
    offsets = places.astype("<u4").tobytes() if table else b""
    return item(offsets) + b"".join(map(item, values)) + b"\xfe\xff\xdd\xe0\0\0\0\0"


def test_items_are_taken_from_the_table_and_a_sample_of_them_is_read():
    data = b"head" + fragments([10_000 + 2 * n for n in range(FRAMES)], table=True)
    source = Counted(data)
    found = read_sparsely(source.buffer(), 4, len(data))
    want = read_fragments(data, 4, len(data))
    assert found.offsets.tolist() == want.offsets.tolist()
    assert found.lengths.tolist() == want.lengths.tolist()
    assert (found.end, found.delimited, found.problems) == (want.end, True, ())
    assert found.seen is not None
    assert found.seen < 10
    assert source.read < len(data) // 20


def test_an_extended_table_does_too():
    sizes = [10_000] * FRAMES
    data = b"head" + fragments(sizes, table=False)
    offsets = np.cumsum([0, *(size + 8 for size in sizes)])[:-1].astype("<u8").tobytes()
    found = read_sparsely(Counted(data).buffer(), 4, len(data), True, offsets)
    assert len(found) == FRAMES
    assert found.delimited


def test_a_table_that_does_not_fit_is_not_relied_on():
    data = bytearray(b"head" + fragments([10_000] * FRAMES, table=True))
    last = data.rindex(b"\xfe\xff\x00\xe0")
    data[last : last + 4] = b"junk"
    found = read_sparsely(Counted(bytes(data)).buffer(), 4, len(data))
    assert [problem.code for problem in found.problems] == ["not-read"]


def test_without_a_table_most_is_not_read_and_that_is_said():
    data = b"head" + fragments([10_000] * FRAMES, table=False)
    source = Counted(data)
    found = read_sparsely(source.buffer(), 4, len(data))
    assert [problem.code for problem in found.problems] == ["not-read"]
    assert len(found) == 16
    assert source.read < len(data) // 4


def test_little_is_read_whole():
    data = b"head" + fragments([1000] * 40, table=False)
    source = Counted(data)
    assert len(read_sparsely(source.buffer(), 4, len(data))) == 40
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/*.dcm")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_examples_have_the_same_findings(path: Path):
    data = path.read_bytes()
    checker = Checker("wsi")
    far = checker.check(Counted(data).buffer(), name="x")
    near = checker.check(data, name="x")
    assert far.findings == near.findings
    assert far.summary.undecided == near.summary.undecided


def test_native_pixel_data_is_not_read():
    image = ct()
    image.Rows = image.Columns = 2048
    image.PixelData = bytes(2 * 2048 * 2048)
    source = Counted(to_bytes(image))
    report = Checker("dicom").check(source.buffer(), name="x")
    assert report.summary.files == 1
    assert source.read <= 1 << 17
    assert len(source.asked) <= 2


def test_of_many_frames_a_sample_is_read_and_that_is_said():
    image, count = full_jpeg(), 300
    image.NumberOfFrames = count
    start = to_bytes(image).index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff")
    head = to_bytes(image)[: start + 12]
    frame = to_bytes(image)[start:]
    first = frame.index(b"\xff\xd8\xff")
    frame = frame[first : frame.index(b"\xff\xd9", first) + 2]
    frame += b"\xff\xd9" * (len(frame) % 2)
    value = frame[:-2] + b"\xff" * 20_000 + frame[-2:]
    places = np.arange(count, dtype="<u4") * (len(value) + 8)
    data = head + item(places.tobytes()) + item(value) * count + b"\xfe\xff\xdd\xe0\0\0\0\0"
    source = Counted(data)
    report = Checker("dicom").check(source.buffer(), name="x")
    assert report.summary.sampled == 1
    assert source.read < len(data) // 5
    assert len(source.asked) < 40


def test_what_cannot_be_read_on_the_way_is_no_crash():
    image = ct()
    image.PixelData = bytes(1 << 20)
    data = to_bytes(image)

    def read(start: int, stop: int) -> bytes:
        if start:
            raise InputError("the line is cut")
        return data[start:stop]

    report = Checker("dicom").check(RangeBuffer(read, len(data), data[:700]), name="x")
    (finding,) = report.findings
    assert finding.rule == "FILE902"
    assert finding.message == "Cannot be read: the line is cut"
    assert report.exit_code == 4


def test_a_source_that_gives_less_than_it_said_is_a_finding():
    data = to_bytes(ct())
    report = Checker("dicom").check(
        RangeBuffer(lambda start, stop: data[start:stop], len(data) + 9), name="x"
    )
    assert "fewer bytes" in report.findings[0].message


def test_a_header_that_grows_is_read_by_doubling():
    source = Counted(os.urandom(1 << 22))
    buffer = source.buffer()
    position = 0
    while position < len(source.data):
        window, base = buffer.window(position)
        assert bytes(window[position - base : position - base + 16]) == source.data[position : position + 16]
        position += 5000
    assert len(source.asked) <= 7
    assert source.read == len(source.data)
