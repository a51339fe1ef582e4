"""Keys as Arrow batches, and a digest of what they say of their contents."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from dcmlint.archive.schema import KEYS
from dcmlint.sources.key import Key


def batch_of(keys: Iterable[Key]) -> pa.RecordBatch:
    """Keys as a batch of `KEYS`."""
    return pa.RecordBatch.from_pylist([msgspec.structs.asdict(key) for key in keys], KEYS)


def keys_of(batch: Any) -> list[Key]:
    """The keys of a batch or table, whose only required column is ``key``."""
    names = [name for name in KEYS.names if name in batch.schema.names]
    return [
        Key(**{name: value for name, value in row.items() if value is not None})
        for row in batch.select(names).to_pylist()
    ]


def digest_of(keys: Iterable[Key]) -> str:
    """A digest of what keys say of their contents; empty where one of them does not tell."""
    hashed = blake2b(digest_size=16)
    for key in keys:
        identity = key.identity
        if identity is None:
            return ""
        hashed.update(repr(identity).encode("utf-8", "backslashreplace"))
    return hashed.hexdigest()
