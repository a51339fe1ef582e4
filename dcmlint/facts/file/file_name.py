"""How the input that holds an instance is called."""

from __future__ import annotations

import re

import msgspec

from dcmlint.facts.registry import Facts, facts


class FileName(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an input.

    ``name``: its last part, without folders; of a member of an archive the member's
    ``folder``: the name of the folder that it stands in; empty where the path has none
    """

    name: str
    folder: str = ""


def file_name_of(path: str) -> FileName | None:
    """The name of an input from its path as given or reached; None for standard input and bytes in memory."""
    if path == "-" or path.startswith("<"):
        return None
    parts = re.split(r"[/\\]|!/", path)
    return FileName(name=parts[-1], folder=parts[-2] if len(parts) > 1 else "")


@facts("file_name", FileName)
def file_name(facts: Facts) -> FileName | None:
    """How the file is called; absent for what has no name (standard input, an association)."""
    return None
