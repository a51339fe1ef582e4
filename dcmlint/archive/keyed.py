"""Hashes of identifying values, made anew with a key: without it nobody can look up a list of known Patient IDs in them.

The key is 32 random bytes in a file that only its owner can read: ``key`` in the folder of results, or one that is kept apart
from it.  What was hashed by the same key can be compared: the shards of a run, its second pass, and later runs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from dcmlint.errors import UsageError
from dcmlint.facts.run.entities import Attribute, Said, attributes_of
from dcmlint.facts.run.kept import Kept, image_of

NAME = "key"
_BYTES, _LEAST = 32, 16
_MOST = 64  # the longest key that BLAKE2b takes (RFC 7693)
_SIZE = 8  # bytes of a hash: as many as it had
_ENTITIES = ("patient", "study_values", "series_values", "equipment", "reference_frame")


def read_key(folder: Path, file: str = "") -> bytes:
    """The key of a folder of results, made when there is none; ``file``: that of another place, which must be there.

    Raises `UsageError` where it cannot be read or made, or has fewer than 16 or more than 64 bytes.
    """
    path = Path(file) if file else folder / NAME
    try:
        if not file and not path.exists():
            write_key(path, secrets.token_bytes(_BYTES))
        with path.open("rb") as handle:
            key = handle.read(_MOST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or 'cannot be read or written'}") from None
    if not _LEAST <= len(key) <= _MOST:
        raise UsageError(f"{path}: a key has {_LEAST} to {_MOST} bytes, such as 32 bytes of /dev/urandom")
    return key


def write_key(path: Path, key: bytes) -> None:
    """Write a key that only its owner can read.  Raises OSError."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(key)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def name_of(key: bytes) -> str:
    """What tells a key from others without telling it; "" for none."""
    return blake2b(b"dcmlint key", key=key, digest_size=_SIZE).hexdigest() if key else ""


def keyed(kept: Kept, key: bytes) -> Kept:
    """What is kept of an instance, each hash of a value made anew with the key."""
    changes: dict[str, Any] = {name: _entity(getattr(kept, name), key) for name in _ENTITIES}
    image = image_of(kept)
    if image is not None:
        changes["image"] = msgspec.msgpack.encode(_within(image, lambda said: _said(said, key)))
    if kept.material is not None:
        changes["material"] = _within(kept.material, lambda said: _said(said, key))
    return msgspec.structs.replace(kept, **changes)


def _said(said: Said, key: bytes) -> Said:
    """Empty stays empty: that says nothing of a value."""
    return said if said.empty else Said(blake2b(said.key, key=key, digest_size=_SIZE).digest(), said.text)


@lru_cache(maxsize=4096)
def _entity(packed: bytes, key: bytes) -> bytes:
    if not packed:
        return packed
    return msgspec.msgpack.encode([Attribute(one.tag, _said(one.said, key)) for one in attributes_of(packed)])


def _within(value: Any, change: Callable[[Said], Said]) -> Any:
    """A value with each `Said` in it changed."""
    if isinstance(value, Said):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_within(one, change) for one in value)
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **{name: _within(one, change) for name, one in fields.items()})
    return value
