"""Where instances come from: files, folders, standard input, lists of files, members of archives.

An input is a small value that can be handed to another process; `open_input` gives its bytes.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal

import msgspec

from dcmlint.dicom.buffers import Buffer, WholeBuffer, open_file
from dcmlint.errors import InputError

STDIN = "-"
# What an archive's member may unpack to; beyond it the member is not read.
MAX_MEMBER = 64 << 30
_IN_MEMORY = 64 << 20


class Input(msgspec.Struct, frozen=True):
    """One thing to check.

    ``path`` is how reports name it (as given or reached, a member as ``archive.zip!/a.dcm``); ``named`` is
    True when somebody named or listed it, False when it was found in a folder or an archive.
    """

    path: str
    kind: Literal["file", "zip", "tar", "stdin"] = "file"
    container: str = ""
    member: str = ""
    named: bool = False


class Selection(msgspec.Struct, frozen=True):
    """Which files of folders and archives are looked at: glob patterns on names and paths."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Whether a path below a folder is to be looked at."""
        name = os.path.basename(path)
        if any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in self.exclude):
            return False
        return not self.include or any(
            fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in self.include
        )


def list_inputs(
    paths: Iterable[str], *, files_from: str | None = None, selection: Selection | None = None
) -> Iterator[Input]:
    """The inputs that paths name, folders in the order of their names, each file once.

    A path that does not exist is given all the same: opening it fails, which is a finding.
    """
    selection = selection or Selection()
    seen: set[tuple[int, int]] = set()
    for path in paths:
        yield from _expand(path, selection, seen)
    if files_from is not None:
        for path in read_list(files_from):
            yield from _expand(path, selection, seen)


def read_list(path: str) -> list[str]:
    """The paths in a list, one a line, or separated by NUL; "-" is standard input.

    Raises InputError when it cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    separator = b"\0" if b"\0" in data else b"\n"
    lines = (line.rstrip(b"\r") if separator == b"\n" else line for line in data.split(separator))
    return [os.fsdecode(line) for line in lines if line.strip()]


def _expand(path: str, selection: Selection, seen: set[tuple[int, int]]) -> Iterator[Input]:
    if path == STDIN:
        yield Input(STDIN, "stdin", named=True)
        return
    if os.path.isdir(path):
        yield from _walk(path, selection, seen)
        return
    kind = archive_kind(path)
    if kind:
        yield from _members(path, kind, selection)
        return
    yield Input(path, named=True)
    if os.path.basename(path).upper() == "DICOMDIR":
        yield from _named_by_directory(path)


def _named_by_directory(path: str) -> Iterator[Input]:
    """The files that a DICOMDIR names and that are there; the others are told when its records are checked."""
    from dcmlint.dicom.instance import read_instance
    from dcmlint.engine.directory import directory_of

    try:
        buffer = open_file(path)
    except OSError:
        return
    try:
        instance = read_instance(buffer)
        directory = directory_of(instance, path) if instance is not None else None
    finally:
        buffer.close()
    for name in directory.names if directory is not None else ():
        file = os.path.join(os.path.dirname(path), *name.split("/"))
        if os.path.isfile(file):
            yield Input(file, named=True)


def _walk(folder: str, selection: Selection, seen: set[tuple[int, int]]) -> Iterator[Input]:
    """Everything below a folder; a folder that was visited already (a loop of links) is left out."""
    try:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield Input(folder, named=True)
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir()
            is_file = entry.is_file()
        except OSError:
            continue
        if is_folder:
            yield from _walk(entry.path, selection, seen)
        elif is_file and selection.takes(entry.path):
            kind = archive_kind(entry.path)
            if kind:
                yield from _members(entry.path, kind, selection)
            else:
                yield Input(entry.path)


def archive_kind(path: str) -> Literal["zip", "tar", ""]:
    """Whether a file is an archive that is looked into, by its name and its first bytes."""
    lower = path.lower()
    try:
        if lower.endswith(".zip"):
            with open(path, "rb") as stream:
                return "zip" if stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06") else ""
        if lower.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
            import tarfile

            return "tar" if tarfile.is_tarfile(path) else ""
    except (OSError, EOFError, ValueError):
        return ""
    return ""


def _members(path: str, kind: Literal["zip", "tar"], selection: Selection) -> Iterator[Input]:
    import tarfile
    import zipfile

    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir()]
        else:
            with tarfile.open(path) as tape:
                names = [member.name for member in tape if member.isfile()]
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError):
        yield Input(path, named=True)
        return
    for name in names:
        if selection.takes(name):
            yield Input(f"{path}!/{name}", kind, path, name)


def open_input(source: Input) -> Buffer:
    """The bytes of an input.  Raises InputError with the reason, without the path."""
    try:
        if source.kind == "file":
            if not os.path.isfile(source.path) and os.path.exists(source.path):
                raise InputError("not a regular file")
            return open_file(source.path)
        if source.kind == "stdin":
            return _spool(sys.stdin.buffer)
        return _open_member(source)
    except OSError as error:
        raise InputError(error.strerror or "cannot be read") from None


def _open_member(source: Input) -> Buffer:
    import tarfile
    import zipfile
    import zlib

    try:
        if source.kind == "zip":
            with zipfile.ZipFile(source.container) as archive, archive.open(source.member) as stream:
                return _spool(stream)
        with tarfile.open(source.container) as tape:
            member = tape.extractfile(source.member)
            if member is None:
                raise InputError("not a regular file in the archive")
            return _spool(member)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, KeyError, RuntimeError,
        NotImplementedError,
    ) as error:  # fmt: skip
        # RuntimeError: an encrypted member; NotImplementedError: a compression nobody here knows.
        raise InputError(f"damaged or unsupported archive ({type(error).__name__})") from None


def _spool(stream: IO[bytes]) -> Buffer:
    """Bytes that cannot be sought: in memory when small, else in an unnamed temporary file that is mapped."""
    import mmap

    head = stream.read(_IN_MEMORY)
    rest = stream.read(1)
    if not rest:
        return WholeBuffer(head)
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the map
    spool.write(head + rest)
    total = len(head) + 1
    while piece := stream.read(1 << 22):
        total += len(piece)
        if total > MAX_MEMBER:
            spool.close()
            raise InputError(f"larger than {MAX_MEMBER >> 30} GiB")
        spool.write(piece)
    spool.flush()
    return WholeBuffer(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ), spool)
