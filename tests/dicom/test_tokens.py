"""The strict reader: what it reads, and that each oddity is recorded with its byte."""

from __future__ import annotations

import io
import zlib
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slides
from support.elements import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    NAME,
    SEQUENCE_END,
    SOP_CLASS,
    explicit,
    implicit,
    item,
    meta,
    sequence,
)  # fmt: skip

from dcmlint.dicom.buffers import RangeBuffer, WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.dicom.oddities import ODDITIES

ROWS, REFERENCED = 0x00280010, 0x00081140


def read(data: bytes) -> Instance:
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return instance


def codes(data: bytes) -> list[tuple[str, int]]:
    return [(oddity.code, oddity.offset) for oddity in read(data).oddities]


def test_a_plain_explicit_data_set() -> None:
    data = meta() + SOP_CLASS + NAME + explicit(ROWS, b"US", pack("<H", 512))
    instance = read(data)
    assert instance.oddities == []
    assert instance.status == "checked"
    assert instance.dataset.text(0x00100010) == "Doe^Jane"
    assert instance.dataset.value(ROWS) == 512
    element = instance.dataset.get(ROWS)
    assert element is not None
    assert (element.offset, element.start, element.end, element.vr) == (
        len(data) - 10,
        len(data) - 2,
        len(data),
        "US",
    )


def test_implicit_takes_the_dictionarys_vr() -> None:
    instance = read(meta(IMPLICIT) + implicit(0x00100010, b"Doe^Jane") + implicit(ROWS, pack("<H", 7)))
    assert instance.oddities == []
    assert instance.dataset.value(ROWS) == 7


def test_big_endian() -> None:
    data = (
        meta(BIG)
        + explicit(0x00100010, b"PN", b"Doe^Jane", order=">")
        + explicit(ROWS, b"US", pack(">H", 7), order=">")
    )
    instance = read(data)
    assert instance.oddities == []
    assert instance.dataset.value(ROWS) == 7


def test_deflated() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = engine.compress(SOP_CLASS + NAME) + engine.flush()
    instance = read(meta(DEFLATED) + body)
    assert instance.oddities == []
    assert instance.dataset.text(0x00100010) == "Doe^Jane"


def test_a_deflate_bomb_is_cut() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = engine.compress(explicit(0x00420011, b"OB", bytes(300 << 20))) + engine.flush()
    instance = read(meta(DEFLATED) + body)
    assert "deflate-limit" in [oddity.code for oddity in instance.oddities]
    assert instance.status == "partial"


def test_damaged_deflate_gives_what_could_be_inflated() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = (
        engine.compress(SOP_CLASS + NAME + explicit(0x00420011, b"OB", bytes(range(256)) * 100))
        + engine.flush()
    )
    instance = read(meta(DEFLATED) + body[:-40])
    assert "deflate-damaged" in [oddity.code for oddity in instance.oddities]
    assert instance.dataset.text(0x00080016) == "1.2.840.10008.5.1.4.1.1.2"


def test_without_meta_the_syntax_is_seen() -> None:
    instance = read(SOP_CLASS + NAME)
    assert [oddity.code for oddity in instance.oddities] == ["no-preamble", "no-meta"]
    assert instance.dataset.text(0x00100010) == "Doe^Jane"


def test_other_bytes_are_no_instance() -> None:
    assert read_instance(WholeBuffer(b"Hello, world, this is no DICOM at all")) is None
    assert read_instance(WholeBuffer(b"")) is None


@pytest.mark.parametrize("undefined", [False, True])
def test_nested_items(undefined: bool) -> None:
    inner = sequence(REFERENCED, item(NAME, undefined), item(b"", undefined), undefined=undefined)
    data = meta() + SOP_CLASS + sequence(0x00081115, item(inner, undefined), undefined=undefined) + NAME
    instance = read(data)
    assert instance.oddities == []
    (outer,) = instance.dataset.items(0x00081115)
    first, second = outer.items(REFERENCED)
    assert first.text(0x00100010) == "Doe^Jane"
    assert len(second) == 0
    assert instance.dataset.text(0x00100010) == "Doe^Jane"


def test_un_of_undefined_length_holds_an_implicit_sequence() -> None:
    content = item(implicit(0x00100010, b"Doe^Jane"), undefined=True) + SEQUENCE_END
    data = meta() + SOP_CLASS + explicit(0x00091010, b"UN", content, 0xFFFFFFFF) + NAME
    instance = read(data)
    assert [item_.text(0x00100010) for item_ in instance.dataset.items(0x00091010)] == ["Doe^Jane"]
    assert instance.dataset.text(0x00100010) == "Doe^Jane"


ODD: dict[str, tuple[bytes, int]] = {
    # code → (data set after the meta group, offset of the oddity from its first byte)
    "tag-order": (NAME + SOP_CLASS, len(NAME)),
    "duplicate-tag": (NAME + NAME, len(NAME)),
    "odd-length": (explicit(0x00100010, b"PN", b"Doe"), 0),
    "unknown-vr": (explicit(0x00100010, b"ZZ", b"Doe^Jane"), 0),
    "undefined-length": (explicit(0x00100010, b"PN", b"", 8) + b"Doe^Jane", -1),
    "group-length": (explicit(0x00080000, b"UL", bytes(4)) + SOP_CLASS, 0),
    "un-sequence": (explicit(REFERENCED, b"UN", item(implicit(0x00100010, b"Doe^Jane"))), 0),
    "reserved-bytes": (b"\x28\0\x10\0OB\x01\0\x02\0\0\0\0\0", 0),
    "stray-item": (item(b"") + NAME, 0),
    "not-an-item": (explicit(REFERENCED, b"SQ", NAME), 12),
    "missing-item-delimiter": (explicit(REFERENCED, b"SQ", ITEM + NAME + SEQUENCE_END, 0xFFFFFFFF), 12 + 8 + len(NAME)),
    "missing-sequence-delimiter": (sequence(REFERENCED, item(explicit(REFERENCED, b"SQ", item(NAME), 0xFFFFFFFF))) + explicit(ROWS, b"US", bytes(2)), 12 + 8 + 12 + len(item(NAME))),
    "delimiter-length": (explicit(REFERENCED, b"SQ", item(NAME) + pack("<HHI", 0xFFFE, 0xE0DD, 4), 0xFFFFFFFF), 12 + len(item(NAME))),
    "item-beyond-parent": (explicit(REFERENCED, b"SQ", pack("<HHI", 0xFFFE, 0xE000, 99) + NAME) + explicit(ROWS, b"US", bytes(2)), 12),
    "length-beyond-parent": (sequence(REFERENCED, item(explicit(0x00100010, b"PN", b"Doe^", 8))) + explicit(ROWS, b"US", bytes(2)), 20),
    "implicit-in-explicit": (implicit(0x00100010, b"Doe^Jane"), 0),
    "meta-in-dataset": (explicit(0x00020016, b"AE", b"AETITLE ") + NAME, -1),
    "command-in-dataset": (b"", -1),
    "invalid-tag": (explicit(0x00010001, b"LO", b"ab") + SOP_CLASS, 0),
    "trailing-bytes": (SOP_CLASS + bytes(5), len(SOP_CLASS)),
    "no-element": (explicit(0x7FE00010, b"OW", bytes(2)) + b"some text behind", 12 + 2),
    "truncated": (explicit(0x00100010, b"PN", b"Doe", 200), 0),
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(ODD))
def test_oddities_are_told_with_their_byte(code: str) -> None:
    body, offset = ODD[code]
    if offset < 0:
        pytest.skip("has a test of its own")
    head = meta()
    assert (code, len(head) + offset) in codes(head + body)


def test_explicit_in_implicit() -> None:
    head = meta(IMPLICIT)
    body = implicit(0x00080016, b"1.2\0") + NAME
    assert ("explicit-in-implicit", len(head) + 12) in codes(head + body)


def test_meta_group_length_is_compared() -> None:
    assert ("meta-group-length", 132) in codes(meta(group_length=99) + SOP_CLASS)
    assert codes(meta() + SOP_CLASS) == []


def test_an_unknown_transfer_syntax_is_told() -> None:
    assert "transfer-syntax-unknown" in [code for code, _ in codes(meta(b"1.2.3.4.5\0") + SOP_CLASS)]


def test_the_wrong_transfer_syntax_is_told_and_the_rest_read() -> None:
    instance = read(meta(IMPLICIT) + SOP_CLASS + NAME)
    assert "transfer-syntax-wrong" in [oddity.code for oddity in instance.oddities]
    assert instance.dataset.text(0x00100010) == "Doe^Jane"


def test_nesting_is_bounded() -> None:
    body = b""
    for _ in range(500):
        body = explicit(REFERENCED, b"SQ", ITEM + body, 0xFFFFFFFF)[: 12 + 8 + len(body)]
    instance = read(meta() + body)
    assert "depth-limit" in [oddity.code for oddity in instance.oddities]


def test_a_huge_length_in_a_small_file() -> None:
    data = meta() + SOP_CLASS + explicit(0x7FE00010, b"OW", b"", 0x7FFFFFFE) + bytes(100)
    instance = read(data)
    assert instance.status == "partial"
    assert instance.oddities[-1].code == "truncated"
    assert instance.dataset.text(0x00080016).endswith("1.2")


def test_every_oddity_is_documented() -> None:
    assert set(ODD) <= set(ODDITIES)


def same(left: Dataset, right: Dataset) -> None:
    assert [(e.tag, e.vr, e.length, e.offset) for e in left] == [
        (e.tag, e.vr, e.length, e.offset) for e in right
    ]
    for a, b in zip(left, right, strict=True):
        if a.items is not None:
            assert len(a.items) == len(b.items)
            for one, other in zip(a.items, b.items, strict=True):
                same(one, other)


@pytest.mark.parametrize("name", ["sparse_jpeg", "full_native", "label"])
def test_range_reads_see_the_same(name: str) -> None:
    data = slides.to_bytes(getattr(slides, name)())
    whole = read(data)
    ranges = read_instance(RangeBuffer.of_stream(io.BytesIO(data)))
    assert ranges is not None
    assert ranges.oddities == whole.oddities == []
    same(ranges.dataset, whole.dataset)


GOOD = [
    slides.to_bytes(slides.sparse_jpeg()),
    slides.to_bytes(slides.ct()),
    slides.to_bytes(slides.basic_sr()),
]


@settings(max_examples=150, deadline=2000)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=8),
    st.integers(0, 1 << 20),
)
def test_any_damage_is_read_without_a_crash(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    if cut % 3 == 0:
        del damaged[cut % len(damaged) :]
    instance = read_instance(WholeBuffer(bytes(damaged)))
    if instance is not None:
        assert instance.status in ("checked", "partial")
        for element in instance.dataset:
            assert 0 <= element.offset <= element.start <= element.end <= len(damaged)


@settings(max_examples=200, deadline=2000)
@given(st.binary(max_size=400))
def test_any_bytes_after_a_meta_group(body: bytes) -> None:
    for syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED):
        instance = read(meta(syntax) + body)
        assert instance.status in ("checked", "partial")
        assert {oddity.code for oddity in instance.oddities} <= ODDITIES.keys()
