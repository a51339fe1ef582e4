"""The head of a DICOM file, written before a received data set (PS3.10 7.1)."""

from __future__ import annotations

import struct

from dcmlint.version import IMPLEMENTATION_CLASS, implementation_version

PREAMBLE_BYTES = 132  # PS3.10 7.1: 128 bytes and the prefix
_PREAMBLE = bytes(128) + b"DICM"


def file_meta(sop_class: str, sop_instance: str, transfer_syntax: str, calling: str, called: str) -> bytes:
    """Preamble and File Meta Information of a data set that came over an association.

    The UIDs are those of the command, as they came: whether the data set agrees is for a rule to say.
    """
    elements = b"".join(
        (
            b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01",  # File Meta Information Version
            _short(0x0002, b"UI", _uid(sop_class)),
            _short(0x0003, b"UI", _uid(sop_instance)),
            _short(0x0010, b"UI", _uid(transfer_syntax)),
            _short(0x0012, b"UI", _uid(IMPLEMENTATION_CLASS)),
            _short(0x0013, b"SH", _text(implementation_version())),
            _short(0x0017, b"AE", _text(calling)),  # Sending Application Entity Title
            _short(0x0018, b"AE", _text(called)),  # Receiving Application Entity Title
        )
    )
    return _PREAMBLE + _short(0x0000, b"UL", struct.pack("<I", len(elements))) + elements


def dataset_offset(head: bytes) -> int:
    """Where the data set begins in a file whose first bytes are given; -1 if that cannot be read."""
    if len(head) < PREAMBLE_BYTES + 12 or head[128:132] != b"DICM":
        return -1
    group, element, length = struct.unpack_from("<HH4xI", head, PREAMBLE_BYTES)
    if (group, element) != (0x0002, 0x0000):
        return -1
    return int(PREAMBLE_BYTES + 12 + length)


def _short(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _uid(uid: str) -> bytes:
    raw = uid.encode("latin-1", "replace")[:64]
    return raw + b"\0" if len(raw) % 2 else raw


def _text(value: str) -> bytes:
    raw = value.encode("latin-1", "replace")[:16]
    return raw + b" " if len(raw) % 2 else raw
