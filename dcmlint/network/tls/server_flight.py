"""What a TLS server says in the clear before the session is encrypted (RFC 5246 7.4, RFC 8446 4).

Read beside the local library, not instead of it: a server that wants a client certificate breaks a
TLS 1.2 handshake off *after* it has chosen version and suite. Who only sees the failure takes that for
"not supported".
"""

from __future__ import annotations

import struct

MAX_FLIGHT_BYTES = 1 << 18

# RFC 8446 5.1, RFC 5246 7.4
_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _CERTIFICATE_REQUEST, _HELLO_DONE = 2, 11, 12, 13, 14
_SUPPORTED_VERSIONS, _ALPN = 43, 16  # RFC 8446 4.2
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "1.0", 0x0302: "1.1", 0x0303: "1.2", 0x0304: "1.3"}
_GROUPS = {23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448"}  # RFC 8422 5.1.1
_ALERTS = {  # RFC 8446 6, RFC 5246 7.2
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


class Flight:
    """The server's messages as far as they are readable; ``feed`` it every byte received."""

    def __init__(self) -> None:
        self.version = ""
        self.suite = -1
        self.certificates: tuple[bytes, ...] = ()
        self.asks_certificate = False
        self.dh_bits = 0
        self.curve = ""
        self.alpn = ""
        self.alert = ""
        self.first = b""
        self.done = False  # nothing more is readable
        self._records = bytearray()
        self._messages = bytearray()

    @property
    def chose(self) -> bool:
        """Whether the server has chosen a version and a suite."""
        return self.suite >= 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they came; what is not TLS, or is too much, ends the reading."""
        if len(self.first) < 16:
            self.first = (self.first + data)[:16]
        if self.done:
            return
        self._records += data
        try:
            while not self.done and len(self._records) >= 5:
                kind, _, length = struct.unpack_from(">BHH", self._records)
                if length > 1 << 14 or len(self._messages) > MAX_FLIGHT_BYTES:
                    self.done = True
                    break
                if len(self._records) < 5 + length:
                    break
                payload = bytes(self._records[5 : 5 + length])
                del self._records[: 5 + length]
                self._record(kind, payload)
        except (struct.error, IndexError):
            self.done = True

    def _record(self, kind: int, payload: bytes) -> None:
        if kind == _ALERT and len(payload) == 2:
            self.alert = _ALERTS.get(payload[1], f"alert {payload[1]}")
            self.done = True
        elif kind == _HANDSHAKE:
            self._messages += payload
            while len(self._messages) >= 4:
                length = int.from_bytes(self._messages[1:4], "big")
                if len(self._messages) < 4 + length:
                    return
                message = bytes(self._messages[4 : 4 + length])
                code = self._messages[0]
                del self._messages[: 4 + length]
                self._message(code, message)
        else:
            self.done = True  # from here on everything is encrypted

    def _message(self, code: int, body: bytes) -> None:
        if code == _SERVER_HELLO:
            self._hello(body)
        elif code == _CERTIFICATE:
            self.certificates = _certificates(body)
        elif code == _KEY_EXCHANGE:
            self._key_exchange(body)
        elif code == _CERTIFICATE_REQUEST:
            self.asks_certificate = True
        elif code == _HELLO_DONE:
            self.done = True

    def _hello(self, body: bytes) -> None:
        (version,) = struct.unpack_from(">H", body)
        offset = 34 + 1 + body[34]
        (suite,) = struct.unpack_from(">H", body, offset)
        offset += 3
        if offset + 2 <= len(body):
            offset += 2
            while offset + 4 <= len(body):
                kind, length = struct.unpack_from(">HH", body, offset)
                value = body[offset + 4 : offset + 4 + length]
                if kind == _SUPPORTED_VERSIONS and len(value) == 2:
                    (version,) = struct.unpack(">H", value)
                elif kind == _ALPN and len(value) > 3:
                    self.alpn = value[3 : 3 + value[2]].decode("latin-1")
                offset += 4 + length
        self.version = _VERSIONS.get(version, f"{version:04x}")
        self.suite = suite
        if self.version == "1.3":
            self.done = True

    def _key_exchange(self, body: bytes) -> None:
        if body[0] == 3:  # RFC 8422 5.4: a named curve
            (group,) = struct.unpack_from(">H", body, 1)
            self.curve = _GROUPS.get(group, f"group {group}")
        else:  # RFC 5246 7.4.3: the length of dh_p, at most 64 kbit, so its first byte is not 3 in practice
            (length,) = struct.unpack_from(">H", body)
            self.dh_bits = int.from_bytes(body[2 : 2 + length], "big").bit_length()


def _certificates(body: bytes) -> tuple[bytes, ...]:
    """The certificates of a TLS 1.2 Certificate message (RFC 5246 7.4.2), the server's own first."""
    found: list[bytes] = []
    offset = 3
    while offset + 3 <= len(body) and len(found) < 16:
        length = int.from_bytes(body[offset : offset + 3], "big")
        found.append(body[offset + 3 : offset + 3 + length])
        offset += 3 + length
    return tuple(found)
