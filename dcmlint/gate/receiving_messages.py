"""What a receiving process and its gate say to each other.

Over one connection for each association, MessagePack: a call of the process, and for those that ask something the
reply of the gate. An association asks one thing at a time.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from dcmlint.gate.records import Arrival
from dcmlint.gate.settings import Listen
from dcmlint.intake.status import Answer
from dcmlint.network.acceptor.settings import Action
from dcmlint.network.observed import AssociationFacts
from dcmlint.network.wire.associate import AssociateRequest
from dcmlint.network.wire.pdu import Rejection

MAX_CONNECTED_BYTES = 4096
# Bytes that the gate shares with its receiving processes: whether they are to refuse what comes, and whether it ends.
FULL, STOPPING = 0, 1
SHARED_BYTES = 4096


class Start(NamedTuple):
    """What a receiving process is told first: see `acceptor_settings`."""

    listen: Listen
    base: Path
    directory: Path
    commits: bool


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A connection for a receiving process; its socket, and the one of its calls, come with it.

    ``token`` and ``number`` stand in the names of its files, which no other connection of any gate has. ``began``:
    monotonic time.
    """

    token: str
    number: int
    peer: str
    port: int
    began: float


class Renamed(msgspec.Struct, frozen=True, tag=True):
    """A proxy has said whose connection it is. Reply: `Place`."""

    peer: str


class Requested(msgspec.Struct, frozen=True, tag=True):
    """An association is requested. Reply: `Rejected`."""

    request: AssociateRequest
    peer: str


class Admitted(msgspec.Struct, frozen=True, tag=True):
    """The association would be accepted. Reply: `Place`."""


class Arrived(msgspec.Struct, frozen=True, tag=True):
    """An instance is whole, and its bytes are safe in the file ``part``. Reply: `Answered` or `Failed`."""

    part: str
    arrival: Arrival


class Acted(msgspec.Struct, frozen=True, tag=True):
    """An N-ACTION is whole. Reply: `Answered` or `Failed`."""

    action: Action


class NotTaken(msgspec.Struct, frozen=True, tag=True):
    """An instance was answered, and never came to be decided. No reply."""

    uid: str
    sender: str
    peer: str
    answer: Answer


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The connection has ended; ``coming``: the UID of the instance that was being received. No reply."""

    facts: AssociationFacts
    coming: str


class Place(msgspec.Struct, frozen=True, tag=True):
    """Whether there is a place."""

    free: bool


class Rejected(msgspec.Struct, frozen=True, tag=True):
    """The rejection, if it is one."""

    rejection: Rejection | None


class Answered(msgspec.Struct, frozen=True, tag=True):
    """What the sender is answered."""

    answer: Answer


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It could not be taken: the sender keeps it."""

    why: str


Call = Renamed | Requested | Admitted | Arrived | Acted | NotTaken | Ended
Reply = Place | Rejected | Answered | Failed

_encode = msgspec.msgpack.Encoder().encode
_calls = msgspec.msgpack.Decoder(Call)
_replies = msgspec.msgpack.Decoder(Reply)
_LENGTH_BYTES = 4
_PIECE = 1 << 16


class Channel:
    """One side of a connection: each message after its length."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._came = bytearray()

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close this side."""
        self._sock.close()

    def send(self, message: Call | Reply) -> None:
        """Raises ``OSError`` where the other side is gone."""
        data = _encode(message)
        self._sock.sendall(len(data).to_bytes(_LENGTH_BYTES, "big") + data)

    def reply(self) -> Reply:
        """The next reply, waited for. Raises ``EOFError`` or ``OSError`` where the other side is gone."""
        while (data := self._next()) is None:
            self._read()
        reply: Reply = _replies.decode(data)
        return reply

    def calls(self) -> Iterator[Call]:
        """The calls that have come whole with what can be read now, which is read once.
        Raises ``EOFError`` or ``OSError`` where the other side is gone."""
        self._read()
        while (data := self._next()) is not None:
            yield _calls.decode(data)

    def _read(self) -> None:
        piece = self._sock.recv(_PIECE)
        if not piece:
            raise EOFError("the other side is gone")
        self._came += piece

    def _next(self) -> bytes | None:
        came = self._came
        if len(came) < _LENGTH_BYTES:
            return None
        end = _LENGTH_BYTES + int.from_bytes(came[:_LENGTH_BYTES], "big")
        if len(came) < end:
            return None
        data = bytes(came[_LENGTH_BYTES:end])
        del came[:end]
        return data
