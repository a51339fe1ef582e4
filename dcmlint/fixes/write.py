"""Puts new bytes on the disk so that a kill at any moment leaves the old or the new file, whole.

A file is written beside its place under another name, synchronized, and renamed.  What is copied goes through one
block of memory, whatever its size: copying within the system is slower where the bytes move by less than a page.  A large
file goes to the disk while the rest of it is copied, not only at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from dcmlint.dicom.buffers import Buffer
from dcmlint.dicom.pieces import PieceBuffer
from dcmlint.dicom.spans import Span
from dcmlint.errors import InputError
from dcmlint.intake.part import sync_folder

_BLOCK = 1 << 18  # bytes that are copied at once: the cache of a processor holds them
_FLUSH = 64 << 20  # bytes after which they are brought to the disk
ORIGINAL = ".orig"


class Source:
    """Where the bytes of an input lie in a file, ``offset`` of it; or only in a buffer."""

    __slots__ = ("_seen", "offset", "path")

    def __init__(self, path: str | None = None, offset: int = 0) -> None:
        self.path, self.offset = path, offset
        self._seen = None if path is None else _state(path)

    def has_changed(self) -> bool:
        """Whether the file is another one than when this was made."""
        return self.path is not None and _state(self.path) != self._seen


def _state(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_ino, found.st_dev, found.st_size, found.st_mtime_ns


def write_new(data: PieceBuffer | Buffer, source: Source, target: Path, *, overwrite: bool = False) -> None:
    """Write a file at ``target``; its folder is made.

    Raises `InputError` where something is there already, or cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not overwrite and target.exists():
            raise InputError(f"{target} exists already")
        _publish(data, source, target, None)
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}") from None


def write_in_place(data: PieceBuffer, source: Source, *, keep: bool = True) -> Path | None:
    """Write a file in the place of its source; the name under which the original is kept, None where it is not.

    Raises `InputError` where it cannot be written, or the source has changed since it was read.
    """
    if source.path is None or source.offset:
        raise InputError("only a file can be written in place")
    target = Path(os.path.realpath(source.path))  # of a link, the file that it names
    try:
        original = _free_name(target) if keep else None
        _publish(data, source, target, original)
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}") from None
    return original


def _free_name(target: Path) -> Path:
    """The first of a.dcm.orig, a.dcm.orig2, … that is free."""
    number = 1
    while True:
        name = target.with_name(f"{target.name}{ORIGINAL}{number if number > 1 else ''}")
        if not os.path.lexists(name):
            return name
        number += 1


def _publish(data: PieceBuffer | Buffer, source: Source, target: Path, original: Path | None) -> None:
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        # Only what nobody else has: a link that somebody put there is not followed.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with _Sink(descriptor) as sink:
                copy(data, source, sink)
            if source.path is not None:
                with contextlib.suppress(OSError):
                    there = os.stat(source.path)
                    if hasattr(os, "chown") and _is_same(source.path, target):
                        # A file that is replaced stays its owner's, also where root repairs it.
                        with contextlib.suppress(OSError):
                            os.chown(part, there.st_uid, there.st_gid)
                    os.chmod(part, there.st_mode & 0o777)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if source.has_changed():
            raise InputError(f"{source.path} was changed while it was read")
        if original is not None:
            _keep(target, original)
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    _synchronize(target.parent)


def _is_same(source: str, target: Path) -> bool:
    return target.exists() and os.path.samefile(source, target)


def _keep(target: Path, original: Path) -> None:
    """A second name for the file that is there; a copy where the file system has no such thing."""
    try:
        os.link(target, original)
    except OSError:
        part = original.with_name(f".{original.name[:100]}.{os.getpid()}.part")
        try:
            shutil.copy2(target, part)
            with open(part, "rb+") as handle:
                os.fsync(handle.fileno())
            os.replace(part, original)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
    _synchronize(target.parent)


def _synchronize(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    with contextlib.suppress(OSError):
        sync_folder(folder)


class _Sink:
    """An open file that is brought to the disk, by a thread, while it is written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._since = 0
        self._pool: ThreadPoolExecutor | None = None
        self._flushed: Future[None] | None = None

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, *why: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        if self._flushed is not None and why[0] is None:
            self._flushed.result()

    def write(self, data: bytes | memoryview) -> None:
        """Write all of it."""
        view = memoryview(data)
        while view:
            count = os.write(self._descriptor, view)
            view = view[count:]
            self._since += count
        if self._since >= _FLUSH and (self._flushed is None or self._flushed.done()):
            self._flush()

    def _flush(self) -> None:
        if self._flushed is not None:
            self._flushed.result()  # an error of the disk is told
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "flush")
        self._flushed = self._pool.submit(getattr(os, "fdatasync", os.fsync), self._descriptor)
        self._since = 0


def copy(data: PieceBuffer | Buffer, source: Source, sink: _Sink) -> None:
    """Write all bytes to an open file."""
    if not isinstance(data, PieceBuffer):
        _copy_span(data, Span(0, len(data)), source, sink)
        return
    for part in data.parts:
        if isinstance(part, Span):
            _copy_span(data.source, part, source, sink)
        else:
            sink.write(part)


def _copy_span(buffer: Buffer, span: Span, source: Source, sink: _Sink) -> None:
    if source.path is None:
        for start in range(span.start, span.end, _BLOCK):
            sink.write(buffer[start : min(span.end, start + _BLOCK)])
        return
    block = memoryview(bytearray(min(_BLOCK, span.end - span.start)))
    with open(source.path, "rb", buffering=0) as handle:
        handle.seek(span.start + source.offset)
        left = span.end - span.start
        while left:
            count = handle.readinto(block[:left])
            if not count:
                raise InputError("the file became shorter while it was read")
            sink.write(block[:count])
            left -= count
