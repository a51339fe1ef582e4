"""Data sets byte by byte: what a tolerant writer would refuse to write."""

from __future__ import annotations

from struct import pack

EXPLICIT = b"1.2.840.10008.1.2.1\0"
IMPLICIT = b"1.2.840.10008.1.2\0"
BIG = b"1.2.840.10008.1.2.2\0"
DEFLATED = b"1.2.840.10008.1.2.1.99"
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
ITEM = pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
ITEM_END = pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = pack("<HHI", 0xFFFE, 0xE0DD, 0)


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None, order: str = "<") -> bytes:
    """One element of an explicit VR data set; ``length`` overrides the true one."""
    size = len(value) if length is None else length
    head = pack(order + "HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (pack(order + "HI", 0, size) if vr in _LONG else pack(order + "H", size)) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """One element of an implicit VR data set."""
    return pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def item(content: bytes, undefined: bool = False) -> bytes:
    """One item."""
    if undefined:
        return ITEM + content + ITEM_END
    return pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def sequence(tag: int, *items: bytes, undefined: bool = False) -> bytes:
    """One sequence of an explicit VR data set."""
    content = b"".join(items)
    if undefined:
        return explicit(tag, b"SQ", content + SEQUENCE_END, 0xFFFFFFFF)
    return explicit(tag, b"SQ", content)


def meta(syntax: bytes = EXPLICIT, *more: bytes, group_length: int | None = None) -> bytes:
    """Preamble, prefix and file meta group."""
    content = explicit(0x00020010, b"UI", syntax) + b"".join(more)
    length = len(content) if group_length is None else group_length
    return bytes(128) + b"DICM" + explicit(0x00020000, b"UL", pack("<I", length)) + content


NAME = explicit(0x00100010, b"PN", b"Doe^Jane")
SOP_CLASS = explicit(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0")
