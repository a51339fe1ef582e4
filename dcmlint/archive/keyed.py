"""Hashes of identifying values, made anew with a key: without it nobody can look up a list of known Patient IDs in them.

The key: see `dcmlint.archive.key_file`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from dcmlint.facts.run.entities import Attribute, Said, attributes_of
from dcmlint.facts.run.kept import Kept, image_of

_SIZE = 8  # bytes of a hash: as many as it had
_ENTITIES = ("patient", "study_values", "series_values", "equipment", "reference_frame")


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
