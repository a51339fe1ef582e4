"""Colours, width and encoding of what is printed."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from dcmlint.errors import UsageError

COLOURS = ("auto", "always", "never")


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Whether to draw colours: the option, else NO_COLOR and FORCE_COLOR, else whether it is a terminal."""
    if choice not in COLOURS:
        raise UsageError(f"--color {choice}: one of {', '.join(COLOURS)}")
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def terminal_width(stream: TextIO) -> int:
    """Columns of the terminal: COLUMNS, else what the terminal says, at most 120; 80 where there is none."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    try:
        return min(120, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 80


def utf8_output() -> None:
    """Reports are UTF-8 whatever the locale says; what cannot be encoded is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
