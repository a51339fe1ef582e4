"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC as values (PS3.8 9.3.2, 9.3.3; user information PS3.7 D.3.3).

Parsing keeps what is odd beside what was read: only lengths that cannot be followed end it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from dcmlint.network.wire.pdu import ASSOCIATE_AC, ASSOCIATE_RQ, Problem, WireError, encode_header
from dcmlint.standard.uids import DICOMApplicationContext

PROTOCOL_VERSION = 1  # PS3.8 9.3.2, bit 0

# PS3.8 9.3.2, 9.3.3: items
_ITEM_APPLICATION_CONTEXT = 0x10
_ITEM_CONTEXT_RQ = 0x20
_ITEM_CONTEXT_AC = 0x21
_ITEM_ABSTRACT = 0x30
_ITEM_TRANSFER = 0x40
_ITEM_USER = 0x50
# PS3.8 D.1, PS3.7 D.3.3: sub-items of the user information
_USER_MAX_LENGTH = 0x51
_USER_CLASS = 0x52
_USER_WINDOW = 0x53
_USER_ROLE = 0x54
_USER_VERSION = 0x55
_USER_EXTENDED = 0x56
_USER_COMMON = 0x57
_USER_IDENTITY_RQ = 0x58
_USER_IDENTITY_AC = 0x59

_FIXED_BYTES = 68  # PS3.8 Table 9-11: version, reserved, two titles, 32 reserved
_MAX_ITEMS = 1024  # ids are odd bytes, so 128 contexts at most; the rest is room for mistakes


class ProposedContext(msgspec.Struct, frozen=True):
    """A presentation context as proposed: id, abstract syntax, transfer syntaxes in their order."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class ContextAnswer(msgspec.Struct, frozen=True):
    """The answer to a context: ``result`` 0 … 4 (PS3.8 Table 9-18), syntax when 0."""

    id: int
    result: int
    transfer_syntax: str = ""

    @property
    def words(self) -> str:
        """The result as the standard names it."""
        return CONTEXT_RESULTS.get(self.result, f"result {self.result}")


CONTEXT_RESULTS = {  # PS3.8 Table 9-18
    0: "acceptance",
    1: "user-rejection",
    2: "no reason (provider rejection)",
    3: "abstract syntax not supported",
    4: "transfer syntaxes not supported",
}


class Role(msgspec.Struct, frozen=True):
    """SCP/SCU role selection for one SOP Class (PS3.7 D.3.3.4)."""

    sop_class: str
    scu: int
    scp: int


class ExtendedNegotiation(msgspec.Struct, frozen=True):
    """SOP Class Extended Negotiation (PS3.7 D.3.3.5)."""

    sop_class: str
    information: bytes


class CommonExtendedNegotiation(msgspec.Struct, frozen=True):
    """SOP Class Common Extended Negotiation (PS3.7 D.3.3.6)."""

    sop_class: str
    service_class: str
    related: tuple[str, ...] = ()


class UserIdentity(msgspec.Struct, frozen=True):
    """User Identity (PS3.7 D.3.3.7): ``kind`` 1 name, 2 name and passcode, 3 Kerberos, 4 SAML, 5 JWT."""

    kind: int
    primary: bytes
    secondary: bytes = b""
    response_requested: bool = False


class UserInformation(msgspec.Struct, frozen=True, kw_only=True):
    """The user information of a request or an accept; None or empty is "not sent"."""

    max_pdu: int | None = None
    implementation_class: str = ""
    implementation_version: str = ""
    window: tuple[int, int] | None = None
    roles: tuple[Role, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = None


class AssociateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A-ASSOCIATE-RQ; titles without their padding, ``oddities`` what a strict reader objects to."""

    called: str
    calling: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation
    application_context: str = DICOMApplicationContext
    protocol_version: int = PROTOCOL_VERSION
    oddities: tuple[Problem, ...] = ()


class AcceptedContext(msgspec.Struct, frozen=True):
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


class AssociateAccept(msgspec.Struct, frozen=True, kw_only=True):
    """A-ASSOCIATE-AC; ``called`` and ``calling`` are the fields that should echo the request."""

    called: str
    calling: str
    contexts: tuple[ContextAnswer, ...]
    user: UserInformation
    application_context: str = DICOMApplicationContext
    protocol_version: int = PROTOCOL_VERSION
    oddities: tuple[Problem, ...] = ()


def encode_request(request: AssociateRequest) -> bytes:
    """An A-ASSOCIATE-RQ PDU with its header (PS3.8 9.3.2)."""
    body = [_fixed(request.protocol_version, request.called, request.calling)]
    body.append(_item(_ITEM_APPLICATION_CONTEXT, _ascii(request.application_context)))
    for context in request.contexts:
        items = [_item(_ITEM_ABSTRACT, _ascii(context.abstract_syntax))]
        items += [_item(_ITEM_TRANSFER, _ascii(syntax)) for syntax in context.transfer_syntaxes]
        body.append(_item(_ITEM_CONTEXT_RQ, bytes((context.id & 0xFF, 0, 0, 0)) + b"".join(items)))
    body.append(_item(_ITEM_USER, _encode_user(request.user)))
    data = b"".join(body)
    return encode_header(ASSOCIATE_RQ, len(data)) + data


def encode_accept(accept: AssociateAccept) -> bytes:
    """An A-ASSOCIATE-AC PDU with its header (PS3.8 9.3.3)."""
    body = [_fixed(accept.protocol_version, accept.called, accept.calling)]
    body.append(_item(_ITEM_APPLICATION_CONTEXT, _ascii(accept.application_context)))
    for context in accept.contexts:
        head = bytes((context.id & 0xFF, 0, context.result & 0xFF, 0))
        body.append(_item(_ITEM_CONTEXT_AC, head + _item(_ITEM_TRANSFER, _ascii(context.transfer_syntax))))
    body.append(_item(_ITEM_USER, _encode_user(accept.user)))
    data = b"".join(body)
    return encode_header(ASSOCIATE_AC, len(data)) + data


def parse_request(body: bytes) -> AssociateRequest:
    """The body of an A-ASSOCIATE-RQ, without its header.

    Raises ``WireError`` (``associate``) where a length leads out of the PDU.
    """
    fields = _parse_body(body, _ITEM_CONTEXT_RQ, _parse_proposed, "an A-ASSOCIATE-RQ")
    return AssociateRequest(**fields)


def parse_accept(body: bytes) -> AssociateAccept:
    """The body of an A-ASSOCIATE-AC, without its header.

    Raises ``WireError`` (``associate``) where a length leads out of the PDU.
    """
    return AssociateAccept(**_parse_body(body, _ITEM_CONTEXT_AC, _parse_answer, "an A-ASSOCIATE-AC"))


def _parse_body(
    body: bytes, context_item: int, parse_context: Callable[[bytes, int, list[Problem]], Any], pdu: str
) -> dict[str, Any]:
    """The fields that request and acceptance have in common (PS3.8 Tables 9-11 and 9-17)."""
    oddities: list[Problem] = []
    version, called, calling = _parse_fixed(body, oddities)
    application = ""
    contexts = []
    user = UserInformation()
    for kind, value, at in _items(body, _FIXED_BYTES):
        if kind == _ITEM_APPLICATION_CONTEXT:
            application = _uid(value, "application context", at, oddities)
        elif kind == context_item:
            contexts.append(parse_context(value, at, oddities))
        elif kind == _ITEM_USER:
            user = _parse_user(value, at, oddities)
        else:
            _odd(oddities, "item", f"item type {kind:02X}H is not of {pdu}", at)
    if not contexts and context_item == _ITEM_CONTEXT_RQ:
        _odd(oddities, "no-context", "no presentation context is proposed", _FIXED_BYTES)
    _check_ids([context.id for context in contexts], oddities)
    return {
        "called": called, "calling": calling, "contexts": tuple(contexts), "user": user, "application_context": application,
        "protocol_version": version, "oddities": tuple(oddities),
    }  # fmt: skip


def _parse_fixed(body: bytes, oddities: list[Problem]) -> tuple[int, str, str]:
    if len(body) < _FIXED_BYTES:
        raise WireError("associate", f"{len(body)} bytes; the fixed fields alone take {_FIXED_BYTES}")
    (version,) = struct.unpack_from(">H", body)
    called = _title(body[4:20], "called AE title", 4, oddities)
    calling = _title(body[20:36], "calling AE title", 20, oddities)
    return version, called, calling


def _title(raw: bytes, what: str, at: int, oddities: list[Problem]) -> str:
    text = raw.decode("latin-1").strip(" ")
    if "\0" in text:
        _odd(oddities, "title", f"{what} is padded with NUL; spaces pad it (PS3.8 9.3.2)", at)
        text = text.strip("\0 ")
    # PS3.5 6.2, AE: the default repertoire without backslash and control characters
    if any(not 0x20 <= ord(c) < 0x7F or c == "\\" for c in text):
        _odd(oddities, "title", f"{what} has characters outside the repertoire of AE", at)
    if not text:
        _odd(oddities, "title", f"{what} is empty", at)
    return text


def _uid(raw: bytes, what: str, at: int, oddities: list[Problem]) -> str:
    text = raw.decode("latin-1")
    stripped = text.rstrip("\0 ")
    if stripped != text:
        _odd(oddities, "uid-padding", f"{what} is padded; UIDs in a PDU are not (PS3.8 Annex F)", at)
    # PS3.5 9.1
    if not stripped or len(stripped) > 64 or any(c not in "0123456789." for c in stripped):
        _odd(oddities, "uid", f"{what} is not a UID", at)
    return stripped[:128]


def _items(body: bytes, start: int) -> Iterator[tuple[int, bytes, int]]:
    """Type, value and offset of each item (PS3.8 9.3.2: type, reserved, length of two bytes)."""
    offset = start
    count = 0
    while offset < len(body):
        count += 1
        if count > _MAX_ITEMS:
            raise WireError("associate", f"more than {_MAX_ITEMS} items", offset)
        if offset + 4 > len(body):
            raise WireError("associate", f"{len(body) - offset} bytes after the last item", offset)
        kind = body[offset]
        (length,) = struct.unpack_from(">H", body, offset + 2)
        end = offset + 4 + length
        if end > len(body):
            raise WireError(
                "associate",
                f"item {kind:02X}H declares {length} bytes and {len(body) - offset - 4} are left",
                offset,
            )
        yield kind, body[offset + 4 : end], offset
        offset = end


def _parse_proposed(value: bytes, at: int, oddities: list[Problem]) -> ProposedContext:
    if len(value) < 4:
        raise WireError("associate", "a presentation context of less than 4 bytes", at)
    abstract = ""
    syntaxes: list[str] = []
    for kind, raw, where in _items(value, 4):
        if kind == _ITEM_ABSTRACT and not abstract:
            abstract = _uid(raw, "abstract syntax", at + where, oddities)
        elif kind == _ITEM_TRANSFER:
            syntaxes.append(_uid(raw, "transfer syntax", at + where, oddities))
        else:
            _odd(oddities, "item", f"sub-item {kind:02X}H in context {value[0]}", at + where)
    if not abstract or not syntaxes:
        _odd(oddities, "context", f"context {value[0]} has no abstract or no transfer syntax", at)
    return ProposedContext(value[0], abstract, tuple(syntaxes))


def _parse_answer(value: bytes, at: int, oddities: list[Problem]) -> ContextAnswer:
    if len(value) < 4:
        raise WireError("associate", "a presentation context of less than 4 bytes", at)
    syntax = ""
    for kind, raw, where in _items(value, 4):
        if kind == _ITEM_TRANSFER and not syntax:
            # PS3.8 Table 9-18: not significant unless the context is accepted; often empty or wrong
            syntax = _uid(raw, "transfer syntax", at + where, oddities if value[2] == 0 else [])
        else:
            _odd(oddities, "item", f"sub-item {kind:02X}H in context {value[0]}", at + where)
    if value[2] > 4:
        _odd(oddities, "result", f"context {value[0]} has result {value[2]}, beyond PS3.8 Table 9-18", at)
    return ContextAnswer(value[0], value[2], syntax if value[2] == 0 else "")


def _parse_user(value: bytes, at: int, oddities: list[Problem]) -> UserInformation:
    max_pdu: int | None = None
    window: tuple[int, int] | None = None
    texts = {_USER_CLASS: "", _USER_VERSION: ""}
    roles: list[Role] = []
    extended: list[ExtendedNegotiation] = []
    common: list[CommonExtendedNegotiation] = []
    identity: UserIdentity | None = None
    response: bytes | None = None
    for kind, raw, where in _items(value, 0):
        here = at + 4 + where
        try:
            if kind == _USER_MAX_LENGTH:
                (max_pdu,) = struct.unpack(">I", raw)  # PS3.8 D.1
            elif kind == _USER_CLASS:
                texts[kind] = _uid(raw, "implementation class", here, oddities)
            elif kind == _USER_VERSION:
                texts[kind] = raw.decode("latin-1").rstrip("\0 ")
                if not 1 <= len(raw) <= 16:  # PS3.7 D.3.3.2.3
                    _odd(oddities, "version-name", f"implementation version name of {len(raw)} bytes", here)
            elif kind == _USER_WINDOW:
                window = struct.unpack(">HH", raw)  # PS3.7 D.3.3.3
            elif kind == _USER_ROLE:
                uid, rest = _counted(raw)
                scu, scp = struct.unpack(">BB", rest)  # PS3.7 D.3.3.4
                roles.append(Role(_uid(uid, "role selection", here, oddities), scu, scp))
            elif kind == _USER_EXTENDED:
                uid, rest = _counted(raw)
                extended.append(ExtendedNegotiation(_uid(uid, "extended negotiation", here, oddities), rest))
            elif kind == _USER_COMMON:
                common.append(_parse_common(raw, here, oddities))
            elif kind == _USER_IDENTITY_RQ:
                primary, rest = _counted(raw[2:])
                secondary, _ = _counted(rest)
                identity = UserIdentity(raw[0], primary, secondary, raw[1] == 1)  # PS3.7 D.3.3.7
            elif kind == _USER_IDENTITY_AC:
                response, _ = _counted(raw)
            else:
                _odd(oddities, "item", f"user information sub-item {kind:02X}H", here)
        except (struct.error, IndexError):
            _odd(oddities, "item", f"user information sub-item {kind:02X}H of {len(raw)} bytes", here)
    return UserInformation(
        max_pdu=max_pdu,
        implementation_class=texts[_USER_CLASS],
        implementation_version=texts[_USER_VERSION],
        window=window,
        roles=tuple(roles),
        extended=tuple(extended),
        common_extended=tuple(common),
        identity=identity,
        identity_response=response,
    )


def _parse_common(raw: bytes, at: int, oddities: list[Problem]) -> CommonExtendedNegotiation:
    sop_class, rest = _counted(raw)
    service, rest = _counted(rest)
    related_raw, _ = _counted(rest)
    related: list[str] = []
    while related_raw:
        uid, related_raw = _counted(related_raw)
        related.append(_uid(uid, "related general SOP class", at, oddities))
    return CommonExtendedNegotiation(
        _uid(sop_class, "common extended negotiation", at, oddities),
        _uid(service, "service class", at, oddities),
        tuple(related),
    )


def _counted(raw: bytes) -> tuple[bytes, bytes]:
    """A field of two bytes length and as many bytes, and what follows it."""
    (length,) = struct.unpack_from(">H", raw)
    if 2 + length > len(raw):
        raise struct.error("the field is longer than its item")
    return raw[2 : 2 + length], raw[2 + length :]


def _check_ids(ids: list[int], oddities: list[Problem]) -> None:
    seen: set[int] = set()
    for number in ids:
        if number % 2 == 0:  # PS3.8 9.3.2.2: odd, 1 to 255
            _odd(oddities, "context-id", f"context id {number} is even", -1)
        if number in seen:
            _odd(oddities, "context-id", f"context id {number} is used twice", -1)
        seen.add(number)


def _odd(oddities: list[Problem], kind: str, detail: str, at: int) -> None:
    if len(oddities) < 64:
        oddities.append(Problem(kind=kind, detail=detail, at=at))


def _fixed(version: int, called: str, calling: str) -> bytes:
    titles = [title.encode("latin-1", "replace")[:16].ljust(16) for title in (called, calling)]
    return struct.pack(">HH", version, 0) + titles[0] + titles[1] + bytes(32)


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _ascii(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _count(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _encode_user(user: UserInformation) -> bytes:
    items: list[bytes] = []
    if user.max_pdu is not None:
        items.append(_item(_USER_MAX_LENGTH, struct.pack(">I", user.max_pdu)))
    if user.implementation_class:
        items.append(_item(_USER_CLASS, _ascii(user.implementation_class)))
    if user.window is not None:
        items.append(_item(_USER_WINDOW, struct.pack(">HH", *user.window)))
    items += [
        _item(_USER_ROLE, _count(_ascii(role.sop_class)) + bytes((role.scu, role.scp))) for role in user.roles
    ]
    if user.implementation_version:
        items.append(_item(_USER_VERSION, _ascii(user.implementation_version)[:16]))
    items += [
        _item(_USER_EXTENDED, _count(_ascii(each.sop_class)) + each.information) for each in user.extended
    ]
    for each in user.common_extended:
        related = b"".join(_count(_ascii(uid)) for uid in each.related)
        value = _count(_ascii(each.sop_class)) + _count(_ascii(each.service_class)) + _count(related)
        items.append(_item(_USER_COMMON, value))
    if user.identity is not None:
        head = bytes((user.identity.kind, int(user.identity.response_requested)))
        items.append(
            _item(_USER_IDENTITY_RQ, head + _count(user.identity.primary) + _count(user.identity.secondary))
        )
    if user.identity_response is not None:
        items.append(_item(_USER_IDENTITY_AC, _count(user.identity_response)))
    return b"".join(items)
