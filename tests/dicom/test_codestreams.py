"""What the headers of compressed frames say."""

from __future__ import annotations

import struct

import pytest
from support.code_streams import (
    J2K,
    JPEG,
    JXL_CONTAINER,
    RLE,
    codes,
    insert,
    j2k,
    jpeg,
    needs_openjpeg,
    picture,
    rle,
    segment,
    siz,
    tiny_j2k,
    tiny_jpeg,
    without,
)

from dcmlint.dicom.codestreams import (
    EXPECTED,
    chroma_subsampled,
    lossless,
    read_codestream,
    read_header,
    surely_rgb,
    surely_ycbcr,
)
from dcmlint.dicom.codestreams.rle import unpacked_lengths

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
        (tiny_jpeg().replace(b"\1\x11\0", b"\1\x51\0"), "out-of-range"),
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


def test_j2k_size_is_that_of_the_finest_component():
    assert read_codestream(tiny_j2k(size=siz(parts=b"\7\2\2"))).width == 8
    stream = read_codestream(tiny_j2k(size=siz(17, 15, 3, 0, b"\7\2\2\7\2\4")))
    assert (stream.width, stream.height) == (7, 8)


def test_j2k_resolutions():
    stream = read_codestream(tiny_j2k(segment(0x55, b"\0\x40\0\0\0\x10")))
    assert (stream.levels, stream.tlm) == (5, True)
    assert read_codestream(tiny_j2k()).tlm is False


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
        (tiny_j2k(size=siz(tile=0)), "out-of-range"),
        (tiny_j2k(size=siz(parts=b"\7\0\1")), "out-of-range"),
        (tiny_j2k().replace(b"\xff\x90\0\x0a\0\0", b"\xff\x90\0\x0a\0\7"), "out-of-range"),
        (b"\xff\x4f" + segment(0x64, b"ab") * 2000, "too-many-segments"),
    ],
)
def test_j2k_damage(data: bytes, code: str):
    assert code in codes(read_codestream(data))


# JPEG XL: the first bytes of what libjxl writes -------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "size", "components", "precision", "process", "want"),
    [
        pytest.param("ff0ae8301009080402", (40, 30), 3, 8, "modular", None, id="lossless RGB"),
        pytest.param("ff0ae8b0010013ab", (40, 30), 3, 8, "vardct-xyb", False, id="lossy RGB"),
        pytest.param("ff0ae830901437020154", (40, 30), 1, 8, "vardct-xyb", False, id="lossy gray"),
        pytest.param("ff0a474024e05b021000fc04", (32, 32), 3, 8, "vardct", False, id="recompressed YCbCr"),
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
    stream = read_header(bytes.fromhex(opening))
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


def test_rle_unpacked_lengths():
    head = struct.pack("<16I", 2, 64, 68, *[0] * 13)
    # a run of 4, a no-operation, a pad byte; a literal run of 4
    whole = head + bytes([253, 7, 128, 0, 3, 1, 2, 3, 4, 0])
    assert unpacked_lengths(whole, 4) == [4, 4]
    assert unpacked_lengths(whole[:-3], 4) == [4, 2]
    assert unpacked_lengths(head + bytes(4), 4) == [2, 0]
