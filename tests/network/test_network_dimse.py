"""Command sets and statuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmlint.intake.status import general_status, store_status
from dcmlint.network.wire import dimse
from dcmlint.network.wire.pdu import WireError


def test_a_store_request_and_its_response() -> None:
    request = dimse.decode(dimse.store_request(7, "1.2.3", "1.2.3.4", originator="MOVER", originator_id=3))
    assert (request.name, request.message_id, request.sop_class, request.sop_instance) == (
        "C-STORE-RQ",
        7,
        "1.2.3",
        "1.2.3.4",
    )
    assert (request.originator, request.originator_id, request.has_data_set) == ("MOVER", 3, True)
    assert request.oddities == ()
    answer = dimse.Answer(0xA904, "x" * 80 + "é\\", (0x00480006, 0x00280008))
    response = dimse.decode(dimse.response(request, answer))
    assert (response.name, response.responded_id, response.status) == ("C-STORE-RSP", 7, 0xA904)
    assert (response.sop_class, response.sop_instance) == ("1.2.3", "1.2.3.4")
    assert response.comment == "x" * 64  # LO
    assert response.offending == (0x00480006, 0x00280008)
    assert not response.has_data_set
    assert response.oddities == ()


def test_a_comment_stays_one_value_of_the_default_repertoire() -> None:
    request = dimse.decode(dimse.echo_request(1))
    response = dimse.decode(dimse.response(request, dimse.Answer(0, "a\\b\né")))
    assert response.comment == "a?b??"


def test_pynetdicom_reads_the_same_commands() -> None:
    messages = pytest.importorskip("pynetdicom.dimse_messages")
    from io import BytesIO

    from pynetdicom.dsutils import decode

    for data in (dimse.store_request(9, "1.2.3", "1.2.3.4"), dimse.echo_request(2)):
        read = decode(BytesIO(data), True, True)
        ours = dimse.decode(data)
        assert read.CommandField == ours.field
        assert read.MessageID == ours.message_id
        assert read.AffectedSOPClassUID == ours.sop_class
        assert read.CommandGroupLength == len(data) - 12
    assert messages.C_STORE_RQ


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        dimse.decode(data)
    except WireError as error:
        refused = error.problem.kind
    else:
        refused = ""
    assert refused in ("", "command")


@given(st.data())
def test_damage_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(dimse.store_request(1, "1.2.3", "1.2.3.4"))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        dimse.decode(raw)
    except WireError:
        pass


def test_a_wrong_group_length_is_odd_and_no_more() -> None:
    raw = bytearray(dimse.echo_request(1))
    raw[8] += 2
    command = dimse.decode(raw)
    assert command.field == dimse.C_ECHO_RQ
    assert [problem.detail for problem in command.oddities] == [
        "Command Group Length (0000,0000) is not the length of what follows it"
    ]


@pytest.mark.parametrize(
    ("code", "status_class", "retry"),
    [
        (0x0000, "success", False),
        (0xA700, "failure", True),
        (0xA7FF, "failure", True),
        (0xA904, "failure", False),
        (0xB000, "warning", False),
        (0xB006, "warning", False),
        (0xB007, "warning", False),
        (0xC123, "failure", False),
        (0x0122, "failure", False),
        (0x0124, "failure", False),
        (0x0111, "failure", False),
        (0x0107, "warning", False),
        (0xFF00, "pending", False),
        (0x0001, "unknown", False),
    ],
)
def test_what_a_status_of_c_store_means(code: int, status_class: str, retry: bool) -> None:
    status = store_status(code)
    assert (status.status_class, status.retry) == (status_class, retry)
    assert status.text.startswith(f"{code:04X}H ")


def test_pynetdicom_puts_the_same_codes_into_the_same_classes() -> None:
    theirs = pytest.importorskip("pynetdicom.status")
    names = {name: name.lower() for name in ("Success", "Warning", "Failure", "Cancel", "Pending")}
    for code, (category, _) in theirs.STORAGE_SERVICE_CLASS_STATUS.items():
        assert store_status(code).status_class == names[category], hex(code)
    for code, (category, _) in theirs.GENERAL_STATUS.items():
        assert general_status(code).status_class == names[category], hex(code)
