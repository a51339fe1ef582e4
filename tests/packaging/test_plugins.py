"""Entry points of other packages are found, without a look at each package's metadata where there are none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dcmlint.plugins import plugins

MODULE = "THINGS = ['one']\n"


@pytest.mark.parametrize("group", ["dcmlint.rules", "dcmlint.reports"])
def test_what_an_installed_package_registers_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    (tmp_path / "lab_things.py").write_text(MODULE, encoding="utf-8")
    info = tmp_path / "lab_things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lab-things\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[{group}]\nthings = lab_things:THINGS\n", encoding="utf-8")
    assert ["one"] not in list(plugins(group))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert ["one"] in list(plugins(group))
    assert ["one"] not in list(plugins("dcmlint.nothing"))


def test_a_package_in_a_zip_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "packages.zip").write_bytes(b"")
    asked: list[str] = []
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: asked.append(group) or [])
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages.zip"), *sys.path])
    assert list(plugins("dcmlint.rules")) == []
    assert asked == ["dcmlint.rules"]
