"""Protocol data units of the upper layer: framing, P-DATA, reject, release, abort (PS3.8 9.3).

Lengths are checked before anything is read, so that no header, however large the length that it
declares, makes a reader allocate. Association requests and accepts are in ``associate``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from dcmlint.errors import DcmlintError

# PS3.8 9.3.1: PDU types
ASSOCIATE_RQ = 0x01
ASSOCIATE_AC = 0x02
ASSOCIATE_RJ = 0x03
P_DATA = 0x04
RELEASE_RQ = 0x05
RELEASE_RP = 0x06
ABORT = 0x07

PDU_NAMES = {
    ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    ASSOCIATE_AC: "A-ASSOCIATE-AC",
    ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    P_DATA: "P-DATA-TF",
    RELEASE_RQ: "A-RELEASE-RQ",
    RELEASE_RP: "A-RELEASE-RP",
    ABORT: "A-ABORT",
}

HEADER_BYTES = 6  # PS3.8 9.3.1: type, reserved, length of what follows
PDV_HEADER_BYTES = 6  # PS3.8 9.3.5.1: item length, presentation context id, message control header
# 128 contexts of 25 transfer syntaxes need less than 100 kB; what needs ten times that is no request.
MAX_ASSOCIATE_BYTES = 1 << 20

COMMAND = 0x01  # PS3.8 E.2: bit 0 of the message control header, a command fragment
LAST = 0x02  # PS3.8 E.2: bit 1, the last fragment

_HEADER = struct.Struct(">BxI")
_PDV_HEADER = struct.Struct(">IBB")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong on a connection.

    ``kind`` is a stable word (``pdu-length``, ``acse-timeout`` …). ``at`` is a byte: of the body for what
    is odd in an association PDU, else of all that was received; -1 where no byte is to blame.
    """

    kind: str
    detail: str
    at: int = -1


class WireError(DcmlintError):
    """The peer, or the line to it, did something after which the association cannot go on."""

    def __init__(self, kind: str, detail: str, at: int = -1) -> None:
        self.problem = Problem(kind=kind, detail=detail, at=at)
        super().__init__(f"{kind}: {detail}")


class Rejection(msgspec.Struct, frozen=True):
    """A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source, reason as numbers, ``words`` as in Table 9-21."""

    result: int
    source: int
    reason: int

    @property
    def transient(self) -> bool:
        """Whether the peer says that trying again later may help."""
        return self.result == 2  # PS3.8 Table 9-21

    @property
    def words(self) -> str:
        """Result, source and reason as the standard names them; numbers where it names none."""
        result = _REJECT_RESULTS.get(self.result, f"result {self.result}")
        source = _REJECT_SOURCES.get(self.source, f"source {self.source}")
        reason = _REJECT_REASONS.get((self.source, self.reason), f"reason {self.reason}")
        return f"{result}, {source}: {reason}"


class Abort(msgspec.Struct, frozen=True):
    """A-ABORT (PS3.8 9.3.8): who aborted and why, ``words`` as in Table 9-26."""

    source: int
    reason: int

    @property
    def words(self) -> str:
        """Source and reason as the standard names them; numbers where it names none."""
        if self.source == 0:  # PS3.8 Table 9-26: the reason is not significant
            return "service-user"
        source = "service-provider" if self.source == 2 else f"source {self.source}"
        return f"{source}: {_ABORT_REASONS.get(self.reason, f'reason {self.reason}')}"


# PS3.8 Table 9-21
_REJECT_RESULTS = {1: "rejected-permanent", 2: "rejected-transient"}
_REJECT_SOURCES = {1: "service-user", 2: "service-provider (ACSE)", 3: "service-provider (presentation)"}
_REJECT_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
# PS3.8 Table 9-26
_ABORT_REASONS = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}

# The rejections and aborts that this side sends.
REJECT_CALLED = Rejection(1, 1, 7)
REJECT_CALLING = Rejection(1, 1, 3)
REJECT_APPLICATION_CONTEXT = Rejection(1, 1, 2)
REJECT_PROTOCOL_VERSION = Rejection(1, 2, 2)
REJECT_LOCAL_LIMIT = Rejection(2, 3, 2)
REJECT_CONGESTION = Rejection(2, 3, 1)
ABORT_USER = Abort(0, 0)
ABORT_NOT_SPECIFIED = Abort(2, 0)
ABORT_UNRECOGNIZED = Abort(2, 1)
ABORT_UNEXPECTED = Abort(2, 2)
ABORT_INVALID = Abort(2, 6)


def encode_header(kind: int, length: int) -> bytes:
    """The six bytes before each PDU (PS3.8 9.3.1)."""
    return _HEADER.pack(kind, length)


def parse_header(data: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Type and declared length of a PDU, from its first six bytes (PS3.8 9.3.1)."""
    kind, length = _HEADER.unpack_from(data)
    return kind, length


def parse_pdv_header(data: bytes | bytearray | memoryview) -> tuple[int, int, int]:
    """Length of the fragment, presentation context id and control header of a PDV (PS3.8 9.3.5.1).

    The declared length counts the two bytes of id and control header; here they are taken off, so a
    lie below two gives a negative length, which the caller refuses.
    """
    length, context, control = _PDV_HEADER.unpack_from(data)
    return length - 2, context, control


def encode_rejection(rejection: Rejection) -> bytes:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return encode_header(ASSOCIATE_RJ, 4) + bytes(
        (0, rejection.result & 0xFF, rejection.source & 0xFF, rejection.reason & 0xFF)
    )


def parse_rejection(body: bytes) -> Rejection:
    """The body of an A-ASSOCIATE-RJ; raises ``WireError`` unless it is four bytes long."""
    _expect_four(body, ASSOCIATE_RJ)
    return Rejection(body[1], body[2], body[3])


def encode_abort(abort: Abort) -> bytes:
    """A-ABORT (PS3.8 9.3.8)."""
    return encode_header(ABORT, 4) + bytes((0, 0, abort.source & 0xFF, abort.reason & 0xFF))


def parse_abort(body: bytes) -> Abort:
    """The body of an A-ABORT; raises ``WireError`` unless it is four bytes long."""
    _expect_four(body, ABORT)
    return Abort(body[2], body[3])


def encode_release_request() -> bytes:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""
    return encode_header(RELEASE_RQ, 4) + bytes(4)


def encode_release_reply() -> bytes:
    """A-RELEASE-RP (PS3.8 9.3.7)."""
    return encode_header(RELEASE_RP, 4) + bytes(4)


def bound(kind: int, length: int, max_data: int) -> None:
    """Refuse a declared length before its bytes are read.

    ``max_data`` bounds P-DATA-TF; the others have the bound of their kind. Raises ``WireError``
    (``pdu-type`` or ``pdu-length``).
    """
    if kind == P_DATA:
        limit = max_data
    elif kind in (ASSOCIATE_RQ, ASSOCIATE_AC):
        limit = MAX_ASSOCIATE_BYTES
    elif kind in PDU_NAMES:
        limit = 4  # PS3.8 9.3.4, 9.3.6, 9.3.7, 9.3.8
    else:
        raise WireError("pdu-type", f"PDU type {kind:02X}H is not one of PS3.8 9.3.1")
    if length > limit:
        raise WireError("pdu-length", f"{PDU_NAMES[kind]} declares {length} bytes; {limit} is the limit")


def fragments(
    context: int, payload: bytes | memoryview, *, command: bool, max_pdu: int
) -> Iterator[tuple[bytes, memoryview]]:
    """Cut a command or a data set into P-DATA-TF PDUs of one PDV each (PS3.8 9.3.5).

    Yields (headers, bytes of the fragment). ``max_pdu`` is the receiver's Maximum Length Received,
    which limits what follows the PDU header (PS3.8 D.1); 0 is unlimited.
    """
    size = (max_pdu - PDV_HEADER_BYTES) if max_pdu else 1 << 20
    size = max(size, 1)
    view = memoryview(payload)
    kind = COMMAND if command else 0
    total = len(view)
    offset = 0
    while True:
        piece = view[offset : offset + size]
        offset += len(piece)
        control = kind | (LAST if offset >= total else 0)
        headers = _HEADER.pack(P_DATA, len(piece) + PDV_HEADER_BYTES) + _PDV_HEADER.pack(
            len(piece) + 2, context, control
        )
        yield headers, piece
        if offset >= total:
            return


def _expect_four(body: bytes, kind: int) -> None:
    if len(body) != 4:
        raise WireError("pdu-length", f"{PDU_NAMES[kind]} of {len(body)} bytes; it has 4")
