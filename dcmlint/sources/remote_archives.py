"""Archives that lie in a store: copied to a temporary file, whose members are inputs as those of a local archive are."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator

import msgspec

from dcmlint.errors import InputError
from dcmlint.sources.archive_kind import SUFFIXES, archive_kind
from dcmlint.sources.input import Input, Selection
from dcmlint.sources.spool import MAX_SPOOLED, size_text

# How much of the free space of the temporary folder an archive may take.
_SHARE = 0.5


def is_archive_name(name: str) -> bool:
    """Whether an object is looked into if its bytes agree."""
    return name.lower().endswith(SUFFIXES)


def remote_members(url: str, pieces: Iterable[bytes], selection: Selection) -> Iterator[Input]:
    """The members of the archive that ``pieces`` are; none if they are no archive, in spite of the name.

    The temporary file is removed when the next input is asked for after the last, and each input must be read before the
    next is asked for.  Raises `InputError` where there is no room, and what ``pieces`` raises.
    """
    from dcmlint.sources.archives import members

    with tempfile.TemporaryDirectory(prefix="dcmlint-") as folder:
        suffix = next(one for one in SUFFIXES if url.lower().endswith(one))
        path = os.path.join(folder, f"archive{suffix}")
        limit = min(MAX_SPOOLED, int(shutil.disk_usage(folder).free * _SHARE))
        with open(path, "wb") as file:
            for piece in pieces:
                if file.tell() + len(piece) > limit:
                    raise InputError(f"more than {size_text(limit)}, the limit for what is unpacked")
                file.write(piece)
        kind = archive_kind(path)
        for one in members(path, kind, selection) if kind else ():
            yield msgspec.structs.replace(one, path=url + one.path.removeprefix(path))
