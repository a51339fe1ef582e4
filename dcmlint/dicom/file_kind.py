"""What a file that is no DICOM is, by its first bytes, and which names promise DICOM."""

from __future__ import annotations

import re

# Enough of a file to tell its kind: a tar says so at byte 257.
HEAD = 512
# What a Macintosh keeps beside x.dcm as ._x.dcm on disks of others (RFC 1740): its name promises nothing.
APPLE_DOUBLE = "AppleDouble"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "ZIP archive"), (b"PK\x05\x06", "ZIP archive"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"), (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"), (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"Rar!\x1a\x07", "RAR archive"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"), (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000 code stream"), (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"), (b"BM", "BMP"), (b"%PDF", "PDF"), (b"\x89HDF", "HDF5"), (b"NRRD", "NRRD"),
    (b"SQLite format 3\0", "SQLite database"), (b"\x7fELF", "program"), (b"MZ", "program"), (b"PAR1", "Parquet"),
    (b"\0\x05\x16\x07", APPLE_DOUBLE),
)  # fmt: skip
_UID_NAME = re.compile(r"[0-2](\.(0|[1-9]\d*)){3,}")  # PS3.5 9.1
_EXTENSIONS = (".dcm", ".dicom", ".dic", ".ima")
_DIRECTORY = "dicomdir"  # PS3.10 8.6
# File ID components of media (PS3.10 8.5) as writers number them: IM0001, IM_0001, I10, CT000001.
_NUMBERED = re.compile(r"(I|IM|IMG|IMAGE|Z|DCM|CR|CT|DX|MG|MR|NM|OT|PT|SC|SM|SR|US|XA|XX|PS)_?\d{1,7}")
_PREAMBLE, _PREFIX = 128, b"DICM"  # PS3.10 7.1


def promises_dicom(name: str) -> bool:
    """Whether a file name (the last part of a path) says that the file is DICOM: by its extension, a UID, or DICOMDIR."""
    lower = name.lower()
    return (
        lower.endswith(_EXTENSIONS)
        or lower == _DIRECTORY
        or (len(name) <= 64 and _UID_NAME.fullmatch(name) is not None)
    )


def begins_as_dicom(name: str, head: bytes) -> bool:
    """Whether a file that is no DICOM is what is left of one: cut within its prefix, or nothing under a name of media."""
    if _PREAMBLE < len(head) < _PREAMBLE + len(_PREFIX):
        return _PREFIX.startswith(head[_PREAMBLE:])
    return not any(head) and _NUMBERED.fullmatch(name) is not None


def file_kind(head: bytes) -> str:
    """A few words for the first `HEAD` bytes of a file that is no DICOM: "gzip", "TIFF", "text", "an empty file"."""
    if not head:
        return "an empty file"
    if head[257:262] == b"ustar":
        return "tar archive"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<?xml", b"<!DOCTYPE", b"<html", b"<svg")):
        return "HTML" if b"html" in text[:64].lower() else "XML"
    if not any(head):
        return "zeros"
    if _is_text(head):
        return "JSON" if text[:1] in (b"{", b"[") else "text"
    return "binary data"


def is_tiff(head: bytes) -> bool:
    """Whether a file begins as TIFF or BigTIFF does."""
    return file_kind(head) in ("TIFF", "BigTIFF")


def _is_text(head: bytes) -> bool:
    """UTF-8 (the last character may be cut) without control characters but white space."""
    if any(byte < 9 or 13 < byte < 32 for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) >= HEAD - 4
    return True
