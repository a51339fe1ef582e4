"""DICOM RLE (PS3.5 Annex G): the 64 bytes of its header."""

from __future__ import annotations

import itertools
from struct import Struct
from typing import Final

from dcmlint.dicom.codestreams.codestream import Codestream, CodestreamProblem, FrameBytes

_HEADER: Final = Struct("<16I")  # PS3.5 G.5: the number of segments and 15 offsets
_LENGTH: Final = 64
_MAX_SEGMENTS: Final = 15


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
