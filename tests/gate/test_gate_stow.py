"""STOW-RS before the gate: the same verdicts as over an association, and no instance is lost or taken twice."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gate_support import CT, HOLD, REFUSE, Bench, data_set, element, part10_file, sha, stored, until

from dcmlint.errors import UsageError
from dcmlint.gate.bounds import Bounds, Limits
from dcmlint.gate.serving import HttpServer
from dcmlint.gate.settings import Stow
from dcmlint.gate.stow import BadRequestError, StowApp, _Body
from dcmlint.intake import part
from dcmlint.intake.task import Task
from dcmlint.intake.verdict import Reply

pytest.importorskip("python_multipart")
TYPE = 'multipart/related; type="application/dicom"; boundary=B'


class Client:
    """One server and what is asked of it."""

    def __init__(self, port: int, bench: Bench, app: StowApp) -> None:
        self.port, self.bench, self.app = port, bench, app

    def post(
        self, body: bytes, path: str = "/dicom-web/studies", **headers: str
    ) -> tuple[int, dict[str, object], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                "POST",
                path,
                body,
                {"Content-Type": TYPE, **{k.replace("_", "-"): v for k, v in headers.items()}},
            )
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith("{") else {}, text
        finally:
            connection.close()


@contextmanager
def stow(folder: Path, *, closed: bool = False, largest: int = 1 << 20, **settings: str) -> Iterator[Client]:
    with Bench(folder) as bench:
        app = StowApp(bench.core, Stow(**settings), folder, largest=largest, closed=lambda: closed)  # type: ignore[arg-type]
        server = HttpServer(app.app, "stow", "127.0.0.1", 0)
        server.start()
        try:
            yield Client(server.port, bench, app)
        finally:
            server.stop()


def multipart(*files: bytes, kind: str = "application/dicom") -> bytes:
    made = b"".join(b"--B\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + one + b"\r\n" for one in files)
    return made + b"--B--\r\n"


def a_file(uid: str) -> bytes:
    return part10_file(uid, data_set(uid))


def values(items: object, tag: str) -> list[object]:
    return [item[tag]["Value"][0] for item in items["Value"]]  # type: ignore[index]


def test_what_is_stored_is_ours_with_the_bytes_that_came(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        status, answer, _ = client.post(multipart(a_file("2.25.1"), a_file("2.25.2")))
        assert status == 200
        assert values(answer["00081199"], "00081155") == ["2.25.1", "2.25.2"]
        assert "00081198" not in answer
        (row,) = client.bench.journal.find("2.25.1")
        assert (row.state, row.via, row.sha256, row.sender) == (
            "queued",
            "stow",
            sha(data_set("2.25.1")),
            "STOW",
        )
        assert stored(client.bench.spool.path(row.file)) == data_set("2.25.1")
        # The same again is the same instance.
        assert client.post(multipart(a_file("2.25.1")))[0] == 200
        assert len(client.bench.journal.find("2.25.1")) == 1


def test_some_refused_is_202_and_all_refused_is_409_with_the_reason(tmp_path: Path) -> None:
    def reply(task: Task) -> Reply:
        return REFUSE if task.sop_instance == "2.25.2" else HOLD if task.sop_instance == "2.25.3" else Reply()

    with stow(tmp_path) as client:
        client.bench.checks.reply = reply
        status, answer, _ = client.post(multipart(a_file("2.25.1"), a_file("2.25.2"), a_file("2.25.3")))
        assert status == 202
        assert values(answer["00081199"], "00081155") == ["2.25.1", "2.25.3"]  # held is ours
        (failed,) = answer["00081198"]["Value"]  # type: ignore[index]
        assert failed["00081155"]["Value"] == ["2.25.2"]
        assert failed["00081150"]["Value"] == [CT]
        assert failed["00081197"]["Value"] == [0xA905]
        assert failed["00741048"]["Value"][0]["00000902"]["Value"][0].startswith("GTT001")
        assert client.bench.states("2.25.3") == ["held"]
        assert client.post(multipart(a_file("2.25.2")))[0] == 409


def test_the_answer_can_be_xml(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        client.bench.checks.reply = lambda task: REFUSE
        status, _, text = client.post(multipart(a_file("2.25.2")), Accept="application/dicom+xml")
    assert status == 409
    tree = ElementTree.fromstring(text)
    found = {one.get("keyword"): one for one in tree.iter("DicomAttribute")}
    assert found["FailureReason"].findtext("Value") == str(0xA905)
    assert found["ReferencedSOPInstanceUID"].findtext("Value") == "2.25.2"


def test_a_part_that_is_no_file_fails_alone(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        status, answer, _ = client.post(multipart(b"hello", a_file("2.25.1")))
        assert status == 202
        assert values(answer["0008119A"], "00081197") == [0xC000]
        status, answer, _ = client.post(multipart(a_file("2.25.4"), kind="application/pdf"))
        assert status == 409
        assert client.bench.journal.find("2.25.4") == []
        assert [name for name in client.bench.spool.names() if name.endswith(".part")] == []


def test_another_study_than_that_of_the_request_is_refused(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        assert client.post(multipart(a_file("2.25.1")), "/dicom-web/studies/2.25.1")[0] == 200
        status, answer, _ = client.post(multipart(a_file("2.25.2")), "/dicom-web/studies/2.25.99")
        assert (status, values(answer["00081198"], "00081197")) == (409, [0xA900])
        assert client.bench.journal.find("2.25.2") == []
        assert client.post(multipart(), "/dicom-web/studies/..%2fx")[0] in (400, 404)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/dicom"}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=B'}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"; boundary=other'}, 400),
        ({"Content-Type": 'multipart/related; boundary="B"'}, 200),
        ({"Content-Type": f'multipart/related; boundary="{"B" * 257}"'}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "identity"}, 200),
    ],
)
def test_framing(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with stow(tmp_path) as client:
        assert client.post(multipart(a_file("2.25.1")), **headers)[0] == status


def test_the_long_boundary_of_orthanc_is_taken(tmp_path: Path) -> None:
    boundary = "aeca6436-4dd7-4774-8bfc-636d19bfb05a-aeca6436-4dd7-4774-8bfc-636d19bfb05a"
    with stow(tmp_path) as client:
        body = multipart(a_file("2.25.1")).replace(b"--B", b"--" + boundary.encode())
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        assert client.post(body, Content_Type=kind)[0] == 200


def test_a_body_without_its_end_is_400_and_what_came_whole_is_taken_once(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        whole = multipart(a_file("2.25.1"), a_file("2.25.2"))
        assert client.post(whole[:-100])[0] == 400
        assert client.bench.states("2.25.1") == ["queued"]
        assert client.bench.journal.find("2.25.2") == []
        assert [name for name in client.bench.spool.names() if name.endswith(".part")] == []
        assert client.post(whole)[0] == 200
        assert len(client.bench.journal.find("2.25.1")) == 1


def test_a_client_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with stow(tmp_path) as client:
        body = multipart(a_file("2.25.1"))
        with socket.create_connection(("127.0.0.1", client.port)) as sock:
            head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
            sock.sendall(head.encode() + body[:-200])
        # The server has seen the end once it answers somebody else.
        assert client.post(multipart(a_file("2.25.9")))[0] == 200
        assert client.bench.journal.find("2.25.1") == []


def test_too_large_is_permanent_and_endless_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "_ENDLESS", 20_000)
    with stow(tmp_path, largest=4000) as client:
        large = part10_file("2.25.1", data_set("2.25.1") + element(0x7FE0, 0x0010, b"OW", bytes(4000)))
        status, answer, _ = client.post(multipart(large))
        assert (status, values(answer["00081198"], "00081197")) == (409, [0x0110])
        assert client.post(multipart(large + bytes(30_000)))[0] == 400


def test_no_space_is_503(tmp_path: Path) -> None:
    with stow(tmp_path, closed=True) as client:
        assert client.post(multipart(a_file("2.25.1")))[0] == 503


def test_a_journal_that_cannot_be_written_is_a_transient_failure(tmp_path: Path) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    told: list[tuple[str, int]] = []
    with stow(tmp_path) as client:
        client.app._not_taken = lambda uid, sender, peer, answer: told.append((uid, answer.status))
        client.bench.core.journal.take_soon = broken  # type: ignore[method-assign,assignment]
        status, answer, _ = client.post(multipart(a_file("2.25.1"), b"no DICOM"))
        assert told == [("2.25.1", 0xA700), ("", 0xC000)]
        assert (status, values(answer["00081198"], "00081197")) == (409, [0xA700])


def test_tokens_name_the_sender(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("# who\nconverter 0123456789abcdef\nscanner fedcba9876543210\n")
    with stow(tmp_path, tokens="tokens") as client:
        assert client.post(multipart(a_file("2.25.1")))[0] == 401
        assert client.post(multipart(a_file("2.25.1")), Authorization="Bearer wrong")[0] == 401
        assert client.post(multipart(a_file("2.25.1")), Authorization="Bearer fedcba9876543210")[0] == 200
        assert client.bench.journal.find("2.25.1")[0].sender == "scanner"
    (tmp_path / "tokens").write_text("short x\n")
    with pytest.raises(UsageError, match="at least 16 characters"), stow(tmp_path / "b", tokens="../tokens"):
        pass


def test_file_meta_without_its_length_gets_a_head_of_ours(tmp_path: Path) -> None:
    content = a_file("2.25.1")
    without = content[:132] + content[144:]
    with stow(tmp_path) as client:
        assert client.post(multipart(without))[0] == 200
        (row,) = client.bench.journal.find("2.25.1")
        assert stored(client.bench.spool.path(row.file)) == data_set("2.25.1")


# --- who holds connections ----------------------------------------------------------------------------------


def _begin(port: int, said: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 10)
    made.sendall(said)
    return made


def _is_closed(one: socket.socket, seconds: float = 5.0) -> bool:
    one.settimeout(seconds)
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@contextmanager
def bounded(folder: Path, limits: Limits, **settings: object) -> Iterator[tuple[Client, Bounds, list[int]]]:
    told: list[int] = []
    bounds = Bounds(limits, lambda address, count: told.append(count))
    with Bench(folder) as bench:
        app = StowApp(bench.core, Stow(), folder, largest=1 << 20, closed=lambda: False, **settings)  # type: ignore[arg-type]
        server = HttpServer(app.app, "stow", "127.0.0.1", 0, bounds=bounds)
        server.start()
        try:
            yield Client(server.port, bench, app), bounds, told
        finally:
            server.stop()


def test_silent_connections_of_one_address_are_limited_closed_and_told(tmp_path: Path) -> None:
    with bounded(tmp_path, Limits(per_address=3, seconds=0.6)) as (client, bounds, told):
        heads = [b"", b"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nX-Slow: "]
        silent = [_begin(client.port, heads[number % 2]) for number in range(3)]
        until(lambda: bounds._of.total() == 3)
        for _ in range(5):
            with _begin(client.port) as one:
                assert _is_closed(one)
        assert bounds.turned_away == 5
        assert told == [1, 2, 4]
        assert all(_is_closed(one) for one in silent)  # they have asked for nothing
        for one in silent:
            one.close()
        until(lambda: not bounds._of)
        assert client.post(multipart(a_file("2.25.1")))[0] == 200


def test_a_body_that_stands_still_is_given_up_and_what_came_whole_is_ours(tmp_path: Path) -> None:
    with bounded(tmp_path, Limits(), patience=0.3) as (client, _, _):
        whole = multipart(a_file("2.25.1"), a_file("2.25.2"))
        head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {TYPE}\r\nContent-Length: {len(whole)}\r\n\r\n"
        with _begin(client.port, head.encode() + whole[:-40]) as one:
            one.settimeout(10)
            assert one.recv(100).startswith(b"HTTP/1.1 408 ")
        until(lambda: not list(client.bench.core.incoming.glob("*.part")))
        assert [row.uid for row in client.bench.journal.rows("1")] == ["2.25.1"]


def test_a_connection_is_used_again_and_its_wait_begins_anew(tmp_path: Path) -> None:
    with bounded(tmp_path, Limits(seconds=0.8)) as (client, _, _):
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
        for _ in range(3):
            connection.request(
                "POST", "/dicom-web/studies", multipart(a_file("2.25.1")), {"Content-Type": TYPE}
            )
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        assert connection.sock is not None
        assert _is_closed(connection.sock)
        connection.close()


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"This is a message in several parts.\r\n", b"--A\r\n"])
def test_what_stands_before_the_first_boundary_is_not_read(tmp_path: Path, before: bytes, size: int) -> None:
    with Bench(tmp_path) as bench:
        body = _Body(bench.core, b"B", largest=1 << 20, user="A", peer="127.0.0.1", study="")
        content = before + multipart(a_file("2.25.1")) + b"and after the last"
        for at in range(0, len(content), size):
            body.feed(content[at : at + size])
        body.end()
        assert [one.answer.status for one in body.stored] == [0]


def test_a_body_without_its_boundary_is_no_multipart(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        body = _Body(bench.core, b"B", largest=1 << 20, user="A", peer="127.0.0.1", study="")
        body.feed(bytes(1 << 13))
        with pytest.raises(BadRequestError, match="does not contain the boundary"):
            body.feed(b"more")
        short = _Body(bench.core, b"B", largest=1 << 20, user="A", peer="127.0.0.1", study="")
        short.feed(b"text")
        with pytest.raises(BadRequestError, match="does not contain the boundary"):
            short.end()
