"""docs/your-own-profile.md, run as it is written."""

from __future__ import annotations

import io
import re
import shlex
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from dcmlint.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "your-own-profile.md").read_text("utf-8")
_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)


def said(line: str) -> tuple[str, int]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = run(shlex.split(line)[1:])
    return out.getvalue(), code


def test_the_tutorial_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / ".git").mkdir()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    commands = 0
    for block in _BLOCK.finditer(TEXT):
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
        if block["kind"] != "console":
            continue
        for command in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            line, _, wanted = command.partition("\n")
            shown, _ = said(line)
            commands += 1
            for part in wanted.splitlines():
                if part.strip() not in ("", "..."):
                    assert part.removesuffix("...").rstrip() in shown, f"$ {line}\n{shown}"
    assert commands >= 10


def test_the_policy_is_twenty_lines() -> None:
    (policy,) = [block["text"] for block in _BLOCK.finditer(TEXT) if block["file"] == "door.yaml"]
    assert len(policy.splitlines()) <= 22


def test_exceptions_of_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in _BLOCK.finditer(TEXT):
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
    broken = str(ROOT / "examples" / "slide-broken")
    strict, tolerant = (
        said(f"dcmlint check --isolated -p ./{name}.yaml {broken} -f json -q")[0]
        for name in ("site", "tolerant")
    )
    import json

    before = {one["rule"]: one for one in json.loads(strict)["findings"]}
    after = {one["rule"]: one for one in json.loads(tolerant)["findings"]}
    assert before["TILE003"]["severity"] == "error"
    assert after["TILE003"]["severity"] == "warning"
    assert after["VR001"]["suppressed"]
    assert not before["VR001"]["suppressed"]
