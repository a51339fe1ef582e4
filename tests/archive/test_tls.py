"""Sources over TLS: whose certificate is taken, and who is told what is wrong with one."""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.slides import ct, to_bytes

from dcmlint.errors import InputError, UsageError
from dcmlint.sources.open_source import SourceSettings, open_source

sys.path.insert(0, str(Path(__file__).parent.parent / "network"))
pytest.importorskip("cryptography")

from network_certificates import Authority, Certificates

UIDS = {"0020000D": "1.2.3", "0020000E": "1.2.3.4", "00080018": "1.2.3.4.5"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(Authority(tmp_path_factory.mktemp("certificates")))


def accepting(certificates, kind, mutual=False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates[kind])
    if mutual:
        context.load_verify_locations(certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Handler(http.server.BaseHTTPRequestHandler):
    """A DICOMweb server with one instance, which is a file of HTTP, too."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body, kind = to_bytes(ct()), "application/dicom"
        if self.path.partition("?")[0].endswith(("/studies", "/series", "/instances")):
            body, kind = (
                json.dumps([{tag: {"vr": "UI", "Value": [uid]} for tag, uid in UIDS.items()}]).encode(),
                "application/dicom+json",
            )
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *given):
        return


@contextmanager
def web(context: ssl.SSLContext) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *given: None
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def pacs(context: ssl.SSLContext) -> Iterator[int]:
    from pydicom.dataset import Dataset
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

    def find(event):
        made = Dataset()
        made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = UIDS.values()
        yield 0xFF00, made

    entity = AE("PACS")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=context, evt_handlers=[(evt.EVT_C_FIND, find)]
    )
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()


def listed(url, options=None):
    source = open_source(SourceSettings(names=(url,), options=options or {}))
    try:
        return [key.key for key in source.listed()]
    finally:
        source.close()


SERVERS = {
    "web": (web, "dicomweb+https://localhost:{}/dicom-web"),
    "pacs": (pacs, "dicom+tls://PACS@localhost:{}"),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("good", ""), ("expired", "has expired"), ("future", "is not valid yet"), ("wrong-host", "for another host"),
        ("self-signed", "is self-signed"),
    ],
)  # fmt: skip
def test_the_certificate_of_the_server_is_checked(certificates, server, kind, why):
    start, url = SERVERS[server]
    with start(accepting(certificates, kind)) as port:
        with pytest.raises(InputError, match=why or "authority that is not known here"):
            listed(url.format(port), {} if kind == "good" else {"ca": certificates.ca})
        if kind == "good":
            (key,) = listed(url.format(port), {"ca": certificates.ca})
            assert key.endswith("1.2.3.4.5")


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_certificate_is_given(certificates, server):
    start, url = SERVERS[server]
    trusted = {"ca": certificates.ca}
    with start(accepting(certificates, "good", mutual=True)) as port:
        with pytest.raises(InputError, match=r"client certificate|no connection|association was"):
            listed(url.format(port), trusted)
        cert, key = certificates["client"]
        assert len(listed(url.format(port), {**trusted, "cert": cert, "key": key})) == 1


def test_an_instance_is_fetched_over_tls(certificates):
    with web(accepting(certificates, "good")) as port:
        name = f"dicomweb+https://localhost:{port}/dicom-web"
        source = open_source(SourceSettings(names=(name,), options={"ca": certificates.ca}))
        (key,) = source.listed()
        (one,) = source.inputs(key)
        assert bytes(source.open(one)[:132])[128:] == b"DICM"
        source.close()


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("good", ""), ("expired", "has expired"), ("future", "is not valid yet"), ("wrong-host", "for another host"),
        ("self-signed", "not known here"), ("mutual", "client certificate, which obstore does not have"),
    ],
)  # fmt: skip
def test_a_store_is_checked_too(certificates, monkeypatch, kind, why):
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    monkeypatch.setattr("dcmlint.sources.object_store._RETRIES", {"max_retries": 0})
    with web(accepting(certificates, "good" if kind == "mutual" else kind, mutual=kind == "mutual")) as port:
        if why:
            with pytest.raises(InputError, match=why):
                listed(f"https://localhost:{port}/a.dcm")
        else:
            assert len(listed(f"https://localhost:{port}/a.dcm")) == 1


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("dicomweb+https://localhost/x", {"verify": "false"}, "has the options ca, cert, key"),
        ("dicomweb+https://localhost/x", {"ca": "/nowhere.pem"}, "is not a file"),
        ("dicomweb+https://localhost/x", {"key": "KEY"}, "cert is missing"),
        ("dicomweb+https://localhost/x", {"cert": "KEY"}, "no certificate or key"),
        ("dicom+tls://A@localhost:1", {"ca": "KEY"}, "no certificate or key"),
        ("dicom://A@localhost:1", {"ca": "KEY"}, "has no options"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, name, options, why):
    key = tmp_path / "k"
    key.write_text("no PEM")
    with pytest.raises(UsageError, match=why):
        open_source(
            SourceSettings(names=(name,), options={n: v.replace("KEY", str(key)) for n, v in options.items()})
        )


def test_a_proxy_is_asked_and_one_that_is_not_there_is_said(certificates, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(InputError, match="no connection through the proxy"):
        listed("dicomweb+https://pacs.example/x")
