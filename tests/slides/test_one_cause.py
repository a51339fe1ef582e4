"""What follows from a wrong value, table or count is not told beside it."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from mutations import apply, fresh, fresh_set, written
from pydicom.uid import RLELossless
from support import slides
from support.pictures import icc_profile
from support.slides import ABSENT, to_bytes
from test_mutations import _check, report_of

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings

PROFILE = "OpticalPathSequence[0].ICCProfile"
Numbers = Callable[[list[int]], list[int]]


def _loud(files: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(one.rule, one.severity) for one in _check(files).findings if one.severity != "info"]


@pytest.mark.parametrize(
    ("base", "changes", "rule"),
    [
        ("native", {"DimensionOrganizationType": b"TILED_Full"}, "VR003"),
        ("native", {"DimensionOrganizationType": "TILED"}, "FG010"),
        ("native", {"DimensionOrganizationType": b""}, "FG010"),
        ("native", {"TotalPixelMatrixColumns": 2**31}, "TILE003"),
        ("native", {"BitsAllocated": 12}, "PIX043"),
        ("native", {"BitsAllocated": 16}, "PIX004"),
        ("native", {"SamplesPerPixel": 4}, "PIX002"),
        ("mono", {"PhotometricInterpretation": "RGB"}, "PIX002"),
        ("mono", {"PhotometricInterpretation": "YBR_FULL_422"}, "PIX002"),
        ("mono", {"PhotometricInterpretation": "PALETTE COLOR"}, "PIX001"),
        ("jpeg", {"PhotometricInterpretation": "MONOCHROME2"}, "PIX002"),
        ("jpeg", {"LossyImageCompression": "NO"}, "MOD009"),
        ("native", {"TimezoneOffsetFromUTC": "+2500"}, "IOD258"),
        ("native", {"SOPInstanceUID": "1.2.840.10008.1.2", "file.MediaStorageSOPInstanceUID": "1.2.840.10008.1.2"}, "VR144"),
    ],
)  # fmt: skip
def test_one_wrong_value_is_one_error(base: str, changes: dict[str, object], rule: str) -> None:
    files = {"0.dcm": to_bytes(apply(fresh(base), changes))}
    assert _loud(files) == [(rule, "error")]


def _basic_table(data: bytes, change: Numbers) -> bytes:
    """The file with another Basic Offset Table."""
    start = data.rindex(b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff") + 16
    (length,) = struct.unpack_from("<I", data, start)
    table = change(list(struct.unpack_from(f"<{length // 4}I", data, start + 4)))
    written = struct.pack(f"<{len(table) + 1}I", 4 * len(table), *table)
    return data[:start] + written + data[start + 4 + length :]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda table: [*table, table[-1] + 100], "PIX022"),
        (lambda table: table[:-1], "PIX022"),
        (lambda table: [one + 8 for one in table], "PIX023"),
        (lambda table: [one + 9000 for one in table], "PIX023"),
        (lambda table: table[::-1], "PIX023"),
        (lambda table: [*table[:5], table[5] + 50, *table[6:]], "PIX023"),
        (lambda table: [*table[:5], table[4], *table[6:]], "PIX023"),
    ],
)  # fmt: skip
def test_a_wrong_basic_offset_table_is_one_error(change: Numbers, rule: str) -> None:
    assert _loud({"0.dcm": _basic_table(to_bytes(fresh("jpeg")), change)}) == [(rule, "error")]


def _same(table: list[int]) -> list[int]:
    return table


@pytest.mark.parametrize(
    ("offsets", "lengths", "rule"),
    [
        (lambda table: [one + 8 for one in table], _same, "PIX028"),
        (lambda table: table[::-1], _same, "PIX028"),
        (lambda table: [0] * len(table), _same, "PIX028"),
        (lambda table: [int.from_bytes(one.to_bytes(8, "big"), "little") for one in table], _same, "PIX028"),
        (lambda table: [*table, 99], _same, "PIX026"),
        (lambda table: table[:-1], lambda table: table[:-1], "PIX026"),
        (_same, lambda table: [one + 8 for one in table], "PIX029"),
        (_same, lambda table: table[::-1], "PIX029"),
    ],
)
def test_a_wrong_extended_offset_table_is_one_error(offsets: Numbers, lengths: Numbers, rule: str) -> None:
    made = fresh("jpeg")
    slides.put_frames(made, slides.frames_of(made), "extended")
    for keyword, change in (("ExtendedOffsetTable", offsets), ("ExtendedOffsetTableLengths", lengths)):
        table = change(list(struct.unpack("<20Q", made[keyword].value)))
        made[keyword].value = struct.pack(f"<{len(table)}Q", *table)
    assert _loud({"0.dcm": to_bytes(made)}) == [(rule, "error")]


def test_bytes_between_fragments_are_one_error() -> None:
    data = to_bytes(fresh("jpeg"))
    last = data.rindex(b"\xfe\xff\x00\xe0")
    assert _loud({"0.dcm": data[:last] + b"abcd" + data[last:]}) == [("PIX032", "error")]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({number: {"NumberOfFrames": "20"} for number in range(3)}, "CONC006"),
        ({0: {"ConcatenationFrameOffsetNumber": 1}, 1: {"ConcatenationFrameOffsetNumber": 9}, 2: {"ConcatenationFrameOffsetNumber": 17}}, "CONC005"),
    ],
)  # fmt: skip
def test_a_wrong_count_in_all_members_is_one_error(changes: dict[int, dict[str, object]], rule: str) -> None:
    made = fresh_set("concatenation")
    for number, some in changes.items():
        apply(made[number], some)
    assert _loud(written(made)) == [(rule, "error")]


def test_a_level_of_another_photometric_interpretation_than_its_samples() -> None:
    made = fresh_set("native pyramid")
    apply(made[1], {"PhotometricInterpretation": "MONOCHROME2"})
    assert _loud(written(made)) == [("PIX002", "error")]


@pytest.mark.parametrize("levels", [(0, 1, 2, 5), (1,)])
def test_a_pyramid_label_without_its_uid(levels: tuple[int, ...]) -> None:
    made = fresh_set("pyramid")
    for number in levels:
        apply(made[number], {"PyramidUID": ABSENT})
    # Of a level among others, the pyramid as a whole tells.
    expected = [("PYR102", "warning")] * len(levels) if len(levels) > 1 else [("PYR004", "warning")]
    assert _loud(written(made)) == expected


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"wtpt", b"xtpt", "tag wtpt is missing"),
        (b"desc", b"xesc", "tag desc is missing"),
        (b"curv", b"CURV", "tag rTRC has data of type 'CURV'"),
        (b"XYZ \0\0\0\0", b"ZZZ \0\0\0\0", "tag wtpt has data of type 'ZZZ'"),
    ],
)
def test_tags_of_an_icc_profile(old: bytes, new: bytes, said: str) -> None:
    files = {"0.dcm": to_bytes(apply(fresh("native"), {PROFILE: icc_profile().replace(old, new)}))}
    (found,) = [one for one in _check(files).findings if one.severity != "info"]
    assert (found.rule, found.severity, found.is_) == ("OPT029", "warning", said)


def test_a_profile_is_shown_as_its_length() -> None:
    files = {"0.dcm": to_bytes(apply(fresh("native"), {PROFILE: icc_profile()[:200]}))}
    (found,) = [one for one in _check(files).findings if one.severity != "info"]
    assert (found.rule, found.is_) == ("OPT017", "200 bytes")


def test_an_odd_length_in_nested_sequences_is_one_error() -> None:
    path = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness"
    assert _loud({"0.dcm": to_bytes(apply(fresh("native"), {path: b"0.003"}))}) == [("ENC004", "error")]


@pytest.mark.parametrize("cut", [0, 8, 300])
@pytest.mark.parametrize("frames", [ABSENT, "20", "0"])
@pytest.mark.parametrize("base", ["jpeg", "label"])
def test_no_rule_of_frames_crashes(base: str, frames: object, cut: int) -> None:
    data = to_bytes(apply(fresh(base), {"NumberOfFrames": frames, "Rows": ABSENT if cut == 8 else 32}))
    for some in (data[: len(data) - cut], to_bytes(slides.put_frames(fresh(base), []))):
        report = _check({"0.dcm": some})
        assert [rule for rule, row in report.outcomes.items() if row["error"]] == []


def test_frames_whose_bytes_are_not_known_are_not_examined() -> None:
    made = fresh("native")
    made.compress(RLELossless, generate_instance_uid=False)
    # Run length encoding has no mark: which of three fragments hold the twenty frames nothing tells.
    report = _check({"0.dcm": to_bytes(slides.put_frames(made, slides.frames_of(made)[:3]))})
    assert [rule for rule, row in report.outcomes.items() if row["error"]] == []
    assert report.outcomes["PIX109"]["undecided"] == 1


def test_no_frame_is_examined_if_none_is_asked_for() -> None:
    report = report_of({"0.dcm": WholeBuffer(to_bytes(fresh("jpeg")))}, Checker(Settings(frames="none")))
    assert [rule for rule, row in report.outcomes.items() if row["error"]] == []
