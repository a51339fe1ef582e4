"""One object of a source, as its listing gives it, and what a source is."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from dcmlint.dicom.buffers import Buffer
from dcmlint.sources.input import Input

Kind = Literal["object", "archive", "problem", "skipped"]


class Key(msgspec.Struct, frozen=True):
    """An object: its key (a path, or the name in a store), size in bytes, and what tells whether it has changed.

    ``kind``: ``archive`` is opened as ZIP or tar; ``problem`` cannot be read, ``skipped`` nobody wants to read: ``note``
    says why; of an object, it is what its source needs to open it.  ``named``: somebody named it, so that it is a finding if it is no DICOM.
    """

    key: str
    size: int | None = None
    modified: datetime.datetime | None = None
    etag: str = ""
    kind: Kind = "object"
    named: bool = False
    note: str = ""

    @property
    def identity(self) -> tuple[Any, ...] | None:
        """What stays the same while the content does; None where nothing tells."""
        mark = self.etag or self.modified
        return (
            None if mark is None or self.size is None else (self.key, self.size, mark, self.kind, self.named)
        )


class Usage(msgspec.Struct):
    """What was read: bytes, and requests to a server."""

    bytes: int = 0
    requests: int = 0


class Source(Protocol):
    """Where objects come from: lists keys in an order of its own, the same each time, and opens them."""

    usage: Usage

    def listed(self, after: str = "") -> Iterator[Key]:
        """The keys, one at a time; those behind ``after``, which was listed before.  Raises `InputError`."""
        ...

    def inputs(self, key: Key) -> Iterator[Input]:
        """What is to be checked of an object: itself, or the members of an archive."""
        ...

    def open(self, one: Input) -> Buffer:
        """The bytes of an input.  Raises `InputError` with the reason, without the path."""
        ...

    def fetch(self, keys: Sequence[Key]) -> None:
        """Objects that will be opened next, so that what is far can be on its way."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...
