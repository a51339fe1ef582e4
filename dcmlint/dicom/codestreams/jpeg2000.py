"""JPEG 2000 (ISO/IEC 15444-1) and High-Throughput JPEG 2000 (15444-15): main and first tile-part header."""

from __future__ import annotations

from struct import unpack
from typing import Any, Final

from dcmlint.dicom.codestreams.codestream import (
    MAX_SEGMENTS,
    Codestream,
    CodestreamProblem,
    FrameBytes,
    ProblemCode,
    Window,
)

# ISO/IEC 15444-1 Table A.2
_SIZ, _COD, _COC, _QCD, _COM, _SOT, _SOD, _EOC = 0x51, 0x52, 0x53, 0x5C, 0x64, 0x90, 0x93, 0xD9
_TLM: Final = 0x55
_CAP: Final = 0x50  # ISO/IEC 15444-1 A.5.2; bit 14 of Pcap, counted from its top as part 15, says HT
_HT_PART: Final = 1 << (32 - 15)
# TLM, PLM, PLT, PPM, PPT: pointers into the data, different in each frame
_POINTERS: Final = frozenset({0x55, 0x57, 0x58, 0x60, 0x61})
# ISO/IEC 15444-1 Table A.16
_PROGRESSIONS: Final = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
# ISO/IEC 15444-1 A.5.1: the most components that SIZ may tell
_MAX_COMPONENTS: Final = 16384


class _Header:
    """What has been read so far."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.comments: list[int] = []
        self.problems: list[CodestreamProblem] = []
        self.seen: set[int] = set()
        self.high_throughput = False
        self.reversible: list[bool] = []

    def problem(self, code: ProblemCode, offset: int, message: str) -> None:
        self.problems.append(CodestreamProblem(code, offset, message))


def read_jpeg2000(data: FrameBytes) -> Codestream:
    """Read a JPEG 2000 code stream from SOC to the SOD of its first tile-part. The end is not looked at.

    ``reversible`` is True only if each COD and COC read there says 5/3. Source: ISO/IEC 15444-1 Annex A.
    """
    window, header = Window(data), _Header()
    if window.take(0, 2) != b"\xff\x4f":
        header.problem("signature", 0, "no SOC marker")
    length = _walk(window, header)
    first = min(2, window.size)
    if _SIZ not in header.seen:
        header.problem("size-marker-missing", first, "no SIZ segment")
    if _COD not in header.seen:
        header.problem("coding-style-missing", first, "no COD segment in the main header")
    if _QCD not in header.seen:
        header.problem("quantization-missing", first, "no QCD segment in the main header")
    return Codestream(
        kind="htj2k" if header.high_throughput else "jpeg2000",
        reversible=all(header.reversible) if header.reversible else None,
        comment_lengths=tuple(header.comments),
        header_length=length,
        problems=tuple(header.problems),
        **header.facts,
    )


def _walk(window: Window, header: _Header) -> int:
    """Read the segments of the main and the first tile-part header; return the length of the main one."""
    position, main = min(2, window.size), 0  # a box may have nothing behind its header
    for _ in range(MAX_SEGMENTS):
        lead = window.take(position, 4)
        if len(lead) < 2:
            header.problem("truncated-header", position, "the frame ends within its header")
            return main or window.size
        marker = lead[1]
        if lead[0] != 0xFF:
            header.problem("bytes-between-segments", position, "no marker where a segment ends")
            return main or position
        if marker == _SOD:
            if not main:
                header.problem("no-scan", position, "SOD without SOT before it")
            return main or position
        if marker == _EOC:
            header.problem("end-before-scan", position, "EOC before any tile-part")
            return main or position
        length = lead[2] << 8 | lead[3] if len(lead) == 4 else 0
        if length < 2:
            code: ProblemCode = "segment-length" if len(lead) == 4 else "truncated-header"
            header.problem(code, position, f"segment FF{marker:02X} of length {length}")
            return main or position
        if position + 2 + length > window.size:
            header.problem("truncated-header", position, f"segment FF{marker:02X} runs past the frame")
            return main or window.size
        if marker == _SOT:
            if main:  # the first tile-part has no SOD
                header.problem("stray-marker", position, "a second SOT before SOD")
                return main
            main = position
            tiles, number = header.facts.get("tiles"), int.from_bytes(window.take(position + 4, 2), "big")
            if tiles is not None and number >= tiles:
                header.problem("out-of-range", position, f"a tile-part of tile {number} of {tiles}")
        else:
            _segment(window.take(position + 4, length - 2), position, marker, bool(main), header)
        position += 2 + length
    header.problem("too-many-segments", position, f"more than {MAX_SEGMENTS} segments in the header")
    return main or position


def _segment(body: bytes, position: int, marker: int, in_tile: bool, header: _Header) -> None:
    if not in_tile:
        header.seen.add(marker)
    if marker == _SIZ:
        if position != 2:
            # ISO/IEC 15444-1 A.5.1: SIZ follows SOC immediately
            header.problem("stray-marker", position, "SIZ is not the first segment")
        _size(body, position, header)
    elif marker == _COD:
        _coding_style(body, position, in_tile, header)
    elif marker == _COC:
        # Component index of one byte or, above 256 components, of two; then Scoc and SPcoc. Table A.22
        wide = 2 if (header.facts.get("components") or 0) > 256 else 1
        if len(body) >= wide + 6:
            header.reversible.append(body[wide + 5] == 1)
            if "levels" in header.facts:
                header.facts["levels"] = min(header.facts["levels"], body[wide + 1])
    elif marker == _CAP:
        if len(body) >= 4 and unpack(">I", body[:4])[0] & _HT_PART:
            header.high_throughput = True
    elif marker == _TLM:
        header.facts["tlm"] = True
    elif marker == _COM:
        header.comments.append(max(len(body) - 2, 0))  # Rcom, then the text. A.9.2


def _size(body: bytes, position: int, header: _Header) -> None:
    """SIZ: the reference grid, the tiles and the components. ISO/IEC 15444-1 Table A.9"""
    if len(body) < 36:
        header.problem("segment-length", position, "SIZ is too short")
        return
    _, x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, count = unpack(">H8IH", body[:36])
    parts = body[36 : 36 + 3 * count]
    if len(body) != 36 + 3 * count or not 1 <= count <= _MAX_COMPONENTS:
        header.problem("segment-length", position, f"SIZ of {len(body)} bytes for {count} components")
    facts = header.facts
    # The samples of the finest component: Equation B-2
    step_x, step_y = (max(1, min(parts[at::3], default=1)) for at in (1, 2))
    facts["width"] = max(-(-x // step_x) - -(-x0 // step_x), 0)
    facts["height"] = max(-(-y // step_y) - -(-y0 // step_y), 0)
    facts["components"] = count
    if not tile_x or not tile_y:
        header.problem("out-of-range", position, f"tiles of {tile_x} by {tile_y}")
    if 0 in parts[1::3] or 0 in parts[2::3]:
        header.problem("out-of-range", position, "a component with a sample spacing of 0")
    if tile_x and tile_y and x > tile_x0 and y > tile_y0:
        facts["tiles"] = -(-(x - tile_x0) // tile_x) * -(-(y - tile_y0) // tile_y)
    depths = parts[0::3]
    facts["subsampling"] = tuple(zip(parts[1::3], parts[2::3], strict=False))
    if depths:
        facts["precision"] = max(depth & 0x7F for depth in depths) + 1
        facts["signed"] = any(depth & 0x80 for depth in depths)
        if len(set(depths)) > 1:
            header.problem("mixed-precision", position, "components of different precision")


def _coding_style(body: bytes, position: int, in_tile: bool, header: _Header) -> None:
    """COD: progression, layers, component transform, levels, wavelet. ISO/IEC 15444-1 Table A.13"""
    if len(body) < 10:
        header.problem("segment-length", position, "COD is too short")
        return
    facts = header.facts
    mct = body[4] != 0
    facts["mct"] = mct or bool(in_tile and facts.get("mct"))
    if not in_tile:
        order = body[1]
        facts["progression"] = _PROGRESSIONS[order] if order < len(_PROGRESSIONS) else None
        facts["levels"] = body[5]
    header.reversible.append(body[9] == 1)  # Table A.20: 1 is 5/3, 0 is 9/7


def header_key(block: bytes) -> tuple[bytes, int] | None:
    """The headers up to the first SOD without pointer segments and SOT contents; None if not plain.

    With it comes the length of the main header. Frames with the same key have the same facts.
    """
    if not block.startswith(b"\xff\x4f\xff\x51"):
        return None
    position, kept, main, size = 2, 0, 0, len(block)
    parts = []
    while position + 4 <= size and block[position] == 0xFF:
        marker = block[position + 1]
        if marker == _SOD:
            parts.append(block[kept:position])
            return (b"".join(parts), main) if main else None
        following = position + 2 + (block[position + 2] << 8 | block[position + 3])
        if marker == _EOC or following < position + 4 or following > size:
            return None
        if marker == _SOT:
            if main or block[position + 4 : position + 6] != b"\0\0":  # as a rule the first is of tile 0
                return None
            main = position
        if marker == _SOT or marker in _POINTERS:
            parts.append(block[kept : position + 2])
            kept = following
        position = following
    return None
