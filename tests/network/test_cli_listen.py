"""`dcmlint listen` as its user meets it: in a process of its own, with real senders on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from network_certificates import Certificates
from network_peers import (
    CT,
    EXPLICIT,
    VERIFICATION,
    WSI,
    FaultPeer,
    ProposedContext,
    data_set,
    free_port,
    need,
    pdata,
    run,
    write_instance,
)
from support.command import dcmlint

from dcmlint.facts.association.senders import Stored
from dcmlint.intake.dataset_head import DatasetHead
from dcmlint.intake.sent import Sent
from dcmlint.network.observed import AssociationFacts, InstanceFacts
from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.sender_rule_facts import stored_facts
from dcmlint.network.tls.context import Credentials, client_context
from dcmlint.network.wire import dimse
from dcmlint.network.wire.associate import AcceptedContext

ROOT = Path(__file__).resolve().parents[2]
GOOD, BROKEN = ROOT / "examples" / "slide-good", ROOT / "examples" / "slide-broken"
JPEG = "1.2.840.10008.1.2.4.50"


class Listener:
    """The command in its own process; `end` gives exit code, standard output and standard error."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "dcmlint.cli", "listen", "0", "--isolated", "--settle", "0.4"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80"},
        )  # fmt: skip
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        assert said.startswith("listening on 127.0.0.1:"), said
        self.port = int(said.split(":")[1].split()[0])

    def interrupt(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        self.process.send_signal(number)
        return self.end()

    def end(self, timeout: float = 20) -> tuple[int, str, str]:
        try:
            out, err = self.process.communicate(timeout=timeout)
        finally:
            self.process.kill()
        assert "Traceback" not in err, err
        return self.process.returncode, out, err

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def send(port: int, paths: list[Path], *, tls: object = None, calling: str = "SCANNER") -> list[int]:
    """Send files as they are; the statuses."""
    target = Target(host="127.0.0.1", port=port, calling=calling, tls=tls, server_name="localhost")  # type: ignore[arg-type]
    contexts = (ProposedContext(1, WSI, (JPEG,)), ProposedContext(3, CT, (EXPLICIT,)))
    dialogue, attempt, _ = associate(target, association_request(target, contexts), "test")
    assert dialogue is not None, attempt
    statuses = [dialogue.store(path).status or 0 for path in paths]
    dialogue.release()
    dialogue.close()
    return statuses


def slides(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.dcm"))


def test_a_good_slide_passes_and_nothing_is_kept() -> None:
    with Listener("--once") as listener:
        assert send(listener.port, slides(GOOD)) == [0] * 5
        code, out, _ = listener.end()
    assert code == 0, out
    assert "PASS" in out
    assert "5 files, 1 association" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_broken_slide_is_told_as_it_comes_as_for_files(tmp_path: Path) -> None:
    with Listener("--once", "-f", "json", "--out", tmp_path / "kept") as listener:
        send(listener.port, slides(BROKEN))
        code, out, _ = listener.end()
    value = json.loads(out)
    assert code == value["exit_code"] == 1
    files = dcmlint("check", "--isolated", str(BROKEN), "-f", "json").stdout
    wanted = sorted(finding["rule"] for finding in json.loads(files)["findings"])
    assert sorted(f["rule"] for f in value["findings"] if not f["rule"].startswith("NET")) == wanted
    # What is kept has the data set as it was sent.
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert kept == {f"{record['sop_instance_uid']}.dcm" for record in value["files"]}
    association = value["associations"][0]
    assert association["id"] == "SCANNER at 127.0.0.1, association 1"
    assert association["facts"]["store"]["received"] == 5


def test_an_interrupt_ends_it_with_the_report() -> None:
    with Listener() as listener:
        send(listener.port, slides(GOOD))
        time.sleep(0.8)
        code, out, _ = listener.interrupt()
    assert code == 0
    assert "5 files" in out
    with Listener() as listener:
        code, out, _ = listener.interrupt(signal.SIGTERM)
    assert code == 3
    assert "NO INPUT" in out


def test_it_ends_by_itself_where_nobody_comes() -> None:
    with Listener("--once", "--wait", "0.5") as listener:
        assert listener.end()[0] == 3


def test_a_status_by_policy(tmp_path: Path) -> None:
    with Listener("--once", "--status", "by-policy", "-p", "wsi") as listener:
        statuses = send(listener.port, [*slides(BROKEN), *slides(GOOD)])
        code, out, _ = listener.end()
    assert code == 1
    assert all(status >> 8 == 0xA9 for status in statuses[:5]), statuses  # PS3.4 Table B.2-1
    assert statuses[5:] == [0] * 5
    assert re.search(r"refused \| 5 instances: A9", out)


def test_what_the_sender_gets_wrong(tmp_path: Path) -> None:
    """One bad sender: another UID than the command says, group 0002, implicit bytes, twice, cut off."""
    other = data_set(CT, "2.25.2")
    meta = b"\x02\0\x10\0UI" + (20).to_bytes(2, "little") + b"1.2.840.10008.1.2.1\0"
    implicit = b"\x08\0\x16\0" + (26).to_bytes(4, "little") + CT.encode() + b"\0"
    with Listener("-f", "json", "--select", "NET") as listener, FaultPeer(listener.port).associate() as peer:

        def store(uid: str, content: bytes, number: int) -> None:
            peer.send(pdata(3, 3, dimse.store_request(number, CT, uid)))
            peer.send(pdata(3, 2, content))
            assert peer.pdu()[0] == 4

        store("2.25.1", other, 1)
        store("2.25.2", other, 2)
        store("2.25.2", other, 3)
        store("2.25.2", data_set(CT, "2.25.2", 1024), 4)
        store("2.25.3", meta + data_set(CT, "2.25.3"), 5)
        store("2.25.4", implicit, 6)
        peer.send(
            pdata(3, 3, dimse.store_request(7, CT, "2.25.5", originator="MOVER")) + pdata(3, 0, other[:100])
        )
        time.sleep(0.2)
        peer.sock.close()
        time.sleep(0.8)
        code, out, _ = listener.interrupt()
    value = json.loads(out)
    found = {finding["rule"]: finding for finding in value["findings"]}
    assert code == 1
    assert {"NET501", "NET502", "NET503", "NET504", "NET505", "NET506", "NET406"} <= set(found), found.keys()
    assert "2.25.1 (the data set says 2.25.2)" in found["NET501"]["message"]
    assert "different content: 2.25.2" in found["NET502"]["message"]
    assert "2.25.4 (implicit little" in found["NET503"]["message"]
    assert "2.25.5 (after 100 bytes)" in found["NET504"]["message"]
    assert "2.25.3" in found["NET505"]["message"]
    store_facts = value["associations"][0]["facts"]["store"]
    assert store_facts["same_again"] == ["2.25.2"]


def test_tls_with_client_certificates(tmp_path: Path, certificates: Certificates) -> None:
    server, key = certificates["ec"]
    with Listener("--once", "--cert", server, "--key", key, "--ca", certificates.ca, "-v") as listener:
        client, client_key = certificates["client"]
        context = client_context(Credentials(ca=certificates.ca, certificate=client, key=client_key))
        assert send(listener.port, slides(GOOD)[:1], tls=context) == [0]
        _, out, _ = listener.end()
    assert re.search(r"TLS \| TLSv1\.3", out)
    assert "CN=client" in out


@pytest.mark.parametrize(
    "arguments",
    [["--status", "sometimes"], ["--out", "x", "--discard"], ["--key", "k.pem"], ["--cert", "/nowhere.pem"],
     ["--host", "192.0.2.1"], ["-p", "nothing"]],
)  # fmt: skip
def test_wrong_command_lines_are_2_and_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = dcmlint("listen", str(free_port()), "--isolated", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) >= 1


def test_half_an_originator_and_what_came_before() -> None:
    context = AcceptedContext(1, CT, EXPLICIT)
    instance = InstanceFacts(
        message_id=1, sop_class=CT, sop_instance="1.2", context=context, size=10, seconds=0, complete=True,
        originator_id=4,
    )  # fmt: skip
    association = AssociationFacts(
        number=1, peer="127.0.0.1", peer_port=1, end="released", started="", seconds=0, instances=(instance,)
    )
    head = DatasetHead(encoding="explicit little", sop_class=CT, sop_instance="1.2")
    arrival = Sent(sop_class=CT, sop_instance="1.2", transfer_syntax=EXPLICIT, head=head, sha256="aa")

    def again(earlier: str) -> Stored:
        return stored_facts(association, [msgspec.structs.replace(arrival, earlier=earlier)])

    facts = again("aa")
    assert facts.half_originator == ("1.2",)
    assert facts.same_again == ("1.2",)
    assert again("bb").other_again == ("1.2",)


# --- real senders --------------------------------------------------------------------------------


@pytest.mark.peer
@need("storescu", "echoscu")
def test_storescu_with_a_slide() -> None:
    with Listener("--once", "-f", "json") as listener:
        assert run(["echoscu", "127.0.0.1", str(listener.port)]).returncode == 0
        done = run(["storescu", "-R", "-xy", "127.0.0.1", str(listener.port), "+sd", str(GOOD)])
        assert done.returncode == 0, done.stderr
        code, out, _ = listener.end()
    value = json.loads(out)
    assert code == 0, value["findings"]
    assert value["summary"]["files"] == 5
    assert value["summary"]["associations"] == 2
    assert "NET405" in {finding["rule"] for finding in value["findings"]}  # STORESCU


@pytest.mark.peer
@need("dcmsend")
def test_dcmsend_and_an_answer_by_policy(tmp_path: Path) -> None:
    write_instance(tmp_path / "ct.dcm", "2.25.77")
    with Listener("--once", "--status", "by-policy", "-p", "dicom") as listener:
        done = run(["dcmsend", "-v", "127.0.0.1", str(listener.port), str(tmp_path / "ct.dcm")])
        code, out, _ = listener.end()
    assert code == 1, out  # a made instance without most of its attributes
    assert "with status ERROR" in done.stderr + done.stdout


@pytest.mark.peer
def test_pynetdicom_sends_its_echo() -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    with Listener("-f", "json") as listener:
        entity = pynetdicom.AE()
        entity.add_requested_context(VERIFICATION)
        association = entity.associate("127.0.0.1", listener.port)
        assert association.send_c_echo().Status == 0
        association.release()
        time.sleep(0.3)
        code, out, _ = listener.interrupt()
    assert code == 3  # nothing was sent to be checked
    assert json.loads(out)["summary"]["associations"] == 1


def listened(arguments: list[object], act: object) -> tuple[int, dict[str, object], str]:
    with Listener(*arguments, "-f", "json") as listener:
        act(listener.port)  # type: ignore[operator]
        time.sleep(0.8)
        code, out, err = listener.interrupt()
    return code, json.loads(out), err


def rules_of(report: dict[str, object]) -> dict[str, str]:
    return {finding["rule"]: finding["message"] for finding in report["findings"]}  # type: ignore[attr-defined]


def test_what_was_refused_for_its_size_was_not_checked(tmp_path: Path) -> None:
    write_instance(tmp_path / "small.dcm", "2.25.1")
    write_instance(tmp_path / "large.dcm", "2.25.2", pixels=30_000)
    answers: list[int] = []
    code, report, _ = listened(
        ["--max-instance", "20000"],
        lambda port: answers.extend(send(port, [tmp_path / "small.dcm", tmp_path / "large.dcm"])),
    )
    assert answers == [0x0000, 0x0110]
    assert code == 4
    assert "2.25.2 (0110H" in rules_of(report)["NET507"]


def broken_pdv(port: int) -> None:
    with FaultPeer(port).associate() as peer:
        peer.send(b"\4\0" + (20).to_bytes(4, "big") + (900).to_bytes(4, "big") + b"\1\3" + bytes(14))
        peer.until_closed()


def data_without_command(port: int) -> None:
    with FaultPeer(port).associate() as peer:
        peer.send(pdata(1, 2, b"\x08\0\x16\0UI\0\0"))
        peer.until_closed()


def strange_context(port: int) -> None:
    with FaultPeer(port).associate() as peer:
        peer.send(pdata(77, 3, bytes(8)))
        peer.until_closed()


@pytest.mark.parametrize("act", [broken_pdv, data_without_command, strange_context])
def test_a_sender_that_breaks_the_protocol_fails_the_run(tmp_path: Path, act: object) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1")

    def both(port: int) -> None:
        assert send(port, [tmp_path / "a.dcm"]) == [0]
        act(port)  # type: ignore[operator]

    code, report, _ = listened(["--select", "NET"], both)
    assert code == 1
    assert "NET420" in rules_of(report)


def test_the_file_meta_of_this_side_is_not_judged(tmp_path: Path) -> None:
    write_instance(tmp_path / "a.dcm", "2.25.1")
    _, report, _ = listened([], lambda port: send(port, [tmp_path / "a.dcm"]))
    assert not [rule for rule in rules_of(report) if rule.startswith("META")]
    assert report["outcomes"]["META109"]["not_applicable"] == 1  # type: ignore[index]


def test_what_a_policy_refuses_is_not_kept_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_instance(tmp_path / "a.dcm", "2.25.1")  # most of its attributes are missing
    answers: list[int] = []
    listened(
        ["--out", tmp_path / "in", "--status", "by-policy"],
        lambda port: answers.extend(send(port, [tmp_path / "a.dcm"])),
    )
    assert answers[0] & 0xFF00 == 0xA900
    kept = sorted(path.relative_to(tmp_path / "in").as_posix() for path in (tmp_path / "in").rglob("*.dcm"))
    assert kept == ["refused/2.25.1.dcm"]


@pytest.mark.parametrize(("wanted", "code"), [(2, 0), (3, 1)])
def test_the_number_of_instances_that_must_come(tmp_path: Path, wanted: int, code: int) -> None:
    for number in (1, 2):
        write_instance(tmp_path / f"{number}.dcm", f"2.25.{number}")
    with Listener("--once", "--expect", wanted, "--select", "FILE907", "-f", "json") as listener:
        send(listener.port, [tmp_path / "1.dcm"])
        send(listener.port, [tmp_path / "2.dcm"])
        found, out, _ = listener.end()
    assert found == code
    assert [finding["rule"] for finding in json.loads(out)["findings"]] == ["FILE907"] * code
