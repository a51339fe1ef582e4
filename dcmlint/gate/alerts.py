"""A webhook: a JSON object is posted when something is held, or a queue or a check is older than it should be."""

from __future__ import annotations

import json
import queue
import threading
import urllib.error
import urllib.request
from itertools import count
from time import time
from typing import Any

from dcmlint.findings.redact import given_uid
from dcmlint.gate.forward import Backoff
from dcmlint.gate.logs import Log
from dcmlint.gate.observer import Observer
from dcmlint.gate.operate import summary
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import Alert

_TRIES = 5  # of what the webhook itself refuses; while it is away or fails, there is no last one
_REFUSED = range(400, 500)  # RFC 9110 clause 15.5: the same request would be refused again,
_LATER = frozenset({408, 425, 429})  # but for these
_BACKOFF = Backoff(first=1.0, most=300.0)
_MOST = 1000  # that wait; beyond, the log and the metrics still say it
_EVERY = 60.0  # how often queues are looked at


class Alerts(Observer):
    """Posts from a thread of its own: a webhook that hangs keeps nobody waiting."""

    def __init__(self, alert: Alert, log: Log) -> None:
        self._alert, self._log = alert, log
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue(_MOST)
        self._gate: Gate | None = None
        self._looked = 0.0
        self._old: set[str] = set()
        self._behind = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-alerts", daemon=True)

    def watch(self, gate: Gate) -> None:
        """Begin."""
        self._gate = gate
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for what is not posted yet."""
        self._stop.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            pass  # the thread looks at the flag as well

    def held(self, number: int, uid: str, why: str) -> None:
        """See `Observer`."""
        self.post({"event": "held", "instance": number, "uid": given_uid(uid), "why": why})

    def tick(self) -> None:
        """See `Observer`."""
        now = time()
        if self._gate is None or now - self._looked < min(_EVERY, self._alert.queue_older / 4):
            return
        self._looked = now
        found: Any = summary(self._gate.journal)
        old = {
            name: queue_ for name, queue_ in found["queues"].items()
            if now - queue_["oldest"] > self._alert.queue_older
        }  # fmt: skip
        self._checks_behind(now, found)
        for name in old.keys() - self._old:
            seconds = int(now - old[name]["oldest"])
            self.post(
                {
                    "event": "queue is old",
                    "destination": name,
                    "length": old[name]["length"],
                    "seconds": seconds,
                }
            )
        for name in self._old - old.keys():
            self.post({"event": "queue moves again", "destination": name})
        self._old = set(old)

    def _checks_behind(self, now: float, found: Any) -> None:
        """The queue before those of the destinations: of what is not checked yet."""
        seconds = int(now - (found["oldest_unchecked"] or now))
        behind = seconds > self._alert.queue_older
        if behind and not self._behind:
            self.post(
                {"event": "checks are behind", "length": found["states"]["checking"], "seconds": seconds}
            )
        elif self._behind and not behind:
            self.post({"event": "checks have caught up"})
        self._behind = behind

    def post(self, what: dict[str, Any]) -> None:
        """Have something posted soon."""
        try:
            self._queue.put_nowait({"time": time(), **what})
        except queue.Full:
            self._log("alert dropped", level="error", what=what["event"])

    def _run(self) -> None:
        while not self._stop.is_set():
            what = self._queue.get()
            if what is None:
                return
            for attempt in count(1):
                error, final = self._posted(what)
                if not error:
                    break
                given_up = final and attempt >= _TRIES
                self._log(
                    "alert given up" if given_up else "alert not posted", level="error" if given_up else "warning",
                    what=what["event"], error=error, attempt=attempt,
                )  # fmt: skip
                if given_up:
                    break
                if self._stop.wait(_BACKOFF.longest(attempt)):
                    return

    def _posted(self, what: dict[str, Any]) -> tuple[str, bool]:
        """Empty, or why it could not be posted, and whether it never can be."""
        request = urllib.request.Request(
            self._alert.url, json.dumps(what).encode(), {"Content-Type": "application/json", "User-Agent": "dcmlint"}
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=self._alert.timeout):
                pass  # its status is enough
        except urllib.error.HTTPError as error:
            with error:
                return str(error), error.code in _REFUSED and error.code not in _LATER
        except (OSError, ValueError) as error:
            return str(error), False
        return "", False
