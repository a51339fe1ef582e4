"""New bytes made of old ones: what is copied is named by its place, and only what is new is held in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dcmlint.dicom.buffers import Buffer, WholeBuffer, Window
from dcmlint.dicom.spans import Part, Span

if TYPE_CHECKING:
    from dcmlint.dicom.encapsulation import Fragments

# The largest window that is joined where a piece ends; a window must hold 16 bytes (`Buffer.window`).
_JOINED = 1 << 16
_LEAST_WINDOW = 16
_FEW = 1 << 26  # bytes that are joined to be read


class Pieces:
    """Parts in their order, neighbors joined; ``size`` is the sum of their bytes."""

    __slots__ = ("parts", "size")

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self.parts: list[Part] = []
        self.size = 0
        for part in parts:
            self.add(part)

    def add(self, part: Part) -> None:
        """Put a part behind the others."""
        last = self.parts[-1] if self.parts else None
        if isinstance(part, Span):
            if part.end <= part.start:
                return
            self.size += part.end - part.start
            if isinstance(last, Span) and last.end == part.start:
                self.parts[-1] = Span(last.start, part.end)
            else:
                self.parts.append(part)
        elif part:
            self.size += len(part)
            if isinstance(last, bytes) and len(last) < _JOINED:
                self.parts[-1] = last + part
            else:
                self.parts.append(part)

    def extend(self, other: Pieces) -> None:
        """Put all parts of another behind."""
        for part in other.parts:
            self.add(part)


class PieceBuffer:
    """The bytes that pieces of another buffer make, without making them."""

    __slots__ = ("_ends", "_size", "known", "parts", "source")

    def __init__(self, source: Buffer, pieces: Pieces, known: tuple[int, Fragments] | None = None) -> None:
        """``source`` may itself be made of pieces: then those of its own source are taken.

        ``known``: fragments that were read of the source, and the byte at which their value begins.
        """
        if isinstance(source, PieceBuffer) and known is None:
            known = source.known
        self.known: tuple[int, Fragments] | None = known
        if isinstance(source, PieceBuffer):
            resolved = Pieces()
            for part in pieces.parts:
                for one in source.resolve(part) if isinstance(part, Span) else (part,):
                    resolved.add(one)
            source, pieces = source.source, resolved
        self.source: Buffer = source
        self.parts: Sequence[Part] = pieces.parts
        self._ends: list[int] = []
        total = 0
        for part in self.parts:
            total += part.end - part.start if isinstance(part, Span) else len(part)
            self._ends.append(total)
        self._size = total

    def __len__(self) -> int:
        return self._size

    def resolve(self, span: Span) -> Iterator[Part]:
        """The parts, of the source, that lie between two bytes."""
        start, end = max(0, span.start), min(span.end, self._size)
        number = bisect_right(self._ends, start)
        while start < end:
            part, upto = self.parts[number], min(end, self._ends[number])
            begin = self._ends[number - 1] if number else 0
            if isinstance(part, Span):
                yield Span(part.start + start - begin, part.start + upto - begin)
            else:
                yield part[start - begin : upto - begin]
            start, number = upto, number + 1

    def known_fragments(self, start: int) -> Fragments | None:
        """The fragments of a value that begins at ``start``, where they were read of the source and are copied whole."""
        if self.known is None or not 0 <= start < self._size:
            return None
        from dcmlint.dicom.encapsulation import moved

        begin, fragments = self.known
        number = bisect_right(self._ends, start)
        part, first = self.parts[number], self._ends[number - 1] if number else 0
        if not isinstance(part, Span) or part.start + start - first != begin or part.end < fragments.end:
            return None
        return moved(fragments, start - begin)

    def sources(self, start: int, end: int) -> Iterator[tuple[Buffer, int, int]]:
        """Where the copied bytes between two places lie in the source (see `byte_ranges.release_pages`)."""
        for part in self.resolve(Span(start, end)):
            if isinstance(part, Span):
                yield self.source, part.start, part.end

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        found = [
            self.source[one.start : one.end] if isinstance(one, Span) else one
            for one in self.resolve(Span(start, stop))
        ]
        return found[0] if len(found) == 1 else b"".join(found)

    def window(self, position: int) -> tuple[Window, int]:
        """See `Buffer.window`: that of the source where a piece of it goes on, else bytes that are joined."""
        number = bisect_right(self._ends, position)
        if number < len(self._ends) and self._ends[number] - position >= _LEAST_WINDOW:
            part = self.parts[number]
            begin = self._ends[number - 1] if number else 0
            if not isinstance(part, Span):
                return part, begin
            window, base = self.source.window(part.start + position - begin)
            limit = min(base + len(window), part.end)
            if limit - (part.start + position - begin) >= _LEAST_WINDOW:
                first = max(base, part.start)
                return memoryview(window)[first - base : limit - base], first - part.start + begin
        end = min(self._size, position + _JOINED)
        return self[position:end], position

    def close(self) -> None:
        """Nothing: the source belongs to who opened it."""


def opened(buffer: PieceBuffer) -> Buffer:
    """The same bytes for a reader: joined where they are few, since whole buffers are read faster."""
    return WholeBuffer(buffer[0 : len(buffer)]) if len(buffer) <= _FEW else buffer
