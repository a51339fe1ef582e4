"""What the headers of compressed frames say, and the scan over all frames of an instance."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from dcmlint.dicom.codestreams import (
    EXPECTED,
    Codestream,
    chroma_subsampled,
    frame_start_test,
    lossless,
    read_codestream,
    read_header,
    surely_rgb,
    surely_ycbcr,
)
from dcmlint.dicom.codestreams.frames import FrameSummary, scan_frames
from dcmlint.dicom.encapsulation import read_fragments
from dcmlint.dicom.frame_map import map_frames

JPEG, JPEG_LL, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
J2K, JXL, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.112", "1.2.840.10008.1.2.5"
CORPUS = Path(os.environ.get("DCMLINT_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


def picture(seed: int = 1, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    width, height = size
    x = np.arange(width)[None, :] * (seed * 3 + 1)
    y = np.arange(height)[:, None] * (seed * 5 + 2)
    planes = [(x + y * k) % 256 for k in (1, 2, 3)]
    image = Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))
    return image.convert(mode)


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, "JPEG", **options)  # type: ignore[arg-type]
    return out.getvalue()


def j2k(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, "JPEG2000", **{"no_jp2": True, **options})  # type: ignore[arg-type]
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def insert(stream: bytes, *segments: bytes) -> bytes:
    """The JPEG with segments right after SOI."""
    return stream[:2] + b"".join(segments) + stream[2:]


def without(stream: bytes, *markers: int) -> bytes:
    """The JPEG without the segments of these markers before its scan."""
    out, at = stream[:2], 2
    while True:
        marker, length = stream[at + 1], struct.unpack(">H", stream[at + 2 : at + 4])[0]
        if marker not in markers:
            out += stream[at : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            return out + stream[at:]


def codes(stream: Codestream) -> list[str]:
    return [problem.code for problem in stream.problems]


def tiny_jpeg(
    sof: int = 0xC0,
    *,
    height: int = 16,
    width: int = 16,
    precision: int = 8,
    ids: bytes = b"\1",
    scan: tuple[int, int, int] = (0, 63, 0),
    extra: bytes = b"",
    data: bytes = b"\x12\x34",
) -> bytes:
    frame = struct.pack(">BHHB", precision, height, width, len(ids)) + b"".join(
        bytes((k, 0x11, 0)) for k in ids
    )
    start = bytes((len(ids),)) + b"".join(bytes((k, 0)) for k in ids) + bytes(scan)
    return b"\xff\xd8" + extra + segment(sof, frame) + segment(0xDA, start) + data + b"\xff\xd9"


# JPEG -------------------------------------------------------------------------------------------------


def test_jpeg_baseline():
    data = jpeg(subsampling="4:2:0")
    stream = read_codestream(data)
    assert (stream.kind, stream.process, stream.process_marker) == ("jpeg", "baseline", 0xC0)
    assert (stream.width, stream.height, stream.components, stream.precision) == (40, 30, 3, 8)
    assert stream.subsampling == ((2, 2), (1, 1), (1, 1))
    assert stream.component_ids == (1, 2, 3)
    assert (stream.jfif, stream.adobe, stream.colour_transform) == (True, False, None)
    assert stream.has_dqt
    assert stream.has_dht
    assert stream.complete is True
    assert stream.end_offset == len(data)
    assert data[stream.header_length - 3 : stream.header_length] == b"\x00\x3f\x00"
    assert stream.problems == ()
    assert lossless(stream) is False
    assert surely_ycbcr(stream)
    assert not surely_rgb(stream)


@pytest.mark.parametrize(
    ("subsampling", "factors", "subsampled"),
    [("4:4:4", (1, 1), False), ("4:2:2", (2, 1), True), ("4:2:0", (2, 2), True)],
)
def test_jpeg_subsampling(subsampling: str, factors: tuple[int, int], subsampled: bool):
    stream = read_codestream(jpeg(subsampling=subsampling))
    assert stream.subsampling[0] == factors
    assert chroma_subsampled(stream) is subsampled
    # JFIF alone proves nothing: some scanners write it with RGB samples.
    assert surely_ycbcr(stream) is subsampled


def test_jpeg_progressive_and_gray():
    assert read_codestream(jpeg(progressive=True)).process == "progressive"
    gray = read_codestream(jpeg(picture(mode="L")))
    assert (gray.components, gray.component_ids) == (1, (1,))
    assert not chroma_subsampled(gray)
    assert not surely_ycbcr(gray)


def test_jpeg_kept_in_rgb():
    stream = read_codestream(jpeg(keep_rgb=True))
    assert stream.component_ids == (82, 71, 66)
    assert surely_rgb(stream)
    assert not surely_ycbcr(stream)


@pytest.mark.parametrize(
    ("transform", "rgb", "ycbcr"), [(0, True, False), (1, False, True), (2, False, False)]
)
def test_jpeg_app14(transform: int, rgb: bool, ycbcr: bool):
    app14 = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    stream = read_codestream(insert(jpeg(subsampling="4:4:4"), app14))
    assert (stream.adobe, stream.colour_transform) == (True, transform)
    assert (surely_rgb(stream), surely_ycbcr(stream)) == (rgb, ycbcr)


def test_contradicting_marks_are_not_sure():
    app14 = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    stream = read_codestream(insert(jpeg(subsampling="4:2:0"), app14))
    assert not surely_rgb(stream)
    assert not surely_ycbcr(stream)


def test_jpeg_metadata():
    data = insert(
        jpeg(),
        segment(0xE1, b"Exif\0\0MM\0*"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        segment(0xFE, b"scanned by"),
        segment(0xFE, b""),
        segment(0xE2, b"ICC_PROFILE\0\1\1"),
        segment(0xDD, b"\0\x40"),
    )
    stream = read_codestream(data)
    assert (stream.exif, stream.xmp, stream.icc) == (True, True, True)
    assert stream.comment_lengths == (10, 0)
    assert stream.restart_interval == 64
    assert stream.problems == ()


def test_jpeg_without_tables():
    stream = read_codestream(without(jpeg(), 0xDB, 0xC4))
    assert not stream.has_dqt
    assert not stream.has_dht
    assert stream.problems == ()
    assert stream.complete


def test_jpeg_extended_12_bit():
    stream = read_codestream(tiny_jpeg(0xC1, precision=12))
    assert (stream.process, stream.precision) == ("extended", 12)


@pytest.mark.parametrize(("point_transform", "want"), [(0, True), (2, False)])
def test_jpeg_lossless(point_transform: int, want: bool):
    stream = read_codestream(tiny_jpeg(0xC3, precision=16, scan=(1, 0, point_transform)))
    assert (stream.process, stream.predictor, stream.point_transform) == ("lossless", 1, point_transform)
    assert lossless(stream) is want


def test_number_of_lines_after_the_scan():
    data = tiny_jpeg(height=0, data=b"\x12\x34\xff\x00" * 20000 + b"\xff\xdc\x00\x04\x01\x02")
    stream = read_codestream(data)
    assert (stream.height, stream.dnl) == (0x102, True)
    stream = read_codestream(tiny_jpeg(height=0))
    assert (stream.height, codes(stream)) == (0, ["number-of-lines-not-found"])


@pytest.mark.parametrize(
    ("tail", "complete", "surplus"),
    [
        (b"", True, False),
        (b"\0", True, False),
        (b"\xff", True, False),
        (b"\0\0\0", True, True),
        (b"\0" * 5000, False, False),
    ],
)
def test_the_end_marker_and_what_follows(tail: bytes, complete: bool, surplus: bool):
    data = jpeg()
    stream = read_codestream(data + tail)
    assert stream.complete is complete
    assert ("bytes-after-end" in codes(stream)) is surplus
    assert stream.end_offset == (len(data) if complete else None)


def test_a_cut_frame_is_not_complete():
    data = jpeg()
    stream = read_codestream(data[: len(data) - 100])
    assert stream.complete is False
    assert stream.problems == ()
    # The end marker of a thumbnail in the header is not the frame's.
    thumbnail = insert(jpeg(), segment(0xE1, b"Exif\0\0" + b"\xff\xd8\xff\xd9"))
    header = read_codestream(thumbnail).header_length
    assert read_codestream(thumbnail[: header + 40]).complete is False


def test_fill_bytes():
    data = jpeg()
    stream = read_codestream(b"\xff\xff" + data)
    assert (stream.kind, stream.width, codes(stream)) == ("jpeg", 40, ["fill-before-start"])
    stream = read_codestream(data[:2] + b"\xff\xff\xff" + data[2:-2] + b"\xff\xff" + data[-2:])
    assert (stream.width, stream.complete, codes(stream)) == (40, True, [])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xd8\xff\xd9", "end-before-scan"),
        (b"\xff\xd8", "truncated-header"),
        (b"\xff\xd8\xff\xe0\0\1", "segment-length"),
        (b"\xff\xd8\xff\xe0\x40\0abc", "truncated-header"),
        (b"\xff\xd8\xff\xd8" + tiny_jpeg()[2:], "stray-marker"),
        (b"\xff\xd8abc" + tiny_jpeg()[2:], "bytes-between-segments"),
        (b"\xff\xd8" + segment(0xDA, bytes(6)), "scan-header-length"),
        (b"\xff\xd8" + segment(0xDA, b"\1\1\0\0\x3f\0"), "no-frame-header"),
        (tiny_jpeg(extra=segment(0xC0, b"\x08\0\x10")), "frame-header-length"),
        (tiny_jpeg(extra=segment(0xC0, b"\x08\0\x10\0\x10\1\1\x11\0")), "several-frame-headers"),
        (tiny_jpeg(ids=b""), "frame-header-length"),
        (b"\xff\xd8" + segment(0xE5, b"") * 2000, "too-many-segments"),
    ],
)
def test_jpeg_damage(data: bytes, code: str):
    assert code in codes(read_codestream(data))


# JPEG-LS ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("near", "want"), [(0, True), (3, False)])
def test_jpegls(near: int, want: bool):
    stream = read_codestream(tiny_jpeg(0xF7, precision=12, scan=(near, 0, 0)))
    assert (stream.kind, stream.near, stream.precision, stream.complete) == ("jpegls", near, 12, True)
    assert lossless(stream) is want


def test_jpegls_size_above_65535():
    lse = segment(0xF8, b"\4\4" + struct.pack(">II", 70000, 80000))
    stream = read_codestream(tiny_jpeg(0xF7, height=0, width=0, scan=(0, 0, 0), extra=lse))
    assert (stream.height, stream.width, stream.problems) == (70000, 80000, ())


# JPEG 2000 --------------------------------------------------------------------------------------------

needs_openjpeg = pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without OpenJPEG")


def siz(
    width: int = 16, height: int = 16, x0: int = 0, y0: int = 0, parts: bytes = b"\7\1\1", tile: int = 16
) -> bytes:
    body = struct.pack(">H8IH", 0, width, height, x0, y0, tile, tile, 0, 0, len(parts) // 3) + parts
    return segment(0x51, body)


def tiny_j2k(*segments: bytes, tile_segments: bytes = b"", size: bytes | None = None, mct: int = 0) -> bytes:
    cod = segment(0x52, bytes((0, 2, 0, 1, mct, 5, 4, 4, 0, 1)))
    qcd = segment(0x5C, b"\x40\x40")
    tile = segment(0x90, struct.pack(">HIBB", 0, 0, 0, 1)) + tile_segments + b"\xff\x93\x12\x34"
    return (
        b"\xff\x4f" + (siz() if size is None else size) + cod + qcd + b"".join(segments) + tile + b"\xff\xd9"
    )


@needs_openjpeg
def test_j2k_reversible_and_not():
    stream = read_codestream(j2k(irreversible=False, mct=1))
    assert (stream.kind, stream.width, stream.height) == ("jpeg2000", 40, 30)
    assert (stream.components, stream.precision, stream.signed, stream.tiles) == (3, 8, False, 1)
    assert (stream.mct, stream.reversible, stream.progression) == (True, True, "LRCP")
    assert stream.complete
    assert stream.problems == ()
    # Layers may have been cut: the header does not tell.
    assert lossless(stream) is None
    stream = read_codestream(j2k(irreversible=True, quality_layers=[20], mct=0))
    assert (stream.mct, stream.reversible) == (False, False)
    assert lossless(stream) is False


@needs_openjpeg
def test_jp2_boxes_are_told_from_a_code_stream():
    stream = read_codestream(j2k(no_jp2=False))
    assert (stream.kind, stream.width, stream.mct is not None) == ("jp2-box", 40, True)
    assert stream.problems == ()
    assert codes(read_codestream(j2k(no_jp2=False)[:60])) == ["no-code-stream-box"]


def test_j2k_image_offset():
    stream = read_codestream(tiny_j2k(size=siz(30, 20, 10, 5, b"\x8b\1\1" * 2, 10)))
    assert (stream.width, stream.height, stream.tiles) == (20, 15, 6)
    assert (stream.precision, stream.signed, stream.progression) == (12, True, "RPCL")


def test_j2k_subsampling_is_by_separation():
    stream = read_codestream(tiny_j2k(size=siz(parts=b"\7\1\1\7\2\2\7\2\2")))
    assert stream.subsampling == ((1, 1), (2, 2), (2, 2))
    assert chroma_subsampled(stream)


def test_high_throughput():
    cap = segment(0x50, struct.pack(">IH", 1 << 17, 0))
    stream = read_codestream(tiny_j2k(cap))
    assert (stream.kind, stream.reversible, stream.problems) == ("htj2k", True, ())


def test_a_component_or_a_tile_may_be_irreversible():
    coc = segment(0x53, bytes((0, 0, 5, 4, 4, 0, 0)))
    assert read_codestream(tiny_j2k(coc)).reversible is False
    cod = segment(0x52, bytes((0, 2, 0, 1, 1, 5, 4, 4, 0, 0)))
    stream = read_codestream(tiny_j2k(tile_segments=cod))
    assert (stream.reversible, stream.mct) == (False, True)


def test_j2k_comment():
    assert read_codestream(tiny_j2k(segment(0x64, b"\0\1made by"))).comment_lengths == (7,)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\x4f\xff\x51", "truncated-header"),
        (b"\xff\x4f\xff\x52\0\1", "segment-length"),
        (b"\xff\x4f\xff\xd9", "end-before-scan"),
        (b"\xff\x4f\xff\x93", "no-scan"),
        (tiny_j2k(size=b""), "size-marker-missing"),
        (b"\xff\x4f" + siz() + b"\xff\xd9", "coding-style-missing"),
        (b"\xff\x4f" + siz() + b"\xff\xd9", "quantization-missing"),
        (tiny_j2k(size=segment(0x64, b"\0\1") + siz()), "stray-marker"),
        (tiny_j2k(size=siz(parts=b"\7\1\1\x0b\1\1")), "mixed-precision"),
        (tiny_j2k(size=segment(0x51, bytes(10))), "segment-length"),
        (tiny_j2k(b"xx"), "bytes-between-segments"),
        (b"\xff\x4f" + segment(0x64, b"ab") * 2000, "too-many-segments"),
    ],
)
def test_j2k_damage(data: bytes, code: str):
    assert code in codes(read_codestream(data))


# JPEG XL: the first bytes of what libjxl writes -------------------------------------------------------

JXL_CONTAINER = "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20"


@pytest.mark.parametrize(
    ("opening", "size", "components", "precision", "process", "want"),
    [
        pytest.param("ff0ae8301009080402", (40, 30), 3, 8, "modular", None, id="lossless RGB"),
        pytest.param("ff0ae8b0010013ab", (40, 30), 3, 8, "vardct", False, id="lossy RGB"),
        pytest.param("ff0ae830901437020154", (40, 30), 1, 8, "vardct", False, id="lossy gray"),
        pytest.param("ff0ae83018142d020804", (40, 30), 1, 12, "modular", None, id="12 bit gray"),
        pytest.param("ff0ae830b0120810", (40, 30), 4, 8, "modular", None, id="alpha"),
        pytest.param("ff0a5889ce07088a1b010802", (1000, 300), 1, 8, "modular", None, id="large"),
        pytest.param(
            JXL_CONTAINER + "000000636a786c63" + "ff0ae8301009080402",
            (40, 30),
            3,
            8,
            "modular",
            None,
            id="boxes",
        ),
        pytest.param(
            JXL_CONTAINER
            + "0000000e6a786c7000000000ff0a"  # the code stream in two parts, with jbrd between
            + "0000000a6a6272640000"
            + "000000146a786c7080000001e830100908040200",
            (40, 30),
            3,
            8,
            "jpeg-recompression",
            None,
            id="parts",
        ),
    ],
)
def test_jpegxl(
    opening: str, size: tuple[int, int], components: int, precision: int, process: str, want: bool | None
):
    stream = read_codestream(bytes.fromhex(opening))
    assert stream.kind == "jpegxl"
    assert (stream.width, stream.height) == size
    assert (stream.components, stream.precision, stream.process) == (components, precision, process)
    assert stream.complete is None
    assert stream.problems == ()
    assert lossless(stream) is want


def test_jpegxl_metadata_boxes_and_damage():
    boxes = bytes.fromhex(JXL_CONTAINER) + b"\0\0\0\x0cExif\0\0\0\0" + b"\0\0\0\x0cbrobxml "
    stream = read_codestream(boxes)
    assert (stream.exif, stream.xmp, codes(stream)) == (True, True, ["no-code-stream-box"])
    assert codes(read_codestream(b"\xff\x0a")) == ["truncated-header"]
    assert codes(read_codestream(boxes + b"\0\0\0\x0cjxlcabcd")) == ["signature"]


# RLE and what is none of them -------------------------------------------------------------------------


def rle(*offsets: int, count: int | None = None, size: int = 200) -> bytes:
    words = [len(offsets) if count is None else count, *offsets, *[0] * (15 - len(offsets))]
    return struct.pack("<16I", *words).ljust(size, b"\0")


def test_rle():
    stream = read_codestream(rle(64, 100, 150), RLE)
    assert (stream.kind, stream.segments, stream.problems, stream.complete) == ("rle", 3, (), None)
    assert lossless(stream) is True
    assert read_codestream(rle(64, 100, 150)).kind == "rle"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\1\0\0\0", "truncated-header"),
        (rle(64, count=0), "segment-count"),
        (rle(64, count=16), "segment-count"),
        (rle(60), "segment-offsets"),
        (rle(64, 150, 100), "segment-offsets"),
        (rle(64, 300), "segment-offsets"),
        (rle(64, 100, count=1), "segment-offsets"),
    ],
)
def test_rle_damage(data: bytes, code: str):
    assert codes(read_codestream(data, RLE)) == [code]


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty"), (b"II*\0\x08\0\0\0", "not-a-code-stream"), (bytes(100), "not-a-code-stream")],
)
def test_unknown(data: bytes, code: str):
    stream = read_codestream(data, JPEG)
    assert (stream.kind, codes(stream), stream.complete) == ("unknown", [code], None)


def test_a_jpeg_under_the_rle_transfer_syntax_is_seen():
    assert read_codestream(jpeg(), RLE).kind == "jpeg"


def test_expected_is_what_is_read():
    assert EXPECTED[JPEG].kind == read_codestream(jpeg()).kind
    assert EXPECTED[JPEG].processes == ("baseline",)
    assert EXPECTED[J2K].reversible is True


# All frames of an instance ----------------------------------------------------------------------------


def encapsulate(values: list[bytes], pad: bool = True) -> bytes:
    parts = [struct.pack("<II", 0xE000FFFE, 0)]
    for value in values:
        padded = value + b"\0" if pad and len(value) % 2 else value
        parts += [struct.pack("<II", 0xE000FFFE, len(padded)), padded]
    return b"".join(parts) + struct.pack("<II", 0xE0DDFFFE, 0)


def scan(
    values: list[bytes], uid: str, frames: int | None = None, which: list[int] | None = None
) -> FrameSummary:
    data = encapsulate(values)
    fragments = read_fragments(data, 0, len(data))
    found = map_frames(
        fragments, len(values) if frames is None else frames, None, frame_start_test(data, fragments, uid)
    )
    return scan_frames(data, fragments, found, uid, None if which is None else np.array(which, np.int64))


def test_equal_headers_are_one_group():
    values = [jpeg(picture(k)) for k in range(1, 6)] + [jpeg(picture(9, (20, 20)))] + [jpeg(picture(7))]
    summary = scan(values, JPEG)
    assert [group.frames.tolist() for group in summary.groups] == [[0, 1, 2, 3, 4, 6], [5]]
    assert [group.codestream.width for group in summary.groups] == [40, 20]
    assert (summary.examined, summary.total) == (7, 7)
    assert not len(summary.incomplete)
    assert not len(summary.ungrouped)
    assert summary.payload_bytes == sum(len(value) + len(value) % 2 for value in values)


def test_fitted_huffman_tables_do_not_split_a_group():
    values = [jpeg(picture(k), optimize=True) for k in range(1, 12)]
    assert len({value[:400] for value in values}) > 5
    summary = scan(values, JPEG)
    assert [len(group.frames) for group in summary.groups] == [11]


def test_frames_that_differ_from_the_rest():
    plain = [jpeg(picture(k)) for k in range(1, 5)]
    values = [
        *plain,
        without(jpeg(picture(5)), 0xDB, 0xC4),  # 4
        plain[0][:-60],  # 5: cut
        jpeg(picture(6)) + b"\0\0\0\0",  # 6: more than a pad byte
        b"",  # 7
        jpeg(picture(7), progressive=True),  # 8
        insert(jpeg(picture(8)), segment(0xFE, b"a comment")),  # 9
        plain[1][: read_header(plain[1]).header_length - 10],  # 10: cut in the header
        plain[2],
        b"\xff\xd8\xff\xd9",  # 12
    ]
    summary = scan(values, JPEG)
    assert summary.incomplete.tolist() == [5, 10]
    assert summary.surplus.tolist() == [6]
    assert summary.empty.tolist() == [7]
    assert summary.where("comment_lengths").tolist() == [9]
    kinds = {k: group.codestream for group in summary.groups for k in group.frames.tolist()}
    assert sorted(kinds) == list(range(13))
    assert kinds[7].kind == "unknown"
    assert kinds[8].process == "progressive"
    assert not kinds[4].has_dht
    assert kinds[5] is kinds[11] is kinds[0]
    assert codes(kinds[10]) == ["truncated-header"]


def test_the_scan_agrees_with_reading_each_frame():
    values = [jpeg(picture(k), quality=20 + 15 * (k % 5), optimize=bool(k % 3)) for k in range(1, 30)]
    values += [value[: len(value) - 7 * (k % 2)] for k, value in enumerate(values)]
    summary = scan(values, JPEG)
    of = {k: group.codestream for group in summary.groups for k in group.frames.tolist()}
    for k, value in enumerate(values):
        alone = read_codestream(value + b"\0" * (len(value) % 2))
        assert (of[k].width, of[k].has_dht, of[k].subsampling) == (
            alone.width,
            alone.has_dht,
            alone.subsampling,
        )
        assert (alone.complete is False) == (k in summary.incomplete)


def test_frames_in_pieces():
    whole = [jpeg(picture(k)) for k in range(1, 4)]
    pieces, cuts = [], (100, 700, 701)
    for value in whole:
        pieces += [value[a:b] for a, b in zip((0, *cuts), (*cuts, len(value)), strict=True)]
    summary = scan(pieces, JPEG, frames=3)
    assert [len(group.frames) for group in summary.groups] == [3]
    assert summary.groups[0].codestream.width == 40
    assert summary.groups[0].codestream.problems == ()


def test_only_some_frames():
    values = [jpeg(picture(k)) for k in range(1, 9)]
    values[6] = values[6][:-40]
    summary = scan(values, JPEG, which=[6, 2, 2, 99, -1, 3])
    assert (summary.examined, summary.total) == (3, 8)
    assert summary.groups[0].frames.tolist() == [2, 3, 6]
    assert summary.incomplete.tolist() == [6]


def test_long_headers():
    profile = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(9000))
    summary = scan([insert(jpeg(picture(k)), profile) for k in range(1, 6)], JPEG)
    assert [len(group.frames) for group in summary.groups] == [5]
    assert summary.groups[0].codestream.icc


@needs_openjpeg
def test_j2k_frames():
    values = [j2k(picture(k), irreversible=False) for k in range(1, 6)]
    values.append(j2k(picture(7), irreversible=True))
    values.append(values[0][:-9])
    summary = scan(values, J2K)
    assert [group.frames.tolist() for group in summary.groups] == [[0, 1, 2, 3, 4, 6], [5]]
    assert summary.incomplete.tolist() == [6]


def test_a_tile_header_that_overrides_is_seen_behind_an_equal_main_header():
    cod = segment(0x52, bytes((0, 2, 0, 1, 1, 5, 4, 4, 0, 0)))
    plt = segment(0x58, b"\0\1\2")
    summary = scan(
        [tiny_j2k(), tiny_j2k(), tiny_j2k(tile_segments=cod), tiny_j2k(tile_segments=plt), tiny_j2k()], J2K
    )
    assert [group.frames.tolist() for group in summary.groups] == [[0, 1, 3, 4], [2]]


def test_rle_and_jpegxl_frames():
    values = [rle(64, 100, size=150 + 2 * k) for k in range(5)] + [rle(64)]
    assert [len(group.frames) for group in scan(values, RLE).groups] == [5, 1]
    opening = bytes.fromhex("ff0ae83010090804")
    summary = scan([opening + bytes([k]) * 40 for k in range(5)], JXL)
    assert [len(group.frames) for group in summary.groups] == [5]
    assert not len(summary.incomplete)


def test_blank_frames():
    blank = jpeg(Image.new("RGB", (40, 30), (240, 240, 240)))
    values = [jpeg(picture(k)) for k in range(1, 8)] + [blank] * 4 + [jpeg(picture(9))]
    summary = scan(values, JPEG)
    assert summary.identical is not None
    assert summary.identical.frames.tolist() == [7, 8, 9, 10]
    assert summary.identical.estimate == 4
    distinct = [jpeg(picture(k, (16, 16)), quality=30) for k in range(1, 8)]
    assert len(set(distinct)) == 7
    assert scan(distinct, JPEG).identical is None


def test_no_frames():
    summary = scan([], JPEG)
    assert (summary.groups, summary.examined, summary.identical) == ((), 0, None)


def test_frame_starts():
    data = encapsulate([jpeg()[:100], jpeg()[100:], jpeg()])
    fragments = read_fragments(data, 0, len(data))
    test = frame_start_test(data, fragments, JPEG)
    assert test is not None
    assert [test(k) for k in range(3)] == [True, False, True]
    assert frame_start_test(data, fragments, RLE) is None
    assert frame_start_test(data, fragments, "1.2.840.10008.1.2.4.102") is None


# Any bytes --------------------------------------------------------------------------------------------

SAMPLES = [
    jpeg(),
    jpeg(progressive=True),
    jpeg(keep_rgb=True, optimize=True),
    tiny_jpeg(height=0, data=b"\xff\xdc\0\4\0\1"),
    tiny_jpeg(0xF7, extra=segment(0xF8, b"\4\4" + bytes(8))),
    tiny_j2k(segment(0x53, bytes(9)), segment(0x50, b"\0\2\0\0\0\0")),
    rle(64, 80, 99),
    bytes.fromhex(JXL_CONTAINER + "000000636a786c63ff0ae8301009080402"),
    bytes.fromhex("ff0ae830901437020154"),
    *([j2k(), j2k(no_jp2=False)] if features.check("jpg_2000") else []),
]
UIDS = [None, JPEG, J2K, JXL, RLE]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, min(len(data) - 1, 700)))
        way = draw(st.sampled_from("scid"))
        if way == "s":
            data[at] = draw(st.integers(0, 255))
        elif way == "c" and at:
            del data[at:]
        elif way == "i":
            data[at:at] = draw(st.binary(max_size=5))
        elif len(data) > 3:
            del data[at : at + draw(st.integers(1, 3))]
        if not data:
            break
    return bytes(data)


@settings(max_examples=400)
@given(data=damaged() | st.binary(max_size=200), uid=st.sampled_from(UIDS))
def test_any_code_stream(data: bytes, uid: str | None):
    stream = read_codestream(data, uid)
    assert 0 <= stream.header_length <= len(data)
    for problem in stream.problems:
        assert 0 <= problem.offset <= len(data)
        assert problem.message
    assert stream.end_offset is None or stream.end_offset <= len(data)
    lossless(stream), surely_rgb(stream), surely_ycbcr(stream), hash(stream)


@settings(max_examples=100)
@given(
    values=st.lists(damaged() | st.binary(max_size=40), max_size=8),
    uid=st.sampled_from(UIDS[1:]),
    frames=st.integers(0, 9),
)
def test_a_scan_of_any_frames(values: list[bytes], uid: str, frames: int):
    data = encapsulate(values, pad=False)
    fragments = read_fragments(data, 0, len(data))
    found = map_frames(fragments, frames, None, frame_start_test(data, fragments, uid))
    summary = scan_frames(data, fragments, found, uid)
    grouped = np.concatenate([group.frames for group in summary.groups] or [np.zeros(0, np.int64)])
    assert sorted(grouped.tolist()) == list(range(len(found)))
    for group in summary.groups:
        for k in group.frames.tolist():
            a, n = int(found.first_fragment[k]), int(found.count[k])
            where, sizes = fragments.offsets[a : a + n], fragments.lengths[a : a + n]
            frame = b"".join(data[at + 8 : at + 8 + size] for at, size in zip(where, sizes, strict=True))
            alone = read_codestream(frame, uid)
            told = group.codestream
            assert (told.kind, told.width, told.height) == (alone.kind, alone.width, alone.height)
            assert (told.mct, told.reversible, told.has_dht) == (alone.mct, alone.reversible, alone.has_dht)
            assert (alone.complete is False) == (k in summary.incomplete)


# Files of others --------------------------------------------------------------------------------------


def pixel_data(data: bytes) -> int | None:
    """The first byte of the last Pixel Data value of undefined length."""
    at = max(data.rfind(b"\xe0\x7f\x10\x00" + vr + b"\0\0\xff\xff\xff\xff") for vr in (b"OB", b"OW"))
    return None if at < 0 else at + 12


@pytest.mark.parametrize(
    ("name", "kind", "frames"),
    [
        ("JPEG2000-embedded-sequence-delimiter.dcm", "jpeg2000", 1),
        ("JPEG2000.dcm", "jpeg2000", 1),
        ("JPEGLSNearLossless_16.dcm", "jpegls", 1),
        ("JPGExtended.dcm", "jpeg", 1),
        ("MR_small_RLE.dcm", "rle", 1),
        ("MR_small_jp2klossless.dcm", "jpeg2000", 1),
        ("MR_small_jpeg_ls_lossless.dcm", "jpegls", 1),
        ("SC_rgb_jpeg_app14_dcmd.dcm", "jpeg", 1),
        ("SC_rgb_rle_2frame.dcm", "rle", 2),
        ("rtdose_rle.dcm", "rle", 15),
    ],
)
def test_files_that_pydicom_ships(name: str, kind: str, frames: int):
    from pydicom.data import get_testdata_file

    path = get_testdata_file(name, read=False, download=False)
    if path is None:
        pytest.skip("not in this pydicom")
    data = Path(str(path)).read_bytes()
    start = pixel_data(data)
    assert start is not None
    fragments = read_fragments(data, start, len(data))
    found = map_frames(fragments, frames)
    assert found.by in ("bot", "one-to-one", "single-frame")
    summary = scan_frames(data, fragments, found, None)
    assert [len(group.frames) for group in summary.groups] == [frames]
    stream = summary.groups[0].codestream
    assert (stream.kind, stream.problems) == (kind, ())
    assert not len(summary.incomplete)
    assert fragments.delimited


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus")
def test_the_corpus():
    import json

    seen = 0
    for line in (CORPUS / "manifest.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        path = CORPUS / entry["path"]
        if entry.get("size", 0) > 20_000_000 or not path.is_file():
            continue
        data = path.read_bytes()
        start = pixel_data(data)
        if start is None:
            continue
        seen += 1
        fragments = read_fragments(data, start, len(data))
        assert fragments.problems == (), entry["path"]
        frames = int(entry["frames"] or 1)
        found = map_frames(fragments, frames, None, frame_start_test(data, fragments, JPEG))
        summary = scan_frames(data, fragments, found, None)
        assert not len(summary.incomplete), entry["path"]
        assert all(group.codestream.problems == () for group in summary.groups), entry["path"]
        assert all(group.codestream.kind != "unknown" for group in summary.groups), entry["path"]
        if "bioformats731-cmu-jpeg-pyr" in entry["path"]:
            assert found.by == "unknown"
            assert (len(fragments), len(found)) == (1, 1)
        else:
            assert found.by != "unknown", entry["path"]
            assert summary.total == frames
    assert seen > 50
