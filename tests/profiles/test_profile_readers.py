"""Readers as oracles: what a reader opens and what its profile says are the same, on mutations of the example slide."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from network_peers import need, orthanc
from profile_slides import checked, found, gt450
from support import slides
from support.writing import ABSENT, changed, to_bytes

from dcmlint.api import check
from dcmlint.profiles.fit import misfits
from dcmlint.profiles.resolve import resolve_profile

LEVEL = Path(__file__).resolve().parents[2] / "examples" / "slide-good" / "level-1.dcm"

MUTATIONS: list[dict[str, Any]] = [
    {}, {"ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"]}, {"PatientID": ABSENT}, {"PixelSpacing": ABSENT},
    {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME"]}, {"ImageType": ABSENT},
    {"ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "RESAMPLED"]}, {"ImageType": ["ORIGINAL", "SECONDARY", "VOLUME", "NONE"]},
    {"PlanarConfiguration": 1}, {"PlanarConfiguration": ABSENT}, {"BitsAllocated": 16}, {"BitsStored": 7}, {"HighBit": 6},
    {"SamplesPerPixel": 1}, {"PixelRepresentation": 1}, {"PixelRepresentation": ABSENT}, {"TotalPixelMatrixFocalPlanes": 2},
    {"TotalPixelMatrixFocalPlanes": ABSENT}, {"PhotometricInterpretation": "RGB"}, {"PhotometricInterpretation": "YBR_ICT"},
    {"PhotometricInterpretation": "MONOCHROME2"}, {"PhotometricInterpretation": ABSENT}, {"TotalPixelMatrixColumns": ABSENT},
    {"TotalPixelMatrixRows": ABSENT}, {"Rows": ABSENT}, {"Columns": ABSENT}, {"SeriesInstanceUID": ABSENT},
    {"OpticalPathSequence": ABSENT}, {"SpecimenDescriptionSequence": ABSENT}, {"StudyInstanceUID": ABSENT},
    {"Rows": 0}, {"Columns": 0}, {"SeriesInstanceUID": ""}, {"ImageType": ["DERIVED", "PRIMARY", "LABEL", "NONE"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "THUMBNAIL", "RESAMPLED"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"]},
    {"ImagedVolumeWidth": ABSENT}, {"OpticalPathSequence[0].OpticalPathIdentifier": ABSENT}, {"PixelRepresentation": None},
    {"SOPInstanceUID": ""}, {"StudyInstanceUID": None}, {"FrameOfReferenceUID": ABSENT}, {"NumberOfOpticalPaths": 2},
]  # fmt: skip


def agree(opens: Callable[[Path], bool], profile: str, changes: dict[str, Any], folder: Path) -> None:
    """The reader opens the changed slide if and only if the profile has no error for it."""
    data = to_bytes(changed(pydicom.dcmread(LEVEL), changes))
    path = folder / "slide.dcm"
    path.write_bytes(data)
    errors = found(checked(data, profile), "error")
    assert opens(path) == (not errors), (changes, errors)


@pytest.mark.parametrize("number", range(len(MUTATIONS)))
def test_openslide_opens_what_its_profile_passes(number: int, tmp_path: Path) -> None:
    openslide = pytest.importorskip("openslide")

    def opens(path: Path) -> bool:
        try:
            with openslide.OpenSlide(path) as slide:
                return slide.level_count > 0
        except openslide.OpenSlideError:
            return False

    agree(opens, "reader-openslide", MUTATIONS[number], tmp_path)


FOR_WSIDICOM: list[dict[str, Any]] = [
    *MUTATIONS, {"SOPInstanceUID": ABSENT}, {"BitsStored": ABSENT}, {"BitsStored": 12}, {"SamplesPerPixel": ABSENT},
    {"PhotometricInterpretation": "MONOCHROME1"}, {"PhotometricInterpretation": "PALETTE COLOR"}, {"TotalPixelMatrixRows": 0},
    {"NumberOfFrames": 3}, {"NumberOfFrames": 1}, {"TotalPixelMatrixColumns": 9000}, {"DimensionOrganizationType": ABSENT},
    {"DimensionOrganizationType": "TILED_SPARSE"},
    {"SharedFunctionalGroupsSequence": ABSENT}, {"SharedFunctionalGroupsSequence[0].PixelMeasuresSequence": ABSENT},
    {"SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing": ABSENT},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FOR_WSIDICOM)))
def test_wsidicom_opens_what_its_profile_passes(number: int, tmp_path: Path) -> None:
    wsidicom = pytest.importorskip("wsidicom")

    def opens(path: Path) -> bool:
        try:
            with wsidicom.WsiDicom.open(path) as slide:
                return slide.read_region((0, 0), 0, (8, 8)).size == (8, 8)
        except Exception:  # noqa: BLE001 - whatever it raises, it does not open
            return False

    agree(opens, "reader-wsidicom", FOR_WSIDICOM[number], tmp_path)


FOR_ORTHANC: list[dict[str, Any]] = [
    *({name: value} for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID") for value in (ABSENT, None)),
    {}, {"PatientID": ABSENT}, {"SOPClassUID": ABSENT}, {"Modality": None}, {"Rows": ABSENT}, {"PixelData": ABSENT},
    {"StudyInstanceUID": "1.2.x"}, {"PatientID": "x" * 80}, {"SOPClassUID": "1.2.3"}, {"TotalPixelMatrixRows": ABSENT},
]  # fmt: skip


@need("Orthanc")
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:The value length")
def test_orthanc_stores_what_its_profile_passes(tmp_path: Path) -> None:
    good = pydicom.dcmread(LEVEL)
    files = [to_bytes(changed(good, changes)) for changes in FOR_ORTHANC]
    whole = LEVEL.read_bytes()
    files += [whole[: len(whole) * share // 10] for share in (1, 5, 9)] + [b"no DICOM" * 40, whole[132:]]
    with orthanc(tmp_path, OverwriteInstances=True) as (_, http):
        for number, data in enumerate(files):
            report = checked(data, "archive-orthanc")
            passes = not found(report, "error") and report.exit_code == 0
            assert _stores(http, data) == passes, (number, found(report))


def _stores(http: int, data: bytes) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{http}/instances", data, {"Content-Type": "application/dicom"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())["Status"] == "Success"
    except urllib.error.HTTPError:
        return False


@pytest.mark.parametrize(
    ("profile", "changes", "rule"),
    [
        ("archive-azure-dicom", {"PatientID": None}, "AZU005"), ("archive-azure-dicom", {"PatientID": "A B"}, "AZU005"),
        ("archive-aws-healthimaging", {"StudyDescription": "x" * 300}, "AWS007"), ("reader-slim", {"Modality": "OT"}, "SLM001"),
        ("reader-ohif", {"ImageType": ABSENT}, "OHI001"), ("reader-ohif", {"Modality": "OT"}, "SLM001"),
        ("reader-slim", {"OpticalPathSequence": ABSENT}, "SLM011"), ("reader-slim", {"DimensionOrganizationType": "TILED_SPARSE"}, "SLM009"),
        ("reader-slim", {"ConcatenationUID": "1.2.3"}, "SLM012"), ("reader-slim", {"TotalPixelMatrixRows": ABSENT}, "SLM008"),
        ("reader-bioformats", {"BitsAllocated": 64}, "BIO003"), ("reader-bioformats", {"ImageType": ABSENT}, "BIO007"),
        ("reader-bioformats", {"TotalPixelMatrixRows": ABSENT}, "BIO006"), ("reader-bioformats", {"PixelSpacing": ["1"]}, "BIO008"),
        ("reader-slicer", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "SLI001"), ("archive-dcm4chee-arc", {"SOPClassUID": ABSENT}, "DCA004"),
        ("archive-google-healthcare", {"SeriesInstanceUID": ABSENT}, "GHC002"), ("archive-google-healthcare", {"SOPInstanceUID": None}, "GHC003"),
    ],
)  # fmt: skip
def test_archives_and_viewers_refuse_what_their_documents_say(
    profile: str, changes: dict[str, Any], rule: str
) -> None:
    good = pydicom.dcmread(LEVEL)
    assert found(checked(to_bytes(good), profile), "error") == {}
    assert rule in found(checked(to_bytes(changed(good, changes)), profile), "error")


@pytest.mark.parametrize("sender", ["aperio-gt450-dx", "dicomvert-2.0"])
@pytest.mark.parametrize(
    "receiver",
    [
        "reader-openslide",
        "reader-wsidicom",
        "archive-azure-dicom",
        "archive-aws-healthimaging",
        "archive-google-healthcare",
        "archive-orthanc",
        "archive-dcm4chee-arc",
        "reader-bioformats",
        "reader-slim",
        "reader-ohif",
        "pacs-ingest",
    ],
)
def test_every_vendor_beside_every_receiver(sender: str, receiver: str) -> None:
    found_ = misfits(resolve_profile(sender), resolve_profile(receiver))
    refused = {one.what for one in found_ if one.direction == "sent, not taken"}
    if (sender, receiver) == ("dicomvert-2.0", "reader-openslide"):
        assert "transfer syntax JPEGLSLossless" in refused
        assert "transfer syntax JPEG2000" not in refused
    if sender == "aperio-gt450-dx" and receiver == "reader-openslide":
        assert not refused


def test_ohif_puts_in_an_optical_path_where_there_is_none() -> None:
    data = to_bytes(changed(pydicom.dcmread(LEVEL), {"OpticalPathSequence": ABSENT}))
    assert found(checked(data, "reader-ohif"), "error") == {}


@pytest.mark.parametrize(
    ("kind", "fails"), [("LABEL", True), ("OVERVIEW", True), ("THUMBNAIL", False), ("VOLUME", False)]
)
def test_ohif_shows_levels_and_thumbnails_only(kind: str, fails: bool) -> None:
    data = to_bytes(changed(pydicom.dcmread(LEVEL), {"ImageType": ["ORIGINAL", "PRIMARY", kind, "NONE"]}))
    assert ("OHI101" in found(checked(data, "reader-ohif"), "error")) == fails


def test_a_missing_patient_id_is_refused_where_the_archive_is_configured_so() -> None:
    data = to_bytes(changed(pydicom.dcmread(LEVEL), {"PatientID": None}))
    assert found(checked(data, "archive-dcm4chee-arc")) == {"DCA006": "info"}
    strict = {"accept_missing_patient_id": "NO"}
    assert found(checked(data, "archive-dcm4chee-arc", parameters=strict)) == {"DCA005": "error"}


def test_bio_formats_needs_a_position_for_each_frame_that_is_not_in_order() -> None:
    made = gt450(sparse=True)
    assert found(checked(made, "reader-bioformats"), "error") == {}
    del made.PerFrameFunctionalGroupsSequence[1].PlanePositionSlideSequence
    assert "BIO013" in found(checked(made, "reader-bioformats"), "error")


@pytest.mark.parametrize("organization", ["TILED_SPARSE", "3D"])
def test_a_level_without_the_positions_of_its_frames_is_refused_for_openslide(organization: str) -> None:
    """It is not opened here: OpenSlide ends the process."""
    level = pydicom.dcmread(LEVEL)
    assert found(checked(to_bytes(level), "reader-openslide"), "error") == {}
    data = to_bytes(changed(level, {"DimensionOrganizationType": organization}))
    assert found(checked(data, "reader-openslide"), "error") == {"OSL102": "error"}


def test_what_the_size_of_frames_makes_impossible_in_the_store_of_google() -> None:
    def of(rows: int, columns: int) -> dict[str, str]:
        changes = {"Rows": rows, "Columns": columns}
        return found(checked(to_bytes(changed(pydicom.dcmread(LEVEL), changes)), "archive-google-healthcare"))

    assert of(256, 256) == {}
    assert of(10001, 100) == {"GHC103": "info"}
    assert of(5000, 5000) == {"GHC103": "info"}
    assert of(9000, 9000) == {"GHC101": "warning", "GHC103": "info", "GHC104": "info"}


@pytest.mark.parametrize("kind", ["label", "overview", "thumbnail"])
def test_wsidicom_needs_the_size_of_levels_only(kind: str, tmp_path: Path) -> None:
    wsidicom = pytest.importorskip("wsidicom")
    scan = slides.Scan(name="size of levels")
    other = changed(getattr(slides, kind)(scan), {"ImagedVolumeWidth": ABSENT})
    for name, made in (("level", slides.volume(scan)), ("other", other)):
        (tmp_path / f"{name}.dcm").write_bytes(to_bytes(made))
    with wsidicom.WsiDicom.open(tmp_path) as slide:
        assert slide.read_region((0, 0), 0, (8, 8)).size == (8, 8)
    assert found(check(tmp_path, profile="reader-wsidicom"), "error") == {}


def test_wsidicom_refuses_two_instances_of_one_uid(tmp_path: Path) -> None:
    wsidicom = pytest.importorskip("wsidicom")
    levels = slides.pyramid("jpeg", 2)[:2]
    for number, level in enumerate(levels):
        level.SOPInstanceUID = level.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        (tmp_path / f"{number}.dcm").write_bytes(to_bytes(level))
    with pytest.raises(Exception, match="duplicated"):
        wsidicom.WsiDicom.open(tmp_path)
    assert "PYR028" in found(check(tmp_path, profile="reader-wsidicom"), "error")
