"""The encoder of examples: what is read can be written again, in any encoding, with the same values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.encode import Draft, DraftElement, DraftFile, Encapsulated, Writing, draft_of, encode_file
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.rules.examples import _base_bytes, base_names
from dcmlint.standard.tags import PixelData

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


def _read(data: bytes) -> Instance:
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return instance


def _values(level: Dataset) -> list[Any]:
    """Every element with its values, items and all; groups' lengths and Pixel Data apart."""
    found: list[Any] = []
    for element in sorted(level, key=lambda element: element.tag):
        if element.items is not None:
            found.append((element.tag, [_values(item) for item in element.items]))
        elif element.tag != PixelData and element.tag & 0xFFFF:
            found.append((element.tag, level.values(element.tag)))
    return found


@pytest.mark.parametrize("name", base_names())
def test_what_is_not_changed_is_written_as_it_was(name: str) -> None:
    data = _base_bytes(name, "")
    assert encode_file(draft_of(_read(data))) == data


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("name", ["ct", "wsi-sparse", "enhanced-ct", "sr"])
def test_values_are_the_same_in_every_transfer_syntax(name: str, undefined: bool, syntax: str) -> None:
    before = _read(_base_bytes(name, ""))
    after = _read(encode_file(draft_of(before), Writing(transfer_syntax=syntax, undefined_lengths=undefined)))
    assert after.oddities == []
    assert after.status == "checked"
    assert after.syntax.uid == syntax
    assert _values(after.dataset) == _values(before.dataset)


def test_big_endian_pixels_are_swapped_by_words() -> None:
    before = _read(_base_bytes("ct", ""))
    after = _read(encode_file(draft_of(before), Writing(transfer_syntax=BIG)))
    little, big = before.dataset.raw(PixelData), after.dataset.raw(PixelData)
    assert big[0::2] == little[1::2]
    assert big[1::2] == little[0::2]
    assert big != little


@pytest.mark.parametrize(
    ("writing", "code"),
    [
        (Writing(drop_preamble=True), "no-preamble"),
        (Writing(drop_meta=True), "no-meta"),
        (Writing(implicit_meta=True), "meta-implicit"),
        (Writing(written_as=IMPLICIT), "transfer-syntax-wrong"),
        (Writing(twice=("PatientSex",)), "duplicate-tag"),
        (Writing(last=("PatientSex",)), "tag-order"),
        (Writing(group_lengths=True), "group-length"),
    ],
)
def test_disorder_is_just_what_was_asked_for(writing: Writing, code: str) -> None:
    instance = _read(encode_file(draft_of(_read(_base_bytes("ct", ""))), writing))
    assert {oddity.code for oddity in instance.oddities} == {code}


def test_group_lengths_are_true() -> None:
    instance = _read(encode_file(draft_of(_read(_base_bytes("ct", ""))), Writing(group_lengths=True)))
    patient = [element for element in instance.dataset if element.tag >> 16 == 0x0010]
    assert instance.dataset.value(0x00100000) == patient[-1].end - patient[0].end


def test_offset_tables_lead_to_the_frames() -> None:
    pixels = Encapsulated([[b"ab", b"cdef"], [b"gh"], []])
    assert pixels.offsets() == [0, 22, 32]
    assert pixels.lengths() == [6, 2, 0]
    draft = draft_of(_read(_base_bytes("wsi-jpeg", "")))
    value = draft.dataset.elements[PixelData].value
    assert isinstance(value, Encapsulated)
    value.frames[2] = [value.frames[2][0][:100], value.frames[2][0][100:]]
    fragments = _read(encode_file(draft)).dataset.elements[PixelData].fragments
    assert len(fragments) == 21
    starts = set((fragments.offsets - fragments.first).tolist())
    assert set(fragments.bot.tolist()) < starts
    assert len(fragments.bot) == 20


def test_several_fragments_of_a_frame_stay_together() -> None:
    draft = draft_of(_read(_base_bytes("wsi-jpeg", "")))
    value = draft.dataset.elements[PixelData].value
    assert isinstance(value, Encapsulated)
    value.frames = [[frame[0][:60], frame[0][60:]] for frame in value.frames]
    data = encode_file(draft)
    again = draft_of(_read(data))
    assert encode_file(again) == data
    frames = again.dataset.elements[PixelData].value
    assert isinstance(frames, Encapsulated)
    assert [len(frame) for frame in frames.frames] == [2] * 20


def test_a_copy_is_independent() -> None:
    draft = draft_of(_read(_base_bytes("wsi-full", ""))).dataset
    copy = draft.copy()
    items = copy.elements[0x00480105].value
    assert isinstance(items, list)
    items[0].elements.clear()
    kept = draft.elements[0x00480105].value
    assert isinstance(kept, list)
    assert kept[0].elements


_VR = st.sampled_from(["LO", "US", "UL", "OB", "OW", "UN", "UT", "FD", "AT", "ZZ", "Q"])


@given(
    st.dictionaries(st.integers(0x00080000, 0x7FE10000), st.tuples(_VR, st.binary(max_size=12)), max_size=6),
    st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED]),
)
@settings(max_examples=150, deadline=None)
def test_any_draft_can_be_written_and_read(elements: dict[int, tuple[str, bytes]], syntax: str) -> None:
    draft = Draft(DraftElement(tag, vr, value) for tag, (vr, value) in elements.items())
    data = encode_file(DraftFile(bytes(128), Draft(), draft), Writing(transfer_syntax=syntax))
    assert _read(data) is not None
