"""Audit messages of a gate: their XML, their syslog framing, and what a repository gets."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gate_support import CT, Archive, GateProcess, data_set, send, until, write_config

from dcmlint.gate.audit_messages import Repairs, Transfer, activity, framed, repaired, syslog, transferred
from dcmlint.gate.audit_trail import AuditTrail
from dcmlint.gate.journal import Journal
from dcmlint.gate.settings import Audit
from dcmlint.intake.verdict import Patient

sys.path.insert(0, str(Path(__file__).parents[1] / "network"))

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


def test_a_transfer_names_both_sides_the_study_and_how_many_of_each_class() -> None:
    made = transferred(
        Transfer(
            direction="in",
            title="SC<ANNER\x01",
            address="10.0.0.7",
            study="2.25.1",
            patient=Patient("ID\u00e97", "E\x00x^Am"),
        ),
        {CT: 3},
        source="GATE",
        now=NOW,
    )
    root = ElementTree.fromstring(made)
    event = root.find("EventIdentification")
    assert event is not None
    assert event.attrib == {
        "EventActionCode": "C", "EventDateTime": "2026-01-02T03:04:05.678Z", "EventOutcomeIndicator": "0"
    }  # fmt: skip
    code = event.find("EventID")
    assert code is not None
    assert (code.get("csd-code"), code.get("codeSystemName")) == ("110104", "DCM")
    users = {one.get("UserID"): one for one in root.findall("ActiveParticipant")}
    assert users["SC<ANNER"].get("NetworkAccessPointID") == "10.0.0.7"
    assert [one.find("RoleIDCode").get("csd-code") for one in users.values()] == ["110153", "110152"]  # type: ignore[union-attr]
    study, patient = root.findall("ParticipantObjectIdentification")
    assert study.get("ParticipantObjectID") == "2.25.1"
    assert (patient.get("ParticipantObjectID"), patient.findtext("ParticipantObjectName")) == (
        "ID\u00e97",
        "Ex^Am",
    )
    assert [patient.get(f"ParticipantObjectTypeCode{end}") for end in ("", "Role")] == ["1", "1"]
    kind = patient.find("ParticipantObjectIDTypeCode")
    assert kind is not None
    assert (kind.get("csd-code"), kind.get("codeSystemName")) == ("2", "RFC-3881")
    sop = study.find("ParticipantObjectDescription/SOPClass")
    assert sop is not None
    assert sop.attrib == {"UID": CT, "NumberOfInstances": "3"}


def test_repairs_are_an_update_by_the_gate() -> None:
    root = ElementTree.fromstring(repaired(Repairs(study="2.25.1"), {CT: 2}, source="GATE", now=NOW))
    assert root.find("EventIdentification/EventID").get("csd-code") == "110103"  # type: ignore[union-attr]
    assert root.find("EventIdentification").get("EventActionCode") == "U"  # type: ignore[union-attr]
    assert [one.get("UserID") for one in root.findall("ActiveParticipant")] == ["GATE"]
    study, patient = root.findall("ParticipantObjectIdentification")
    assert (study.get("ParticipantObjectID"), patient.get("ParticipantObjectID")) == (
        "2.25.1",
        "not disclosed",
    )


def test_a_failure_says_so() -> None:
    made = transferred(
        Transfer(direction="out", title="PACS", address="pacs", study="", outcome="4", why="A900H"),
        {},
        source="G",
        now=NOW,
    )
    root = ElementTree.fromstring(made)
    assert root.find("EventIdentification").get("EventOutcomeIndicator") == "4"  # type: ignore[union-attr]
    assert root.findtext("EventIdentification/EventOutcomeDescription") == "A900H"


def test_syslog_and_its_frames() -> None:
    line = syslog(activity("start", source="G", now=NOW), host="host name\u00e9", process=7, now=NOW)
    head, _, text = line.partition(b"\xef\xbb\xbf")
    assert head == b"<85>1 2026-01-02T03:04:05.678Z hostname dcmlint 7 DICOM+RFC3881 - "
    assert ElementTree.fromstring(text).tag == "AuditMessage"
    assert framed(b"abc") == b"3 abc"


def frames(data: bytes) -> list[bytes]:
    """The messages of a stream of RFC 5425."""
    found = []
    while data:
        length, _, rest = data.partition(b" ")
        found.append(rest[: int(length)])
        data = rest[int(length) :]
    return found


def events(messages: list[bytes]) -> list[tuple[str, str]]:
    """Event and outcome of each message."""
    found = []
    for message in messages:
        event = ElementTree.fromstring(message.partition(b"\xef\xbb\xbf")[2]).find("EventIdentification")
        assert event is not None
        found.append((event.find("EventID").get("csd-code"), event.get("EventOutcomeIndicator")))  # type: ignore[union-attr]
    return found


def test_a_message_that_no_datagram_can_hold_does_not_stop_the_others() -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    said: list[str] = []
    settings = Audit(host="127.0.0.1", port=server.getsockname()[1], transport="udp")
    trail = AuditTrail(settings, (), lambda event, **_: said.append(event), None)
    trail._put(b"x" * 70_000)
    trail.start()
    try:
        assert b"110100" in server.recv(1 << 16)
        assert said == ["audit message too long for UDP: lost"]
    finally:
        trail.stop()
        server.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("transport", "named"), [("udp", False), ("tls", True)])
def test_a_repository_gets_what_came_what_was_refused_and_what_was_delivered(
    tmp_path: Path, transport: str, named: bool
) -> None:
    got: list[bytes] = []
    extra = ""
    if transport == "udp":
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
    else:
        from network_certificates import Authority, Certificates

        (tmp_path / "certificates").mkdir()
        made = Certificates(Authority(tmp_path / "certificates"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*made["good"])
        server = socket.create_server(("127.0.0.1", 0))
        extra = f'ca = "{made.ca}"\nname = "localhost"\n'
    stream = bytearray()

    def listen() -> None:
        try:
            if transport == "udp":
                while True:
                    got.append(server.recv(1 << 16))
            sock, _ = server.accept()
            with context.wrap_socket(sock, server_side=True) as secure:
                while piece := secure.recv(1 << 16):
                    stream.extend(piece)
        except OSError:
            pass

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port)
        audit = f'[audit]\nhost = "127.0.0.1"\nport = {server.getsockname()[1]}\ntransport = "{transport}"\n{extra}'
        audit += "" if named else "patient = false\n"
        config.write_text(config.read_text() + audit)
        with GateProcess(config) as gate:
            (tmp_path / "out").mkdir()
            assert send(gate.port, tmp_path / "out", "2.25.1", data_set("2.25.1")) == 0
            assert send(gate.port, tmp_path / "out", "2.25.2", data_set("2.25.2", refused=True)) == 0xA905
            until(lambda: '"event": "delivered"' in gate.log.read_text(), 60)
            assert gate.stop() == 0
    until(lambda: len(got or frames(bytes(stream))) >= 5, 10)
    server.close()
    messages = got or frames(bytes(stream))
    assert events(messages)[0] == ("110100", "0")
    assert events(messages)[-1] == ("110100", "0")
    assert sorted(events(messages)[1:-1]) == [("110104", "0"), ("110104", "0"), ("110104", "4")]
    # The patient is named to the repository if that is wanted, and nowhere else.
    patients = [b"MARKER-ID" in one and b"Marker^Patient" in one for one in messages[1:-1]]
    assert sorted(patients) == (
        [False, True, True] if named else [False] * 3
    )  # the refused one has no Patient ID
    assert not any(b"MARKER-ID" in one for one in messages) or named
    assert "MARKER" not in gate.log.read_text().upper()
    journal = Journal(config.parent / "spool" / "journal.sqlite")
    try:
        assert [bool(row.patient) for row in journal.rows("1")] == [named] * 2
        journal.remove([1, 2], "test")
        assert [row.patient for row in journal.rows("1")] == [b"", b""]
        (content,) = journal.read("SELECT group_concat(why) FROM events")[0]
        assert "MARKER" not in content.upper()
    finally:
        journal.close()
