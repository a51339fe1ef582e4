"""Free space: closed below `low`, open again above `high`; what is removed, in which order, and what is forgotten."""

from __future__ import annotations

from time import time

from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Row
from dcmlint.gate.settings import GateSettings
from dcmlint.gate.spool import Spool

_AT_ONCE = 500
_ROUNDS = 20


class Space:
    """The free space of a spool, looked at by one thread and asked by many."""

    def __init__(self, spool: Spool, journal: Journal, settings: GateSettings) -> None:
        self._spool, self._journal, self._settings = spool, journal, settings
        self.closed = False
        self.full = False  # so little that running associations cannot go on either
        self.free = 0
        self.look()

    def look(self) -> None:
        """Measure."""
        try:
            self.free = self._spool.free()
        except OSError:
            self.free = 0
        space = self._settings.space
        self.closed = self.free < (space.high if self.closed else space.low)
        self.full = self.free < space.low / 2
        if not self.closed:
            self._spool.make_reserve()

    def tidy(self) -> int:
        """Remove files that are kept no longer; refused ones first where space is short. Gives how many."""
        settings, now = self._settings, time()
        short = self.free < settings.space.high
        removed = self._remove("refused", 0.0 if short else settings.keep_refused, now)
        for state in ("superseded", "discarded"):
            removed += self._remove(state, settings.keep_refused, now)
        removed += self._remove("delivered", settings.keep_delivered, now)
        self.look()
        if self.closed:
            # The archive has them: a copy here is a convenience, and a sender that is turned away is none.
            removed += self._remove("delivered", 0.0, now)
            self.look()
        self._forget(now - settings.keep_history)
        return removed

    def _forget(self, before: float) -> None:
        """Remove old history, some at a time: others wait for the journal as well."""
        for _ in range(_ROUNDS):
            if self._journal.forget(before, _AT_ONCE) < _AT_ONCE:
                return

    def _remove(self, state: str, keep: float, now: float) -> int:
        why = f"kept {keep:g} s after it was {state}" if keep else "space is short"
        removed = 0
        while True:
            condition = "state=? AND kept=1 AND changed<=?"
            rows = self._journal.rows(condition, state, now - keep, limit=_AT_ONCE)
            if not rows:
                return removed
            self._write(rows, why)
            for row in rows:
                self._spool.remove(row.file)
            removed += len(rows)

    def _write(self, rows: list[Row], why: str) -> None:
        """The journal first: a file that it does not expect is removed at the next start, one it misses is a loss."""
        try:
            self._journal.remove([row.id for row in rows], why)
        except OSError:
            if not self.closed:
                raise
            # A full disk, and what is removed makes room for the journal: it is written when there is some.
            for row in rows:
                self._spool.remove(row.file)
            self._journal.remove([row.id for row in rows], why)
