"""pacs-ingest: what no reader can use is refused; what can be kept, found and shown is taken with a warning."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from profile_slides import checked, found
from pydicom.dataset import FileDataset
from support import slides
from support.writing import ABSENT, changed, frames_of, put_frames, to_bytes

from dcmlint.api import check

INGEST = "pacs-ingest"
SPARSE = slides.Scan(name="ingest sparse", columns=512, rows=512, tile=256, sparse=True)
NATIVE = slides.Scan(name="ingest native", columns=512, rows=512, tile=256, codec="native")
LEVEL = slides.Scan(name="ingest", columns=512, rows=512, tile=256)
POSITION = "PerFrameFunctionalGroupsSequence[1].PlanePositionSlideSequence[0]."
MEASURES = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence"

Frames = list[bytes]


def framed(change: Callable[[Frames], Frames]) -> FileDataset:
    made = copy.deepcopy(slides.volume(LEVEL))
    return put_frames(made, change(frames_of(made)))


def level(**changes: Any) -> FileDataset:
    return changed(slides.volume(LEVEL), changes)


REFUSED: dict[str, tuple[Callable[[], FileDataset], str]] = {
    "a frame is cut": (lambda: framed(lambda f: [f[0], f[1][: len(f[1]) // 2], *f[2:]]), "PIX017"),
    "a frame is no code stream": (lambda: framed(lambda f: [f[0], bytes(len(f[1])), *f[2:]]), "PIX012"),
    "a frame is missing": (lambda: framed(lambda f: f[:3]), "PIX022"),
    "a frame is empty": (lambda: framed(lambda f: [*f[:3], b""]), "PIX020"),
    "fewer frames than tiles": (lambda: level(NumberOfFrames="3"), "TILE003"),
    "native pixels are cut": (
        lambda: changed(slides.volume(NATIVE), {"PixelData": slides.volume(NATIVE).PixelData[:4096]}), "PIX033",
    ),
    "no pixels": (lambda: level(PixelData=ABSENT), "PACS008"), "no pixels of a CT": (lambda: changed(slides.ct(), {"PixelData": ABSENT}), "PACS008"),
    "no Rows": (lambda: level(Rows=ABSENT), "PACS009"), "no Columns": (lambda: level(Columns=None), "PACS010"),
    "no Bits Allocated": (lambda: level(BitsAllocated=ABSENT), "PACS011"), "no Samples per Pixel": (lambda: level(SamplesPerPixel=ABSENT), "PACS012"),
    "no Photometric Interpretation": (lambda: level(PhotometricInterpretation=ABSENT), "PACS013"),
    "no Number of Frames": (lambda: level(NumberOfFrames=ABSENT), "PACS014"),
    "no Total Pixel Matrix": (lambda: level(TotalPixelMatrixColumns=ABSENT), "PACS015"),
    "Rows are not those of the code streams": (lambda: level(Rows=128), "PIX016"),
    "a frame without position": (lambda: changed(slides.volume(SPARSE), {POSITION.rpartition("[")[0]: ABSENT}), "TILE007"),
    "a frame outside": (lambda: changed(slides.volume(SPARSE), {f"{POSITION}ColumnPositionInTotalImagePixelMatrix": 9999}), "TILE008"),
    "two frames at one place": (
        lambda: changed(slides.volume(SPARSE), {f"{POSITION}ColumnPositionInTotalImagePixelMatrix": 1, f"{POSITION}RowPositionInTotalImagePixelMatrix": 1}),
        "TILE013",
    ),
    "no positions at all": (lambda: changed(slides.volume(SPARSE), {"PerFrameFunctionalGroupsSequence": ABSENT}), "PACS017"),
    "not said how it is tiled": (lambda: level(DimensionOrganizationType=ABSENT), "PACS017"),
    "no identity": (lambda: level(SOPInstanceUID=ABSENT), "PACS004"), "nobody's": (lambda: level(PatientID=None), "PACS001"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_reader_can_use_is_refused(what: str) -> None:
    made, rule = REFUSED[what]
    assert set(found(checked(to_bytes(made()), INGEST), "error")) == {rule}, "one defect, one error"


TAKEN: dict[str, Callable[[], FileDataset]] = {
    "a level": level, "a sparse level": lambda: slides.volume(SPARSE), "native pixels": lambda: slides.volume(NATIVE), "a CT": slides.ct,
    "a report": slides.basic_sr, "a label": lambda: slides.label(LEVEL), "an overview": lambda: slides.overview(LEVEL),
    "a segmentation": lambda: slides.segmentation_of(slides.volume(LEVEL)), "annotations": lambda: slides.annotations_of(slides.volume(LEVEL)),
    "no Accession Number": lambda: level(AccessionNumber=None), "no spacing": lambda: level(**{MEASURES: ABSENT}),
    "a date of another form": lambda: level(StudyDate="2024/03"), "no frame of reference": lambda: level(FrameOfReferenceUID=ABSENT),
    "no color profile": lambda: level(**{"OpticalPathSequence[0].ICCProfile": ABSENT}),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN)
def test_what_can_be_kept_found_and_shown_is_taken(what: str) -> None:
    assert found(checked(to_bytes(TAKEN[what]()), INGEST), "error") == {}


@pytest.mark.parametrize(
    ("other", "rules"),
    [
        ({"PatientName": "Other^X"}, {"PYR028", "PYR027"}),
        ({"SOPInstanceUID": "1.2.3.4", "PatientID": "X"}, {"PYR027"}),
    ],
)
def test_identities_that_collide_are_refused(other: dict[str, Any], rules: set[str], tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(to_bytes(level()))
    made = level(**other)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    (tmp_path / "b.dcm").write_bytes(to_bytes(made))
    assert set(found(check(tmp_path, profile=INGEST), "error")) == rules


def test_a_file_that_is_cut_is_incomplete() -> None:
    data = to_bytes(level())
    assert checked(data[: len(data) * 2 // 3], INGEST).exit_code == 4
