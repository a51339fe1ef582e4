"""Which numbers belong together: those that are joined, directly or by others between."""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections.abc import Iterator
from types import TracebackType

_BYTES = 8  # of a number
_AT_ONCE = 1 << 16


class Joined:
    """The numbers from 0 to ``count``, each alone at first; the label of a group is its least number.

    Held in a temporary file of 8 bytes a number, of which the system keeps in memory what there is room for.  Raises
    OSError where there is no room for it.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        for start in range(0, count, _AT_ONCE):
            self._file.write(array("Q", range(start, min(count, start + _AT_ONCE))))
        self._file.flush()
        self._map = mmap.mmap(self._file.fileno(), count * _BYTES) if count else None
        self._leaders = memoryview(self._map or b"").cast("Q")

    def __enter__(self) -> Joined:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:  # fmt: skip
        self._leaders.release()
        if self._map is not None:
            self._map.close()
        self._file.close()

    def join(self, one: int, other: int) -> None:
        """Put the groups of two numbers together."""
        low, high = self.label(one), self.label(other)
        if low > high:
            low, high = high, low
        self._leaders[high] = low

    def label(self, number: int) -> int:
        """The least number of a group."""
        leaders = self._leaders
        above = leaders[number]
        while above != number:
            leaders[number] = above = leaders[above]
            number, above = above, leaders[above]
        return number

    def labels(self) -> Iterator[list[int]]:
        """The labels of all numbers in their order, some at a time."""
        for start in range(0, self._count, _AT_ONCE):
            yield [self.label(number) for number in range(start, min(self._count, start + _AT_ONCE))]
