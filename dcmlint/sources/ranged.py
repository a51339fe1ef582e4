"""Sources of which only what is needed of an object is read: a first range, and others where somebody asks for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from dcmlint.dicom.buffers import Buffer, RangeBuffer, WholeBuffer
from dcmlint.errors import InputError
from dcmlint.sources.input import Input, Selection
from dcmlint.sources.key import Key, Usage
from dcmlint.sources.remote_archives import is_archive_name, remote_members

# The first range of an object (bytes): the whole header of most.
FIRST = 1 << 16
# The first bytes of an object, its size, and what tells it from others that have its name ("": nothing).
First = tuple[bytes, int, str]


class RangedSource(ABC):
    """The objects below a URL, ``root`` and a path in it; keys are URLs.  See `Source` for what it does.

    ``threads``: requests that are under way, which hides the time that each takes.
    """

    threads = 32

    def __init__(self, root: str, selection: Selection | None) -> None:
        self._root = root
        self._selection = selection or Selection()
        self.usage = Usage()
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[str, Future[First]] = {}

    @abstractmethod
    def _first(self, name: str, size: int, etag: str) -> First:
        """The first range of an object; ``size`` -1: not known.  Raises `InputError`; called in several threads."""

    @abstractmethod
    def _range(self, name: str, etag: str, start: int, stop: int) -> bytes:
        """A range of the same object as the first one, not of another that took its place.  Raises `InputError`."""

    @abstractmethod
    def _pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an object from its first to its last.  Raises `InputError`."""

    def inputs(self, key: Key) -> Iterator[Input]:
        """See `Source.inputs`; archives are copied to a temporary file, where members are asked for."""
        path = self._path(key)
        if self._selection.unpack and is_archive_name(key.key):
            found = False
            try:
                for one in remote_members(path, self._copied(key), self._selection):
                    found = True
                    yield one
            except InputError as error:
                found = True
                yield Input(path=path, kind="problem", named=key.named, problem=str(error))
            if found:
                return
        size = -1 if key.size is None else key.size
        yield Input(path=path, kind="object", container=self._root, named=key.named, size=size, etag=key.etag)

    def open(self, one: Input) -> Buffer:
        """See `Source.open`."""
        if one.kind != "object":  # a member of an archive
            from dcmlint.sources.inputs import open_input

            return open_input(one)
        name = self._name(one.path)
        if not one.size:
            return WholeBuffer(b"")
        coming = self._coming.pop(one.path, None)
        head, size, etag = coming.result() if coming is not None else self._first(name, one.size, one.etag)
        self._count(head)
        if len(head) >= size:
            return WholeBuffer(head[:size])
        return RangeBuffer(lambda start, stop: self._further(name, etag, start, stop), size, head)

    def fetch(self, keys: Sequence[Key]) -> None:
        """See `Source.fetch`."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, "dcmlint-fetch")
        for key in keys:
            if key.size != 0 and not (self._selection.unpack and is_archive_name(key.key)):
                size = -1 if key.size is None else key.size
                first = self._pool.submit(self._first, self._name(key.key), size, key.etag)
                self._coming[self._path(key)] = first

    def close(self) -> None:
        """See `Source.close`."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._coming.clear()

    def _further(self, name: str, etag: str, start: int, stop: int) -> bytes:
        data = self._range(name, etag, start, stop)
        self._count(data)
        return data

    def _copied(self, key: Key) -> Iterator[bytes]:
        self.usage.requests += 1
        for piece in self._pieces(self._name(key.key)):
            self.usage.bytes += len(piece)
            yield piece

    def _count(self, data: bytes) -> None:
        self.usage.bytes += len(data)
        self.usage.requests += 1

    def _path(self, key: Key) -> str:
        return key.key if "://" in key.key else f"{self._root}/{key.key}"

    def _name(self, key: str) -> str:
        """The name below the root of a key, which may be given without the URL."""
        return key.removeprefix(f"{self._root}/")
