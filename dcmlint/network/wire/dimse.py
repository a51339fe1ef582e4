"""DIMSE command sets: encoded and decoded in Implicit VR Little Endian (PS3.7 6.3.1, 9.3, E.1)."""

from __future__ import annotations

import struct

import msgspec

from dcmlint.intake.status import Answer
from dcmlint.network.wire.pdu import Problem, WireError

# PS3.7 E.1-1: Command Field (0000,0100)
C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_GET_RQ = 0x0010
C_FIND_RQ = 0x0020
C_MOVE_RQ = 0x0021
C_ECHO_RQ = 0x0030
C_ECHO_RSP = 0x8030
C_CANCEL_RQ = 0x0FFF
N_EVENT_REPORT_RQ = 0x0100
N_ACTION_RQ = 0x0130
_RESPONSE = 0x8000  # PS3.7 E.1-1: a response is its request with the high bit set

COMMAND_NAMES = {
    0x0001: "C-STORE",
    0x0010: "C-GET",
    0x0020: "C-FIND",
    0x0021: "C-MOVE",
    0x0030: "C-ECHO",
    0x0FFF: "C-CANCEL",
    0x0100: "N-EVENT-REPORT",
    0x0110: "N-GET",
    0x0120: "N-SET",
    0x0130: "N-ACTION",
    0x0140: "N-CREATE",
    0x0150: "N-DELETE",
}

NO_DATA_SET = 0x0101  # PS3.7 E.1-1: Command Data Set Type (0000,0800), no data set follows
_DATA_SET = 0x0001  # any other value says that one follows

# The longest command set of PS3.7 is a few hundred bytes; a list of failed instances takes more.
MAX_COMMAND_BYTES = 1 << 16

# PS3.7 E.1-1: element numbers of group 0000
_GROUP_LENGTH = 0x0000
_AFFECTED_CLASS = 0x0002
_REQUESTED_CLASS = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_RESPONDED_ID = 0x0120
_MOVE_DESTINATION = 0x0600
_PRIORITY = 0x0700
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_OFFENDING = 0x0901
_COMMENT = 0x0902
_AFFECTED_INSTANCE = 0x1000
_REQUESTED_INSTANCE = 0x1001
_EVENT_TYPE = 0x1002
_ACTION_TYPE = 0x1008
_ORIGINATOR = 0x1030
_ORIGINATOR_ID = 0x1031

_ELEMENT = struct.Struct("<HHI")
_COMMENT_CHARACTERS = 64  # PS3.5 6.2, LO


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command set; None or empty is "not there".

    ``sop_class`` and ``sop_instance`` are the affected or, where those are absent, the requested ones.
    ``offending`` are tags as numbers (gggg << 16 | eeee).
    """

    field: int
    message_id: int | None = None
    responded_id: int | None = None
    sop_class: str = ""
    sop_instance: str = ""
    priority: int | None = None
    data_set_type: int = NO_DATA_SET
    status: int | None = None
    offending: tuple[int, ...] = ()
    comment: str = ""
    move_destination: str = ""
    originator: str = ""
    originator_id: int | None = None
    action_type: int | None = None
    oddities: tuple[Problem, ...] = ()

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows on the same presentation context."""
        return self.data_set_type != NO_DATA_SET

    @property
    def is_response(self) -> bool:
        """Whether this is a response."""
        return bool(self.field & _RESPONSE)

    @property
    def name(self) -> str:
        """The name of the message, as C-STORE-RQ."""
        if self.field == C_CANCEL_RQ:
            return "C-CANCEL-RQ"
        base = COMMAND_NAMES.get(self.field & ~_RESPONSE)
        if base is None:
            return f"command {self.field:04X}H"
        return f"{base}-{'RSP' if self.is_response else 'RQ'}"


def echo_request(message_id: int) -> bytes:
    """C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return _encode(
        (
            (_AFFECTED_CLASS, b"1.2.840.10008.1.1\0"),
            (_COMMAND_FIELD, _us(C_ECHO_RQ)),
            (_MESSAGE_ID, _us(message_id)),
            (_DATA_SET_TYPE, _us(NO_DATA_SET)),
        )
    )


def store_request(
    message_id: int,
    sop_class: str,
    sop_instance: str,
    *,
    priority: int = 0,
    originator: str = "",
    originator_id: int | None = None,
) -> bytes:
    """C-STORE-RQ (PS3.7 9.3.1.1); the data set follows on the same context."""
    elements = [
        (_AFFECTED_CLASS, _ui(sop_class)),
        (_COMMAND_FIELD, _us(C_STORE_RQ)),
        (_MESSAGE_ID, _us(message_id)),
        (_PRIORITY, _us(priority)),
        (_DATA_SET_TYPE, _us(_DATA_SET)),
        (_AFFECTED_INSTANCE, _ui(sop_instance)),
    ]
    if originator:
        elements.append((_ORIGINATOR, _text(originator, 16)))
    if originator_id is not None:
        elements.append((_ORIGINATOR_ID, _us(originator_id)))
    return _encode(tuple(elements))


def event_report_request(message_id: int, sop_class: str, sop_instance: str, event_type: int) -> bytes:
    """N-EVENT-REPORT-RQ (PS3.7 10.3.1.1); the event information follows on the same context."""
    return _encode(
        (
            (_AFFECTED_CLASS, _ui(sop_class)),
            (_COMMAND_FIELD, _us(N_EVENT_REPORT_RQ)),
            (_MESSAGE_ID, _us(message_id)),
            (_DATA_SET_TYPE, _us(_DATA_SET)),
            (_AFFECTED_INSTANCE, _ui(sop_instance)),
            (_EVENT_TYPE, _us(event_type)),
        )
    )


def response(request: Command, answer: Answer) -> bytes:
    """The response to a request, without a data set (PS3.7 9.3.1.2, 9.3.5.2).

    The UIDs are echoed as they came; a comment is cut to the 64 characters of LO.
    """
    elements: list[tuple[int, bytes]] = []
    if request.sop_class:
        elements.append((_AFFECTED_CLASS, _ui(request.sop_class)))
    elements += [
        (_COMMAND_FIELD, _us((request.field | _RESPONSE) & 0xFFFF)),
        (_RESPONDED_ID, _us(request.message_id or 0)),
        (_DATA_SET_TYPE, _us(NO_DATA_SET)),
        (_STATUS, _us(answer.status)),
    ]
    if answer.offending:
        tags = b"".join(struct.pack("<HH", tag >> 16 & 0xFFFF, tag & 0xFFFF) for tag in answer.offending[:64])
        elements.append((_OFFENDING, tags))
    if answer.comment:
        elements.append((_COMMENT, _text(answer.comment, _COMMENT_CHARACTERS)))
    if request.sop_instance:
        elements.append((_AFFECTED_INSTANCE, _ui(request.sop_instance)))
    return _encode(tuple(elements))


def decode(data: bytes | bytearray) -> Command:
    """A command set from its bytes.

    Raises ``WireError`` (``command``) where lengths lead out of it or no Command Field is there;
    what is merely odd is kept in ``oddities``.
    """
    oddities: list[Problem] = []
    values = _elements(data, oddities)
    field = _number(values, _COMMAND_FIELD, oddities)
    if field is None:
        raise WireError("command", "a command set without Command Field (0000,0100)")
    data_set_type = _number(values, _DATA_SET_TYPE, oddities)
    if data_set_type is None:
        _odd(oddities, "Command Data Set Type (0000,0800) is missing")
        data_set_type = NO_DATA_SET
    return Command(
        field=field,
        message_id=_number(values, _MESSAGE_ID, oddities),
        responded_id=_number(values, _RESPONDED_ID, oddities),
        sop_class=_string(values, _AFFECTED_CLASS) or _string(values, _REQUESTED_CLASS),
        sop_instance=_string(values, _AFFECTED_INSTANCE) or _string(values, _REQUESTED_INSTANCE),
        priority=_number(values, _PRIORITY, oddities),
        data_set_type=data_set_type,
        status=_number(values, _STATUS, oddities),
        offending=_tags(values.get(_OFFENDING, b"")),
        comment=_string(values, _COMMENT),
        move_destination=_string(values, _MOVE_DESTINATION),
        originator=_string(values, _ORIGINATOR),
        originator_id=_number(values, _ORIGINATOR_ID, oddities),
        action_type=_number(values, _ACTION_TYPE, oddities),
        oddities=tuple(oddities),
    )


def _elements(data: bytes | bytearray, oddities: list[Problem]) -> dict[int, bytes]:
    values: dict[int, bytes] = {}
    offset = 0
    previous = -1
    size = len(data)
    while offset < size:
        if offset + 8 > size:
            raise WireError("command", f"{size - offset} bytes after the last element of a command set")
        group, element, length = _ELEMENT.unpack_from(data, offset)
        if length > size - offset - 8:
            raise WireError(
                "command",
                f"({group:04X},{element:04X}) declares {length} bytes, {size - offset - 8} are left",
            )
        if group != 0:
            _odd(oddities, f"({group:04X},{element:04X}) in a command set; only group 0000 belongs there")
        else:
            if element <= previous:  # PS3.7 6.3.1: ascending
                _odd(oddities, f"(0000,{element:04X}) is out of order or twice")
            previous = element
            values[element] = bytes(data[offset + 8 : offset + 8 + length])
        if length % 2:
            _odd(oddities, f"({group:04X},{element:04X}) has an odd length")
        offset += 8 + length
    declared = values.get(_GROUP_LENGTH)
    if declared is None or len(declared) != 4:
        _odd(oddities, "Command Group Length (0000,0000) is missing")
    elif struct.unpack("<I", declared)[0] != size - 12:
        _odd(oddities, "Command Group Length (0000,0000) is not the length of what follows it")
    return values


def _number(values: dict[int, bytes], element: int, oddities: list[Problem]) -> int | None:
    raw = values.get(element)
    if raw is None:
        return None
    if len(raw) != 2:
        _odd(oddities, f"(0000,{element:04X}) has {len(raw)} bytes; a US has 2")
        return None
    return int.from_bytes(raw, "little")


def _string(values: dict[int, bytes], element: int) -> str:
    return values.get(element, b"")[:1024].decode("latin-1").strip("\0 ")


def _tags(raw: bytes) -> tuple[int, ...]:
    pairs = struct.iter_unpack("<HH", raw[: len(raw) // 4 * 4])
    return tuple(group << 16 | element for group, element in pairs)[:64]


def _odd(oddities: list[Problem], detail: str) -> None:
    if len(oddities) < 64:
        oddities.append(Problem(kind="command", detail=detail))


def _encode(elements: tuple[tuple[int, bytes], ...]) -> bytes:
    body = b"".join(_ELEMENT.pack(0, number, len(value)) + value for number, value in elements)
    return _ELEMENT.pack(0, _GROUP_LENGTH, 4) + struct.pack("<I", len(body)) + body


def _us(value: int) -> bytes:
    return struct.pack("<H", value & 0xFFFF)


def _ui(uid: str) -> bytes:
    raw = uid.encode("latin-1", "replace")
    return raw + b"\0" if len(raw) % 2 else raw


def _text(value: str, limit: int) -> bytes:
    # The default repertoire only, and no backslash, which would make two values (PS3.5 6.2, LO).
    cleaned = "".join(c if 0x20 <= ord(c) < 0x7F and c != "\\" else "?" for c in value[:limit])
    raw = cleaned.encode("ascii")
    return raw + b" " if len(raw) % 2 else raw
