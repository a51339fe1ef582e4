"""Any bytes end in findings and an exit code: no crash, no hang, no rule that breaks."""

from __future__ import annotations

import time
from functools import cache
from struct import pack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import slides
from support.elements import ITEM, SOP_CLASS, explicit, item, meta, sequence

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.engine.totals import Totals

CHECKER = Checker(Settings(frames="all"))
GOOD = {
    "sparse jpeg": slides.to_bytes(slides.sparse_jpeg()),
    "undefined lengths": slides.to_bytes(slides.sparse_native(), undefined_lengths=True),
    "two paths": slides.to_bytes(slides.z_stack_two_paths()),
    "jpeg 2000": slides.to_bytes(slides.full_j2k_lossless(), offset_table="extended"),
    "label": slides.to_bytes(slides.label()),
    "ct": slides.to_bytes(slides.ct()),
    "sr": slides.to_bytes(slides.basic_sr()),
    "implicit": slides.to_bytes(slides.mr(), transfer_syntax="1.2.840.10008.1.2"),
}


def outcome(*instances: bytes) -> int:
    """Check instances as one run; no rule may crash."""
    totals = Totals(CHECKER)
    for number, data in enumerate(instances):
        totals.add(CHECKER.check_buffer(Task(f"{number}.dcm", True), WholeBuffer(data)))
    report = totals.report(started=time.monotonic(), fail_on="error", config=None)
    crashed = {rule: reasons for rule, reasons in report.undecided.items() if report.outcomes[rule]["error"]}
    assert report.summary.crashed == 0, crashed
    return report.exit_code


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(GOOD)),
    st.lists(st.tuples(st.integers(0, 1 << 22), st.binary(min_size=1, max_size=6)), min_size=1, max_size=6),
    st.one_of(st.none(), st.integers(0, 1 << 22)),
)
def test_a_damaged_file_is_told_and_nothing_breaks(
    name: str, patches: list[tuple[int, bytes]], cut: int | None
) -> None:
    data = bytearray(GOOD[name])
    for position, patch in patches:
        at = position % len(data)
        data[at : at + len(patch)] = patch
    if cut is not None:
        del data[cut % len(data) :]
    assert outcome(bytes(data)) in (0, 1, 4)


@cache
def levels_of_a_slide() -> list[bytes]:
    return [slides.to_bytes(level) for level in slides.pyramid()]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 1 << 22), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6)
)
def test_damaged_levels_of_a_slide(patches: list[tuple[int, bytes]]) -> None:
    levels = [bytearray(level) for level in levels_of_a_slide()]
    for number, (position, patch) in enumerate(patches):
        level = levels[number % len(levels)]
        at = position % min(len(level), 9000)
        level[at : at + len(patch)] = patch
    assert outcome(*map(bytes, levels)) in (0, 1, 4)


WSI = explicit(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.6")


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = explicit(0x00081140, b"SQ", ITEM + body, 0xFFFFFFFF)
    return body


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty", b""),
        ("one byte", b"\0"),
        ("only a preamble", bytes(132)),
        ("only the prefix", bytes(128) + b"DICM"),
        ("only the meta group", meta()),
        ("a huge value in a small file", meta() + SOP_CLASS + explicit(0x7FE00010, b"OW", b"", 0x7FFFFFFE)),
        ("a huge sequence in a small file", meta() + SOP_CLASS + explicit(0x00081140, b"SQ", b"", 0x7FFFFFFE)),
        ("deep nesting", meta() + SOP_CLASS + nested(20_000)),
        ("many empty items", meta() + SOP_CLASS + sequence(0x00081140, *[item(b"")] * 200_000)),
        ("many elements", meta() + SOP_CLASS + b"".join(explicit(0x00091000 + n % 0xEFFF, b"LO", b"x ") for n in range(100_000))),
        ("a frame count of 2^31", meta() + WSI + explicit(0x00280008, b"IS", b"2147483647") + explicit(0x00280010, b"US", pack("<H", 1)) + explicit(0x00280011, b"US", pack("<H", 1)) + explicit(0x00480006, b"UL", pack("<I", 0xFFFFFFFF)) + explicit(0x00480007, b"UL", pack("<I", 0xFFFFFFFF))),
        ("rows of zero", meta() + WSI + explicit(0x00280010, b"US", bytes(2)) + explicit(0x00280011, b"US", bytes(2))),
        ("fragments without end", meta(b"1.2.840.10008.1.2.4.50") + WSI + explicit(0x7FE00010, b"OB", ITEM[:4] + pack("<I", 0) + ITEM[:4] + pack("<I", 0xFFFFFFF0), 0xFFFFFFFF)),
        ("zeros", meta() + bytes(100_000)),
        ("ones", meta() + b"\xff" * 100_000),
        ("a long backslash value", meta() + SOP_CLASS + explicit(0x00080008, b"CS", b"A\\" * 30_000)),
        ("a long text", meta() + SOP_CLASS + explicit(0x00420012, b"UT", b"\xff" * 3_000_000)),
    ],
)  # fmt: skip
def test_hostile_files_end_soon(name: str, data: bytes) -> None:
    assert outcome(data) in (1, 4)


def test_a_file_that_ends_within_an_open_sequence_is_cut() -> None:
    data = slides.to_bytes(slides.sparse_native(), undefined_lengths=True)
    # Where an item of the per-frame groups begins, after the whole items before it.
    groups = data.index(b"\x00\x52\x30\x92SQ") + 12
    for end in (
        groups,
        data.index(b"\x48\x00\x1a\x02SQ", groups),
        data.index(b"\xfe\xff\xdd\xe0", groups) + 8,
    ):
        totals = Totals(Checker(Settings()))
        totals.add(totals.checker.check_buffer(Task("0.dcm", True), WholeBuffer(data[:end])))
        report = totals.report(started=0.0, fail_on="error", config=None)
        assert [one.rule for one in report.findings if one.severity != "info"] == ["FILE903"]
        assert report.files[0].status == "partial"


def test_a_byte_of_a_file_meta_group_is_a_cut_file() -> None:
    data = slides.to_bytes(slides.full_native())
    totals = Totals(Checker(Settings()))
    totals.add(totals.checker.check_buffer(Task("0.dcm", True), WholeBuffer(data[:133])))
    report = totals.report(started=0.0, fail_on="error", config=None)
    assert [one.rule for one in report.findings] == ["FILE903"]


def test_a_file_that_ends_with_its_file_meta_group_has_no_data_set() -> None:
    data = slides.to_bytes(slides.full_native())
    end = 144 + int.from_bytes(data[140:144], "little")  # PS3.10 7.1: what the group length counts
    for size, message in (
        (end, "No data set follows the File Meta Information"),
        (end + 4, "The file ends inside an element"),
    ):
        totals = Totals(Checker(Settings()))
        totals.add(totals.checker.check_buffer(Task("0.dcm", True), WholeBuffer(data[:size])))
        report = totals.report(started=0.0, fail_on="error", config=None)
        assert [(one.rule, one.message.startswith(message)) for one in report.findings] == [("FILE903", True)]
