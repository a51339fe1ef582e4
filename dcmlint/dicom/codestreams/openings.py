"""Where a code stream has said all about itself: frames that begin with the same bytes up to there are alike."""

from __future__ import annotations

from typing import Final

from dcmlint.dicom.codestreams import read_header
from dcmlint.dicom.codestreams.codestream import Codestream
from dcmlint.dicom.codestreams.jpeg import header_key as jpeg_key
from dcmlint.dicom.codestreams.jpeg2000 import header_key as jpeg2000_key
from dcmlint.dicom.codestreams.jpegxl import SIGNATURE as JXL_CODE_STREAM

# Bytes of a fragment that are worth reading with its item header: a JPEG header with a small ICC profile.
LARGEST_OPENING: Final = 4096
_AFTER_MAIN: Final = 14  # SOT has 12 bytes, then SOD: no tile header overrides. ISO/IEC 15444-1 Table A.5
_SOD: Final = b"\xff\x93"


def header_key(block: bytes) -> tuple[bytes, int] | None:
    """What tells a header from others, and the header's length in bytes; None if it is not plain.

    Frames with the same key have the same facts, also where the bytes left out of it differ.
    """
    return jpeg_key(block) or jpeg2000_key(block)


def tells_size(stream: Codestream) -> bool:
    """Whether the header itself says how many lines there are; DNL says it behind the first scan
    (ISO/IEC 10918-1 B.2.5)."""
    return bool(stream.height) and not stream.dnl


def opening_length(block: bytes) -> int:
    """How many bytes of ``block``, the beginning of a frame, say all about it; 0 where they cannot be told.

    Two frames that share so many bytes have the same facts but for their end. RLE has none: each frame is its own.
    """
    keyed = header_key(block)
    if keyed is None:
        if not block.startswith(JXL_CODE_STREAM):
            return 0
        stream = read_header(block)
        return 0 if stream.problems else stream.header_length
    length = keyed[1]
    if block.startswith(b"\xff\x4f"):
        sod = length + _AFTER_MAIN - len(_SOD)
        return length + _AFTER_MAIN if block.startswith(_SOD, sod) else 0
    return length if tells_size(read_header(block)) else 0
