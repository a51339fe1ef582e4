"""Decoders of MessagePack, each made once and under one lock.

msgspec 0.22 looks at a type when it is first decoded, and crashes the interpreter where two threads do that at the
same time; a decoder that is made is safe to share.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")
_LOCK = threading.Lock()
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def decoder(type_: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """The decoder for a type."""
    found = _decoders.get(type_)
    if found is None:
        with _LOCK:
            found = _decoders.get(type_)
            if found is None:
                found = _decoders[type_] = msgspec.msgpack.Decoder(type_)
    return found
