"""The wheel, installed in a fresh environment, checks the example slides."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "https://code.example/dcmlint"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        env=os.environ | {"DCMLINT_PROJECT_URL": PROJECT},
    )
    (built,) = out.iterdir()  # what else stood there would be published with it
    return built


def test_the_wheel_carries_code_and_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "dcmlint/cli/__main__.py", "dcmlint/standard/data/2025e.bin", "dcmlint/_data/rules.bin",
        "dcmlint/_data/rules/values/VR001-ds-max-16.yaml", "dcmlint/_data/profiles/wsi.yaml",
        "dcmlint/_data/schemas/report.json", "dcmlint/py.typed", "dcmlint/pytest_plugin.py",
    ):  # fmt: skip
        assert needed in names
    assert not [name for name in names if name.startswith(("tests", "docs", "benchmarks"))]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_the_links_of_the_package_page_lead_somewhere(wheel: Path) -> None:
    (name,) = (one for one in zipfile.ZipFile(wheel).namelist() if one.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(zipfile.ZipFile(wheel).read(name))
    release = f"v{metadata['Version']}"
    assert f"Issues, {PROJECT}/issues" in metadata.get_all("Project-URL", [])
    readme = metadata.get_payload()
    assert isinstance(readme, str)
    links = re.findall(r"(!?)\[[^][]*\]\(([^)\s]+)\)", readme)
    assert links
    for picture, target in links:
        assert target.startswith(("https://", "#")), target
        if target.startswith(PROJECT):
            form, path = target.removeprefix(f"{PROJECT}/").split(f"/{release}/")
            assert (ROOT / path.partition("#")[0]).exists(), target
            assert form == ("raw" if picture else "blob"), target


def test_it_runs_from_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    # The pip of this environment installs into the other one; byte code is made of what is imported only.
    venv.create(home, with_pip=False)
    folder = home / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", str(wheel)], check=True, capture_output=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(folder / "dcmlint"), "check", "--isolated", "-f", "json", str(ROOT / "examples" / "slide-good"),
         str(ROOT / "examples" / "slide-broken")],
        capture_output=True, cwd=tmp_path, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 4), done.stderr.decode()
    report = json.loads(done.stdout)
    assert report["summary"]["files"] == 10
    assert {"VR001", "TILE003", "PIX008"} <= {finding["rule"] for finding in report["findings"]}
    assert not [f for f in report["findings"] if "slide-good" in f["file"] and f["severity"] != "info"]
    for command in (["rules"], ["explain", "TILE003"], ["standard", "info"], ["profiles"]):
        ran = subprocess.run(
            [str(folder / "dcmlint"), *command],
            capture_output=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        assert ran.stdout
