"""The scan over all frames of an instance, and the header of any code stream."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, features
from support.code_streams import (
    J2K,
    JPEG,
    JXL,
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
    tiny_j2k,
    tiny_jpeg,
    without,
)
from support.corpus import CORPUS

from dcmlint.dicom.codestreams import (
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


def test_more_ways_to_begin_than_are_kept_apart():
    values = [insert(tiny_jpeg(), segment(0xFE, struct.pack("<H", k))) + b"\0" * (k % 3) for k in range(300)]
    values += values[:5] + values[290:295]
    fragments = read_fragments(encapsulate(values), 0, 1 << 30)
    assert fragments.glance is not None
    kinds = fragments.glance.kinds
    assert kinds[:255].tolist() == list(range(1, 256))
    assert not kinds[255:].any()
    summary = scan(values, JPEG)
    assert [len(group.frames) for group in summary.groups] == [310]
    assert summary.surplus.tolist() == [k for k, value in enumerate(values) if value.endswith(b"\0\0")]


def test_ways_to_begin_that_take_turns():
    one, other = tiny_jpeg(), insert(tiny_jpeg(), segment(0xFE, b"other"))
    values = [one, other, b"\xff\xd8", one, b"", other, other, one[:-4]]
    fragments = read_fragments(encapsulate(values), 0, 1 << 30)
    assert fragments.glance is not None
    assert fragments.glance.kinds.tolist() == [1, 2, 0, 1, 0, 2, 2, 1]
    assert scan(values, JPEG).incomplete.tolist() == [2, 7]


def test_a_pad_byte_that_is_not_counted_hides_no_end():
    odd = tiny_jpeg() if len(tiny_jpeg()) % 2 else insert(tiny_jpeg(), segment(0xFE, b"a"))
    assert len(odd) % 2
    item = struct.pack("<II", 0xE000FFFE, len(odd)) + odd + b"\0"
    cut = struct.pack("<II", 0xE000FFFE, len(odd)) + odd[:-1] + b"\0\0"
    data = struct.pack("<II", 0xE000FFFE, 0) + item * 2 + cut + item + struct.pack("<II", 0xE0DDFFFE, 0)
    fragments = read_fragments(data, 0, len(data))
    assert [problem.code for problem in fragments.problems] == ["odd-length-padded", "odd-length"]
    summary = scan_frames(data, fragments, map_frames(fragments, 4), JPEG)
    assert summary.incomplete.tolist() == [2]


def test_a_scan_too_short_for_its_samples_is_not_complete():
    # One bit for each sample (lossless), two for each block of 8 by 8: nothing is shorter.
    long, short = bytes(64), b"\x12\x34"
    for process, size, enough in ((0xC3, 16, 32), (0xC0, 128, 64)):
        frames = [
            tiny_jpeg(process, height=size, width=size, scan=(1, 63, 0), data=data)
            for data in (long, long[:enough], short)
        ]
        frames = [frame + b"\0" * (len(frame) % 2) for frame in frames]
        assert scan(frames, JPEG).incomplete.tolist() == [2]
    progressive = tiny_jpeg(0xC2, height=128, width=128, data=short)
    assert scan([progressive], JPEG).incomplete.tolist() == []


def test_lines_that_only_dnl_tells():
    # DNL after the first scan: ISO/IEC 10918-1 B.2.5
    tall, low = (tiny_jpeg(height=0, data=b"\x12\xff\xdc\0\4\0" + bytes([lines])) for lines in (48, 16))
    summary = scan([tall, low, tall], JPEG)
    assert {group.codestream.height: group.frames.tolist() for group in summary.groups} == {
        48: [0, 2],
        16: [1],
    }


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


# The boxes of a JP2 file (ISO/IEC 15444-1 Annex I) whose code stream has no byte.
JP2_OF_NOTHING = bytes.fromhex(
    "0000000C6A5020200D0A870A 00000014667479706A703220000000006A703220 000000006A703263"
)


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
@example(data=JP2_OF_NOTHING, uid=None)
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


def test_a_second_code_stream_is_found_and_a_thumbnail_is_none() -> None:
    plain = tiny_jpeg()
    thumbnail = insert(plain, segment(0xE1, b"Exif\0\0" + plain))
    found = scan([plain, plain + plain, thumbnail, plain + b"\xff\xff"], JPEG)
    assert found.several.tolist() == [1]
    assert scan([tiny_j2k(), tiny_j2k() * 2], J2K).several.tolist() == [1]
