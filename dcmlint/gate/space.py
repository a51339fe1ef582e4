"""Free space: closed below `low`, open again above `high`; what is removed, in which order, and what is forgotten."""

from __future__ import annotations

from time import monotonic, time

from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Row
from dcmlint.gate.settings import GateSettings
from dcmlint.gate.spool import Spool
from dcmlint.gate.words import age

_AT_ONCE = 500
_ROUNDS = 20
# Seconds by which a clock may be set forward before ages are not believed, and for how long they are not.
_SET_FORWARD, _DOUBT = 3600.0, 86400.0
_COPIES = "state='delivered' AND repaired=''"  # of what the archive has, byte for byte


class Space:
    """The free space of a spool, looked at by one thread and asked by many."""

    def __init__(self, spool: Spool, journal: Journal, settings: GateSettings) -> None:
        self._spool, self._journal, self._settings = spool, journal, settings
        self.closed = False
        self._full = False
        self.free = 0
        self._clocks = time(), monotonic()
        self._doubted_until = 0.0
        self.look()

    @property
    def full(self) -> bool:
        """Whether there is so little that running associations cannot go on either."""
        return self._full or self._spool.reserve_given

    def look(self) -> None:
        """Measure."""
        try:
            self.free = self._spool.free()
        except OSError:
            self.free = 0
        space = self._settings.space
        if not self._full:
            self._spool.make_reserve()
        low = space.high if self.closed else space.low
        self.closed = self.free < low or self._spool.reserve_given
        self._full = self.free < space.low / 2

    def tidy(self) -> int:
        """Remove files that are kept no longer; refused ones first where space is short. Gives how many."""
        settings, now = self._settings, time()
        short = self.free < settings.space.high
        doubted = self._doubted(now)
        removed = self._remove("state='refused'", 0.0, now) if short else 0
        if not doubted:
            removed += self._remove("state='refused'", settings.keep_refused, now)
            removed += self._remove("state IN ('superseded','discarded')", settings.keep_refused, now)
            removed += self._remove(_COPIES, settings.keep_delivered, now)
            # What was repaired is nowhere else as it came.
            removed += self._remove("state='delivered' AND repaired<>''", settings.keep_originals, now)
        self.look()
        if self.closed:
            # The archive has them: a copy here is a convenience, and a sender that is turned away is none.
            removed += self._remove(_COPIES, 0.0, now)
            self.look()
        if (
            not short and not doubted
        ):  # it is written to the journal, which needs what space there is for deliveries
            self._forget(now - settings.keep_history)
        return removed

    def _doubted(self, now: float) -> bool:
        """Whether the clock was set forward, so that everything seems old: it may be set back."""
        wall, steady = self._clocks
        self._clocks = now, monotonic()
        if (now - wall) - (self._clocks[1] - steady) > _SET_FORWARD:
            self._doubted_until = self._clocks[1] + _DOUBT
        return self._clocks[1] < self._doubted_until

    def _forget(self, before: float) -> None:
        """Remove old history, some at a time: others wait for the journal as well."""
        for _ in range(_ROUNDS):
            if self._journal.forget(before, _AT_ONCE) < _AT_ONCE:
                return

    def _remove(self, which: str, keep: float, now: float) -> int:
        why = f"kept for {age(keep)}" if keep else "space is short"
        removed = 0
        while rows := self._journal.rows(f"{which} AND kept=1 AND changed<=?", now - keep, limit=_AT_ONCE):
            self._write(rows, why)
            self._unlink(rows)
            removed += len(rows)
        return removed

    def _unlink(self, rows: list[Row]) -> None:
        for row in rows:
            for file in row.files:
                self._spool.remove(file)

    def _write(self, rows: list[Row], why: str) -> None:
        """The journal first: a file that it does not expect is removed at the next start, one it misses is a loss."""
        try:
            self._journal.remove([row.id for row in rows], why)
        except OSError:
            if not self.closed:
                raise
            # A full disk, and what is removed makes room for the journal: it is written when there is some.
            self._unlink(rows)
            self._journal.remove([row.id for row in rows], why)
