"""What comes in over DIMSE: who may associate, and how the core is asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from dcmlint.errors import UsageError
from dcmlint.gate.commitment import Commitments
from dcmlint.gate.config import networks
from dcmlint.gate.core import Core
from dcmlint.gate.logs import Log
from dcmlint.gate.receiving import Processes, default_count
from dcmlint.gate.receiving_messages import Start
from dcmlint.gate.reception import Reception, acceptor_settings, classes_of
from dcmlint.gate.records import Arrival
from dcmlint.gate.settings import Listen
from dcmlint.intake.status import UNRECOGNIZED_OPERATION, Answer
from dcmlint.network.acceptor.proxy import within
from dcmlint.network.acceptor.receiver import Receiver
from dcmlint.network.acceptor.settings import Action
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.associate import AssociateRequest
from dcmlint.network.wire.pdu import REJECT_CALLING, REJECT_CONGESTION, Rejection

# SOP Instance UID, sender, address, and what was answered.
NotTaken = Callable[[str, str, str, Answer], None]


class Front:
    """The acceptor of a gate, and the desk that its associations ask. ``closed``: whether space is low, so that no
    association is accepted; ``full``: whether those that run have to end; ``ended``: told of each connection,
    ``not_taken`` of each instance that never came to be decided."""

    def __init__(
        self, core: Core, listen: Listen, base: Path, *, closed: Callable[[], bool], full: Callable[[], bool],
        ended: Callable[[AssociationFacts], None], log: Log,
        not_taken: NotTaken = lambda uid, sender, peer, answer: None,
        commitments: Commitments | None = None,
    ) -> None:  # fmt: skip
        self._core = core
        self._closed = closed
        self.full = full
        self._ended = ended
        self._not_taken = not_taken
        self._commitments = commitments
        self._allowed = networks(listen.addresses)
        classes, commits = classes_of(listen.sop_classes), commitments is not None
        settings = acceptor_settings(listen, base, core.incoming, classes, commits=commits)
        handlers = Reception(self, classes, commits=commits).handlers
        self._processes: Processes | None = None
        count = listen.processes or default_count()
        if count > 1:
            start = Start(listen=listen, base=base, directory=core.incoming, commits=commits)
            self._processes = Processes(start, count, self, log)
            self.receiver = Receiver(settings, handlers, self._processes.serve)
        else:
            self.receiver = Receiver(settings, handlers)

    def start(self) -> None:
        """Receive. Raises ``UsageError`` and ``InputError`` where that is not possible."""
        if self._processes is not None:
            try:
                self._processes.start()
            except OSError as error:
                raise UsageError(f"listen.processes: {error}") from None
        self.receiver.start()

    def look(self) -> None:
        """To be called regularly: has the receiving processes know how much space there is."""
        if self._processes is not None:
            self._processes.look()

    def stop(self, seconds: float) -> None:
        """Receive no more, and end what is open, for so long."""
        if self._processes is not None:
            self._processes.stopping()
        self.receiver.stop(seconds)
        if self._processes is not None:
            self._processes.stop()

    # --- the desk --------------------------------------------------------------------------------

    def requested(self, request: AssociateRequest, peer: str) -> Rejection | None:
        """Who is not allowed is rejected, and everybody while space is low."""
        if self._allowed and not within(peer, self._allowed):
            return REJECT_CALLING
        return REJECT_CONGESTION if self._closed() else None

    def arrived(self, part: Path, arrival: Arrival) -> Answer:
        """The core decides."""
        return self._core.take(part, arrival)

    def arrives(self, part: Path, arrival: Arrival) -> Future[Answer] | None:
        """The same without waiting, where there is no verdict to wait for."""
        return None if self._core.policy.can_refuse() else self._core.begin(part, arrival)

    def acted(self, action: Action) -> Answer:
        """Storage commitment."""
        if self._commitments is None:
            return Answer(UNRECOGNIZED_OPERATION)
        return self._commitments.take(action)

    def not_taken(self, uid: str, sender: str, peer: str, answer: Answer) -> None:
        """Kept in the journal, where `gate explain` finds it."""
        if uid:
            self._trace(uid, f"{sender} at {peer}", "not taken", f"answered {answer.status:04X}H: {answer.comment}")  # fmt: skip
        self._not_taken(uid, sender, peer, answer)

    def ended(self, facts: AssociationFacts, coming: str) -> None:
        """An instance that was cut off is kept in the journal too."""
        if coming and facts.request is not None:
            why = f"the association ended ({facts.end}) before it was whole"
            self._trace(coming, f"{facts.request.calling} at {facts.peer}", "cut off", why)
        self._ended(facts)

    def _trace(self, uid: str, who: str, what: str, why: str) -> None:
        try:
            self._core.journal.trace(uid, who=who, why=why, what=what)
        except OSError:
            pass  # the journal is closed: the gate is being stopped
