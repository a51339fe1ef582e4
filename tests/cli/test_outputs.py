"""Where reports go, and what the command line says of itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.command import dcmlint

from dcmlint.cli.outputs import Outputs
from dcmlint.errors import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_report_never_overwrites_an_input(tmp_path: Path) -> None:
    image = tmp_path / "a.dcm"
    shutil.copy(next((EXAMPLES / "slide-good").glob("*.dcm")), image)
    before = image.read_bytes()
    for inputs in ([str(image)], []):
        with pytest.raises(UsageError, match="would overwrite it"):
            Outputs([("json", str(image))], inputs)
    assert image.read_bytes() == before


@pytest.mark.parametrize("target", ["/nonexistent/x.json", "/proc/x"])
def test_a_target_that_cannot_be_written_is_told_before_the_run(target: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        Outputs([("json", target)])


def test_two_formats_into_one_file_are_a_mistake_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two formats"):
        Outputs([("json", str(tmp_path / "x")), ("sarif", str(tmp_path / "x"))])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_earlier_report(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text("earlier")
    with Outputs([("json", str(target))]):
        pass
    assert target.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_jobs_change_no_byte_of_any_report(tmp_path: Path) -> None:
    texts = []
    for jobs in ("1", "2"):
        options = [
            part
            for name in ("jsonl", "csv", "gitlab", "junit")
            for part in ("-f", f"{name}={tmp_path / name}")
        ]
        assert (
            dcmlint(
                "check", "--isolated", "-j", jobs, str(EXAMPLES), *options, "-f", "concise", "-q"
            ).returncode
            == 1
        )
        rows = (tmp_path / "jsonl").read_text().splitlines()[:-1]  # the last line has the seconds
        texts.append((rows, *((tmp_path / name).read_text() for name in ("csv", "gitlab", "junit"))))
    assert texts[0] == texts[1]


def test_config_show_names_the_origin_of_each_value(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "dcmlint.toml").write_text('profile = "dicom"\nshow = "info"\nformat = ["jsonl"]\n')
    done = dcmlint("config", "show", cwd=tmp_path)
    lines = {line.split()[0]: line for line in done.stdout.splitlines()[1:]}
    assert done.returncode == 0
    assert "dcmlint.toml" in lines["profile"]
    assert lines["fail-on"].endswith("default")
    clean = dcmlint("check", str(EXAMPLES / "slide-good"), cwd=tmp_path)
    assert json.loads(clean.stdout.splitlines()[-1])["exit_code"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "x", "-f", "sarfi"], "did you mean sarif?"),
        (["check", "x", "--fail-on", "eror"], "did you mean error?"),
        (["compare", "x", "--with", "dciodvf"], "did you mean dciodvfy?"),
        (["check", "x", "--max-per-rule", "-1"], "max-per-rule"),
    ],
)
def test_mistakes_are_2_and_name_what_was_meant(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = dcmlint(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr


def test_help_says_the_exit_codes() -> None:
    assert "Exit codes: 0" in " ".join(dcmlint("check", "--help").stdout.split())


def test_a_run_whose_reports_are_files_says_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dcmlint.cli.app import run

    arguments = ["check", "--isolated", str(EXAMPLES / "slide-broken"), "-f", f"json={tmp_path / 'a.json'}"]
    assert run(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("FAIL  5 files, ")
    assert said.err.endswith(f"; written: {tmp_path / 'a.json'}\n")
    assert run([*arguments, "-q"]) == 1
    assert capsys.readouterr().err == ""
    assert run([*arguments, "-f", "concise"]) == 1
    assert "written" not in capsys.readouterr().err


def test_a_finding_about_several_files_names_the_first() -> None:
    arguments = ["check", "--isolated", "--select", "PYR001", str(EXAMPLES / "slide-broken")]
    full = dcmlint(*arguments, "-f", "full").stdout
    assert "level-1.dcm" in full[full.index(" file | ") : full.index(" at | ")]
    concise = dcmlint(*arguments, "-f", "concise").stdout
    assert "level-1.dcm FrameOfReferenceUID error[PYR001]" in concise
