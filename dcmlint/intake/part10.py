"""The head of a DICOM file, written before a received data set (PS3.10 7.1)."""

from __future__ import annotations

import struct
from functools import lru_cache

import msgspec

from dcmlint.errors import DcmlintError
from dcmlint.version import IMPLEMENTATION_CLASS, implementation_version

PREAMBLE_BYTES = 132  # PS3.10 7.1: 128 bytes and the prefix
MAX_META_BYTES = 1 << 16
_PREAMBLE = bytes(128) + b"DICM"


def file_meta(sop_class: str, sop_instance: str, transfer_syntax: str, calling: str, called: str) -> bytes:
    """Preamble and File Meta Information of a data set that came over an association.

    The UIDs are those of the command, as they came: whether the data set agrees is for a rule to say.
    """
    before, after = _around(sop_class, transfer_syntax, calling, called)
    elements = b"".join((before, _short(0x0003, b"UI", _uid(sop_instance)), after))
    return _PREAMBLE + _short(0x0000, b"UL", struct.pack("<I", len(elements))) + elements


@lru_cache(maxsize=256)
def _around(sop_class: str, transfer_syntax: str, calling: str, called: str) -> tuple[bytes, bytes]:
    """What stands before and after the SOP Instance UID, which alone differs within an association."""
    before = (
        b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01",  # File Meta Information Version
        _short(0x0002, b"UI", _uid(sop_class)),
    )
    after = (
        _short(0x0010, b"UI", _uid(transfer_syntax)),
        _short(0x0012, b"UI", _uid(IMPLEMENTATION_CLASS)),
        _short(0x0013, b"SH", _text(implementation_version())),
        _short(0x0017, b"AE", _text(calling)),  # Sending Application Entity Title
        _short(0x0018, b"AE", _text(called)),  # Receiving Application Entity Title
    )
    return b"".join(before), b"".join(after)


def dataset_offset(head: bytes) -> int:
    """Where the data set begins in a file whose first bytes are given; -1 if that cannot be read."""
    if len(head) < PREAMBLE_BYTES + 12 or head[128:132] != b"DICM":
        return -1
    group, element, length = struct.unpack_from("<HH4xI", head, PREAMBLE_BYTES)
    if (group, element) != (0x0002, 0x0000):
        return -1
    return int(PREAMBLE_BYTES + 12 + length)


class FileMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What the File Meta Information of a file says, and the offset of its data set."""

    sop_class: str = ""
    sop_instance: str = ""
    transfer_syntax: str = ""
    sender: str = ""
    called: str = ""
    offset: int = 0


class NoFileMetaError(DcmlintError):
    """The bytes are not those of a Part 10 file."""


def parse_file_meta(head: bytes, *, whole: bool = False) -> FileMeta | None:
    """The File Meta Information in the first bytes of a file (PS3.10 7.1); None if more bytes are needed.

    ``whole``: there are no more. Raises ``NoFileMetaError`` where there is none, or where it does not end within
    `MAX_META_BYTES`.
    """
    if head[128:PREAMBLE_BYTES] != b"DICM"[: max(len(head) - 128, 0)]:
        raise NoFileMetaError("no DICOM prefix after 128 bytes")
    values: dict[int, str] = {}
    at = PREAMBLE_BYTES
    while at + 8 <= len(head):
        group, element, vr, length = struct.unpack_from("<HH2sH", head, at)
        if group != 0x0002:
            break
        if vr in (b"OB", b"OW", b"UN", b"UT", b"SQ"):  # PS3.5 7.1.2: a length of four bytes
            if at + 12 > len(head):
                break
            (length,) = struct.unpack_from("<I", head, at + 8)
            at += 4
        elif not vr.isalpha():
            raise NoFileMetaError("File Meta Information is not in Explicit VR Little Endian")
        at += 8 + length
        if at > MAX_META_BYTES:
            raise NoFileMetaError(f"File Meta Information of more than {MAX_META_BYTES} bytes")
        values[element] = head[at - length : at].decode("latin-1").strip("\0 ")
    ended = at + 2 <= len(head) and head[at : at + 2] != b"\x02\0"
    if not ended and not whole:
        return None
    if at > len(head) or not values:
        raise NoFileMetaError("File Meta Information is cut off" if values else "no File Meta Information")
    return FileMeta(
        sop_class=values.get(0x0002, ""), sop_instance=values.get(0x0003, ""), transfer_syntax=values.get(0x0010, ""),
        sender=values.get(0x0017, ""), called=values.get(0x0018, ""), offset=at,
    )  # fmt: skip


def _short(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _uid(uid: str) -> bytes:
    raw = uid.encode("latin-1", "replace")[:64]
    return raw + b"\0" if len(raw) % 2 else raw


def _text(value: str) -> bytes:
    raw = value.encode("latin-1", "replace")[:16]
    return raw + b" " if len(raw) % 2 else raw
