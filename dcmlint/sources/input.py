"""One thing to check, as a value that can be handed to another process, and the files of folders to look at."""

from __future__ import annotations

import contextlib
import fnmatch
import os
from typing import Literal

import msgspec

from dcmlint.dicom.buffers import WHOLE

STDIN = "-"


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to check.

    ``path`` is how reports name it (as given or reached, a member as ``archive.zip!/a.dcm``); ``named`` is
    True when somebody named or listed it, False when it was found in a folder or an archive.

    ``kind`` says where its bytes are: ``file`` at ``path``; ``stdin``; ``bytes`` in ``data``; ``part`` at ``offset``
    (bytes) of the file ``container``, ``size`` bytes long; ``spool`` in the temporary file ``container``; ``problem`` nowhere: ``problem`` says why it cannot be read; ``skipped`` nobody wants
    them: ``problem`` says what it is; ``archive`` in the members of the ZIP or tar at ``path``, which was not opened;
    ``object`` in the store or server whose URL is ``container``, named by ``path`` (``size`` -1: not known; ``etag``: what it was when it was listed).
    ``received``: it came over an association, without file meta information.
    """

    path: str
    kind: Literal["file", "stdin", "bytes", "part", "spool", "problem", "skipped", "archive", "object"] = (
        "file"
    )
    named: bool = False
    container: str = ""
    offset: int = 0
    size: int = 0
    data: bytes = b""
    etag: str = ""
    received: bool = False
    problem: str = ""

    @property
    def skipped(self) -> str:
        """What it is, where nobody wants to read it; else empty."""
        return self.problem if self.kind == "skipped" else ""

    @property
    def held(self) -> int:
        """Bytes of memory or temporary disk that it takes until it is opened."""
        return self.size if self.kind in ("bytes", "spool") else 0

    @property
    def mapped(self) -> bool:
        """Whether it is read through a memory map, as large files are."""
        if self.kind == "part":
            return self.size > WHOLE
        if self.kind not in ("file", "spool"):
            return False
        try:
            return os.stat(self.container if self.kind == "spool" else self.path).st_size > WHOLE
        except (OSError, ValueError):
            return False

    def discard(self) -> None:
        """Remove its temporary file: it was checked."""
        if self.kind == "spool":
            with contextlib.suppress(OSError):
                os.unlink(self.container)


class Selection(msgspec.Struct, frozen=True):
    """Which files of folders and archives are looked at: glob patterns on names and paths.

    ``follow``: also links to folders outside of the folder that was named.  ``unpack``: give the members of archives,
    not the archives.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow: bool = False
    unpack: bool = True

    def takes(self, path: str) -> bool:
        """Whether a path below a folder is to be looked at."""
        if not self.exclude and not self.include:
            return True
        name = os.path.basename(path)
        if any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in self.exclude):
            return False
        return not self.include or any(
            fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in self.include
        )
