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
    """Columns of the terminal: COLUMNS, else what the terminal says, at most 200; 80 where there is none."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted) > 0:
        return min(200, int(wanted))
    try:
        return min(200, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 80


def has_unicode(stream: TextIO) -> bool:
    """Whether a terminal shows more than ASCII; files and pipes get UTF-8."""
    if not stream.isatty():
        return True
    return "utf" in (stream.encoding or "").lower() and os.environ.get("TERM") != "dumb"


def follows_links(stream: TextIO) -> bool:
    """Whether to write OSC 8 links: to a terminal that is none of the plain ones."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "linux", "vt100", "vt220")


def utf8_output() -> None:
    """Reports are UTF-8 whatever the locale says; what cannot be encoded is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
