"""The files below a folder, in the order of their names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dcmlint.dicom.buffers import open_file
from dcmlint.sources.archive_kind import archive_kind
from dcmlint.sources.input import Input, Selection

Seen = set[tuple[int, int]]


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
        elif _is_folder(entry):
            if entry.is_symlink() and not selection.follow and not _within(entry.path, root):
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


def _entries(folder: str, seen: Seen, promised: set[str]) -> Iterator[os.DirEntry[str] | Input]:
    """``promised`` takes the files that a DICOMDIR here names: they are named, not only found."""
    try:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        yield Input(path=folder, kind="problem", named=True, problem=error.strerror or "cannot be listed")
        return
    for entry in reversed(entries):
        if entry.name.upper() == "DICOMDIR" and not _is_folder(entry):
            promised.update(named_by_directory(entry.path))
    while entries:  # what was given is forgotten: a folder may hold very many
        yield entries.pop()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _within(path: str, root: str) -> bool:
    real = os.path.realpath(path)
    return real == root or real.startswith(root.rstrip(os.sep) + os.sep)


def _file(entry: os.DirEntry[str], selection: Selection, promised: bool) -> Iterator[Input]:
    try:
        regular = entry.is_file()
        there = regular or os.path.exists(entry.path)
    except OSError:
        regular = there = False
    if not regular:
        what = "not a regular file" if there else "a link to nothing"
        yield Input(path=entry.path, kind="skipped", problem=what)
        return
    kind = archive_kind(entry.path)
    if kind and not selection.unpack:
        yield Input(path=entry.path, kind="archive", named=promised)
    elif kind:
        from dcmlint.sources.archives import members

        yield from members(entry.path, kind, selection)
    else:
        yield Input(path=entry.path, named=promised)
