"""Who is there: connections and associations, in all and of one address, and who found no place."""

from __future__ import annotations

from collections import Counter

from dcmlint.network.acceptor.settings import Settings

_ADDRESSES = 1000  # whose turned away connections are counted apart
_OTHERS = "other addresses"


class Crowd:
    """Counts of one acceptor; its owner holds a lock. Connections have numbers; an empty address counts in all only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: dict[int, str] = {}
        self._established: dict[int, str] = {}
        self._of_address: Counter[str] = Counter()
        self._established_of: Counter[str] = Counter()
        self.turned_away: Counter[str] = Counter()

    def enter(self, number: int, address: str) -> bool:
        """Take a place for a connection; False, and counted, where there is none."""
        settings = self._settings
        full = len(self._connections) >= settings.max_connections
        if address and settings.per_address:
            full = full or self._of_address[address] >= 2 * settings.per_address
        if full:
            self.turn_away(address)
            return False
        self._connections[number] = address
        self._of_address[address] += 1
        return True

    def admit(self, number: int) -> bool:
        """Take a place for an association on a connection; False where there is none."""
        settings = self._settings
        address = self._connections.get(number, "")
        if len(self._established) >= settings.max_associations:
            return False
        if address and settings.per_address and self._established_of[address] >= settings.per_address:
            return False
        self._established[number] = address
        self._established_of[address] += 1
        return True

    def leave(self, number: int) -> None:
        """A connection is gone, if it ever had a place."""
        for whose, counts in (
            (self._connections, self._of_address), (self._established, self._established_of)
        ):  # fmt: skip
            address = whose.pop(number, None)
            if address is not None:
                counts[address] -= 1
                if not counts[address]:
                    del counts[address]

    def turn_away(self, address: str) -> None:
        """Count a connection that was closed at once."""
        known = address in self.turned_away or len(self.turned_away) < _ADDRESSES
        self.turned_away[address if known else _OTHERS] += 1
