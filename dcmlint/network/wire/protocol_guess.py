"""What a peer speaks, told from the first bytes that it sends."""

from __future__ import annotations


def speaks(first: bytes) -> str:
    """Empty if the bytes can begin a PDU (PS3.8 9.3.1), else tls, http, ssh … or the bytes in hexadecimal."""
    if not first or 1 <= first[0] <= 7:
        return ""
    # RFC 8446 5.1: record types 21 (alert) and 22 (handshake), then a version 3.x
    if first[0] in (0x15, 0x16) and (len(first) < 2 or first[1] == 3):
        return "tls"
    if first.startswith((b"HTTP/", b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"CONNECT ")):
        return "http"
    if first.startswith(b"SSH-"):
        return "ssh"
    if first.startswith(b"AMQP"):
        return "amqp"
    if first.startswith((b"220 ", b"220-")):
        return "smtp or ftp"
    return first[:8].hex(" ")
