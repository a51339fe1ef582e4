"""Loads Arrow without NumPy, which takes longer to load than Arrow does and of which nothing here is used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, cast

from dcmlint.plugins import may_have_plugins


def load_arrow() -> None:
    """Load Arrow for a command, which asks it for no array of NumPy; somebody's program, or a plugin, may.

    Raises ImportError where Arrow is not installed.
    """
    if "pyarrow" in sys.modules or may_have_plugins():
        import_module("pyarrow")
    else:
        _load("pyarrow")


def load_compute() -> None:
    """Load Arrow's functions, in the way in which Arrow was loaded."""
    if "pyarrow.compute" not in sys.modules:
        _load("pyarrow.compute")


def _load(name: str) -> None:
    if "numpy" in sys.modules:
        import_module(name)
        return
    modules = cast("dict[str, Any]", sys.modules)
    before = set(modules)
    modules["numpy"] = None  # as if it were not installed, which Arrow allows for
    try:
        import_module(name)
        return
    except ImportError:  # a release that needs NumPy, or Arrow is not there
        for left in [one for one in modules if one.partition(".")[0] == "pyarrow" and one not in before]:
            del modules[left]
    finally:
        del modules["numpy"]
    import_module(name)
