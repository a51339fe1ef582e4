"""What the objects of a SOP Class may hold, by the modules of its IOD (PS3.3 Annex A)."""

from __future__ import annotations

from dcmlint.standard.editions import load, per_edition
from dcmlint.standard.uids import (
    ConfocalMicroscopyTiledPyramidalImageStorage,
    LabelMapSegmentationStorage,
    ParametricMapStorage,
    SegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)

# PS3.6 Table A-1: structured reports and key object selections, with few exceptions
DOCUMENTS = "1.2.840.10008.5.1.4.1.1.88."
DICOM_ROOT = "1.2.840.10008."  # of the standard: PS3.5 9.2
# Modules of PS3.3 that hold pixels, frames and waveforms, by their sections
PIXELS = frozenset({"C.7.6.3", "C.7.6.24", "C.7.6.25", "C.7.6.16"})
FRAMES = frozenset({"C.7.6.6", "C.7.6.16"})
WAVEFORM = frozenset({"C.10.9"})
# PS3.3 C.8.12.4, C.8.20.2, C.8.32.2: their frames may be tiles of a Total Pixel Matrix.
_TILED = frozenset(
    {
        VLWholeSlideMicroscopyImageStorage,
        ConfocalMicroscopyTiledPyramidalImageStorage,
        SegmentationStorage,
        LabelMapSegmentationStorage,
        ParametricMapStorage,
    }
)


@per_edition()
def has_module(sop_class: str, sections: frozenset[str]) -> bool | None:
    """Whether the IOD of a SOP Class has one of these modules; None for a class without an IOD (retired, private)."""
    found = load().sop_class(sop_class)
    if found is None:
        return None
    return any(use.section in sections for use in load().iod(found.iod).modules)


def may_be_tiled(sop_class: str) -> bool | None:
    """Whether images of a SOP Class may have a Total Pixel Matrix; None for a class without an IOD."""
    return None if load().sop_class(sop_class) is None else sop_class in _TILED


def class_name(sop_class: str) -> str:
    """The name of a SOP Class as messages have it."""
    entry = load().uid(sop_class)
    return entry.name if entry is not None else "a private SOP Class"
