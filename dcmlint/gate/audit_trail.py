"""Sends audit messages to a repository: over UDP (RFC 5426) or TLS (RFC 5425), beside everything else.

Instances of one study that come from one sender, or go to one destination, are counted for some seconds and told in
one message. A repository that is away costs the gate nothing: messages wait, and the oldest go first if there are too
many, which the log says.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import threading
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import msgspec

from dcmlint.gate.audit_messages import (
    MINOR_FAILURE,
    SUCCESS,
    Repairs,
    Transfer,
    activity,
    framed,
    repaired,
    syslog,
    transferred,
)
from dcmlint.gate.core import Decided
from dcmlint.gate.deliver import Sent
from dcmlint.gate.journal import Journal
from dcmlint.gate.logs import Log
from dcmlint.gate.observer import Observer
from dcmlint.gate.records import Delivery, State
from dcmlint.gate.settings import Audit, Forward, GateSettings
from dcmlint.gate.tls_files import client_tls
from dcmlint.intake.verdict import Patient, Verdict

_GATHER_SECONDS = 5.0
_MOST_WAITING = 10_000
_MOST_GATHERED = 1000
_TIMEOUT = 5.0
_RETRY_SECONDS = 5.0


class AuditTrail(Observer):
    """Told of what happens; ``start``, ``stop``. ``tls``: the context of a repository that is reached over TLS."""

    def __init__(
        self, settings: Audit, forward: tuple[Forward, ...], log: Log, tls: ssl.SSLContext | None
    ) -> None:
        self._settings, self._log, self._tls = settings, log, tls
        self._addresses = {one.name: (one.called, one.host) for one in forward}
        self._host = socket.gethostname()
        self._journal: Journal | None = None
        self._changed = threading.Condition()
        self._gathered: dict[Transfer | Repairs, Counter[str]] = {}
        self._since = monotonic()
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._stopping = False
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="gate-audit", daemon=True)

    def start(self) -> None:
        """Tell that the gate has started."""
        self._put(activity("start", source=self._settings.source, now=datetime.now(UTC)))
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Tell that it stops, and send what waits, for some seconds at most."""
        self._flush()
        self._put(activity("stop", source=self._settings.source, now=datetime.now(UTC)))
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def watch(self, journal: Journal) -> None:
        """Look up in this journal what came before its study was known."""
        self._journal = journal

    def decided(self, decided: Decided) -> None:
        """Something came: ours, or refused. Before its verdict nothing is known of study and patient: see `settled`."""
        arrival, verdict, taken = decided.arrival, decided.verdict, decided.taken
        if verdict is None and not taken.duplicate:
            return
        status = decided.answer.status
        known = verdict or Verdict()
        self._came(arrival.sender, arrival.peer, arrival.sop_class, status, known.study, known.patient)
        if known.repair is not None and not taken.duplicate:
            self._gather(Repairs(study=known.study, patient=known.patient), arrival.sop_class)

    def settled(self, number: int, state: State, verdict: Verdict) -> None:
        """The verdict on what came before."""
        rows = self._journal.rows("id=?", number) if self._journal is not None else []
        for row in rows:
            self._came(
                row.sender, row.peer, row.sop_class, max(row.answer, 0), verdict.study, verdict.patient
            )
            if row.repaired:
                self._gather(Repairs(study=verdict.study, patient=verdict.patient), row.sop_class)

    def sent(self, delivery: Delivery, sent: Sent) -> None:
        """Something was delivered, or will never be."""
        if not sent.delivered and sent.transient:
            return
        title, host = self._addresses.get(delivery.destination, (delivery.destination, ""))
        outcome = SUCCESS if sent.delivered else MINOR_FAILURE
        patient = msgspec.json.decode(delivery.patient, type=Patient) if delivery.patient else None
        transfer = Transfer(
            direction="out", title=title, address=host, study=delivery.study, outcome=outcome, patient=patient
        )
        self._gather(transfer, delivery.sop_class)

    def _came(
        self, sender: str, peer: str, sop_class: str, status: int, study: str, patient: Patient | None
    ) -> None:
        outcome, why = (MINOR_FAILURE, f"{status:04X}H") if status else (SUCCESS, "")
        transfer = Transfer(
            direction="in", title=sender, address=peer, study=study, outcome=outcome, why=why, patient=patient
        )
        self._gather(transfer, sop_class)

    def tick(self) -> None:
        """Tell what was gathered."""
        if monotonic() - self._since >= _GATHER_SECONDS:
            self._flush()

    # --- sending -----------------------------------------------------------------------------------

    def _gather(self, transfer: Transfer | Repairs, sop_class: str) -> None:
        with self._changed:
            self._gathered.setdefault(transfer, Counter())[sop_class] += 1
            full = len(self._gathered) >= _MOST_GATHERED
        if full:
            self._flush()

    def _flush(self) -> None:
        with self._changed:
            gathered, self._gathered = self._gathered, {}
            self._since = monotonic()
        source, now = self._settings.source, datetime.now(UTC)
        for what, classes in gathered.items():
            if isinstance(what, Transfer):
                self._put(transferred(what, classes, source=source, now=now))
            else:
                self._put(repaired(what, classes, source=source, now=now))

    def _put(self, message: bytes) -> None:
        line = syslog(message, host=self._host, process=os.getpid(), now=datetime.now(UTC))
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(line)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    break
                line = self._waiting[0]
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._log("audit messages lost", level="error", count=dropped)
            try:
                self._send(line)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # no datagram can hold it, now or later
                    self._log("audit message too long for UDP: lost", level="error", bytes=len(line))
                    self._done(line)
                    continue
                self._log("audit repository", level="warning", error=str(error))
                self._close()
                with self._changed:
                    if self._changed.wait_for(lambda: self._stopping, _RETRY_SECONDS):
                        break
                continue
            self._done(line)
        self._close()

    def _done(self, line: bytes) -> None:
        """A message needs no more attempts."""
        with self._changed:
            if self._waiting and self._waiting[0] is line:
                self._waiting.popleft()

    def _send(self, line: bytes) -> None:
        settings = self._settings
        if self._socket is None:
            if settings.transport == "udp":
                family, kind, _, _, address = socket.getaddrinfo(
                    settings.host, settings.port, type=socket.SOCK_DGRAM
                )[0]
                self._socket = socket.socket(family, kind)
                self._socket.connect(address)
            else:
                raw = socket.create_connection((settings.host, settings.port), _TIMEOUT)
                if self._tls is None:
                    raise OSError("no TLS context")
                self._socket = self._tls.wrap_socket(raw, server_hostname=settings.name or settings.host)
        self._socket.sendall(line if settings.transport == "udp" else framed(line))

    def _close(self) -> None:
        made, self._socket = self._socket, None
        if made is None:
            return
        if isinstance(made, ssl.SSLSocket):
            # With session tickets unread, a close would be a reset, and take with it what the repository has not read.
            with contextlib.suppress(OSError):
                made.unwrap()
        made.close()


def audit_trail(settings: GateSettings, base: Path, log: Log) -> AuditTrail:
    """The audit trail of a configuration, whose folder is ``base``. Raises ``UsageError`` for certificates."""
    audit = settings.audit
    tls = client_tls(audit, base, alpn=()) if audit.transport == "tls" else None
    return AuditTrail(audit, settings.forward, log, tls)
