"""Bytes that are copied, named by their place."""

from __future__ import annotations

import msgspec


class Span(msgspec.Struct, frozen=True):
    """Bytes of the source, ``start`` up to ``end``, that are copied and never looked at."""

    start: int
    end: int


Part = bytes | Span
