"""CONTRIBUTING.md and the templates say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pydicom
import pytest
import yaml

import dcmlint
from dcmlint.standard import EDITIONS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "slide-good" / "level-0.dcm"


def test_every_path_that_it_names_exists() -> None:
    named = re.findall(r"`((?:dcmlint|docs|rules|profiles|tools|schemas)/[\w/.-]+)`", TEXT)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
    links = re.findall(r"\]\(([^):#]+)\)", TEXT)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_editions_lie_where_it_says() -> None:
    assert [name for name in EDITIONS if not (ROOT / f"dcmlint/standard/data/{name}.bin").is_file()] == []


def test_a_private_sop_class_in_a_profile(tmp_path: Path) -> None:
    (profile,) = re.findall(r"```yaml\n(id: acme\n.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "acme.yaml"
    path.write_text(profile, encoding="utf-8")
    uid = yaml.safe_load(profile)["sop_classes"][0]
    checker = dcmlint.Checker(str(path), select=["ACME"])
    data = pydicom.dcmread(EXAMPLE)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = uid
    data.StudyDescription = "Study"
    assert [finding.rule for finding in checker.check(data).findings] == []
    del data.StudyDescription
    assert [finding.rule for finding in checker.check(data).findings] == ["ACME001"]
    assert "ACME901" in {finding.rule for finding in checker.check(EXAMPLE).findings}


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name
)
def test_issue_forms_have_what_the_service_demands(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    identifiers = [field["id"] for field in form["body"]]
    assert len(identifiers) == len(set(identifiers)) > 0
    for field in form["body"]:
        assert field["type"] in ("input", "textarea", "dropdown", "checkboxes")
        assert field["attributes"]["label"]
