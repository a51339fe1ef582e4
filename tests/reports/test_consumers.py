"""Reports as the programs that read them want them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dcmlint.cli.app import run

EXAMPLE = str(Path(__file__).resolve().parents[2] / "examples" / "slide-broken")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All reports of the broken example."""
    folder = tmp_path_factory.mktemp("reports")
    wanted = [
        word for name in ("sarif", "gitlab", "junit", "jsonl") for word in ("-f", f"{name}={folder / name}")
    ]
    assert run(["check", "--isolated", "-q", EXAMPLE, *wanted]) == 1
    return folder


@pytest.mark.peer
def test_sarif_multitool_finds_no_error(reports: Path) -> None:
    tool = shutil.which("sarif-multitool")
    if tool is None:
        pytest.skip("npm install -g @microsoft/sarif-multitool")
    log = reports / "validated.sarif"
    shutil.copy(reports / "sarif", reports / "report.sarif")
    subprocess.run(
        [tool, "validate", str(reports / "report.sarif"), "-o", str(log)],
        check=True,
        capture_output=True,
        timeout=100,
    )
    results = json.loads(log.read_text("utf-8"))["runs"][0]["results"]
    assert [one["ruleId"] for one in results if one.get("level", "warning") == "error"] == []


def test_gitlab_gets_every_field_of_its_code_quality_format(reports: Path) -> None:
    issues = json.loads((reports / "gitlab").read_text("utf-8"))
    assert len(issues) == 12
    for issue in issues:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= issue.keys()
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] == 1
        assert (
            not issue["location"]["path"].startswith(("./", "/"))
            or Path(issue["location"]["path"]).is_absolute()
        )


def test_junit_is_what_its_parsers_read(reports: Path) -> None:
    junitparser = pytest.importorskip("junitparser")
    found = junitparser.JUnitXml.fromfile(str(reports / "junit"))
    cases = [case for suite in found for case in suite]
    failures = [case for case in cases if any(isinstance(one, junitparser.Failure) for one in case.result)]
    assert (found.tests, found.failures) == (len(cases), len(failures))
    assert len(failures) >= 11


def test_json_lines_end_with_the_summary(reports: Path) -> None:
    lines = (reports / "jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[-1])["summary"]["errors"] == 11
    assert len(lines) == 13
