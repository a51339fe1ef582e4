"""Bytes that can be read only once: kept in memory when they are few, else in a temporary file, up to a limit."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache

from dcmlint.dicom.file_kind import HEAD, is_tiff
from dcmlint.dicom.instance import looks_like_dicom
from dcmlint.errors import InputError
from dcmlint.sources.input import Input

# What is handed to another process in memory; more goes by way of a temporary file.
IN_MEMORY = 1 << 20
# What one input may unpack to, and how much of the free space of the temporary folder it may take.
MAX_SPOOLED = 64 << 30
_SHARE = 0.5
_PIECE = 1 << 20
# What few bytes may unpack to: many blank images take a few hundredths of their size.
_SMALL_UNPACKED = 256 << 20
_MAX_RATIO = 500

Read = Callable[[int], bytes]


def spooled(path: str, read: Read, *, named: bool = False, limit: int = MAX_SPOOLED) -> Input:
    """The input that ``read`` gives (at most n bytes a call, none at the end), read to its end.

    What begins neither like DICOM nor like TIFF (a slide in SVS) is not kept: only its first bytes, which say what it is; then ``read`` may have
    more to give.  ``limit``: bytes; beyond it, and where the temporary folder has no room, the input is a problem.
    """
    head = _upto(read, IN_MEMORY + 1)
    if len(head) <= IN_MEMORY:
        return Input(path=path, kind="bytes", named=named, data=head, size=len(head))
    if not looks_like_dicom(head) and not is_tiff(head):
        return Input(path=path, kind="bytes", named=named, data=head[:HEAD], size=HEAD)
    limit = min(limit, int(shutil.disk_usage(_folder()).free * _SHARE))
    handle, name = tempfile.mkstemp(dir=_folder())
    total = 0
    try:
        with open(handle, "wb") as file:
            piece = head
            while piece:
                total += len(piece)
                if total > limit:
                    raise InputError(f"more than {size_text(limit)}, the limit for what is unpacked")
                file.write(piece)
                piece = read(_PIECE)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return Input(path=path, kind="spool", named=named, container=name, size=total)


def most_unpacked(packed: int) -> int:
    """How many bytes the ``packed`` bytes of a member, or of a compressed archive, may unpack to."""
    return min(MAX_SPOOLED, max(_SMALL_UNPACKED, _MAX_RATIO * packed))


def size_text(count: int) -> str:
    """A limit as messages name it."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def detached(source: Input) -> Input:
    """The same bytes, which stay when the archive of which they are a part is removed."""
    if source.kind != "part":
        return source
    with open(source.container, "rb") as handle:
        handle.seek(source.offset)
        left = source.size

        def read(count: int) -> bytes:
            nonlocal left
            data = handle.read(min(count, left))
            left -= len(data)
            return data

        return spooled(source.path, read, named=source.named)


def _upto(read: Read, count: int) -> bytes:
    parts = []
    while count and (piece := read(min(count, _PIECE))):
        parts.append(piece)
        count -= len(piece)
    return b"".join(parts)


@cache
def _holder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dcmlint-")


def _folder() -> str:
    """A folder of this process that is removed when it ends."""
    return _holder().name
