"""A watched folder: the share that a scanner or a converter writes to.

A file is taken when nothing has changed it for a while, by a rename, so that of two watchers one gets it; it goes to
``accepted`` or ``held`` with its verdict beside it, under the path that it had. Nothing is ever overwritten or removed:
each watcher takes into a folder of its own, and a name is claimed by its verdict before the file gets it.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.gate.logs import Log
from dcmlint.gate.open_files import is_being_written
from dcmlint.intake.folder import lock_folder
from dcmlint.intake.verdict import Brief

ACCEPTED, HELD = "accepted", "held"
_TAKEN, _BY = ".dcmlint-taken", "by-"  # in it, a folder for each watcher
_OURS = (ACCEPTED, HELD, _TAKEN)
VERDICT_SUFFIX = ".verdict.json"
# What writers call a file that they have not finished; rename is their signal that it is whole.
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".lock", "~")
_DEPTH = 16
_TRIES = 3


class FileVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a file: ``verdict`` accepted or held, the status that a C-STORE would get, why, findings.

    ``state``: that of the instance in a gate at this moment, which may hold what it has accepted.
    """

    file: str
    verdict: str
    status: str
    why: str
    profile: str
    sop_instance_uid: str = ""
    state: str = ""
    findings: tuple[Brief, ...] = ()


# Of the path of a file and its name in reports; None: it cannot be decided now, and is tried again later.
Decide = Callable[[Path, str], FileVerdict | None]
_Seen = tuple[int, int, int]  # inode, size, time of the last change


class Watcher:
    """Watches one folder; ``settle``: seconds for which a file must not have changed."""

    def __init__(
        self, folder: Path, decide: Decide, *, settle: float, log: Log, clock: Callable[[], float] = monotonic
    ) -> None:  # fmt: skip
        self.folder = folder
        self._decide, self._settle, self._log, self._clock = decide, settle, log, clock
        self._seen: dict[Path, tuple[_Seen, float]] = {}
        self._failed: Counter[Path] = Counter()
        self.held = 0
        self._mine = folder / _TAKEN / f"{_BY}{os.urandom(4).hex()}"
        self._lock: int | None = None  # of that folder: what is in one that nobody holds was left behind
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="gate-watch", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End, after the file that is being decided."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def run(self) -> None:
        """Watch in this thread until ``end``."""
        self._run(self._watch)

    def run_once(self) -> None:
        """Decide in this thread what is there, until no file waits or ``end``."""
        self._run(self._drain)

    def end(self) -> None:
        """Have ``run`` end."""
        self._stop.set()

    @property
    def waiting(self) -> bool:
        """Whether files are there that were not decided and not given up, and nobody wants an end."""
        return len(self._seen) > len(self.given_up) and not self._stop.is_set()

    @property
    def given_up(self) -> list[Path]:
        """Files that could not be decided or moved several times; they are tried again all the same."""
        return [path for path in self._seen if self._failed[path] >= _TRIES]

    def look(self) -> int:
        """One look at the folder: what has settled is decided; gives how many files were."""
        decided = 0
        now = self._clock()
        seen: dict[Path, tuple[_Seen, float]] = {}
        for path, state in self._files():
            before = self._seen.get(path)
            since = before[1] if before is not None and before[0] == state else now
            seen[path] = (state, since)
        self._seen = seen
        for path in sorted(path for path, (_, since) in seen.items() if now - since >= self._settle):
            if self._stop.is_set():
                break
            if is_being_written(path):  # its writer only pauses
                seen[path] = (seen[path][0], self._clock())
            elif self._take(path, seen[path][0]):
                decided += 1
                self._seen.pop(path, None)
                self._failed.pop(path, None)
            else:  # it waits as if it had changed: a share that is full is not asked without a pause
                self._failed[path] += 1
                seen[path] = (seen[path][0], self._clock())
        return decided

    def recover(self) -> None:
        """Put back what an earlier process had taken and not decided."""
        taken = self.folder / _TAKEN
        if not taken.is_dir():
            return
        for top in sorted(taken.iterdir()):
            if top == self._mine:
                continue
            if not top.is_dir():
                _move(top, self.folder / top.name)
                continue
            try:
                lock = lock_folder(top)
            except BlockingIOError:
                continue  # another watcher decides what is in there
            base = top if top.name.startswith(_BY) else taken
            for path, _ in _walk(top, 1):
                _move(path, self.folder / path.relative_to(base))
            _remove_empty(top)
            if lock is not None:
                os.close(lock)

    # --- one file ----------------------------------------------------------------------------------

    def _run(self, work: Callable[[], None]) -> None:
        try:
            self.recover()
            work()
        finally:
            _remove_empty(self._mine)
            if self._lock is not None:
                os.close(self._lock)

    def _drain(self) -> None:
        self.look()
        while self.waiting:
            self._stop.wait(min(0.2, self._settle / 4 + 0.01))
            self.look()

    def _watch(self) -> None:
        while not self._stop.wait(min(1.0, max(self._settle / 4, 0.05))):
            try:
                self.look()
            except OSError as error:  # a share that is away for a while
                self._log("watched folder", level="warning", folder=self.folder.name, error=error.strerror)

    def _take(self, path: Path, state: _Seen) -> bool:
        name = path.relative_to(self.folder)
        taken = self._mine / name
        try:
            taken.parent.mkdir(parents=True, exist_ok=True)
            self._hold()
            os.rename(path, taken)
        except FileNotFoundError:
            return False  # another watcher has it, or its writer took it away
        try:
            # Whoever still writes has not closed it: a rename does not stop that.
            verdict = self._decide(taken, str(name)) if _state(taken) == state else None
            if verdict is None or _state(taken) != state:
                _move(taken, path)
                return False
            os.rename(taken, _claimed(self.folder / verdict.verdict / name, verdict))
        except OSError as error:
            self._log(
                "watched file", level="warning", error=error.strerror
            )  # a file name can be that of a patient
            _move(taken, path)
            return False
        self.held += verdict.verdict == HELD
        level = "info" if verdict.verdict == ACCEPTED else "warning"
        uid = verdict.sop_instance_uid
        self._log("watched file", level=level, uid=uid, verdict=verdict.verdict, why=verdict.why)
        return True

    def _hold(self) -> None:
        """Lock our folder, once it is there: again where another watcher took it for one that was left."""
        if self._lock is not None and os.fstat(self._lock).st_nlink:
            return
        if self._lock is not None:
            os.close(self._lock)
        self._lock = lock_folder(self._mine)

    def _files(self) -> Iterator[tuple[Path, _Seen]]:
        for path, state in _walk(self.folder, 0):
            if path.relative_to(self.folder).parts[0] not in _OURS:
                yield path, state


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, _Seen]]:
    """Regular files that are whole by their names; no link is followed."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except FileNotFoundError:
        return
    for entry in found:
        if entry.name.startswith(".") or entry.name.lower().endswith((*_UNFINISHED, VERDICT_SUFFIX)):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH and not (depth == 0 and entry.name in _OURS):
                    yield from _walk(Path(entry.path), depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path), _state(Path(entry.path))
        except OSError:
            continue  # gone in the meantime


def _state(path: Path) -> _Seen:
    found = os.lstat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _free(path: Path) -> Iterator[Path]:
    """The path, and then the path with numbers, as far as nothing stands there; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        free = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not os.path.lexists(free):
            yield free


def _move(path: Path, target: Path) -> None:
    """Put a file back under its name, or beside what has come there since."""
    try:
        next(free for free in _free(target) if _renamed(path, free))
    except FileNotFoundError:
        pass


def _claimed(path: Path, verdict: FileVerdict) -> Path:
    """A free path whose verdict is written: who sees the verdict sees all of it, and another watcher takes another path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{os.urandom(4).hex()}.tmp")
    try:
        made.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")
        return next(
            free for free in _free(path) if _renamed(made, free.with_name(free.name + VERDICT_SUFFIX))
        )
    except OSError:
        made.unlink(missing_ok=True)
        raise


def _renamed(path: Path, target: Path) -> bool:
    """Rename a file unless something has the name already; whether it has it now."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:  # a share without hard links
        if os.path.lexists(target):
            return False
        os.rename(path, target)
        return True
    os.unlink(path)
    return True


def _remove_empty(folder: Path) -> None:
    """Remove folders in which there is nothing."""
    for where, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(where)
