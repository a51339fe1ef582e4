"""The scan of TLS, against servers of every kind, and TLS in the acceptor."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from network_certificates import Certificates
from network_peers import QUICK, Acceptor, FaultPeer, free_port, need, serve, storescp, write_instance
from test_network_receive import CONTEXTS, dialogue, end

from dcmlint.errors import UsageError
from dcmlint.network.observed import TlsFacts
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.requestor.tls_use import scan_target
from dcmlint.network.tls.certificates import name_matches, pinned, read_certificate
from dcmlint.network.tls.context import Credentials, client_context, offer, server_context
from dcmlint.network.tls.scan import Endpoint, scan
from dcmlint.network.tls.server_flight import Flight
from dcmlint.network.tls.suites import local_suites, missing_families


@contextlib.contextmanager
def tls_server(certificate: tuple[str, str], **settings: object) -> Iterator[int]:
    """A TLS server that shakes hands, waits for a byte, and closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(str(settings.get("ciphers", "DEFAULT")) + ":@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion(settings.get("minimum", ssl.TLSVersion.TLSv1_2))
        context.maximum_version = ssl.TLSVersion(settings.get("maximum", ssl.TLSVersion.TLSv1_3))
    context.load_cert_chain(*certificate)
    if "client_ca" in settings:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(settings["client_ca"]))

    def script(sock: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(sock, server_side=True) as secure:
            secure.recv(1)

    with serve(script) as port:
        yield port


def look(port: int, *, thorough: bool = True, name: str = "localhost", **credentials: object) -> TlsFacts:
    endpoint = Endpoint(host="127.0.0.1", port=port, server_name=name, timeout=3)
    facts = scan(endpoint, Credentials(**credentials), thorough=thorough)  # type: ignore[arg-type]
    assert facts is not None
    return facts


def outcomes(facts: TlsFacts) -> dict[str, str]:
    return {version.version: version.outcome for version in facts.versions}


def test_a_good_server(certificates: Certificates) -> None:
    with tls_server(certificates["good"], ciphers="ECDHE+AESGCM") as port:
        facts = look(port, ca=certificates.ca)
    assert outcomes(facts) == {"1.0": "refused", "1.1": "refused", "1.2": "accepted", "1.3": "accepted"}
    assert facts.preferred_version == "1.3"
    assert {suite.number for suite in facts.suites if suite.version == "1.2"} == {0xC02F, 0xC030}
    assert all(suite.bcp195 == "recommended" and suite.modified == "required" for suite in facts.suites)
    assert facts.suites[1].curve
    assert (facts.chain_verified, facts.name_matches, facts.pinned) == (True, True, None)
    assert facts.asks_certificate is False
    assert facts.handshakes <= 14
    assert facts.problems == ()


@pytest.mark.parametrize(
    ("kind", "verified", "expectation"),
    [
        ("expired", False, lambda c: c.expired and c.days_left < 0),
        ("future", False, lambda c: c.not_yet_valid and not c.expired),
        ("self-signed", False, lambda c: c.self_signed),
        ("no-san", True, lambda c: c.dns_names == () and c.common_name == "no-san"),
        ("wrong-host", True, lambda c: c.dns_names == ("other.example",)),
        ("short-key", True, lambda c: (c.key_type, c.key_bits) == ("RSA", 1024)),
        ("client-usage", False, lambda c: c.server_usage is False and c.client_usage),
        ("ec", True, lambda c: (c.key_type, c.key_bits, c.curve) == ("EC", 256, "secp256r1")),
    ],
)
def test_what_is_wrong_with_a_certificate_is_seen(
    certificates: Certificates, kind: str, verified: bool, expectation: object
) -> None:
    with tls_server(certificates[kind]) as port:
        facts = look(port, thorough=False, ca=certificates.ca)
    assert facts.certificate is not None
    assert callable(expectation)
    assert expectation(facts.certificate)
    assert facts.chain_verified is verified, facts.chain_error
    assert facts.name_matches is (kind not in ("no-san", "wrong-host"))
    assert bool(facts.chain_error_code) is not verified


def test_an_unknown_authority_and_pins(certificates: Certificates, tmp_path: Path) -> None:
    with tls_server(certificates["ec"]) as port:
        facts = look(port, thorough=False, ca=certificates["self-signed"][0], pins=("AA:BB",))
        assert (facts.chain_verified, facts.pinned) == (False, False)
        assert facts.certificate is not None
        pin = facts.certificate.sha256.upper()
        assert look(port, thorough=False, pins=(":".join(pin[i : i + 2] for i in range(0, 64, 2)),)).pinned
        assert look(port, thorough=False, pins=(facts.certificate.key_sha256,)).pinned
        (tmp_path / "not.pem").write_text("nothing")
        broken = look(port, thorough=False, ca=str(tmp_path / "not.pem"))
    assert broken.chain_verified is None
    assert [problem.kind for problem in broken.problems] == ["ca"]


def test_the_anchor_that_is_sent_along_is_seen(certificates: Certificates) -> None:
    with tls_server(certificates["with-anchor"]) as port:
        facts = look(port, thorough=False, ca=certificates.ca)
    assert len(facts.chain) == 2
    assert facts.anchor_sent


def test_old_versions_and_weak_suites_are_found(certificates: Certificates) -> None:
    settings = {
        "minimum": ssl.TLSVersion.TLSv1,
        "maximum": ssl.TLSVersion.TLSv1_2,
        "ciphers": "AES128-SHA:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:NULL-SHA",
    }
    with tls_server(certificates["good"], **settings) as port:
        facts = look(port, ca=certificates.ca)
    assert outcomes(facts) == {"1.0": "accepted", "1.1": "accepted", "1.2": "accepted", "1.3": "refused"}
    graded = {suite.name: suite.bcp195 for suite in facts.suites}
    assert graded["AES128-SHA"] == "must-not"
    assert graded["NULL-SHA"] == "must-not"
    assert graded["ECDHE-RSA-AES128-SHA256"] == "should-not"  # CBC


# --- the traps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_trap_a_a_server_that_wants_our_certificate_still_supports_tls_1_2(
    certificates: Certificates, tmp_path: Path, maximum: ssl.TLSVersion
) -> None:
    context = server_context(*certificates["good"], client_ca=certificates.ca, require_client=True)
    context.maximum_version = maximum
    with Acceptor(tmp_path, tls=context) as acceptor:
        target = Target(host="127.0.0.1", port=acceptor.port, timeout=3)
        certificate, key = certificates["client"]
        credentials = Credentials(ca=certificates.ca, certificate=certificate, key=key)
        facts = scan_target(target, credentials, "localhost", thorough=True, timeout=3)
    assert facts is not None
    assert outcomes(facts)["1.2"] == "accepted"
    assert facts.asks_certificate is True
    assert facts.chain_verified is True
    # A TLS 1.3 handshake without a certificate succeeds for the client: the association does not.
    alerts = ("certificate_required", "handshake_failure")
    assert facts.without_certificate.outcome == "refused"
    assert facts.without_certificate.alert in alerts
    assert facts.with_certificate.outcome == "accepted"
    assert facts.with_certificate.alpn == "dicom"
    assert facts.with_stranger.outcome == "refused"
    assert facts.with_stranger.alert in ("unknown_ca", "decrypt_error", "bad_certificate")


def test_trap_b_what_the_local_library_cannot_offer_is_not_testable(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmlint.network.tls import scan as tls

    def offer_without_old(minimum: str, maximum: str, *rest: object) -> ssl.SSLContext | str:
        if maximum in ("1.0", "1.1"):
            return "switched off"
        return offer(minimum, maximum, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tls, "offer", offer_without_old)
    with tls_server(certificates["ec"]) as port:
        facts = look(port)
    assert outcomes(facts) == {
        "1.0": "not testable",
        "1.1": "not testable",
        "1.2": "accepted",
        "1.3": "accepted",
    }
    assert "TLS 1.0" in facts.not_testable
    assert "suites of TLS 1.3 other than the one chosen" in facts.not_testable


def test_trap_b_a_library_that_refuses_at_the_handshake_is_told_from_a_server_that_does() -> None:
    from dcmlint.network.tls.handshake import shake

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=2")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        result = shake(ours, context, "localhost", 1.0, whole=False)
    assert result.local
    assert not result.flight.chose


def test_trap_b_families_that_no_library_has_any_more_are_named() -> None:
    assert set(missing_families()) <= {"NULL", "anonymous", "RC4", "3DES", "single DES", "DHE", "CBC"}
    assert "static RSA" not in missing_families()
    names = {suite.name for suite in local_suites().values()}
    assert ("RC4" in missing_families()) == (not any("RC4" in name for name in names))


def test_trap_c_dates_of_expired_and_self_signed_peers_are_read_without_verifying(
    certificates: Certificates,
) -> None:
    with tls_server(certificates["expired"], minimum=ssl.TLSVersion.TLSv1_3) as port:
        facts = look(port, ca=certificates.ca)  # nothing in the clear: TLS 1.3 only
    assert facts.certificate is not None
    assert facts.certificate.expired
    assert facts.certificate.not_after.endswith("+00:00")
    assert facts.chain_error_code == 10  # X509_V_ERR_CERT_HAS_EXPIRED


# --- what is not TLS ---------------------------------------------------------------------------------


def test_what_does_not_speak_tls_is_said_not_to(tmp_path: Path) -> None:
    with Acceptor(tmp_path, timeouts=QUICK) as acceptor:
        assert scan(Endpoint(host="127.0.0.1", port=acceptor.port, timeout=2)) is None
    with serve(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert scan(Endpoint(host="127.0.0.1", port=port, timeout=2)) is None
    with serve(lambda sock: None) as port:
        assert scan(Endpoint(host="127.0.0.1", port=port, timeout=2)) is None
    assert scan(Endpoint(host="127.0.0.1", port=free_port(), timeout=2)) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"\x15\3\3\0\2\2\x28",
        b"\x16\3\3\xff\xff" + bytes(100),
        b"\x16\3\3\0\4\2\0\0\0",
        b"\x16\3\3\0\x30\2\0\0\x2c" + bytes(44),
        b"\x16\3\3\0\5\2\xff\xff\xff\0" * 50,
    ],
)
def test_a_server_that_lies_ends_the_scan_in_time(answer: bytes) -> None:
    def script(sock: socket.socket) -> None:
        sock.recv(100)
        sock.sendall(answer)
        time.sleep(0.1)

    with serve(script) as port:
        scan(Endpoint(host="127.0.0.1", port=port, timeout=0.5))


def test_a_server_that_is_silent_ends_the_scan_in_time() -> None:
    with serve(lambda sock: time.sleep(1)) as port:
        assert scan(Endpoint(host="127.0.0.1", port=port, timeout=0.3)) is None


def test_any_bytes_are_read_as_far_as_they_go() -> None:
    import random

    source = random.Random(1)
    for _ in range(2000):
        flight = Flight()
        flight.feed(
            bytes((source.choice((20, 21, 22, 23)), 3, 3, 0)) + source.randbytes(source.randrange(200))
        )
        flight.feed(source.randbytes(50))


# --- certificates and contexts ---------------------------------------------------------------------


def test_names_match_as_rfc_9525_says(certificates: Certificates) -> None:
    pem = Path(certificates["good"][0]).read_text()
    facts = read_certificate(ssl.PEM_cert_to_DER_cert(pem))
    import msgspec

    wild = msgspec.structs.replace(
        facts, dns_names=("*.example.org", "Pacs.Example"), addresses=("10.0.0.1", "::1")
    )
    assert name_matches(wild, "a.example.org")
    assert name_matches(wild, "PACS.example.")
    assert name_matches(wild, "10.0.0.1")
    assert name_matches(wild, "[::1]")
    assert not name_matches(wild, "example.org")
    assert not name_matches(wild, "a.b.example.org")
    assert not name_matches(wild, "10.0.0.2")
    assert not name_matches(msgspec.structs.replace(wild, dns_names=("*.org",)), "example.org")
    assert pinned(facts, ()) is None


def test_dates_count_from_the_given_time(certificates: Certificates) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(certificates["good"][0]).read_text())
    later = datetime.now(UTC) + timedelta(days=89, hours=1)
    assert read_certificate(der, later).days_left == 0
    assert read_certificate(der, later + timedelta(days=5)).expired


def test_an_old_signature_is_seen(certificates: Certificates) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(certificates["self-signed"][0]).read_text())
    # sha256WithRSAEncryption to sha1WithRSAEncryption: today's libraries make no such certificate any more
    old = read_certificate(
        der.replace(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05")
    )
    assert old.signature_hash == "sha1"
    assert not old.self_signed  # the signature no longer fits


@pytest.mark.parametrize("der", [b"", b"\x30\x03\x02\x01\x01", bytes(70_000)])
def test_what_is_no_certificate_is_a_problem_in_its_facts(der: bytes) -> None:
    facts = read_certificate(der)
    assert [problem.kind for problem in facts.problems] == ["certificate"]


def test_files_that_cannot_be_used_are_usage_errors(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("x")
    with pytest.raises(UsageError):
        client_context(Credentials(ca=str(tmp_path / "x.pem")))
    with pytest.raises(UsageError):
        client_context(Credentials(certificate=str(tmp_path / "absent.pem")))
    with pytest.raises(UsageError):
        server_context(certificates["good"][0], certificates["ec"][1])
    with pytest.raises(UsageError):
        server_context(*certificates["good"], require_client=True)


# --- TLS in the acceptor -----------------------------------------------------------------------------


def test_instances_over_mutual_tls(certificates: Certificates, tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1", pixels=200_000)
    (tmp_path / "in").mkdir()
    server = server_context(*certificates["good"], client_ca=certificates.ca, require_client=True)
    certificate, key = certificates["client"]
    client = client_context(Credentials(ca=certificates.ca, certificate=certificate, key=key))
    with Acceptor(tmp_path / "in", tls=server) as acceptor:
        found = dialogue(acceptor.port, tls=client, server_name="localhost")
        assert found.store(tmp_path / "a.dcm").status == 0
        end(found)
        (facts,) = acceptor.wait()
    assert facts.tls is not None
    assert (facts.tls.version, facts.tls.alpn) == ("TLSv1.3", "dicom")
    assert facts.tls.peer_certificate is not None
    assert facts.tls.peer_certificate.common_name == "client"
    assert facts.end == "released"


def test_the_wrong_host_name_is_refused_by_a_verifying_context(
    certificates: Certificates, tmp_path: Path
) -> None:
    client = client_context(Credentials(ca=certificates.ca))
    with Acceptor(tmp_path, tls=server_context(*certificates["wrong-host"]), timeouts=QUICK) as acceptor:
        to = Target(host="127.0.0.1", port=acceptor.port, tls=client, server_name="localhost")
        none, attempt, _ = associate(to, association_request(to, CONTEXTS), "test")
        (facts,) = acceptor.wait()
    assert none is None
    assert attempt.outcome == "tls"
    assert facts.problems[0].kind == "handshake"
    assert "bad_certificate" in facts.problems[0].detail or "alert" in facts.problems[0].detail


@pytest.mark.parametrize(
    ("said", "end_", "kind"),
    [
        (b"", "timeout", "handshake-timeout"),
        (b"\x16\3\1\2\0\1", "timeout", "handshake-timeout"),
        (b"\1\0\0\0\0\xd0\0\1", "closed", "handshake"),  # DICOM in the clear
        (b"GET / HTTP/1.0\r\n\r\n", "closed", "handshake"),
    ],
)
def test_a_tls_handshake_that_never_ends_holds_up_nobody(
    certificates: Certificates, tmp_path: Path, said: bytes, end_: str, kind: str
) -> None:
    client = client_context(Credentials(ca=certificates.ca))
    server = server_context(*certificates["good"])
    with Acceptor(tmp_path, tls=server, timeouts=QUICK) as acceptor:
        with FaultPeer(acceptor.port) as peer:
            peer.send(said)
            end(dialogue(acceptor.port, tls=client, server_name="localhost"))
            peer.until_closed()
        facts = acceptor.wait(2)
    (fault,) = [each for each in facts if each.end != "released"]
    assert (fault.end, [problem.kind for problem in fault.problems]) == (end_, [kind])


def test_stopping_ends_sessions_that_wait(certificates: Certificates, tmp_path: Path) -> None:
    client = client_context(Credentials(ca=certificates.ca))
    acceptor = Acceptor(tmp_path, tls=server_context(*certificates["ec"]))
    with acceptor:
        found = [dialogue(acceptor.port, tls=client, server_name="localhost") for _ in range(8)]
    assert [each.end for each in acceptor.ended] == ["stopped"] * 8
    for each in found:
        each.close()


def test_many_silent_clients_do_not_stop_the_listener(certificates: Certificates, tmp_path: Path) -> None:
    client = client_context(Credentials(ca=certificates.ca))
    with Acceptor(tmp_path, tls=server_context(*certificates["ec"]), timeouts=QUICK) as acceptor:
        before = threading.active_count()
        silent = [FaultPeer(acceptor.port) for _ in range(40)]
        end(dialogue(acceptor.port, tls=client, server_name="localhost"))
        for peer in silent:
            peer.sock.close()
        assert threading.active_count() - before < 60


# --- real peers ----------------------------------------------------------------------------------------


@pytest.mark.peer
@need("storescp")
@pytest.mark.parametrize(
    ("option", "versions", "worst"),
    [
        ("+py", {"1.2", "1.3"}, "should-not"),
        ("+px", {"1.0", "1.1", "1.2", "1.3"}, "must-not"),
        ("+pz", {"1.2"}, "should-not"),
    ],
)
def test_the_profiles_of_storescp(
    certificates: Certificates, tmp_path: Path, option: str, versions: set[str], worst: str
) -> None:
    certificate, key = certificates["good"]
    options = ("+tls", key, certificate, "+cf", certificates.ca, "-ic", option, "-pw")
    with storescp(tmp_path, *options) as port:
        target = Target(host="127.0.0.1", port=port, timeout=5)
        facts = scan_target(target, Credentials(ca=certificates.ca), "localhost", thorough=True, timeout=5)
    assert facts is not None
    assert {v for v, outcome in outcomes(facts).items() if outcome == "accepted"} == versions
    assert worst in {suite.bcp195 for suite in facts.suites}
    assert {suite.dh_bits for suite in facts.suites if suite.key_exchange == "DHE"} == {2048}
    assert facts.without_certificate.outcome == "accepted"
    assert facts.chain_verified
    assert facts.milliseconds < 3000


@pytest.mark.peer
@need("storescp")
def test_storescp_that_wants_a_certificate(certificates: Certificates, tmp_path: Path) -> None:
    certificate, key = certificates["good"]
    own, own_key = certificates["client"]
    options = ("+tls", key, certificate, "+cf", certificates.ca, "-rc", "-pw")
    with storescp(tmp_path, *options) as port:
        target = Target(host="127.0.0.1", port=port, timeout=5)
        credentials = Credentials(ca=certificates.ca, certificate=own, key=own_key)
        facts = scan_target(target, credentials, "localhost", thorough=True, timeout=5)
    assert facts is not None
    assert outcomes(facts)["1.2"] == "accepted"
    assert (facts.without_certificate.outcome, facts.with_certificate.outcome) == ("refused", "accepted")
    assert facts.with_stranger.alert == "unknown_ca"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("expired", "certificate has expired"),
        ("self-signed", "self-signed certificate"),
        ("wrong-host", "not valid for '127.0.0.1'"),
    ],
)
def test_a_sender_is_told_why_a_certificate_is_not_trusted(
    certificates: Certificates, kind: str, why: str
) -> None:
    with tls_server(certificates[kind]) as port:
        tls = client_context(Credentials(ca=certificates.ca))
        target = Target(host="127.0.0.1", port=port, called="A", calling="B", timeout=3, tls=tls)
        made, facts, _ = associate(target, association_request(target, CONTEXTS), "test")
    assert made is None
    assert facts.detail.startswith("certificate verify failed: ")
    assert why in facts.detail.replace("self signed", "self-signed")
