"""How many different names there are, in memory that does not grow with them."""

from __future__ import annotations

_REMEMBERED = 200


class Distinct:
    """Counts different names; of more than two hundred, equal ones must stand beside each other."""

    __slots__ = ("_last", "_seen", "count")

    def __init__(self) -> None:
        self.count = 0
        self._seen: set[str] = set()
        self._last = ""

    def add(self, name: str) -> None:
        """Count a name, unless it was counted before."""
        if name == self._last or name in self._seen:
            return
        self.count += 1
        self._last = name
        if len(self._seen) < _REMEMBERED:
            self._seen.add(name)
