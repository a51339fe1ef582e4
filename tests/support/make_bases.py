"""Makes the data sets that examples of rules start from: ``python tests/support/make_bases.py``.

They are package data (``dcmlint/rules/bases``), gzipped because native pixels are mostly air.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pydicom.dataset import FileDataset
from pydicom.fileset import FileSet
from pydicom.uid import UID

from support import slides
from support.modules import SCAN_DATE, SCAN_DATETIME, uid

BASES = Path(__file__).resolve().parents[2] / "dcmlint" / "rules" / "bases"
LIMIT = 40_000  # bytes of each, as stored


def steady(made: FileDataset) -> FileDataset:
    """An object of highdicom without what differs from run to run: the time, and a random UID."""
    made.InstanceCreationDate = made.ContentDate = SCAN_DATE
    made.InstanceCreationTime = made.ContentTime = "101900"
    for equipment in made.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = SCAN_DATETIME
    organization = uid(made.SOPInstanceUID, "dimensions")
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for part in made.get(keyword, []):
            part.DimensionOrganizationUID = organization
    return made


def directory() -> bytes:
    """The DICOMDIR of two images of two patients."""
    with tempfile.TemporaryDirectory() as folder:
        whole = FileSet()
        for image in (slides.ct(), slides.mr()):
            whole.add(image)
        whole.UID = UID(uid("directory"))
        whole.ID = "EXAMPLE"
        whole.write(folder)
        return (Path(folder) / "DICOMDIR").read_bytes()


def bases() -> Iterator[tuple[str, FileDataset]]:
    """Every base by its name."""
    full = slides.full_native()
    yield "wsi-full", full
    yield "wsi-jpeg", slides.full_jpeg()
    yield "wsi-j2k-lossless", slides.full_j2k_lossless()
    yield "wsi-j2k-lossy", slides.full_j2k_lossy()
    yield "wsi-sparse", slides.sparse_native()
    yield "wsi-sparse-jpeg", slides.sparse_jpeg()
    yield "wsi-mono", slides.mono()
    yield "wsi-zstack", slides.z_stack_two_paths()
    yield "wsi-sparse-zstack", slides.sparse_z_two_paths()
    whole = slides.pyramid()
    names = ("wsi-level-0", "wsi-level-1", "wsi-level-2", "wsi-label", "wsi-overview", "wsi-thumbnail")
    yield from zip(names, whole, strict=True)
    for number, member in enumerate(slides.concatenation(), 1):
        yield f"wsi-concat-{number}", member
    yield "seg-tiled-full", steady(slides.segmentation_of(full))
    yield "seg-tiled-sparse", steady(slides.segmentation_of(full, tiled_full=False))
    yield "seg-labelmap", steady(slides.segmentation_of(full, labelmap=True))
    yield "ann", steady(slides.annotations_of(full))
    yield "ct", slides.ct()
    yield "mr", slides.mr()
    yield "sc", slides.sc()
    yield "us", slides.us()
    yield "sr", slides.basic_sr()
    yield "enhanced-ct", slides.enhanced_ct()


def main() -> None:
    """Write them all."""
    BASES.mkdir(exist_ok=True)
    files = {name: slides.to_bytes(dataset) for name, dataset in bases()}
    for name, data in (*files.items(), ("dicomdir", directory())):
        packed = gzip.compress(data, 9, mtime=0)
        assert len(packed) < LIMIT, f"{name}: {len(packed)} bytes"
        (BASES / f"{name}.dcm.gz").write_bytes(packed)
        print(f"{len(packed):6} {name}")


if __name__ == "__main__":
    main()
