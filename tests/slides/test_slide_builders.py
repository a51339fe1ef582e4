"""The samples that other tests stand on are what they say, and clean."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from support import slides
from support.pictures import icc_profile

IMAGES: dict[str, Callable[[], FileDataset]] = {
    "full_native": slides.full_native,
    "full_jpeg": slides.full_jpeg,
    "full_j2k_lossless": slides.full_j2k_lossless,
    "full_j2k_lossy": slides.full_j2k_lossy,
    "sparse_native": slides.sparse_native,
    "sparse_jpeg": slides.sparse_jpeg,
    "label": slides.label,
    "overview": slides.overview,
    "thumbnail": slides.thumbnail,
    "mono": slides.mono,
    "mono 16": lambda: slides.mono(16),
    "z_stack_two_paths": slides.z_stack_two_paths,
    "z_stack_two_paths colour": lambda: slides.z_stack_two_paths(monochrome=False),
    "sparse_z_two_paths": slides.sparse_z_two_paths,
    "sparse_z_two_paths colour": lambda: slides.sparse_z_two_paths(monochrome=False),
    "sparse with holes": lambda: slides.sparse_jpeg(missing=frozenset({0, 7, 19})),
}
GENERAL: dict[str, Callable[[], FileDataset]] = {
    "ct": slides.ct,
    "mr": slides.mr,
    "sc": slides.sc,
    "us": slides.us,
    "basic_sr": slides.basic_sr,
    "enhanced_ct": slides.enhanced_ct,
}
COMPRESSED = ["full_jpeg", "full_j2k_lossless", "full_j2k_lossy", "sparse_jpeg", "label", "overview"]


def _read(data: bytes) -> FileDataset:
    return pydicom.dcmread(BytesIO(data))


def _dciodvfy(folder: Path, made: dict[str, FileDataset]) -> dict[str, list[str]]:
    """What dciodvfy says of each dataset, without the line that names the IOD."""
    beside = Path(sys.executable).parent / "dciodvfy"
    program = str(beside) if beside.exists() else shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed")
    said: dict[str, list[str]] = {}
    for number, (name, dataset) in enumerate(made.items()):
        path = folder / f"{number}.dcm"
        path.write_bytes(slides.to_bytes(dataset))
        run = subprocess.run(
            [program, "-new", "-allpffgitems", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = (run.stdout + run.stderr).splitlines()
        said[name] = [line for line in lines if line.startswith(("Error", "Warning"))]
    return said


@pytest.mark.peer
def test_dciodvfy_is_silent(tmp_path: Path) -> None:
    made = {name: build() for name, build in (IMAGES | GENERAL).items()}
    made |= {f"pyramid {n}": d for n, d in enumerate(slides.pyramid())}
    # It wants every tile of a sparse image too, which PS3.3 C.7.6.17.3 does not.
    del made["sparse with holes"]
    assert {name: said for name, said in _dciodvfy(tmp_path, made).items() if said} == {}


@pytest.mark.peer
def test_dciodvfy_is_silent_on_what_is_derived_from_a_slide(tmp_path: Path) -> None:
    slide = slides.full_native()
    made = {
        f"segmentation {full} {labelmap}": slides.segmentation_of(slide, tiled_full=full, labelmap=labelmap)
        for full in (True, False)
        for labelmap in (True, False)
    }
    made["annotations"] = slides.annotations_of(slide)
    assert {name: said for name, said in _dciodvfy(tmp_path, made).items() if said} == {}
    assert made["segmentation True False"].NumberOfFrames == 20 * 2
    assert made["segmentation True True"].NumberOfFrames == 20


@pytest.mark.peer
def test_dciodvfy_only_miscounts_concatenations(tmp_path: Path) -> None:
    made = {str(n): member for n, member in enumerate(slides.concatenation())}
    for said in _dciodvfy(tmp_path, made).values():
        assert all("NumberOfFrames does not match" in line for line in said)


@pytest.mark.parametrize("build", (IMAGES | GENERAL).values(), ids=IMAGES | GENERAL)
def test_a_sample_is_the_same_every_time_and_reads_back(build: Callable[[], FileDataset]) -> None:
    first = build()
    data = slides.to_bytes(first)
    first.PatientName = "Changed^By^Test"
    assert slides.to_bytes(build()) == data
    assert _read(data).SOPInstanceUID == first.SOPInstanceUID


def test_samples_do_not_share_a_slide() -> None:
    singles = [build() for build in IMAGES.values()][:-1]  # the last is sparse_jpeg again
    made = [*singles, slides.pyramid()[0], slides.concatenation()[0]]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert len({d[keyword].value for d in made}) == len(made)


def test_uids_play_one_role_each_and_are_below_2_25() -> None:
    keywords = (
        "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "PyramidUID",
        "AcquisitionUID", "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource",
    )  # fmt: skip
    for member in slides.concatenation():
        found = [str(member[k].value) for k in keywords]
        found.append(member.DimensionOrganizationSequence[0].DimensionOrganizationUID)
        found.append(member.SpecimenDescriptionSequence[0].SpecimenUID)
        assert len(set(found)) == len(found)
        assert all(u.startswith("2.25.") and int(u[5:]) < 1 << 128 and u[5] != "0" for u in found)


@pytest.mark.parametrize("name", [n for n in IMAGES if n not in ("sparse with holes",)])
def test_frames_fill_the_matrix(name: str) -> None:
    d = IMAGES[name]()
    across = -(-d.TotalPixelMatrixColumns // d.Columns)
    down = -(-d.TotalPixelMatrixRows // d.Rows)
    want = across * down * d.TotalPixelMatrixFocalPlanes * d.NumberOfOpticalPaths
    assert d.NumberOfFrames == want
    assert len(d.OpticalPathSequence) == d.NumberOfOpticalPaths
    frame = d.Rows * d.Columns * d.SamplesPerPixel * d.BitsAllocated // 8
    if d.file_meta.TransferSyntaxUID.is_compressed:
        frames = slides.frames_of(d)
        assert len(frames) == len(set(frames)) == want
    else:
        assert len(d.PixelData) == frame * want


@pytest.mark.parametrize("name", IMAGES)
def test_measures_agree(name: str) -> None:
    d = IMAGES[name]()
    measures = d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert pytest.approx(d.TotalPixelMatrixColumns * measures.PixelSpacing[1]) == d.ImagedVolumeWidth
    assert pytest.approx(d.TotalPixelMatrixRows * measures.PixelSpacing[0]) == d.ImagedVolumeHeight
    assert (
        pytest.approx(1000 * measures.SliceThickness * d.TotalPixelMatrixFocalPlanes) == d.ImagedVolumeDepth
    )
    row, column = d.ImageOrientationSlide[:3], d.ImageOrientationSlide[3:]
    assert np.cross([float(v) for v in row], [float(v) for v in column]).tolist() == [0, 0, -1]


@pytest.mark.parametrize("name", [n for n in IMAGES if n.startswith("sparse")])
def test_sparse_frames_lie_where_they_say(name: str) -> None:
    d = IMAGES[name]()
    origin = d.TotalPixelMatrixOriginSequence[0]
    measures = d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    cosines = [float(v) for v in d.ImageOrientationSlide]
    ps0, ps1 = (float(v) for v in measures.PixelSpacing)
    seen: set[tuple[object, ...]] = set()
    indices = []
    for frame in d.PerFrameFunctionalGroupsSequence:
        place = frame.PlanePositionSlideSequence[0]
        column, row = place.ColumnPositionInTotalImagePixelMatrix, place.RowPositionInTotalImagePixelMatrix
        assert (column - 1) % d.Columns == (row - 1) % d.Rows == 0
        right, down = ps1 * (column - 1), ps0 * (row - 1)
        x = float(origin.XOffsetInSlideCoordinateSystem) + cosines[0] * right + cosines[3] * down
        y = float(origin.YOffsetInSlideCoordinateSystem) + cosines[1] * right + cosines[4] * down
        assert abs(x - float(place.XOffsetInSlideCoordinateSystem)) < 1e-9
        assert abs(y - float(place.YOffsetInSlideCoordinateSystem)) < 1e-9
        path = frame.OpticalPathIdentificationSequence[0].OpticalPathIdentifier
        z = float(place.ZOffsetInSlideCoordinateSystem)
        if "SpacingBetweenSlices" in measures:
            assert (z / (1000 * measures.SpacingBetweenSlices)).is_integer()
        seen.add((column, row, z, path))
        indices.append(tuple(frame.FrameContentSequence[0].DimensionIndexValues))
    assert len(seen) == len(set(indices)) == d.NumberOfFrames == len(d.PerFrameFunctionalGroupsSequence)
    for dimension in zip(*indices, strict=True):
        assert set(dimension) == set(range(1, max(dimension) + 1))
    assert len(d.DimensionIndexSequence) == len(indices[0])


def _jpeg_sampling(frame: bytes) -> list[int]:
    start = frame.index(b"\xff\xc0") + 10
    return [frame[start + 1], frame[start + 4], frame[start + 7]]


def test_code_streams_are_what_the_header_says() -> None:
    for frame in slides.frames_of(slides.full_jpeg()):
        assert frame.startswith(b"\xff\xd8")
        assert frame.rstrip(b"\0").endswith(b"\xff\xd9")
        assert _jpeg_sampling(frame) == [0x21, 0x11, 0x11]
    for build, transform in ((slides.full_j2k_lossless, 1), (slides.full_j2k_lossy, 0)):
        for frame in slides.frames_of(build()):
            assert frame.startswith(b"\xff\x4f\xff\x51")
            cod = frame.index(b"\xff\x52")
            assert (frame[cod + 8], frame[cod + 13]) == (1, transform)


def test_lossless_frames_hold_the_native_pixels() -> None:
    from PIL import Image

    native = slides.full_native()
    size = native.Rows * native.Columns * 3
    for number, frame in enumerate(slides.frames_of(slides.full_j2k_lossless())):
        assert Image.open(BytesIO(frame)).tobytes() == native.PixelData[number * size :][:size]


@pytest.mark.parametrize("name", COMPRESSED)
def test_the_lossy_ratio_is_the_true_one(name: str) -> None:
    d = IMAGES[name]()
    native = d.Rows * d.Columns * d.SamplesPerPixel * d.NumberOfFrames
    ratio = native / sum(map(len, slides.frames_of(d)))
    if d.LossyImageCompression == "01":
        assert float(d.LossyImageCompressionRatio) == pytest.approx(ratio, rel=0.02)
    else:
        assert "LossyImageCompressionRatio" not in d


def test_levels_scale_exactly() -> None:
    levels = slides.pyramid()[:3]
    for coarse, fine in zip(levels[1:], levels, strict=False):
        spacings = [
            level.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0]
            for level in (fine, coarse)
        ]
        assert float(spacings[1]) == 2 * float(spacings[0])
        assert fine.TotalPixelMatrixColumns == 2 * coarse.TotalPixelMatrixColumns
    assert [level.ImageType[3] for level in levels] == ["NONE", "RESAMPLED", "RESAMPLED"]
    assert len({d.InstanceNumber for d in slides.pyramid()}) == 6


def test_a_concatenation_is_its_source_cut_up() -> None:
    members = slides.concatenation("native")
    whole = slides.volume(slides.Scan(name="concatenation-native", codec="native"))
    assert b"".join(m.PixelData for m in members) == whole.PixelData
    assert [m.ConcatenationFrameOffsetNumber for m in members] == [0, 8, 16]
    assert [m.NumberOfFrames for m in members] == [8, 8, 4]


def test_the_icc_profile_opens_as_an_input_profile() -> None:
    from PIL import ImageCms

    data = icc_profile()
    assert struct.unpack(">I", data[:4]) == (len(data),)
    opened = ImageCms.ImageCmsProfile(BytesIO(data))
    assert (opened.profile.device_class, opened.profile.xcolor_space) == ("scnr", "RGB ")
    assert ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), "RGB", "RGB")


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_native_data_reads_the_same_in_every_encoding(syntax: str, bits: int) -> None:
    d = slides.mono(bits)
    read = _read(slides.to_bytes(d, transfer_syntax=syntax, undefined_lengths=True))
    assert read.file_meta.TransferSyntaxUID == syntax
    assert read["SpecimenDescriptionSequence"].is_undefined_length
    assert np.array_equal(read.pixel_array, d.pixel_array)
    assert read.SpecimenDescriptionSequence == d.SpecimenDescriptionSequence


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("table", ["basic", "empty", "extended"])
def test_frames_are_found_by_every_offset_table(table: slides.OffsetTable, pieces: int) -> None:
    d = slides.full_jpeg()
    data = slides.to_bytes(d, offset_table=table, fragments_per_frame=pieces)
    read = _read(data)
    assert b"".join(slides.frames_of(read)) == b"".join(slides.frames_of(d))
    assert len(slides.frames_of(read)) == 20 * pieces
    (basic,) = struct.unpack_from("<I", read.PixelData, 4)
    assert basic == (80 if table == "basic" else 0)
    assert ("ExtendedOffsetTable" in read) == (table == "extended")
    if table == "basic":
        body = read.PixelData[8 + basic :]
        offsets = struct.unpack_from("<20I", read.PixelData, 8)
        assert all(body[o : o + 4] == b"\xfe\xff\x00\xe0" for o in offsets)


def test_a_file_can_do_without_its_beginning() -> None:
    d = slides.full_native()
    assert slides.to_bytes(d)[128:132] == b"DICM"
    assert slides.to_bytes(d, preamble=None)[:4] == b"\x02\x00\x00\x00"
    assert slides.to_bytes(d, preamble=None, file_meta=False)[:4] == b"\x08\x00\x05\x00"


def test_changes_write_what_no_checker_would_let_through() -> None:
    d = slides.sparse_native()
    spoiled = slides.changed(
        d,
        {
            "NumberOfFrames": "many",
            "PerFrameFunctionalGroupsSequence[3].PlanePositionSlideSequence": slides.ABSENT,
            "OpticalPathSequence[0].ObjectiveLensPower": b"x" * 40,
            "(0009,0010)": b"PRIVATE ",
            "Modality": "sm",
            "Manufacturer": b"odd",
            "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness": "1" * 17,
            "SmallestImagePixelValue": 3,
        },
    )
    data = slides.to_bytes(spoiled)
    assert b"x" * 40 in data
    assert b"CS\x02\x00sm" in data
    assert b"LO\x03\x00odd" in data
    assert b"DS\x12\x00" + b"1" * 17 + b" " in data
    assert b"\x28\x00\x06\x01US\x02\x00\x03\x00" in data
    assert b"\x09\x00\x10\x00UN\x00\x00\x08\x00\x00\x00PRIVATE " in data
    assert b"IS\x04\x00many" in data
    assert "PlanePositionSlideSequence" not in _read(data).PerFrameFunctionalGroupsSequence[3]
    assert d.NumberOfFrames == 20
    assert "PlanePositionSlideSequence" in d.PerFrameFunctionalGroupsSequence[3]
