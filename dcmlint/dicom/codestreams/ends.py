"""Where a code stream ends: by its end marker, or by what it says of its own length."""

from __future__ import annotations

import re
from typing import Final

from dcmlint.dicom.codestreams.codestream import FrameBytes, Kind, find_end
from dcmlint.dicom.codestreams.jpegxl_end import stated_end

# An end marker, padding or fill bytes, and the first markers of another code stream: EOI and SOI (ISO/IEC 10918-1 B.1.1.3),
# EOC, SOC and SIZ (ISO/IEC 15444-1 A.4, A.5.1).  Coded data has no marker in it: ISO/IEC 10918-1 B.1.1.5, ISO/IEC 14495-1
# A.1, ISO/IEC 15444-1 B.10.1.
_AGAIN: Final = {
    "jpeg": re.compile(rb"\xff\xd9[\x00\xff]{0,16}?\xff\xd8\xff[\xc0-\xfe]"),
    "jpegls": re.compile(rb"\xff\xd9[\x00\xff]{0,16}?\xff\xd8\xff[\xc0-\xfe]"),
    "jpeg2000": re.compile(rb"\xff\xd9[\x00\xff]{0,16}?\xff\x4f\xff\x51"),
    "htj2k": re.compile(rb"\xff\xd9[\x00\xff]{0,16}?\xff\x4f\xff\x51"),
}


def begins_again(data: FrameBytes, kind: Kind, header_length: int) -> bool:
    """Whether another code stream follows the first one: reads all of ``data`` behind the header.

    What application segments hold, as thumbnails, is in the header.
    """
    again = _AGAIN.get(kind)
    return again is not None and again.search(data[header_length : len(data)]) is not None


def has_end(kind: Kind) -> bool:
    """Whether code streams of this kind tell where they end."""
    return kind in ("jpeg", "jpegls", "jpeg2000", "htj2k", "jpegxl")


def end_of(data: FrameBytes, kind: Kind, header_length: int) -> int | None:
    """The byte after a code stream of a kind that `has_end`: more than the length of ``data`` where its end is missing.

    None where it cannot be told.
    """
    if kind == "jpegxl":
        return stated_end(data)
    end = find_end(data, header_length)
    return len(data) + 1 if end is None else end
