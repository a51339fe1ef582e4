"""A number with its noun, for everything that says how many there are."""

from __future__ import annotations


def number_of(count: int, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``; ``many``: the plural, where it is not made with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
