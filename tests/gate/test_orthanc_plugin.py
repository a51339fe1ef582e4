"""The script for Orthanc, run with a stand-in for Orthanc's module: what is answered, what is kept and labeled."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gate_support import PROFILE, data_set, part10_file

from dcmlint.version import __version__

pytestmark = pytest.mark.timeout(180)


class OrthancError(Exception):
    """As Orthanc's module has it."""


class Received:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def GetInstanceData(self) -> bytes:
        return self.content


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "profile.yaml").write_text(PROFILE)
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", "orthanc-plugin", "-p", "profile.yaml", "--seconds", "60"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def plugin(script: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of the script; `calls` are those of the REST interface, `files` what it serves."""
    orthanc: Any = types.ModuleType("orthanc")
    files: dict[str, tuple[str, bytes]] = {}
    calls: list[tuple[str, bytes]] = []
    logs: list[str] = []

    def get(path: str) -> bytes:
        _, _, resource, *rest = path.split("/")
        if resource not in files:
            raise OrthancError(path)
        return files[resource][0].encode() if rest[0] == "metadata" else files[resource][1]

    def put(path: str, body: bytes) -> None:
        calls.append((path, body))

    orthanc.ChangeType = types.SimpleNamespace(NEW_INSTANCE=1, ORTHANC_STOPPED=2)
    orthanc.OrthancException = OrthancError
    orthanc.RestApiGet, orthanc.RestApiPut, orthanc.LogWarning = get, put, logs.append
    registered: dict[str, Any] = {}
    orthanc.RegisterIncomingCStoreInstanceFilter = lambda function: registered.update(store=function)
    orthanc.RegisterOnChangeCallback = lambda function: registered.update(change=function)
    monkeypatch.setitem(sys.modules, "orthanc", orthanc)
    names: dict[str, Any] = {"__name__": "plugin"}
    exec(compile(script, "plugin.py", "exec"), names)
    names |= {"files": files, "calls": calls, "logs": logs, "registered": registered}
    yield names
    registered["change"](2, None, None)


def test_the_script_is_plain_and_says_under_which_licenses_it_runs(script: str) -> None:
    assert script.count("{{") == 0
    assert "AGPL" in script
    assert __version__ in script
    imported = {line.split()[1] for line in script.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"json", "queue", "struct", "subprocess", "threading", "time", "orthanc"}


def test_a_c_store_is_answered_with_success_or_a_failure_and_never_a_warning(plugin: dict[str, Any]) -> None:
    store = plugin["registered"]["store"]
    assert store(Received(part10_file("2.25.1", data_set("2.25.1")))) == 0
    assert store(Received(part10_file("2.25.2", data_set("2.25.2", refused=True)))) == 0xA905
    assert store(Received(part10_file("2.25.3", data_set("2.25.3", held=True)))) == 0  # a warning
    assert store(Received(b"no DICOM")) == 0xC000
    assert "2.25.2 refused (A905H): GTT001" in plugin["logs"][0]
    assert not any("MARKER" in line for line in plugin["logs"])


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (None, 0),
        ({"action": "quarantine", "status": 0xA900}, 0),
        ({"action": "unchecked", "status": 0}, 0),
        ({"action": "refuse", "status": 0xB007}, 0xA900),
        ({"action": "refuse", "status": 0}, 0xA900),
        ({"action": "refuse", "status": 0xC123}, 0xC123),
    ],
)
def test_statuses(plugin: dict[str, Any], verdict: dict[str, Any] | None, status: int) -> None:
    assert plugin["status_of"](verdict) == status


def test_what_came_by_rest_is_kept_and_labeled(plugin: dict[str, Any]) -> None:
    files = plugin["files"]
    files["good"] = ("Plugins", part10_file("2.25.1", data_set("2.25.1")))
    files["bad"] = ("Plugins", part10_file("2.25.2", data_set("2.25.2", refused=True)))
    files["associated"] = ("DicomProtocol", b"never read")
    for resource in files:
        plugin["label"](resource)
    assert plugin["calls"] == [
        ("/instances/bad/metadata/4242", b"A905H GTT001 " + plugin["calls"][0][1].split(b" ", 2)[2]),
        ("/instances/bad/labels/dcmlint-refused", b""),
    ]


def test_a_process_that_has_ended_is_started_again(plugin: dict[str, Any]) -> None:
    store = plugin["registered"]["store"]
    refused = Received(part10_file("2.25.2", data_set("2.25.2", refused=True)))
    assert store(refused) == 0xA905
    plugin["CHECKER"].process.kill()
    plugin["CHECKER"].process.wait()
    assert store(refused) == 0xA905


def link_of(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # closed meanwhile


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="a file has to have a name here")
def test_a_process_that_is_killed_leaves_nothing_of_an_instance(
    plugin: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checker = plugin["CHECKER"]
    checker.end()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert plugin["registered"]["store"](Received(part10_file("2.25.1", data_set("2.25.1")))) == 0
    assert plugin["logs"] == []
    checker.process.stdin.write((1 << 20).to_bytes(8, "big") + bytes(1 << 19))
    checker.process.stdin.flush()
    held = f"/proc/{checker.process.pid}/fd"
    while not any(str(tmp_path) in link_of(f"{held}/{one}") for one in os.listdir(held)):
        pass  # until the half of an instance has its file
    checker.end()
    assert list(tmp_path.iterdir()) == []


def test_without_a_process_everything_is_stored_and_said(plugin: dict[str, Any]) -> None:
    plugin["CHECKER"].end()
    plugin["COMMAND"][:] = ["/nowhere/python"]
    assert plugin["registered"]["store"](Received(b"x")) == 0
    assert plugin["logs"] == ["dcmlint: no verdict, the instance is stored"]


HANGS = "import time; time.sleep(600)"  # reads nothing, so that the pipe to it is full as well
DEAF = "import sys, time; sys.stdin.buffer.read(); time.sleep(600)"


@pytest.mark.parametrize("hangs", [HANGS, DEAF])
def test_a_process_that_hangs_keeps_no_sender_waiting(plugin: dict[str, Any], hangs: str) -> None:
    plugin["CHECKER"].end()
    plugin["COMMAND"][:] = [sys.executable, "-c", hangs]
    plugin["SECONDS"] = 0  # and the second that it has anyway
    assert plugin["registered"]["store"](Received(bytes(1 << 20))) == 0
    assert plugin["logs"] == ["dcmlint: no verdict, the instance is stored"]
    assert plugin["CHECKER"].process is None


def test_what_had_no_verdict_is_labeled_so(plugin: dict[str, Any]) -> None:
    plugin["files"]["slow"] = ("Plugins", b"")
    plugin["CHECKER"].check = lambda data: {
        "action": "unchecked",
        "status": 0,
        "why": "not checked within 8 s",
    }
    plugin["label"]("slow")
    assert plugin["calls"] == [
        ("/instances/slow/metadata/4242", b"not checked within 8 s"),
        ("/instances/slow/labels/dcmlint-unchecked", b""),
    ]
