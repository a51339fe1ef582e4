"""The configuration file: `dcmlint.toml`, or `[tool.dcmlint]` in `pyproject.toml`.

It is looked for from the current folder upward to the root of the repository, never below a scanned path:
data is not trusted to switch rules off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from dcmlint.engine.accepted import Accepted
from dcmlint.errors import ConfigError
from dcmlint.rules.load import published
from dcmlint.toml_places import TomlPlaces, read_toml
from dcmlint.user_file import hold

NAME = "dcmlint.toml"
_ROOTS = (".git", ".hg", ".svn")


# What each key means, for the documentation.
KEYS = {
    "profile": "The profile to check against.",
    "select": "Apply only these rules: ids, areas, names or tags.",
    "ignore": "Rules that are not applied, and accepted findings.",
    "extend_select": "Rules that are applied in addition.",
    "extend_ignore": "Rules that are ignored in addition.",
    "severity": "Severities of rules.",
    "fail_on": "The lowest severity that makes the exit code 1.",
    "show_values": "Values in reports: safe, none or all.",
    "frames": "The frames whose code streams are examined: auto, all, sample or none.",
    "edition": "The edition of DICOM to check against, whatever the date of a file: its name, or a file made by standard build.",
    "include": "In folders, take only files that match these patterns.",
    "exclude": "In folders, omit files that match these patterns.",
    "parameters": "Parameters of the profile.",
    "format": "Formats, each with its file: FORMAT=FILE.",
    "jobs": "Processes; 0: one per core if there are many files.",
    "show": "The lowest severity that text shows.",
    "baseline": "A baseline of known findings.",
}


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What a configuration file may say; the command line wins.

    ``ignore``: words for rules, and findings that are accepted (`Accepted`).
    """

    profile: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str | Accepted, ...] = ()
    extend_select: tuple[str, ...] = ()
    extend_ignore: tuple[str, ...] = ()
    severity: dict[str, Literal["error", "warning", "info"]] = {}
    fail_on: Literal["", "error", "warning", "info", "never"] = ""
    show_values: Literal["", "safe", "none", "all"] = ""
    frames: Literal["", "auto", "all", "sample", "none"] = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    format: tuple[str, ...] = ()
    jobs: int = 0
    show: Literal["", "error", "warning", "info"] = ""
    baseline: str = ""
    edition: str = ""

    @property
    def ignored(self) -> tuple[str, ...]:
        """The words of ``ignore``."""
        return tuple(one for one in self.ignore if isinstance(one, str))

    @property
    def accepted(self) -> tuple[Accepted, ...]:
        """The accepted findings of ``ignore``."""
        return tuple(one for one in self.ignore if isinstance(one, Accepted))


def find_config(start: Path | None = None) -> Path | None:
    """The nearest configuration file, from ``start`` (the current folder) up to the repository's root.

    Raises ConfigError where a ``pyproject.toml`` on the way cannot be read: what it says of dcmlint would be lost.
    """
    try:
        folder = (start or Path.cwd()).resolve()
    except FileNotFoundError:  # the current folder was removed
        return None
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return place / NAME
        project = place / "pyproject.toml"
        if project.is_file() and _is_about_dcmlint(read_toml(project)[0]):
            return project
        if any((place / root).exists() for root in _ROOTS):
            return None
    return None


def _is_about_dcmlint(project: dict[str, Any]) -> bool:
    """Whether a project says something of dcmlint, or of tools what no reader of it understands."""
    tool = project.get("tool", {})
    return not isinstance(tool, dict) or "dcmlint" in tool


def _in_project(project: dict[str, Any]) -> dict[str, Any] | None:
    tool = project.get("tool")
    found = tool.get("dcmlint") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else None


def read_config(path: Path) -> Config:
    """The configuration in a file.  Raises ConfigError with what is wrong, where, and what is possible."""
    shown = str(path)
    data: Any
    data, text = read_toml(path)
    in_project = path.name == "pyproject.toml"
    if in_project:
        data = _in_project(data)
        if data is None:
            raise ConfigError("has no table [tool.dcmlint]", shown)
    try:
        return msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        # The schema is made of the type and says the same, with the place of each mistake; only a mistake pays for it.
        places = TomlPlaces(text, "tool.dcmlint" if in_project else "")
        hold(data, published("config"), shown, places.place, ConfigError, text=False)
        raise ConfigError(str(error), shown) from None
