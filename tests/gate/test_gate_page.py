"""The page, what machines ask, and the webhook."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import time
from types import SimpleNamespace
from urllib.parse import urlencode

import msgspec
import pytest
from gate_support import Archive, Bench, data_set, free_port, send, until, write_config

from dcmlint.gate.alerts import Alerts
from dcmlint.gate.config import read_config
from dcmlint.gate.logs import no_log
from dcmlint.gate.metrics import Metrics
from dcmlint.gate.operate import summary
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import Alert
from dcmlint.gate.web import WebServer
from dcmlint.gate.words import status_lines
from dcmlint.intake.status import Answer


class Running:
    def __init__(self, folder: Path, archive: int, observers: tuple = ()) -> None:
        config = write_config(folder / "gate", archive)
        self.metrics = Metrics()
        self.gate = Gate(read_config(config), config.parent, observers=(self.metrics, *observers))
        self.metrics.watch(self.gate)
        self.gate.start()
        self.page = WebServer(self.gate, self.metrics, "127.0.0.1", 0)
        self.page.start()
        self.folder = folder

    def stop(self) -> None:
        self.page.stop()
        self.gate.stop(2)

    def send(self, uid: str, **fields: object) -> int:
        return send(self.gate.address[1], self.folder, uid, data_set(uid, **fields))  # type: ignore[arg-type]

    def ask(
        self, path: str, fields: dict[str, str] | None = None, host: str = "127.0.0.1"
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=10)
        try:
            body = urlencode(fields) if fields is not None else None
            connection.request("GET" if body is None else "POST", path, body, {"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def token(self, path: str) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.ask(path)[1])
        assert found is not None
        return found[1]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive") as made:
        yield made


@pytest.fixture
def running(tmp_path: Path, archive: Archive) -> Iterator[Running]:
    made = Running(tmp_path, archive.port)
    try:
        yield made
    finally:
        made.stop()


def number(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} ([0-9.e+]+)$", text, re.M)
    assert found is not None, text
    return float(found[1])


def test_a_person_decides_on_the_page(running: Running, archive: Archive) -> None:
    for uid in ("2.25.1", "2.25.2", "2.25.3"):
        assert running.send(uid, held=True) == 0
    status, home = running.ask("/")
    assert status == 200
    assert home.count("GTT002") == 3
    assert "Marker" not in home
    path = "/instances/1"
    assert "GTT002" in running.ask(path)[1]
    good = {"token": running.token(path), "who": "A. Person", "reason": "seen"}
    assert running.ask(f"{path}/release", {**good, "token": "guessed"})[0] == 403
    assert running.ask(f"{path}/release", {**good, "reason": " "})[0] == 400
    assert running.ask(f"{path}/release", good)[0] == 303
    until(lambda: "2.25.1" in archive.stored)
    assert running.ask(f"{path}/release", good)[0] == 409  # it is not held any more
    status, named = running.ask("/instances/2/names", good)
    assert "Marker^Patient" in named
    assert running.ask("/instances/3/discard", good)[0] == 303
    events = running.gate.journal.events(2)
    assert (events[-1].state, events[-1].who, events[-1].why) == ("names shown", "A. Person (page)", "seen")
    said = running.ask("/explain?uid=2.25.3")[1]
    assert "discarded by a person" in said
    assert "A. Person (page)" in said
    assert running.ask("/instances/99")[0] == 404


def test_what_comes_from_outside_cannot_write_on_the_page(running: Running) -> None:
    assert "<script>" not in running.ask("/explain?uid=%3Cscript%3E")[1]
    running.gate.journal.trace("2.25.4", who="<script>alert(1)</script>\x1b[2J", why="x", what="cut off")
    until(lambda: bool(running.gate.journal.traces("2.25.4")))
    said = running.ask("/explain?uid=2.25.4")[1]
    assert "<script>" not in said
    assert "\x1b" not in said


def test_a_foreign_name_does_not_lead_here(running: Running) -> None:
    assert running.ask("/", host="attacker.example")[0] == 400


def test_machines_ask(running: Running) -> None:
    assert running.ask("/live")[0] == 200
    assert running.ask("/ready")[0] == 200
    running.send("2.25.1")
    running.send("2.25.2", refused=True)
    running.send("2.25.3", held=True)
    until(lambda: running.gate.journal.find("2.25.1")[0].state == "delivered")
    counted = 'dcmlint_gate_instances_total{sender="TESTER",verdict='
    until(lambda: f'{counted}"held"}}' in running.ask("/metrics")[1])  # it is counted after its answer
    text = running.ask("/metrics")[1]
    for verdict in ("queued", "refused", "held"):
        assert number(text, f'{counted}"{verdict}"}}') == 1
    assert number(text, 'dcmlint_gate_deliveries_total{destination="archive",outcome="delivered"}') == 1
    assert number(text, "dcmlint_gate_held_now") == 1
    assert number(text, "dcmlint_gate_oldest_held_seconds") >= 0
    assert number(text, 'dcmlint_gate_queue_length{destination="archive"}') == 0
    assert number(text, "dcmlint_gate_oldest_unchecked_seconds") == 0
    assert number(text, "dcmlint_gate_free_bytes") > 0
    assert number(text, "dcmlint_gate_answer_seconds_count") == 3
    assert number(text, "dcmlint_gate_check_seconds_count") == 3
    assert number(text, "dcmlint_gate_commit_seconds_count") > 0
    running.gate.space.closed = True
    running.gate.space.look = lambda: None  # type: ignore[method-assign]
    assert running.ask("/ready")[0] == 503


def test_many_titles_do_not_take_memory_for_ever() -> None:
    metrics = Metrics()
    assert {metrics._sender(f"TITLE{count}") for count in range(300)} >= {"TITLE0", "others"}
    assert len(metrics._senders) == 200


@pytest.mark.timeout(120)
def test_the_webhook_hears_of_what_is_held_and_of_old_queues(tmp_path: Path, archive: Archive) -> None:
    posted: list[dict[str, object]] = []
    refuse = iter([True])

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if next(refuse, False):
                self.send_error(500)
                return
            posted.append(json.loads(content))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", free_port()), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    alert = Alert(url=f"http://127.0.0.1:{server.server_port}/hook")
    alerts = Alerts(msgspec.structs.replace(alert, queue_older=0.2), no_log)  # type: ignore[arg-type]
    running = Running(tmp_path, archive.port, (alerts,))
    try:
        alerts.watch(running.gate)
        running.send("2.25.3", held=True)
        until(lambda: [one["event"] for one in posted] == ["held"])  # posted again after an error
        assert (posted[0]["uid"], posted[0]["instance"]) == ("2.25.3", 1)
        archive.stop()
        running.send("2.25.4")
        until(lambda: any(one["event"] == "queue is old" for one in posted))
        archive.restart()
        until(lambda: posted[-1]["event"] == "queue moves again")
        assert "Marker" not in json.dumps(posted)
    finally:
        alerts.stop()
        running.stop()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "times"),
    [(503, 9), (429, 9), (400, 5)],  # away for longer than it would be asked if it refused; refuses the first
)
def test_what_the_webhook_cannot_take_now_is_posted_until_it_can(
    status: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    said: list[str] = []
    waited: list[float] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["event"])
            self.send_response(status if len(asked) <= times else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    def log(event: str, **_: object) -> None:
        said.append(event)

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    alerts = Alerts(Alert(url=f"http://127.0.0.1:{server.server_port}/hook"), log)
    monkeypatch.setattr(alerts._stop, "wait", lambda seconds: waited.append(seconds))
    try:
        alerts.post({"event": "first"})
        alerts.post({"event": "second"})
        alerts.watch(SimpleNamespace())  # type: ignore[arg-type]
        until(lambda: "second" in asked and alerts._queue.empty())
    finally:
        alerts.stop()
        alerts._thread.join(10)
        server.shutdown()
        server.server_close()
    taken_after_all = status != 400
    assert asked == ["first"] * (times + taken_after_all) + ["second"]
    assert said == ["alert not posted"] * (times - (not taken_after_all)) + ["alert given up"] * (
        not taken_after_all
    )
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0][: len(waited)]
    assert len(waited) == times - (not taken_after_all)


def test_checks_that_are_behind_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bench(tmp_path, observe=True) as bench:
        alerts = Alerts(Alert(url="http://127.0.0.1:1/"), no_log)
        posted: list[dict[str, object]] = []
        monkeypatch.setattr(alerts, "post", posted.append)
        alerts._gate = SimpleNamespace(journal=bench.journal)  # type: ignore[assignment]
        bench.checks.slow = True
        bench.take(data_set("2.25.77"))
        ago = "UPDATE instances SET received=received-3600"
        bench.journal.writer.do(lambda change: change.execute(ago) and None)
        for _ in range(2):
            alerts._looked = 0.0
            alerts.tick()
        assert [(one["event"], one["length"]) for one in posted] == [("checks are behind", 1)]
        lines = list(status_lines(summary(bench.journal), time()))
        assert "the oldest instance that is not checked yet waits for 1 h 0 min" in lines
        bench.checks.finish()
        assert bench.states() == ["queued"]
        alerts._looked = 0.0
        alerts.tick()
        assert posted[1]["event"] == "checks have caught up"


def test_refused_held_and_failed_are_three_numbers() -> None:
    metrics = Metrics()
    for status in (0xA700, 0x0110, 0x0122):
        metrics.not_taken("CT1", Answer(status))
    text = metrics.text().decode()
    assert 'dcmlint_gate_instances_total{sender="CT1",verdict="failed"} 1.0' in text
    assert 'dcmlint_gate_instances_total{sender="CT1",verdict="refused"} 2.0' in text
    assert "dcmlint_gate_failed_total 1.0" in text
    assert "dcmlint_gate_refused_total 2.0" in text


def test_what_an_alert_counts_is_there_before_it_happens() -> None:
    text = Metrics().text().decode()
    for name in ("refused", "failed", "held"):
        assert f"dcmlint_gate_{name}_total 0.0" in text
