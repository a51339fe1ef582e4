from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.archives import (
    EXAMPLES,
    comparable,
    findings_in,
    mixed,
    of_pydicom,
    outcomes_in,
    rows_in,
    scanned,
)

from dcmlint import Checker
from dcmlint.archive.layout import Folder
from dcmlint.errors import UsageError

ENDS = ("pass", "fail", "not_applicable", "undecided", "error")


def same_as_check(out: Path, run: dict, source: Path, profile: str) -> None:
    report = Checker(profile).check(source)
    assert findings_in(out, run["run"]) == sorted(map(comparable, report.findings))
    expected = {rule: {end: ends[end] for end in ENDS} for rule, ends in report.outcomes.items()}
    if "DIR007" in expected:  # a scan keeps the names of directory records, and not what they say
        expected["DIR007"] = dict.fromkeys(ENDS, 0) | {"undecided": sum(expected["DIR007"].values())}
    assert outcomes_in(out, run["run"]) == expected
    summary = report.summary
    assert (run["instances"], run["checked"], run["partial"], run["unreadable"], run["skipped"]) == (
        summary.files, summary.checked, summary.partial, summary.unreadable, summary.skipped)  # fmt: skip
    assert (run["errors"], run["warnings"], run["infos"]) == (summary.errors, summary.warnings, summary.infos)
    assert run["exit_code"] == report.exit_code


@pytest.mark.parametrize("size", [2, 2000])
@pytest.mark.parametrize("profile", ["wsi", "dicom"])
def test_the_same_findings_as_check_whatever_the_shards(tmp_path, size, profile):
    source = mixed(tmp_path / "archive")
    run = scanned(tmp_path / "out", source, profile=profile, shard_size=size)
    assert run["errors"]
    same_as_check(tmp_path / "out", run, source, profile)
    run = scanned(tmp_path / "examples", EXAMPLES, profile=profile, shard_size=size)
    same_as_check(tmp_path / "examples", run, EXAMPLES, profile)


def test_the_same_findings_as_check_on_the_files_of_pydicom(tmp_path, monkeypatch):
    monkeypatch.setattr("dcmlint.archive.engines.local.LocalEngine.most", 7)  # a shard in several jobs
    source = of_pydicom(tmp_path / "files")
    run = scanned(tmp_path / "out", source, profile="dicom", shard_size=40, processes=True)
    assert run["instances"] > 40
    assert len(Folder(str(tmp_path / "out")).shards("instances", run["run"])) > 2
    same_as_check(tmp_path / "out", run, source, "dicom")


def test_each_row_says_where_it_comes_from(tmp_path):
    source = mixed(tmp_path / "archive")
    run = scanned(tmp_path / "out", source, profile="dicom", sender=r"/(\w+)/[^/]*$")
    rows = {Path(row["path"]).name: row for row in rows_in(tmp_path / "out", "instances", run["run"])}
    assert rows["c.dcm"]["sender"] == "ct"
    assert rows["c.dcm"]["modality"] == "CT"
    assert rows["c.dcm"]["bytes_read"] == rows["c.dcm"]["size"] == (source / "ct" / "c.dcm").stat().st_size
    assert rows["readme.txt"]["key"].endswith("more.zip")
    assert rows["notes.txt"]["status"] == "skipped"
    assert rows["cut.dcm"]["status"] == "partial"
    # A date identifies: what a report may show of it is its shape.
    assert rows["c.dcm"]["study_date"] == "99999999"


def test_a_second_run_takes_over_what_has_not_changed(tmp_path):
    source, out = mixed(tmp_path / "archive"), tmp_path / "out"
    first = scanned(out, source, shard_size=4)
    second = scanned(out, source, shard_size=4)
    assert (second["reused"], second["bytes_read"], second["requests"]) == (first["keys"], 0, 0)
    # Nothing that stayed the same is written again.
    for kind in ("keys", "instances", "findings", "facts"):
        one, other = (out / kind / f"run={run['run']}" / "shard-000000.parquet" for run in (first, second))
        assert one.samefile(other), kind
    assert findings_in(out, second["run"]) == findings_in(out, first["run"])
    assert outcomes_in(out, second["run"]) == outcomes_in(out, first["run"])
    # One file changes, one is new: only these are read, and what they have in common with others is seen.
    changed = source / "ct" / "b.dcm"
    changed.write_bytes((source / "ct" / "c.dcm").read_bytes())
    os.utime(changed, (1, 1))
    (source / "ct" / "bb.dcm").write_bytes((source / "ct" / "a.dcm").read_bytes())
    third = scanned(out, source, shard_size=4)
    assert (third["reused"], third["requests"]) == (first["keys"] - 1, 2)
    same_as_check(out, third, source, "wsi")


def test_other_rules_take_over_nothing(tmp_path):
    source, out = mixed(tmp_path / "archive"), tmp_path / "out"
    scanned(out, source, profile="wsi")
    assert scanned(out, source, profile="dicom")["reused"] == 0
    assert scanned(out, source, profile="wsi", cache=False)["reused"] == 0
    assert scanned(out, source, profile="wsi", shard_size=3)["reused"] > 0


def test_masked_uids_are_nowhere_in_the_results(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    mixed(source)
    run = scanned(out, source, profile="dicom", mask_uids=True)
    row = next(row for row in rows_in(out, "instances", run["run"]) if row["modality"] == "CT")
    assert row["study_instance_uid"].startswith("(UI, ")
    assert not Folder(str(out)).shards("facts", run["run"])
    run = scanned(out, source, profile="dicom", mask_uids=True)
    assert run["reused"] == 0


def test_a_scan_that_is_killed_goes_on_where_it_was(tmp_path):
    source, out = mixed(tmp_path / "archive"), tmp_path / "out"
    for number in range(20):
        (source / "ct" / f"more{number}.dcm").write_bytes((source / "ct" / "a.dcm").read_bytes())
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from support.archives import scanned\n"
        "if __name__ == '__main__': scanned(Path(sys.argv[2]), sys.argv[3], shard_size=1, processes=True)\n"
    )
    script = tmp_path / "scan.py"
    script.write_text(program)
    tests = str(Path(__file__).resolve().parents[1])
    process = subprocess.Popen([sys.executable, str(script), tests, str(out), str(source)])
    done = out / "instances"
    while len(list(done.glob("*/shard-*.parquet"))) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (run,) = Folder(str(out)).runs()
    assert run["status"] == "running"
    before = {path: path.stat().st_ino for path in done.glob("*/shard-*.parquet")}
    again = scanned(out, source, shard_size=1)
    assert again["run"] == run["run"]
    assert len(Folder(str(out)).runs()) == 1
    assert all(path.stat().st_ino == number for path, number in before.items())
    rows = rows_in(out, "instances", again["run"])
    assert len(rows) == len({row["path"] for row in rows})
    same_as_check(out, again, source, "wsi")


def test_two_scans_do_not_write_into_one_folder(tmp_path):
    from dcmlint.archive.layout import only_one

    out = tmp_path / "out"
    scanned(out, EXAMPLES)
    with only_one(Folder(str(out))), pytest.raises(UsageError, match="another scan"):
        scanned(out, EXAMPLES)


def test_a_later_schema_and_a_damaged_file_are_said(tmp_path):
    from dcmlint.archive import layout

    out = tmp_path / "out"
    run = scanned(out, EXAMPLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "VERSION", 0)
        with pytest.raises(UsageError, match="later dcmlint"):
            Folder(str(out)).runs()
    Folder(str(out)).file("outcomes", run["run"], "outcomes").write_bytes(b"no")
    with pytest.raises(UsageError, match="damaged"):
        Folder(str(out)).read("outcomes", run["run"], "outcomes")


def test_the_results_are_no_input_of_the_next_scan(tmp_path, monkeypatch):
    source = mixed(tmp_path / "archive")
    first = scanned(source / "out", source)
    again = scanned(source / "out", source)
    assert again["reused"] == again["keys"] == first["keys"]
    monkeypatch.chdir(source)
    assert scanned(Path("out"), ".")["keys"] == first["keys"]


def test_secrets_are_not_written_down():
    from dcmlint.sources.open_source import SourceSettings

    for options, name in (({"aws_secret_access_key": "x"}, "s3://b"), ({}, "https://me:word@host/x")):
        with pytest.raises(UsageError, match="environment"):
            SourceSettings(names=(name,), options=options)


def test_the_command_scans_and_says_how_to_go_on(tmp_path, capsys):
    from dcmlint.cli.app import run as dcmlint

    out = str(tmp_path / "out")
    code = dcmlint(["scan", str(EXAMPLES), "--out", out, "--isolated", "-j", "2", "--sample", "100%"])
    assert code == 1
    said = capsys.readouterr().out
    assert said.startswith("10 instances of ")
    assert " objects: 10 checked" in said
    assert f"dcmlint query {out}" in said
    assert dcmlint(["scan", str(EXAMPLES), "--out", out, "--isolated", "--exit-zero", "-q"]) == 0
    for wrong in (["--sample", "0"], ["--since", "soon"], ["--memory-limit", "much"], ["--modality", "CT"], ["--engine", "x"],
                  ["--source-option", "token=x"]):  # fmt: skip
        assert dcmlint(["scan", str(EXAMPLES), "--out", f"{out}{wrong[1]}", "--isolated", *wrong]) == 2, wrong
    assert dcmlint(["scan", f"dicom://PACS@127.0.0.1:1/?calling={out[:1]}", "--out", out, "--isolated"]) == 4
    capsys.readouterr()
