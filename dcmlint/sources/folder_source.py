"""Files and folders of this machine as a source of keys."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from itertools import dropwhile
from urllib.parse import quote_from_bytes, unquote_to_bytes

from dcmlint.dicom.buffers import Buffer
from dcmlint.errors import InputError
from dcmlint.sources.archive_kind import archive_kind
from dcmlint.sources.input import Input, Selection
from dcmlint.sources.inputs import list_inputs, open_input
from dcmlint.sources.key import Key, Usage

# Names that are no UTF-8 become keys that are.
_BYTES = "bytes:"


class FolderSource:
    """The files of paths, as `list_inputs` finds them; archives are opened where they are checked."""

    def __init__(self, paths: Sequence[str], selection: Selection | None = None) -> None:
        self._paths = list(paths)
        given = selection or Selection()
        self._selection = Selection(given.include, given.exclude, given.follow, unpack=False)
        self._inside = given
        self.usage = Usage()

    def listed(self, after: str = "") -> Iterator[Key]:
        """See `Source.listed`."""
        found = (_key(one) for one in list_inputs(self._paths, selection=self._selection))
        if not after:
            yield from found
            return
        rest = dropwhile(lambda key: key.key != after, found)
        if next(rest, None) is None:
            raise InputError(f"{after} was listed before and no longer exists: start a new run")
        yield from rest

    def inputs(self, key: Key) -> Iterator[Input]:
        """See `Source.inputs`."""
        path = path_of(key.key)
        if key.kind == "archive":
            from dcmlint.sources.archives import members

            kind = archive_kind(path)
            if kind:
                yield from members(path, kind, self._inside)
                return
        if key.kind in ("problem", "skipped"):
            yield Input(
                path=path,
                kind="skipped" if key.kind == "skipped" else "problem",
                named=key.named,
                problem=key.note,
            )
        else:
            yield Input(path=path, named=key.named)

    def open(self, one: Input) -> Buffer:
        """See `Source.open`."""
        buffer = open_input(one)
        self.usage.bytes += len(buffer)
        self.usage.requests += 1
        return buffer

    def fetch(self, keys: Sequence[Key]) -> None:
        """Nothing: the files are here."""

    def close(self) -> None:
        """Nothing is held."""


def _key(one: Input) -> Key:
    key = key_of(one.path)
    if one.kind in ("problem", "skipped"):
        return Key(
            key, kind="problem" if one.kind == "problem" else "skipped", named=one.named, note=one.problem
        )
    kind = "archive" if one.kind == "archive" else "object"
    try:
        stat = os.stat(one.path)
    except (OSError, ValueError):
        return Key(key, kind="object", named=one.named)
    modified = datetime.datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1e6, datetime.UTC)
    return Key(key, stat.st_size, modified, kind=kind, named=one.named)  # type: ignore[arg-type]


def key_of(path: str) -> str:
    """A path as a key: itself, unless its name is no UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return _BYTES + quote_from_bytes(os.fsencode(path))
    return path


def path_of(key: str) -> str:
    """The path that a key was made from."""
    return os.fsdecode(unquote_to_bytes(key.removeprefix(_BYTES))) if key.startswith(_BYTES) else key
