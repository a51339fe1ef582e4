"""Instances that wait to be checked, the answers that their senders wait for, and what came before them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import msgspec

from dcmlint.intake.status import Answer

_KEEPING_SECONDS = 30.0  # to move a file, once it is decided
_REMEMBERED = 100_000


class Verdict:
    """The answer that a sender waits for, until one side gives it or the other gives up: never both."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._answer: Answer | None = None
        self._claimed = self._over = False

    def claim(self) -> bool:
        """Whether somebody still waits; then there will be an answer."""
        with self._changed:
            self._claimed = not self._over
            return self._claimed

    def give(self, answer: Answer) -> None:
        """Answer, after a claim."""
        with self._changed:
            self._answer = answer
            self._changed.notify()

    def give_up(self) -> None:
        """Have nobody wait, unless the answer is about to come."""
        with self._changed:
            self._over = not self._claimed
            self._changed.notify()

    def wait(self, seconds: float) -> Answer | None:
        """None when it does not come in time; then it cannot come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._answer is not None or self._over, max(seconds, 0.0))
            if self._answer is None and self._claimed:
                self._changed.wait_for(lambda: self._answer is not None, _KEEPING_SECONDS)
            self._over = True
            return self._answer


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that waits to be checked: ``path`` is where it is, ``final`` where it is kept once it is accepted.

    ``shown``: how a report names it.  ``verdict``: what its sender waits for, None where it was answered.
    """

    number: int
    association: int
    path: Path
    final: Path | None
    shown: str
    verdict: Verdict | None


class Earlier:
    """What came earlier, by SOP Instance UID: digests, and names in use; the oldest of very many are forgotten."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._digests: OrderedDict[str, bytes] = OrderedDict()
        self._names: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def digest(self, uid: str, sha256: str) -> str:
        """The digest of the instance that came last under ``uid``, empty if none did; ``sha256`` is that of one that comes now."""
        with self._lock:
            before = self._digests.pop(uid, b"")
            self._digests[uid] = bytes.fromhex(sha256)
            if len(self._digests) > self._most:
                self._digests.popitem(last=False)
        return before.hex()

    def name(self, uid: str, folder: Path | None) -> str:
        """A file name of a SOP Instance UID; what is no UID gets a number, what came before another one."""
        stem = uid if 0 < len(uid) <= 64 and set(uid) <= set("0123456789.") and uid.strip(".") else "instance"
        with self._lock:
            number = self._names.get(stem, 0) + 1
            while folder is not None and (folder / _numbered(stem, number)).exists():
                number += 1
            self._names[stem] = number
            self._names.move_to_end(stem)
            if len(self._names) > self._most:
                self._names.popitem(last=False)
        return _numbered(stem, number)


def _numbered(stem: str, number: int) -> str:
    return f"{stem}.dcm" if number == 1 else f"{stem}-{number}.dcm"
