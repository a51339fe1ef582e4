"""Where a JPEG XL code stream ends: no marker says so, but the table of contents of its frame (ISO/IEC 18181-1 Annexes F, G)."""

from __future__ import annotations

from typing import Final

from dcmlint.dicom.codestreams.boxes import Part, read_boxes
from dcmlint.dicom.codestreams.codestream import FrameBytes, Window
from dcmlint.dicom.codestreams.jpegxl import SIGNATURE, Bits, ImageHeader, OutOfBits, read_image_header

_TIMES: Final = ((0, 1), (0, 2), (0, 4), (0, 8))
_PASSES: Final = ((0, 1), (0, 2), (0, 3), (3, 4))
_BLEND_MODES: Final = ((0, 0), (0, 1), (0, 2), (2, 3))
_NAME: Final = ((0, 0), (4, 0), (5, 16), (10, 48))
_ENTRY: Final = ((10, 0), (14, 1024), (22, 17408), (30, 4211712))
_USE_LF_FRAME: Final = 32
_REGULAR: Final = 0
_ENOUGH: Final = 256  # bytes of the headers of most frames
_MOST_SECTIONS: Final = 1 << 16


class _Unusual(Exception):
    """A frame of a form that is not followed here: where it ends is not known."""


def stated_end(data: FrameBytes) -> int | None:
    """The byte after the code stream, by its own word, where it is a single frame; None where that cannot be told.

    More than the length of ``data`` where bytes are missing.  Of a container it is the end of the boxes or of the
    code stream that they hold.
    """
    if data[0:2] == SIGNATURE:
        return _end(data)
    end, found = 0, False
    for box in read_boxes(Window(data)):
        if box.kind == bytes(4):
            break  # padding
        end = box.end
        found = found or box.kind in (b"jxlc", b"jxlp")
        if box.kind == b"jxlc" and box.end == len(data):  # to the end of the file, whatever that is
            inside = _end(Part(data, box.start, box.end))
            return None if inside is None else box.start + inside
    return end if found else None


def _end(data: FrameBytes) -> int | None:
    size = _ENOUGH
    while True:
        block = data[0 : min(size, len(data))]
        bits = Bits(block[2:])
        try:
            return 2 + _frame_end(bits, read_image_header(bits))
        except _Unusual:
            return None
        except OutOfBits:
            if len(block) == len(data):
                return len(data) + 1  # the headers themselves are cut
            size *= 8


def _frame_end(bits: Bits, image: ImageHeader) -> int:
    """The byte after the sections of the first frame, if it is the last one too."""
    if image.icc or image.preview or image.animation or image.extra:
        raise _Unusual
    bits.align()
    width, height, passes, group = _frame_header(bits, image)
    across, down = -(-width // group), -(-height // group)
    groups = across * down
    low = -(-width // (8 * group)) * -(-height // (8 * group))
    # One section for a single group, else one for all, one for each group of low frequencies, one for the high ones.
    sections = 1 if groups * passes == 1 else 2 + low + groups * passes
    if sections > _MOST_SECTIONS or bits.flag():  # in another order, which is entropy coded
        raise _Unusual
    bits.align()
    total = sum(bits.u32(_ENTRY) for _ in range(sections))
    bits.align()
    return bits.position // 8 + total


def _frame_header(bits: Bits, image: ImageHeader) -> tuple[int, int, int, int]:
    """Width and height in samples, the number of passes, and the size of a group. ISO/IEC 18181-1 Annex F"""
    width, height, passes, group = image.width, image.height, 1, 256
    if bits.flag():  # all_default
        return width, height, passes, group
    kind, modular, flags = bits.u(2), bits.flag(), bits.u64()
    if kind != _REGULAR or flags & _USE_LF_FRAME:
        raise _Unusual
    ycbcr = not image.xyb and bits.flag()
    if ycbcr:
        bits.u(2 * 3)  # chroma subsampling
    upsampling = bits.u32(_TIMES)
    width, height = -(-width // upsampling), -(-height // upsampling)
    if modular:
        group = 128 << bits.u(2)
    elif image.xyb:
        bits.u(2 * 3)  # scales of the quantization matrices
    passes = bits.u32(_PASSES)
    if passes != 1:
        downsamplings = bits.u32(((0, 0), (0, 1), (0, 2), (1, 3)))
        bits.u(2 * (passes - 1))
        for _ in range(downsamplings):
            bits.u32(_TIMES)
        for _ in range(downsamplings):
            bits.u32(((0, 0), (0, 1), (0, 2), (3, 0)))
    if bits.flag():  # a size or origin of its own
        raise _Unusual
    if bits.u32(_BLEND_MODES) != 0:
        raise _Unusual
    if not bits.flag():  # further frames follow
        raise _Unusual
    bits.u(8 * bits.u32(_NAME))
    _filters(bits, modular)
    if bits.u64():  # extensions
        raise _Unusual
    return width, height, passes, group


def _filters(bits: Bits, modular: bool) -> None:
    """The restoration filter. ISO/IEC 18181-1 Annex J"""
    if bits.flag():  # all_default
        return
    if bits.flag() and bits.flag():  # Gaborish with weights of its own
        bits.u(6 * 16)
    iterations = bits.u(2)
    if iterations:
        if not modular and bits.flag():
            bits.u(8 * 16)
        if bits.flag():
            bits.u(3 * 16 + 32)
        if bits.flag():
            bits.u((3 if modular else 4) * 16)
        if modular:
            bits.u(16)
    if bits.u64():
        raise _Unusual
