"""What other packages add, by the entry points ``dcmlint.*``: found without `importlib.metadata` where there are none.

Its import, and that of what it imports, takes longer than a look into the metadata of the installed packages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from typing import Any


def plugins(group: str) -> Iterator[Any]:
    """The objects that installed packages registered in a group."""
    if not may_have_plugins():
        return
    from importlib.metadata import entry_points

    for entry in entry_points(group=group):
        yield entry.load()


def may_have_plugins() -> bool:
    """Whether other packages may add something."""
    return _may_be_some(tuple(sys.path))


@cache
def _may_be_some(path: tuple[str, ...]) -> bool:
    """Whether a package may have entry points of dcmlint: one names them, or is installed in another way."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True
    return any(_names_some(folder) for folder in path)


def _names_some(folder: str) -> bool:
    try:
        with os.scandir(folder or ".") as found:
            names = [one.name for one in found if one.name.endswith((".dist-info", ".egg-info", ".egg"))]
    except NotADirectoryError:
        return True  # a zip file, which may hold packages
    except OSError:
        return False
    for name in names:
        if name.endswith(".egg"):
            return True
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), "rb") as stream:
                if b"[dcmlint." in stream.read():
                    return True
        except OSError:
            continue
    return False
