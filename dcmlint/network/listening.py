"""A receiver that checks: instances as they arrive, senders by what they negotiate, slides when it is quiet.

The threads of the associations only write files and put what arrived into a queue; one thread, that of
``Listening.run``, checks and tells.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Literal

import msgspec

from dcmlint.dicom.buffers import open_file
from dcmlint.engine.exhibit import AssociationRecord, ContextRow
from dcmlint.engine.report import Report
from dcmlint.engine.session import Checker, Result, Task, Totals
from dcmlint.engine.together import check_together
from dcmlint.findings.finding import RANK, FileRecord, Finding, Severity
from dcmlint.intake.dataset_head import read_dataset_head
from dcmlint.intake.part import discard, publish
from dcmlint.intake.sent import Sent
from dcmlint.intake.status import (
    CANNOT_UNDERSTAND,
    DATA_SET_MISMATCH,
    OUT_OF_RESOURCES,
    SUCCESS,
    Answer,
)
from dcmlint.network.acceptor.receiver import Receiver
from dcmlint.network.acceptor.settings import Handlers, ReceivedInstance, Settings
from dcmlint.network.look import Looked, looked, report_of
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.sender_demands import sender_demands
from dcmlint.network.sender_rule_facts import proposes_storage, sender_rule_facts, stored_facts
from dcmlint.network.senders import sender_facts
from dcmlint.network.wire.associate import CONTEXT_RESULTS
from dcmlint.standard.names import uid_name

_QUEUE = 256  # instances that wait to be checked; beyond, a sender is asked to try again
_TICK = 0.2
_RECORDS = 10_000  # associations that a report lists

# The second byte of A9xxH says what kind of rule failed, for whoever reads the log of the sender.
_KINDS = {
    "META": 0x00, "IOD": 0x01, "MOD": 0x01, "FG": 0x01, "VR": 0x02, "CHR": 0x02, "PIX": 0x03, "TILE": 0x04, "GEO": 0x04,
    "WSI": 0x04,
}  # fmt: skip


# Where an instance that was kept lies, unless it was accepted.
_FOLDERS = {"refuse": "refused", "quarantine": "quarantine"}


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to listen and when to stop.

    ``keep``: the folder where instances stay; None: they are removed once checked.  ``status``: success
    whatever is found, or by policy (the profile's `action`; without one errors are refused).  ``once``: stop
    when a sender has sent and nothing came for ``settle`` seconds, or when ``expect`` instances came.  ``wait``: stop if nothing ever comes for
    so many seconds (0: never).  ``deadline``: seconds that a sender waits for a status by policy.
    """

    receive: Settings
    keep: Path | None = None
    status: Literal["success", "by-policy"] = "success"
    once: bool = False
    settle: float = 10.0
    expect: int | None = None
    wait: float = 0.0
    deadline: float = 8.0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell while it goes on: a file, an association, or findings about slides."""

    file: FileRecord | None = None
    association: AssociationRecord | None = None
    findings: tuple[Finding, ...] = ()


class _Verdict:
    """The answer that a sender waits for, until one side gives it or the other gives up: never both."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._answer: Answer | None = None
        self._over = False

    def give(self, answer: Answer) -> bool:
        """Whether anybody still waits for the answer."""
        with self._changed:
            if self._over:
                return False
            self._answer = answer
            self._changed.notify()
            return True

    def wait(self, seconds: float) -> Answer | None:
        """None when it does not come in time; then it cannot come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._answer is not None, seconds)
            self._over = True
            return self._answer


class _Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that waits to be checked: ``path`` is where it is, ``final`` where it is kept once it is accepted."""

    instance: ReceivedInstance
    path: Path
    final: Path | None
    shown: str
    verdict: _Verdict | None


class Listening:
    """Receives and checks until it is told to stop."""

    def __init__(self, checker: Checker, settings: ListenSettings, tell: Callable[[Told], None]) -> None:
        self.checker = checker
        self.settings = settings
        self.tell = tell
        self.totals = Totals(checker)
        self.receiver = Receiver(
            msgspec.structs.replace(settings.receive, digest=True),
            Handlers(on_instance=self._arrive, on_association_end=self._end),
        )
        self._queue: queue.Queue[_Arrived | AssociationFacts] = queue.Queue()
        self._places = threading.BoundedSemaphore(_QUEUE)
        self._names = threading.Lock()
        self._taken: set[str] = set()
        self._seen: list[Looked] = []
        self._ended: list[AssociationFacts] = []
        self._arrivals: dict[int, list[Sent]] = {}
        self._digests: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._new_members = False
        self._stop = False

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop

    def stop(self) -> None:
        """Have ``run`` end soon."""
        self._stop = True

    def run(self, begun: Callable[[str, int], None] | None = None) -> None:
        """Receive and check until ``stop``, or until ``once`` or ``wait`` say so; ``begun`` is told where.

        What has arrived by then is still checked.  Raises ``InputError`` where
        the port or the folder cannot be had.
        """
        self.receiver.start()
        try:
            if begun is not None:
                begun(*self.receiver.address)
            self._watch()
        finally:
            self.receiver.stop()
        while True:
            try:
                self._take(self._queue.get_nowait())
            except queue.Empty:
                break
        self._slides()

    def report(self, *, started: float, fail_on: Severity | None, config: str | None) -> Report:
        """What came of everything; the senders are judged here, over all their associations."""
        files = self.totals.report(started=started, fail_on=fail_on, config=config)
        return report_of(
            self.checker, [*self._seen, *self._senders()], started=started, fail_on=fail_on, config=config, files=files
        )  # fmt: skip

    # --- in the thread that checks ---------------------------------------------------------------

    def _watch(self) -> None:
        last = began = monotonic()
        sent = False
        while not self._stop:
            try:
                what = self._queue.get(timeout=_TICK)
            except queue.Empty:
                idle = self.receiver.wait(0)
                if not idle:
                    last = monotonic()
                elif monotonic() - last >= self.settings.settle:
                    self._slides()
                    if sent and self.settings.once:
                        return
                elif idle and self.settings.once and self._complete():
                    return
                if self.settings.wait and not sent and idle and monotonic() - began >= self.settings.wait:
                    return
                continue
            self._take(what)
            last = monotonic()
            sent = sent or isinstance(what, _Arrived) or proposes_storage(what)

    def _complete(self) -> bool:
        """Whether as many instances came as are expected."""
        return self.settings.expect is not None and len(self.totals.files) >= self.settings.expect

    def _take(self, what: _Arrived | AssociationFacts) -> None:
        if isinstance(what, _Arrived):
            self._check(what)
        else:
            self._association(what)

    def _check(self, arrived: _Arrived) -> None:
        try:
            result = self.checker.check(Task(arrived.shown, True, True), lambda: open_file(arrived.path))
            self._remember(arrived)
        finally:
            self._places.release()
        answer, action = self._policy(result)
        try:
            kept = self._settle(arrived, action)
        except OSError as error:
            answer = Answer(OUT_OF_RESOURCES, f"cannot store: {error.strerror}")
            kept = arrived.path
        if arrived.verdict is not None and (
            not arrived.verdict.give(answer) or answer.status == OUT_OF_RESOURCES
        ):
            discard(str(kept))  # its sender was told to send it again: it is not ours
            return
        self.totals.add(result)
        self._new_members = self._new_members or bool(result.member)
        self.tell(Told(file=result.record, findings=result.findings))

    def _settle(self, arrived: _Arrived, action: str) -> Path:
        """Keep what was accepted under its name; what was not, in a folder that says so.  Gives where it is."""
        if arrived.final is None:
            if self.settings.keep is None:
                discard(str(arrived.path))
            return arrived.path
        final = arrived.final
        if action != "accept":
            final = final.parent / _FOLDERS[action] / final.name
            final.parent.mkdir(exist_ok=True)
        publish(arrived.path, final, durable=False)
        return final

    def _remember(self, arrived: _Arrived) -> None:
        instance = arrived.instance
        try:
            head = read_dataset_head(arrived.path)
        except OSError:
            return  # the check has said already that the file cannot be read
        command = instance.command
        self._arrivals.setdefault(instance.association.number, []).append(
            Sent(
                sop_class=command.sop_class,
                sop_instance=command.sop_instance, transfer_syntax=instance.context.transfer_syntax, head=head,
                sha256=instance.sha256,
            )
        )  # fmt: skip

    def _policy(self, result: Result) -> tuple[Answer, str]:
        """The status that the profile gives an instance (PS3.4 Table B.2-1), and the action: accept, quarantine, refuse."""
        if self.settings.status == "success":
            return Answer(), "accept"
        shown = [finding for finding in result.findings if not finding.suppressed]
        if result.record.status == "unreadable":
            return Answer(CANNOT_UNDERSTAND, "cannot be read as DICOM"), "refuse"
        if not shown:
            return Answer(), "accept"
        worst = max(shown, key=lambda finding: RANK[finding.severity])
        action = self.checker.profile.action or {"error": "refuse"}
        chosen = action.get(worst.severity, "accept")
        if chosen != "refuse":
            return Answer(), chosen
        comment = f"{worst.rule} {worst.name}"[:64]  # PS3.7 C: Error Comment is an LO
        if result.record.status == "partial":
            return Answer(CANNOT_UNDERSTAND, comment), "refuse"
        area = worst.rule.rstrip("0123456789")
        own = worst.rule in self.checker.profile.own
        return Answer(DATA_SET_MISMATCH | (0x05 if own else _KINDS.get(area, 0x01)), comment), "refuse"

    def _association(self, facts: AssociationFacts) -> None:
        if facts.request is None and all(one.kind in ("closed", "reset") for one in facts.problems):
            return  # somebody looked whether the port is open
        arrivals = self._arrivals.pop(facts.number, [])
        stored = stored_facts(facts, arrivals, self._digests)
        self._digests.update({one.sop_instance: one.sha256 for one in arrivals})
        self._ended.append(_without_instances(facts) if len(self._ended) > _RECORDS else facts)
        record = AssociationRecord(
            id=_association_id(facts, len(self._ended)), title=_association_title(facts), lines=_association_lines(facts),
            contexts=_context_rows(facts),
        )  # fmt: skip
        if stored.refused:
            record = msgspec.structs.replace(
                record, status="refused"
            )  # not everything that was sent was checked
        told = facts.request is not None or stored.violations or stored.oddities
        one = looked(self.checker, {"store": stored} if told else {}, record)
        if len(self._seen) < _RECORDS:
            self._seen.append(one)
        self.tell(Told(association=one.record, findings=one.checked.findings))

    def _senders(self) -> list[Looked]:
        found = []
        for facts in sender_facts(self._ended):
            plural = "s" if facts.associations != 1 else ""
            record = AssociationRecord(
                id=f"{facts.calling} at {facts.peer}",
                title=f"sender · {facts.associations} association{plural}, {facts.instances} instances",
                lines=(("software", ", ".join((*facts.implementation_versions, *facts.implementation_classes)) or "not said"),),
            )  # fmt: skip
            demands = sender_demands(self.checker.profile.endpoints, self._ended, facts.calling)
            sender = msgspec.structs.replace(sender_rule_facts(facts), **demands)
            found.append(looked(self.checker, {"sender": sender}, record))
        return found

    def _slides(self) -> None:
        """Tell what the members that are there by now say of their slides and series, once."""
        if not self._new_members:
            return
        self._new_members = False
        together = check_together(self.totals.members, self.checker.planner.together, self.checker.settings)
        new = []
        for finding in together.findings:
            name = (finding.fingerprint, finding.message)
            if name not in self._told:
                self._told.add(name)
                new.append(finding)
        if new:
            self.tell(Told(findings=tuple(new)))

    # --- in the threads of associations ------------------------------------------------------------

    def _arrive(self, instance: ReceivedInstance) -> Answer:
        if not self._places.acquire(timeout=self.settings.deadline):
            discard(str(instance.path))
            return Answer(OUT_OF_RESOURCES, "too many instances wait to be checked")
        keep = self.settings.keep
        name = self._name(instance.command.sop_instance)
        path, shown = instance.path, name if keep is None else str(keep / name)
        final = keep / name if keep is not None else None
        verdict = _Verdict() if self.settings.status == "by-policy" else None
        if verdict is None and final is not None:
            try:
                publish(path, final, durable=False)
            except OSError:
                self._places.release()
                raise
            path, final = final, None
        self._queue.put(_Arrived(instance=instance, path=path, final=final, shown=shown, verdict=verdict))
        if verdict is None:
            return Answer(SUCCESS)
        return verdict.wait(self.settings.deadline) or Answer(OUT_OF_RESOURCES, "not checked in time")

    def _name(self, uid: str) -> str:
        """A file name of a SOP Instance UID; what is no UID gets a number, what came before another one."""
        stem = uid if 0 < len(uid) <= 64 and set(uid) <= set("0123456789.") and uid.strip(".") else "instance"
        with self._names:
            name, number = f"{stem}.dcm", 1
            while name in self._taken or (
                self.settings.keep is not None and (self.settings.keep / name).exists()
            ):
                number += 1
                name = f"{stem}-{number}.dcm"
            self._taken.add(name)
        return name

    def _end(self, facts: AssociationFacts) -> None:
        self._queue.put(facts)


def _without_instances(facts: AssociationFacts) -> AssociationFacts:
    """Facts of a long run: how many instances there were is kept, not which."""
    count = len(facts.instances) + facts.instances_not_kept
    return msgspec.structs.replace(facts, instances=(), instances_not_kept=count)


def _association_id(facts: AssociationFacts, number: int) -> str:
    calling = facts.request.calling if facts.request is not None else "nobody"
    return f"{calling} at {facts.peer}, association {number}"


def _association_title(facts: AssociationFacts) -> str:
    count = len(facts.instances) + facts.instances_not_kept
    parts = [facts.end, f"{count} instance{'s' if count != 1 else ''}"]
    if facts.echoes:
        parts.append(f"{facts.echoes} C-ECHO")
    parts.append(f"{facts.bytes_received} bytes in {facts.seconds:.1f} s")
    return " · ".join(parts)


def _association_lines(facts: AssociationFacts) -> tuple[tuple[str, str], ...]:
    lines: list[tuple[str, str]] = []
    request = facts.request
    if request is not None:
        user = request.user
        software = user.implementation_version or "no version name"
        lines.append(
            ("software", f"{software}, implementation class {user.implementation_class or 'missing'}")
        )
        lines.append(("called", request.called))
        lines.append(("max PDU", "not stated" if user.max_pdu is None else str(user.max_pdu)))
    if facts.tls is not None:
        lines.append(("TLS", f"{facts.tls.version} {facts.tls.suite}"))
        certificate = facts.tls.peer_certificate
        if certificate is not None:
            lines.append(("certificate", f"{certificate.subject}, until {certificate.not_after[:10]}"))
    if facts.rejection is not None:
        lines.append(("rejected", facts.rejection.words))
    if facts.abort is not None:
        lines.append(("aborted", facts.abort.words))
    refused = [instance for instance in facts.instances if instance.status > 0]
    if refused:
        statuses = dict.fromkeys(f"{one.status:04X}H {one.comment}".strip() for one in refused)
        lines.append(("refused", f"{len(refused)} instances: {', '.join(list(statuses)[:4])}"))
    for problem in facts.problems[:8]:
        lines.append((problem.kind, problem.detail))
    return tuple(lines)


def _context_rows(facts: AssociationFacts) -> tuple[ContextRow, ...]:
    """What the sender proposed, as far as it used it or was refused; a long list is not drawn in full."""
    if facts.request is None or facts.accept is None:
        return ()
    answers = {answer.id: answer for answer in facts.accept.contexts}
    used: dict[int, int] = {}
    for instance in facts.instances:
        used[instance.context.id] = used.get(instance.context.id, 0) + 1
    rows: list[ContextRow] = []
    for context in facts.request.contexts:
        answer = answers.get(context.id)
        result = answer.result if answer is not None else -1
        # The dozens of classes that a stock sender proposes and never uses tell nothing.
        if context.id not in used and result == 0 and len(facts.request.contexts) > 16:
            continue
        chosen = answer.transfer_syntax if answer is not None and result == 0 else ""
        said = CONTEXT_RESULTS.get(result, "not answered")
        if result == 0:
            said = uid_name(chosen) if len(context.transfer_syntaxes) > 1 else "accepted"
            said += f", {used[context.id]} instances" if context.id in used else ", not used"
        rows.append(
            ContextRow(
                sop_class=context.abstract_syntax, sop_class_name=uid_name(context.abstract_syntax),
                proposed=context.transfer_syntaxes, names=tuple(uid_name(s) for s in context.transfer_syntaxes),
                result=result, answer=said, chosen=chosen,
            )
        )  # fmt: skip
    return tuple(rows)
