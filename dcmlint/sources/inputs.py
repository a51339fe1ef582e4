"""Where instances come from: files, folders, standard input, lists of files, members of archives."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from dcmlint.dicom.buffers import WHOLE, Buffer, WholeBuffer, open_file
from dcmlint.errors import InputError
from dcmlint.sources.archive_kind import archive_kind
from dcmlint.sources.folders import Seen, below, named_by_directory
from dcmlint.sources.input import STDIN, Input, Selection
from dcmlint.sources.key import Source
from dcmlint.sources.open_source import SourceSettings, is_remote, open_source

# A list of paths is held in memory.
_MAX_LIST = 1 << 30


def list_inputs(
    paths: Iterable[str], *, files_from: str | None = None, selection: Selection | None = None
) -> Iterator[Input]:
    """The inputs that paths name, folders in the order of their names, each file once.

    A path that does not exist is given all the same: opening it fails, which is a finding.
    """
    selection = selection or Selection()
    seen: Seen = set()
    for path in paths:
        yield from _expand(path, selection, seen)
    if files_from is not None:
        for path in read_list(files_from):
            yield from _expand(path, selection, seen)


def read_list(path: str) -> list[str]:
    """The paths in a list, one a line, or separated by NUL; "-" is standard input.

    Raises InputError when it cannot be read: no regular file, above 1 GiB.
    """
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(_MAX_LIST + 1)
        elif not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: not a regular file")
        else:
            with Path(path).open("rb") as stream:
                data = stream.read(_MAX_LIST + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(data) > _MAX_LIST:
        raise InputError(f"{path}: a list of more than 1 GiB")
    separator = b"\0" if b"\0" in data else b"\n"
    lines = (line.rstrip(b"\r") if separator == b"\n" else line for line in data.split(separator))
    return [os.fsdecode(line) for line in lines if line.strip()]


def _expand(path: str, selection: Selection, seen: Seen) -> Iterator[Input]:
    if path == STDIN:
        yield Input(path=STDIN, kind="stdin", named=True)
        return
    if "://" in path and is_remote(path):
        yield from _remote(path, selection)
        return
    if os.path.isdir(path):
        yield from below(path, selection, seen)
        return
    kind = archive_kind(path)
    if kind and not selection.unpack:
        yield Input(path=path, kind="archive", named=True)
        return
    if kind:
        from dcmlint.sources.archives import members

        yield from members(path, kind, selection)
        return
    yield Input(path=path, named=True)
    if os.path.basename(path).upper() == "DICOMDIR":
        for file in named_by_directory(path):
            yield Input(path=file, named=True)


def _remote(url: str, selection: Selection) -> Iterator[Input]:
    """What a URL names: each object is opened, where it is checked, by a client of its own process."""
    from dcmlint.sources.spool import detached

    source = open_source(SourceSettings(names=(url,), selection=selection))
    try:
        for key in source.listed():
            yield from map(detached, source.inputs(key))
    except InputError as error:
        yield Input(path=url, kind="problem", named=True, problem=str(error))
    finally:
        source.close()


def open_input(source: Input) -> Buffer:
    """The bytes of an input.  Raises InputError with the reason, without the path."""
    try:
        if source.kind == "file":
            # Never opened before it is known to be a file: opening a pipe waits for its other end.
            if not stat.S_ISREG(os.stat(source.path).st_mode):
                raise InputError("not a regular file")
            return open_file(source.path)
        if source.kind == "stdin":
            return _open_stdin()
        if source.kind == "bytes":
            return WholeBuffer(source.data)
        if source.kind == "spool":
            return open_file(source.container)
        if source.kind == "object":
            return _source_of(source.container).open(source)
        if source.kind == "part":
            return _open_part(source)
    except OSError as error:
        raise InputError(error.strerror or "cannot be read") from None
    except ValueError:  # a path with a NUL
        raise InputError("not a path") from None
    raise InputError(source.problem)


def _open_stdin() -> Buffer:
    """Standard input can be read once: where it is more than a little, from a temporary file without a name."""
    from dcmlint.sources.spool import spooled

    source = spooled(STDIN, sys.stdin.buffer.read, named=True)
    try:
        return open_input(source)
    finally:
        source.discard()


@lru_cache(maxsize=4)
def _source_of(url: str) -> Source:
    return open_source(SourceSettings(names=(url,)))


class _Map:
    """Closes a memory map after the views of it."""

    def __init__(self, view: memoryview, mapped: mmap.mmap) -> None:
        self._view, self._map = view, mapped

    def close(self) -> None:
        # A NumPy view of the map may still be alive; the map closes with it.
        with contextlib.suppress(BufferError):
            self._view.release()
            self._map.close()


def _open_part(source: Input) -> Buffer:
    """A range of a file: a member of an archive that is not compressed."""
    with open(source.container, "rb") as handle:
        handle.seek(source.offset)
        if source.size <= WHOLE:
            return WholeBuffer(handle.read(source.size))
        start = source.offset - source.offset % mmap.ALLOCATIONGRANULARITY
        length = source.offset + source.size - start
        mapped = mmap.mmap(handle.fileno(), length, access=mmap.ACCESS_READ, offset=start)
    view = memoryview(mapped)[source.offset - start :]
    closing: IO[bytes] = _Map(view, mapped)  # type: ignore[assignment]
    return WholeBuffer(view, closing)
