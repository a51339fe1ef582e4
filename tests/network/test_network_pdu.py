"""The codec of PDUs and association requests: round trips, a second opinion, and damage."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmlint.network.wire import pdu
from dcmlint.network.wire.associate import (
    AssociateAccept,
    AssociateRequest,
    CommonExtendedNegotiation,
    ContextAnswer,
    ExtendedNegotiation,
    ProposedContext,
    Role,
    UserIdentity,
    UserInformation,
    encode_accept,
    encode_request,
    parse_accept,
    parse_request,
)

UIDS = st.from_regex(r"[12]\.[1-9][0-9]{0,8}(\.[1-9][0-9]{0,5}){0,4}", fullmatch=True)
TITLES = st.text("ABCDEFGHIJ_0123456789", min_size=1, max_size=16)
CONTEXTS = st.lists(
    st.builds(
        ProposedContext,
        st.integers(0, 127).map(lambda n: 2 * n + 1),
        UIDS,
        st.lists(UIDS, min_size=1, max_size=5).map(tuple),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda context: context.id,
).map(tuple)
USERS = st.builds(
    UserInformation,
    max_pdu=st.none() | st.integers(0, 0xFFFFFFFF),
    implementation_class=UIDS,
    implementation_version=st.just("") | TITLES,
    window=st.none() | st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    roles=st.lists(st.builds(Role, UIDS, st.integers(0, 1), st.integers(0, 1)), max_size=3).map(tuple),
    extended=st.lists(st.builds(ExtendedNegotiation, UIDS, st.binary(max_size=8)), max_size=2).map(tuple),
    common_extended=st.lists(
        st.builds(CommonExtendedNegotiation, UIDS, UIDS, st.lists(UIDS, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    identity=st.none()
    | st.builds(UserIdentity, st.integers(1, 5), st.binary(max_size=9), st.binary(max_size=9), st.booleans()),
)
REQUESTS = st.builds(AssociateRequest, called=TITLES, calling=TITLES, contexts=CONTEXTS, user=USERS)
FULL = AssociateRequest(
    called="ARCHIVE",
    calling="SCANNER",
    contexts=(ProposedContext(1, "1.2.3", ("1.2.4", "1.2.5")), ProposedContext(3, "1.2.6", ("1.2.4",))),
    user=UserInformation(
        max_pdu=16384,
        implementation_class="1.2.7",
        implementation_version="X_1",
        window=(5, 5),
        roles=(Role("1.2.3", 1, 1),),
        extended=(ExtendedNegotiation("1.2.3", b"\2\0"),),
        common_extended=(CommonExtendedNegotiation("1.2.3", "1.2.8", ("1.2.9",)),),
        identity=UserIdentity(2, b"name", b"secret", True),
    ),
)


@given(REQUESTS)
@settings(max_examples=40)
def test_a_request_comes_back_as_it_was(request: AssociateRequest) -> None:
    data = encode_request(request)
    assert pdu.parse_header(data) == (pdu.ASSOCIATE_RQ, len(data) - 6)
    assert parse_request(data[6:]) == request


def test_an_accept_comes_back_as_it_was() -> None:
    accept = AssociateAccept(
        called="A",
        calling="B",
        contexts=(ContextAnswer(1, 0, "1.2.4"), ContextAnswer(3, 4)),
        user=UserInformation(max_pdu=0, implementation_class="1.2.7", identity_response=b"yes"),
    )
    assert parse_accept(encode_accept(accept)[6:]) == accept


def test_pynetdicom_reads_the_same_from_a_request() -> None:
    pdus = pytest.importorskip("pynetdicom.pdu")
    data = encode_request(FULL)
    read = pdus.A_ASSOCIATE_RQ()
    read.decode(data)
    assert read.called_ae_title.strip() == "ARCHIVE"
    assert [(c.context_id, c.abstract_syntax, c.transfer_syntax) for c in read.presentation_context] == [
        (1, "1.2.3", ["1.2.4", "1.2.5"]),
        (3, "1.2.6", ["1.2.4"]),
    ]
    assert parse_request(read.encode()[6:]) == FULL


@given(st.data())
@settings(max_examples=300)
def test_damage_never_ends_otherwise_than_in_a_wire_error(data: st.DataObject) -> None:
    raw = bytearray(encode_request(FULL)[6:])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for parse in (parse_request, parse_accept):
        refused, oddities = "", 0
        try:
            oddities = len(parse(cut).oddities)
        except pdu.WireError as error:
            refused = error.problem.kind
        assert refused in ("", "associate")
        assert oddities <= 64


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for parse in (parse_request, parse_accept):
        try:
            parse(raw)
        except pdu.WireError:
            pass


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (AssociateRequest(called="A", calling="B", contexts=(ProposedContext(2, "1.2", ("1.3",)),), user=UserInformation()), "context-id"),
        (AssociateRequest(called="A", calling="B", contexts=(), user=UserInformation()), "no-context"),
        (AssociateRequest(called="A\\", calling="B", contexts=FULL.contexts, user=UserInformation()), "title"),
        (AssociateRequest(called="", calling="B", contexts=FULL.contexts, user=UserInformation()), "title"),
        (AssociateRequest(called="A", calling="B", contexts=(ProposedContext(1, "1.2\0", ("1.3",)),), user=UserInformation()), "uid-padding"),
        (AssociateRequest(called="A", calling="B", contexts=(ProposedContext(1, "CT", ("1.3",)),), user=UserInformation()), "uid"),
    ],
)  # fmt: skip
def test_what_is_odd_is_said(request_: AssociateRequest, kind: str) -> None:
    assert kind in [problem.kind for problem in parse_request(encode_request(request_)[6:]).oddities]


def test_a_length_is_refused_before_its_bytes_come() -> None:
    for kind, length in ((1, 0xFFFFFFFF), (4, 1 << 25), (5, 5), (7, 0x7FFFFFFF)):
        with pytest.raises(pdu.WireError) as caught:
            pdu.bound(kind, length, 1 << 24)
        assert caught.value.problem.kind == "pdu-length"
    with pytest.raises(pdu.WireError) as caught:
        pdu.bound(0x47, 4, 1 << 24)
    assert caught.value.problem.kind == "pdu-type"


@given(st.binary(max_size=500), st.sampled_from([0, 7, 16, 128, 4096]))
def test_fragments_are_within_the_limit_and_come_together_again(payload: bytes, limit: int) -> None:
    whole, last = b"", []
    for headers, piece in pdu.fragments(5, payload, command=False, max_pdu=limit):
        kind, length = pdu.parse_header(headers)
        size, context, control = pdu.parse_pdv_header(headers[6:])
        assert kind == pdu.P_DATA
        assert length == size + 6 == len(piece) + 6
        assert limit == 0 or length <= limit
        assert context == 5
        whole += bytes(piece)
        last.append(bool(control & pdu.LAST))
    assert whole == payload
    assert last == [False] * (len(last) - 1) + [True]


def test_rejections_and_aborts_have_the_words_of_the_standard() -> None:
    rejection = pdu.parse_rejection(pdu.encode_rejection(pdu.REJECT_CALLED)[6:])
    assert rejection.words == "rejected-permanent, service-user: called AE title not recognized"
    assert pdu.parse_rejection(pdu.encode_rejection(pdu.REJECT_LOCAL_LIMIT)[6:]).transient
    assert pdu.parse_abort(pdu.encode_abort(pdu.ABORT_INVALID)[6:]).words == (
        "service-provider: invalid PDU parameter value"
    )
    assert pdu.Rejection(9, 9, 9).words == "result 9, source 9: reason 9"
    with pytest.raises(pdu.WireError):
        pdu.parse_abort(struct.pack(">I", 0) + b"\0")


def test_only_a_request_must_propose_a_context() -> None:
    """An acceptance answers what was proposed: that nothing was is no defect of its own."""
    request = parse_request(
        encode_request(
            AssociateRequest(called="A", calling="B", contexts=(), user=UserInformation(max_pdu=0))
        )[6:]
    )
    assert "no-context" in [one.kind for one in request.oddities]
    accept = parse_accept(
        encode_accept(AssociateAccept(called="A", calling="B", contexts=(), user=UserInformation(max_pdu=0)))[
            6:
        ]
    )
    assert "no-context" not in [one.kind for one in accept.oddities]
