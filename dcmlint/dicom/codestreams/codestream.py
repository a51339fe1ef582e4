"""What the header of one compressed frame says: the values that all code stream readers give."""

from __future__ import annotations

from typing import Final, Literal, Protocol

import msgspec

Kind = Literal["jpeg", "jpegls", "jpeg2000", "htj2k", "jpegxl", "rle", "jp2-box", "unknown"]
Process = Literal[
    "baseline",
    "extended",
    "progressive",
    "lossless",
    "hierarchical",
    "extended-arithmetic",
    "progressive-arithmetic",
    "lossless-arithmetic",
    "hierarchical-arithmetic",
    "jpeg-ls",
    "vardct",
    "vardct-xyb",
    "modular",
    "jpeg-recompression",
]
ProblemCode = Literal[
    "empty",
    "not-a-code-stream",
    "fill-before-start",
    "truncated-header",
    "bytes-between-segments",
    "segment-length",
    "too-many-segments",
    "stray-marker",
    "no-frame-header",
    "several-frame-headers",
    "frame-header-length",
    "scan-header-length",
    "scan-parameters",
    "out-of-range",
    "no-scan",
    "end-before-scan",
    "number-of-lines-not-found",
    "size-marker-missing",
    "coding-style-missing",
    "quantization-missing",
    "mixed-precision",
    "no-code-stream-box",
    "signature",
    "segment-count",
    "segment-offsets",
    "bytes-after-end",
]
# Reading in pieces of this size: the headers of most frames are shorter.
BLOCK: Final = 2048
# Real headers have some tens of segments (an ICC profile at most 255); more is an attack.
MAX_SEGMENTS: Final = 512
# The end marker is looked for in the last bytes of a frame only: pixel data is never read whole.
TAIL: Final = 4096
# ISO/IEC 10918-1 B.1.1.3 (EOI) and ISO/IEC 15444-1 A.4.4 (EOC): the same two bytes
END_MARKER: Final = b"\xff\xd9"


class CodestreamProblem(msgspec.Struct, frozen=True):
    """One fault of a code stream; ``offset`` is in bytes from the first byte of the frame."""

    code: ProblemCode
    offset: int
    message: str


class Codestream(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes of one frame say of themselves; None where the kind has no such thing or none was read.

    ``kind`` is told by the bytes, not by the transfer syntax. ``width``, ``height`` in pixels, ``precision``
    in bits of a sample. ``subsampling`` holds a pair for each component, in JPEG the sampling factors (h, v)
    of SOFn, in JPEG 2000 the separations (XRsiz, YRsiz) of SIZ. ``process_marker`` is the second byte of
    SOFn (0 elsewhere). ``colour_transform`` is that of APP14. ``mct`` and ``reversible`` come from COD (5/3
    is reversible), as do ``progression`` and the decomposition ``levels`` (the fewest), ``near``, ``predictor`` and ``point_transform`` from the first SOS, ``segments`` from the
    RLE header. ``comment_lengths`` are the bytes of text in each COM. ``complete`` says that the end marker
    (JPEG XL: all that its table of contents lists) is there, with at most one pad byte after it unless problem ``bytes-after-end`` tells of more; None where
    the end cannot be told.
    ``header_length`` counts the bytes up to the entropy-coded data (JPEG 2000: up to the first SOT).
    """

    kind: Kind
    width: int | None = None
    height: int | None = None
    components: int | None = None
    precision: int | None = None
    signed: bool = False
    process: Process | None = None
    process_marker: int = 0
    subsampling: tuple[tuple[int, int], ...] = ()
    component_ids: tuple[int, ...] = ()
    colour_transform: int | None = None
    jfif: bool = False
    adobe: bool = False
    mct: bool | None = None
    reversible: bool | None = None
    progression: str | None = None
    levels: int | None = None
    tlm: bool = False
    tiles: int | None = None
    near: int | None = None
    predictor: int | None = None
    point_transform: int | None = None
    segments: int | None = None
    has_dqt: bool = False
    has_dht: bool = False
    restart_interval: int | None = None
    dnl: bool = False
    exif: bool = False
    xmp: bool = False
    icc: bool = False
    comment_lengths: tuple[int, ...] = ()
    complete: bool | None = None
    end_offset: int | None = None
    header_length: int = 0
    problems: tuple[CodestreamProblem, ...] = ()


class FrameBytes(Protocol):
    """The bytes of one frame, read by slicing: ``bytes`` or a ``FramePayload``."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...


class Window:
    """Reads a frame front to back in blocks, so that a header costs one read of the source."""

    __slots__ = ("_base", "_block", "_data", "size")

    def __init__(self, data: FrameBytes) -> None:
        self._data = data
        self.size = len(data)
        self._base = 0
        self._block = data[0 : min(BLOCK, self.size)]

    def take(self, position: int, count: int) -> bytes:
        """At most ``count`` bytes from ``position`` on; fewer at the end."""
        at = position - self._base
        if at >= 0 and at + count <= len(self._block):
            return self._block[at : at + count]
        if position < 0 or position >= self.size:
            return b""
        self._base = position
        self._block = self._data[position : min(self.size, position + max(count, BLOCK))]
        return self._block[:count]


def find_end(data: FrameBytes, header_length: int) -> int | None:
    """The byte after the last end marker within the last 4 KiB of a frame, or None.

    FFD9 does not occur in entropy-coded data (ISO/IEC 10918-1 B.1.1.5, ISO/IEC 15444-1 B.10.1): what is
    found after the header is the marker.
    """
    size = len(data)
    start = max(size - TAIL, header_length, 0)
    at = data[start:size].rfind(END_MARKER)
    return None if at < 0 else start + at + 2


def lossless(stream: Codestream) -> bool | None:
    """True if the process loses nothing, False if it surely does, None where the header does not tell.

    JPEG 2000 with the reversible transform is None: its layers may have been cut. JPEG XL is False
    for XYB samples and VarDCT (a recompressed JPEG is one), else None.
    """
    if stream.kind == "rle":
        return True
    if stream.kind == "jpegls":
        if stream.near is None:
            return None
        return stream.near == 0 and not stream.point_transform
    if stream.kind == "jpeg":
        if stream.process in ("lossless", "lossless-arithmetic"):
            # ISO/IEC 10918-1 H.1: a point transform drops the low bits
            return None if stream.point_transform is None else stream.point_transform == 0
        return None if stream.process in (None, "hierarchical", "hierarchical-arithmetic") else False
    if stream.reversible is False:
        return False
    return None


def chroma_subsampled(stream: Codestream) -> bool:
    """Whether the second or third component has fewer samples than the first."""
    if len(stream.subsampling) < 3:
        return False
    (h0, v0), *rest = stream.subsampling[:3]
    if stream.kind in ("jpeg", "jpegls"):
        return any(h < h0 or v < v0 for h, v in rest)
    return any(h > h0 or v > v0 for h, v in rest)


def surely_ycbcr(stream: Codestream) -> bool:
    """Whether three JPEG components are YCbCr by their own word: subsampled chroma or APP14 transform 1.

    Contradicting marks (APP14 transform 0 or components named R, G, B) make it unsure. JFIF alone proves
    nothing: a scanner is known that writes it with RGB samples.
    """
    if stream.kind != "jpeg" or stream.components != 3:
        return False
    if stream.colour_transform == 1:
        return stream.component_ids != _RGB
    return chroma_subsampled(stream) and not _says_rgb(stream)


def surely_rgb(stream: Codestream) -> bool:
    """Whether three JPEG components are RGB by their own word: named R, G, B or APP14 transform 0.

    Subsampled chroma or APP14 transform 1 beside it make it unsure.
    """
    if stream.kind != "jpeg" or stream.components != 3:
        return False
    return _says_rgb(stream) and not chroma_subsampled(stream) and stream.colour_transform != 1


_RGB: Final = (0x52, 0x47, 0x42)  # "R", "G", "B"


def _says_rgb(stream: Codestream) -> bool:
    return stream.component_ids == _RGB or stream.colour_transform == 0
