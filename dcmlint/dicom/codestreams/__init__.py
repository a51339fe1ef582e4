"""Compressed frames: what their headers say. No sample is ever decoded.

``read_codestream`` reads one frame, ``frames.scan_frames`` all frames of an instance. Both tell the kind by
the bytes; what a transfer syntax wants is in ``EXPECTED``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from dcmlint.dicom.codestreams.boxes import JP2_SIGNATURE, JXL_SIGNATURE, read_jp2
from dcmlint.dicom.codestreams.codestream import (
    Codestream,
    CodestreamProblem,
    FrameBytes,
    Kind,
    ProblemCode,
    Process,
    chroma_subsampled,
    lossless,
    surely_rgb,
    surely_ycbcr,
)
from dcmlint.dicom.codestreams.ends import end_of, has_end
from dcmlint.dicom.codestreams.jpeg import least_scan, read_jpeg, start_of_image
from dcmlint.dicom.codestreams.jpeg2000 import read_jpeg2000
from dcmlint.dicom.codestreams.jpegxl import SIGNATURE as JXL_CODE_STREAM
from dcmlint.dicom.codestreams.jpegxl import read_jpegxl
from dcmlint.dicom.codestreams.rle import looks_like_rle, read_rle
from dcmlint.standard.uids import (
    HTJ2K,
    JPEG2000,
    JPEG2000MC,
    JPEGXL,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEG2000MCLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEGXLJPEGRecompression,
    JPEGXLLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from dcmlint.dicom.byte_ranges import ByteRange
    from dcmlint.dicom.encapsulation import Fragments

__all__ = [
    "EXPECTED",
    "RLE_LOSSLESS",
    "Codestream",
    "CodestreamProblem",
    "Expected",
    "FrameBytes",
    "Kind",
    "ProblemCode",
    "Process",
    "chroma_subsampled",
    "frame_start_test",
    "lossless",
    "read_codestream",
    "read_header",
    "surely_rgb",
    "surely_ycbcr",
]


class Expected(msgspec.Struct, frozen=True):
    """What a transfer syntax wants of each frame: the kind, the JPEG processes, the precisions of a sample.

    Empty processes or precisions: the transfer syntax does not narrow them. ``reversible`` is True where
    the JPEG 2000 transform must be the reversible one.
    """

    kind: Kind
    processes: tuple[Process, ...] = ()
    precisions: tuple[int, ...] = ()
    reversible: bool | None = None


# Video and JPIP are not here: their Pixel Data is no sequence of still code streams.
EXPECTED: Final[dict[str, Expected]] = {
    RLELossless: Expected("rle"),
    # PS3.5 A.4.1: the process of each; Process 2 and 4 include what Process 1 writes
    JPEGBaseline8Bit: Expected("jpeg", ("baseline",), (8,)),
    JPEGExtended12Bit: Expected("jpeg", ("baseline", "extended"), (8, 12)),
    JPEGLossless: Expected("jpeg", ("lossless",)),
    JPEGLosslessSV1: Expected("jpeg", ("lossless",)),
    # PS3.5 A.4.3
    JPEGLSLossless: Expected("jpegls", ("jpeg-ls",)),
    JPEGLSNearLossless: Expected("jpegls", ("jpeg-ls",)),
    # PS3.5 A.4.4
    JPEG2000Lossless: Expected("jpeg2000", reversible=True),
    JPEG2000: Expected("jpeg2000"),
    JPEG2000MCLossless: Expected("jpeg2000", reversible=True),
    JPEG2000MC: Expected("jpeg2000"),
    # PS3.6 Table A-1: JPEG XL Lossless, JPEG XL JPEG Recompression, JPEG XL
    JPEGXLLossless: Expected("jpegxl"),
    # ISO/IEC 18181-1: the DCT coefficients of a JPEG are those of VarDCT
    JPEGXLJPEGRecompression: Expected("jpegxl", ("vardct", "jpeg-recompression")),
    JPEGXL: Expected("jpegxl"),
    # PS3.6 Table A-1: High-Throughput JPEG 2000, lossless only, lossless RPCL, any
    HTJ2KLossless: Expected("htj2k", reversible=True),
    HTJ2KLosslessRPCL: Expected("htj2k", reversible=True),
    HTJ2K: Expected("htj2k"),
}


def read_header(data: FrameBytes, transfer_syntax_uid: str | None = None) -> Codestream:
    """Read the header of one frame; ``complete`` and ``end_offset`` stay None.

    The kind is told by the bytes. The transfer syntax is asked only where RLE is meant, which has no mark
    of its own. Never raises on what the bytes say.
    """
    opening = data[0:64]
    if transfer_syntax_uid == RLELossless and not opening.startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51")):
        return read_rle(data)
    if opening.startswith(b"\xff\x4f\xff"):
        return read_jpeg2000(data)
    if opening.startswith((JXL_CODE_STREAM, JXL_SIGNATURE)):
        return read_jpegxl(data)
    if opening.startswith(b"\xff\xd8") or (
        opening.startswith(b"\xff\xff") and start_of_image(data[0:1024]) is not None
    ):
        return read_jpeg(data)
    if opening.startswith(JP2_SIGNATURE):
        return read_jp2(data)
    if looks_like_rle(opening):
        return read_rle(data)
    if not opening:
        return Codestream(kind="unknown", problems=(CodestreamProblem("empty", 0, "the frame is empty"),))
    message = f"begins with {opening[:4].hex(' ').upper()}, not a known code stream"
    return Codestream(kind="unknown", problems=(CodestreamProblem("not-a-code-stream", 0, message),))


def read_codestream(data: FrameBytes, transfer_syntax_uid: str | None = None) -> Codestream:
    """Read the header of one frame and look for its end marker in its last 4 KiB, or for what it says of its end.

    ``data`` is ``bytes`` or a ``FramePayload``; one pad byte or more may follow the end marker. Never raises
    on what the bytes say.
    """
    stream = read_header(data, transfer_syntax_uid)
    end = end_of(data, stream.kind, stream.header_length) if has_end(stream.kind) else None
    if end is None:
        return stream
    if end > len(data) or end < stream.header_length + least_scan(stream):
        return msgspec.structs.replace(stream, complete=False)
    problems = stream.problems
    if len(data) - end > 1:
        # PS3.5 A.4: padding makes the length even, one byte is enough
        surplus = CodestreamProblem("bytes-after-end", end, f"{len(data) - end} bytes after the end marker")
        problems = (*problems, surplus)
    return msgspec.structs.replace(stream, complete=True, end_offset=end, problems=problems)


def frame_start_test(
    buf: ByteRange, fragments: Fragments, transfer_syntax_uid: str
) -> Callable[[int], bool] | None:
    """Whether a fragment begins a code stream, as ``map_frames`` asks; None where no mark can tell.

    RLE has none, and a frame of RLE is one fragment (PS3.5 A.4.2).
    """
    expected = EXPECTED.get(transfer_syntax_uid)
    if expected is None or expected.kind == "rle":
        return None
    # ISO/IEC 10918-1 B.2.1: a marker follows SOI. ISO/IEC 15444-1 A.5.1: SIZ follows SOC.
    marks: tuple[bytes, ...] = (b"\xff\xd8\xff", b"\xff\xff\xd8\xff", b"\xff\x4f\xff\x51", JP2_SIGNATURE)
    if expected.kind == "jpegxl":
        marks = (JXL_CODE_STREAM, JXL_SIGNATURE)
    longest = max(map(len, marks))
    offsets, lengths = fragments.offsets, fragments.lengths

    def starts(fragment: int) -> bool:
        at = int(offsets[fragment]) + 8
        return buf[at : at + min(longest, int(lengths[fragment]))].startswith(marks)

    return starts
