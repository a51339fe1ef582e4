"""STOW-RS over HTTPS with client certificates, to a gate that runs as a process, and from there to an archive."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

import pytest
from gate_support import Archive, GateProcess, data_set, free_port, part10_file, until, write_config
from network_certificates import Certificates

from dcmlint.gate.config import read_config
from dcmlint.gate.journal import Journal

BODY = b"".join(
    b"--B\r\nContent-Type: application/dicom\r\n\r\n" + part10_file(uid, data_set(uid, refused=refused)) + b"\r\n"
    for uid, refused in (("2.25.1", False), ("2.25.2", True))
)  # fmt: skip


def posted(port: int, context: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    try:
        connection.request(
            "POST", "/dicom-web/studies", BODY + b"--B--\r\n",
            {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
        )  # fmt: skip
        return connection.getresponse().status
    finally:
        connection.close()


def spoken_plainly(port: int) -> None:
    """Plain HTTP on the port of HTTPS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/dicom-web/studies")
    connection.getresponse()


@pytest.mark.timeout(180)
def test_what_is_posted_reaches_the_archive_and_what_is_refused_does_not(
    tmp_path: Path, certificates: Certificates
) -> None:
    port = free_port()
    server, key = certificates["good"]
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        tls = f'certificate = "{server}"\nkey = "{key}"\nclient_ca = "{certificates.ca}"\n'
        config.write_text(config.read_text() + f"[stow]\nport = {port}\n{tls}")
        assert read_config(config).stow.client_ca
        context = ssl.create_default_context(cafile=certificates.ca)
        stranger = ssl.create_default_context(cafile=certificates.ca)
        context.load_cert_chain(*certificates["client"])
        with GateProcess(config) as gate:
            until(lambda: "STOW-RS" in gate.log.read_text(), 60)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                posted(port, stranger)
            with pytest.raises((http.client.HTTPException, ConnectionError)):
                spoken_plainly(port)
            assert posted(port, context) == 202
            until(lambda: "2.25.1" in archive.stored, 60)
            assert gate.stop() == 0
        assert "MARKER" not in gate.log.read_text()
        assert list(archive.stored) == ["2.25.1"]
        journal = Journal(config.parent / "spool" / "journal.sqlite")
        try:
            assert [row.state for row in journal.rows("1")] == ["delivered", "refused"]
        finally:
            journal.close()
