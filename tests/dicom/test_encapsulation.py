"""Encapsulated Pixel Data: items, frames, offset tables (PS3.5 A.4)."""

from __future__ import annotations

import mmap
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.dicom.buffers import RangeBuffer, WholeBuffer, open_file
from dcmlint.dicom.byte_ranges import FramePayload, release_pages
from dcmlint.dicom.encapsulation import Fragments, read_fragments
from dcmlint.dicom.frame_map import (
    check_basic_offset_table,
    check_extended_offset_table,
    frame_payload,
    map_frames,
    read_extended_offsets,
)

ITEM, DELIMITER = 0xE000FFFE, 0xE0DDFFFE
END = struct.pack("<II", DELIMITER, 0)


def item(value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<II", ITEM, len(value) if length is None else length) + value


def encapsulate(values: list[bytes], bot: list[int] | None = None, end: bytes = END) -> bytes:
    table = b"" if bot is None else struct.pack(f"<{len(bot)}I", *bot)
    return item(table) + b"".join(map(item, values)) + end


def codes(fragments: Fragments) -> list[str]:
    return [problem.code for problem in fragments.problems]


def read(data: bytes, **options: int) -> Fragments:
    return read_fragments(data, 0, len(data), **options)


VALUES = [b"ab", b"cdef", b"ghijkl"]
OFFSETS = [0, 10, 22]


def test_reads_items_and_table():
    data = encapsulate(VALUES, OFFSETS)
    fragments = read(b"xxxx" + data + b"tail")
    assert codes(fragments) == ["missing-bot-item", "foreign-tag", "no-delimiter"]
    fragments = read_fragments(b"xxxx" + data + b"tail", 4, len(data) + 8)
    assert fragments.problems == ()
    assert fragments.delimited
    assert fragments.end == 4 + len(data)
    assert fragments.first == 4 + 8 + 12
    assert (fragments.offsets - fragments.first).tolist() == OFFSETS
    assert fragments.lengths.tolist() == [2, 4, 6]
    assert fragments.bot is not None
    assert fragments.bot.tolist() == OFFSETS
    assert fragments.bot_length == 12


def test_empty_table_is_not_a_missing_one():
    fragments = read(encapsulate(VALUES))
    assert fragments.bot is not None
    assert len(fragments.bot) == 0
    assert fragments.problems == ()


def test_big_endian():
    swapped = b"".join(
        struct.pack(">HHI", 0xFFFE, element, len(value)) + value
        for element, value in [(0xE000, struct.pack(">I", 0)), (0xE000, b"abcd"), (0xE0DD, b"")]
    )
    fragments = read_fragments(swapped, 0, len(swapped), little_endian=False)
    assert fragments.problems == ()
    assert fragments.lengths.tolist() == [4]
    assert fragments.bot is not None
    assert fragments.bot.tolist() == [0]


@pytest.mark.parametrize(
    ("data", "wanted", "lengths", "delimited"),
    [
        pytest.param(b"", ["missing-bot-item", "no-delimiter"], [], False, id="nothing"),
        pytest.param(END, ["missing-bot-item"], [], True, id="only a delimiter"),
        pytest.param(item(b"") + END, [], [], True, id="no fragment"),
        pytest.param(encapsulate([b""]), ["zero-length"], [0], True, id="empty fragment"),
        pytest.param(encapsulate([b"abc", b"de"]), ["odd-length"], [3, 2], True, id="odd, not padded"),
        pytest.param(
            item(b"") + item(b"abc") + b"\0" + item(b"de") + END,
            ["odd-length-padded", "odd-length"],
            [3, 2],
            True,
            id="odd, pad byte not counted",
        ),
        pytest.param(encapsulate([b"ab"], end=b""), ["no-delimiter"], [2], False, id="no delimiter"),
        pytest.param(
            encapsulate([b"ab"], end=struct.pack("<II", DELIMITER, 4)),
            ["delimiter-length"],
            [2],
            True,
            id="delimiter with a length",
        ),
        pytest.param(
            item(b"") + item(b"abcd", 100), ["item-beyond-end", "no-delimiter"], [4], False, id="cut item"
        ),
        pytest.param(
            item(b"") + item(b"ab") + ITEM.to_bytes(4, "little"),
            ["truncated-item-header", "no-delimiter"],
            [2],
            False,
            id="cut header",
        ),
        pytest.param(
            item(b"") + item(b"ab") + b"\xfc\xff\xfc\xffOB\0\0" + END,
            ["foreign-tag", "no-delimiter"],
            [2],
            False,
            id="another element instead of the delimiter",
        ),
        pytest.param(
            item(b"") + item(b"abcd", 0xFFFFFFFF) + END,
            ["undefined-length", "no-delimiter"],
            [],
            False,
            id="undefined length",
        ),
        pytest.param(
            item(b"\xff\xd8\xff\xe0") + item(b"\xff\xd8\xff\xe0") + END,
            ["missing-bot-item"],
            [4, 4],
            True,
            id="no table, JPEG at once",
        ),
        pytest.param(
            item(struct.pack("<16I", 1, 64, *[0] * 14) + b"abcd") + END,
            ["missing-bot-item"],
            [68],
            True,
            id="no table, RLE at once",
        ),
        pytest.param(item(b"abcdef") + item(b"ab") + END, ["bot-length"], [2], True, id="table of 6 bytes"),
        pytest.param(item(b"abcd", 400), ["item-beyond-end", "no-delimiter"], [], False, id="cut table"),
    ],
)
def test_damage(data: bytes, wanted: list[str], lengths: list[int], delimited: bool):
    fragments = read(data)
    assert codes(fragments) == wanted
    assert fragments.lengths.tolist() == lengths
    assert fragments.delimited is delimited
    assert fragments.end <= len(data)


def test_the_end_is_where_another_element_begins():
    data = item(b"") + item(b"ab") + b"\xfc\xff\xfc\xffOB\0\0"
    fragments = read(data)
    assert fragments.end == len(data) - 8
    foreign = fragments.problems[0]
    assert foreign.offset == len(data) - 8
    assert "(FFFC,FFFC)" in foreign.message


def test_many_like_problems_are_one_with_a_count():
    fragments = read(encapsulate([b"ab", b"", b"abc", b"", b""]))
    empty, odd = fragments.problems
    assert (empty.code, empty.count, empty.fragment) == ("zero-length", 3, 1)
    assert empty.offset == fragments.offsets[1]
    assert (odd.code, odd.count, odd.fragment) == ("odd-length", 1, 2)


def test_the_number_of_items_is_bounded():
    fragments = read(encapsulate([b""] * 50), limit=20)
    assert len(fragments) == 20
    assert codes(fragments)[0] == "too-many-items"
    assert not fragments.delimited


def test_the_parent_bounds_the_search():
    data = encapsulate(VALUES)
    fragments = read_fragments(data, 0, len(data) - 12)
    assert "item-beyond-end" in codes(fragments)
    assert fragments.end == len(data) - 12


def test_all_kinds_of_buffer_agree(tmp_path):
    data = b"head" + encapsulate([bytes(2 * k) for k in range(1, 200)], [0])
    path = tmp_path / "data"
    path.write_bytes(data)
    want = read_fragments(data, 4, len(data))
    with path.open("rb") as handle:
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            results = [read_fragments(mapped, 4, len(data))]
            release_pages(mapped, 0, len(data))
            assert mapped[:4] == b"head"
        results.append(read_fragments(RangeBuffer.of_stream(handle), 4, len(data)))
    results.append(read_fragments(WholeBuffer(memoryview(data)), 4, len(data)))
    whole = open_file(path)
    results.append(read_fragments(whole, 4, len(data)))
    whole.close()
    for got in results:
        assert got.offsets.tolist() == want.offsets.tolist()
        assert got.lengths.tolist() == want.lengths.tolist()
        assert (got.end, got.first, got.problems) == (want.end, want.first, want.problems)


def test_a_source_that_gives_less_than_it_says():
    class Short:
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, key: slice, /) -> bytes:
            return encapsulate(VALUES, end=b"")[key]

    fragments = read_fragments(Short(), 0, 1000)
    assert fragments.lengths.tolist() == [2, 4, 6]
    assert "no-delimiter" in codes(fragments)


@given(
    pieces=st.lists(st.binary(max_size=9), max_size=8),
    a=st.integers(0, 80),
    b=st.integers(0, 80),
)
def test_a_payload_reads_like_its_joined_fragments(pieces: list[bytes], a: int, b: int):
    data = encapsulate(pieces)
    fragments = read(data)
    starts = [int(at) + 8 for at in fragments.offsets]
    payload = FramePayload(data, starts, fragments.lengths.tolist())
    joined = b"".join(pieces)
    assert len(payload) == len(joined)
    assert payload[a:b] == joined[a:b]
    if a < len(joined):
        assert data[payload.position(a)] == joined[a]


# Frames ------------------------------------------------------------------------------------------------


def test_frames_by_basic_offset_table():
    fragments = read(encapsulate([b"ab", b"cd", b"ef", b"gh"], [0, 30]))
    frames = map_frames(fragments, 2)
    assert frames.by == "bot"
    assert frames.first_fragment.tolist() == [0, 3]
    assert frames.count.tolist() == [3, 1]
    data = encapsulate([b"ab", b"cd", b"ef", b"gh"], [0, 30])
    assert frame_payload(data, fragments, frames, 0)[0:9] == b"abcdef"


def test_the_extended_table_goes_first():
    fragments = read(encapsulate([b"ab", b"cd"], [0, 10]))
    frames = map_frames(fragments, 2, np.array([0, 10], np.uint64))
    assert frames.by == "eot"


@pytest.mark.parametrize(
    ("bot", "code"),
    [([0], "bot-entries"), ([0, 14], "bot-targets"), ([10, 0], "bot-targets"), ([0, 0], "bot-targets")],
)
def test_a_wrong_table_is_not_followed(bot: list[int], code: str):
    frames = map_frames(read(encapsulate([b"ab", b"cd"], bot)), 2)
    assert frames.by == "one-to-one"
    assert [problem.code for problem in frames.problems] == [code]


def test_one_frame_takes_all_fragments():
    frames = map_frames(read(encapsulate(VALUES)), 1)
    assert (frames.by, frames.first_fragment.tolist(), frames.count.tolist()) == ("single-frame", [0], [3])


def test_frames_by_start_marker():
    fragments = read(encapsulate([b"S1", b"xx", b"S2", b"S3", b"yy"]))
    starts = {0, 2, 3}
    frames = map_frames(fragments, 3, None, starts.__contains__)
    assert (frames.by, frames.frame_starts) == ("start-marker", 3)
    assert frames.first_fragment.tolist() == [0, 2, 3]
    assert frames.count.tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("fragments", "frames", "starts", "code"),
    [
        (1, 108, {0}, "fewer-fragments"),
        (3, 25, None, "fewer-fragments"),
        (5, 3, None, "more-fragments"),
        (5, 3, {0, 1}, "frame-starts"),
        (3, 1, {0, 1, 2}, "frame-starts"),
        (3, 2, {1, 2}, "leading-fragments"),
    ],
)
def test_frames_that_do_not_add_up(fragments: int, frames: int, starts: set[int] | None, code: str):
    test = None if starts is None else starts.__contains__
    found = map_frames(read(encapsulate([b"ab"] * fragments)), frames, None, test)
    assert code in [problem.code for problem in found.problems]
    assert found.by == ("start-marker" if code == "leading-fragments" else "unknown")
    assert found.first_fragment.tolist() == (sorted(starts) if starts else list(range(fragments)))


@pytest.mark.parametrize("frames", [0, -1, 1, 5])
def test_no_fragments_at_all(frames: int):
    found = map_frames(read(item(b"") + END), frames, None, lambda _: True)
    assert len(found) == 0


# Offset tables -------------------------------------------------------------------------------------------


def basic(bot: list[int], values: list[bytes] = VALUES):
    check = check_basic_offset_table(read(encapsulate(values, bot)), 3)
    assert check is not None
    return check


def test_a_right_basic_offset_table():
    check = basic(OFFSETS)
    assert (check.entries, check.expected, check.first, check.last_offset) == (3, 3, 0, 22)
    assert not len(check.misses)
    assert not len(check.disordered)
    assert not len(check.beyond)
    assert not check.overflow
    assert not check.wrapped
    assert check.length_entries == -1


def test_basic_offset_table_from_the_wrong_base():
    check = basic([8, 18, 30])
    assert check.first == 8
    assert check.misses.tolist() == [0, 1, 2]
    assert check.beyond.tolist() == [2]


def test_basic_offset_table_in_disorder():
    check = basic([22, 10, 0])
    assert not len(check.misses)
    assert check.disordered.tolist() == [1, 2]
    assert not check.wrapped


def test_a_table_that_skips_items_has_frames_of_several_fragments():
    check = check_basic_offset_table(read(encapsulate(VALUES, [0, 22])), 2)
    assert check is not None
    assert check.multi_fragment.tolist() == [0]


def test_an_empty_table_has_nothing_to_check():
    assert check_basic_offset_table(read(encapsulate(VALUES)), 3) is None


def big_fragments(bot: list[int] | None) -> Fragments:
    """Three items of which the last two begin beyond 2^32."""
    size = 3 << 30
    offsets = np.array([100 + k * (size + 8) for k in range(3)], np.int64)
    table = None if bot is None else np.array(bot, np.uint32)
    return Fragments(
        offsets=offsets,
        lengths=np.full(3, size, np.int64),
        first=100,
        bot=table,
        bot_length=12,
        end=int(offsets[-1]) + size + 16,
        delimited=True,
    )


def test_a_table_that_wrapped_at_32_bits():
    step = (3 << 30) + 8
    check = check_basic_offset_table(big_fragments([0, step, 2 * step % 2**32]), 3)
    assert check is not None
    assert check.overflow
    assert check.wrapped
    assert check.misses.tolist() == [2]
    assert check.disordered.tolist() == [2]
    assert map_frames(big_fragments([0, step, 2 * step % 2**32]), 3).by == "one-to-one"


def extended(offsets: list[int], lengths: list[int] | None):
    return check_extended_offset_table(
        read(encapsulate(VALUES)),
        3,
        np.array(offsets, np.uint64),
        None if lengths is None else np.array(lengths, np.uint64),
    )


def test_extended_offset_table_lengths():
    check = extended(OFFSETS, [2, 3, 6])
    assert not len(check.length_mismatches)
    assert check.unpadded_lengths.tolist() == [1]
    check = extended(OFFSETS, [1002, 4, 2**64 - 1])
    assert check.length_mismatches.tolist() == [0, 2]
    check = extended(OFFSETS, [2, 4])
    assert check.length_entries == 2
    assert not len(check.length_mismatches)


def test_extended_offsets_of_any_size():
    check = extended([0, 2**64 - 1, 2**63], None)
    assert check.misses.tolist() == [1, 2]
    assert check.beyond.tolist() == [1, 2]
    assert check.disordered.tolist() == [2]


def test_reading_extended_offsets():
    assert read_extended_offsets(b"1234567") is None
    table = read_extended_offsets(struct.pack("<2Q", 0, 2**40))
    assert table is not None
    assert table.tolist() == [0, 2**40]


# Any bytes -----------------------------------------------------------------------------------------------

scraps = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([struct.pack("<I", ITEM), END, struct.pack("<II", ITEM, 0), b"\xff\xd8\xff\xe0"]),
    st.binary(max_size=20).map(item),
    st.tuples(st.binary(max_size=8), st.integers(0, 2**32 - 1)).map(lambda pair: item(*pair)),
)


@settings(max_examples=300)
@given(
    data=st.lists(scraps, max_size=12).map(b"".join),
    start=st.integers(-2, 20),
    frames=st.integers(-1, 12),
    extended=st.none() | st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 100), max_size=5),
    little=st.booleans(),
)
def test_any_bytes(data: bytes, start: int, frames: int, extended: list[int] | None, little: bool):
    start = max(start, 0)
    fragments = read_fragments(data, start, len(data), little)
    assert start <= fragments.end <= max(start, len(data))
    assert (fragments.offsets + 8 + fragments.lengths <= len(data)).all()
    assert (np.diff(fragments.offsets) >= 8).all()
    table = None if extended is None else np.array(extended, np.uint64)
    found = map_frames(fragments, frames, table, lambda k: k % 2 == 0)
    assert (found.count >= 1).all()
    assert int(found.count.sum()) <= len(fragments)
    for k in range(len(found)):
        payload = frame_payload(data, fragments, found, k)
        assert len(payload[0 : len(payload)]) == len(payload)
    check_basic_offset_table(fragments, frames)
    if table is not None:
        check_extended_offset_table(fragments, frames, table, table[::-1].copy())
