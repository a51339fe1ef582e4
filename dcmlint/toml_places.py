"""TOML files, and where their keys are: the reader of TOML does not say."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from dcmlint.errors import ConfigError

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The tables of a file, and its text.  Raises ConfigError, with its place where there is one."""
    shown = str(path)
    try:
        text = path.read_text("utf-8")
        return {key: _plain(value) for key, value in tomllib.loads(text).items()}, text
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", shown) from None
    except tomllib.TOMLDecodeError as error:
        message, line, column = _toml_place(str(error))
        raise ConfigError(f"not TOML: {message}", shown, line, column) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not TOML: {error}", shown) from None
    except RecursionError:
        raise ConfigError("nested too deeply", shown) from None


def _plain(value: Any) -> Any:
    """A value with its dates as text: whether ``2027-01-31`` stands in quotation marks makes no difference."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def _toml_place(message: str) -> tuple[str, int, int]:
    """The message of the reader of TOML without the place at its end, and the place."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    return (found[1], int(found[2]), int(found[3])) if found else (message, 0, 0)


class TomlPlaces:
    """Lines and columns of the tables and keys that begin a line; what is within a line has the place of its key.

    ``root``: the table that paths start from, as in ``tool.dcmlint``.
    """

    def __init__(self, text: str, root: str = "") -> None:
        self._marks: dict[str, tuple[int, int]] = {}
        prefix, counts = "$", Counter[str]()
        for number, line in enumerate(text.splitlines(), 1):
            if found := _TABLE.match(line):
                prefix = _path("$", found[2])
                if found[1] == "[[":
                    counts[prefix] += 1
                    prefix += f"[{counts[prefix] - 1}]"
                self._marks.setdefault(prefix, (number, found.start(2) + 1))
            elif found := _KEY.match(line):
                self._marks.setdefault(_path(prefix, found[1]), (number, found.start(1) + 1))
        self._root = _path("$", root) if root else "$"

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of a path, or of the nearest place above it that is known; (0, 0) where none is."""
        path = self._root + path.removeprefix("$").removesuffix(":")
        while path not in self._marks and ("." in path or "[" in path):
            path = path[: max(path.rfind("."), path.rfind("["))]
        return self._marks.get(path, (0, 0))


def _path(prefix: str, words: str) -> str:
    return ".".join((prefix, *(part.strip("\"'") for part in _PART.findall(words))))
