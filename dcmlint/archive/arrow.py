"""Loads Arrow without NumPy, which takes longer to load than Arrow does and of which nothing here is used."""

from __future__ import annotations

import sys
from typing import Any, cast


def load_arrow() -> None:
    """Load Arrow, for a process that asks it for no array of NumPy: a command, not somebody's program.

    Raises ImportError where Arrow is not installed.
    """
    if "pyarrow" not in sys.modules and "numpy" not in sys.modules:
        modules = cast("dict[str, Any]", sys.modules)
        modules["numpy"] = None  # as if it were not installed, which Arrow allows for
        try:
            import pyarrow
        except ImportError:
            _forget()  # a release that needs NumPy, or Arrow is not there
        finally:
            del modules["numpy"]
    import pyarrow  # noqa: F401


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        del sys.modules[name]
