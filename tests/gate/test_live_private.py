"""What a live receiver says of what it was sent holds nothing that could identify a patient: `listen` and the gate.

Markers stand in every text, in UIDs of the command, and in bytes that damage has put elsewhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from gate_support import (
    CT,
    Archive,
    GateProcess,
    association,
    data_set,
    free_port,
    part10_file,
    send,
    until,
    write_config,
)
from support import general
from support.markers import MARKER, damaged, encoded, planted

from dcmlint.errors import DcmlintError
from dcmlint.gate.alerts import Alerts
from dcmlint.gate.config import read_config
from dcmlint.gate.logs import json_log, no_log
from dcmlint.gate.running import Gate
from dcmlint.gate.settings import Alert
from dcmlint.intake import part10


def data_sets(count: int) -> list[bytes]:
    """CT images with markers; two of three damaged."""
    chance = random.Random("live")
    made = []
    for number in range(count):
        data = encoded(planted(general.ct(), chance, chance.choice((0.0, 0.3))))
        start = part10.dataset_offset(data)
        made.append((damaged(data, chance) if number % 3 else data)[start:])
    return made


def send_all(port: int, folder: Path) -> int:
    """How many instances were answered: of some, the sender gives a UID that is text."""
    answered = 0
    for number, content in enumerate(data_sets(9)):
        uid = f"{MARKER}^{MARKER}.{number}" if number % 4 == 3 else f"2.25.{number + 1}"
        path = folder / f"{number}.send"
        path.write_bytes(part10_file(uid, content, sop_class=CT))
        with contextlib.suppress(DcmlintError), association(port, calling=f"AE {number}") as dialogue:
            answered += dialogue.store(path).status is not None
            dialogue.release()
    return answered


def test_listen_says_no_marker(tmp_path: Path) -> None:
    outputs = [f"{name}={tmp_path / name}" for name in ("json", "junit", "sarif", "csv", "html")]
    command = [
        sys.executable,
        "-m",
        "dcmlint.cli",
        "listen",
        "0",
        "--isolated",
        "-v",
        "--debug",
        "-f",
        "full",
    ]
    process = subprocess.Popen(
        [*command, *(word for one in outputs for word in ("-f", one))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    try:
        assert process.stderr is not None
        port = int(
            next(line for line in process.stderr if line.startswith("listening")).split(":")[1].split()[0]
        )
        assert send_all(port, tmp_path) >= 6
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (1, 4)
    assert "AE 1" in out
    without_marker("standard output", out)
    without_marker("standard error", err)
    for one in outputs:
        without_marker(one, (tmp_path / one.partition("=")[0]).read_text())


def test_the_gate_says_no_marker(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive") as archive:
        config = write_config(tmp_path / "gate", archive.port, port=free_port(), profile="wsi")
        with GateProcess(config) as process:
            assert send_all(process.port, tmp_path) >= 6
            for words in (("status",), ("held", "list"), ("audit",)):
                said = subprocess.run(
                    [sys.executable, "-m", "dcmlint.cli", "gate", *words, "-c", str(config)],
                    capture_output=True, text=True, timeout=60, check=False,
                )  # fmt: skip
                without_marker(" ".join(words), said.stdout + said.stderr)
            process.stop()
            log = process.log.read_text()
    assert "2.25.1" in log
    without_marker("log", log)


def test_what_an_archive_says_is_shown_to_people_and_neither_logged_nor_posted(tmp_path: Path) -> None:
    posted: list[bytes] = []
    alerts = Alerts(Alert(url="http://127.0.0.1:9/"), no_log)
    log = io.StringIO()
    with Archive(tmp_path / "archive", lambda uid, count: 0xC123) as archive:
        archive.words = f"no patient {MARKER}"
        config = write_config(tmp_path / "gate", archive.port)
        gate = Gate(read_config(config), config.parent, log=json_log(log), observers=(alerts,))
        try:
            gate.start()
            alerts.post = lambda what: posted.append(json.dumps(what).encode())  # type: ignore[method-assign]
            assert send(gate.address[1], tmp_path, "2.25.1", data_set("2.25.1")) == 0
            until(lambda: any(row.state == "held" for row in gate.journal.rows("1")))
            until(lambda: bool(posted))
            (row,) = gate.journal.rows("1")
            assert MARKER in row.why
        finally:
            gate.stop()
    assert "C123H" in log.getvalue()
    without_marker("log", log.getvalue())
    assert b"C123H" in posted[0]
    without_marker("webhook", posted[0].decode())


def without_marker(name: str, text: str) -> None:
    at = text.find(MARKER)
    assert at < 0, f"{name}: …{text[max(0, at - 300) : at + 60]}"
