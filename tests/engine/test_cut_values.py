"""What is left of a value that ends early is no value: nothing is said of it, and nothing is compared with it."""

from __future__ import annotations

from struct import pack

import pytest
from support import slides
from support.elements import ITEM, SEQUENCE_END, SOP_CLASS, explicit, meta, sequence

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import read_instance
from dcmlint.engine.session import Checker, Task
from dcmlint.engine.settings import Settings
from dcmlint.expr import UNKNOWN
from dcmlint.facts.run.entities import entity, said
from dcmlint.findings.finding import Finding
from dcmlint.rules.builtin_functions.frame.optical_path import _unequal
from dcmlint.rules.scope import DatasetScope
from dcmlint.standard.tags import Modality, PixelData

COMMENTS = 0x00104000
BLANKS = explicit(Modality, b"CS", b"    CT")


def level(*elements: bytes) -> Dataset:
    instance = read_instance(WholeBuffer(meta() + SOP_CLASS + b"".join(elements)))
    assert instance is not None
    return instance.dataset


def findings(data: bytes) -> tuple[Finding, ...]:
    return Checker(Settings(profile="dicom")).check_buffer(Task("a.dcm", True), WholeBuffer(data)).findings


def test_what_is_cut_and_what_is_plain() -> None:
    fragments = explicit(PixelData, b"OB", ITEM[:4] + bytes(4) + SEQUENCE_END, 0xFFFFFFFF)
    whole = level(BLANKS, sequence(0x00081140, undefined=True), fragments)
    states = [(one.is_cut, one.is_plain) for one in whole if one.tag != 0x00080016]
    assert states == [(False, True), (False, False), (False, False)]
    cut = level(BLANKS[:-2]).elements[Modality]
    assert (cut.is_cut, cut.is_plain) == (True, False)


def test_an_expression_does_not_know_a_cut_value() -> None:
    assert DatasetScope(level(BLANKS[:-2])).attribute(Modality) is UNKNOWN
    assert DatasetScope(level(BLANKS)).attribute(Modality) == "CT"


@pytest.mark.parametrize(
    ("element", "told"), [(BLANKS[:-2], False), (explicit(Modality, b"CS", b"    "), True)]
)
def test_blanks_are_no_value_only_where_the_value_ends_there(element: bytes, told: bool) -> None:
    found = findings(meta() + SOP_CLASS + element)
    assert told == any(one.tag == "00080060" for one in found if one.rule.startswith("MOD"))


@pytest.mark.parametrize("size", [20, 20_000])
def test_instances_are_not_compared_by_a_cut_value(size: int) -> None:
    text = explicit(COMMENTS, b"UT", b"a" * size)
    whole, cut = level(text), level(text[:-4])
    assert said(whole, COMMENTS, "safe") is not None
    assert said(cut, COMMENTS, "safe") is None
    # A whole value of the bytes that are left is another one.
    short = level(explicit(COMMENTS, b"UT", b"a" * (size - 4)))
    assert entity(short, [COMMENTS], "safe") != entity(cut, [COMMENTS], "safe")


@pytest.mark.parametrize(("left", "told"), [(8, False), (0, True)])
def test_tables_of_a_palette_are_not_measured_by_a_cut_one(left: int, told: bool) -> None:
    tables = [explicit(0x00281201 + number, b"OW", bytes(16)) for number in range(2)]
    last = explicit(0x00281203, b"OW", bytes(8), 8 + left)
    descriptors = [explicit(0x00281101 + number, b"US", pack("<3H", 8, 0, 16)) for number in range(3)]
    assert bool(list(_unequal(level(*descriptors, *tables, last)))) == told


def test_a_cut_file_still_says_what_is_cut() -> None:
    data = slides.to_bytes(slides.ct())
    assert any(one.rule.startswith("FILE") for one in findings(data[:-10]))
