"""Who wants to know what happens in a gate: metrics, alerts, whatever else is built on the core."""

from __future__ import annotations

from dcmlint.gate.core import Decided
from dcmlint.gate.deliver import Sent
from dcmlint.gate.records import Delivery, State
from dcmlint.intake.status import Answer
from dcmlint.intake.verdict import Verdict


class Observer:
    """Told of what happens, in the thread in which it does: quickly done, and nothing raised."""

    def decided(self, decided: Decided) -> None:
        """An instance was answered."""

    def not_taken(self, sender: str, answer: Answer) -> None:
        """An instance was answered with a failure before it could be decided: no space, too large, another class."""

    def settled(self, number: int, state: State, verdict: Verdict) -> None:
        """The verdict on an instance came after its answer."""

    def sent(self, delivery: Delivery, sent: Sent) -> None:
        """A delivery was tried."""

    def held(self, number: int, uid: str, why: str) -> None:
        """An instance is held."""

    def checked(self, seconds: float) -> None:
        """A check took so long."""

    def committed(self, seconds: float) -> None:
        """A commit took so long."""

    def tick(self) -> None:
        """About twice a second."""
