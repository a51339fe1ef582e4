"""JPEG XL (ISO/IEC 18181-1, container 18181-2): size, image metadata and the start of the first frame."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dcmlint.dicom.codestreams.boxes import read_boxes
from dcmlint.dicom.codestreams.codestream import (
    BLOCK,
    Codestream,
    CodestreamProblem,
    FrameBytes,
    Process,
    Window,
)

SIGNATURE: Final = b"\xff\x0a"  # ISO/IEC 18181-1 Annex B
# A distribution of U32: for each selector (bits, offset). ISO/IEC 18181-1 Annex B
_Distribution = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
_SIZE: Final[_Distribution] = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: Final[_Distribution] = ((0, 0), (0, 1), (4, 2), (6, 18))
_DEPTH: Final[_Distribution] = ((0, 8), (0, 10), (0, 12), (6, 1))
_FLOAT_DEPTH: Final[_Distribution] = ((0, 32), (0, 16), (0, 24), (6, 1))
_EXTRA: Final[_Distribution] = ((0, 0), (0, 1), (4, 2), (12, 1))
_XY: Final[_Distribution] = ((19, 0), (19, 524288), (20, 1048576), (21, 2097152))
# Aspect ratios that a width may be told by. ISO/IEC 18181-1 Annex D
_RATIOS: Final = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
# More bits than these are not read: the fields before the first frame take some tens of bytes.
_MOST_BYTES: Final = BLOCK
_GREY, _XYB = 1, 2


class OutOfBits(Exception):
    """The header ends before its fields do."""


class Bits:
    """Reads a header's bits, the least significant of each byte first. ISO/IEC 18181-1 Annex B"""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._size = 8 * len(data)
        self.position = 0

    def u(self, count: int) -> int:
        """An unsigned number of ``count`` bits; raises OutOfBits."""
        at = self.position
        if at + count > self._size:
            raise OutOfBits
        self.position = at + count
        return self._number >> at & ((1 << count) - 1)

    def align(self) -> None:
        """Pass over the bits up to the next byte."""
        self.position = -(-self.position // 8) * 8

    def flag(self) -> bool:
        """One bit."""
        return bool(self.u(1))

    def u32(self, distribution: _Distribution) -> int:
        """Two bits that select how many follow, and what is added. ISO/IEC 18181-1 Annex B"""
        bits, offset = distribution[self.u(2)]
        return self.u(bits) + offset

    def u64(self) -> int:
        """A number of up to 64 bits. ISO/IEC 18181-1 Annex B"""
        selector = self.u(2)
        if selector == 0:
            return 0
        if selector == 1:
            return self.u(4) + 1
        if selector == 2:
            return self.u(8) + 17
        value, shift = self.u(12), 12
        while self.flag():
            if shift == 60:
                return value | self.u(4) << shift
            value |= self.u(8) << shift
            shift += 8
        return value


def read_jpegxl(data: FrameBytes) -> Codestream:
    """Read a JPEG XL code stream, bare or in its container.

    ``components`` counts colour and extra channels; ``process`` is the coding of the first frame where it
    can be reached (not behind an ICC profile; "vardct-xyb" of XYB samples, which no JPEG has), "jpeg-recompression" if
    the container can rebuild a JPEG.
    ``reversible`` is False for XYB samples and for VarDCT, else None: no field tells. There is no end marker.
    Source: ISO/IEC 18181-1 Annex D and F, 18181-2 clause 9.
    """
    window = Window(data)
    if window.take(0, 2) == SIGNATURE:
        return _read_bare(data[0:_MOST_BYTES], 0, {})
    facts: dict[str, Any] = {}
    parts: list[bytes] = []
    start = -1
    for box in read_boxes(window):
        if box.kind in (b"jxlc", b"jxlp"):
            # A partial box begins with its index, and the code stream may go on in the next. 18181-2 clause 9
            begin = box.start + (4 if box.kind == b"jxlp" else 0)
            start = begin if start < 0 else start
            missing = _MOST_BYTES - sum(map(len, parts))
            parts.append(window.take(begin, max(0, min(missing, box.end - begin))))
        elif box.kind == b"jbrd":
            facts["process"] = "jpeg-recompression"
        elif box.kind == b"Exif":
            facts["exif"] = True
        elif box.kind == b"xml ":
            facts["xmp"] = True
        elif box.kind == b"brob":  # compressed metadata: the type of what it holds. 18181-2 clause 9
            name = {b"Exif": "exif", b"xml ": "xmp"}.get(window.take(box.start, 4))
            if name:
                facts[name] = True
    if start < 0:
        problem = CodestreamProblem("no-code-stream-box", 0, "no jxlc or jxlp box")
        return Codestream(kind="jpegxl", problems=(problem,), **facts)
    return _read_bare(b"".join(parts), start, facts)


def _read_bare(raw: bytes, start: int, facts: dict[str, Any]) -> Codestream:
    """Read the first bytes of a code stream that begins at ``start`` of its frame."""
    problems: tuple[CodestreamProblem, ...] = ()
    bits = Bits(raw[2:])
    if raw[:2] != SIGNATURE:
        problems = (CodestreamProblem("signature", start, "no JPEG XL signature"),)
    else:
        try:
            _image_header(bits, facts)
        except OutOfBits:
            problems = (CodestreamProblem("truncated-header", start, "the frame ends within its header"),)
    used = len(raw) if problems else 2 + -(-bits.position // 8)
    return Codestream(kind="jpegxl", header_length=start + used, problems=problems, **facts)


class ImageHeader(msgspec.Struct):
    """SizeHeader and ImageMetadata. ``extra`` counts extra channels; ``icc``: a profile follows, entropy-coded."""

    width: int = 0
    height: int = 0
    precision: int = 8
    extra: int = 0
    grey: bool = False
    xyb: bool = True
    icc: bool = False
    preview: bool = False
    animation: bool = False


def read_image_header(bits: Bits) -> ImageHeader:
    """What stands before the first frame, its alignment apart. ISO/IEC 18181-1 Annex D"""
    width, height = _size(bits)
    made = ImageHeader(width=width, height=height)
    if not bits.flag():  # all_default: 8 bit, RGB, XYB
        _metadata(bits, made)
    if not made.icc and not bits.flag():  # the transform data are not the defaults
        if made.xyb and not bits.flag():
            bits.u(16 * 16)
        weights = bits.u(3)
        for bit, count in ((1, 15), (2, 55), (4, 210)):
            if weights & bit:
                bits.u(16 * count)
    return made


def _metadata(bits: Bits, made: ImageHeader) -> None:
    more = bits.flag()
    if more:
        _extra_fields(bits, made)
    made.precision = _depth(bits)
    bits.flag()  # modular_16bit_buffers
    made.extra = bits.u32(_EXTRA)
    for _ in range(made.extra):
        _extra_channel(bits)
    made.xyb = bits.flag()
    made.grey, made.icc = _colour(bits)
    if more and not bits.flag():  # tone_mapping
        bits.u(16 + 16 + 1 + 16)
    _extensions(bits)


def _image_header(bits: Bits, facts: dict[str, Any]) -> None:
    """The image header and what tells the first frame's coding. ISO/IEC 18181-1 Annexes D and F"""
    image = read_image_header(bits)
    facts["width"], facts["height"] = image.width, image.height
    facts |= {
        "precision": image.precision,
        "components": (1 if image.grey else 3) + image.extra,
        "icc": image.icc,
    }
    facts["reversible"] = False if image.xyb else None
    if image.icc:
        return  # the first frame cannot be reached without decoding the profile
    bits.align()
    process: Process = "vardct"  # the default
    if not bits.flag():
        bits.u(2)  # frame_type
        process = "modular" if bits.flag() else "vardct"
    if process == "vardct":
        facts["reversible"] = False
        process = "vardct-xyb" if image.xyb else process
    if image.xyb:  # a JPEG is rebuilt from its own components only, whatever the container says
        facts["process"] = process
    facts.setdefault("process", process)


def _size(bits: Bits) -> tuple[int, int]:
    small = bits.flag()
    height = 8 * (1 + bits.u(5)) if small else bits.u32(_SIZE)
    ratio = bits.u(3)
    if ratio:
        across, down = _RATIOS[ratio]
        return height * across // down, height
    return (8 * (1 + bits.u(5)) if small else bits.u32(_SIZE)), height


def _extra_fields(bits: Bits, made: ImageHeader) -> None:
    bits.u(3)  # orientation
    if bits.flag():  # intrinsic size
        _size(bits)
    if bits.flag():  # preview
        made.preview = True
        distribution: _Distribution = ((0, 16), (0, 32), (5, 1), (9, 33))
        if not bits.flag():
            distribution = ((6, 1), (8, 65), (10, 321), (12, 1345))
        bits.u32(distribution)
        if bits.u(3) == 0:
            bits.u32(distribution)
    if bits.flag():  # animation
        made.animation = True
        bits.u32(((0, 100), (0, 1000), (10, 1), (30, 1)))
        bits.u32(((0, 1), (0, 1001), (8, 1), (10, 1)))
        bits.u32(((0, 0), (3, 0), (16, 0), (32, 0)))
        bits.u(1)


def _depth(bits: Bits) -> int:
    if not bits.flag():
        return bits.u32(_DEPTH)
    depth = bits.u32(_FLOAT_DEPTH)
    bits.u(4)  # exponent bits
    return depth


def _extra_channel(bits: Bits) -> None:
    if bits.flag():  # all_default: alpha of 8 bit
        return
    kind = bits.u32(_ENUM)
    _depth(bits)
    bits.u32(((0, 0), (0, 3), (0, 4), (3, 1)))  # dim_shift
    bits.u(8 * bits.u32(((0, 0), (4, 0), (5, 16), (10, 48))))  # name
    if kind == 0:  # alpha
        bits.u(1)
    elif kind == 2:  # spot colour
        bits.u(4 * 16)
    elif kind == 5:  # colour filter array
        bits.u32(((0, 1), (2, 0), (4, 3), (8, 19)))


def _colour(bits: Bits) -> tuple[bool, bool]:
    """Whether the colour encoding is grey, and whether an ICC profile follows. ISO/IEC 18181-1 Annex E"""
    if bits.flag():
        return False, False
    icc = bits.flag()
    space = bits.u32(_ENUM)
    if icc:
        return space == _GREY, True
    if space != _XYB:
        if bits.u32(_ENUM) == 2:  # a white point of its own
            _xy(bits, 1)
        if space != _GREY and bits.u32(_ENUM) == 2:  # primaries of its own
            _xy(bits, 3)
        if bits.flag():
            bits.u(24)  # gamma
        else:
            bits.u32(_ENUM)  # transfer function
    bits.u32(_ENUM)  # rendering intent
    return space == _GREY, False


def _xy(bits: Bits, count: int) -> None:
    for _ in range(2 * count):
        bits.u32(_XY)


def _extensions(bits: Bits) -> None:
    present = bits.u64()
    sizes = [bits.u64() for _ in range(present.bit_count())]
    bits.u(sum(sizes))
