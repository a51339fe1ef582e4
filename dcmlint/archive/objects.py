"""Keys as Arrow batches, and a digest of what they say of their contents."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from dcmlint.archive.schema import KEYS
from dcmlint.sources.key import Key


def batch_of(keys: Iterable[Key]) -> pa.RecordBatch:
    """Keys as a batch of `KEYS`."""
    listed = list(keys)
    return pa.RecordBatch.from_arrays(
        [pa.array([getattr(key, field.name) for key in listed], field.type) for field in KEYS], schema=KEYS
    )


def keys_of(batch: Any) -> list[Key]:
    """The keys of a batch or table, whose only required column is ``key``."""
    names = [name for name in KEYS.names if name in batch.schema.names]
    return [
        Key(**{name: value for name, value in row.items() if value is not None})
        for row in batch.select(names).to_pylist()
    ]


def digest_of(batch: pa.RecordBatch) -> str:
    """A digest of what a batch of `KEYS` says of the contents of its objects; empty where one of them does not tell."""
    sizes, times, marks = (batch.column(name) for name in ("size", "modified", "etag"))
    if sizes.null_count or (times.null_count and not all(map(_tells, marks, times))):
        return ""
    return blake2b(batch.serialize(), digest_size=16).hexdigest()


def _tells(mark: Any, time: Any) -> bool:
    return bool(mark.as_py()) or time.is_valid
