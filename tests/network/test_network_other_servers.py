"""Servers that are not what was expected, and are said to be what they are."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from network_certificates import Certificates
from network_peers import free_port, wait_open

from dcmlint.network.requestor.association import Target
from dcmlint.network.requestor.probe import Question, probe_endpoint
from dcmlint.network.tls.scan import Endpoint, scan
from dcmlint.network.wire.connection import alert_name, tls_reason


@contextmanager
def openssl(certificate: tuple[str, str], *options: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", str(port), "-cert", certificate[0], "-key", certificate[1], "-quiet", *options],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_open(port)
        yield port
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_server_of_another_alpn_is_a_tls_server(certificates: Certificates) -> None:
    with openssl(certificates["good"], "-alpn", "h2,http/1.1") as port:
        found = scan(Endpoint(host="127.0.0.1", port=port, timeout=20, alpn=("dicom",)), thorough=False)
        assert found is not None
        assert [one.outcome for one in found.versions] == ["accepted"]
        assert (found.alpn_alert, found.alert) == ("no_application_protocol", "")
        facts = probe_endpoint(Target(host="127.0.0.1", port=port, timeout=3), Question(tls="require"))
    assert facts.tls_open
    assert facts.tls is not None
    assert facts.tls.certificate is not None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_server_that_answers_every_offer_with_an_alert_speaks_tls(certificates: Certificates) -> None:
    # It has only a suite that nobody offers.
    with openssl(certificates["good"], "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256", "-psk", "aa") as port:
        facts = probe_endpoint(Target(host="127.0.0.1", port=port, timeout=3), Question(tls="require"))
    assert facts.tls_open
    assert facts.tls is not None
    assert facts.tls.alert == "handshake_failure"


def test_a_reason_without_a_name_is_read_from_its_text() -> None:
    error = ssl.SSLError(1, "[SSL] tlsv1 alert no application protocol (_ssl.c:1006)")
    assert alert_name(error) == "no_application_protocol"
    assert tls_reason(error) == "tlsv1 alert no application protocol"
    assert alert_name(ssl.SSLError(1, "[SSL] unexpected eof (_ssl.c:1006)")) == ""


class Handler(BaseHTTPRequestHandler):
    """Python's own server: it waits for the end of a line."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


def test_a_web_server_that_waits_for_a_line_is_recognized(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        facts = probe_endpoint(Target(host="127.0.0.1", port=port, timeout=1.0), Question(tls="off"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [(one.outcome, one.speaks) for one in facts.attempts] == [("not DICOM", "http")]
