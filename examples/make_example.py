"""Write the two small slides of this folder: one that breaks no rule, and one with a dozen known defects.

Run ``python examples/make_example.py`` after a change of the samples in ``tests/support``. Everything is made
from scratch with fixed UIDs and dates, so the files change only with this code or with the JPEG encoder
inside Pillow.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from pydicom.dataset import FileDataset  # noqa: E402
from support import slides  # noqa: E402
from support.modules import uid  # noqa: E402
from support.pictures import icc_profile  # noqa: E402

NAMES = ("level-0.dcm", "level-1.dcm", "level-2.dcm", "label.dcm", "overview.dcm")
_MEASURES = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]"
_FRAME_TYPE = "SharedFunctionalGroupsSequence[0].WholeSlideMicroscopyImageFrameTypeSequence[0].FrameType"


@dataclass(frozen=True)
class Defect:
    """One thing wrong on purpose: the rule that must find it, in which file, and the attributes to set."""

    rule: str
    file: str
    changes: Mapping[str, Any]


def _resampled_original() -> list[str]:
    return ["ORIGINAL", "PRIMARY", "VOLUME", "RESAMPLED"]


DEFECTS = (
    # The two defects of the base level's frames are made by _cut_frames.
    Defect("TILE003", "level-0.dcm", {}),
    Defect("PIX017", "level-0.dcm", {}),
    Defect("PYR001", "level-1.dcm", {"FrameOfReferenceUID": uid("example-broken", "another frame")}),
    Defect("WSI016", "level-1.dcm", {f"{_MEASURES}.SliceThickness": "0"}),
    # 18 characters for the right number; PS3.5 6.2 allows 16
    Defect("VR001", "level-2.dcm", {f"{_MEASURES}.PixelSpacing": "0.0020000000000000\\0.002"}),
    Defect("WSI006", "level-2.dcm", {"ImageType": _resampled_original(), _FRAME_TYPE: _resampled_original()}),
    Defect("IOD014", "label.dcm", {"PyramidUID": uid("example-broken", "pyramid")}),
    Defect("PIX008", "label.dcm", {"PhotometricInterpretation": "RGB"}),
    Defect("PHI001", "label.dcm", {"BurnedInAnnotation": slides.ABSENT}),
    Defect(
        "OPT014", "overview.dcm", {"OpticalPathSequence[0].ICCProfile": icc_profile(device_class=b"mntr")}
    ),
    Defect(
        "PIX034",
        "overview.dcm",
        {
            "LossyImageCompression": "00",
            "LossyImageCompressionRatio": slides.ABSENT,
            "LossyImageCompressionMethod": slides.ABSENT,
        },
    ),
    # the number that the label has
    Defect("PYR021", "overview.dcm", {"InstanceNumber": "11"}),
)


def _instances(name: str, container: str) -> dict[str, FileDataset]:
    scan = slides.Scan(name=name, container=container, columns=512, rows=384, tile=64)
    made = [*(slides.volume(scan, level) for level in range(3)), slides.label(scan), slides.overview(scan)]
    return dict(zip(NAMES, made, strict=True))


def _cut_frames(level: FileDataset) -> None:
    """Leave the last tile out (TILE003), and the second half of the one before (PIX017)."""
    *kept, last, _ = slides.frames_of(level)
    slides.put_frames(level, [*kept, last[: len(last) // 2]])
    level.NumberOfFrames = str(len(kept) + 1)


def good() -> dict[str, bytes]:
    """The files of ``slide-good`` by name."""
    return {name: slides.to_bytes(made) for name, made in _instances("example-good", "EX24-17-A1-1").items()}


def broken() -> dict[str, bytes]:
    """The files of ``slide-broken`` by name: another slide, so that the two never look like one."""
    instances = _instances("example-broken", "EX24-18-A1-1")
    _cut_frames(instances["level-0.dcm"])
    for defect in DEFECTS:
        for path, value in defect.changes.items():
            slides.put(instances[defect.file], path, value)
    return {name: slides.to_bytes(made) for name, made in instances.items()}


def main() -> None:
    """Write both slides beside this script."""
    for folder, files in (("slide-good", good()), ("slide-broken", broken())):
        (HERE / folder).mkdir(exist_ok=True)
        for name, data in files.items():
            (HERE / folder / name).write_bytes(data)
            print(f"{folder}/{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
