"""The probe, against this side's own acceptor, peers that misbehave, and real ones."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from network_certificates import Certificates
from network_peers import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    VERIFICATION,
    WSI,
    Acceptor,
    dcmqrscp,
    free_port,
    need,
    orthanc,
    pdata,
    program,
    serve,
    storescp,
)

from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.observed import ProbeFacts
from dcmlint.network.requestor.association import Target
from dcmlint.network.requestor.probe import Question, probe_endpoint
from dcmlint.network.tls.context import Credentials, server_context
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import (
    AssociateAccept,
    ContextAnswer,
    UserInformation,
    encode_accept,
)

BOTH = ((WSI, (JPEG, EXPLICIT, IMPLICIT)), (CT, (EXPLICIT, JPEG)))


def ask(port: int, question: Question | None = None, **target: object) -> ProbeFacts:
    settings: dict[str, object] = {"host": "127.0.0.1", "port": port, "timeout": 2.0, **target}
    return probe_endpoint(Target(**settings), question)  # type: ignore[arg-type]


def test_quick(tmp_path: Path) -> None:
    acceptance = Acceptance(
        sop_classes=frozenset((WSI,)), transfer_syntaxes=(JPEG, EXPLICIT), other_syntaxes=False
    )
    with Acceptor(tmp_path, acceptance=acceptance) as acceptor:
        facts = ask(acceptor.port, Question(contexts=BOTH))
        associations = [each for each in acceptor.wait(4) if each.request is not None]
    assert (facts.transport, facts.plain_open, facts.established) == ("plain", True, True)
    assert facts.reach.outcome == "open"
    assert [echo.status for echo in facts.echoes] == [0, 0, 0]
    assert all(echo.responded_id_matches for echo in facts.echoes)
    assert [(c.sop_class, c.proposed, c.result) for c in facts.contexts] == [
        (WSI, (JPEG,), 0),
        (WSI, (EXPLICIT,), 0),
        (WSI, (IMPLICIT,), 4),
        (CT, (EXPLICIT,), 3),
        (CT, (JPEG,), 3),
    ]
    assert [(c.sop_class, c.chosen) for c in facts.combined] == [(WSI, JPEG), (CT, "")]
    assert facts.unknown_class_accepted is False
    assert len(associations) <= 6
    assert all(attempt.released for attempt in facts.attempts)
    assert facts.milliseconds < 2000
    assert facts.not_done == ()
    assert facts.peer is not None
    assert facts.peer.user.implementation_version.startswith("DCMLINT")


def test_full(tmp_path: Path) -> None:
    acceptance = Acceptance(called=frozenset(("GATE",)), calling=frozenset(("SCANNER",)))
    with Acceptor(tmp_path, acceptance=acceptance) as acceptor:
        question = Question(level="full", contexts=BOTH, idle=0.2, concurrent=3)
        facts = ask(acceptor.port, question, called="GATE", calling="SCANNER")
    assert facts.wrong_called is not None
    assert facts.wrong_called.detail.endswith("called AE title not recognized")
    assert facts.wrong_calling is not None
    assert facts.wrong_calling.detail.endswith("calling AE title not recognized")
    assert facts.wrong_application_context is not None
    assert facts.wrong_application_context.detail.endswith("application context name not supported")
    assert facts.negotiation is not None
    assert facts.negotiation.answer is not None
    assert facts.negotiation.answer.user.window == (1, 1)
    assert [(r.scu, r.scp) for r in facts.negotiation.answer.user.roles] == [(1, 0)]
    assert facts.identity is not None
    assert facts.identity.outcome == "accepted"
    assert (facts.concurrent, facts.concurrent_tried) == (3, 3)
    assert (facts.idle_seconds, facts.idle_tried) == (None, 0.2)
    assert facts.unknown_class_accepted is True  # this acceptor takes private classes
    assert facts.tls_open is False
    assert facts.milliseconds < 5000


def test_the_idle_timeout_of_a_peer_is_measured(tmp_path: Path) -> None:
    from network_peers import QUICK

    with Acceptor(tmp_path, timeouts=QUICK) as acceptor:
        facts = ask(acceptor.port, Question(level="full", idle=3, concurrent=0))
    assert facts.idle_seconds is not None
    assert 0.4 < facts.idle_seconds < 2


def test_over_tls_quick_and_full(certificates: Certificates, tmp_path: Path) -> None:
    server = server_context(*certificates["good"], client_ca=certificates.ca, require_client=True)
    certificate, key = certificates["client"]
    credentials = Credentials(ca=certificates.ca, certificate=certificate, key=key)
    with Acceptor(tmp_path, tls=server) as acceptor:
        quick = ask(acceptor.port, Question(credentials=credentials, server_name="localhost", tls="require"))
        full = ask(acceptor.port, Question(level="full", credentials=credentials, server_name="localhost"))
        without = ask(acceptor.port, Question(credentials=Credentials(ca=certificates.ca)))
    for facts in (quick, full):
        assert (facts.transport, facts.tls_open) == ("tls", True)
        assert facts.tls is not None
        assert facts.tls.with_certificate.outcome == "accepted"
        assert facts.tls.chain_verified
        assert facts.contexts[0].result == 0
    assert quick.milliseconds < 2000
    assert full.milliseconds < 5000
    assert full.plain_open is False
    assert full.tls is not None
    assert full.tls.without_certificate.alert == "certificate_required"
    assert without.transport == ""
    assert without.tls_open is True
    assert without.tls is not None
    assert without.tls.without_certificate.alert == "certificate_required"


# --- peers that misbehave ------------------------------------------------------------------------------


def _read_request(sock: socket.socket) -> None:
    head = sock.recv(6, socket.MSG_WAITALL)
    sock.recv(int.from_bytes(head[2:6], "big"), socket.MSG_WAITALL)


def _accept(context: ContextAnswer, **user: object) -> bytes:
    return encode_accept(
        AssociateAccept(
            called="ANY-SCP",
            calling="DCMLINT",
            contexts=(context,),
            user=UserInformation(**{"max_pdu": 16384, **user}),  # type: ignore[arg-type]
        )
    )


GOOD = ContextAnswer(1, 0, IMPLICIT)
ECHO = dimse.decode(dimse.echo_request(1))


@pytest.mark.parametrize(
    ("said", "outcome", "detail"),
    [
        (b"", "closed", "closed"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not DICOM", "the peer speaks http"),
        (b"\x15\3\1\0\2\2\x0a", "not DICOM", "the peer speaks tls"),
        (b"\2\0\xff\xff\xff\xff", "not DICOM", "1048576 is the limit"),
        (b"\2\0\0\0\0\4abcd", "not DICOM", "fixed fields"),
        (b"\3\0\0\0\0\4\0\1\1\7", "rejected", "called AE title not recognized"),
        (b"\7\0\0\0\0\4\0\0\2\1", "aborted", "unrecognized PDU"),
        (b"\5\0\0\0\0\4\0\0\0\0", "not DICOM", "A-RELEASE-RQ in answer"),
        (_accept(GOOD)[:80], "closed", "closed"),
    ],
)  # fmt: skip
def test_what_a_peer_answers_to_a_request(said: bytes, outcome: str, detail: str) -> None:
    def script(sock: socket.socket) -> None:
        _read_request(sock)
        sock.sendall(said)

    with serve(script) as port:
        facts = ask(port, Question(tls="off"))
    attempt = facts.attempts[0]
    assert attempt.outcome == outcome, attempt
    assert detail in attempt.detail
    assert facts.milliseconds < 2000


@pytest.mark.parametrize("part", [0, 3, 40])
def test_a_peer_that_says_nothing_or_half_costs_one_timeout(part: int) -> None:
    def script(sock: socket.socket) -> None:
        sock.sendall(_accept(GOOD)[:part])
        time.sleep(1.2)

    with serve(script) as port:
        facts = ask(port, Question(tls="off"), timeout=0.4)
    assert [attempt.outcome for attempt in facts.attempts] == ["timeout"]
    assert facts.transport == ""


@pytest.mark.parametrize(
    "said",
    [
        b"",
        pdata(1, 3, b"\xff" * 30),
        pdata(1, 2, b"data"),
        b"\4\0\xff\xff\xff\xff",
        b"\7\0\0\0\0\4\0\0\0\0",
        b"\4\0\0\0\0\6\0\0\xff\xff\1\3",
        pdata(1, 1, b"\0" * 60000) * 2,
    ],
)
def test_a_bad_answer_to_an_echo_is_noted_and_no_more(said: bytes) -> None:
    def script(sock: socket.socket) -> None:
        _read_request(sock)
        sock.sendall(_accept(GOOD))
        sock.recv(1000)
        sock.sendall(said)

    with serve(script) as port:
        facts = ask(port, Question(tls="off", contexts=(), combined=False))
    assert facts.echoes == ()
    assert facts.transport == "plain"
    assert facts.not_done[0].startswith("echo: ")


def test_wrong_statuses_ids_contexts_and_titles_are_facts() -> None:
    def script(sock: socket.socket) -> None:
        _read_request(sock)
        accept = AssociateAccept(
            called="SOMEBODY",
            calling="ELSE",
            contexts=(GOOD, ContextAnswer(3, 0, IMPLICIT), ContextAnswer(4, 0, "1.2.3")),
            user=UserInformation(),
        )
        sock.sendall(encode_accept(accept))
        sock.recv(1000)
        wrong = dimse.Command(field=dimse.C_ECHO_RQ, message_id=77)
        sock.sendall(pdata(1, 3, dimse.response(wrong, dimse.Answer(0x0122))))
        sock.recv(1000)

    with serve(script) as port:
        facts = ask(port, Question(tls="off", contexts=(), combined=False))
    assert [(echo.status, echo.responded_id_matches) for echo in facts.echoes] == [(0x0122, False)]
    kinds = [problem.kind for problem in facts.attempts[0].oddities]
    assert kinds == ["context-id", "context-id", "context-id", "title-echo"]
    assert facts.attempts[0].released is False
    assert facts.peer is not None
    assert facts.peer.user.max_pdu is None


def test_who_cannot_be_reached() -> None:
    refused = ask(free_port())
    assert (refused.reach.outcome, refused.transport) == ("refused", "")
    unknown = ask(104, host="no-such-host.invalid")
    assert unknown.reach.outcome == "name"
    assert ask(104, host="\0bad").reach.outcome == "name"


def test_the_budget_is_kept_and_what_was_left_out_is_named(tmp_path: Path) -> None:
    with Acceptor(tmp_path) as acceptor:
        facts = ask(acceptor.port, Question(level="full", budget=0.0, tls="off"))
    assert len(facts.not_done) == 8
    assert facts.not_done[0] == "separate: the time was used up"


def test_more_contexts_than_an_association_holds(tmp_path: Path) -> None:
    many = tuple((f"2.25.{number}", (EXPLICIT,)) for number in range(200))
    with Acceptor(tmp_path) as acceptor:
        facts = ask(acceptor.port, Question(contexts=many, tls="off"))
    assert [c.result for c in facts.contexts] == [0] * 200
    assert [attempt.purpose for attempt in facts.attempts] == ["plain", "contexts", "contexts"]


# --- real peers ------------------------------------------------------------------------------------------


@pytest.mark.peer
@need("storescp")
def test_storescp(tmp_path: Path) -> None:
    with storescp(tmp_path, "+xa", nodelay=False) as port:
        quick = ask(port)
        full = ask(port, Question(level="full"))
    assert quick.milliseconds < 2000
    assert full.milliseconds < 5000
    assert {c.proposed[0]: c.result for c in quick.contexts}[JPEG] == 0
    assert quick.unknown_class_accepted is False
    assert quick.peer is not None
    assert quick.peer.user.implementation_version.startswith("OFFIS")
    assert quick.echo_ms is not None
    assert full.concurrent == 2
    assert full.wrong_called is not None
    assert full.wrong_called.outcome == "accepted"


@pytest.mark.peer
@need("storescp")
def test_storescp_that_serves_one_at_a_time(tmp_path: Path) -> None:
    port = free_port()
    with program(["storescp", "-od", str(tmp_path), str(port)], port, cwd=tmp_path):
        facts = ask(port, Question(level="full", tls="off"))
    assert facts.established
    assert facts.concurrent == 1
    assert facts.milliseconds < 5000


@pytest.mark.peer
@need("dcmqrscp")
def test_dcmqrscp(tmp_path: Path) -> None:
    with dcmqrscp(tmp_path) as port:
        facts = ask(port, Question(level="full"), called="ARCHIVE")
    assert facts.established
    assert facts.wrong_called is not None
    assert facts.wrong_called.outcome == "rejected"
    assert facts.combined[0].chosen == EXPLICIT
    assert facts.milliseconds < 5000


@pytest.mark.peer
@need("Orthanc")
def test_orthanc(tmp_path: Path) -> None:
    with orthanc(tmp_path) as (port, _):
        facts = ask(port, Question(level="full"), called="ORTHANC")
    assert facts.established
    assert [echo.status for echo in facts.echoes] == [0, 0, 0]
    assert facts.unknown_class_accepted is not None
    assert facts.milliseconds < 5000


@pytest.mark.peer
def test_pynetdicom() -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    entity = pynetdicom.AE("PYNET")
    entity.require_called_aet = True
    entity.add_supported_context(VERIFICATION)
    entity.add_supported_context(WSI, [EXPLICIT, JPEG])
    server = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        facts = ask(server.server_address[1], Question(level="full", tls="off"), called="PYNET")
    finally:
        server.shutdown()
    assert facts.established
    assert facts.wrong_called is not None
    assert facts.wrong_called.outcome == "rejected"
    assert {c.proposed[0] for c in facts.contexts if c.result == 0} == {EXPLICIT, JPEG}
    assert facts.milliseconds < 5000
