"""What JPEG-LS (ISO/IEC 14495-1) has beyond the markers that it shares with JPEG."""

from __future__ import annotations

from typing import Any, Final

FRAME_MARKER: Final = 0xF7  # SOF55, ISO/IEC 14495-1 C.1.1


def scan_parameters(body: bytes) -> dict[str, Any]:
    """NEAR and the point transform of a scan header (its bytes after the length). ISO/IEC 14495-1 C.2.3"""
    near, _, low = body[-3:]
    return {"near": near, "point_transform": low & 15}


def scan_fault(body: bytes, precision: int) -> str:
    """What is wrong with NEAR or the interleave mode of a sound scan header, "" for nothing. ISO/IEC 14495-1 C.2.3"""
    near, mode, _ = body[-3:]
    if mode > 2:
        return f"interleave mode {mode}"
    if mode and body[0] == 1:
        return f"interleave mode {mode} in a scan of one component"
    # The highest sample value may be less than the precision allows, never more.
    return f"NEAR {near} with {precision} bits" if near > (1 << precision) // 2 else ""


def preset_size(body: bytes) -> tuple[int, int] | None:
    """Lines and samples per line of an LSE segment that gives a size above 65,535; else None.

    ``body`` are the bytes after the length. Source: ISO/IEC 14495-1 C.2.4.1.4.
    """
    if len(body) < 2 or body[0] != 4 or not 2 <= body[1] <= 4:
        return None
    wide = body[1]
    if len(body) < 2 + 2 * wide:
        return None
    return int.from_bytes(body[2 : 2 + wide], "big"), int.from_bytes(body[2 + wide : 2 + 2 * wide], "big")
