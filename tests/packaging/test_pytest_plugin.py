"""The pytest plugin, as a test suite of somebody else uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pydicom
import pytest

import dcmlint
from dcmlint.assertion import assert_conforms

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "examples" / "slide-good"
BROKEN = ROOT / "examples" / "slide-broken"


def run(code: str, folder: Path, *, ini: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}", encoding="utf-8")
    (folder / "test_theirs.py").write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "dcmlint.pytest_plugin", "-p", "no:cacheprovider", "test_theirs.py"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
    )  # fmt: skip


def test_the_package_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"dcmlint": "dcmlint.pytest_plugin"}
    assert not [name for name in project["dependencies"] if name.startswith("pytest")]


def test_a_suite_passes_and_fails(tmp_path: Path) -> None:
    done = run(
        "from dcmlint import assert_conforms\n"
        f"def test_good(): assert_conforms({str(GOOD)!r})\n"
        f"def test_broken(): assert_conforms({str(BROKEN / 'level-0.dcm')!r})\n"
        f"def test_fixture(dcmlint_checker):\n"
        f"    assert dcmlint_checker.settings.profile == 'dicom'\n"
        f"    assert_conforms({str(GOOD)!r}, checker=dcmlint_checker)\n",
        tmp_path, ini="dcmlint_profile = dicom\n",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 2 passed" in done.stdout
    assert "error[TILE003] 47 frames, but 48 tiles cover the Total Pixel Matrix" in done.stdout
    assert "assertion.py" not in done.stdout  # the traceback ends in their test


def test_a_failure_says_what_where_and_what_to_do() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_conforms(BROKEN / "level-0.dcm")
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[0].startswith("not conformant (profile wsi, DICOM ")
    assert "found: 47" in lines
    assert "expected: 48" in lines
    assert any(line.startswith("help: Write one frame for each tile") for line in lines)


def test_data_sets_bytes_and_selection() -> None:
    path = GOOD / "level-0.dcm"
    settings = {"select": ["TILE003"]}
    assert assert_conforms(pydicom.dcmread(path), **settings).summary.files == 1
    assert assert_conforms(path.read_bytes(), **settings).summary.files == 1
    broken = pydicom.dcmread(BROKEN / "level-0.dcm")
    with pytest.raises(AssertionError, match="TILE003"):
        assert_conforms(broken, **settings)


def test_nothing_to_check_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no DICOM to check"):
        assert_conforms(tmp_path)


def test_what_is_cut_is_no_success() -> None:
    data = (GOOD / "level-0.dcm").read_bytes()
    with pytest.raises(AssertionError, match="not all of it was checked"):
        assert_conforms(data[: len(data) // 2], fail_on="error")


def test_the_assertion_needs_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        f"import dcmlint; print(dcmlint.assert_conforms({str(GOOD)!r}).exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "0", done.stderr
    assert "assert_conforms" in dcmlint.__all__
