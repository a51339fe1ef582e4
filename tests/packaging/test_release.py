"""The release: the recipe for conda says what the package says, and the workflow publishes without a token."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from dcmlint.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _recipe() -> dict[str, Any]:
    text = (ROOT / "ci" / "conda" / "meta.yaml").read_text("utf-8")
    version = re.search(r'set version = "(.*?)"', text)
    assert version is not None
    assert version[1] == __version__
    plain = (
        re.sub(r"\{%.*?%\}", "", text).replace("{{ version }}", version[1]).replace("{{ PYTHON }}", "python")
    )
    recipe: dict[str, Any] = yaml.safe_load(plain)
    return recipe


def _named(requirements: list[str]) -> dict[str, str]:
    found = (re.fullmatch(r"([A-Za-z0-9_-]+)\s*(.*)", one) for one in requirements)
    return {one[1].lower(): one[2] for one in found if one is not None}


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    recipe = _recipe()
    wanted = {**_named(PROJECT["dependencies"]), "python": PROJECT["requires-python"]}
    assert _named(recipe["requirements"]["run"]) == wanted
    assert recipe["build"]["entry_points"] == [f"dcmlint = {PROJECT['scripts']['dcmlint']}"]
    assert recipe["about"]["summary"] == PROJECT["description"]
    assert recipe["about"]["license"] == PROJECT["license"]


def test_the_workflow_publishes_by_trust_and_lists_the_contents() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert jobs["publish"]["needs"] == "build"
    assert "secrets." not in text
    assert "password" not in text
    runs = "\n".join(step.get("run", "") for step in jobs["build"]["steps"])
    for word in ("python -m build", "twine check --strict", "cyclonedx-py environment", "dcmlint check"):
        assert word in runs
