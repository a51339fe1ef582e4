"""Where a code stream ends: by its end marker, or by what it says of its own length."""

from __future__ import annotations

from dcmlint.dicom.codestreams.codestream import FrameBytes, Kind, find_end
from dcmlint.dicom.codestreams.jpegxl_end import stated_end


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
