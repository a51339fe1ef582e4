"""A video stream by its first bytes: what it is, and what an MPEG-2 sequence header says."""

from __future__ import annotations

from typing import Final

import msgspec

# ISO/IEC 13818-2 Table 6-4
_RATES: Final = (None, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)
_SEQUENCE, _EXTENSION, _PACK = b"\0\0\1\xb3", b"\0\0\1\xb5", b"\0\0\1\xba"
_PACKET: Final = 188  # ISO/IEC 13818-1 2.4.3.2
OPENING: Final = 1024


class VideoHeader(msgspec.Struct, frozen=True, kw_only=True):
    """``kind``: mpeg2, program-stream, transport-stream, mp4, annex-b (H.264 or HEVC without a container), picture (of
    another codec), zeros, or empty where it cannot be told; lines, samples of a line and pictures a second of MPEG-2."""

    kind: str = ""
    columns: int | None = None
    rows: int | None = None
    rate: float | None = None


def read_video(opening: bytes) -> VideoHeader:
    """What the first bytes of a stream say; `OPENING` are enough."""
    if opening.startswith(_SEQUENCE):
        return _mpeg2(opening)
    if opening.startswith(_PACK):
        return VideoHeader(kind="program-stream")
    if opening[4:8] == b"ftyp":  # ISO/IEC 14496-12 4.3
        return VideoHeader(kind="mp4")
    if len(opening) > 2 * _PACKET and {opening[at] for at in (0, _PACKET, 2 * _PACKET)} == {0x47}:
        return VideoHeader(kind="transport-stream")
    if opening.startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\x89PNG")):
        return VideoHeader(kind="picture")
    if len(opening) >= 64 and not any(opening):
        return VideoHeader(kind="zeros")
    # The parameter sets or the delimiter that such a stream begins with: ISO/IEC 14496-10 Table 7-1, 23008-2 Table 7-1
    start = opening[1:] if opening.startswith(b"\0\0\0\1") else opening
    if start.startswith(b"\0\0\1") and len(start) > 4:
        of_avc = not start[3] & 0x80 and start[3] & 0x1F in (7, 9)
        of_hevc = start[4] == 1 and start[3] in (0x40, 0x42, 0x46)
        if of_avc or of_hevc:
            return VideoHeader(kind="annex-b")
    return VideoHeader()


def _mpeg2(opening: bytes) -> VideoHeader:
    """The sequence header, and the extension that lengthens its sizes (ISO/IEC 13818-2 6.2.2.1, 6.2.2.3)."""
    if len(opening) < 12:
        return VideoHeader(kind="mpeg2")
    columns, rows = opening[4] << 4 | opening[5] >> 4, (opening[5] & 15) << 8 | opening[6]
    code = opening[7] & 15
    rate = _RATES[code] if code < len(_RATES) else None
    at = opening.find(_EXTENSION)
    if at > 0 and len(opening) >= at + 10 and opening[at + 4] >> 4 == 1:
        bits = int.from_bytes(opening[at + 4 : at + 10], "big")
        # 4 identifier, 8 profile, 1 progressive, 2 chroma, 2 + 2 sizes, 12 bit rate, 1 marker, 8 buffer, 1 delay, 2 + 5 rate
        columns |= (bits >> 29 & 3) << 12
        rows |= (bits >> 27 & 3) << 12
        rate = rate * ((bits >> 5 & 3) + 1) / ((bits & 31) + 1) if rate is not None else None
    return VideoHeader(kind="mpeg2", columns=columns, rows=rows, rate=rate)
