"""`dcmlint check` as its user meets it: streams, exit codes, inputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import general, slides
from support.command import dcmlint
from support.elements import SOP_CLASS, explicit, meta

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "examples" / "slide-good"
BROKEN = ROOT / "examples" / "slide-broken"


def in_process_of_its_own(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", *arguments], input=stdin, capture_output=True, cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"}, timeout=120, check=False,
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_the_good_slide_is_clean() -> None:
    done = in_process_of_its_own("check", "--isolated", str(GOOD))
    assert done.returncode == 0, done.stdout
    assert "0 errors, 0 warnings" in done.stdout
    assert "PASS" in done.stdout
    assert done.stderr == ""


def test_the_broken_slide_fails() -> None:
    done = dcmlint("check", "--isolated", str(BROKEN), "-f", "json")
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"] == 1
    assert {"VR001", "TILE003"} <= {finding["rule"] for finding in report["findings"]}


def test_nothing_named_is_a_wrong_command_line() -> None:
    assert dcmlint("check").returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [["--fail-on", "often"], ["--show-values", "some"], ["-f", "pdf"], ["--select", "NOPE1"], ["--severity", "VR001"],
     ["--frames", "few"], ["-f", "json", "-f", "jsonl"], ["--bogus"]],
)  # fmt: skip
def test_wrong_options_are_2_and_one_line(arguments: list[str]) -> None:
    done = dcmlint("check", str(GOOD), *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()


def test_a_name_that_does_not_exist_is_4() -> None:
    done = dcmlint("check", "no-such-file.dcm")
    assert done.returncode == 4
    assert "FILE902" in done.stdout


def test_a_named_file_that_is_no_dicom_is_4_and_the_run_goes_on(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not an image")
    done = dcmlint("check", "--isolated", str(text), str(GOOD), "-f", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 4
    assert [record["status"] for record in report["files"]] == ["unreadable", *["checked"] * 5]
    assert [finding["rule"] for finding in report["findings"]] == ["FILE901"]


def test_others_in_a_folder_are_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "image").write_bytes(slides.to_bytes(slides.full_native()))
    report = json.loads(dcmlint("check", "--isolated", str(tmp_path), "-f", "json").stdout)
    assert report["summary"]["skipped"] == 1
    assert [record["status"] for record in report["files"]] == ["checked"]


def test_an_empty_folder_is_3(tmp_path: Path) -> None:
    assert dcmlint("check", "--isolated", str(tmp_path)).returncode == 3


def test_a_truncated_file_is_partial_and_4(tmp_path: Path) -> None:
    whole = slides.to_bytes(slides.full_native())
    (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    done = dcmlint("check", "--isolated", str(tmp_path), "-f", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 4
    assert report["files"][0]["status"] == "partial"
    assert "FILE903" in {finding["rule"] for finding in report["findings"]}
    assert not [f for f in report["findings"] if f["rule"].startswith("MOD")]


def test_standard_input() -> None:
    done = in_process_of_its_own("check", "--isolated", "-", stdin=slides.to_bytes(slides.full_native()))
    assert done.returncode == 0, done.stdout


def test_files_from_a_list(tmp_path: Path) -> None:
    listing = "\n".join(str(path) for path in sorted(GOOD.iterdir()))
    done = dcmlint("check", "--isolated", "--files-from", "-", "-f", "json", stdin=listing.encode())
    assert len(json.loads(done.stdout)["files"]) == 5


def test_rules_that_are_undecided_for_one_reason_are_one_line(tmp_path: Path) -> None:
    general.basic_sr().save_as(tmp_path / "report.dcm")
    said = dcmlint("check", "--isolated", "-v", "report.dcm", cwd=tmp_path).stdout.splitlines()
    lines = [line for line in said if "undecided: " in line]
    assert len(lines) == 1
    assert "SR101, SR102" in lines[0]


def test_members_of_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "slide.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(GOOD.iterdir()):
            out.write(path, f"slide/{path.name}")
        out.writestr("slide/readme.txt", "hello")
    done = dcmlint("check", "--isolated", str(archive), "-f", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["files"][0]["path"] == f"{archive}!/slide/label.dcm"
    assert report["summary"]["skipped"] == 1


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "image.dcm").write_bytes(slides.to_bytes(slides.label()))
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    report = json.loads(dcmlint("check", "--isolated", str(tmp_path), "-f", "json").stdout)
    assert len(report["files"]) == 1


def test_jobs_change_nothing() -> None:
    one = json.loads(dcmlint("check", "--isolated", "examples", "-f", "json").stdout)
    two = json.loads(dcmlint("check", "--isolated", "examples", "-f", "json", "--jobs", "2").stdout)
    for report in (one, two):
        report["summary"].pop("seconds")
    assert one == two


def test_select_ignore_and_severity() -> None:
    found = json.loads(dcmlint("check", "--isolated", str(BROKEN), "--select", "VR", "-f", "json").stdout)[
        "findings"
    ]
    assert {finding["rule"] for finding in found} == {"VR001"}
    done = dcmlint("check", "--isolated", str(BROKEN), "--select", "VR", "--severity", "ds-max-16=warning")
    assert done.returncode == 0
    assert "1 warning" in done.stdout
    done = dcmlint("check", "--isolated", str(BROKEN), "--select", "VR", "--ignore", "VR001")
    assert done.returncode == 0


def test_exit_zero_hides_findings_but_not_unreadable_input() -> None:
    assert dcmlint("check", "--isolated", str(BROKEN), "--exit-zero").returncode == 0
    assert dcmlint("check", "--exit-zero", "no-such-file.dcm").returncode == 4


def test_config_is_read_from_the_current_folder_and_not_below_a_scanned_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dcmlint.toml").write_text('ignore = ["VR001"]\n')
    (data / "image.dcm").write_bytes((BROKEN / "level-2.dcm").read_bytes())
    home = tmp_path / "home"
    home.mkdir()
    report = json.loads(dcmlint("check", str(data), "-f", "json", cwd=home).stdout)
    assert report["config"] is None
    assert "VR001" in {finding["rule"] for finding in report["findings"]}
    (home / "dcmlint.toml").write_text('ignore = ["VR001"]\n')
    report = json.loads(dcmlint("check", str(data), "-f", "json", cwd=home).stdout)
    assert report["config"].endswith("dcmlint.toml")
    assert "VR001" not in {finding["rule"] for finding in report["findings"]}
    (home / "dcmlint.toml").write_text('ignroe = ["VR001"]\n')
    done = dcmlint("check", str(data), cwd=home)
    assert done.returncode == 2
    assert "did you mean ignore" in done.stderr


def test_no_values_of_patients_in_reports(tmp_path: Path) -> None:
    secret = b"SecretFamily^Given^^^^^^x"
    (tmp_path / "a.dcm").write_bytes(meta() + SOP_CLASS + explicit(0x00100010, b"PN", secret))
    for name in ("full", "json", "junit", "jsonl", "concise", "sarif"):
        done = dcmlint("check", "--isolated", str(tmp_path), "-f", name, "--show", "info")
        assert "Secret" not in done.stdout
        assert "Given" not in done.stdout
        assert done.stdout.strip()


def test_text_fits_80_columns(tmp_path: Path) -> None:
    done = dcmlint("check", "--isolated", str(BROKEN), COLUMNS="80")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_help_and_version_are_there() -> None:
    assert "check" in dcmlint("--help").stdout
    assert dcmlint("--version").stdout.startswith("dcmlint ")
    assert "ds-max-16" in dcmlint("explain", "vr001").stdout
    assert dcmlint("explain", "VR999").returncode == 2


def test_what_would_be_ignored_without_diff_is_an_error() -> None:
    done = dcmlint("check", str(GOOD), "--unsafe-fixes")
    assert done.returncode == 2
    assert "--unsafe-fixes: only with --diff" in done.stderr
