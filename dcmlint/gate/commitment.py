"""Storage commitment, relayed (PS3.4 Annex J): committed is what every destination has acknowledged, and nothing else.

A request is written to the disk before it is answered. Its result goes to the address that is configured for the
AE title that asked, over an association of our own, and is tried again until it is taken.
"""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import ssl
import threading
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from time import time

import msgspec

from dcmlint.gate.journal import Journal
from dcmlint.gate.logs import Log
from dcmlint.gate.settings import Commitment
from dcmlint.intake import part10
from dcmlint.intake.part import publish
from dcmlint.intake.status import NOT_AUTHORIZED, PROCESSING_FAILURE, SUCCESS, Answer
from dcmlint.network.acceptor.settings import Action
from dcmlint.network.reach import attempt_words
from dcmlint.network.requestor.association import Target, associate, association_request, own_information
from dcmlint.network.wire.associate import ProposedContext, Role
from dcmlint.network.wire.pdu import WireError
from dcmlint.standard.uids import (
    ImplicitVRLittleEndian,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

_REQUEST = 1  # PS3.4 Table J.3-1, Action Type ID
_COMPLETE, _WITH_FAILURES = 1, 2  # PS3.4 Table J.3-2, Event Type ID
NO_SUCH_INSTANCE, INVALID_ARGUMENT, CLASS_CONFLICT = 0x0112, 0x0115, 0x0119  # PS3.4 J.3.2.1.2; PS3.3 C.14
_SUFFIX = ".json"
_MOST_OPEN = 10_000
_RETRY_FIRST, _RETRY_MOST = 5.0, 600.0
_LOOK_SECONDS = 1.0
_GIVE_UP = 7 * 86400.0
# On its way: a verdict, a person's decision or a destination is waited for.
_PENDING = frozenset({"checking", "waiting", "queued", "held"})


class Transaction(msgspec.Struct, kw_only=True):
    """One request, as it is kept: (class, instance) of each reference, and when its result was last tried."""

    uid: str
    title: str
    called: str
    references: list[tuple[str, str]]
    asked: float
    tries: int = 0
    due: float = 0.0


class Commitments:
    """The requests of one gate; ``look`` regularly. ``peers`` is by AE title, ``tls`` as well."""

    def __init__(
        self, folder: Path, journal: Journal, peers: dict[str, Commitment], tls: dict[str, ssl.SSLContext], log: Log,
        clock: Callable[[], float] = time,
    ) -> None:  # fmt: skip
        self._folder, self._journal, self._log, self._clock = folder, journal, log, clock
        self._peers, self._tls = peers, tls
        folder.mkdir(exist_ok=True)
        for left in folder.glob("*.part"):  # of a request that was never answered
            left.unlink()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate-commitment", daemon=True)

    def take(self, action: Action) -> Answer:
        """Take a request (N-ACTION): success once it is safe on the disk. Raises ``OSError``."""
        command, title = action.command, action.association.request.calling
        if command.sop_instance != StorageCommitmentPushModelInstance or command.action_type != _REQUEST:
            return Answer(INVALID_ARGUMENT, "only action 1 of the well-known instance is served")
        if title not in self._peers:
            return Answer(NOT_AUTHORIZED, "no address is configured for this AE title")
        if sum(1 for _ in self._folder.glob(f"*{_SUFFIX}")) >= _MOST_OPEN:
            return Answer(PROCESSING_FAILURE, "too many requests are open")
        read = read_request(action.information, action.context.transfer_syntax)
        if read is None:
            return Answer(INVALID_ARGUMENT, "no Transaction UID or no references")
        uid, references = read
        made = Transaction(
            uid=uid,
            title=title,
            called=action.association.request.called,
            references=references,
            asked=self._clock(),
        )
        self._save(self._folder / f"{uuid.uuid4().hex}{_SUFFIX}", made)
        self._log("storage commitment asked", transaction=uid, sender=title, instances=len(references))
        return Answer(SUCCESS)

    def look(self) -> None:
        """Send the results that are known by now."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                one = msgspec.json.decode(path.read_bytes(), type=Transaction)
            except (OSError, msgspec.MsgspecError) as error:
                self._log("storage commitment", level="error", file=path.name, error=str(error))
                continue
            if self._clock() < one.due:
                continue
            try:
                self._look_at(path, one)
            except (OSError, sqlite3.Error) as error:  # the disk is full, or the journal is closed
                self._log("storage commitment", level="warning", transaction=one.uid, error=str(error))

    def start(self) -> None:
        """Look every few seconds, in a thread of its own: to send a result can take time."""
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """End; what is open is looked at again at the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except OSError as error:  # the folder cannot be read
                self._log("storage commitment", level="warning", error=str(error))

    # --- one request -------------------------------------------------------------------------------

    def _look_at(self, path: Path, one: Transaction) -> None:
        peer = self._peers.get(one.title)
        now = self._clock()
        if peer is None or now - one.asked > max(_GIVE_UP, 2 * float(peer.wait)):
            self._log("storage commitment given up", level="error", transaction=one.uid, sender=one.title)
            path.unlink(missing_ok=True)
            return
        failed, pending = self._judge(one)
        if pending and now - one.asked < peer.wait:
            return
        failed |= dict.fromkeys(pending, PROCESSING_FAILURE)
        wrong = self._send(peer, one, failed)
        if not wrong:
            self._log("storage commitment answered", transaction=one.uid, sender=one.title, instances=len(one.references),
                      failed=len(failed))  # fmt: skip
            path.unlink(missing_ok=True)
            return
        one.tries += 1
        one.due = now + min(_RETRY_FIRST * 2 ** min(one.tries - 1, 16), _RETRY_MOST)
        self._log(
            "storage commitment not delivered",
            level="warning",
            transaction=one.uid,
            sender=one.title,
            detail=wrong,
        )
        self._save(path, one)

    def _judge(self, one: Transaction) -> tuple[dict[tuple[str, str], int], list[tuple[str, str]]]:
        """References that failed, with the reason, and those that are on their way."""
        failed: dict[tuple[str, str], int] = {}
        pending = []
        for reference in one.references:
            # Of several versions it is the last one that its sender may delete.
            rows = [row for row in self._journal.find(reference[1]) if row.state in (*_PENDING, "delivered")]
            if not rows:
                failed[reference] = NO_SUCH_INSTANCE
            elif rows[-1].state in _PENDING:
                pending.append(reference)
            elif rows[-1].sop_class != reference[0]:
                failed[reference] = CLASS_CONFLICT
        return failed, pending

    def _send(self, peer: Commitment, one: Transaction, failed: dict[tuple[str, str], int]) -> str:
        """Send a result; empty, or why it was not taken."""
        target = Target(
            host=peer.host, port=peer.port, called=one.title, calling=one.called, timeout=peer.timeout,
            tls=self._tls.get(one.title), server_name=peer.tls.name if peer.tls is not None else "",
        )  # fmt: skip
        # PS3.4 J.3.3, PS3.7 D.3.3.4: whoever reports the event is the SCP, though it opens the association.
        user = msgspec.structs.replace(own_information(), roles=(Role(StorageCommitmentPushModel, 0, 1),))
        context = ProposedContext(1, StorageCommitmentPushModel, (ImplicitVRLittleEndian,))
        dialogue, facts, _ = associate(target, association_request(target, (context,), user), "commitment")
        if dialogue is None:
            return f"no association: {attempt_words(facts)}"
        try:
            event = _WITH_FAILURES if failed else _COMPLETE
            reply = dialogue.report(
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
                event,
                write_result(one.uid, one.references, failed),
            )
        except WireError as error:
            return f"{error.problem.kind}: {error.problem.detail}"
        else:
            dialogue.release()
            return "" if reply.status == SUCCESS else f"answered {reply.status or 0:04X}H"
        finally:
            dialogue.close()

    def _save(self, path: Path, one: Transaction) -> None:
        made = path.with_suffix(".part")
        with made.open("wb") as file:
            file.write(msgspec.json.encode(one))
            file.flush()
            os.fsync(file.fileno())
        publish(made, path)


def read_request(information: bytes, syntax: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Transaction UID and references (class, instance) of a request; None where it has none (PS3.4 Table J.3-1)."""
    import pydicom

    # What pydicom warns of has values of the sender in it, which belong in no log.
    logging.getLogger("pydicom").disabled = True
    warnings.filterwarnings("ignore", module="pydicom")
    head = part10.file_meta(StorageCommitmentPushModel, StorageCommitmentPushModelInstance, syntax, "", "")
    try:
        found = pydicom.dcmread(io.BytesIO(head + information))
        uid = str(found.TransactionUID)
        references = [
            (str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
            for item in found.ReferencedSOPSequence
        ]
    except Exception:  # noqa: BLE001 - a reader of foreign bytes raises what it likes; there is one answer to all
        return None
    if not uid or not references or max(map(len, (uid, *(one for pair in references for one in pair)))) > 64:
        return None
    return uid, references


def write_result(uid: str, references: list[tuple[str, str]], failed: dict[tuple[str, str], int]) -> bytes:
    """The event information, in Implicit VR Little Endian (PS3.4 Table J.3-2)."""
    from pydicom.dataset import Dataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    def item(reference: tuple[str, str]) -> Dataset:
        made = Dataset()
        made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = reference
        if reference in failed:
            made.FailureReason = failed[reference]
        return made

    result = Dataset()
    result.TransactionUID = uid
    good = [item(one) for one in references if one not in failed]
    if good:
        result.ReferencedSOPSequence = good
    if failed:
        result.FailedSOPSequence = [item(one) for one in failed]
    sink = DicomBytesIO()
    sink.is_little_endian = sink.is_implicit_VR = True
    write_dataset(sink, result)
    content: bytes = sink.getvalue()
    return content
