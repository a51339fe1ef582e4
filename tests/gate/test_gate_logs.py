from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import threading
import warnings

import pytest

from dcmlint.gate.logs import json_log, libraries_to, on_defect


def test_lines_are_json() -> None:
    stream = io.StringIO()
    json_log(stream)("held", level="warning", uid="2.25.1")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["uid"]) == ("held", "warning", "2.25.1")
    assert "timestamp" in line


def test_a_log_that_nobody_reads_breaks_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    log = json_log(stream)
    log("one")
    log("two")
    with contextlib.suppress(BrokenPipeError):
        stream.close()
    log("three")
    assert stream.closed


@pytest.mark.parametrize(("name", "ends"), [("gate-forward-0", True), ("dcmlint-7", False)])
def test_a_defect_is_said_without_what_it_worked_on(
    name: str, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(threading, "excepthook", on_defect(json_log(stream)))
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))

    def broken() -> None:
        raise KeyError("Marker^Patient")

    thread = threading.Thread(target=broken, name=name)
    thread.start()
    thread.join()
    line = json.loads(stream.getvalue())
    assert (line["event"], line["type"]) == ("defect", "KeyError")
    assert "test_gate_logs.py" in line["where"]
    assert "Marker" not in stream.getvalue()
    assert killed == ([(os.getpid(), signal.SIGTERM)] if ends else [])


def test_what_a_library_says_is_a_line_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    libraries_to(json_log(stream))
    try:
        logging.getLogger("python_multipart").warning("a value %s", "Doe^John")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("a value Doe^John", stacklevel=1)
    finally:
        logging.captureWarnings(False)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["level"], line["name"]) for line in lines] == [
        ("library", "warning", "python_multipart"), ("library", "warning", "py.warnings"),
    ]  # fmt: skip
    assert "Doe" not in stream.getvalue()
