"""Real senders into the acceptor, and this side's requestor into real archives."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from pathlib import Path
from time import sleep

import pytest
from network_certificates import Certificates
from network_peers import (
    CT,
    EXPLICIT,
    Acceptor,
    FaultPeer,
    dcmqrscp,
    free_port,
    need,
    orthanc,
    pdata,
    run,
    stored_data_set,
    storescp,
    wait_open,
    write_instance,
)
from test_network_receive import dialogue, end

from dcmlint.intake.status import Answer
from dcmlint.network.senders import sender_facts
from dcmlint.network.tls.context import server_context
from dcmlint.network.wire import dimse

pytestmark = pytest.mark.peer


@pytest.fixture
def files(tmp_path: Path) -> dict[Path, bytes]:
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "in").mkdir()
    return {
        folder / f"{n}.dcm": write_instance(folder / f"{n}.dcm", f"2.25.{n}", pixels=140_000 * n)
        for n in (1, 2, 3)
    }


@need("storescu")
def test_storescu(tmp_path: Path, files: dict[Path, bytes]) -> None:
    with Acceptor(tmp_path / "in") as acceptor:
        done = run(["storescu", "-R", "127.0.0.1", str(acceptor.port), *map(str, files)])
        (facts,) = acceptor.wait()
    assert done.returncode == 0, done.stderr
    assert facts.end == "released"
    assert facts.problems == ()
    assert [stored_data_set(tmp_path / "in" / f"2.25.{n}.dcm") for n in (1, 2, 3)] == list(files.values())
    (sender,) = sender_facts([facts])
    assert sender.default_title
    assert sender.implementation_versions[0].startswith("OFFIS")


@need("storescu")
def test_storescu_as_it_comes_waits_for_no_delayed_acknowledgement(tmp_path: Path) -> None:
    """Nagle's algorithm on, as by default: 40 ms for each instance unless acknowledged at once."""
    if not hasattr(socket, "TCP_QUICKACK"):
        pytest.skip("this system cannot be asked to acknowledge at once")
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "in").mkdir()
    for number in range(60):
        write_instance(folder / f"{number}.dcm", f"2.25.{number}", pixels=130_000)
    with Acceptor(tmp_path / "in") as acceptor:
        done = run(["storescu", "-R", "+sd", "127.0.0.1", str(acceptor.port), str(folder)], nodelay=False)
        (facts,) = acceptor.wait()
    assert done.returncode == 0
    assert len(facts.instances) == 60
    assert facts.seconds < 60 * 0.020


@need("storescu")
@pytest.mark.parametrize(
    ("status", "code", "sent"), [(0xA700, 0xA7, 1), (0xA904, 0xA9, 1), (0xC123, 0xC1, 1), (0xB007, 0, 3), (0x0124, 1, 1)]
)  # fmt: skip
def test_what_storescu_makes_of_a_status(
    tmp_path: Path, files: dict[Path, bytes], status: int, code: int, sent: int
) -> None:
    with Acceptor(tmp_path / "in") as acceptor:
        for number in (1, 2, 3):
            acceptor.answers[f"2.25.{number}"] = Answer(status, "because", (0x00280010,))
        done = run(["storescu", "-R", "-d", "127.0.0.1", str(acceptor.port), *map(str, files)])
        (facts,) = acceptor.wait()
    assert done.returncode == code
    assert [instance.status for instance in facts.instances] == [status] * sent
    assert "because" in done.stdout + done.stderr


@need("storescu")
def test_storescu_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1", pixels=1_000_000)
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor, FaultPeer(acceptor.port).associate() as peer:
        # A sender that dies closes its socket in the middle of a fragment.
        peer.send(pdata(3, 3, dimse.store_request(1, CT, "2.25.1")) + pdata(3, 0, bytes(300_000))[:200_000])
        peer.reset()
        (facts,) = acceptor.wait()
    assert list((tmp_path / "in").iterdir()) == []
    assert "partial" in [problem.kind for problem in facts.problems]


@need("dcmsend")
def test_dcmsend(tmp_path: Path, files: dict[Path, bytes]) -> None:
    with Acceptor(tmp_path / "in") as acceptor:
        done = run(["dcmsend", "127.0.0.1", str(acceptor.port), *map(str, files)])
        acceptor.wait()
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "in").iterdir())) == 3


@need("echoscu")
def test_echoscu(tmp_path: Path) -> None:
    with Acceptor(tmp_path) as acceptor:
        done = run(["echoscu", "--repeat", "3", "127.0.0.1", str(acceptor.port)])
        (facts,) = acceptor.wait()
    assert done.returncode == 0
    assert (facts.echoes, facts.end, facts.problems) == (3, "released", ())


@need("storescu")
@pytest.mark.parametrize("option", ["+py", "+px", "+pz"])
def test_storescu_over_mutual_tls(
    tmp_path: Path, files: dict[Path, bytes], certificates: Certificates, option: str
) -> None:
    server = server_context(*certificates["good"], client_ca=certificates.ca, require_client=True)
    certificate, key = certificates["client"]
    tls = ["+tls", key, certificate, "+cf", certificates.ca, option, "-pw"]
    with Acceptor(tmp_path / "in", tls=server) as acceptor:
        done = run(["storescu", "-R", *tls, "127.0.0.1", str(acceptor.port), *map(str, files)])
        (facts,) = acceptor.wait()
    assert done.returncode == 0, done.stderr
    assert facts.tls is not None
    assert facts.tls.version == ("TLSv1.2" if option == "+pz" else "TLSv1.3")
    assert len(list((tmp_path / "in").iterdir())) == 3


@need("storescu")
def test_several_senders_at_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    folders = []
    for sender in range(4):
        folder = tmp_path / f"s{sender}"
        folder.mkdir()
        for number in range(25):
            write_instance(folder / f"{number}.dcm", f"2.25.{sender}.{number}", pixels=20_000)
        folders.append(folder)
    with Acceptor(tmp_path / "in") as acceptor:
        environment = {**os.environ, "TCP_NODELAY": "1"}
        command = ["storescu", "-R", "+sd", "127.0.0.1", str(acceptor.port)]
        processes = [
            subprocess.Popen(
                [*command, str(f)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for f in folders
        ]
        assert [process.wait(30) for process in processes] == [0] * 4
        facts = acceptor.wait(4)
    assert {each.end for each in facts} == {"released"}
    assert len(list((tmp_path / "in").iterdir())) == 100


def test_pynetdicom(tmp_path: Path, files: dict[Path, bytes]) -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    from support.pynetdicom_requestor import held

    with Acceptor(tmp_path / "in") as acceptor:
        entity = pynetdicom.AE("PYNET")
        entity.add_requested_context(CT, EXPLICIT)
        association = entity.associate("127.0.0.1", acceptor.port)
        assert association.is_established
        with held(association):  # or its own thread takes a response now and then
            statuses = [association.send_c_store(path).Status for path in files]
        association.release()
        (facts,) = acceptor.wait()
    assert statuses == [0, 0, 0]
    assert facts.request is not None
    assert facts.request.calling == "PYNET"


@need("storescp")
def test_our_requestor_into_storescp(tmp_path: Path, files: dict[Path, bytes]) -> None:
    with storescp(tmp_path / "in", "-uf") as port:
        found = dialogue(port)
        assert [found.store(path).status for path in files] == [0, 0, 0]
        end(found)
    stored = sorted((tmp_path / "in").iterdir())
    assert [len(path.read_bytes()) for path in stored]
    assert len(stored) == 3


@need("dcmqrscp")
def test_our_requestor_into_dcmqrscp(tmp_path: Path, files: dict[Path, bytes]) -> None:
    with dcmqrscp(tmp_path) as port:
        found = dialogue(port, called="ARCHIVE")
        assert found.echo().status == 0
        assert [found.store(path).status for path in files] == [0, 0, 0]
        end(found)


@need("Orthanc")
def test_orthanc_takes_ours_and_sends_to_us(tmp_path: Path, files: dict[Path, bytes]) -> None:
    with (
        Acceptor(tmp_path / "in") as acceptor,
        orthanc(
            tmp_path, DicomModalities={"us": ["DCMLINT", "127.0.0.1", acceptor.port]}, DicomScuTimeout=5
        ) as (port, http),
    ):
        found = dialogue(port, called="ORTHANC")
        assert [found.store(path).status for path in files] == [0, 0, 0]
        end(found)
        base = f"http://127.0.0.1:{http}"
        with urllib.request.urlopen(f"{base}/instances", timeout=10) as answer:
            instances = json.load(answer)
        assert len(instances) == 3
        job = json.dumps({"Resources": instances, "Synchronous": True}).encode()
        with urllib.request.urlopen(f"{base}/modalities/us/store", data=job, timeout=20) as answer:
            assert json.load(answer)["FailedInstancesCount"] == 0
        facts = acceptor.wait()
    assert len(list((tmp_path / "in").iterdir())) == 3
    assert facts[-1].request is not None
    assert facts[-1].request.calling == "ORTHANC"


def test_memory_does_not_grow_with_the_instance(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    piece = pdata(3, 0, bytes(131_066))
    (tmp_path / "in").mkdir()
    with Acceptor(tmp_path / "in") as acceptor, FaultPeer(acceptor.port).associate() as peer:
        peer.send(pdata(3, 3, dimse.store_request(1, CT, "2.25.1")))
        before = process.memory_info().rss
        for _ in range(800):
            peer.send(piece)
        grown = process.memory_info().rss - before
        peer.send(pdata(3, 2, b""))
        peer.pdu()
    assert (tmp_path / "in" / "2.25.1.dcm").stat().st_size > 800 * 131_066
    assert grown < 8 << 20


def test_idle_associations_cost_next_to_nothing(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    with Acceptor(tmp_path) as acceptor:
        peers = [FaultPeer(acceptor.port).associate() for _ in range(50)]
        spent = process.cpu_times()
        sleep(2)
        now = process.cpu_times()
        used = now.user + now.system - spent.user - spent.system
        for peer in peers:
            peer.sock.close()
        acceptor.wait(50)
    assert used < 0.2  # seconds of processor time; a loop that polls takes all of two seconds


def test_a_port_can_be_taken_again_at_once(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with Acceptor(tmp_path, port=port):
            wait_open(port)
