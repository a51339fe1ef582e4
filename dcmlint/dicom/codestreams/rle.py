"""DICOM RLE (PS3.5 Annex G): the 64 bytes of its header."""

from __future__ import annotations

import itertools
from struct import Struct
from typing import Final

from dcmlint.dicom.codestreams.codestream import Codestream, CodestreamProblem, FrameBytes

_HEADER: Final = Struct("<16I")  # PS3.5 G.5: the number of segments and 15 offsets
_LENGTH: Final = 64
_MAX_SEGMENTS: Final = 15
# What writers fill up segments and fragments with: zeros, and the byte that unpacks to nothing (PS3.5 G.3.2)
_PADDING: Final = b"\0\x80"


def read_rle(data: FrameBytes) -> Codestream:
    """Read an RLE header: ``segments`` is Samples per Pixel times the bytes of a sample if all is right.

    A header has no size, no precision and no end marker, so these are None. Source: PS3.5 G.3, G.5.
    """
    raw = data[0:_LENGTH]
    if len(raw) < _LENGTH:
        problem = CodestreamProblem("truncated-header", 0, f"{len(raw)} bytes where the RLE header has 64")
        return Codestream(kind="rle", header_length=len(raw), problems=(problem,))
    count, *offsets = _HEADER.unpack(raw)
    if not 1 <= count <= _MAX_SEGMENTS:
        problem = CodestreamProblem("segment-count", 0, f"{count} segments")
        return Codestream(kind="rle", header_length=_LENGTH, problems=(problem,))
    used, rest = offsets[:count], offsets[count:]
    fault = ""
    if used[0] != _LENGTH:
        fault = f"the first segment begins at {used[0]}, not at 64"
    elif any(a >= b for a, b in itertools.pairwise(used)):
        fault = "segment offsets do not ascend"
    elif used[-1] >= len(data):
        fault = f"a segment begins at {used[-1]}, the frame has {len(data)} bytes"
    elif any(rest):
        fault = "offsets of segments that are not there"
    problems = (CodestreamProblem("segment-offsets", 4, fault),) if fault else ()
    return Codestream(kind="rle", segments=count, header_length=_LENGTH, problems=problems)


def looks_like_rle(opening: bytes) -> bool:
    """Whether 64 bytes can be an RLE header: a count up to 15, then 64, then zeros after the last used."""
    if len(opening) < _LENGTH:
        return False
    count, first, *rest = _HEADER.unpack(opening[:_LENGTH])
    return bool(1 <= count <= _MAX_SEGMENTS and first == _LENGTH and not any(rest[count - 1 :]))


def unpacked_lengths(data: FrameBytes, enough: int) -> list[int]:
    """The bytes that each segment of a frame with a sound header unpacks to, without padding after ``enough`` of them.

    Source: PS3.5 G.3.2.
    """
    count, *offsets = _HEADER.unpack(data[0:_LENGTH])
    return [
        _unpacked_length(data[start:end], enough)
        for start, end in itertools.pairwise([*offsets[:count], len(data)])
    ]


def _unpacked_length(segment: bytes, enough: int) -> int:
    at = length = 0
    looked = False
    while at + 1 < len(segment):  # a run has a byte at least behind its own
        if length >= enough and not looked:
            looked = True
            if not segment[at:].strip(_PADDING):
                break
        control = segment[at]
        if control < 128:
            length += min(control + 1, len(segment) - at - 1)
            at += control + 2
        elif control > 128:
            length += 257 - control
            at += 2
        else:
            at += 1
    return length
