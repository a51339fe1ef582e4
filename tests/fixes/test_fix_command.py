"""`dcmlint fix` and `dcmlint check --diff` as a user meets them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from support.repairs import made

from dcmlint.cli.app import run
from dcmlint.dicom.oddities import ODDITIES

OLD = made('{use: ct, PatientID: !raw "EX-17"}')
NEW = made("{use: ct, PatientID: EX-17}")
UNSAFE = made("{use: ct, PatientID: !vr SH}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in" / "deep"
    place.mkdir(parents=True)
    (place / "old.dcm").write_bytes(OLD)
    (place / "good.dcm").write_bytes(NEW)
    (place / "note.txt").write_text("no DICOM")
    return tmp_path / "in"


def fix(*arguments: object) -> int:
    return run(["fix", "--isolated", "-p", "dicom", *map(str, arguments)])


def test_a_folder_is_written_below_another(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert fix(folder, "--out", out) == 0
    assert [path.relative_to(out).as_posix() for path in out.rglob("*.dcm")] == ["deep/old.dcm"]
    assert (out / "deep" / "old.dcm").read_bytes() == NEW
    assert (folder / "deep" / "old.dcm").read_bytes() == OLD
    assert fix(out, "--check") == 0


def test_all_files_are_copied_where_that_is_asked(folder: Path, tmp_path: Path) -> None:
    out = folder / "out"  # below what is read: what is written is not read again
    assert fix(folder, "--out", out, "--all") == 0
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["good.dcm", "old.dcm"]
    assert fix(folder, "--out", out, "--all") == 4  # they are there
    assert fix(folder, "--out", out, "--all", "--overwrite") == 0


def test_in_place_and_then_nothing_is_left_to_do(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fix(folder, "--in-place") == 0
    assert (folder / "deep" / "old.dcm").read_bytes() == NEW
    assert (folder / "deep" / "old.dcm.orig").read_bytes() == OLD
    capsys.readouterr()
    assert fix(folder, "--in-place") == 0
    assert "0 changes" in capsys.readouterr().err
    assert (folder / "deep" / "old.dcm.orig").read_bytes() == OLD, "an original is never repaired"
    assert not (folder / "deep" / "old.dcm.orig.orig").exists()


@pytest.mark.parametrize("command", [["check", "--diff"], ["fix", "--diff"]])
def test_the_diff_shows_everything_and_no_value_of_a_patient(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--isolated", "-p", "dicom", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "ENC004 add the pad byte (safe), 5 -> 6 bytes" in out
    assert "PatientID (0010,0020)" in out
    assert "EX-17" not in out
    assert (folder / "deep" / "old.dcm").read_bytes() == OLD


def test_check_says_whether_something_would_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fix(folder, "--check") == 1
    assert capsys.readouterr().out == ""
    (folder / "deep" / "old.dcm").unlink()
    assert fix(folder, "--check") == 0


def test_json_is_a_json_patch_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fix(folder, "--diff", "-f", "json", "--show-values", "all") == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["unchanged", "would-change"]
    (patch,) = rows[1]["patch"]
    assert patch == {"op": "replace", "path": "/00100020", "value": {"vr": "LO", "Value": ["EX-17"]}}
    assert (rows[1]["old_bytes"], rows[1]["new_bytes"]) == (len(OLD), len(NEW))


def test_unsafe_repairs_are_only_done_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(UNSAFE)
    assert fix(path, "--check") == 0
    assert "1 more repair with --unsafe-fixes" in capsys.readouterr().err
    assert fix(path, "--in-place", "--unsafe-fixes") == 0
    assert path.read_bytes() == made("{use: ct}")


def test_damage_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(OLD[:-40])
    assert fix(path, "--in-place") == 4
    assert f"not changed: damaged: {ODDITIES['truncated']}" in capsys.readouterr().out
    assert path.read_bytes() == OLD[:-40]


def test_a_member_of_an_archive_is_written_to_the_folder_only(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("x/old.dcm", OLD)
        opened.writestr("../../evil.dcm", OLD)
    assert fix(archive, "--in-place") == 4
    out = tmp_path / "out"
    assert fix(archive, "--out", out) == 4
    assert [path.relative_to(out).as_posix() for path in out.rglob("*.dcm")] == ["a.zip/x/old.dcm"]
    assert not list(tmp_path.glob("**/evil.dcm"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name where to write"),
        (["--out", "x", "--in-place"], "name where to write"),
        (["--out", "x", "--diff"], "write nothing"),
        (["--diff", "-f", "xml"], "text or json"),
    ],
)
def test_a_wrong_command_line_writes_nothing(
    folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fix(folder, *arguments) == 2
    assert said in capsys.readouterr().err


def test_the_folder_of_the_input_is_no_folder_to_write_to(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert fix(folder, "--out", folder) == 2
    assert "is in the folder of --out" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_two_files_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old.dcm").write_bytes(OLD)
    out = tmp_path / "out"
    assert fix(tmp_path / "a" / "old.dcm", tmp_path / "b" / "old.dcm", "--out", out) == 4
    assert len(list(out.rglob("*.dcm"))) == 1
