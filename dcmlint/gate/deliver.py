"""One destination as the gate sends to it: an association that is kept as long as it serves, and plain outcomes."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dcmlint.errors import InputError
from dcmlint.findings.redact import given_uid
from dcmlint.intake.status import SUCCESS, store_status
from dcmlint.network.reach import reach_words
from dcmlint.network.requestor.association import Dialogue, Target, associate, association_request
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import ProposedContext
from dcmlint.network.wire.pdu import WireError
from dcmlint.standard import names

_MAX_CONTEXTS = 128  # PS3.8 9.3.2.2: odd numbers up to 255

_PATIENCE = 16  # times the timeout, at most

Context = tuple[str, str]  # SOP Class and transfer syntax


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one C-STORE, in the destination's words.

    ``transient``: trying again can help; ``line``: the association, or the destination as a whole, is the cause.
    ``comment``: its Error Comment, for the journal and no log: nobody knows what it names.
    """

    delivered: bool
    transient: bool
    detail: str
    line: bool = False
    comment: str = ""

    @property
    def words(self) -> str:
        """Everything that it said."""
        return f"{self.detail}: {self.comment}" if self.comment else self.detail


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where instances go; ``timeout``: seconds for each step, an answer included."""

    name: str
    host: str
    port: int
    called: str
    calling: str = "DCMLINT"
    timeout: float = 60.0
    tls: ssl.SSLContext | None = None
    server_name: str = ""

    @property
    def target(self) -> Target:
        """As the requestor wants it."""
        return Target(
            host=self.host, port=self.port, called=self.called, calling=self.calling, timeout=self.timeout,
            tls=self.tls, server_name=self.server_name,
        )  # fmt: skip


class Courier:
    """An association to a destination, opened when there is something to send. Not for several threads."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self._dialogue: Dialogue | None = None
        self._proposed: frozenset[Context] = frozenset()

    def open(self, contexts: Sequence[Context]) -> str:
        """Have an association that proposes ``contexts``; empty, or why there is none."""
        wanted = frozenset(contexts)
        if self._dialogue is not None:
            if wanted <= self._proposed:
                return ""
            self.close()
            wanted |= self._proposed
            if len(wanted) > _MAX_CONTEXTS:
                wanted = frozenset(contexts)
        chosen = sorted(wanted)[:_MAX_CONTEXTS]
        proposals = tuple(
            ProposedContext(2 * at + 1, sop_class, (syntax,)) for at, (sop_class, syntax) in enumerate(chosen)
        )
        target = self.destination.target
        dialogue, facts, reach = associate(target, association_request(target, proposals), "store")
        if dialogue is None:
            if facts.outcome == "unreachable":
                return f"no association: {reach_words(reach)}"
            return f"no association: {facts.outcome}" + (f", {facts.detail}" if facts.detail else "")
        self._dialogue, self._proposed = dialogue, frozenset(chosen)
        return ""

    def send(self, path: Path, context: Context, uid: str, tries: int = 0) -> Sent:
        """Send the file of an instance that was tried ``tries`` times before.

        Each time there is more time for it: else an archive that needs longer than the timeout to take a large
        slide would never have it. An association that fails is closed, so that no late answer is taken for that
        of another instance.
        """
        dialogue = self._dialogue
        if dialogue is None:
            return Sent(delivered=False, transient=True, detail="no association", line=True)
        if context not in dialogue.contexts:
            return Sent(
                delivered=False,
                transient=False,
                detail=f"no presentation context was accepted for {uid_name(context[0])} in {uid_name(context[1])}",
            )
        dialogue.timeout = self.destination.timeout * min(2**tries, _PATIENCE)
        try:
            reply = dialogue.store(path)
        except WireError as error:
            self._drop()
            detail = f"{error.problem.kind}: {error.problem.detail}"
            return Sent(delivered=False, transient=True, detail=detail, line=True)
        except InputError as error:
            return Sent(delivered=False, transient=False, detail=f"the file cannot be sent: {error}")
        wrong = ""
        if reply.field != dimse.C_STORE_RSP or reply.status is None:
            wrong = f"{reply.name} where C-STORE-RSP is due"
        elif reply.responded_id not in (None, dialogue.message_id):
            wrong = "the response is to another message"
        elif reply.sop_instance not in ("", uid):  # PS3.7 9.3.1.2: may be left out
            wrong = "the response names another instance"
        if wrong or reply.status is None:
            self._drop()
            return Sent(delivered=False, transient=True, detail=wrong, line=True)
        return said(reply.status, reply.comment)

    def close(self) -> None:
        """Release the association, if there is one."""
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.release()
            dialogue.close()

    def _drop(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.abort()
            dialogue.close()


def uid_name(uid: str) -> str:
    """What a UID is called, and the UID."""
    name = names.uid_name(uid)
    return given_uid(uid) if name == uid else f"{name} ({uid})"


def said(status: int, comment: str) -> Sent:
    """What a status means for an instance (PS3.4 B.2.3): a warning says that it was stored."""
    meaning = store_status(status)
    stored = status == SUCCESS or meaning.status_class == "warning"
    return Sent(
        delivered=stored, transient=not stored and meaning.retry, detail=meaning.text, comment=comment
    )
