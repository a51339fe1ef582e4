"""The version of dcmlint, and how it names itself in what it writes."""

from __future__ import annotations

__version__ = "0.2.0"

# Implementation Class UID of dcmlint, made from a random UUID (PS3.5 B.2).
IMPLEMENTATION_CLASS = "2.25.224583371862745912043598276640917532186"


def implementation_version() -> str:
    """Implementation Version Name, 1 to 16 characters (PS3.7 D.3.3.2.3)."""
    return f"DCMLINT_{__version__}".replace(".", "_")[:16]
