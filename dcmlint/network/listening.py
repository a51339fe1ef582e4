"""A receiver that checks: instances as they arrive, senders by what they negotiate, slides when it is quiet.

The threads of the associations write files; processes of their own check them (``dcmlint.intake.checking``), so
that none can take the time or the memory of another one; one thread, that of ``Listening.run``, adds up and reports.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
from collections.abc import Callable
from time import monotonic

import msgspec

from dcmlint import standard
from dcmlint.engine.across import each_together
from dcmlint.engine.exhibit import AssociationRecord
from dcmlint.engine.report import Closing, Report
from dcmlint.engine.runner import Checked
from dcmlint.engine.session import CANNOT_OPEN, Checker, Result
from dcmlint.engine.stream import Stream
from dcmlint.engine.totals import Totals
from dcmlint.findings.finding import FileRecord, Finding, Severity
from dcmlint.intake.checking import Checks
from dcmlint.intake.dataset_head import read_dataset_head
from dcmlint.intake.part import discard, publish
from dcmlint.intake.policy import Policy
from dcmlint.intake.sent import Sent
from dcmlint.intake.status import OUT_OF_RESOURCES, Answer
from dcmlint.intake.task import Start, Task
from dcmlint.intake.verdict import Action, ProfileFacts, Reply
from dcmlint.network.acceptor.receiver import Receiver
from dcmlint.network.acceptor.settings import Handlers, ReceivedInstance
from dcmlint.network.association_record import association_record, sender_record, turned_away_record
from dcmlint.network.listen_settings import ListenSettings
from dcmlint.network.look import AssociationResult, result_for
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.pending import Arrived, Earlier, Verdict
from dcmlint.network.sender_demands import sender_demands
from dcmlint.network.sender_rule_facts import proposes_storage, sender_rule_facts, stored_facts
from dcmlint.network.senders import sender_facts

_WAITING = 256  # instances that wait to be checked; beyond, a sender is asked to try again
_TICK = 0.2
_RECORDS = 10_000  # associations that a report lists
_STOP_SECONDS = 5.0  # for checks to end, once somebody wants an end

# Where an instance that was kept lies, unless it was accepted.
_FOLDERS: dict[Action, str] = {"refuse": "refused", "quarantine": "quarantine"}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell while it goes on: a file, an association, a sender at the end, or findings about slides."""

    file: FileRecord | None = None
    association: AssociationRecord | None = None
    findings: tuple[Finding, ...] = ()
    sender: bool = False


class _Checked(msgspec.Struct, frozen=True):
    """An instance that was checked, or given up; ``counts``: it is in the report."""

    arrived: Arrived
    reply: Reply
    counts: bool = True


class Listening:
    """Receives and checks until it is told to stop."""

    def __init__(
        self, checker: Checker, settings: ListenSettings, tell: Callable[[Event], None], *streams: Stream
    ) -> None:
        self.checker = checker
        self.settings = settings
        self.tell = tell
        self.totals = Totals(checker, *streams)
        self.receiver = Receiver(
            msgspec.structs.replace(settings.receive, digest=True),
            Handlers(on_instance=self._arrive, on_association_end=self._end),
        )
        profile = checker.profile
        self._policy = Policy(
            profile=ProfileFacts(
                name=profile.name, action=dict(profile.action), own=profile.own, locked=profile.locked
            ),
            observe=False,
        )  # fmt: skip
        self._checks = Checks(
            Start(settings=checker.settings, memory=settings.memory, whole=True),
            children=max(1, min(4, (os.cpu_count() or 1) - 1)), seconds=settings.check_seconds,
        )  # fmt: skip
        self._queue: queue.Queue[_Checked | AssociationFacts] = queue.Queue()
        self._places = threading.BoundedSemaphore(_WAITING)
        self._lock = threading.Lock()
        self._open: dict[int, Arrived] = {}  # what arrived and is not in the report yet
        self._over = False
        self._arrived = 0
        self._earlier = Earlier()
        self._arrivals: dict[int, list[Sent]] = {}
        self._ended: list[AssociationFacts] = []
        self._last_of: dict[int, AssociationFacts] = {}  # ended, and their instances not all checked
        self._told: set[int] = set()  # hashes of fingerprint and message
        self._new_members = False
        self._stop = False

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop

    def stop(self) -> None:
        """Have ``run`` end soon: what is not checked within five seconds is reported as not checked."""
        self._stop = True

    def run(self, begun: Callable[[str, int], None] | None = None) -> None:
        """Receive and check until ``stop``, or until ``once`` or ``wait`` say so; ``begun`` is told where.

        Raises ``InputError`` where the port or the folder cannot be had.
        """
        self.receiver.start()
        try:
            self._checks.begin()
            if begun is not None:
                begun(*self.receiver.address)
            self._watch()
        finally:
            self.receiver.listen_no_more()
            if self._stop:
                self._release()
            self.receiver.stop()
            self._drain()
            self._checks.stop()
        self._give_up()
        self._slides()

    def close(self, *, started: float, fail_on: Severity | None) -> Closing:
        """End the streams; the senders are judged here, over all their associations."""
        self._judge_senders()
        return self.totals.close(started=started, fail_on=fail_on)

    def report(self, *, started: float, fail_on: Severity | None, config: str | None) -> Report:
        """What came of everything, where there is no stream."""
        self._judge_senders()
        return self.totals.report(started=started, fail_on=fail_on, config=config)

    def _judge_senders(self) -> None:
        for one in self._senders():
            self.totals.associate(one.record, one.checked)
            self.tell(Event(association=one.record, findings=one.checked.findings, sender=True))
        if self.receiver.turned_away:
            record = turned_away_record(self.receiver.crowd.turned_away)
            self.totals.associate(record, Checked())

    # --- in the thread that reports ------------------------------------------------------------------

    def _watch(self) -> None:
        last = began = monotonic()
        sent = False
        while not self._stop:
            try:
                what = self._queue.get(timeout=_TICK)
            except queue.Empty:
                idle = self.receiver.wait(0) and not self._open
                if not idle:
                    last = monotonic()
                elif monotonic() - last >= self.settings.settle:
                    self._slides()
                    if sent and self.settings.once:
                        return
                elif self.settings.once and self._complete():
                    return
                if self.settings.wait and not sent and idle and monotonic() - began >= self.settings.wait:
                    return
                continue
            self._take(what)
            last = monotonic()
            sent = sent or isinstance(what, _Checked) or proposes_storage(what)

    def _complete(self) -> bool:
        """Whether as many instances came as are expected."""
        return self.settings.expect is not None and self.totals.files >= self.settings.expect

    def _take(self, what: _Checked | AssociationFacts) -> None:
        if isinstance(what, _Checked):
            self._count(what)
            return
        self._last_of[what.number] = what
        self._close(what.number)

    def _count(self, checked: _Checked) -> None:
        arrived = checked.arrived
        if self._open.pop(arrived.number, None) is None:
            return
        self._places.release()
        if checked.counts:
            result = self._result(arrived, checked.reply)
            self.totals.add(result)
            self._new_members = self._new_members or bool(result.member)
            self.tell(Event(file=result.record, findings=result.findings))
        self._close(arrived.association)

    def _result(self, arrived: Arrived, reply: Reply) -> Result:
        if not reply.result:
            return self.checker.unreadable(
                arrived.shown, CANNOT_OPEN, f"cannot be checked: {reply.internal or 'no result'}"
            )
        result: Result = pickle.loads(reply.result)
        return result

    def _close(self, number: int) -> None:
        """Report an association that has ended, once all its instances are checked."""
        if any(one.association == number for one in list(self._open.values())):
            return
        facts = self._last_of.pop(number, None)
        if facts is not None:
            self._association(facts)

    def _association(self, facts: AssociationFacts) -> None:
        with self._lock:
            arrivals = self._arrivals.pop(facts.number, [])
        if facts.request is None and all(one.kind in ("closed", "reset") for one in facts.problems):
            return  # somebody looked whether the port is open
        stored = stored_facts(facts, arrivals)
        self._ended.append(_without_instances(facts) if len(self._ended) > _RECORDS else facts)
        record = association_record(facts, len(self._ended), complete=not stored.refused)
        told = facts.request is not None or stored.violations or stored.oddities
        result = result_for(self.checker, {"store": stored} if told else {}, record)
        self.totals.associate(result.record, result.checked, listed=len(self._ended) <= _RECORDS)
        self.tell(Event(association=result.record, findings=result.checked.findings))

    def _senders(self) -> list[AssociationResult]:
        found = []
        for facts in sender_facts(self._ended):
            demands = sender_demands(self.checker.profile.endpoints, self._ended, facts.calling)
            sender = msgspec.structs.replace(sender_rule_facts(facts), **demands)
            found.append(result_for(self.checker, {"sender": sender}, sender_record(facts)))
        return found

    def _slides(self) -> None:
        """Tell what the members that are there by now say of their slides and series, once."""
        if not self._new_members:
            return
        self._new_members = False
        checker, members = self.checker, self.totals.members
        with standard.using(checker.tables):
            for subject in each_together(members, checker.planner.together, checker.settings):
                new = []
                for finding in subject.findings:
                    name = hash((finding.fingerprint, finding.message))
                    if name not in self._told:
                        self._told.add(name)
                        new.append(finding)
                if new:
                    self.tell(Event(findings=tuple(new)))

    # --- the end -------------------------------------------------------------------------------------

    def _release(self) -> None:
        """Let no sender wait for a verdict any more."""
        for arrived in list(self._open.values()):
            if arrived.verdict is not None:
                arrived.verdict.give_up()

    def _drain(self) -> None:
        """Take what is being checked: all of it, or for a moment where somebody wants an end."""
        end = monotonic() + _STOP_SECONDS
        while self._open or not self._queue.empty():
            try:
                self._take(self._queue.get(timeout=_TICK))
            except queue.Empty:
                pass
            if self._stop and monotonic() >= end:
                return

    def _give_up(self) -> None:
        """What is still open was not checked; whatever arrives from now on is not taken."""
        with self._lock:
            self._over = True
            left = list(self._open.values())
        for arrived in left:
            waited = arrived.verdict is not None
            if waited:
                discard(str(arrived.path))  # its sender was told to try again
            self._count(_Checked(arrived, Reply(internal="the run was stopped before"), counts=not waited))
        while not self._queue.empty():
            self._take(self._queue.get_nowait())
        for number in list(self._last_of):
            self._close(number)

    # --- in the threads of associations and of checks ------------------------------------------------

    def _arrive(self, instance: ReceivedInstance) -> Answer:
        end = monotonic() + self.settings.deadline
        if not self._places.acquire(timeout=self.settings.deadline):
            discard(str(instance.path))
            return Answer(OUT_OF_RESOURCES, "too many instances wait to be checked")
        command = instance.command
        arrived = None
        try:
            sent = Sent(
                sop_class=command.sop_class, sop_instance=command.sop_instance, head=read_dataset_head(instance.path),
                transfer_syntax=instance.context.transfer_syntax, sha256=instance.sha256,
                earlier=self._earlier.digest(command.sop_instance, instance.sha256),
            )  # fmt: skip
            arrived = self._register(instance, sent)
        finally:
            if arrived is None:
                self._places.release()
        if arrived is None:
            discard(str(instance.path))
            return Answer(OUT_OF_RESOURCES, "no instances are taken any more")
        task = Task(
            path=str(arrived.path), name=arrived.shown, sop_class=sent.sop_class, sop_instance=sent.sop_instance,
            transfer_syntax=sent.transfer_syntax, sha256=sent.sha256, earlier=sent.earlier,
        )  # fmt: skip
        self._checks.submit(task).then(lambda reply: self._decide(arrived, reply))
        if arrived.verdict is None:
            return Answer()
        return arrived.verdict.wait(end - monotonic()) or Answer(OUT_OF_RESOURCES, "not checked in time")

    def _register(self, instance: ReceivedInstance, sent: Sent) -> Arrived | None:
        """Take an instance in; None when it is too late.  Raises `OSError` where it cannot be kept."""
        keep, path = self.settings.keep, instance.path
        by_policy = self.settings.status == "by-policy"
        with self._lock:
            if self._over:
                return None
            name = self._earlier.name(sent.sop_instance, keep)
            if keep is not None and not by_policy:
                path = keep / name
                publish(instance.path, path, durable=False)
            self._arrived += 1
            arrived = Arrived(
                number=self._arrived, association=instance.association.number, path=path,
                final=keep / name if keep is not None else None, shown=name if keep is None else str(keep / name),
                verdict=Verdict() if by_policy else None,
            )  # fmt: skip
            self._open[arrived.number] = arrived
            self._arrivals.setdefault(arrived.association, []).append(sent)
        return arrived

    def _decide(self, arrived: Arrived, reply: Reply) -> None:
        """What is done with an instance that was checked; its sender may wait for that."""
        waiting = arrived.verdict
        if waiting is None:
            if self.settings.keep is None:
                discard(str(arrived.path))
            self._queue.put(_Checked(arrived, reply))
            return
        if not waiting.claim():
            discard(str(arrived.path))  # its sender was told to send it again: it is not ours
            self._queue.put(_Checked(arrived, reply, counts=False))
            return
        verdict = self._policy.decide(reply)
        answer = Answer(verdict.status, verdict.comment) if verdict.action == "refuse" else Answer()
        try:
            self._keep(arrived, verdict.action)
        except OSError as error:
            answer = Answer(OUT_OF_RESOURCES, f"cannot store: {error.strerror}")
            discard(str(arrived.path))
        self._queue.put(_Checked(arrived, reply, counts=answer.status != OUT_OF_RESOURCES))
        waiting.give(answer)

    def _keep(self, arrived: Arrived, action: Action) -> None:
        """Keep what was accepted under its name; what was not, in a folder that says so."""
        if arrived.final is None:
            discard(str(arrived.path))
            return
        final = arrived.final
        if action != "accept":
            final = final.parent / _FOLDERS[action] / final.name
            final.parent.mkdir(exist_ok=True)
        publish(arrived.path, final, durable=False)

    def _end(self, facts: AssociationFacts) -> None:
        self._queue.put(facts)


def _without_instances(facts: AssociationFacts) -> AssociationFacts:
    """Facts of a long run: how many instances there were is kept, not which."""
    count = len(facts.instances) + facts.instances_not_kept
    return msgspec.structs.replace(facts, instances=(), instances_not_kept=count)
