"""STOW-RS to a gate that runs as a process, and from there to an archive."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from gate_support import Archive, GateProcess, data_set, free_port, part10_file, until, write_config


@pytest.mark.timeout(180)
def test_what_is_posted_reaches_the_archive_and_what_is_refused_does_not(tmp_path: Path) -> None:
    port = free_port()
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        config.write_text(config.read_text() + f"[stow]\nport = {port}\n")
        body = b"".join(
            b"--B\r\nContent-Type: application/dicom\r\n\r\n" + part10_file(uid, data_set(uid, refused=refused)) + b"\r\n"
            for uid, refused in (("2.25.1", False), ("2.25.2", True))
        )  # fmt: skip
        with GateProcess(config) as gate:
            until(lambda: "STOW-RS" in gate.log.read_text(), 60)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(
                "POST", "/dicom-web/studies", body + b"--B--\r\n",
                {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'},
            )  # fmt: skip
            assert connection.getresponse().status == 202
            connection.close()
            until(lambda: "2.25.1" in archive.stored, 60)
            assert gate.stop() == 0
        assert "MARKER" not in gate.log.read_text()
        assert list(archive.stored) == ["2.25.1"]
