"""The queue of a destination, emptied by threads that each hold an association.

In order within a study. What is transient is tried again for ever, later each time; what is permanent is held
with the destination's words. Rows are written in groups: one commit for each batch, not for each instance.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from time import monotonic, time

import msgspec

from dcmlint.gate.deliver import Courier, Destination, Sent
from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Delivery, Outcome
from dcmlint.gate.spool import Spool

_TICK = 1.0  # how often a queue is looked at that nobody has announced anything for
_LINGER = 5.0  # how long an association is kept with nothing to send
_BATCH = 32
_RECORD_SECONDS = 0.5  # what was delivered is written at least so often


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait before another attempt: twice as long each time, up to ``most`` seconds."""

    first: float = 1.0
    most: float = 300.0

    def after(self, failures: int) -> float:
        """Seconds after so many failures in a row; a little random, so that queues do not march in step."""
        return float(self.longest(failures) * random.uniform(0.85, 1.0))

    def longest(self, failures: int) -> float:
        """The same, and nothing random."""
        return float(min(self.most, self.first * 2.0 ** min(failures - 1, 30)))


class Forwarder:
    """Delivers to one destination with ``associations`` threads."""

    def __init__(
        self, destination: Destination, journal: Journal, spool: Spool, *, associations: int = 1,
        backoff: Backoff | None = None,
    ) -> None:  # fmt: skip
        self.destination = destination
        self.journal, self.spool = journal, spool
        self.backoff = backoff or Backoff()
        self.tell: Callable[[Delivery, Sent], None] = lambda delivery, sent: None
        self.down_since: float | None = None
        self.trouble = ""
        self._lanes = associations
        self._wake = threading.Condition()
        self._news = 0
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=f"gate-forward-{lane}", daemon=True)
            for lane in range(associations)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is something to deliver."""
        with self._wake:
            self._news += 1
            self._wake.notify_all()

    def stop(self, timeout: float = 5.0) -> None:
        """Deliver no more, and wait up to ``timeout`` seconds for what is being sent."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        end = monotonic() + timeout
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join(max(end - monotonic(), 0.01))

    # --- in the threads ----------------------------------------------------------------------------

    def _run(self, lane: int) -> None:
        courier = Courier(self.destination)
        outcomes: list[Outcome] = []
        failures = 0
        last = monotonic()
        while True:
            news = self._news
            try:
                claimed = self.journal.exchange(
                    self.destination.name, outcomes, lane=lane, lanes=self._lanes,
                    limit=0 if self._stopping else _BATCH,
                )  # fmt: skip
            except OSError:
                # The journal cannot be written: what was delivered stays in `outcomes`, and is written later.
                if self._stopping:
                    break
                self._pause(_TICK, news)
                continue
            outcomes = []
            if self._stopping:
                break
            if not claimed:
                if monotonic() - last > _LINGER:
                    courier.close()
                self._pause(_TICK, news)
                continue
            outcomes, line = self._batch(courier, claimed)
            last = monotonic()
            if line:
                failures += 1
                self.trouble = line
                self.down_since = self.down_since or time()
                outcomes = self._record(outcomes)
                self._pause(self.backoff.after(failures), None)
            elif any(one.state == "delivered" for one in outcomes):
                failures, self.trouble, self.down_since = 0, "", None
        courier.close()

    def _record(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Write outcomes before a pause; gives those that are still to be written."""
        try:
            self.journal.exchange(self.destination.name, outcomes, limit=0)
        except OSError:
            return outcomes
        return []

    def _pause(self, seconds: float, news: int | None) -> None:
        """Wait; less if there is news since ``news`` (None: whatever comes), or the gate stops."""
        with self._wake:
            self._wake.wait_for(lambda: self._stopping or (news is not None and self._news != news), seconds)

    def _batch(self, courier: Courier, claimed: Sequence[Delivery]) -> tuple[list[Outcome], str]:
        """Send what was claimed; gives the outcomes, and why the destination is out of order, or nothing."""
        outcomes: list[Outcome] = []
        blocked: set[str] = set()
        contexts = [(one.sop_class, one.syntax) for one in claimed]
        trouble = courier.open(contexts)
        began = monotonic()
        for one in claimed:
            late = monotonic() - began > _RECORD_SECONDS and outcomes
            if trouble or late or self._stopping or one.study in blocked:
                outcomes.append(_untouched(one, trouble))
                continue
            sent = courier.send(self.spool.path(one.file), (one.sop_class, one.syntax), one.uid, one.tries)
            self.tell(one, sent)
            outcomes.append(self._outcome(one, sent))
            if sent.transient and one.study:
                blocked.add(one.study)
            if sent.transient:
                # A destination that says "later", or is gone: the rest waits with it, this one longer.
                trouble = sent.words
        return outcomes, trouble

    def _outcome(self, one: Delivery, sent: Sent) -> Outcome:
        if sent.delivered:
            return Outcome(instance=one.instance, state="delivered", detail=sent.words)
        if not sent.transient:
            return Outcome(instance=one.instance, state="held", detail=sent.words)
        due = time() + self.backoff.after(one.tries + 1)
        return Outcome(instance=one.instance, state="queued", detail=sent.words, due=due)


def _untouched(one: Delivery, why: str) -> Outcome:
    """It was not this one's turn: it stays where it is in the queue."""
    return Outcome(instance=one.instance, state="queued", detail=why, attempted=False)
