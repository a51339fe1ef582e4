"""Facts about dates, the header, the TIFF in the preamble, and where the image lies on the slide."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from support import slides

from dcmlint.dicom.buffers import WholeBuffer
from dcmlint.dicom.instance import Instance, read_instance
from dcmlint.facts.registry import Facts
from dcmlint.standard.tags import PixelData


def _instance(data: bytes) -> Instance:
    instance = read_instance(WholeBuffer(data))
    assert instance is not None
    return instance


def _group(name: str, made: FileDataset | bytes):
    data = made if isinstance(made, bytes) else slides.to_bytes(made)
    return Facts(_instance(data)).group(name)


# -- dates ------------------------------------------------------------------------------------------------


def test_dates_are_differences_in_days() -> None:
    made = slides.changed(
        slides.full_jpeg(), {"InstanceCreationDate": "20240320", "InstanceCreationTime": "1015"}
    )
    found = _group("dates", made)
    assert found.acquisition_readable
    assert found.acquisition_too_early is False
    assert found.content_after_acquisition == pytest.approx(4 / 1440)  # 10:19 and 10:15
    assert found.creation_after_acquisition == pytest.approx(5)


@pytest.mark.parametrize("text", ["", "2024", "20240230", "202403151015", "99999999", "2024031a", "٢٠٢٤٠٣١٥"])
def test_unreadable_dates_are_no_dates(text: str) -> None:
    found = _group("dates", slides.changed(slides.full_jpeg(), {"ContentDate": text.encode()}))
    if text != "202403151015":
        assert found.content_after_acquisition is None
    early = _group("dates", slides.changed(slides.full_jpeg(), {"AcquisitionDateTime": text.encode()}))
    assert early.acquisition_readable is (text == "202403151015")


# -- layout -----------------------------------------------------------------------------------------------


def test_the_largest_element_is_named_by_its_path() -> None:
    made = slides.full_jpeg()
    made.OpticalPathSequence[0].ICCProfile = bytes(200_000)
    data = slides.to_bytes(made)
    found = _group("layout", data)
    assert found.largest_path == "OpticalPathSequence[0].ICCProfile"
    assert 200_000 < found.largest_bytes < 200_020
    pixels = _instance(data).dataset.get(PixelData)
    assert pixels is not None
    assert found.header_bytes == pixels.offset
    assert found.preamble_kind == "empty"


def test_what_is_spread_over_many_items_is_named_as_the_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmlint.facts.file.layout._LARGE", 0)
    assert _group("layout", slides.sparse_native()).largest_path == "PerFrameFunctionalGroupsSequence"


def test_a_file_without_preamble_has_none() -> None:
    assert _group("layout", slides.to_bytes(slides.ct(), preamble=None)).preamble_kind is None


# -- TIFF -------------------------------------------------------------------------------------------------


def _dual(big: bool = False, order: str = "<", shift: int = 0, text: bytes = b"") -> bytes:
    """A file whose preamble begins a TIFF; its only directory lists the fragments, moved by ``shift``."""
    made = slides.full_jpeg()
    plain = slides.to_bytes(made)
    pixels = _instance(plain).dataset.get(PixelData)
    assert pixels is not None
    offsets = [int(at) + 8 + shift for at in pixels.fragments.offsets]
    lengths = [int(length) for length in pixels.fragments.lengths]
    place = len(plain) + 12  # after the header of Data Set Trailing Padding
    number, count = ("Q", "Q") if big else ("I", "H")
    entries = [(324, 16 if big else 4, offsets), (325, 16 if big else 4, lengths)]
    form = order + number
    size = 2 + 2 + 2 * struct.calcsize(form)
    directory_size = (
        struct.calcsize(order + count) + (len(entries) + bool(text)) * size + struct.calcsize(form)
    )
    behind, rows = b"", b""
    if text:
        rows += struct.pack(order + "HH" + 2 * number, 270, 2, len(text), place + directory_size)
        behind += text
    for tag, kind, values in entries:
        rows += struct.pack(
            order + "HH" + 2 * number, tag, kind, len(values), place + directory_size + len(behind)
        )
        behind += struct.pack(f"{order}{len(values)}{number}", *values)
    body = struct.pack(order + count, len(entries) + bool(text)) + rows + struct.pack(form, 0) + behind
    body += b"\0" * (len(body) % 2)
    mark = b"II" if order == "<" else b"MM"
    head = mark + (
        struct.pack(order + "HHHQ", 43, 8, 0, place) if big else struct.pack(order + "HI", 42, place)
    )
    padding = b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", len(body)) + body
    return head.ljust(128, b"\0") + plain[128:] + padding


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_over_the_same_tiles(big: bool, order: str) -> None:
    found = _group("tiff", _dual(big, order, text=b"an image description"))
    assert (found.directories, found.tiles, found.stray_tiles, found.damaged) == (1, 20, 0, False)
    assert found.text_bytes == 20


def test_tiles_that_are_no_frames_are_counted() -> None:
    assert _group("tiff", _dual(shift=2)).stray_tiles == 20


def test_a_directory_outside_of_the_file_is_damage() -> None:
    data = slides.to_bytes(slides.full_jpeg())
    found = _group("tiff", b"II*\0\xff\xff\xff\x7f".ljust(128, b"\0") + data[128:])
    assert found.damaged
    assert found.directories == 0


def test_no_tiff_no_facts() -> None:
    assert _group("tiff", slides.full_jpeg()) is None


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=4, max_size=124), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]), st.data()
)
def test_no_preamble_and_no_directory_breaks_the_reader(
    rest: bytes, mark: bytes, data: st.DataObject
) -> None:
    whole = _DUALS[mark]
    changed = bytearray(whole)
    if data.draw(st.booleans()):
        changed[4 : 4 + len(rest)] = rest
    else:
        at = data.draw(st.integers(_PLAIN, len(whole) - len(rest)))
        changed[at : at + len(rest)] = rest
    found = _group("tiff", bytes(changed))
    assert found is None or 0 <= found.stray_tiles <= found.tiles


_PLAIN = len(slides.to_bytes(slides.full_jpeg()))
_DUALS = {
    b"II*\0": _dual(), b"MM\0*": _dual(order=">"), b"II+\0": _dual(True), b"MM\0+": _dual(True, ">"),
}  # fmt: skip


# -- slide area -------------------------------------------------------------------------------------------


def test_the_area_of_a_scan_lies_below_and_left_of_its_origin() -> None:
    found = _group("slide_area", slides.full_jpeg())
    assert found.width == pytest.approx(0.08)
    assert found.height == pytest.approx(0.064)
    # rows run along -Y, columns along -X
    assert (found.x_min, found.x_max) == pytest.approx((18 - 0.064, 18))
    assert (found.y_min, found.y_max) == pytest.approx((40 - 0.08, 40))
    assert not found.spacing_in_doubt


def test_the_area_without_origin_has_a_size_only() -> None:
    found = _group(
        "slide_area", slides.changed(slides.full_jpeg(), {"TotalPixelMatrixOriginSequence": slides.ABSENT})
    )
    assert found.width == pytest.approx(0.08)
    assert found.x_min is None


@pytest.mark.parametrize(
    ("spacing", "image_type", "doubt"),
    [
        ("0.0005", "NONE", False),
        ("0.25", "NONE", True),  # micrometres at 40x
        ("0.13", "NONE", False),  # the top of a pyramid that says NONE on all levels
        ("0.25", "RESAMPLED", False),
        ("0.7", "RESAMPLED", True),  # 112 mm
        ("0.00004", "RESAMPLED", True),
    ],
)
def test_spacing_in_doubt(spacing: str, image_type: str, doubt: bool) -> None:
    made = slides.full_jpeg()
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", image_type]
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [spacing, spacing]
    assert _group("slide_area", made).spacing_in_doubt is doubt


@pytest.mark.parametrize("value", [b"", b"abc ", b"nan ", b"1e999 ", b"-1", b"0 "])
def test_hostile_spacing_gives_no_area_or_a_finite_one(value: bytes) -> None:
    made = slides.full_jpeg()
    slides.put(
        made, "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing", value + b"\\1 "
    )
    found = _group("slide_area", made)
    assert found is None or found.width == found.width
