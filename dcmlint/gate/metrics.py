"""Numbers for Prometheus. Refused, held and failed are three numbers: a held slide is a patient who waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dcmlint.gate.core import Decided
from dcmlint.gate.deliver import Sent
from dcmlint.gate.observer import Observer
from dcmlint.gate.operate import summary
from dcmlint.gate.records import Delivery, State
from dcmlint.gate.running import Gate
from dcmlint.intake.status import Answer, store_status
from dcmlint.intake.verdict import Verdict

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
_MOST_SENDERS = 200  # more are counted together: titles come from outside, and each costs memory for ever


class Metrics(Observer):
    """Counts what happens; ``watch`` adds the numbers that are read when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._senders: set[str] = set()
        self._lock = threading.Lock()
        self.instances = self._counter("dcmlint_gate_instances", "Instances received", "sender", "verdict")
        # Without a sender they are there, as 0, before the first: else it would be no increase.
        self.refused = self._counter("dcmlint_gate_refused", "Instances that were refused")
        self.failed = self._counter("dcmlint_gate_failed", "Instances whose sender was told to try again")
        self.late = self._counter("dcmlint_gate_late_verdicts", "Verdicts after the answer", "state")
        self.deliveries = self._counter(
            "dcmlint_gate_deliveries", "Attempts to deliver", "destination", "outcome"
        )
        self.holds = self._counter("dcmlint_gate_held", "Instances that were held")
        self.repaired = self._counter(
            "dcmlint_gate_repaired", "Instances that were repaired before they are forwarded"
        )
        self.answers = self._histogram("dcmlint_gate_answer_seconds", "From the last byte to the answer")
        self.checks = self._histogram("dcmlint_gate_check_seconds", "Checks of one instance")
        self.commits = self._histogram("dcmlint_gate_commit_seconds", "Commits of the journal")

    def watch(self, gate: Gate) -> None:
        """Report the queues, the oldest held instance and the free space of a gate."""
        self.registry.register(_Now(gate))

    def text(self) -> bytes:
        """All numbers, in Prometheus' text format."""
        return generate_latest(self.registry)

    def decided(self, decided: Decided) -> None:
        """See `Observer`."""
        verdict = "duplicate" if decided.taken.duplicate else decided.taken.state
        self.instances.labels(self._sender(decided.arrival.sender), verdict).inc()
        if verdict == "refused":
            self.refused.inc()
        self.answers.observe(decided.seconds)
        if not decided.taken.duplicate:
            self._repaired(decided.verdict)

    def not_taken(self, sender: str, answer: Answer) -> None:
        """See `Observer`."""
        failed = store_status(answer.status).retry
        self.instances.labels(self._sender(sender), "failed" if failed else "refused").inc()
        (self.failed if failed else self.refused).inc()

    def settled(self, number: int, state: State, verdict: Verdict) -> None:
        """See `Observer`."""
        self.late.labels(state).inc()
        self._repaired(verdict)

    def sent(self, delivery: Delivery, sent: Sent) -> None:
        """See `Observer`."""
        outcome = "delivered" if sent.delivered else "failed" if sent.transient else "not taken"
        self.deliveries.labels(delivery.destination, outcome).inc()

    def held(self, number: int, uid: str, why: str) -> None:
        """See `Observer`."""
        self.holds.inc()

    def checked(self, seconds: float) -> None:
        """See `Observer`."""
        self.checks.observe(seconds)

    def committed(self, seconds: float) -> None:
        """See `Observer`."""
        self.commits.observe(seconds)

    def _repaired(self, verdict: Verdict | None) -> None:
        if verdict is not None and verdict.repair is not None:
            self.repaired.inc()

    def _sender(self, title: str) -> str:
        with self._lock:
            if title not in self._senders:
                if len(self._senders) >= _MOST_SENDERS:
                    return "others"
                self._senders.add(title)
        return title

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str) -> Histogram:
        return Histogram(name, words, buckets=_SECONDS, registry=self.registry)


class _Now(Collector):
    """What is read from the journal and the disk when it is asked for."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Any]:
        """The gauges."""
        gate, now = self._gate, time()
        found: Any = summary(gate.journal)
        length = GaugeMetricFamily("dcmlint_gate_queue_length", "Instances that wait", labels=["destination"])
        oldest = GaugeMetricFamily(
            "dcmlint_gate_queue_age_seconds", "Age of the oldest of them", labels=["destination"]
        )
        down = GaugeMetricFamily(
            "dcmlint_gate_destination_down", "1: the last attempt failed", labels=["destination"]
        )
        for forwarder in gate.forwarders:
            name = forwarder.destination.name
            queue = found["queues"].get(name, {"length": 0, "oldest": now})
            length.add_metric([name], queue["length"])
            oldest.add_metric([name], max(now - queue["oldest"], 0.0))
            down.add_metric([name], forwarder.down_since is not None)
        yield from (length, oldest, down)
        held = found["states"].get("held", 0)
        age = now - found["oldest_held"] if found["oldest_held"] is not None else 0.0
        checking = found["states"].get("checking", 0)
        unchecked = now - (found["oldest_unchecked"] or now)
        yield _gauge("dcmlint_gate_held_now", "Instances that are held", held)
        yield _gauge("dcmlint_gate_oldest_held_seconds", "Age of the oldest held instance", max(age, 0.0))
        yield _gauge(
            "dcmlint_gate_checking_now", "Instances that are accepted and not checked to the end", checking
        )
        yield _gauge(
            "dcmlint_gate_oldest_unchecked_seconds", "Age of the oldest of them", max(unchecked, 0.0)
        )
        yield _gauge("dcmlint_gate_free_bytes", "Free space of the spool", gate.space.free)
        yield _gauge(
            "dcmlint_gate_closed", "1: free space is low, no association is accepted", gate.space.closed
        )
        yield _gauge(
            "dcmlint_gate_turned_away",
            "Connections closed because of a limit",
            gate.front.receiver.turned_away,
        )


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))
