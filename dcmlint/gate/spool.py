"""The spool: a folder with the bytes of instances, locked by one gate, and the reserve that keeps it working.

``data/`` holds ``*.part`` while an instance comes in and ``*.dcm`` once it is whole, ``*.repaired`` beside what was
repaired; ``journal.sqlite`` is beside it. A file is renamed within its folder, and the folder synchronised, before its row is
written: once for all rows of a commit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from dcmlint.errors import InputError, UsageError
from dcmlint.intake import part10
from dcmlint.intake.part import discard

PART, WHOLE, REPAIRED = ".part", ".dcm", ".repaired"
_RESERVE_BYTES = 8 << 20
# Names of file systems (/proc/mounts) where a lock or a sync may be another machine's, or nobody's.
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ncpfs"})
_CHUNK = 1 << 20


class Spool:
    """The folder of one gate; ``close`` gives it back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.journal = journal_in(folder)
        self._reserve = folder / "reserve"
        self.reserve_given = (
            False  # until there is space for a new one, nothing is taken that would eat this one
        )
        make_folder(folder)
        make_folder(self.data)
        local_file_system(folder)
        own(folder)
        self._lock = _locked(folder / "lock")
        self._names = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.make_reserve()

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._names)
        os.close(self._lock)

    def path(self, file: str) -> Path:
        """Where a file of the spool is."""
        return self.data / file

    def keep(self, part: Path) -> str:
        """Give a received file, whose bytes are safe, its name for good; gives the name. Raises ``OSError``.

        The name outlives a power cut after ``names_safe``.
        """
        path = str(part)  # as text: paths that are joined cost as much as the call into the system
        whole = os.path.splitext(path)[0] + WHOLE
        os.replace(path, whole)
        return os.path.basename(whole)

    def names_safe(self) -> None:
        """Have the names of all files outlive a power cut. Raises ``OSError``."""
        os.fsync(self._names)

    def remove(self, file: str) -> None:
        """Remove a file that may be gone already."""
        discard(str(self.data / file))

    def names(self) -> list[str]:
        """The files that are there; a link is none of ours."""
        with os.scandir(self.data) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))

    def free(self) -> int:
        """Bytes that can still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def make_reserve(self) -> None:
        """Keep some space that only the journal gets, when there is none left."""
        with contextlib.suppress(OSError):
            if not self._reserve.exists():
                if self.free() < 2 * _RESERVE_BYTES:
                    return
                with self._reserve.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)
            self.reserve_given = False

    def give_reserve(self) -> None:
        """Free the reserve: without it what was delivered could not be written, and no space would ever be freed."""
        if self._reserve.exists():
            self.reserve_given = True
            discard(str(self._reserve))


def journal_in(spool: Path) -> Path:
    """Where the journal of a spool is."""
    return spool / "journal.sqlite"


def read_identity(path: Path) -> part10.FileMeta:
    """What the File Meta Information of a file in the spool says; ``InputError`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(2 * part10.MAX_META_BYTES)
        found = part10.parse_file_meta(head, whole=True)
    except OSError as error:
        raise InputError(f"{path.name}: {error.strerror}") from error
    except part10.NoFileMetaError as error:
        raise InputError(f"{path.name}: {error}") from error
    if found is None:
        raise InputError(f"{path.name}: no File Meta Information")
    return found


def digest(path: Path, offset: int) -> tuple[str, int]:
    """SHA-256 and length of the data set of a file, which begins at ``offset``. Raises ``OSError``."""
    made = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(_CHUNK):
            made.update(piece)
            size += len(piece)
    return made.hexdigest(), size


def make_folder(folder: Path) -> None:
    """Make a folder that nobody else reads; ``UsageError`` where that is not possible."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None


def own(folder: Path) -> None:
    """``UsageError`` for what of a spool this user cannot write: what another user made in it, with `gate check`, say."""
    for path in (
        folder,
        folder / "data",
        *folder.glob(f"{journal_in(folder).name}*"),
        folder / "lock",
        folder / "reserve",
    ):
        if os.path.lexists(path) and not os.access(path, os.R_OK | os.W_OK):
            raise UsageError(f"{path}: cannot be read and written by this user")


def local_file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, as `file_system` gives it; ``UsageError`` for one that a spool cannot be on."""
    kind = file_system(folder)
    if kind in _REMOTE:
        raise UsageError(
            f"{folder} is on {kind}: neither locks nor syncs hold there; use a local or replicated block device"
        )
    return kind


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, as /proc/mounts names it; empty where nothing says so."""
    best, kind = "", ""
    where = str(folder.resolve())
    for mounted, name in _mounts():
        under = where == mounted or where.startswith(mounted.rstrip("/") + "/")
        if under and len(mounted) >= len(best):
            best, kind = mounted, name
    return kind


def _mounts() -> Iterator[tuple[str, str]]:
    try:
        text = Path("/proc/mounts").read_text(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) >= 3:
            yield fields[1].replace("\\040", " "), fields[2]


def _locked(path: Path) -> int:
    """Hold the lock of a spool; ``UsageError`` where another gate holds it."""
    import fcntl  # POSIX only, as the gate is

    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(fd, 64, 0).decode("ascii", "replace").strip()
        os.close(fd)
        raise UsageError(
            f"{path.parent}: another gate uses this spool (process {owner or 'unknown'})"
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
