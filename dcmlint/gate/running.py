"""A running gate: everything that is started, in which order, and how it ends."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from dcmlint.engine.settings import Settings
from dcmlint.errors import UsageError, did_you_mean
from dcmlint.findings.redact import given_uid
from dcmlint.gate.aside import Aside
from dcmlint.gate.commitment import Commitments
from dcmlint.gate.config import relative
from dcmlint.gate.core import Core, Decided
from dcmlint.gate.deliver import Destination, Sent
from dcmlint.gate.forward import Backoff, Forwarder
from dcmlint.gate.front import Front
from dcmlint.gate.journal import Journal
from dcmlint.gate.logs import Log, no_log
from dcmlint.gate.observer import Observer
from dcmlint.gate.records import Delivery, State
from dcmlint.gate.recovery import Recovered, recover
from dcmlint.gate.settings import Forward, GateSettings
from dcmlint.gate.space import Space
from dcmlint.gate.spool import Spool
from dcmlint.gate.studies import Studies
from dcmlint.gate.tls_files import client_tls
from dcmlint.intake.checking import Checks
from dcmlint.intake.policy import Policy
from dcmlint.intake.status import Answer
from dcmlint.intake.task import Start
from dcmlint.intake.verdict import ProfileFacts, Reply, Verdict
from dcmlint.network.observed import AssociationFacts

_TICK = 0.5
_TIDY_SECONDS = 15.0


class Gate:
    """One gate: ``start``, ``stop``. Raises ``UsageError`` for what does not work before anything is received.

    ``base``: the folder of the configuration file. ``observers`` are told of everything: see `Observer`.
    """

    def __init__(
        self, settings: GateSettings, base: Path, *, log: Log = no_log, observers: tuple[Observer, ...] = ()
    ) -> None:
        self.settings = settings
        self.log = log
        self.observers = observers
        self._together = settings.slides != "off"
        self._turned_away = 0
        with ExitStack() as undo:
            self.spool = Spool(Path(relative(base, settings.spool)))
            undo.callback(self.spool.close)
            self.journal = Journal(
                self.spool.journal, [one.name for one in settings.forward], self.spool.give_reserve,
                lambda file: self.spool.path(file).exists(), self.spool.names_safe,
            )  # fmt: skip
            undo.callback(self.journal.close)
            known_destinations(self.journal, settings)
            check = settings.check
            rules = Settings(profile=settings.profile, parameters=settings.parameters)
            self.checks = Checks(
                Start(settings=rules, memory=int(check.memory), rules=settings.rules, observe=settings.mode == "observe",
                      patient=bool(settings.audit.host and settings.audit.patient)),
                children=check.children, slow=check.slow, seconds=check.seconds, module="dcmlint.gate.repairing_child",
            )  # fmt: skip
            undo.callback(self.checks.stop)
            hold = settings.slides == "hold"
            self.core = Core(
                self.spool, self.journal, self.checks, _policy(self.checks.start(), settings),
                answer_within=settings.answer_within, waits=hold,
            )  # fmt: skip
            self.space = Space(self.spool, self.journal, settings)
            self.studies = Studies(self.core, settings.study_quiet, hold=hold)
            self.forwarders = [self._forwarder(one, base) for one in settings.forward]
            self.commitments: Commitments | None = None
            if settings.commitment:
                self.commitments = Commitments(
                    self.spool.folder / "commitments", self.journal, {one.title: one for one in settings.commitment},
                    {one.title: client_tls(one.tls, base) for one in settings.commitment if one.tls is not None}, log,
                )  # fmt: skip
            self.front = Front(
                self.core, settings.listen, base, closed=lambda: self.space.closed, full=lambda: self.space.full, ended=self._ended,
                log=log, not_taken=self.not_taken, commitments=self.commitments,
            )  # fmt: skip
            undo.pop_all()
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="gate-keeper", daemon=True)
        self._connect()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.front.receiver.address

    def start(self) -> Recovered:
        """Take up what an earlier process left, deliver, and only then receive."""
        self.studies.begin()  # what an earlier process had last received, which the next lines write over
        try:
            found = recover(self.core)
        except OSError as error:
            raise UsageError(f"the spool cannot be opened: {error}") from None
        level = "error" if found.missing or found.unreadable else "info"
        self.log("recovered", level=level, partial=found.partial, adopted=found.adopted, rechecked=found.rechecked,
                 removed=found.removed, missing=list(found.missing), unreadable=list(found.unreadable))  # fmt: skip
        for held in found.held:
            self._held(*held)
        for forwarder in self.forwarders:
            forwarder.start()
        self._keeper.start()
        if self.commitments is not None:
            self.commitments.start()
        self.front.start()
        host, port = self.address
        self.log("listening", host=host, port=port, mode=self.settings.mode, profile=self.settings.profile)
        return found

    def stop(self, seconds: float = 8.0) -> None:
        """End within about ``seconds``: what is not done is taken up at the next start."""
        end = monotonic() + seconds
        self.log("stopping")
        self.front.stop(max(seconds / 4, 0.5))
        self._stop.set()
        self.checks.stop()
        for forwarder in self.forwarders:
            forwarder.stop(max(end - monotonic() - 1.0, 0.2))
        self.core.rest(1.0)
        self._aside.close(1.0)
        if self._keeper.is_alive():
            self._keeper.join(1.0)
        if self.commitments is not None:
            self.commitments.stop(1.0)
        self.journal.close()
        self.spool.close()
        self.log("stopped")

    # --- what is told ------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._aside = Aside(self._decided, "gate-tell")
        self.core.tell = self._aside
        self.core.settled = self._settled
        self.core.queued = self._queued
        self.studies.tell = self._study
        self.studies.held = self._held
        self.checks.observe = self._checked
        self.checks.give_way = self.core.give_way
        self.journal.writer.observe = self._committed
        for forwarder in self.forwarders:
            forwarder.tell = self._sent

    def _queued(self) -> None:
        for forwarder in self.forwarders:
            forwarder.wake()

    def _decided(self, decided: Decided) -> None:
        arrival, taken, verdict = decided.arrival, decided.taken, decided.verdict
        if verdict is not None and not taken.duplicate and taken.state != "refused" and self._together:
            self.studies.arrived(verdict.study)
        self.log(
            "received", uid=arrival.sop_instance, sender=arrival.sender, peer=arrival.peer, bytes=arrival.size,
            status=f"{decided.answer.status:04X}", state=taken.state, duplicate=taken.duplicate, instance=taken.id,
            why=taken.why, seconds=round(decided.seconds, 4),
        )  # fmt: skip
        for one in self.observers:
            one.decided(decided)
        if taken.state == "held" and not taken.duplicate:
            self._held(taken.id, arrival.sop_instance, taken.why)

    def _settled(self, number: int, state: State, verdict: Verdict) -> None:
        if state in ("queued", "waiting") and self._together:
            self.studies.arrived(verdict.study)
        self.log("checked", instance=number, state=state, why=verdict.why)
        for one in self.observers:
            one.settled(number, state, verdict)
        if state == "held":
            self._held(number, "", verdict.why)

    def _sent(self, delivery: Delivery, sent: Sent) -> None:
        level = "info" if sent.delivered else "warning" if sent.transient else "error"
        self.log("delivered" if sent.delivered else "not delivered", level=level, uid=delivery.uid,
                 instance=delivery.instance, destination=delivery.destination, detail=sent.detail)  # fmt: skip
        for one in self.observers:
            one.sent(delivery, sent)
        if not sent.delivered and not sent.transient:
            self._held(delivery.instance, delivery.uid, f"{delivery.destination} refused it: {sent.detail}")

    def _held(self, number: int, uid: str, why: str) -> None:
        self.log("held", level="warning", instance=number, uid=uid, why=why)
        for one in self.observers:
            one.held(number, uid, why)

    def _study(self, study: str, verdict: Verdict) -> None:
        if verdict.findings:
            self.log("study checked", study=study, why=verdict.why, action=verdict.action)

    def _checked(self, reply: Reply) -> None:
        for one in self.observers:
            one.checked(reply.seconds)

    def _committed(self, seconds: float) -> None:
        for one in self.observers:
            one.committed(seconds)

    def not_taken(self, uid: str, sender: str, peer: str, answer: Answer) -> None:
        """Tell of an instance that never came to be decided."""
        self.log("not taken", level="warning", uid=uid, sender=sender, peer=peer, status=f"{answer.status:04X}",
                 why=answer.comment)  # fmt: skip
        for one in self.observers:
            one.not_taken(sender, answer)

    def _ended(self, facts: AssociationFacts) -> None:
        problems = sorted({one.kind for one in facts.problems})
        # A balancer looks every few seconds whether the port is open, and closes the connection or resets it.
        looked = not facts.bytes_received and {"reset", "closed"}.issuperset(problems)
        if facts.request is None and (looked or not problems):
            return
        self.log(
            "association", level="warning" if problems else "info", peer=facts.peer, end=facts.end,
            sender=facts.request.calling if facts.request is not None else "", bytes=facts.bytes_received,
            rejected=facts.rejection.words if facts.rejection is not None else "", problems=problems,
            cut_off=[given_uid(one.sop_instance) for one in facts.instances if not one.complete],
        )  # fmt: skip

    # --- what goes on beside -----------------------------------------------------------------------

    def _keep(self) -> None:
        tidied = monotonic()
        while not self._stop.wait(_TICK):
            if self.journal.writer.broken:
                self.log("a sync of the journal has failed: the gate ends", level="error")
                os.kill(os.getpid(), signal.SIGTERM)
                return
            tidy = self.space.closed or monotonic() - tidied >= _TIDY_SECONDS
            if tidy:
                tidied = monotonic()
            try:
                self._look(tidy=tidy)
            except (OSError, sqlite3.Error) as error:
                self.log("the spool or the journal cannot be used", level="error", error=str(error))

    def _look(self, *, tidy: bool) -> None:
        closed = self.space.closed
        self.space.look()
        if self.space.closed != closed:
            word = "closed: free space is low" if self.space.closed else "open again"
            self.log(word, level="warning", free=self.space.free)
        turned_away = self.front.receiver.turned_away
        if turned_away != self._turned_away:
            self._turned_away = turned_away
            self.log("turned away", level="warning", connections=turned_away,
                     addresses=dict(self.front.receiver.crowd.turned_away.most_common(10)))  # fmt: skip
        self.front.look()
        self.core.retry_settling()
        self.core.catch_up()
        self.studies.look()
        for one in self.observers:
            one.tick()
        if tidy:
            self.space.tidy()

    def _forwarder(self, one: Forward, base: Path) -> Forwarder:
        tls = client_tls(one.tls, base) if one.tls is not None else None
        destination = Destination(
            name=one.name, host=one.host, port=one.port, called=one.called, calling=one.calling, timeout=one.timeout,
            tls=tls, server_name=one.tls.name if one.tls is not None else "",
        )  # fmt: skip
        backoff = Backoff(first=one.retry_first, most=one.retry_most)
        return Forwarder(
            destination, self.journal, self.spool, associations=one.associations, backoff=backoff
        )


def _policy(profile: ProfileFacts, settings: GateSettings) -> Policy:
    """The policy; ``UsageError`` for an action of a rule that the profile does not have."""
    for rule in settings.rules:
        if rule not in profile.rules:
            hint = did_you_mean(rule, sorted(profile.rules), "dcmlint rules lists them")
            raise UsageError(f"rules: {rule!r} is not a rule of the profile {profile.name} ({hint})")
    return Policy(
        profile=profile,
        rules=settings.rules,
        on_internal=settings.on_internal,
        observe=settings.mode == "observe",
    )


def known_destinations(journal: Journal, settings: GateSettings) -> None:
    """``UsageError`` where instances wait for a destination that the configuration does not name any more."""
    sql = "SELECT destination, count(*) FROM deliveries WHERE state IN ('queued','sending') GROUP BY destination"
    for name, count in journal.read(sql):
        if name not in {one.name for one in settings.forward}:
            raise UsageError(
                f"{count} instances wait for the destination {name!r}, which [[forward]] does not name: keep it until "
                "its queue is empty"
            )
