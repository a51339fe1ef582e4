"""The script in a real Orthanc with its Python plug-in: what a sender is told, what is kept, what is labeled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gate_support import CT, EXPLICIT, PROFILE, data_set, part10_file, until
from network_peers import need, orthanc

from dcmlint.network.requestor.association import Target, associate, association_request
from dcmlint.network.wire.associate import ProposedContext

PLUGINS = [
    path
    for folder in ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
    for path in sorted(Path(folder).glob("libOrthancPython.so*"))
]
STOW = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@pytest.mark.peer
@pytest.mark.skipif(not PLUGINS, reason="Orthanc's Python plug-in is not installed")
@pytest.mark.parametrize("_", [pytest.param("", marks=need("Orthanc"))])
def test_orthanc_refuses_by_c_store_and_labels_what_came_over_http(tmp_path: Path, _: str) -> None:
    (tmp_path / "profile.yaml").write_text(PROFILE)
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", "orthanc-plugin", "-p", str(tmp_path / "profile.yaml"), "--seconds", "60"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (tmp_path / "gate.py").write_text(done.stdout)
    plugins = [str(PLUGINS[0]), *([str(STOW)] if STOW.exists() else [])]
    with orthanc(tmp_path, Plugins=plugins, PythonScript=str(tmp_path / "gate.py")) as (port, http):
        base = f"http://127.0.0.1:{http}"

        def ask(path: str, body: bytes | None = None, **headers: str) -> bytes:
            request = urllib.request.Request(
                base + path, body, {k.replace("_", "-"): v for k, v in headers.items()}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()

        target = Target(host="127.0.0.1", port=port, called="ORTHANC", calling="TESTER", timeout=60)
        dialogue, facts, _reach = associate(
            target, association_request(target, (ProposedContext(1, CT, (EXPLICIT,)),)), "test"
        )
        assert dialogue is not None, facts
        answers = {}
        for uid, wrong in (("2.25.1", False), ("2.25.2", True), ("2.25.3", False)):
            (tmp_path / "one").write_bytes(part10_file(uid, data_set(uid, refused=wrong)))
            answers[uid] = dialogue.store(tmp_path / "one").status
        dialogue.release()
        dialogue.close()
        assert answers == {"2.25.1": 0, "2.25.2": 0xA905, "2.25.3": 0}
        assert len(json.loads(ask("/instances"))) == 2

        def marked(instance: str) -> str:
            try:
                return ask(f"/instances/{instance}/metadata/4242").decode()
            except urllib.error.HTTPError:
                return ""

        kept = json.loads(ask("/instances", part10_file("2.25.4", data_set("2.25.4", refused=True))))["ID"]
        good = json.loads(ask("/instances", part10_file("2.25.5", data_set("2.25.5"))))["ID"]
        until(lambda: marked(kept).startswith("A905H GTT001"), 60)
        assert marked(good) == ""
        if STOW.exists():
            body = b"--B\r\nContent-Type: application/dicom\r\n\r\n"
            body += part10_file("2.25.6", data_set("2.25.6", refused=True)) + b"\r\n--B--\r\n"
            kind = 'multipart/related; type="application/dicom"; boundary=B'
            ask("/dicom-web/studies", body, Content_Type=kind)
            found = json.loads(
                ask("/tools/find", b'{"Level":"Instance","Query":{"SOPInstanceUID":"2.25.6"}}')
            )
            until(lambda: marked(found[0]).startswith("A905H GTT001"), 60)
        # Its process ends with Orthanc.
        child = [one for one in children(tmp_path) if "dcmlint.gate.orthanc" in one]
        assert child
    until(lambda: not [one for one in children(tmp_path) if "dcmlint.gate.orthanc" in one], 20)


def children(folder: Path) -> list[str]:
    """The command lines of processes that name a folder."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                line = (
                    Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found
