"""The pages of the documentation: their links lead somewhere, their commands exist, every key is described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer.main

from dcmlint.cli import commands  # noqa: F401 - registers the commands
from dcmlint.cli.app import app
from dcmlint.cli.config import KEYS, Config

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


def _links(text: str) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def test_links_lead_to_files() -> None:
    broken = []
    for page in WRITTEN:
        for link in _links(page.read_text("utf-8")):
            target = link.partition("#")[0]
            if target and "://" not in target and not target.startswith("mailto:"):
                place = page.parent / target
                if not place.exists():
                    broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_page_of_the_index_is_there() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    named = [
        line for tree in re.findall(r"```\{toctree\}(.*?)```", index, re.S) for line in tree.split()
        if (not line.startswith(":") and "/" in line) or line.isalpha()
    ]  # fmt: skip
    assert len(named) > 20
    missing = [name for name in named if name[0].islower() and not (ROOT / "docs" / f"{name}.md").is_file()]
    assert missing == []


def test_commands_in_the_pages_exist() -> None:
    root = typer.main.get_command(app)
    unknown = []
    for page in WRITTEN:
        if "generate.py" in page.read_text("utf-8")[:200]:
            continue
        for block in re.findall(r"```[a-z]*\n(.*?)```", page.read_text("utf-8"), re.S):
            for line in re.findall(r"^(?:\$ )?dcmlint (\S+)", block, re.M):
                if not line.startswith("-") and line not in root.commands:  # type: ignore[attr-defined]
                    unknown.append(f"{page.relative_to(ROOT)}: dcmlint {line}")
    assert unknown == []


def test_every_key_of_the_configuration_is_described() -> None:
    assert set(KEYS) == {field.name for field in msgspec.structs.fields(Config)}
