"""Storage commitment through the gate: committed only once the archive has it, whoever asks and whatever dies."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest
from gate_support import CT, Archive, Bench, GateProcess, data_set, free_port, send, until, write_config

from dcmlint.gate.commitment import Commitments, Transaction, read_request, write_result
from dcmlint.gate.logs import no_log
from dcmlint.gate.records import Outcome
from dcmlint.gate.settings import Commitment
from dcmlint.network.acceptor.settings import Action
from dcmlint.network.observed import AssociationHead
from dcmlint.network.wire.associate import AcceptedContext, AssociateAccept, AssociateRequest, UserInformation
from dcmlint.network.wire.dimse import Command
from dcmlint.standard.uids import StorageCommitmentPushModelInstance

pynetdicom = pytest.importorskip("pynetdicom")
PUSH = "1.2.840.10008.1.20.1"
IMPLICIT = "1.2.840.10008.1.2"


class Asker:
    """A modality that asks for commitment and gets the events (pynetdicom)."""

    def __init__(self, title: str = "SCANNER") -> None:
        from pynetdicom import AE, evt
        from pynetdicom.sop_class import StorageCommitmentPushModel

        self.events: list[tuple[int, object]] = []
        self.status = 0x0000
        self.title, self.port = title, free_port()
        ae = AE(ae_title=title)
        ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        self.server = ae.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._event)]
        )

    def _event(self, event: object) -> tuple[int, None]:
        self.events.append((event.event_type, event.event_information))  # type: ignore[attr-defined]
        return self.status, None

    def ask(self, port: int, transaction: str, *uids: str) -> int:
        from pydicom.dataset import Dataset
        from pynetdicom import AE
        from pynetdicom.sop_class import StorageCommitmentPushModel

        ae = AE(ae_title=self.title)
        ae.add_requested_context(StorageCommitmentPushModel)
        association = ae.associate("127.0.0.1", port, ae_title="GATE")
        assert association.is_established
        information = Dataset()
        information.TransactionUID = transaction
        information.ReferencedSOPSequence = []
        for uid in uids:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, uid
            information.ReferencedSOPSequence.append(item)
        status, _ = association.send_n_action(
            information, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        association.release()
        return int(status.Status)

    def close(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.shutdown()


def action(
    information: bytes,
    *,
    title: str = "SCANNER",
    instance: str = StorageCommitmentPushModelInstance,
    kind: int = 1,
) -> Action:
    request = AssociateRequest(called="GATE", calling=title, contexts=(), user=UserInformation())
    return Action(
        command=Command(field=0x0130, sop_class=PUSH, sop_instance=instance, action_type=kind),
        context=AcceptedContext(1, PUSH, IMPLICIT), information=information,
        association=AssociationHead(
            number=1, peer="127.0.0.1", peer_port=1, request=request, tls=None,
            accept=AssociateAccept(called="GATE", calling=title, contexts=(), user=UserInformation()),
        ),
    )  # fmt: skip


def asked(*uids: str, transaction: str = "2.25.5") -> bytes:
    return write_result(transaction, [(CT, uid) for uid in uids], {})


def commitments(
    bench: Bench, folder: Path, port: int, clock: object = time.time, wait: float = 60.0
) -> Commitments:
    peer = Commitment(title="SCANNER", host="127.0.0.1", port=port, timeout=5, wait=wait)  # type: ignore[arg-type]
    return Commitments(folder / "commitments", bench.journal, {"SCANNER": peer}, {}, no_log, clock)  # type: ignore[arg-type]


def test_a_request_is_read_as_it_was_written() -> None:
    assert read_request(asked("2.25.1", "2.25.2"), IMPLICIT) == ("2.25.5", [(CT, "2.25.1"), (CT, "2.25.2")])
    for broken in (b"", b"\xff" * 100, asked("2.25.1")[:20], write_result("", [(CT, "2.25.1")], {}), asked()):
        assert read_request(broken, IMPLICIT) is None


def test_what_is_not_served_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        made = commitments(bench, tmp_path, 1)
        assert made.take(action(asked("2.25.1"), title="STRANGER")).status == 0x0124
        assert made.take(action(asked("2.25.1"), instance="2.25.9")).status == 0x0115
        assert made.take(action(asked("2.25.1"), kind=2)).status == 0x0115
        assert made.take(action(b"nonsense")).status == 0x0115
        assert list((tmp_path / "commitments").iterdir()) == []


def test_committed_is_what_every_destination_has(tmp_path: Path) -> None:
    asker = Asker()
    now = [1000.0]
    try:
        with Bench(tmp_path) as bench:
            made = commitments(bench, tmp_path, asker.port, lambda: now[0])
            bench.take(data_set("2.25.1"), "2.25.1")
            assert made.take(action(asked("2.25.1"))).status == 0
            made.look()
            assert asker.events == []  # in the spool, and not in the archive
            deliver(bench)
            # A process that was killed meanwhile makes no difference.
            commitments(bench, tmp_path, asker.port, lambda: now[0]).look()
            ((kind, information),) = asker.events
            assert kind == 1
            assert information.TransactionUID == "2.25.5"  # type: ignore[attr-defined]
            assert [one.ReferencedSOPInstanceUID for one in information.ReferencedSOPSequence] == ["2.25.1"]  # type: ignore[attr-defined]
            made.look()
            assert len(asker.events) == 1
    finally:
        asker.close()


def test_what_is_unknown_or_late_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    asker = Asker()
    now = [1000.0]
    try:
        with Bench(tmp_path) as bench:
            made = commitments(bench, tmp_path, asker.port, lambda: now[0])
            for uid in ("2.25.1", "2.25.2"):
                bench.take(data_set(uid), uid)
                if uid == "2.25.1":
                    deliver(bench)
            made.take(action(asked("2.25.1", "2.25.2", "2.25.404")))
            made.look()
            assert asker.events == []
            now[0] += 61.0
            made.look()
            ((kind, information),) = asker.events
            assert kind == 2
            failed = {
                one.ReferencedSOPInstanceUID: one.FailureReason for one in information.FailedSOPSequence
            }  # type: ignore[attr-defined]
            assert failed == {"2.25.2": 0x0110, "2.25.404": 0x0112}
    finally:
        asker.close()


def test_a_result_that_is_not_taken_is_sent_again_later(tmp_path: Path) -> None:
    asker = Asker()
    asker.status = 0x0110
    now = [1000.0]
    try:
        with Bench(tmp_path) as bench:
            made = commitments(bench, tmp_path, asker.port, lambda: now[0])
            made.take(action(asked("2.25.404")))
            made.look()
            made.look()
            assert len(asker.events) == 1  # not before its time
            asker.status = 0
            now[0] += 5.1
            made.look()
            assert len(asker.events) == 2
            assert list((tmp_path / "commitments").iterdir()) == []
            made.take(action(asked("2.25.404", transaction="2.25.6")))
            asker.close()
            made.look()
            (left,) = (tmp_path / "commitments").iterdir()
            assert msgspec.json.decode(left.read_bytes(), type=Transaction).tries == 1
            now[0] += 8 * 86400.0
            made.look()
            assert list((tmp_path / "commitments").iterdir()) == []
    finally:
        asker.close()


def test_what_is_committed_is_the_last_version(tmp_path: Path) -> None:
    asker = Asker()
    try:
        with Bench(tmp_path) as bench:
            made = commitments(bench, tmp_path, asker.port)
            bench.take(data_set("2.25.1"), "2.25.1")
            deliver(bench)
            bench.take(
                data_set("2.25.1", filling=b"other" * 9), "2.25.1"
            )  # held: the archive has the first one
            made.take(action(asked("2.25.1")))
            made.look()
            assert asker.events == []
            bench.journal.move([2], "discarded", who="test", why="the first one is right")
            made.look()
            assert [event for event, _ in asker.events] == [1]
    finally:
        asker.close()


def test_a_request_that_cannot_be_written_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker()
    asker.status = 0x0110
    try:
        with Bench(tmp_path) as bench:
            made = commitments(bench, tmp_path, asker.port)
            for transaction in ("2.25.5", "2.25.6"):
                made.take(action(asked("2.25.404", transaction=transaction)))

            def full(path: Path, one: Transaction) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(made, "_save", full)
            made.look()
            assert len(asker.events) == 2
    finally:
        asker.close()
    (tmp_path / "commitments" / "left.part").write_bytes(b"{")
    with Bench(tmp_path) as bench:
        commitments(bench, tmp_path, 1)
    assert not (tmp_path / "commitments" / "left.part").exists()


def deliver(bench: Bench) -> None:
    """Have everything that is queued delivered."""
    for delivery in bench.journal.exchange("archive", [], limit=100):
        outcome = Outcome(instance=delivery.instance, state="delivered", detail="0000H")
        bench.journal.exchange("archive", [outcome], limit=0)


@pytest.mark.timeout(180)
def test_a_modality_asks_a_running_gate(tmp_path: Path) -> None:
    asker = Asker()
    try:
        with Archive(tmp_path / "archive") as archive:
            config = write_config(tmp_path / "gate", archive.port)
            config.write_text(
                config.read_text()
                + f'[[commitment]]\ntitle = "SCANNER"\nhost = "127.0.0.1"\nport = {asker.port}\n'
            )
            archive.stop()
            with GateProcess(config) as gate:
                (tmp_path / "out").mkdir()
                assert send(gate.port, tmp_path / "out", "2.25.1", data_set("2.25.1")) == 0
                assert asker.ask(gate.port, "2.25.5", "2.25.1") == 0
                threading.Event().wait(1.5)
                assert asker.events == []
                archive.restart()
                until(lambda: bool(asker.events), 60)
                assert asker.events[0][0] == 1
                assert "2.25.1" in archive.stored
                assert gate.stop() == 0
    finally:
        asker.close()


@pytest.mark.peer
@pytest.mark.timeout(180)
def test_orthanc_asks_a_running_gate(tmp_path: Path) -> None:
    import shutil

    if shutil.which("Orthanc") is None:
        pytest.skip("Orthanc is not installed")
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1] / "network"))
    from network_peers import orthanc

    gate_port, orthanc_port = free_port(), free_port()
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, port=gate_port)
        config.write_text(
            config.read_text()
            + f'[[commitment]]\ntitle = "ORTHANC"\nhost = "127.0.0.1"\nport = {orthanc_port}\n'
        )
        peer = {
            "gate": {"AET": "GATE", "Host": "127.0.0.1", "Port": gate_port, "AllowStorageCommitment": True}
        }
        with GateProcess(config) as gate, orthanc(tmp_path, orthanc_port, DicomModalities=peer) as (_, http):
            (tmp_path / "out").mkdir()
            assert send(gate.port, tmp_path / "out", "2.25.1", data_set("2.25.1")) == 0
            until(lambda: "2.25.1" in archive.stored, 60)
            body = json.dumps({"DicomInstances": [{"SOPClassUID": CT, "SOPInstanceUID": "2.25.1"}]}).encode()
            url = f"http://127.0.0.1:{http}"
            request = urllib.request.Request(f"{url}/modalities/gate/storage-commitment", body)
            answer = json.loads(urllib.request.urlopen(request, timeout=30).read())

            def report() -> str:
                return str(
                    json.loads(urllib.request.urlopen(url + answer["Path"], timeout=30).read())["Status"]
                )

            until(lambda: report() != "Pending", 60)
            assert report() == "Success"
            assert gate.stop() == 0
