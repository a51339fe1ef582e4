"""Attributes that name frames by number: the first is 1 (PS3.3 C.7.6.6, Table 10-3)."""

from __future__ import annotations

from typing import Final

from dcmlint.standard.tags import (
    ApplicableFrameRange,
    FrameNumbersOfInterest,
    IVUSPullbackStartFrameNumber,
    IVUSPullbackStopFrameNumber,
    MaskFrameNumbers,
    ReferencedFrameNumber,
    SimpleFrameList,
    StartTrim,
    StopTrim,
)

# Segments are not among them: those of a label map may begin with 0 (PS3.3 C.8.20.4).
COUNTED_FROM_1: Final = frozenset(
    {
        ApplicableFrameRange,
        FrameNumbersOfInterest,
        IVUSPullbackStartFrameNumber,
        IVUSPullbackStopFrameNumber,
        MaskFrameNumbers,
        ReferencedFrameNumber,
        SimpleFrameList,
        StartTrim,
        StopTrim,
    }
)

BELOW_1: Final = "{} contains {}; frames are numbered from 1"
FROM_1: Final = "numbers from 1"
