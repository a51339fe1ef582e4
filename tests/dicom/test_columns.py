"""Long sequences read in lockstep give what the plain reader gives, item by item, whatever the bytes are."""

from __future__ import annotations

import random
import struct
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dcmlint.dicom import read_columns, tokens
from dcmlint.dicom.buffers import RangeBuffer, WholeBuffer
from dcmlint.dicom.column_values import counts_of, numbers_of, plain_decimals, texts_of
from dcmlint.dicom.columns import Columns, Leaf, gather, level_at
from dcmlint.dicom.dataset import Dataset, FileContext
from dcmlint.dicom.transfer_syntaxes import transfer_syntax
from dcmlint.dicom.values import decode
from dcmlint.standard.uids import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

pytestmark = pytest.mark.usefixtures("columns_from_few_items_on")


PER_FRAME = 0x52009230
POSITION, CONTENT = 0x0048021A, 0x00209111
X, Z, COLUMN, ROW = 0x0040072A, 0x0040074A, 0x0048021E, 0x0048021F
INDICES, LABEL, DURATION, FRAME_TYPE = 0x00209157, 0x00209453, 0x00189220, 0x00089007
LONG = ("OB", "SQ", "UN", "UT", "OW")
VRS = {
    X: "DS",
    Z: "DS",
    COLUMN: "SL",
    ROW: "SL",
    INDICES: "UL",
    LABEL: "LO",
    DURATION: "FD",
    FRAME_TYPE: "CS",
}

Tree = list[tuple[int, Any]]  # (tag, bytes), or (tag, list of items) for a sequence


class Writer:
    """Writes trees; ``open_`` says for each sequence and item in turn whether its length is undefined."""

    def __init__(self, syntax: str, open_: Any = lambda: False) -> None:
        self.syntax, self.open = transfer_syntax(syntax), open_
        self.order = "<" if self.syntax.little else ">"

    def tag(self, tag: int, length: int) -> bytes:
        return struct.pack(f"{self.order}HHI", tag >> 16, tag & 0xFFFF, length)

    def header(self, tag: int, vr: str, length: int) -> bytes:
        if not self.syntax.explicit:
            return self.tag(tag, length)
        head = struct.pack(f"{self.order}HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        return head + struct.pack(
            *((f"{self.order}HI", 0, length) if vr in LONG else (f"{self.order}H", length))
        )

    def element(self, tag: int, value: Any) -> bytes:
        if isinstance(value, bytes):
            return self.header(tag, VRS[tag], len(value)) + value
        return self.sequence(tag, [self.item(item) for item in value], self.open())

    def sequence(self, tag: int, items: list[bytes], open_: bool) -> bytes:
        body = b"".join(items)
        if open_:
            return self.header(tag, "SQ", 0xFFFFFFFF) + body + self.tag(0xFFFEE0DD, 0)
        return self.header(tag, "SQ", len(body)) + body

    def item(self, tree: Tree) -> bytes:
        body = b"".join(self.element(tag, value) for tag, value in tree)
        if self.open():
            return self.tag(0xFFFEE000, 0xFFFFFFFF) + body + self.tag(0xFFFEE00D, 0)
        return self.tag(0xFFFEE000, len(body)) + body


def frame(number: int, **more: Any) -> Tree:
    """An item as slides have it."""
    content: Tree = [(DURATION, struct.pack("<d", 1.5)), (INDICES, struct.pack("<II", number + 1, 1))]
    position: Tree = [
        (X, more.get("x", even(f"{number / 8}".encode()))),
        (Z, b"0 "),
        (COLUMN, struct.pack("<i", number * 8 + 1)),
        (ROW, struct.pack("<i", 1)),
    ]
    return [*more.get("first", []), (CONTENT, [content]), (POSITION, [position])]


def even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


def reader_of(data: bytes, syntax: str) -> tuple[tokens.Reader, Dataset]:
    buffer = WholeBuffer(data)
    context = FileContext(buffer, transfer_syntax(syntax))
    reader = tokens.Reader(buffer, context)
    level = Dataset(context, context.syntax.explicit, 0)
    reader.read_level(level, 0, len(data))
    return reader, level


def plainly(data: bytes, syntax: str) -> tuple[tokens.Reader, Dataset]:
    """The same without lockstep."""
    before = tokens.MANY_ITEMS
    tokens.MANY_ITEMS = 1 << 40
    try:
        return reader_of(data, syntax)
    finally:
        tokens.MANY_ITEMS = before


def picture(level: Dataset) -> list[Any]:
    """All that a level says."""
    return [
        (e.tag, e.vr, e.length, e.offset, e.start, e.end,
         None if e.items is None else [(i.index, i.offset, i.length, i.end, i.explicit, i.cut, picture(i)) for i in e.items],
         e.fragments is not None)
        for e in level
    ]  # fmt: skip


def told(reader: tokens.Reader) -> Counter[tuple[str, int]]:
    """What was odd, as often as it was."""
    counted: Counter[tuple[str, int]] = Counter()
    for oddity in reader.oddities:
        counted[oddity.code, oddity.tag] += oddity.count
    return counted


def same(data: bytes, syntax: str) -> tuple[tokens.Reader, Dataset]:
    """Both readers say the same of ``data``."""
    reader, level = reader_of(data, syntax)
    plain, wanted = plainly(data, syntax)
    assert picture(level) == picture(wanted)
    assert told(reader) == told(plain)
    assert (reader.stopped, reader.truncated) == (plain.stopped, plain.truncated)
    for element in level:
        if isinstance(element.items, Columns):
            complete(element.items)
    return reader, level


def complete(items: Columns) -> None:
    """Each item belongs to one shape, and its leaves are where the shape says."""
    numbers = np.concatenate([shape.items for shape in items.shapes])
    assert sorted(numbers.tolist()) == list(range(len(items)))
    for shape in items.shapes:
        assert (np.diff(shape.items) > 0).all()
        for row, number in enumerate(shape.items.tolist()):
            item = items[number]
            assert [e.tag for e in item] == [e.tag for e in shape.template]
            assert item.cut == shape.template.cut
            for path, leaf in shape.leaves.items():
                level = level_at(item, path)
                element = level.elements[path[-1]]
                # What is left of a value that is cut is no value.
                size = element.end - element.start if level.is_whole(element) else 0
                assert (element.start, size) == (leaf.start[row], leaf.length[row])
                assert items.bytes_of(leaf, row) == level.raw(path[-1])[:size]
                assert (leaf.length[row] == 0) == (leaf.length[0] == 0)


def columns_of(level: Dataset, tag: int = PER_FRAME) -> Columns:
    items = level.items(tag)
    assert isinstance(items, Columns), "not read in lockstep"
    return items


SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
LENGTHS = {"defined": lambda: False, "undefined": lambda: True}


def image(writer: Writer, items: list[bytes], after: bytes = b"", open_: bool | None = None) -> bytes:
    open_ = writer.open() if open_ is None else open_
    return writer.sequence(PER_FRAME, items, open_) + after


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_like_items(syntax: str, lengths: str) -> None:
    writer = Writer(syntax, LENGTHS[lengths])
    items = [writer.item(frame(n, x=even(f"{n / 8}".encode()))) for n in range(300)]
    _, level = same(image(writer, items, writer.header(0x7FE00010, "OW", 4) + b"abcd"), syntax)
    (shape,) = columns_of(level).shapes
    assert len(shape.items) == 300
    assert 0x7FE00010 in level


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("lengths", LENGTHS)
def test_several_shapes(syntax: str, lengths: str) -> None:
    writer = Writer(syntax, LENGTHS[lengths])
    kinds: list[Any] = [[], [(FRAME_TYPE, b"A ")], [(LABEL, b"")], [(LABEL, b"ab")], [(FRAME_TYPE, b"B ")]]
    items = [writer.item(frame(n, first=kinds[n % 7 % 5])) for n in range(200)]
    _, level = same(image(writer, items), syntax)
    # An empty value and different codes are shapes of their own.
    assert len(columns_of(level).shapes) == 5


@pytest.mark.parametrize("lengths", LENGTHS)
def test_ragged_items(lengths: str) -> None:
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    several: list[Tree] = [[(CONTENT, [[(LABEL, b"x ")]] * (n % 5))] for n in range(100)]
    items = [writer.item(tree) for tree in (*several, *map(frame, range(100)))]
    _, level = same(image(writer, items), ExplicitVRLittleEndian)
    assert len(columns_of(level).shapes) == 6


@pytest.mark.parametrize("lengths", LENGTHS)
def test_more_shapes_than_templates(lengths: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_columns, "MAX_SHAPES", 3)
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    trees: list[Tree] = [[(CONTENT, [[(LABEL, b"x ")]] * (n % 9))] for n in range(150)]
    _, level = same(image(writer, [writer.item(tree) for tree in trees]), ExplicitVRLittleEndian)
    assert len(columns_of(level).shapes) > 50


def test_defined_and_undefined_items_by_turns() -> None:
    turns = iter([n // 40 % 2 == 0 for n in range(10_000)])
    writer = Writer(ExplicitVRLittleEndian, lambda: next(turns))
    items = [writer.item(frame(n, x=b"1 ")) for n in range(300)]
    same(image(writer, items, open_=True), ExplicitVRLittleEndian)
    same(image(writer, items, open_=False), ExplicitVRLittleEndian)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_span_ends_within_the_sequence(lengths: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_columns, "_SPAN", 1000)
    monkeypatch.setattr(read_columns, "_BATCH", 7)
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    items = [writer.item(frame(n, first=[(LABEL, b"ab")] if n % 3 else [])) for n in range(150)]
    _, level = same(image(writer, items), ExplicitVRLittleEndian)
    assert len(columns_of(level).shapes) == 2


def test_the_mark_of_an_item_within_a_value() -> None:
    writer = Writer(ExplicitVRLittleEndian, lambda: True)
    mark = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\x00\xe0\xff\xff\xff\xff"
    items = [writer.item([(LABEL, mark), *frame(n, x=b"1 ")]) for n in range(100)]
    _, level = same(image(writer, items), ExplicitVRLittleEndian)
    assert len(columns_of(level)) == 100


def test_an_item_without_an_end_ends_with_its_sequence() -> None:
    writer, open_ = Writer(ExplicitVRLittleEndian), Writer(ExplicitVRLittleEndian, lambda: True)
    items = [writer.item(frame(n)) for n in range(100)]
    items.append(open_.item([(LABEL, b"ab")])[:-8])
    after = writer.element(FRAME_TYPE, b"AB")
    _, level = same(image(writer, items, after=after), ExplicitVRLittleEndian)
    last = columns_of(level)[100]
    assert LABEL in last
    assert FRAME_TYPE not in last


@pytest.mark.parametrize("lengths", LENGTHS)
def test_a_value_that_its_item_cuts_is_no_value(lengths: str) -> None:
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    items = [writer.item([(LABEL, even(b"%d" % (n % 7)))]) for n in range(100)]
    body = writer.header(LABEL, "LO", 60) + b"1.2.3 "
    cut = writer.tag(0xFFFEE000, len(body)) + body
    _, level = same(image(writer, [*items, cut], open_=False), ExplicitVRLittleEndian)
    columns = columns_of(level)
    assert columns[100].text(LABEL) == ""
    (shape,) = (shape for shape in columns.shapes if 100 in shape.items)
    assert shape.leaves[LABEL,].length.tolist() == [0]


@pytest.mark.parametrize("alike", [True, False])
def test_an_item_before_what_is_none_may_have_more(alike: bool) -> None:
    writer = Writer(ExplicitVRLittleEndian)
    items = [writer.item(frame(n)) for n in range(100)]
    items.append(writer.item(frame(100) if alike else [(LABEL, b"ab")]))
    _, level = same(
        image(writer, [*items, writer.element(LABEL, b"more")], open_=False), ExplicitVRLittleEndian
    )
    columns = columns_of(level)
    assert [item.cut for item in columns] == [False] * 100 + [True]
    whole, cut = columns.distinct(frozenset())
    assert (list(whole.numbers), list(cut.numbers)) == (list(range(100)), [100])
    assert (whole.template.cut, cut.template.cut) == (False, True)


def test_within_other_sequences() -> None:
    writer = Writer(ExplicitVRLittleEndian, lambda: True)
    inner = [(CONTENT, [[(LABEL, even(b"%d" % n))] for n in range(80)])]
    outer = writer.sequence(POSITION, [writer.item(inner) for _ in range(60)], True)
    _, level = same(outer, ExplicitVRLittleEndian)
    assert isinstance(level.items(POSITION)[3].items(CONTENT), Columns)


def test_a_sequence_of_unknown_vr_in_big_endian() -> None:
    """PS3.5 6.2.2: it is implicit and little endian within."""
    implicit, big = Writer(ImplicitVRLittleEndian), Writer(ExplicitVRBigEndian)
    inner = implicit.item([(LABEL, b"ab"), (COLUMN, struct.pack("<i", 5))])
    items = []
    for _ in range(70):
        body = big.header(CONTENT, "UN", len(inner)) + inner
        items.append(big.tag(0xFFFEE000, len(body)) + body)
    _, level = same(image(big, items, open_=False), ExplicitVRBigEndian)
    (shape,) = columns_of(level).shapes
    path = (CONTENT, 0, COLUMN)
    assert shape.leaves[path].little
    assert numbers_of(columns_of(level), shape.leaves[path]).tolist() == [5.0] * 70


def spoilt(items: list[bytes], number: int, old: bytes, new: bytes) -> list[bytes]:
    assert old in items[number]
    return [item.replace(old, new) if n == number else item for n, item in enumerate(items)]


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("number", [0, 47, 48, 60, 119])
def test_damage_in_one_item(lengths: str, number: int) -> None:
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    items = [writer.item(frame(n, x=b"1 ")) for n in range(120)]
    tail = writer.header(0x7FE00010, "OW", 4) + b"abcd"
    for old, new in (
        (b"SL\x04\0", b"SL\x05\0"),  # a length too long: the rest is read askew
        (b"SL\x04\0", b"Sl\x04\0"),  # no VR
        (b"SL\x04\0", b"ZZ\x04\0"),  # an unknown VR
        (b"DS\x02\0", b"DS\xff\x7f"),  # a length beyond the item
        (b"\x40\x00\x2a\x07", b"\x48\x00\x1e\x02"),  # a tag twice
        (b"\x40\x00\x4a\x07", b"\x40\x00\x29\x07"),  # tags out of order
        (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0"),  # a delimiter in place of an item
        (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"),
        (b"\xfe\xff\x00\xe0", b"\x08\x00\x05\x00"),  # something else in place of an item
        (b"FD\x08\0", b"FD\0\0"),
    ):
        same(image(writer, spoilt(items, number, old, new), tail), ExplicitVRLittleEndian)
    if lengths == "undefined":
        for old, new in (
            (b"\x0d\xe0\0\0\0\0", b"\x0d\xe0\x02\0\0\0"),
            (b"\xfe\xff\x0d\xe0\0\0\0\0", b""),
            (b"\xfe\xff\xdd\xe0\0\0\0\0", b""),
        ):
            same(image(writer, spoilt(items, number, old, new), tail), ExplicitVRLittleEndian)


def test_an_odd_length_is_told_once_with_its_number() -> None:
    writer = Writer(ExplicitVRLittleEndian)
    items = [writer.item([(LABEL, b"abc" if n % 10 == 7 else b"abcd")]) for n in range(100)]
    reader, _ = same(image(writer, items), ExplicitVRLittleEndian)
    (odd,) = [oddity for oddity in reader.oddities if oddity.tag == LABEL]
    assert (odd.code, odd.count) == ("odd-length", 10)


@pytest.mark.parametrize("lengths", LENGTHS)
def test_cut_anywhere(lengths: str) -> None:
    writer = Writer(ExplicitVRLittleEndian, LENGTHS[lengths])
    whole = image(writer, [writer.item(frame(n, x=b"1 ")) for n in range(60)])
    for size in [*range(len(whole) - 120, len(whole)), *range(0, len(whole), 97)]:
        same(whole[:size], ExplicitVRLittleEndian)


leaves = st.one_of(
    st.tuples(st.just(X), st.sampled_from([b"1 ", b"-2.5", b"", b"1.25E2", b"3\\4 "])),
    st.tuples(st.just(COLUMN), st.integers(-9, 9).map(lambda n: struct.pack("<i", n))),
    st.tuples(st.just(LABEL), st.binary(max_size=6).map(even)),
    st.tuples(st.just(FRAME_TYPE), st.sampled_from([b"A ", b"BB", b""])),
)
trees = st.recursive(
    st.lists(leaves, max_size=3),
    lambda inner: st.lists(
        st.one_of(leaves, st.tuples(st.sampled_from([CONTENT, POSITION]), st.lists(inner, max_size=2))),
        max_size=4,
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(trees, min_size=1, max_size=5), syntax=st.sampled_from(SYNTAXES), seed=st.integers(0, 999),
    style=st.sampled_from(["defined", "undefined", "mixed"]), count=st.integers(49, 90),
)  # fmt: skip
def test_any_trees(kinds: list[Tree], syntax: str, seed: int, style: str, count: int) -> None:
    rng = random.Random(seed)
    choices = {"defined": lambda: False, "undefined": lambda: True, "mixed": lambda: rng.random() < 0.5}
    writer = Writer(syntax, choices[style])
    items = [writer.item(kinds[rng.randrange(len(kinds)) if n > 5 else 0]) for n in range(count)]
    same(image(writer, items, writer.header(0x7FE00010, "OW", 2) + b"ab"), syntax)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    style=st.sampled_from(["defined", "undefined"]), syntax=st.sampled_from(SYNTAXES),
)  # fmt: skip
@example([(0.02, 255)], "undefined", ExplicitVRLittleEndian)
def test_any_damage(places: list[tuple[float, int]], style: str, syntax: str) -> None:
    writer = Writer(syntax, LENGTHS[style])
    items = [writer.item(frame(n, x=b"1 ", first=[(LABEL, b"ab")] if n % 5 else [])) for n in range(70)]
    data = bytearray(image(writer, items, writer.header(0x7FE00010, "OW", 2) + b"ab"))
    for place, value in places:
        data[int(place * (len(data) - 1))] = value
    same(bytes(data), syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_over_ranges_as_in_memory(syntax: str, undefined: bool) -> None:
    writer = Writer(syntax, lambda: undefined)
    frames = [writer.item(frame(n, x=b"1 " * (n % 3))) for n in range(3000)]
    data = image(writer, frames, writer.header(0x7FE00010, "OW", 1 << 20) + bytes(1 << 20))
    asked: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return data[start:stop]

    context = FileContext(RangeBuffer(read, len(data)), transfer_syntax(syntax))
    level = Dataset(context, context.syntax.explicit, 0)
    tokens.Reader(context.buffer, context).read_level(level, 0, len(data))
    _, whole = reader_of(data, syntax)
    got, want = columns_of(level), columns_of(whole)
    assert len(got) == len(want) == 3000
    assert [item.offset for item in got] == [item.offset for item in want]
    # The header in a few ranges, each byte once; little of the pixel data.
    assert len(asked) <= 4
    assert sum(stop - start for start, stop in asked) < len(data) - (1 << 19)


def test_no_random_access_no_columns() -> None:
    writer = Writer(ExplicitVRLittleEndian)
    data = image(writer, [writer.item(frame(n)) for n in range(60)])

    class Windows(RangeBuffer):
        def prefix(self, stop: int, marks: object) -> None:
            return None

    buffer = Windows(lambda start, stop: data[start:stop], len(data))
    context = FileContext(buffer, transfer_syntax(ExplicitVRLittleEndian))
    level = Dataset(context, True, 0)
    tokens.Reader(buffer, context).read_level(level, 0, len(data))
    assert isinstance(level.items(PER_FRAME), list)
    assert len(level.items(PER_FRAME)) == 60


def test_as_a_sequence() -> None:
    writer = Writer(ExplicitVRLittleEndian)
    _, level = reader_of(
        image(writer, [writer.item(frame(n, x=b"1 ")) for n in range(60)]), ExplicitVRLittleEndian
    )
    items = columns_of(level)
    assert [item.index for item in items[57:]] == [57, 58, 59]
    assert items[-1].index == 59
    assert items[3] is items[3]
    with pytest.raises(IndexError):
        items[60]


# -- values ------------------------------------------------------------------------------------------------


def one_leaf(
    values: list[bytes], tag: int, syntax: str = ExplicitVRLittleEndian
) -> tuple[Columns, Dataset, Leaf]:
    """A column of these values; all are of even length, or all of odd, and none is empty."""
    writer = Writer(syntax)
    fill = [values[0]] * max(0, 60 - len(values))
    _, level = reader_of(image(writer, [writer.item([(tag, v)]) for v in (*values, *fill)]), syntax)
    items = columns_of(level)
    (shape,) = items.shapes
    return items, shape.template, shape.leaves[(tag,)]


def first_number(vr: str, raw: bytes, number: int = 1, little: bool = True) -> float:
    values = decode(vr, raw, little_endian=little)
    found = values[number - 1] if number <= len(values) else None
    return float(found) if isinstance(found, (int, float)) else float("nan")


DECIMALS = [b"0 ", b"-0", b"+1", b"1.", b".5", b"-.25", b"12.5", b"3.14159265358979", b"  2 ", b" 2", b"2 1 ", b"--", b". ",
            b"1e3 ", b"1.5E-4", b"1\\2 ", b"1.2.", b"123456789012345", b"1234567890123456", b"0.1 ", b"0.000000000000001 ",
            b"1,5 ", b"nan ", b"1\0", b"- ", b"+.", b"99999999999999.9", b"00000000000000000001", b"5. ", b"7\0\0\0"]  # fmt: skip


def test_decimals_are_what_the_plain_reader_reads() -> None:
    for number in (1, 2):
        items, _, leaf = one_leaf([even(value) for value in DECIMALS], X)
        found = numbers_of(items, leaf, number)[: len(DECIMALS)]
        wanted = [first_number("DS", even(value), number) for value in DECIMALS]
        np.testing.assert_array_equal(found, wanted)


decimal_texts = st.from_regex(rb"[ +\-.0-9eE]{1,20}", fullmatch=True) | st.floats(-1e6, 1e6).map(
    lambda f: repr(f).encode()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(decimal_texts, min_size=1, max_size=40))
def test_any_decimals(texts: list[bytes]) -> None:
    values = [even(text) for text in texts]
    items, _, leaf = one_leaf(values, X)
    wanted = [first_number("DS", value) for value in values]
    np.testing.assert_array_equal(numbers_of(items, leaf)[: len(values)], wanted)
    read = plain_decimals(items, leaf)
    for value, plain, number in zip(values, read.plain.tolist(), read.numbers.tolist(), strict=False):
        if plain:
            assert float(value) == number


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_binary_numbers(syntax: str) -> None:
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    for tag, kind, wanted in (
        (COLUMN, "i", [5, -7, 1]),
        (INDICES, "I", [2**32 - 1, 3, 0]),
        (DURATION, "d", [0.1, -2.0, 3.0]),
    ):
        items, _, leaf = one_leaf([struct.pack(order + kind, value) for value in wanted], tag, syntax)
        assert numbers_of(items, leaf)[:3].tolist() == wanted
    pairs = [struct.pack(f"{order}{n}I", *range(n)) for n in (1, 2, 3)]
    items, level, leaf = one_leaf(pairs, INDICES, syntax)
    np.testing.assert_array_equal(numbers_of(items, leaf, 3)[:3], [np.nan, np.nan, 2])
    assert counts_of(items, level, leaf)[:3].tolist() == [1, 2, 3]


def test_texts() -> None:
    items, template, leaf = one_leaf([b"a ", b"b\0", b"a\0\0\0", b" a", b"b\\c "], LABEL)
    texts = texts_of(items, template, leaf)
    assert [texts.distinct[code] for code in texts.which[:5]] == ["a", "b", "a", "a", "b"]
    items, template, leaf = one_leaf([b"  ", b"x "], LABEL)
    assert texts_of(items, template, leaf).which[:2].tolist() == [-1, 0]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=20))
def test_gathered_bytes(places: list[tuple[int, int]]) -> None:
    data = bytes(range(1, 65))
    inside = [(start, min(length, len(data) - start)) for start, length in places]
    found = gather(
        WholeBuffer(data),
        np.array([s for s, _ in inside], np.int64),
        np.array([n for _, n in inside], np.uint32),
    )
    assert found.tolist() == [data[start : start + length] for start, length in inside]


def test_items_of_a_short_sequence_are_read_one_by_one_once() -> None:
    writer = Writer(ExplicitVRLittleEndian, LENGTHS["defined"])
    _, level = reader_of(image(writer, [writer.item(frame(n)) for n in range(600)]), ExplicitVRLittleEndian)
    items = columns_of(level)
    assert [id(item) for item in items] == [id(item) for item in items]
