"""JPEG (ISO/IEC 10918-1) and, since they share their markers, JPEG-LS: the header up to the first scan."""

from __future__ import annotations

from struct import unpack
from typing import Any, Final

from dcmlint.dicom.codestreams.codestream import (
    MAX_SEGMENTS,
    Codestream,
    CodestreamProblem,
    FrameBytes,
    Kind,
    ProblemCode,
    Process,
    Window,
)
from dcmlint.dicom.codestreams.jpegls import FRAME_MARKER, preset_size, scan_fault, scan_parameters

# ISO/IEC 10918-1 Table B.1: start of frame markers
PROCESSES: Final[dict[int, Process]] = {
    0xC0: "baseline",
    0xC1: "extended",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xC9: "extended-arithmetic",
    0xCA: "progressive-arithmetic",
    0xCB: "lossless-arithmetic",
    0xCD: "hierarchical-arithmetic",
    0xCE: "hierarchical-arithmetic",
    0xCF: "hierarchical-arithmetic",
    FRAME_MARKER: "jpeg-ls",  # ISO/IEC 14495-1 C.1.1
}
# ISO/IEC 10918-1 Table B.1
_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_LSE: Final = 0xF8  # ISO/IEC 14495-1 C.1.1
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RSTm have no length
# How far damage between two segments is skipped in search of the next marker.
_SKIP: Final = 4096
# The DNL marker stands behind the first scan; no more of it than this is searched.
_SCAN_SEARCH: Final = 1 << 20


class _Header:
    """What has been read so far."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.comments: list[int] = []
        self.problems: list[CodestreamProblem] = []

    def problem(self, code: ProblemCode, offset: int, message: str) -> None:
        self.problems.append(CodestreamProblem(code, offset, message))


def read_jpeg(data: FrameBytes) -> Codestream:
    """Read a JPEG or JPEG-LS header, from SOI to the end of the first SOS. The end is not looked at.

    Source: ISO/IEC 10918-1 Annex B, ISO/IEC 14495-1 Annex C.
    """
    window, header = Window(data), _Header()
    start = start_of_image(window.take(0, 1024))
    if start is None:
        header.problem("not-a-code-stream", 0, "no SOI marker")
        return _codestream(header, 0)
    if start:
        header.problem("fill-before-start", 0, f"{start} fill bytes before SOI")
    return _codestream(header, _walk(window, start + 2, data, header))


def start_of_image(opening: bytes) -> int | None:
    """The byte of SOI, which fill bytes FF may precede (ISO/IEC 10918-1 B.1.1.2); None if it is not there."""
    at = 0
    while opening[at : at + 2] == b"\xff\xff":
        at += 1
    return at if opening[at : at + 2] == b"\xff\xd8" else None


def _codestream(header: _Header, length: int) -> Codestream:
    facts = header.facts
    kind: Kind = "jpegls" if facts.get("process_marker") == FRAME_MARKER else "jpeg"
    return Codestream(
        kind=kind,
        header_length=length,
        comment_lengths=tuple(header.comments),
        problems=tuple(header.problems),
        **facts,
    )


def _walk(window: Window, position: int, data: FrameBytes, header: _Header) -> int:
    """Read segment after segment; return the length of the header."""
    facts = header.facts
    for _ in range(MAX_SEGMENTS):
        lead = window.take(position, 4)
        if len(lead) < 2:
            header.problem("truncated-header", position, "the frame ends within its header")
            return window.size
        if lead[0] != 0xFF:
            skipped = window.take(position, _SKIP).find(b"\xff")
            header.problem("bytes-between-segments", position, "no marker where a segment ends")
            if skipped < 0:
                return position
            position += skipped
            continue
        marker = lead[1]
        if marker == 0xFF:  # fill
            run = window.take(position, _SKIP)
            position += len(run) - len(run.lstrip(b"\xff")) - 1
            if run.count(b"\xff") == len(run) < _SKIP:
                header.problem("truncated-header", position, "the frame ends within its header")
                return window.size
            continue
        if marker == _EOI:
            header.problem("end-before-scan", position, "EOI before any scan")
            return position
        if marker in _ALONE or marker in (_SOI, 0x00):
            header.problem("stray-marker", position, f"marker FF{marker:02X} in the header")
            position += 2
            continue
        if len(lead) < 4:
            header.problem("truncated-header", position, "the frame ends within its header")
            return window.size
        length = lead[2] << 8 | lead[3]
        if length < 2:
            header.problem("segment-length", position, f"segment FF{marker:02X} of length {length}")
            return position + 4
        following = position + 2 + length
        if following > window.size:
            header.problem("truncated-header", position, f"segment FF{marker:02X} runs past the frame")
            return window.size
        _segment(window, position, marker, length, header)
        if marker == _SOS:
            if "process_marker" not in facts:
                header.problem("no-frame-header", position, "a scan without SOFn before it")
            elif facts.get("height") == 0:
                _number_of_lines(data, following, header)
            return following
        position = following
    header.problem("too-many-segments", position, f"more than {MAX_SEGMENTS} segments before the scan")
    return position


def _segment(window: Window, position: int, marker: int, length: int, header: _Header) -> None:
    facts = header.facts
    body = position + 4
    if marker == _DQT:
        facts["has_dqt"] = True
    elif marker == _DHT:
        facts["has_dht"] = True
    elif marker in PROCESSES:
        _frame_header(window.take(body, length - 2), position, marker, header)
    elif marker == _SOS:
        _scan_header(window.take(body, min(length - 2, 512)), position, header)
    elif marker == _COM:
        header.comments.append(length - 2)
    elif marker == _DRI:
        value = window.take(body, length - 2) if length in (4, 5, 6) else b""
        facts["restart_interval"] = int.from_bytes(value, "big") if value else None
    elif marker == _LSE:
        size = preset_size(window.take(body, min(length - 2, 10)))
        if size is not None:
            facts["height"], facts["width"] = size
    elif marker in (_APP0, _APP1, _APP2, _APP14):
        _application_data(window.take(body, min(length - 2, 36)), marker, facts)


def _application_data(body: bytes, marker: int, facts: dict[str, Any]) -> None:
    if marker == _APP0:
        if body.startswith(b"JFIF\0"):  # ISO/IEC 10918-5
            facts["jfif"] = True
    elif marker == _APP1:
        if body.startswith(b"Exif\0"):  # CIPA DC-008 4.7.2
            facts["exif"] = True
        elif body.startswith((b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/")):
            facts["xmp"] = True  # XMP Specification Part 3, 1.1.3
    elif marker == _APP2:
        if body.startswith(b"ICC_PROFILE\0"):  # ICC.1 B.4
            facts["icc"] = True
    elif body.startswith(b"Adobe"):  # ISO/IEC 10918-6 6.5.3: version, two flags, transform
        facts["adobe"] = True
        if len(body) >= 12:
            facts["colour_transform"] = body[11]


def _frame_header(body: bytes, position: int, marker: int, header: _Header) -> None:
    """SOFn: precision, lines, samples per line, components. ISO/IEC 10918-1 B.2.2"""
    facts = header.facts
    if "process_marker" in facts:
        header.problem("several-frame-headers", position, "a second SOFn before the scan")
        return
    facts["process_marker"] = marker
    facts["process"] = PROCESSES[marker]
    if len(body) < 6:
        header.problem("frame-header-length", position, "SOFn is too short")
        return
    precision, height, width, count = unpack(">BHHB", body[:6])
    facts["precision"], facts["components"] = precision, count
    # JPEG-LS: sizes of zero were or will be given by LSE (ISO/IEC 14495-1 C.2.4.1.4)
    facts["height"] = height or facts.get("height", 0)
    facts["width"] = width or facts.get("width", 0)
    if len(body) != 6 + 3 * count or not count:
        header.problem("frame-header-length", position, f"SOFn of {len(body)} bytes for {count} components")
    parts = body[6 : 6 + 3 * count]
    ids = parts[0::3]
    factors = parts[1::3]
    facts["component_ids"] = tuple(ids)
    facts["subsampling"] = tuple((factor >> 4, factor & 15) for factor in factors)
    # ISO/IEC 10918-1 Table B.2, ISO/IEC 14495-1 C.2.2
    wrong = next((pair for pair in facts["subsampling"] if not 1 <= min(pair) <= max(pair) <= 4), None)
    if wrong is not None:
        header.problem("out-of-range", position, f"sampling factors {wrong[0]} and {wrong[1]}")


def _scan_header(body: bytes, position: int, header: _Header) -> None:
    """SOS: what it says depends on the process. ISO/IEC 10918-1 B.2.3, ISO/IEC 14495-1 C.2.3"""
    facts = header.facts
    count = body[0] if body else 0
    if not count or len(body) != 4 + 2 * count:
        header.problem("scan-header-length", position, f"SOS of {len(body)} bytes for {count} components")
        return
    first, _, low = body[-3:]
    process = facts.get("process")
    if process == "jpeg-ls":
        facts.update(scan_parameters(body))
        if fault := scan_fault(body, facts.get("precision") or 16):
            header.problem("scan-parameters", position, fault)
    elif process in ("lossless", "lossless-arithmetic"):
        facts["predictor"], facts["point_transform"] = first, low & 15


def least_scan(stream: Codestream) -> int:
    """The fewest bytes that the samples of a frame can take, 0 where that is not known.

    Huffman codes have one bit or more: one for each sample of lossless coding (ISO/IEC 10918-1 H.1.2.2), one for the DC
    coefficient and one for the end of each block of 8 by 8 otherwise (F.1.2).
    """
    if stream.process == "lossless":
        return (stream.width or 0) * (stream.height or 0) // 8
    if stream.process in ("baseline", "extended"):
        return (-(-(stream.width or 0) // 8) * -(-(stream.height or 0) // 8)) // 4
    return 0


def _number_of_lines(data: FrameBytes, position: int, header: _Header) -> None:
    """SOFn said 0 lines: DNL behind the first scan tells them. ISO/IEC 10918-1 B.2.5"""
    scan, end = position, min(len(data), position + _SCAN_SEARCH)
    step = 1 << 16
    while position < end:
        block = data[position : min(position + step + 5, end)]
        at = block.find(b"\xff\xdc\x00\x04")
        if 0 <= at <= len(block) - 6:
            header.facts["height"] = block[at + 4] << 8 | block[at + 5]
            header.facts["dnl"] = True
            return
        position += step
    header.problem("number-of-lines-not-found", scan, "SOFn says 0 lines and no DNL follows")


def header_key(block: bytes) -> tuple[bytes, int] | None:
    """The header without the contents of its Huffman tables, and its length; None if not plain.

    Frames with the same key have the same facts: encoders that fit the Huffman tables to each frame give
    headers that differ in nothing else.
    """
    if not block.startswith(b"\xff\xd8"):
        return None
    position, parts, size = 2, [], len(block)
    kept = 0
    while position + 4 <= size and block[position] == 0xFF:
        marker = block[position + 1]
        if marker in _ALONE or marker in (0xFF, 0x00, _SOI, _EOI):
            return None
        following = position + 2 + (block[position + 2] << 8 | block[position + 3])
        if following < position + 4 or following > size:
            return None
        if marker == _DHT:
            parts.append(block[kept : position + 2])
            kept = following
        position = following
        if marker == _SOS:
            parts.append(block[kept:position])
            return b"".join(parts), position
    return None
