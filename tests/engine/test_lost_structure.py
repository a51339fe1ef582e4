"""Where a length is wrong, or bytes are lost, one finding says so, and nothing behind it is called missing."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest
from support import slides
from support.elements import (
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    explicit,
    implicit,
    item,
    meta,
    sequence,
)
from support.general import ct
from support.writing import to_bytes

from dcmlint.api import Checker
from dcmlint.engine.report import Report

CHECKER = Checker("wsi")
CT = to_bytes(ct())
IMPLICIT_CT = to_bytes(ct(), transfer_syntax="1.2.840.10008.1.2")
REFERENCED = 0x00081140
CONTENT = explicit(0x00081150, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0") + explicit(
    0x00081155, b"UI", b"1.2.3.4\0"
)


def report(data: bytes) -> Report:
    return CHECKER.check(data)


def told(data: bytes) -> list[tuple[str, str]]:
    return [(one.rule, one.path) for one in report(data).findings if one.severity != "info"]


def with_length(data: bytes, header: bytes, change: int) -> bytes:
    """The element that begins with these bytes, with a length that is wrong by so much."""
    at = data.index(header, 132) + len(header)
    (length,) = (int.from_bytes(data[at : at + 2], "little"),)
    return data[:at] + pack("<H", (length + change) & 0xFFFF) + data[at + 2 :]


@pytest.mark.parametrize(
    ("header", "keyword"),
    [
        (b"\x08\0\x05\0CS", "SpecificCharacterSet"),
        (b"\x08\0\x60\0CS", "Modality"),
        (b"\x10\0\x10\0PN", "PatientName"),
        (b"\x20\0\x0d\0UI", "StudyInstanceUID"),
        (b"\x28\0\x10\0US", "Rows"),
    ],
)
@pytest.mark.parametrize("change", [-2, 1, 2, 8])
def test_a_wrong_length_in_explicit_vr(header: bytes, keyword: str, change: int) -> None:
    data = with_length(CT, header, change)
    assert told(data) == [("ENC018", keyword)]
    assert report(data).exit_code == 4


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [(0x00080060, "Modality"), (0x00100010, "PatientName"), (0x0020000D, "StudyInstanceUID")],
)
@pytest.mark.parametrize("change", [-2, 2, 8])
def test_a_wrong_length_in_implicit_vr(tag: int, keyword: str, change: int) -> None:
    data = with_length(IMPLICIT_CT, pack("<HH", tag >> 16, tag & 0xFFFF), change)
    found = told(data)
    assert len(found) == 1
    assert found[0][0] in ("ENC018", "FILE903")
    assert report(data).exit_code == 4


@pytest.mark.parametrize("block", [bytes(64), b"\xff" * 64])
@pytest.mark.parametrize("at", [600, 800, 1000])
def test_bytes_that_were_overwritten(block: bytes, at: int) -> None:
    assert [rule for rule, _ in told(CT[:at] + block + CT[at + len(block) :])] == ["ENC018"]


@pytest.mark.parametrize("at", [600, 800, 1000])
def test_a_byte_that_was_lost_or_added(at: int) -> None:
    assert [rule for rule, _ in told(CT[:at] + CT[at + 1 :])] == ["ENC018"]
    assert [rule for rule, _ in told(CT[:at] + b"\0" + CT[at:])] == ["ENC018"]


def test_a_length_beyond_the_file_is_not_odd_too() -> None:
    assert told(with_length(CT, b"\x10\0\x10\0PN", -1 - 14)) == [("FILE903", "PatientName")]


def inserted(*elements: bytes) -> bytes:
    """A CT with elements before its group 0010."""
    at = CT.index(b"\x10\0\x10\0PN")
    return CT[:at] + b"".join(elements) + CT[at:]


@pytest.mark.parametrize(
    ("element", "rule"),
    [
        (explicit(REFERENCED, b"SQ", item(CONTENT), len(item(CONTENT)) - 2), "ENC018"),
        (explicit(REFERENCED, b"SQ", item(CONTENT), len(item(CONTENT)) + 8), "ENC018"),
        (explicit(REFERENCED, b"SQ", pack("<HHI", 0xFFFE, 0xE000, len(CONTENT) - 2) + CONTENT), "ENC005"),
        (explicit(REFERENCED, b"SQ", pack("<HHI", 0xFFFE, 0xE000, 0) + CONTENT), "ENC011"),
        (explicit(REFERENCED, b"SQ", ITEM + CONTENT, 0xFFFFFFFF), "ENC013"),
        (sequence(REFERENCED, item(implicit(0x00081150, b"1.2.840.10008.5.1.4.1.1.2\0") + implicit(0x00081155, b"1.2.3.4\0"))), "ENC007"),
        # The forms of an unknown VR, and one whose length is not written as that of its VR.
        (explicit(0x00082111, b"st", b"abcd"), "ENC006"),
        (explicit(0x00082111, b"\0\0", b"abcd"), "ENC006"),
        (b"\x08\0\x90\x11UR\x04\0http", "ENC009"),
    ],
)  # fmt: skip
def test_one_finding_for_one_wrong_element(element: bytes, rule: str) -> None:
    assert [one for one, _ in told(inserted(element))] == [rule]


@pytest.mark.parametrize(
    "element",
    [
        sequence(REFERENCED, item(CONTENT)),
        sequence(REFERENCED, item(CONTENT, undefined=True), undefined=True),
        explicit(REFERENCED, b"SQ", ITEM + CONTENT + ITEM_END),
        explicit(REFERENCED, b"SQ", item(CONTENT) + SEQUENCE_END, 0xFFFFFFFF),
    ],
)
def test_every_legal_form_is_read(element: bytes) -> None:
    assert told(inserted(element)) == []


def test_private_elements_without_creator_are_read_in_implicit_vr() -> None:
    private = implicit(0x00091001, b"ab") + implicit(0x00091002, b"cd")
    at = IMPLICIT_CT.index(b"\x10\0\x10\0")
    data = IMPLICIT_CT[:at] + private + IMPLICIT_CT[at:]
    assert {rule for rule, _ in told(data)} == {"PHI009"}
    assert report(data).exit_code == 0


@pytest.mark.parametrize("length", [0, 510, 514])
def test_a_wrong_length_of_the_pixel_data(length: int) -> None:
    at = CT.index(b"\xe0\x7f\x10\0OW\0\0") + 8
    data = CT[:at] + pack("<I", length) + CT[at + 4 :]
    assert len(told(data)) == 1


def cuts(data: bytes) -> list[int]:
    """Where each element of the main data set begins that stands behind group 0010."""
    from dcmlint.dicom.buffers import WholeBuffer
    from dcmlint.dicom.instance import read_instance

    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return [one.offset for one in instance.dataset if 0x00180000 < one.tag < 0x00280103]


def test_a_cut_between_two_elements_is_a_cut() -> None:
    for at in cuts(CT):
        assert told(CT[:at]) == [("FILE903", "")], at
        assert report(CT[:at]).exit_code == 4


def test_an_image_without_pixels_is_not_cut() -> None:
    made = ct()
    del made.PixelData
    assert [rule for rule, _ in told(to_bytes(made))] == ["MOD004"]


@pytest.mark.parametrize("at", [130, 132, 136, 140, 200])
def test_a_cut_in_the_file_meta_group(at: int) -> None:
    assert len(told(CT[:at])) == 1


def test_the_end_of_the_fragments_is_cut() -> None:
    data = to_bytes(slides.full_jpeg())
    for less in (1, 4, 8, 9, 100):
        assert told(data[:-less]) == [("PIX032", "PixelData")]
        assert report(data[:-less]).exit_code == 4


def test_a_version_that_is_written_twice_is_no_second_group() -> None:
    version = explicit(0x00020001, b"OB", b"\0\1")
    data = CT.replace(version, version + version)
    length = int.from_bytes(CT[140:144], "little") + len(version)
    assert told(data[:140] + pack("<I", length) + data[144:]) == [("ENC002", "FileMetaInformationVersion")]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_file_that_ends_with_its_prefix(syntax: bytes) -> None:
    assert told(meta(syntax)[:132]) == [("FILE903", "")]


@pytest.mark.parametrize("size", [400, 1400, 2000, 4000, 6000])
def test_a_cut_level_makes_no_finding_about_the_others(size: int, tmp_path: Path) -> None:
    for made in (
        slides.pyramid(levels=3),
        slides.concatenation(),
        [slides.full_jpeg(), slides.annotations_of(slides.full_jpeg())],
    ):
        for number, one in enumerate(made):
            data = to_bytes(one)
            (tmp_path / f"{number}.dcm").write_bytes(data if number else data[:size])
        # A copy that is cut is no other instance.
        (tmp_path / "part.dcm").write_bytes(to_bytes(made[1])[:size])
        found = CHECKER.check(tmp_path)
        assert found.exit_code == 4
        assert {one.rule for one in found.findings if one.severity != "info"} <= {"FILE903"}
        for file in tmp_path.iterdir():
            file.unlink()
