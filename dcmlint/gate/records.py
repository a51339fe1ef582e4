"""What the gate knows of an instance: plain frozen values, the same for the journal and for people."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal[
    "checking",  # accepted, and not yet checked to the end
    "waiting",  # accepted, and its study is not complete yet (`slides = "hold"`)
    "queued",  # on its way to the archive: the deliveries say how far
    "delivered",  # every destination has it
    "held",  # accepted and not forwarded: a person decides
    "refused",  # answered with a failure: it still belongs to its sender
    "superseded",  # held or refused, and the sender has sent another version since
    "discarded",  # given up by a person
]
DeliveryState = Literal["queued", "sending", "delivered", "held", "discarded"]

# What the gate has answered for, and must not lose.
OWNED: tuple[State, ...] = ("checking", "waiting", "queued", "held")
# What an instance with the same UID is compared to: the archive has it, or will have it unless it is held.
ACCEPTED: tuple[State, ...] = ("checking", "waiting", "queued", "delivered")

UNANSWERED = -1
# How files come that have File Meta Information of their own: the rules on commands are not for them.
WHOLE_FILES = ("watch", "stow")


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that is whole, and the file that holds it: a Part 10 file whose bytes are safe on the disk.

    ``file``: its name in the spool. ``sha256``: of the data set, as it came. ``sender`` and ``called``: AE
    titles, or what stands for them; ``peer``: the address it came from; ``via``: dimse, stow, watch, recovery.
    ``study``: its UID, where it stands among the first elements. ``originator``: whether a Move Originator was named by both its title and its message, None: not at all.
    """

    file: str
    sop_instance: str
    sop_class: str
    transfer_syntax: str
    sha256: str
    size: int
    sender: str = ""
    called: str = ""
    peer: str = ""
    via: str = "dimse"
    study: str = ""
    originator: bool | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal made of an arrival: its row, or the row of the same bytes that came before."""

    id: int
    state: State
    duplicate: bool = False
    why: str = ""


class Row(msgspec.Struct, frozen=True):
    """One instance as the journal has it; times are seconds since 1970. ``kept``: its file is in the spool.

    ``repaired``: the file that is forwarded in its place, ``repair``: what was done (`Repair`, as JSON); or empty.
    ``patient``: for audit messages, as long as the file is kept and only if they name the patient (`Patient`, as JSON)."""

    id: int
    uid: str
    sop_class: str
    syntax: str
    study: str
    series: str
    sha256: str
    size: int
    file: str
    kept: bool
    sender: str
    called: str
    peer: str
    via: str
    received: float
    state: State
    changed: float
    why: str
    answer: int
    findings: bytes = b""
    repaired: str = ""
    repair: bytes = b""
    patient: bytes = b""

    @property
    def files(self) -> tuple[str, ...]:
        """Its files in the spool."""
        return (self.file, self.repaired) if self.repaired else (self.file,)


def arrival_of(row: Row) -> Arrival:
    """The arrival that a row was made of."""
    return Arrival(
        file=row.file, sop_instance=row.uid, sop_class=row.sop_class, transfer_syntax=row.syntax, sha256=row.sha256,
        size=row.size, sender=row.sender, called=row.called, peer=row.peer, via=row.via, study=row.study,
    )  # fmt: skip


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history, which is never changed."""

    id: int
    time: float
    instance: int
    uid: str
    state: str
    who: str
    why: str
    sha256: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One instance on its way to one destination; ``due``: not tried again before."""

    instance: int
    destination: str
    state: DeliveryState
    tries: int
    due: float
    detail: str
    file: str = ""
    uid: str = ""
    sop_class: str = ""
    syntax: str = ""
    study: str = ""
    patient: bytes = b""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt to deliver."""

    instance: int
    state: Literal["queued", "delivered", "held"]
    detail: str
    due: float = 0.0
    attempted: bool = True  # False: its turn did not come, and nothing was sent
