"""The rules of compressed and native pixels: what examples cannot hold, damage, and files written by others."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.plan import Planner, active_rules
from dcmlint.engine.session import Checker, Result, Task
from dcmlint.engine.settings import Settings
from dcmlint.rules.load import builtin_rules
from dcmlint.standard.tags import PixelData
from dcmlint.standard.uids import ParametricMapStorage

RULES = tuple(
    source
    for source in builtin_rules()
    if source.rule.area == "PIX" or source.rule.id in ("TILE028", "PHI008")
)
RLE, JPEG_LS, LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.70"
NEAR_LOSSLESS, BASELINE = "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.50"


@cache
def checker(**options: Any) -> Checker:
    made = Checker(Settings(**options))
    made.planner = Planner(active_rules(RULES, made.settings))
    return made


def check(data: bytes, **options: Any) -> Result:
    result = checker(**options).check_buffer(Task("x", True), WholeBuffer(data))
    assert result is not None
    assert "error" not in result.outcomes.values(), result.undecided
    return result


def found(data: bytes, **options: Any) -> dict[str, str]:
    """The severity of each rule that fails."""
    return {finding.rule: finding.severity for finding in check(data, **options).findings}


def grey(frames: list[bytes], syntax: str, **changes: Any) -> bytes:
    """A monochrome image of 16 x 16 pixels with these frames."""
    made = slides.changed(slides.sc(), {
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PlanarConfiguration": slides.ABSENT,
        "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "Rows": 16, "Columns": 16,
        "LossyImageCompression": slides.ABSENT, "NumberOfFrames": str(len(frames)),
        **changes,
    })  # fmt: skip
    made.file_meta.TransferSyntaxUID = syntax
    return slides.to_bytes(slides.put_frames(made, frames))


def rle(segments: int, first: int = 64, runs: bytes = b"\x81\0\x81\0") -> bytes:
    """A frame whose segments of four bytes are two runs of 128 zeros each."""
    offsets = [first + 4 * number for number in range(segments)]
    return struct.pack("<16I", segments, *offsets, *[0] * (15 - segments)) + runs * segments


def rle_of(segment: bytes) -> bytes:
    """A frame of two such segments."""
    return struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13) + 2 * segment


def jpeg(process: int, scan: bytes, precision: int = 12, tables: bytes = b"") -> bytes:
    """A code stream of one component: SOI, tables, SOFn, SOS, some data, EOI."""
    frame = struct.pack(">BBHBHHB3B", 0xFF, process, 11, precision, 16, 16, 1, 1, 0x11, 0)
    start = struct.pack(">BBHB2B", 0xFF, 0xDA, 8, 1, 1, 0) + scan
    return b"\xff\xd8" + tables + frame + start + b"\x12\x34" * 16 + b"\xff\xd9"


HUFFMAN = struct.pack(">BBHB16B", 0xFF, 0xC4, 19, 0, *[0] * 16)


def test_rle_frames() -> None:
    assert found(grey([rle(2)], RLE)) == {}
    # one byte less than 256 pixels
    assert found(grey([rle(2, runs=b"\x81\0\x82\0")], RLE)) == {"PIX017": "error"}
    # a byte more, a row more, and zeros to fill up
    assert found(grey([rle_of(b"\x81\0\x81\0\0\5")], RLE)) == {"PIX109": "warning"}
    assert found(grey([rle_of(b"\x81\0\x81\0\x81\0")], RLE)) == {"PIX016": "error"}
    assert found(grey([rle_of(b"\x81\0\x81\0\0\0\0\0")], RLE)) == {}
    assert found(grey([rle(3)], RLE)) == {"PIX014": "error"}
    assert found(grey([rle(2, first=80)], RLE)) == {"PIX103": "error"}
    assert found(grey([b"\1\2" * 60], RLE)) == {"PIX012": "error"}


def test_a_frame_of_rle_is_one_fragment() -> None:
    made = grey([rle(2), rle(2), rle(2)], RLE, NumberOfFrames="2")
    assert found(made) == {"PIX022": "error"}
    frames = slides.changed(slides.sc(), {"NumberOfFrames": "2", "SamplesPerPixel": 1, "BitsAllocated": 8,
                                          "PhotometricInterpretation": "MONOCHROME2"})  # fmt: skip
    frames.file_meta.TransferSyntaxUID = RLE
    data = slides.to_bytes(slides.put_frames(frames, [rle(1), rle(1), rle(1)], "empty"))
    assert "PIX019" in found(data)


def test_lossless_jpeg() -> None:
    assert found(grey([jpeg(0xC3, b"\1\0\0", tables=HUFFMAN)], LOSSLESS)) == {}
    assert found(grey([jpeg(0xC3, b"\1\0\0")], LOSSLESS)) == {"PIX018": "error"}
    assert found(grey([jpeg(0xC3, b"\5\0\0", tables=HUFFMAN)], LOSSLESS)) == {"PIX013": "error"}
    # Encoders may write more bits than are used; outside of slides that is no error.
    assert found(grey([jpeg(0xC3, b"\1\0\0", 16, HUFFMAN)], LOSSLESS)) == {"PIX015": "warning"}
    assert found(grey([jpeg(0xC3, b"\1\0\0", tables=HUFFMAN)], BASELINE)) == {"PIX013": "error"}
    # Two bits of each sample are not there.
    assert found(grey([jpeg(0xC3, b"\1\0\2", tables=HUFFMAN)], LOSSLESS)) == {"PIX011": "error"}
    any_predictor = "1.2.840.10008.1.2.4.57"
    assert found(grey([jpeg(0xC3, b"\7\0\0", tables=HUFFMAN)], any_predictor)) == {}
    assert found(grey([jpeg(0xC3, b"\x08\0\0", tables=HUFFMAN)], any_predictor)) == {"PIX013": "error"}


def test_jpeg_ls() -> None:
    assert found(grey([jpeg(0xF7, b"\0\0\0")], JPEG_LS)) == {}
    assert found(grey([jpeg(0xC3, b"\1\0\0", tables=HUFFMAN)], JPEG_LS)) == {"PIX012": "error"}
    # ISO/IEC 14495-1 C.2.3: nothing to interleave, no such mode, more than half of the samples' range
    assert found(grey([jpeg(0xF7, b"\0\2\0")], JPEG_LS)) == {"PIX103": "error"}
    assert found(grey([jpeg(0xF7, b"\0\3\0")], JPEG_LS)) == {"PIX103": "error"}
    eight: Any = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "LossyImageCompression": "01"}
    assert found(grey([jpeg(0xF7, b"\xc8\0\0", 8)], NEAR_LOSSLESS, **eight))["PIX103"] == "error"
    assert "PIX103" not in found(grey([jpeg(0xF7, b"\x7f\0\0", 8)], NEAR_LOSSLESS, **eight))
    near = jpeg(0xF7, b"\2\0\0")
    assert found(grey([near], NEAR_LOSSLESS)) == {"PIX034": "warning"}
    assert found(grey([near], NEAR_LOSSLESS, LossyImageCompression="00")) == {"PIX034": "error"}
    assert found(grey([near], NEAR_LOSSLESS, LossyImageCompression="01")) == {}
    assert found(grey([jpeg(0xF7, b"\0\0\0")], NEAR_LOSSLESS, LossyImageCompression="00")) == {}


def test_odd_fragments_that_hide_their_pad_byte() -> None:
    data = slides.to_bytes(slides.full_jpeg())
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    fragments = instance.dataset.elements[PixelData].fragments
    at = int(fragments.offsets[3])
    length = int(fragments.lengths[3])
    assert data[at + 7 + length] in (0x00, 0xD9)
    short = data[: at + 4] + struct.pack("<I", length - 1) + data[at + 8 :]
    assert found(short)["PIX020"] == "error"


def test_table_item_that_is_missing() -> None:
    data = slides.to_bytes(slides.full_jpeg(), offset_table="empty")
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    first = instance.dataset.elements[PixelData].fragments.first
    assert found(data[: first - 8] + data[first:]) == {"PIX022": "error"}


def test_frames_that_are_not_looked_at_are_undecided() -> None:
    result = check(slides.to_bytes(slides.full_jpeg()), frames="none")
    assert {"PIX008", "PIX012", "PIX016", "PIX017"} <= result.undecided.keys()
    assert not result.findings


def test_single_precision_pixels() -> None:
    made = slides.ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = ParametricMapStorage
    del made.PixelData
    made.BitsAllocated = 32
    made.FloatPixelData = bytes(4 * made.Rows * made.Columns)
    assert "PIX033" not in found(slides.to_bytes(made))
    made.FloatPixelData = bytes(2 * made.Rows * made.Columns)
    finding = next(f for f in check(slides.to_bytes(made)).findings if f.rule == "PIX033")
    assert finding.path == "FloatPixelData"


def test_decoding_a_sample() -> None:
    pytest.importorskip("PIL")
    base = slides.full_jpeg()
    assert found(slides.to_bytes(base), decode=True) == {}
    frames = slides.frames_of(base)
    at = frames[0].index(b"\xff\xc4") + 4
    broken = frames[0][:at] + b"\xff" * 17 + frames[0][at + 17 :]
    data = slides.to_bytes(slides.put_frames(base, [broken, *frames[1:]]))
    assert found(data, decode=True) == {"PIX101": "error"}
    assert found(data) == {}


def test_what_no_decoder_is_for_is_undecided() -> None:
    data = grey([jpeg(0xC3, b"\1\0\0", tables=HUFFMAN)], "1.2.840.10008.1.2.4.57")
    result = check(data, decode=True)
    assert result.outcomes["PIX101"] in ("undecided", "fail")  # whether a decoder is installed decides


JPEG = slides.to_bytes(slides.full_jpeg())
KINDS = (
    JPEG,
    slides.to_bytes(slides.full_j2k_lossy()),
    slides.to_bytes(slides.full_jpeg(), offset_table="extended"),
    slides.to_bytes(slides.full_jpeg(), offset_table="empty", fragments_per_frame=2),
    grey([rle(2), rle(2)], RLE),
)


@settings(max_examples=150, deadline=None)
@example(
    data=JPEG, places=[(0.9224049224142388, b"\x02\x01")], cut=0.9375
)  # cut, and a header that is cut in itself
@given(
    data=st.sampled_from(KINDS),
    places=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), max_size=6),
    cut=st.floats(0.3, 1),
)
def test_damage_never_crashes_a_rule(data: bytes, places: list[tuple[float, bytes]], cut: float) -> None:
    damaged = bytearray(data)
    for place, new in places:
        # Mostly in the pixels and what describes them, which come last.
        at = int(len(damaged) * (0.02 + 0.98 * place))
        damaged[at : at + len(new)] = new
    checked = checker(frames="all").check_buffer(
        Task("x", True), WholeBuffer(bytes(damaged[: int(len(data) * cut)]))
    )
    if checked is not None:
        assert "error" not in checked.outcomes.values(), checked.undecided
