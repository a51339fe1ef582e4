"""The files below a folder, in the order of their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from dcmlint.dicom.buffers import open_file
from dcmlint.dicom.file_kind import promises_dicom
from dcmlint.sources.archive_kind import archive_kind
from dcmlint.sources.input import Input, Selection

Seen = set[tuple[int, int]]
_FILE, _FOLDER, _LINK, _OTHER = "fdlo"
_DIRECTORY = "DICOMDIR\0"  # as it stands in a row
_KEPT_MARK = ".orig"
_KEPT = re.compile(r"(.+)\.orig\d*", re.DOTALL)
_UNFINISHED = re.compile(r"\..+\.\d+\.part", re.DOTALL)
_BLOCK = 256  # entries that wait together


def below(folder: str, selection: Selection, seen: Seen) -> Iterator[Input]:
    """Everything below a folder; a folder that was visited already (a loop of links) is left out.

    Folders are visited depth first without recursion: their depth is bounded by the file system alone.
    """
    try:
        root = os.path.realpath(folder)
    except OSError as error:  # the current folder was removed
        yield Input(path=folder, kind="problem", named=True, problem=error.strerror or "cannot be read")
        return
    promised: set[str] = set()
    waiting = [_entries(folder, seen, promised)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, Input):
            yield entry
        elif entry.is_folder:
            if entry.kind == _LINK and not selection.follow and not _within(entry.path, root):
                yield Input(
                    path=entry.path, kind="skipped", problem="a link to a folder outside; --follow follows it"
                )
            else:
                waiting.append(_entries(entry.path, seen, promised))
        elif selection.takes(entry.path):
            yield from _file(entry, selection, entry.path in promised)


def named_by_directory(path: str) -> Iterator[str]:
    """The files that a DICOMDIR names and that are there; the others are reported when its records are checked."""
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
            yield file


class _Entry(NamedTuple):
    """What stands in a folder."""

    path: str
    kind: str

    @property
    def is_folder(self) -> bool:
        return self.kind == _FOLDER or (self.kind == _LINK and os.path.isdir(self.path))

    @property
    def is_regular(self) -> bool:
        return self.kind == _FILE or (self.kind == _LINK and os.path.isfile(self.path))


def _entries(folder: str, seen: Seen, promised: set[str]) -> Iterator[_Entry | Input]:
    """``promised`` takes the files that a DICOMDIR here names: they are named, not only found."""
    try:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as listing:
            # NUL stands before all characters that names have: the order is that of the names.
            rows = sorted(f"{entry.name}\0{_kind(entry)}" for entry in listing)
    except OSError as error:
        yield Input(path=folder, kind="problem", named=True, problem=error.strerror or "cannot be listed")
        return
    start = os.path.join(folder, "")
    for row in rows:
        if row[: len(_DIRECTORY)].upper() == _DIRECTORY:
            name, _, kind = row.partition("\0")
            entry = _Entry(start + name, kind)
            if not entry.is_folder:
                promised.update(named_by_directory(entry.path))
    # A folder may hold very many: they wait as text, and what was given is forgotten.
    blocks = ["/".join(rows[start : start + _BLOCK]) for start in range(0, len(rows), _BLOCK)]
    blocks.reverse()
    rows.clear()
    while blocks:
        for row in blocks.pop().split("/"):
            name, _, kind = row.partition("\0")
            path = start + name
            if _KEPT_MARK in name and _is_kept(name, folder):
                yield Input(path=path, kind="skipped", problem="an original that dcmlint fix kept")
            elif name[0] == "." and _UNFINISHED.fullmatch(name):
                yield Input(path=path, kind="skipped", problem="a file that dcmlint did not finish writing")
            else:
                yield _Entry(path, kind)


def _is_kept(name: str, folder: str) -> bool:
    """Whether a name is one under which `dcmlint.fixes.write` keeps an original, beside the file that replaced it."""
    kept = _KEPT.fullmatch(name)
    return kept is not None and os.path.lexists(os.path.join(folder, kept[1]))


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_file(follow_symlinks=False):
            return _FILE
        if entry.is_symlink():
            return _LINK
        return _FOLDER if entry.is_dir(follow_symlinks=False) else _OTHER
    except OSError:
        return _OTHER


def _within(path: str, root: str) -> bool:
    real = os.path.realpath(path)
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def _file(entry: _Entry, selection: Selection, promised: bool) -> Iterator[Input]:
    if not entry.is_regular:
        what = "not a regular file" if os.path.exists(entry.path) else "a link to nothing"
        dicom = promised or promises_dicom(os.path.basename(entry.path))
        yield Input(path=entry.path, kind="problem" if dicom else "skipped", problem=what)
        return
    kind = archive_kind(entry.path)
    if kind and not selection.unpack:
        yield Input(path=entry.path, kind="archive", named=promised)
    elif kind:
        from dcmlint.sources.archives import members

        yield from members(entry.path, kind, selection)
    else:
        yield Input(path=entry.path, named=promised)
