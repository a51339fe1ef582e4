"""Every endpoint that the vendors' documents state, tried: silent at a server that keeps to it, found at one that does not."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from network_certificates import Certificates
from network_peers import EXPLICIT, JPEG, WSI, Acceptor, serve
from test_cli_probe import CONNECTION_START, behind_tls, report

from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.tls.context import server_context
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.resolve import resolve_profile

SETTINGS = {
    "aperio-gt450-dx": {
        "hostname": "archive",
        "file_location": r"\\files\slides",
        "transfer": "both",
    },
    "aperio-iqc": {},
    "dicomvert-2.0": {"host": "archive", "port": "11112", "called_ae_title": "ARCHIVE"},
}
ENDPOINTS = [
    (name, one.name, one.protocol)
    for name, settings in SETTINGS.items()
    for one in resolve_profile(name, settings).endpoints
]


def _http(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.recv(1 << 12)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _smb(sock: socket.socket) -> None:
    """Answers a session of NetBIOS (RFC 1002 4.3.2), then negotiates SMB 3.0.2 with signing."""
    with contextlib.suppress(OSError):
        kind, length = struct.unpack(">BxH", sock.recv(4, socket.MSG_WAITALL))
        sock.recv(length, socket.MSG_WAITALL)
        if kind == 0x81:
            sock.sendall(struct.pack(">I", 0x82000000))
            sock.recv(1 << 12)
        message = b"\xfeSMB" + bytes(60) + struct.pack("<HHH", 65, 3, 0x0302) + bytes(58)
        sock.sendall(struct.pack(">I", len(message)) + message)


@contextlib.contextmanager
def keeping(protocol: str, certificates: Certificates, folder: Path) -> Iterator[int]:
    """The port of a server that does what the documents state of this protocol."""
    if protocol == "smb":
        with serve(_smb) as port:
            yield port
    elif protocol in ("https", "amqps"):
        answer = CONNECTION_START if protocol == "amqps" else b"HTTP/1.1 400 Bad Request\r\n\r\n"
        with behind_tls(certificates["ec"], answer) as port:
            yield port
    else:
        syntaxes = (JPEG, EXPLICIT)
        acceptance = Acceptance(
            sop_classes=frozenset((WSI,)), transfer_syntaxes=syntaxes, other_syntaxes=False
        )
        tls = server_context(*certificates["ec"]) if protocol == "dicom-tls" else None
        with Acceptor(folder, acceptance=acceptance, tls=tls) as acceptor:
            yield acceptor.port


def test_all_endpoints_of_the_documents_are_here() -> None:
    assert {(name, endpoint) for name, endpoint, _ in ENDPOINTS} == {
        (name, one.name) for name in SETTINGS for one in find_profile(name).profile.endpoints
    }
    assert len(ENDPOINTS) == 11


@pytest.mark.parametrize(("name", "endpoint", "protocol"), ENDPOINTS)
def test_an_endpoint_is_silent_where_it_is_kept_and_found_where_it_is_not(
    name: str, endpoint: str, protocol: str, certificates: Certificates, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    given = [word for key, value in SETTINGS[name].items() for word in ("--set", f"{key}={value}")]
    given += ["-p", name, "--endpoint", endpoint]
    trust = [] if protocol in ("smb", "dicom") else ["--ca", certificates.ca]
    with keeping(protocol, certificates, tmp_path) as port:
        value = report(capsys, "127.0.0.1", port, *given, *trust, "--timeout", "1")
    worse = [one for one in value["findings"] if one["severity"] == "error"]
    assert (value["exit_code"], worse) == (0, [])
    with serve(_http) as port:
        value = report(capsys, "127.0.0.1", port, *given, *trust, "--timeout", "1")
    source = find_profile(name).profile.source
    assert source is not None
    assert value["exit_code"] in (1, 4) or value["findings"][0]["severity"] == "warning"
    (first, *_) = value["findings"]
    assert source.short in str(first["references"]), first
