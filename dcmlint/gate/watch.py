"""A watched folder: the share that a scanner or a converter writes to.

A file is taken when nothing has changed it for a while, by a rename, so that of two watchers one gets it; it goes to
``accepted`` or ``held`` with its verdict beside it, under the path that it had. Nothing is ever overwritten or removed.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.gate.logs import Log
from dcmlint.intake.verdict import Brief

ACCEPTED, HELD = "accepted", "held"
_TAKEN = ".dcmlint-taken"
_OURS = (ACCEPTED, HELD, _TAKEN)
VERDICT_SUFFIX = ".verdict.json"
# What writers call a file that they have not finished; rename is their signal that it is whole.
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart", ".lock", "~")
_DEPTH = 16
_TRIES = 3


class FileVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a file: ``verdict`` accepted or held, the status that a C-STORE would get, why, findings."""

    file: str
    verdict: str
    status: str
    why: str
    profile: str
    sop_instance_uid: str = ""
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
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-watch", daemon=True)

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
        self._run()

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
            if self._take(path, seen[path][0]):
                decided += 1
                self._seen.pop(path, None)
                self._failed.pop(path, None)
            else:
                self._failed[path] += 1
        return decided

    def recover(self) -> None:
        """Put back what an earlier process had taken and not decided."""
        taken = self.folder / _TAKEN
        for path, _ in _walk(taken, 0):
            _move(path, self.folder / path.relative_to(taken))

    # --- one file ----------------------------------------------------------------------------------

    def _run(self) -> None:
        self.recover()
        while not self._stop.wait(min(1.0, max(self._settle / 4, 0.05))):
            try:
                self.look()
            except OSError as error:  # a share that is away for a while
                self._log("watched folder", level="warning", folder=self.folder.name, error=error.strerror)

    def _take(self, path: Path, state: _Seen) -> bool:
        name = path.relative_to(self.folder)
        taken = self.folder / _TAKEN / name
        try:
            taken.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, taken)
        except FileNotFoundError:
            return False  # another watcher has it, or its writer took it away
        try:
            # Whoever still writes has not closed it: a rename does not stop that.
            verdict = self._decide(taken, str(name)) if _state(taken) == state else None
            if verdict is None or _state(taken) != state:
                _move(taken, path)
                return False
            target = _free(self.folder / verdict.verdict / name)
            _write(target.with_name(target.name + VERDICT_SUFFIX), verdict)
            os.rename(taken, target)
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


def _free(path: Path) -> Path:
    """The path, with a number where something stands there already; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, free = 1, path
    while free.exists() or free.with_name(free.name + VERDICT_SUFFIX).exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _move(path: Path, target: Path) -> None:
    """Put a file back under its name, or beside what has come there since."""
    try:
        os.rename(path, _free(target))
    except FileNotFoundError:
        pass


def _write(path: Path, verdict: FileVerdict) -> None:
    """Write a verdict as a whole: who sees the file sees all of it."""
    made = path.with_name(f".{path.name}.tmp")
    made.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")
    os.replace(made, path)
