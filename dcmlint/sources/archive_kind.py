"""Which files are archives that are looked into; light to import, since every file of a folder is asked."""

from __future__ import annotations

import os
from typing import Literal

from dcmlint.dicom.file_kind import HEAD, file_kind

Kind = Literal["zip", "tar", ""]
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
SUFFIXES = (".zip", *TAR_SUFFIXES)
# The kinds in which a tar can be packed.
COMPRESSED = ("gzip", "bzip2", "xz")


def archive_kind(path: str) -> Kind:
    """Whether a regular file is an archive that is looked into, by its name and its first bytes."""
    lower = path.lower()
    if not lower.endswith(SUFFIXES):
        return ""
    zipped = lower.endswith(".zip")
    try:
        if not os.path.isfile(path):
            return ""
        kind = kind_of(path)
    except OSError:
        return ""
    if zipped:
        return "zip" if kind == "ZIP archive" else ""
    return "tar" if kind == "tar archive" or kind in COMPRESSED or _old_tar(path) else ""


def kind_of(path: str) -> str:
    """What a file is by its first bytes: see `file_kind`.  Raises OSError."""
    with open(path, "rb") as stream:
        return file_kind(stream.read(HEAD))


def _old_tar(path: str) -> bool:
    """A tar without the mark of POSIX: `tarfile` knows it by the checksum of its first header."""
    import tarfile

    try:
        return tarfile.is_tarfile(path)
    except (OSError, EOFError, ValueError):
        return False
