"""What is wrong around the program: a removed current folder, closed streams, configuration that is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmlint.cli.app import run

LABEL = Path(__file__).resolve().parents[2] / "examples" / "slide-good" / "label.dcm"
BROKEN = LABEL.parents[1] / "slide-broken" / "level-2.dcm"
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def shell(command: str, folder: Path) -> tuple[int, str]:
    """The exit code and standard error of a command line; ``$DCMLINT`` is the program."""
    program = f"'{sys.executable}' -m dcmlint"
    done = subprocess.run(
        ["sh", "-c", command.replace("$DCMLINT", program)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


@POSIX
@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (f"$DCMLINT check --isolated '{LABEL}' >&-", 2, "standard output is closed"),
        (f"$DCMLINT check --isolated '{LABEL}' > /dev/full", 2, "No space left"),
        (f"$DCMLINT check --isolated '{LABEL}' 2>&-", 2, ""),
        ("mkdir gone && cd gone && rmdir ../gone && $DCMLINT check .", 4, ""),
        (f"mkdir gone && cd gone && rmdir ../gone && $DCMLINT check '{LABEL}'", 0, ""),
    ],
)
def test_streams_and_folders_that_are_gone(command: str, code: int, says: str, tmp_path: Path) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    came, said = shell(command, tmp_path)
    assert came == code, said
    assert says in said
    assert "internal error" not in said
    assert "Traceback" not in said


NASTY = "gone\x1b[31m\nforged"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("dcmlint.toml", "a = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("pyproject.toml", "tool = 3", "no table [tool.dcmlint]"),
        ("pyproject.toml", "[tool]\ndcmlint = 3", "no table [tool.dcmlint]"),
        ("pyproject.toml", "x = 1", "no table [tool.dcmlint]"),
        ("dcmlint.toml", "tool = 3", "dcmlint.toml:1:1: unknown key 'tool'"),
        ("dcmlint.toml", "\xff", "not TOML"),
    ],
)
def test_configuration_that_is_none(
    name: str, text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="latin-1")
    assert run(["check", "--config", str(path), str(LABEL)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "internal error" not in said


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("[project]\nname = 'x'\n[tool.ruff]\n", 0, ""),
        ("tool = 3", 2, "pyproject.toml: has no table [tool.dcmlint]"),
        ("[tool]\ndcmlint = 3", 2, "pyproject.toml: has no table [tool.dcmlint]"),
        ("[tool.dcmlint]\nprofile = dicom\n", 2, "pyproject.toml:2:11: not TOML"),
    ],
)
def test_a_project_is_a_configuration_or_says_nothing_of_dcmlint(
    text: str,
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["check", str(LABEL)]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["report", NASTY], ["baseline", "show", NASTY], ["gate", "run", "-c", NASTY], ["gate", "status", "-c", NASTY],
        ["gate", "watch", NASTY], ["check", "--files-from", NASTY], ["check", "--order", NASTY, "."],
        ["profile", "show", NASTY],  ["fix", NASTY, "--out", "fixed"],
        ["explain", NASTY],
    ],
)  # fmt: skip
def test_a_mistake_steers_no_terminal(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) != 0
    said = capsys.readouterr()
    assert "gone" in said.out + said.err
    assert "\x1b[31m" not in said.out + said.err
    assert "\nforged" not in said.out + said.err


def test_a_source_that_is_not_there_is_an_error_and_no_empty_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "--isolated", str(LABEL), "--against", str(tmp_path / "scaned")]) == 2
    assert "scaned: no such file or folder" in capsys.readouterr().err


@POSIX
def test_a_reader_that_goes_away_is_no_finding(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dcmlint", "rules", "-f", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as command:  # fmt: skip
        assert command.stdout is not None
        command.stdout.close()
        assert command.stderr is not None
        assert command.stderr.read() == b""
    assert command.returncode == 141


@pytest.fixture
def interrupts_reach_commands() -> Iterator[None]:
    """A shell starts what runs in the background with interrupts ignored, and commands inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@POSIX
@pytest.mark.usefixtures("interrupts_reach_commands")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_reports_what_it_did(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dcmlint", "check", "--isolated", str(BROKEN), "-", "-j", "1", "-f", "jsonl", "-f", "json=report.json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
    ) as command:  # fmt: skip
        assert command.stdout is not None
        assert json.loads(command.stdout.readline())["rule"] == "VR001"  # and now it waits for standard input
        command.send_signal(number)
        last = command.stdout.read().splitlines()[-1]
    assert command.returncode == 130
    assert json.loads(last)["summary"]["files"] == 1
    assert len(json.loads((tmp_path / "report.json").read_text())["files"]) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_a_comparison_of_what_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent.dcm"
    assert run(["compare", str(LABEL), str(absent)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert f"{absent}: no such file or folder" in err


@pytest.mark.parametrize("until", ["2099-06-30", '"2099-06-30"'])
def test_a_date_of_the_configuration_needs_no_quotation_marks(
    until: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "dcmlint.toml"
    config.write_text(f'[[ignore]]\nrule = "PHI010"\nreason = "known"\nuntil = {until}\n')
    assert run(["check", "--config", str(config), "-f", "concise", str(LABEL)]) in (0, 1), (
        capsys.readouterr().err
    )
