"""The facts `pixels`, `encapsulation` and `codestream` on clean images and on ones with one defect."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import read_instance
from dcmlint.expr import UNKNOWN
from dcmlint.facts.pixel.codestream import ALL_UP_TO, chosen_frames, subsampling_name
from dcmlint.facts.pixel.encapsulation import layout_of
from dcmlint.facts.registry import FactOptions, Facts

VIDEO = "1.2.840.10008.1.2.4.102"
RLE = "1.2.840.10008.1.2.5"


def facts_of(
    dataset: Any, changes: dict[str, Any] | None = None, frames: str = "all", **writing: Any
) -> Facts:
    made = slides.changed(dataset, changes or {})
    instance = read_instance(WholeBuffer(slides.to_bytes(made, **writing)))
    assert instance is not None
    return Facts(instance, FactOptions(frames=frames))


# -- pixels ------------------------------------------------------------------------------------------------


def test_native_pixels() -> None:
    pixels = facts_of(slides.full_native()).group("pixels")
    assert (pixels.native, pixels.frames, pixels.element) == (True, 20, "PixelData")
    assert (
        pixels.bytes
        == pixels.expected_bytes
        == pixels.padded_bytes
        == pixels.uncompressed_bytes
        == 20 * 32 * 32 * 3
    )


@pytest.mark.parametrize(
    ("changes", "expected", "padded"),
    [
        ({"Rows": 3, "Columns": 3}, 9 * 2, 18),
        ({"Rows": 3, "Columns": 3, "BitsAllocated": 8}, 9, 10),
        # Single bits run on from frame to frame: PS3.5 8.1.1
        ({"Rows": 3, "Columns": 3, "BitsAllocated": 1, "NumberOfFrames": "3"}, 4, 4),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "BitsAllocated": 8,
          "Rows": 2, "Columns": 4}, 2 * 4 * 2, 16),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL", "BitsAllocated": 8,
          "Rows": 2, "Columns": 4}, 2 * 4 * 3, 24),
        # Without its attributes, or with senseless ones, nobody can tell.
        ({"Rows": 0}, UNKNOWN, UNKNOWN),
        ({"Columns": slides.ABSENT}, UNKNOWN, UNKNOWN),
        ({"BitsAllocated": 12}, UNKNOWN, UNKNOWN),
        ({"SamplesPerPixel": 3}, UNKNOWN, UNKNOWN),
        ({"NumberOfFrames": "0"}, UNKNOWN, UNKNOWN),
        ({"NumberOfFrames": "many"}, UNKNOWN, UNKNOWN),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "Columns": 3}, UNKNOWN, UNKNOWN),
    ],
)  # fmt: skip
def test_expected_bytes(changes: dict[str, Any], expected: object, padded: object) -> None:
    pixels = facts_of(slides.ct(), changes).group("pixels")
    assert (pixels.expected_bytes, pixels.padded_bytes) == (expected, padded)


def test_number_of_frames() -> None:
    assert facts_of(slides.ct())("pixels.frames") == 1
    assert facts_of(slides.full_jpeg(), {"NumberOfFrames": slides.ABSENT})("pixels.frames") is UNKNOWN
    assert facts_of(slides.full_jpeg(), {"NumberOfFrames": "2147483647"})("pixels.frames") == 2147483647


def test_nothing_without_pixels() -> None:
    facts = facts_of(slides.basic_sr())
    assert facts.group("pixels") is facts.group("encapsulation") is facts.group("codestream") is None


# -- encapsulation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "by", "basic", "extended"), [
    ("basic", "bot", 20, None), ("empty", "one-to-one", 0, None), ("extended", "eot", 0, 20),
])  # fmt: skip
def test_tables(table: Any, by: str, basic: int, extended: int | None) -> None:
    made = facts_of(slides.full_jpeg(), offset_table=table).group("encapsulation")
    assert (made.fragments, made.frames, made.frames_by) == (20, 20, by)
    assert (made.bot_entries, made.eot_entries, made.eot_lengths) == (basic, extended, extended)
    assert [len(made.bot_misplaced), len(made.eot_misplaced), len(made.multi_fragment_frames)] == [0, 0, 0]
    assert (made.broken, made.video) == (False, False)


def test_split_frames_are_told_by_their_marks() -> None:
    made = facts_of(slides.full_jpeg(), offset_table="empty", fragments_per_frame=3).group("encapsulation")
    assert (made.fragments, made.frames, made.frames_by, made.frame_starts) == (60, 20, "start-marker", 20)
    assert list(made.multi_fragment_frames) == list(range(20))


def test_frames_that_nothing_tells_apart() -> None:
    facts = facts_of(slides.full_jpeg(), {"NumberOfFrames": "7"}, offset_table="empty")
    assert facts("encapsulation.frames") is UNKNOWN
    assert facts("encapsulation.multi_fragment_frames") is UNKNOWN
    assert facts("encapsulation.frame_starts") == 20


def test_wrong_entries_of_both_tables() -> None:
    base = slides.full_jpeg()
    good = slides.to_bytes(slides.put_frames(base, slides.frames_of(base), "extended"))
    instance = read_instance(WholeBuffer(good))
    assert instance is not None
    offsets = instance.dataset.raw(0x7FE00001)
    lengths = instance.dataset.raw(0x7FE00002)
    third = struct.unpack_from("<Q", offsets, 16)[0]
    bad = offsets[:16] + struct.pack("<Q", third + 2) + offsets[24:]
    longer = (
        struct.pack("<Q", struct.unpack_from("<Q", lengths)[0] - 1) + lengths[8:152] + struct.pack("<Q", 9999)
    )
    made = facts_of(base, {"ExtendedOffsetTable": bad, "ExtendedOffsetTableLengths": longer}).group(
        "encapsulation"
    )
    assert list(made.eot_misplaced) == [2]
    assert list(made.eot_unpadded_lengths) == [0]
    assert list(made.eot_wrong_lengths) == [19]


def test_tables_of_half_entries_are_unknown() -> None:
    facts = facts_of(slides.full_jpeg(), {"ExtendedOffsetTable": bytes(12)})
    assert facts("encapsulation.eot_entries") is UNKNOWN


def test_a_broken_sequence() -> None:
    data = slides.to_bytes(slides.full_jpeg())[:-20]
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    assert Facts(instance)("encapsulation.broken") is True


def test_video_has_no_frames() -> None:
    facts = facts_of(slides.full_jpeg(), transfer_syntax=VIDEO)
    made = facts.group("encapsulation")
    assert made.video
    assert made.frames is UNKNOWN
    assert layout_of(facts) is None
    assert facts.group("codestream") is None


# -- codestream --------------------------------------------------------------------------------------------


def test_headers_of_jpeg() -> None:
    made = facts_of(slides.full_jpeg()).group("codestream")
    assert (made.examined, made.total, made.sampled, made.lossy) == (20, 20, False, True)
    assert (made.kinds, made.processes, made.subsampling) == (("jpeg",), ("baseline",), ("4:2:2",))
    assert (made.widths, made.heights, made.components, made.precisions) == ((32,), (32,), (3,), (8,))
    assert made.sample_share == pytest.approx(2 / 3)
    assert made.reversible is None
    assert made.colour_transform is None


def test_headers_of_jpeg_2000() -> None:
    lossless = facts_of(slides.full_j2k_lossless()).group("codestream")
    assert (lossless.reversible, lossless.colour_transform, lossless.lossy) == (True, True, UNKNOWN)
    lossy = facts_of(slides.full_j2k_lossy()).group("codestream")
    assert (lossy.reversible, lossy.colour_transform, lossy.lossy) == (False, True, True)
    assert lossy.sample_share == 1


def test_frames_of_another_kind_are_neither_lossy_nor_lossless() -> None:
    facts = facts_of(slides.full_jpeg(), transfer_syntax="1.2.840.10008.1.2.4.91")
    assert facts("codestream.kinds") == ("jpeg",)
    assert facts("codestream.lossy") is UNKNOWN


def test_no_frame_is_looked_at() -> None:
    made = facts_of(slides.full_jpeg(), frames="none").group("codestream")
    assert (made.examined, made.total, made.sampled, made.lossy) == (0, 20, True, UNKNOWN)


def test_identical_frames() -> None:
    base = slides.full_jpeg()
    frames = slides.frames_of(base)
    smallest = min(frames, key=len)
    made = facts_of(slides.put_frames(base, [smallest] * 8 + frames[8:])).group("codestream")
    assert made.identical_frames >= 8
    assert made.identical_share == pytest.approx(made.identical_frames / 20)


def _resized(frame: bytes, width: int) -> bytes:
    at = frame.index(b"\xff\xc0") + 7
    return frame[:at] + struct.pack(">H", width) + frame[at + 2 :]


def test_cropped_edge_tiles() -> None:
    base = slides.full_jpeg()
    frames = slides.frames_of(base)
    right = {4, 9, 14, 19}
    cropped = [_resized(frame, 24) if number in right else frame for number, frame in enumerate(frames)]
    facts = facts_of(slides.put_frames(base, cropped), {"TotalPixelMatrixColumns": 152})
    assert list(facts("codestream.cropped_edge_tiles")) == [4, 9, 14, 19]
    # A tile within the image that is too small, or edges that are not what is left: something else is wrong.
    cropped[6] = _resized(frames[6], 24)
    within = facts_of(slides.put_frames(base, cropped), {"TotalPixelMatrixColumns": 152})
    assert not len(within("codestream.cropped_edge_tiles"))
    other = facts_of(slides.put_frames(base, cropped[:6] + frames[6:]), {"TotalPixelMatrixColumns": 150})
    assert not len(other("codestream.cropped_edge_tiles"))


def test_the_sample_is_the_same_each_time_and_has_the_edges() -> None:
    total = 300 * 200
    facts = facts_of(
        slides.full_jpeg(), {"TotalPixelMatrixColumns": 300 * 32, "TotalPixelMatrixRows": 200 * 32}, "auto"
    )
    assert chosen_frames(facts, ALL_UP_TO) is None
    chosen = chosen_frames(facts, total)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    assert chosen[-1] == total - 1
    assert set(range(299, total, 300)) <= set(chosen.tolist())
    assert set(range(total - 300, total)) <= set(chosen.tolist())
    assert len(chosen) < 5000
    assert (chosen_frames(facts, total) == chosen).all()


@pytest.mark.parametrize("kind", ["jpeg", "jpeg2000"])
@pytest.mark.parametrize(("factors", "separations", "name"), [
    (((1, 1), (1, 1), (1, 1)), ((1, 1), (1, 1), (1, 1)), "4:4:4"),
    (((2, 1), (1, 1), (1, 1)), ((1, 1), (2, 1), (2, 1)), "4:2:2"),
    (((2, 2), (1, 1), (1, 1)), ((1, 1), (2, 2), (2, 2)), "4:2:0"),
    (((1, 1),), ((1, 1),), ""),
    (((0, 1), (1, 1), (1, 1)), ((0, 1), (1, 1), (1, 1)), ""),
])  # fmt: skip
def test_names_of_subsampling(kind: Any, factors: Any, separations: Any, name: str) -> None:
    from dcmlint.dicom.codestreams import Codestream

    assert (
        subsampling_name(Codestream(kind=kind, subsampling=factors if kind == "jpeg" else separations))
        == name
    )
