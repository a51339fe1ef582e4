"""What people put into their CI: the action and its script, the GitLab template, the hook."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Variables with a `dcmlint` on the path that is the one under test."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    program = tools / "dcmlint"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dcmlint "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "DCMLINT_"))}
    return {**kept, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), **more}


def act(folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """The step of the action, with its outputs."""
    output = folder / "output"
    variables = environment(
        folder, GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(folder / "summary.md"), **inputs
    )
    done = subprocess.run(
        ["bash", str(ROOT / "ci/github/check.sh")], cwd=folder, env=variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    return done, dict(line.split("=", 1) for line in lines)


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_action_annotates_and_reports(tmp_path: Path) -> None:
    done, outputs = act(tmp_path, DCMLINT_PATHS=f"\n{EXAMPLES / 'slide-broken' / 'level-0.dcm'}\r\n")
    assert done.returncode == 1, done.stderr
    assert outputs == {"exit-code": "1", "reports": "dcmlint-reports"}
    assert [line for line in done.stdout.splitlines() if line.startswith("::error") and "TILE003" in line]
    assert "TILE003" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    names = {path.name for path in (tmp_path / "dcmlint-reports").iterdir()}
    assert names == {"dcmlint.html", "dcmlint.xml", "dcmlint.sarif"}
    sarif = json.loads((tmp_path / "dcmlint-reports" / "dcmlint.sarif").read_text(encoding="utf-8"))
    assert {"TILE003"} <= {result["ruleId"] for result in sarif["runs"][0]["results"]}


def test_the_action_passes_a_good_slide(tmp_path: Path) -> None:
    done, outputs = act(tmp_path, DCMLINT_PATHS=str(EXAMPLES / "slide-good"), DCMLINT_REPORTS="a folder")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs == {"exit-code": "0", "reports": "a folder"}


def test_inputs_are_never_run(tmp_path: Path) -> None:
    done, _ = act(tmp_path, DCMLINT_PATHS="$(touch run)\n--exit-zero\n; touch run")
    assert done.returncode != 0
    assert not (tmp_path / "run").exists()


def test_no_path_is_an_error(tmp_path: Path) -> None:
    done, outputs = act(tmp_path, DCMLINT_PATHS=" \n")
    assert done.returncode == 2
    assert done.stdout.startswith("::error title=dcmlint::")
    assert outputs == {}


def test_the_action_hands_over_every_input() -> None:
    action = loaded("action.yml")
    step = next(one for one in action["runs"]["steps"] if one.get("id") == "check")
    given = {value.removeprefix("${{ inputs.").removesuffix(" }}") for value in step["env"].values()}
    assert given == set(action["inputs"]) - {"python-version"}
    assert "${{" not in step["run"]
    script = (ROOT / "ci/github/check.sh").read_text(encoding="utf-8")
    assert [name for name in step["env"] if name not in script] == []


def test_the_gitlab_template_writes_what_it_promises(tmp_path: Path) -> None:
    job = loaded("ci/gitlab/dcmlint.yml")[".dcmlint"]
    variables = {**job["variables"], "DCMLINT_PATH": str(EXAMPLES / "slide-broken" / "level-0.dcm")}
    (command,) = job["script"]
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(tmp_path, **variables), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    reports = job["artifacts"]["reports"]
    quality = json.loads((tmp_path / reports["codequality"]).read_text(encoding="utf-8"))
    assert "TILE003" in {entry["check_name"] for entry in quality}
    for name in [reports["junit"], *job["artifacts"]["paths"]]:
        assert (tmp_path / name).stat().st_size


def test_the_hook_runs(tmp_path: Path) -> None:
    (hook,) = loaded(".pre-commit-hooks.yaml")
    for slide, code in (("slide-good", 0), ("slide-broken", 1)):
        done = subprocess.run(
            [*shlex.split(hook["entry"]), str(EXAMPLES / slide / "level-0.dcm")], cwd=tmp_path,
            env=environment(tmp_path), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
