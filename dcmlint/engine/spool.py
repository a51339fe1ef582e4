"""Values that wait until they are asked for: a few in memory, many in a temporary file without a name."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct
from threading import Lock
from typing import IO, Any, TypeVar, overload

import msgspec

from dcmlint.decoding import decoder

T = TypeVar("T")

# So many values stay as they are; of a run of that size nothing is written to disk.
IN_MEMORY = 250
_LARGE_IN_MEMORY = 4
_PENDING = 1 << 17  # bytes that are gathered before they are written
_BLOCK = 256  # values that are read at once
_STRIDE = 16  # of so many values the place of the first is known; each begins with its length
_LENGTH = Struct("<I")
_PICKLED = b"\xc1"  # a byte with which no MessagePack begins
_ENCODER = msgspec.msgpack.Encoder()


class Spool(Sequence[T]):
    """Values of one type that msgspec can encode, in the order in which they were appended.

    ``large``: a value may have megabytes.  Of a value in the file, half a byte of memory remains.  It can be read while it grows, any number of times and by
    several threads; only one appends.  Raises `OSError` where the temporary folder is full.
    """

    def __init__(self, type_: type[T], values: Iterable[T] = (), *, large: bool = False) -> None:
        self._most = _LARGE_IN_MEMORY if large else IN_MEMORY
        self._decoder = decoder(type_)
        self._few: list[T] = []
        self._file: IO[bytes] | None = None
        self._pending = bytearray()
        self._written = 0  # bytes in the file
        self._count = 0
        self._starts = array("Q")
        self._lock = Lock()
        self.extend(values)

    def append(self, value: T) -> None:
        """Take in a value."""
        if self._file is None:
            self._few.append(value)
            if len(self._few) > self._most:
                self._spill()
            return
        self._write(value)

    def extend(self, values: Iterable[T]) -> None:
        """Take in several values."""
        for value in values:
            self.append(value)

    def sealed(self) -> Sequence[T]:
        """All values as a sequence that does not change any more: a tuple where they are few."""
        return tuple(self._few) if self._file is None else self

    def _spill(self) -> None:
        # It has no name on the disk (or none that stays), and ends with this object.
        self._file = tempfile.TemporaryFile(prefix="dcmlint-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        few, self._few = self._few, []
        for value in few:
            self._write(value)

    def _write(self, value: T) -> None:
        try:
            raw = _ENCODER.encode(value)
        except UnicodeEncodeError:
            # The name of a file that is not UTF-8.
            raw = _PICKLED + pickle.dumps(value)
        with self._lock:
            if not self._count % _STRIDE:
                self._starts.append(self._written + len(self._pending))
            self._pending += _LENGTH.pack(len(raw))
            self._pending += raw
            self._count += 1
            if len(self._pending) >= _PENDING:
                self._flush()

    def _flush(self) -> None:
        assert self._file is not None
        self._file.seek(self._written)
        self._file.write(self._pending)
        self._written += len(self._pending)
        self._pending.clear()

    def _read(self, first: int, last: int) -> list[T]:
        """The values from one number up to another, which is not read."""
        assert self._file is not None
        block, after = first // _STRIDE, -(-last // _STRIDE)
        start = self._starts[block]
        with self._lock:
            if after < len(self._starts):
                end = self._starts[after]
            else:
                end = self._written + len(self._pending)
            if end > self._written:
                self._flush()
            self._file.seek(start)
            data = memoryview(self._file.read(end - start))
        values = []
        place = 0
        for number in range(block * _STRIDE, last):
            (size,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size
            if number >= first:
                values.append(self._decoded(data[place : place + size]))
            place += size
        return values

    def _decoded(self, raw: memoryview) -> T:
        if raw[:1] == _PICKLED:
            value: T = pickle.loads(raw[1:])
            return value
        return self._decoder.decode(raw)

    def __len__(self) -> int:
        return len(self._few) if self._file is None else self._count

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return self._few[number] if self._file is None else self._read(number, number + 1)[0]

    def __iter__(self) -> Iterator[T]:
        number = 0
        while number < len(self):
            if self._file is None:
                yield self._few[number]
                number += 1
                continue
            last = min(number + _BLOCK, len(self))
            yield from self._read(number, last)
            number = last

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} values>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process gets the values themselves.
        return tuple, (list(self),)


class SpooledMapping(Mapping[str, T]):
    """Large values by name, in the order in which they were put in; they wait in a `Spool`."""

    def __init__(self, type_: type[T]) -> None:
        self._values = Spool(type_, large=True)
        self._numbers: dict[str, int] = {}

    def put(self, name: str, value: T) -> None:
        """Take in a value; of a name that is there already it is the new one."""
        self._numbers[name] = len(self._values)
        self._values.append(value)

    def __getitem__(self, name: str) -> T:
        return self._values[self._numbers[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process gets the values themselves.
        return dict, (dict(self),)
