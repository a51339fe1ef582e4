"""The box structure that JP2 (ISO/IEC 15444-1 Annex I) and the JPEG XL container (18181-2) share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from dcmlint.dicom.codestreams.codestream import Codestream, CodestreamProblem, FrameBytes, Window

# ISO/IEC 15444-1 I.5.1 and ISO/IEC 18181-2 clause 9: length 12, type, the same four bytes in both
_SIGNATURE_LENGTH: Final = b"\x00\x00\x00\x0c"
JP2_SIGNATURE: Final = _SIGNATURE_LENGTH + b"jP  \r\n\x87\n"
JXL_SIGNATURE: Final = _SIGNATURE_LENGTH + b"JXL \r\n\x87\n"
_MAX_BOXES: Final = 256
# XMP in a uuid box. XMP Specification Part 3, 1.1.4
_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


class Box(NamedTuple):
    """One box: its type, the first byte of its contents and the byte after them."""

    kind: bytes
    start: int
    end: int


class Part:
    """A part of a frame, read by slicing."""

    __slots__ = ("_data", "_end", "_start")

    def __init__(self, data: FrameBytes, start: int, end: int) -> None:
        self._data, self._start, self._end = data, start, max(start, min(end, len(data)))

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, key: slice, /) -> bytes:
        a, b, _ = key.indices(len(self))
        return self._data[self._start + a : self._start + b] if a < b else b""


def read_boxes(window: Window) -> Iterator[Box]:
    """The boxes at the top of a frame, up to the first that is damaged; the last may be cut."""
    position = 0
    for _ in range(_MAX_BOXES):
        header = window.take(position, 8)
        if len(header) < 8:
            return
        length, start = int.from_bytes(header[:4], "big"), position + 8
        if length == 1:  # ISO/IEC 15444-1 Table I.1: the length follows in 8 bytes
            wide = window.take(start, 8)
            if len(wide) < 8:
                return
            length, start = int.from_bytes(wide, "big"), start + 8
        following = window.size if length == 0 else position + length
        if following < start:
            return
        yield Box(header[4:8], start, following)
        if following >= window.size:
            return
        position = following


def read_jp2(data: FrameBytes) -> Codestream:
    """Read a JP2 file in a frame, which no transfer syntax allows: the facts of the code stream within."""
    from msgspec.structs import replace

    from dcmlint.dicom.codestreams.jpeg2000 import read_jpeg2000

    window = Window(data)
    inner: Codestream | None = None
    start = 0
    xmp = False
    for box in read_boxes(window):
        if box.kind == b"uuid" and window.take(box.start, 16) == _XMP_UUID:
            xmp = True
        if box.kind == b"jp2c" and inner is None:
            start = box.start
            inner = read_jpeg2000(Part(data, box.start, box.end))
    if inner is None:
        problem = CodestreamProblem("no-code-stream-box", 0, "no contiguous codestream box")
        return Codestream(kind="jp2-box", xmp=xmp, problems=(problem,))
    problems = tuple(CodestreamProblem(p.code, p.offset + start, p.message) for p in inner.problems)
    return replace(
        inner, kind="jp2-box", xmp=xmp, problems=problems, header_length=start + inner.header_length
    )
