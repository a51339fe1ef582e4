"""An instance on its way to a file: bytes are written as they come and never looked at."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from dcmlint.intake.digest import Digest
from dcmlint.intake.status import OUT_OF_RESOURCES, PROCESSING_FAILURE, Answer

SUFFIX = ".part"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# fdatasync where there is one: the times of the file need not be safe, its length is (POSIX).
_flush = getattr(os, "fdatasync", os.fsync)
_FLUSH_BYTES = 64 << 20
_ENDLESS = 1 << 38  # 256 GB
_START_BYTES = 1 << 14


class Part:
    """One instance that is being received.

    ``refusal`` is set once it is known that nothing will be kept: what still comes is dropped, and the
    refusal is the answer at the end. The file has the suffix ``.part`` until somebody renames it.
    ``start``: the first bytes of the data set, for `dataset_head`. ``limit``: bytes of the data set. ``digest``: whether its SHA-256 is wanted. ``ahead``: have what came
    written to the disk while more comes, so that a large instance does not wait for all of it in the end.
    """

    __slots__ = (
        "_digest",
        "_fd",
        "_flushed",
        "_flusher",
        "_head",
        "_wanted",
        "ahead",
        "limit",
        "path",
        "refusal",
        "size",
        "start",
    )

    def __init__(
        self, path: str, *, limit: int, digest: bool, refusal: Answer | None = None, ahead: bool = False
    ) -> None:
        self.ahead = ahead
        self._flushed = 0
        self._flusher: threading.Thread | None = None
        self.path = path
        self.limit = limit
        self.size = 0
        self.start = b""
        self.refusal = refusal
        self._wanted = digest
        self._digest: Digest | None = None
        self._fd = -1
        self._head = (
            b""  # written with what comes first: each call into the system may have to wait for other threads
        )

    def open(self, head: bytes = b"") -> None:
        """Make the file and write its head, which is no part of the data set; a disk that refuses makes a
        refusal (A700H)."""
        if self.refusal is not None:
            return
        try:
            self._fd = os.open(self.path, _FLAGS, 0o600)
            self._digest = Digest(self.path, len(head)) if self._wanted else None
            self._head = head
        except OSError as error:
            self._disk(error)

    def write(self, data: memoryview) -> None:
        """Append bytes of the data set."""
        if self.size < _START_BYTES:
            self.start += bytes(data[: _START_BYTES - self.size])
        self.size += len(data)
        if self._fd < 0:
            return
        if self.size > self.limit:
            self.drop()
            self.refusal = Answer(PROCESSING_FAILURE, f"larger than the limit of {self.limit} bytes")
            return
        try:
            if self._head:
                head, self._head = self._head, b""
                self._put_both(head, data)
            else:
                self._put(data)
        except OSError as error:
            self._disk(error)
            return
        if self.ahead and self.size - self._flushed >= _FLUSH_BYTES:
            self._flush_ahead()
        if self._digest is not None:
            self._digest.update(data)

    @property
    def endless(self) -> bool:
        """Whether so much more than the limit came that it is no instance: what still comes is not worth reading.

        Until then it is read and dropped, so that its sender is told why: one that is cut off tries again for ever.
        """
        return self.size > self.limit + _ENDLESS

    def finish(self, *, durable: bool) -> None:
        """Close the file, its bytes safe on the disk first if ``durable``."""
        if self._fd < 0:
            return
        fd = self._fd
        try:
            try:
                self._put(memoryview(self._head))
                if durable:
                    _flush(fd)
                if self._digest is not None:
                    self._digest.close()
            finally:
                self._fd = -1
                os.close(fd)
        except OSError as error:
            self._disk(error)

    def drop(self) -> None:
        """Close and remove the file."""
        if self._digest is not None:
            self._digest.drop()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError:
                pass  # the descriptor is gone either way
        discard(self.path)

    @property
    def sha256(self) -> str:
        """Of the data set, if it was asked for."""
        return self._digest.hexdigest() if self._digest is not None and self.refusal is None else ""

    def _flush_ahead(self) -> None:
        """Begin to flush what is written, unless that still goes on."""
        if self._flusher is None or not self._flusher.is_alive():
            self._flushed = self.size
            self._flusher = threading.Thread(target=_flush_path, args=(self.path,), daemon=True)
            self._flusher.start()

    def _put(self, data: memoryview) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def _put_both(self, head: bytes, data: memoryview) -> None:
        """With one call, and without a copy where the system can."""
        if not hasattr(os, "writev"):
            self._put(memoryview(head + data))
            return
        written = os.writev(self._fd, (head, data))
        self._put(memoryview(head)[written:])
        self._put(data[max(written - len(head), 0) :])

    def _disk(self, error: OSError) -> None:
        # PS3.4 Table B.2-1: A7xx is the only refusal after which a sender may try again.
        self.drop()
        self.refusal = Answer(OUT_OF_RESOURCES, f"cannot store: {error.strerror or error}")


def _flush_path(path: str) -> None:
    """Flush a file through a descriptor of its own: an error is told to each, and so to ``finish`` as well."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            _flush(fd)
        finally:
            os.close(fd)
    except OSError:
        pass  # dropped meanwhile, or ``finish`` says it


def discard(path: str) -> None:
    """Remove a file that may be gone already."""
    try:
        os.unlink(path)
    except OSError:
        pass  # what cannot be removed is found by its suffix


def publish(path: Path, destination: Path, *, durable: bool = True) -> None:
    """Give a received file its name: afterwards it is there as a whole, or the old one still is.

    With ``durable`` the directory is synchronised too, so that the name outlives a power cut; the bytes
    of the file must have been (``Part.finish``). Raises ``OSError``.
    """
    os.replace(path, destination)
    if durable:
        sync_folder(destination.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut, where the system can.  Raises ``OSError``."""
    if hasattr(os, "O_DIRECTORY"):  # Windows has no such thing as a directory to flush
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
