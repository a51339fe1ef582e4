"""The checked-in example slides are what their script makes, and their README tells all defects."""

from __future__ import annotations

import importlib.util
import re
import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pydicom
import pytest
from pydicom.dataset import Dataset
from support import slides

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_example", EXAMPLES / "make_example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_example"] = module
    spec.loader.exec_module(module)
    return module


def _header(dataset: Dataset) -> dict[str, str]:
    """What does not depend on the JPEG encoder."""
    encoded = ("PixelData", "LossyImageCompressionRatio")
    return {e.keyword: repr(e) for e in dataset.iterall() if e.keyword not in encoded}


def _same_encoder(stored: dict[str, bytes], made: dict[str, bytes]) -> bool:
    """Whether this machine's Pillow makes of one tile what it made when the files were written."""
    first = [slides.frames_of(pydicom.dcmread(BytesIO(files["level-2.dcm"])))[0] for files in (stored, made)]
    return first[0] == first[1]


@pytest.mark.parametrize("folder", ["good", "broken"])
def test_the_files_are_what_the_script_makes(script: ModuleType, folder: str) -> None:
    made: dict[str, bytes] = getattr(script, folder)()
    stored = {path.name: path.read_bytes() for path in (EXAMPLES / f"slide-{folder}").iterdir()}
    assert stored.keys() == made.keys()
    if _same_encoder(stored, made):
        assert stored == made
        return
    for name, data in made.items():
        assert _header(pydicom.dcmread(BytesIO(stored[name]))) == _header(pydicom.dcmread(BytesIO(data)))


def test_the_readme_lists_each_defect(script: ModuleType) -> None:
    rows = re.findall(r"^\| (\S+\.dcm) \| (\w+) \|", (EXAMPLES / "README.md").read_text("utf-8"), re.M)
    assert rows == [(defect.file, defect.rule) for defect in script.DEFECTS]


def test_the_two_slides_share_no_uid_that_would_join_them() -> None:
    keywords = (
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "PyramidUID",
        "FrameOfReferenceUID",
    )
    found: list[set[str]] = []
    for folder in ("slide-good", "slide-broken"):
        datasets = [pydicom.dcmread(path) for path in (EXAMPLES / folder).iterdir()]
        found.append({str(d[k].value) for d in datasets for k in keywords if k in d})
    assert not found[0] & found[1]


def test_the_examples_stay_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.glob("slide-*/*")) < 600_000


def test_the_broken_slide_is_broken_as_told() -> None:
    folder = EXAMPLES / "slide-broken"
    read = {path.stem: pydicom.dcmread(path) for path in folder.iterdir()}
    base, label, overview = read["level-0"], read["label"], read["overview"]
    frames = slides.frames_of(base)
    assert len(frames) == base.NumberOfFrames == 47
    assert [frame.rstrip(b"\0").endswith(b"\xff\xd9") for frame in frames] == [True] * 46 + [False]
    assert read["level-1"].FrameOfReferenceUID != base.FrameOfReferenceUID
    assert b"0.0020000000000000\\0.002" in (folder / "level-2.dcm").read_bytes()
    assert label.PhotometricInterpretation == "RGB"
    assert "BurnedInAnnotation" not in label
    assert label.InstanceNumber == overview.InstanceNumber
    assert overview.OpticalPathSequence[0].ICCProfile[12:16] == b"mntr"
    assert overview.LossyImageCompression == "00"
