"""Fragments of odd length: with and without the pad byte that their length does not count."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest
from pydicom.encaps import parse_basic_offsets
from support.repairs import checker, made

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Task
from dcmlint.fixes.choice import Choice
from dcmlint.fixes.plan import Planned, plan
from dcmlint.standard.tags import PixelData


def planned(data: bytes) -> Planned:
    return plan(checker(), Task("a.dcm", True), WholeBuffer(data), Choice())


def result(done: Planned) -> bytes:
    assert done.data is not None, done
    return done.data[0 : len(done.data)]


def items(data: bytes) -> tuple[list[int], list[int]]:
    """Offsets and lengths of the fragments of a file."""
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    element = instance.dataset.get(PixelData)
    assert element is not None
    return element.fragments.offsets.tolist(), element.fragments.lengths.tolist()


def shortened(data: bytes, padded: bool) -> bytes:
    """The lengths of all fragments with a pad byte without it; it stays behind them or goes."""
    changed = bytearray(data)
    odd = [
        (start, length) for start, length in zip(*items(data), strict=True) if not data[start + 7 + length]
    ]
    assert len(odd) > 3
    for start, length in reversed(odd):
        changed[start + 4 : start + 8] = struct.pack("<I", length - 1)
        if not padded:
            del changed[start + 8 + length - 1]
    return bytes(changed)


@pytest.mark.parametrize("tables", ["", ", bot: !empty ", ", bot: !empty , eot: computed"])
def test_a_pad_byte_that_is_there_is_counted(tables: str) -> None:
    whole = made(f"{{use: wsi-jpeg{tables}}}")
    done = planned(shortened(whole, padded=True))
    assert "PIX020" in {change.rule for change in done.changes}
    assert result(done) == whole
    assert planned(whole).data is None


@pytest.mark.parametrize("tables", ["", ", bot: !empty ", ", bot: !empty , eot: computed"])
def test_a_pad_byte_that_is_not_there_is_added_and_the_tables_follow(tables: str) -> None:
    whole = made(f"{{use: wsi-jpeg{tables}}}")
    old = shortened(whole, padded=False)
    new = result(planned(old))
    assert len(new) == len(whole)
    assert items(new) == items(whole)
    pixels = pydicom.dcmread(io.BytesIO(new)).PixelData
    assert parse_basic_offsets(pixels) == parse_basic_offsets(pydicom.dcmread(io.BytesIO(whole)).PixelData)
    frames = pydicom.dcmread(io.BytesIO(new)).pixel_array
    assert (frames == pydicom.dcmread(io.BytesIO(whole)).pixel_array).all()
    assert planned(new).data is None


def test_no_byte_comes_into_a_frame() -> None:
    data = made("{use: wsi-jpeg, 'frame[3]': !fragments 2}")
    offsets, lengths = items(data)
    start, second = offsets[3], offsets[4]
    first = data[start + 8 : second]
    rest = data[second + 8 : second + 8 + lengths[4]]
    halves = (first + rest[:1], rest[1:])  # both odd now
    written = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in halves)
    done = planned(data[:start] + written + data[second + 8 + lengths[4] :])
    assert done.data is None
    assert any("within a frame" in refusal.reason for refusal in done.refusals)
