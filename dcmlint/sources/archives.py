"""The members of ZIP and tar archives, in one pass over the archive.

Each member becomes an input, or is named with the reason why it cannot be read: nothing that was there is passed over.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from lzma import LZMAError
from typing import IO, Any

from dcmlint.errors import InputError
from dcmlint.sources.archive_kind import COMPRESSED, SUFFIXES, Kind, kind_of
from dcmlint.sources.input import Input, Selection
from dcmlint.sources.spool import MAX_SPOOLED, most_unpacked, size_text, spooled
from dcmlint.sources.tar_headers import NotingTar
from dcmlint.sources.zip_headers import ENCRYPTED, local_members
from dcmlint.sources.zip_streams import opened

_BLOCK = 512
_DRAIN = 1 << 20
# A header that cannot be read is looked for again, block by block, over this many bytes; then the rest is given up.
_SEARCH = 256 << 20
# A sparse member is read up to this size (bytes): its holes take no room in the archive.
_MAX_SPARSE = 64 << 20

DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, ValueError, KeyError, RuntimeError,
    NotImplementedError, OSError,
)  # fmt: skip


def members(path: str, kind: Kind, selection: Selection) -> Iterator[Input]:
    """The members of an archive in their order; two of one name are told apart by a number."""
    names: dict[str, int] = {}

    def shown(name: str) -> str:
        count = names[name] = names.get(name, 0) + 1
        return f"{path}!/{name}" if count == 1 else f"{path}!/{name} ({count})"

    read = _zip_members if kind == "zip" else _tar_members
    try:
        yield from read(path, selection, shown)
    except DAMAGE as error:
        yield _problem(path, f"damaged archive: {_reason(error)}; what follows in it was not checked")
    except InputError as error:
        yield _problem(path, f"{error}; what follows in the archive was not checked")


def _reason(error: BaseException) -> str:
    """Words for what a library raised: never its text, which may hold names or bytes of the archive."""
    if isinstance(error, EOFError):
        return "it ends early"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
        return "wrong CRC"
    words: dict[type[BaseException], str] = {
        zlib.error: "compressed data is damaged",
        LZMAError: "compressed data is damaged",
    }
    found = words.get(type(error))
    return found or f"the archive is damaged ({type(error).__name__})"


def _problem(path: str, problem: str) -> Input:
    return Input(path=path, kind="problem", named=True, problem=problem)


def _member(path: str, read: Callable[[int], bytes], size: int, limit: int = MAX_SPOOLED) -> Input:
    """A member that must be unpacked; ``size`` is what the archive says of it, ``limit``: what it may unpack to (bytes)."""
    try:
        made = spooled(path, read, limit=limit)
        if made.kind == "bytes" and made.size < min(size, _BLOCK):
            raise EOFError
    except DAMAGE as error:
        return _problem(path, _reason(error))
    except InputError as error:
        return _problem(path, str(error))
    return made


def _is_archive(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _zip_members(path: str, selection: Selection, shown: Callable[[str], str]) -> Iterator[Input]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE:
        yield from _without_directory(path, selection, shown)
        return
    with archive:
        for info in archive.infolist():
            if info.is_dir() or not selection.takes(info.filename):
                continue
            name = shown(info.filename)
            if refused := _refused(info.filename, info.flag_bits):
                yield _problem(name, refused)
                continue
            try:
                with opened(archive, info) as read:
                    made = _member(name, read, info.file_size, most_unpacked(info.compress_size))
            except DAMAGE as error:
                made = _problem(name, _reason(error))
            yield made


def _refused(name: str, flags: int) -> str:
    """Why a member of a ZIP archive is not read; nothing where it is."""
    if flags & ENCRYPTED:
        return "an encrypted member"
    return "an archive in an archive: unpack it to check it" if _is_archive(name) else ""


def _without_directory(path: str, selection: Selection, shown: Callable[[str], str]) -> Iterator[Input]:
    yield _problem(
        path, "damaged archive: no directory can be read; its members are taken from their local headers"
    )
    with open(path, "rb") as stream:
        for member in local_members(stream):
            if member.name.endswith("/") or not selection.takes(member.name):
                continue
            name = shown(member.name)
            if refused := _refused(member.name, member.flags):
                yield _problem(name, refused)
            elif not member.readable:
                yield _problem(name, "where it ends stands in the directory alone")
            else:
                packed = os.path.getsize(path) if member.packed is None else member.packed
                yield _member(name, member.read, member.size or 0, most_unpacked(packed))


def _tar_members(path: str, selection: Selection, shown: Callable[[str], str]) -> Iterator[Input]:
    # Members of a tar that is not compressed are read where they stand.
    size = os.path.getsize(path)
    packed = kind_of(path) in COMPRESSED
    limit = most_unpacked(size) if packed else MAX_SPOOLED
    with NotingTar.open(path, ignore_zeros=True) as tape:
        noting: Any = tape
        for member in tape:
            noting.members = []  # tarfile remembers every member
            yield from _damage(path, noting)
            if packed and member.offset_data + member.size > limit:
                yield _problem(
                    shown(member.name),
                    f"it ends behind the first {size_text(limit)}, the limit for what is unpacked",
                )
                raise InputError(f"more than {size_text(limit)}, the limit for what is unpacked")
            if not member.isdir() and selection.takes(member.name):
                yield _tar_member(tape, member, shown(member.name), path, 0 if packed else size)
            if noting.lost > _SEARCH:
                break
        yield from _damage(path, noting)
        if not noting.ended and not noting.lost:
            yield _problem(path, "the archive ends without its end marker: it may be cut")
        stream: IO[bytes] = noting.fileobj
        while stream.tell() <= limit and stream.read(
            _DRAIN
        ):  # to the end: the checksum of what is compressed stands there
            pass


def _damage(path: str, noting: Any) -> Iterator[Input]:
    for start, end in noting.take_damage():
        yield _problem(path, f"damaged archive: no member header can be read in bytes {start} to {end}")


def _tar_member(
    tape: tarfile.TarFile, member: tarfile.TarInfo, name: str, container: str, room: int
) -> Input:
    """One member; ``room``: bytes of the archive where members can be read where they stand, else 0."""
    if member.issym() or member.islnk():
        return Input(path=name, kind="skipped", problem="a link in an archive")
    if not member.isfile():
        return Input(path=name, kind="skipped", problem="a device in an archive")
    if _is_archive(member.name):
        return _problem(name, "an archive in an archive: unpack it to check it")
    if member.issparse():
        if member.size > _MAX_SPARSE:
            return _problem(name, "a sparse member of more than 64 MiB")
    elif room:
        if member.offset_data + member.size > room:
            return _problem(name, "the archive ends within it")
        return Input(path=name, kind="part", container=container, offset=member.offset_data, size=member.size)
    stream = tape.extractfile(member)
    return (
        _member(name, stream.read, member.size)
        if stream is not None
        else _problem(name, "not a regular file")
    )
