"""`dcmlint probe` as its user meets it, against real peers on loopback."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from network_certificates import Certificates
from network_peers import JPEG, WSI, Acceptor, dcmqrscp, free_port, need, orthanc, serve, storescp
from test_network_tls import tls_server

from dcmlint.cli.app import run
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.requestor import smb
from dcmlint.network.tls.context import server_context

BIG_ENDIAN = "1.2.840.10008.1.2.2"


def probe(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error; no configuration is read."""
    code = run(["probe", "--isolated", "--timeout", "3", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    code, out, err = probe(capsys, *arguments, "-f", "json")
    assert out, err
    value = json.loads(out)
    assert value["exit_code"] == code
    return value


def rules(value: dict) -> set[str]:
    return {finding["rule"] for finding in value["findings"]}


def facts(value: dict) -> dict:
    return value["associations"][0]["facts"]


@pytest.fixture(autouse=True)
def eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


# --- our own acceptor as the peer: no program is needed ----------------------------------------------


def test_a_table_of_eighty_columns_and_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Acceptor(tmp_path) as acceptor:
        code, out, err = probe(capsys, "127.0.0.1", acceptor.port)
    assert code == 0, out
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"JPEG Baseline \(Process 1\) +accepted", out)
    assert re.search(r"all 11 in one context +JPEG Baseline", out)
    assert "PASS" in out


def test_without_demands_it_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acceptance = Acceptance(
        transfer_syntaxes=("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"), other_syntaxes=False
    )
    with Acceptor(tmp_path, acceptance=acceptance) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "--level", "full")
    assert value["exit_code"] == 0
    assert value["outcomes"]["NET210"]["not_applicable"] == 1
    assert value["outcomes"]["NET203"]["not_applicable"] == 1
    refused = [row for row in value["associations"][0]["contexts"] if row["result"] == 4]
    assert {row["answer"] for row in refused} == {"transfer syntaxes not supported"}


def test_what_flags_require_and_forbid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acceptance = Acceptance(transfer_syntaxes=("1.2.840.10008.1.2.1", BIG_ENDIAN), other_syntaxes=False)
    with Acceptor(tmp_path, acceptance=acceptance) as acceptor:
        value = report(
            capsys, "127.0.0.1", acceptor.port, "--sop", "VLWholeSlideMicroscopyImageStorage", "--syntax",
            "JPEGBaseline8Bit", "--syntax", "ExplicitVRLittleEndian", "--forbid", BIG_ENDIAN, "--choice", JPEG,
        )  # fmt: skip
    assert value["exit_code"] == 1
    assert {"NET210", "NET211", "NET213"} <= rules(value)
    message = next(one["message"] for one in value["findings"] if one["rule"] == "NET210")
    assert "JPEG Baseline (Process 1) (transfer syntaxes not supported)" in message
    assert "Explicit VR Little Endian" not in message


def test_titles_that_must_be_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Acceptor(tmp_path) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "--expect-reject-aet", "--level", "full")
        assert {"NET203", "NET204"} <= rules(value)
        assert value["exit_code"] == 1  # what somebody demands is an error
    (tmp_path / "strict").mkdir()
    strict = Acceptance(called=frozenset({"ARCHIVE"}), calling=frozenset({"DCMLINT"}))
    with Acceptor(tmp_path / "strict", acceptance=strict) as acceptor:
        value = report(
            capsys,
            "127.0.0.1",
            acceptor.port,
            "--expect-reject-aet",
            "--level",
            "full",
            "--called",
            "ARCHIVE",
        )
        assert not {"NET201", "NET203", "NET204"} & rules(value)
        value = report(capsys, "127.0.0.1", acceptor.port)
    assert value["exit_code"] == 4  # refused: nothing more could be asked
    assert value["associations"][0]["status"] == "refused"
    assert "called AE title not recognized" in next(
        one["message"] for one in value["findings"] if one["rule"] == "NET201"
    )


def test_what_changed_since_an_earlier_probe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with Acceptor(tmp_path, port=port):
        assert probe(capsys, "127.0.0.1", port, "-f", f"json={tmp_path / 'before.json'}")[0] == 0
    acceptance = Acceptance(transfer_syntaxes=("1.2.840.10008.1.2.1",), other_syntaxes=False)
    with Acceptor(tmp_path, port=port, acceptance=acceptance, max_pdu=16384):
        value = report(capsys, "127.0.0.1", port, "--baseline", tmp_path / "before.json")
    changed = next(one["message"] for one in value["findings"] if one["rule"] == "NET242")
    assert "max pdu: 131072, now 16384" in changed
    assert "JPEG Baseline (Process 1) is now refused" in changed


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        (lambda sock: sock.recv(1 << 16), "NET003"),
        (lambda sock: (sock.recv(1 << 16), sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "NET004"),
        (lambda sock: threading.Event().wait(1.5), "NET002"),
    ],
)
def test_what_is_no_dicom_is_incomplete(
    script: object, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(script) as port:  # type: ignore[arg-type]
        value = report(capsys, "127.0.0.1", port, "--timeout", "0.6", "--tls", "off")
    assert rule in rules(value)
    assert value["exit_code"] == 4


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = probe(capsys, "127.0.0.1", free_port())
    assert code == 4
    assert "NET001" in out
    assert "INCOMPLETE" in out
    code, out, _ = probe(capsys, "host.invalid", 104)
    assert code == 4
    assert "Unknown host" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["localhost"], ["localhost", "104", "--level", "deep"], ["localhost", "104", "--tls", "maybe"],
        ["localhost", "104", "--syntax", "JPEGBaseline"], ["localhost", "104", "--pin", "12"],
        ["localhost", "104", "--called", "A TITLE THAT IS TOO LONG"], ["localhost", "104", "--max-pdu", "big"],
        ["localhost", "104", "--expect-reject-aet"], ["localhost", "104", "--key", "a.pem"],
        ["localhost", "104", "--baseline", "/nowhere.json"], ["localhost", "104", "--ca", "/nowhere.pem"],
        ["-p", "aperio-iqc"], ["-p", "aperio-iqc", "--host", "nobody=localhost"], ["-p", "wsi", "--endpoint", "x"],
    ],
)  # fmt: skip
def test_wrong_command_lines_are_2_and_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = probe(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.strip()


def test_the_missing_extra_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "cryptography" else found(name, *rest),
    )
    code, out, err = probe(capsys, "localhost", "104")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "dcmlint[network]" in err


def test_junit_has_a_suite_for_the_endpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Acceptor(tmp_path) as acceptor:
        _, out, _ = probe(capsys, "127.0.0.1", acceptor.port, "-f", "junit")
    assert '<testsuite name="association 127.0.0.1:' in out
    assert 'failures="0"' in out


# --- TLS -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def tls_acceptor(folder: Path, pair: tuple[str, str], **settings: object) -> Iterator[Acceptor]:
    with Acceptor(folder, tls=server_context(*pair, **settings)) as acceptor:  # type: ignore[arg-type]
        yield acceptor


def test_a_good_endpoint_of_tls(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    with tls_acceptor(tmp_path, certificates["ec"]) as acceptor:
        value = report(
            capsys, "127.0.0.1", acceptor.port, "--tls", "require", "--level", "full", "--ca", certificates.ca
        )
    assert not [one for one in value["findings"] if one["severity"] == "error"], value["findings"]
    tls = facts(value)["tls"]
    assert tls["accepts_12"] is True
    assert tls["accepts_13"] is True
    assert tls["old_accepted"] == []
    assert tls["chain_verified"] is True


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("expired", "NET112"), ("future", "NET113"), ("short-key", "NET114"), ("no-san", "NET111"),
        ("wrong-host", "NET111"), ("self-signed", "NET116"), ("client-usage", "NET117"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate(
    kind: str, rule: str, tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    with tls_server(certificates[kind]) as port:
        value = report(
            capsys, "127.0.0.1", port, "--tls", "require", "--ca", certificates.ca, "--timeout", "1"
        )
    # One defect, one finding: nothing else is said of the certificate.
    about = {found for found in rules(value) if "NET110" <= found <= "NET118"}
    assert about == {rule}, value["findings"]


def test_a_pin_is_trust_enough_and_another_is_an_error(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib
    import ssl

    pem = Path(certificates["self-signed"][0]).read_text()
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    with tls_acceptor(tmp_path, certificates["self-signed"]) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "--tls", "require", "--pin", pin)
        assert "NET116" not in rules(value)
        assert value["exit_code"] == 0
        value = report(capsys, "127.0.0.1", acceptor.port, "--tls", "require", "--pin", "0" * 64)
        assert "NET116" in rules(value)
        assert value["exit_code"] == 1


def test_mutual_tls_with_and_without_our_certificate(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trap (a): TLS 1.3 completes for a client without a certificate, and the alert comes later."""
    with tls_acceptor(
        tmp_path, certificates["ec"], client_ca=certificates.ca, require_client=True
    ) as acceptor:
        base = (
            "127.0.0.1",
            acceptor.port,
            "--tls",
            "require",
            "--level",
            "full",
            "--ca",
            certificates.ca,
            "--mutual",
        )
        certificate, key = certificates["client"]
        value = report(capsys, *base, "--cert", certificate, "--key", key)
        assert not {"NET120", "NET121", "NET122"} & rules(value), value["findings"]
        assert facts(value)["tls"]["without_certificate"] == "refused"
        assert facts(value)["tls"]["with_certificate"] == "accepted"
        assert facts(value)["tls"]["with_stranger"] == "refused"
        assert facts(value)["tls"]["accepts_12"] is True
        code, out, _ = probe(capsys, *base[:4])
        assert code == 4
        assert "give --cert and --key" in out, out
        stranger, stranger_key = certificates["self-signed"]
        value = report(capsys, *base, "--cert", stranger, "--key", stranger_key)
        assert "NET122" in rules(value)
    (tmp_path / "open").mkdir()
    with tls_acceptor(tmp_path / "open", certificates["ec"]) as acceptor:
        value = report(
            capsys, "127.0.0.1", acceptor.port, "--tls", "require", "--level", "full", "--mutual", "--ca", certificates.ca
        )  # fmt: skip
        assert "NET120" in rules(value)


def test_what_the_library_cannot_try_is_not_called_refused(
    tmp_path: Path,
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trap (b)."""
    from dcmlint.network.tls import scan as tls

    offer = tls.offer
    monkeypatch.setattr(
        tls, "offer",
        lambda low, high, *rest: "switched off" if (low, high) in (("1.0", "1.0"), ("1.1", "1.1")) else offer(low, high, *rest),
    )  # fmt: skip
    with tls_acceptor(tmp_path, certificates["ec"]) as acceptor:
        code, out, _ = probe(
            capsys, "127.0.0.1", acceptor.port, "--tls", "require", "--level", "full", "--ca", certificates.ca,
            "--show", "info",
        )  # fmt: skip
    assert code == 0, out
    assert "1.0 not testable here" in out
    assert "1.1 not testable here" in out
    assert not re.search(r"1\.[01] refused", out)
    assert "NET123" in out
    assert "not decided: NET101" in out or "NET101" in out.partition("not decided:")[2]


def test_tls_that_is_wanted_and_not_spoken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Acceptor(tmp_path) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "-p", "aperio-gt450-dx")
    assert "NET102" in rules(value)
    assert value["exit_code"] == 1
    assert facts(value)["association"]["called"] == "SVS_STORE_SCP"


# --- profiles ------------------------------------------------------------------------------------


def test_the_scanner_and_an_archive_that_suits_it(
    tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    with tls_acceptor(tmp_path, certificates["ec"]) as acceptor:
        value = report(
            capsys,
            "127.0.0.1",
            acceptor.port,
            "-p",
            "aperio-gt450-dx",
            "--level",
            "full",
            "--ca",
            certificates.ca,
        )
    assert value["exit_code"] == 0, value["findings"]
    assert value["outcomes"]["NET210"]["pass"] == 1
    assert value["outcomes"]["NET102"]["pass"] == 1


def test_the_converter_proposes_its_25_syntaxes_both_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Acceptor(tmp_path) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "-p", "dicomvert-2.0")
    rows = value["associations"][0]["contexts"]
    slides = [row for row in rows if row["sop_class"] == WSI]
    assert [len(row["proposed"]) for row in slides] == [1] * 25 + [25]
    assert slides[-1]["chosen"] == JPEG
    assert facts(value)["association"]["calling"] == "THT-Client"


def test_all_rows_of_the_quality_module_and_their_protocols(
    certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = probe(
        capsys, "-p", "aperio-iqc", "--host", "sam=127.0.0.1", "--host", "iqc=127.0.0.1", "--host", "share=127.0.0.1",
        "--timeout", "0.5", "-f", "json",
    )  # fmt: skip
    value = json.loads(out)
    assert code == 4  # nothing listens on these ports here
    assert [record["id"] for record in value["associations"]] == [
        f"127.0.0.1:{port}" for port in (104, 139, 443, 445, 2762, 5761, 8443, 8444)
    ]
    code, out, _ = probe(
        capsys, "-p", "aperio-iqc", "--host", "share=127.0.0.1", "--timeout", "0.5", "-f", "json"
    )
    looked = [record["status"] for record in json.loads(out)["associations"]]
    assert looked.count("not checked") == 6


def test_https_by_its_tls_and_certificate(
    certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    with tls_server(certificates["expired"]) as port:
        value = report(
            capsys, "127.0.0.1", port, "-p", "aperio-iqc", "--endpoint", "sam-https", "--ca", certificates.ca
        )
    assert "NET112" in rules(value)
    assert facts(value)["endpoint"]["protocol"] == "https"
    assert value["exit_code"] == 1


@contextlib.contextmanager
def behind_tls(certificate: tuple[str, str], answer: bytes) -> Iterator[int]:
    """A TLS server that reads a first request and answers with these bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def script(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) as secure:
            if secure.recv(1 << 12):
                secure.sendall(answer)

    with serve(script) as port:
        yield port


CONNECTION_START = b"\x01\x00\x00\x00\x00\x01\xc9\x00\x0a\x00\x0a\x00\x09"


@pytest.mark.parametrize(
    ("endpoint", "answer", "spoken", "fails"),
    [
        ("sam-https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "http", False), ("sam-https", b"AMQP\x00\x00\x09\x01", "amqp", True),
        ("sam-https", b"", "silent", True), ("sam-https", b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00", "dicom", True),
        ("sam-https", b"220 ready\r\n", "unknown", True),
        ("broker", CONNECTION_START, "amqp", False), ("broker", b"AMQP\x00\x01\x00\x00", "amqp", False),
        ("broker", b"HTTP/1.1 400 Bad Request\r\n\r\n", "http", True),
    ],
)  # fmt: skip
def test_what_answers_behind_tls(
    endpoint: str, answer: bytes, spoken: str, fails: bool, tmp_path: Path, certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    profile = tmp_path / "p.yaml"
    profile.write_text(
        'id: p\nversion: "1"\ntitle: T\nendpoints:\n  - {name: sam-https, protocol: https, port: 443}\n'
        "  - {name: broker, protocol: amqps, port: 5671}\n",
        encoding="utf-8",
    )
    with behind_tls(certificates["ec"], answer) as port:
        value = report(
            capsys,
            "127.0.0.1",
            port,
            "-p",
            profile,
            "--endpoint",
            endpoint,
            "--ca",
            certificates.ca,
            "--timeout",
            "1",
        )
    assert facts(value)["reach"]["spoken"] == spoken
    assert ("NET022" in rules(value)) == fails


def test_smb_by_dialect_and_signing(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[bytes] = []

    def server(sock: socket.socket) -> None:
        (length,) = struct.unpack(">I", sock.recv(4))
        asked.append(sock.recv(length))
        header = b"\xfeSMB" + bytes(60)
        body = struct.pack("<HHH", 65, 3, 0x0302) + bytes(58)
        sock.sendall(struct.pack(">I", len(header + body)) + header + body)

    with serve(server) as port:
        code, out, _ = probe(capsys, "127.0.0.1", port, "-p", "aperio-iqc", "--endpoint", "share-445")
    assert code == 0, out
    assert "dialect 3.0.2" in out
    assert "signing | required" in out
    assert asked[0].startswith(b"\xfeSMB")
    with serve(lambda sock: sock.recv(1 << 16)) as port:
        _, out, _ = probe(capsys, "127.0.0.1", port, "-p", "aperio-iqc", "--endpoint", "share-445")
    assert "reachable only" in out
    assert smb.parse(b"\xffSMB" + bytes(100)) == smb.Share(0x0100, "1", (("SMB", "dialect 1"),))
    assert smb.parse(b"HTTP" + bytes(100)).name == "none"
    refused = b"\xfeSMB" + bytes(4) + struct.pack("<I", 0xC00000BB) + bytes(60)
    assert (smb.parse(refused).dialect, smb.parse(refused).name) == (0, "refused")


@pytest.mark.parametrize(
    ("dialect", "fails"),
    [(0x0202, True), (0x0210, True), (0x0300, False), (0x0302, False), (0x0311, False), (0, True)],
)
def test_the_dialect_that_a_profile_demands(
    dialect: int, fails: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def server(sock: socket.socket) -> None:
        (length,) = struct.unpack(">I", sock.recv(4))
        request = sock.recv(length)
        assert struct.pack("<H", 0x0311) in request
        header = b"\xfeSMB" + bytes(60)
        body = struct.pack("<HHH", 65, 3, dialect) + bytes(58)
        answer = struct.pack(">I", len(header + body)) + header + body
        sock.sendall(answer if dialect else b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serve(server) as port:
        value = report(capsys, "127.0.0.1", port, "-p", "aperio-iqc", "--endpoint", "share-445")
    assert ("NET021" in rules(value)) == fails
    assert value["exit_code"] == int(fails)
    if fails:
        (finding,) = [one for one in value["findings"] if one["rule"] == "NET021"]
        assert finding["want"] == "SMB 3 or newer"
        assert "MAN-0556" in str(finding["references"])


def test_sessions_of_netbios_are_asked_for_first() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(struct.pack(">I", 0x83000001) + b"\x80")
        assert "session is refused" in smb.negotiate(near, "x", 2, 139).lines[0][1]
        assert far.recv(100)[:4] == struct.pack(">I", 0x81000044)


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("3", 768), ("3.0.2", 770), ("3.1.1", 785), ("2.1", 528)]
)
def test_dialects_as_profiles_write_them(text: str, number: int) -> None:
    assert smb.smb_number(text) == number


def test_a_sender_is_judged_by_the_profile() -> None:
    from dcmlint.network.observed import AssociationFacts
    from dcmlint.network.sender_demands import sender_demands
    from dcmlint.network.wire.associate import AssociateRequest, ProposedContext, UserInformation
    from dcmlint.profiles.resolve import resolve_profile

    wsi, ct = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.2"
    contexts = (
        ProposedContext(1, wsi, ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5")),
        ProposedContext(3, ct, ("1.2.840.10008.1.2",)),
    )
    request = AssociateRequest(called="OTHER", calling="WRONG", contexts=contexts, user=UserInformation())
    seen = [
        AssociationFacts(
            number=1, peer="h", peer_port=1, end="released", started="", seconds=0.0, request=request
        )
    ]
    endpoints = resolve_profile("dicomvert-2.0", {"called_ae_title": "PACS"}).endpoints
    assert sender_demands(endpoints, seen, "WRONG") == {
        "calling_expected": ("THT-Client",), "called_expected": ("PACS",), "called_otherwise": ("OTHER",),
        "outside_profile": ("VL Whole Slide Microscopy Image in RLE Lossless", "CT Image"),
    }  # fmt: skip
    assert sender_demands((), seen, "WRONG") == {}


def test_a_sender_is_judged_by_the_profile_of_a_receiver(tmp_path: Path) -> None:
    from dcmlint.findings.finding import Finding, Subject
    from dcmlint.network.observed import AssociationFacts
    from dcmlint.network.sender_demands import sender_demands
    from dcmlint.network.wire.associate import AssociateRequest, ProposedContext, UserInformation
    from dcmlint.profiles.apply import sender_with_profile
    from dcmlint.profiles.resolve import resolve_profile

    wsi, ct, jpeg, explicit = (
        "1.2.840.10008.5.1.4.1.1.77.1.6",
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.1",
    )
    profile = tmp_path / "archive.yaml"
    profile.write_text(
        'id: archive\nversion: "1"\ntitle: T\narea: ARC\nendpoints:\n  - {name: a, port: 104, direction: in, called_ae: PACS, calling_ae: ONE, severity: warning, '
        "section: '7', offers: [{sop_class: VLWholeSlideMicroscopyImageStorage, transfer_syntaxes: [JPEGBaseline8Bit]}]}\n"
    )
    resolved = resolve_profile(str(profile))

    def beyond(*contexts: tuple[str, str]) -> tuple[str, ...]:
        proposed = tuple(ProposedContext(1, sop, (syntax,)) for sop, syntax in contexts)
        request = AssociateRequest(called="PACS", calling="ONE", contexts=proposed, user=UserInformation())
        seen = [
            AssociationFacts(
                number=1, peer="h", peer_port=1, end="released", started="", seconds=0.0, request=request
            )
        ]
        made = sender_demands(resolved.endpoints, seen, "ONE")
        assert (made["calling_expected"], made["called_otherwise"]) == (("ONE",), ())
        return made["outside_profile"]

    # What it takes none of may be proposed beside what it takes: it refuses that.
    assert beyond((wsi, jpeg), (wsi, explicit), (ct, explicit)) == ()
    assert beyond((wsi, explicit), (ct, explicit)) == (
        "VL Whole Slide Microscopy Image in Explicit VR Little Endian",
    )
    assert beyond((ct, explicit)) == ("CT Image",)

    finding = Finding(
        rule="NET411",
        name="called-title",
        severity="error",
        basis="inference",
        subject=Subject("association", "x"),
        file=None,
        path="",
        message="m",
    )
    (cited,) = sender_with_profile(resolved, [finding])
    assert (cited.severity, [(one.part, one.section) for one in cited.references]) == (
        "warning",
        [("profile archive 1", "7")],
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--ca", "own"], {}), (["--ca", "other"], {"NET116": "error"}), ([], {"NET116": "warning"}),
        (["--ca", "own", "--server-name", "elsewhere"], {"NET111": "error"}),
    ],
)  # fmt: skip
def test_a_self_signed_certificate_is_held_to_the_authorities_given(
    options: list[str],
    found: dict[str, str],
    tmp_path: Path,
    certificates: Certificates,
    capsys: pytest.CaptureFixture[str],
) -> None:
    certificate, key = certificates["self-signed"]
    files = {"own": certificate, "other": certificates.ca}
    with tls_acceptor(tmp_path, (certificate, key)) as acceptor:
        value = report(
            capsys,
            "127.0.0.1",
            acceptor.port,
            *(files.get(one, one) for one in options),
            *(["--tls", "require"] if not options else []),
        )
    about = {one["rule"]: one["severity"] for one in value["findings"] if "NET110" <= one["rule"] <= "NET118"}
    assert about == found, value["findings"]


@pytest.mark.parametrize(
    "option", [["--server-name", "pacs"], ["--tls-profile", "B.13"], ["--pin", "0" * 64]]
)
def test_demands_on_tls_are_errors_where_none_is_spoken(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Acceptor(tmp_path) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, *option)
    assert {one["rule"]: one["severity"] for one in value["findings"]}["NET102"] == "error"
    assert probe(capsys, "localhost", "104", "--tls", "off", *option)[0] == 2


# --- real peers ----------------------------------------------------------------------------------


@pytest.mark.peer
@need("storescp")
def test_storescp_as_it_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with storescp(tmp_path, nodelay=False) as port:
        value = report(capsys, "127.0.0.1", port, "--level", "full")
    assert "NET012" in rules(value)  # Nagle's algorithm
    assert facts(value)["contexts"]["accepted"] == 3
    assert value["exit_code"] == 0


@pytest.mark.peer
@need("storescp")
@pytest.mark.parametrize(("option", "old"), [("+py", False), ("+px", True), ("+pz", False)])
def test_storescp_by_its_tls_profiles(
    option: str, old: bool, tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = certificates["good"]
    with storescp(tmp_path, "+tls", key, certificate, "+cf", certificates.ca, "-ic", option, "-pw") as port:
        value = report(
            capsys, "127.0.0.1", port, "--tls", "require", "--level", "full", "--ca", certificates.ca
        )
    tls = facts(value)["tls"]
    assert ("NET101" in rules(value)) == old
    assert tls["accepts_12"] is True
    assert tls["accepts_13"] is (option != "+pz")
    assert value["outcomes"]["NET110"]["pass"] == 1


@pytest.mark.peer
@need("dcmqrscp")
def test_dcmqrscp_rejects_titles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with dcmqrscp(tmp_path) as port:
        value = report(
            capsys,
            "127.0.0.1",
            port,
            "--called",
            "ARCHIVE",
            "--level",
            "full",
            "--expect-reject-aet",
            "--show",
            "info",
        )
    assert "NET203" not in rules(value)
    assert facts(value)["association"]["wrong_called"] == "rejected"


@pytest.mark.peer
@need("Orthanc")
def test_orthanc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with orthanc(tmp_path) as (port, _):
        value = report(capsys, "127.0.0.1", port, "--called", "ORTHANC", "--level", "full")
    assert value["exit_code"] == 0, value["findings"]
    assert facts(value)["contexts"]["accepted"] >= 8
    assert facts(value)["contexts"]["choices"] == ["1.2.840.10008.1.2.1"]  # of all in one context


# --- documentation -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["commissioning.md", "network.md"])
def test_the_pages_name_options_and_rules_that_exist(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "docs" / page).read_text()
    known = {rule.name[:6] for rule in (root / "rules" / "network").glob("*.yaml")}
    assert set(re.findall(r"\bNET\d{3}\b", text)) <= known
    for command in ("probe", "listen"):
        run([command, "--help"])
        offered = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
        for line in re.findall(rf"^\s*dcmlint {command} .*$", text, re.M):
            used = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", line.partition("&")[0]))
            assert used <= offered, line


def test_the_only_endpoint_of_a_profile_is_meant_whatever_its_port_and_protocol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = "  - {{name: {name}, protocol: https, port: 443}}\n"
    path = tmp_path / "p.yaml"
    head = 'id: p\nversion: "1"\ntitle: T\nendpoints:\n'
    path.write_text(head + web.format(name="one"), encoding="utf-8")
    with Acceptor(tmp_path) as acceptor:
        value = report(capsys, "127.0.0.1", acceptor.port, "-p", path, "--timeout", "1")
        assert value["exit_code"] != 0, "what answers is no HTTPS"
        path.write_text(head + web.format(name="one") + web.format(name="two"), encoding="utf-8")
        code, _, err = probe(capsys, "127.0.0.1", acceptor.port, "-p", path)
    assert code == 2
    assert "--endpoint NAME (one, two)" in err
