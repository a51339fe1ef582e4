"""The key of hashes (`dcmlint.archive.keyed`) is 32 random bytes in a file that only its owner can read.

``key`` in the folder of results, or one that is kept apart from it.  What was hashed by the same key can be compared: the
shards of a run, its second pass, and later runs.
"""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from pathlib import Path

from dcmlint.errors import UsageError

NAME = "key"
_BYTES, _LEAST = 32, 16
_MOST = 64  # the longest key that BLAKE2b takes (RFC 7693)
_SIZE = 8  # bytes of a name


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
