"""`dcmlint profiles` and `dcmlint profile` as their users meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import dcmlint

ROOT = Path(__file__).resolve().parents[2]
GOOD = str(ROOT / "examples" / "slide-good")


def in_process_of_its_own(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", *arguments], capture_output=True, cwd=ROOT, text=True, encoding="utf-8",
        env={**os.environ, "NO_COLOR": "1", **environment}, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_profiles_are_listed() -> None:
    done = dcmlint("profiles")
    assert done.returncode == 0
    assert "dicomvert-2.0" in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
    listed = json.loads(dcmlint("profiles", "-f", "json").stdout)
    assert {one["id"] for one in listed} >= {"wsi", "dicom", "pacs-ingest"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "aperio-gt450-dx"], "not checked, because a parameter has no value"),
        (["show", "aperio-gt450-dx", "--resolved"], "GTX010    error"),
        (["show", "deidentified", "--resolved"], "[locked]"),
        (["show", "dicomvert-2.0"], "independent reading"),
        (["parameters", "dicomvert-2.0"], "512 (assumed)"),
        (["parameters", "aperio-gt450-dx"], "SLIDE ID FORMAT"),
        (["parameters", "wsi"], "no parameters"),
        (["parameters", "aperio-gt450-dx", "--set", "title=X"], "is  X"),
        (["statements", "aperio-iqc"], "not seen:"),
        (["statements", "wsi"], "does not encode a document"),
        (["diff", "wsi", "wsi"], "are equivalent"),
        (["check", "wsi"], "0 errors"),
    ],
)  # fmt: skip
def test_what_is_shown(arguments: list[str], says: str) -> None:
    done = dcmlint("profile", *arguments)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


@pytest.mark.parametrize(
    "command", [["show"], ["show", "--resolved"], ["parameters"], ["statements"], ["check"]]
)
def test_everything_is_there_as_json(command: list[str]) -> None:
    done = dcmlint("profile", command[0], "dicomvert-2.0", *command[1:], "-f", "json")
    assert json.loads(done.stdout)


def test_differences() -> None:
    done = dcmlint("profile", "diff", "wsi", "wsi-strict")
    assert done.returncode == 1
    assert "~ rule" in done.stdout
    assert "info -> warning" in done.stdout
    assert "- rule" in dcmlint("profile", "diff", "wsi", "dicom").stdout


def test_check_says_what_is_wrong_with_a_statement() -> None:
    done = dcmlint("profile", "check", "dicomvert-2.0")
    assert done.returncode == 1
    assert "Frame of Reference UID" in done.stdout
    assert dcmlint("profile", "check", "nowhere").returncode == 2


def test_mistakes_are_one_line_and_2(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text('id: lab\nversion: "1"\ntitel: Lab\n')
    done = dcmlint("check", "-p", "./lab.yaml", GOOD, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "dcmlint: lab.yaml:3:1: unknown key 'titel' (did you mean title?)"
    done = dcmlint("check", "-p", "wsi", "--set", "x=1", GOOD)
    assert done.returncode == 2
    assert "no parameters" in done.stderr


def test_parameters_come_from_config_environment_and_command_line(tmp_path: Path) -> None:
    (tmp_path / "dcmlint.toml").write_text(
        'profile = "aperio-gt450-dx"\n[parameters]\ndimension_organization_type = "Sparse"\nslide_id_format = "^X"\n'
    )
    done = dcmlint("check", GOOD, "-f", "json", cwd=tmp_path)
    assert {"GTX002", "GTX003"} <= {one["rule"] for one in json.loads(done.stdout)["findings"]}
    done = dcmlint("check", GOOD, "-f", "json", cwd=tmp_path, DCMLINT_SET_DIMENSION_ORGANIZATION_TYPE="Full")
    assert "GTX002" not in {one["rule"] for one in json.loads(done.stdout)["findings"]}
    done = dcmlint("check", GOOD, "-f", "json", "--set", "dimension_organization_type=Sparse", cwd=tmp_path,
                   DCMLINT_SET_DIMENSION_ORGANIZATION_TYPE="Full")  # fmt: skip
    assert "GTX002" in {one["rule"] for one in json.loads(done.stdout)["findings"]}


def test_profiles_work_in_processes(tmp_path: Path) -> None:
    arguments = (
        "check",
        "--isolated",
        "-p",
        "aperio-gt450-dx",
        "--set",
        "slide_id_format=^X",
        GOOD,
        "-f",
        "json",
    )
    one, two = (json.loads(in_process_of_its_own(*arguments, "-j", jobs).stdout) for jobs in ("1", "2"))
    assert one["findings"] == two["findings"]
    assert one["findings"]


def test_rows_are_explained() -> None:
    done = dcmlint("explain", "DVT012")
    assert done.returncode == 0
    assert "Accession Number" in done.stdout
    assert "DICOMvert 2.0 5" in done.stdout
    assert dcmlint("explain", "gtx-slide-id-format").returncode == 0


def test_rows_of_one_s_own_are_explained(tmp_path: Path) -> None:
    dcmlint("profile", "new", "lab.yaml", cwd=tmp_path)
    done = dcmlint("explain", "LAB001", "-p", "./lab.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Patient ID must be present" in done.stdout
    assert dcmlint("explain", "LAB001").returncode == 2


def test_sarif_knows_the_rules_of_the_profile() -> None:
    done = dcmlint(
        "check", "--isolated", "-p", "aperio-gt450-dx", "--set", "slide_id_format=^X", GOOD, "-f", "sarif"
    )
    rules = json.loads(done.stdout)["runs"][0]["tool"]["driver"]["rules"]
    assert "GTX003" in {rule["id"] for rule in rules}


def test_a_new_profile_is_checked_and_used(tmp_path: Path) -> None:
    done = dcmlint("profile", "new", "lab.yaml", "--extends", "pacs-ingest", "--area", "HUS", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert dcmlint("profile", "new", "lab.yaml", cwd=tmp_path).returncode == 2, "it is there already"
    done = dcmlint("profile", "check", "./lab.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "0 errors, 0 warnings" in done.stdout
    assert dcmlint("check", "--isolated", "-p", "./lab.yaml", GOOD, cwd=tmp_path).returncode == 0


def test_a_profile_that_cannot_be_used_ends_with_2_in_both(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        'id: bad\nversion: "1"\ntitle: T\narea: BAD\nattributes:\n  - {id: BAD001, attribute: StudyID, pattern: (a+)+}\n'
    )
    done = dcmlint("profile", "check", "./bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "bad.yaml:6" in done.stdout
    assert dcmlint("check", "--isolated", "-p", "./bad.yaml", GOOD, cwd=tmp_path).returncode == 2


def test_a_profile_of_an_installed_package(tmp_path: Path) -> None:
    package = tmp_path / "labpolicy"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from pathlib import Path\n\ndef policy():\n    return Path(__file__).parent / 'policy.yaml'\n"
    )
    (package / "policy.yaml").write_text(
        'id: lab-policy\nversion: "1"\ntitle: Of a package\nextends: [wsi]\n'
    )
    metadata = tmp_path / "labpolicy-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: labpolicy\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[dcmlint.profiles]\nlab-policy = labpolicy:policy\n")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    assert "lab-policy" in in_process_of_its_own("profiles", PYTHONPATH=path).stdout
    assert (
        in_process_of_its_own("check", "--isolated", "-p", "lab-policy", GOOD, PYTHONPATH=path).returncode
        == 0
    )


def test_what_is_not_checked_is_said() -> None:
    done = dcmlint("check", "--isolated", "-p", "aperio-gt450-dx", GOOD)
    assert "not checked, because it is not set: image_output_format (GTX001, GTX009)" in done.stderr
    assert dcmlint("check", "--isolated", "-q", "-p", "aperio-gt450-dx", GOOD).stderr == ""


def test_a_suppressed_finding_fails_nothing(tmp_path: Path) -> None:
    rows = "attributes:\n  - {attribute: ImageComments, presence: always}\n"
    override = (
        "overrides:\n  - {match: {path: '*'}, rules: {LAB001: off}, reason: known, expires: 2099-01-01}\n"
    )
    head = 'id: lab\nversion: "1"\ntitle: Lab\narea: LAB\nextends: [wsi]\n'
    (tmp_path / "strict.yaml").write_text(head + rows)
    (tmp_path / "lax.yaml").write_text(head + rows + override)
    assert dcmlint("check", "--isolated", "-p", "./strict.yaml", GOOD, cwd=tmp_path).returncode == 1
    assert dcmlint("check", "--isolated", "-p", "./lax.yaml", GOOD, cwd=tmp_path).returncode == 0
