"""The formats by name: those of this package, and those that others register.

Another package registers a format with the entry point ``dcmlint.reports``: its name and a `Writer` class.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dcmlint.errors import UsageError, did_you_mean
from dcmlint.reports.names import BUILTIN, VARIANTS, format_names
from dcmlint.reports.writer import Writer

GROUP = "dcmlint.reports"


def writer_class(name: str) -> tuple[type[Writer], str]:
    """The writer of a format, and its variant (``junit:all`` → ``all``).  Raises `UsageError` for a name that is none."""
    base, _, variant = name.partition(":")
    if base == "auto":
        base = "full"
        variant = "auto"
    elif base in ("full", "grouped", "concise") and not variant:
        variant = base
    elif variant and variant not in VARIANTS.get(base, ()):
        raise UsageError(_unknown(name))
    place = BUILTIN.get(base)
    if place is not None:
        module, _, attribute = place.partition(":")
        found: Any = getattr(import_module(f"dcmlint.reports.{module}"), attribute)
        return found, variant
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP, name=base):
        return entry.load(), variant
    raise UsageError(_unknown(name))


def _unknown(name: str) -> str:
    known = ", ".join(format_names())
    return f"--format {name}: {did_you_mean(name, format_names(), f'one of {known}')}"
