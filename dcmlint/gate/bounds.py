"""How many HTTP connections there may be, in all and of one address, and for how long one may ask for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

_SECONDS = 10.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Connections in all and of one address, and the seconds within which a connection must have asked for something."""

    connections: int = 128
    per_address: int = 32
    seconds: float = _SECONDS


class Bounds:
    """The connections of one server; called by it for each. ``tell``: called with an address that found no place, and how
    many did not before it: the first, the second, the fourth …"""

    def __init__(
        self, limits: Limits, tell: Callable[[str, int], None] = lambda address, count: None
    ) -> None:
        self.limits = limits
        self.turned_away = 0
        self._tell = tell
        self._of: Counter[str] = Counter()

    def __call__(self, **given: Any) -> H11Protocol:
        """A new connection, as uvicorn makes it."""
        return _Bounded(self, **given)

    def enter(self, address: str) -> bool:
        """Count a connection; whether there is a place for it."""
        self._of[address] += 1
        limits = self.limits
        if self._of[address] <= limits.per_address and self._of.total() <= limits.connections:
            return True
        self.turned_away += 1
        if self.turned_away & (self.turned_away - 1) == 0:
            self._tell(address, self.turned_away)
        return False

    def leave(self, address: str) -> None:
        """A connection is gone."""
        self._of[address] -= 1
        if self._of[address] <= 0:
            del self._of[address]


class _Bounded(H11Protocol):
    """A connection that is closed if it has no place, or asks for nothing: uvicorn waits for the head of a request for ever."""

    def __init__(self, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self._bounds = bounds
        self._address = ""
        self._asked_by: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        if self._bounds.enter(self._address):
            self._wait()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._bounds.leave(self._address)
        self._wait_no_more()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        self._wait()  # first: a request that came meanwhile is begun in there
        super().on_response_complete()

    def _wait(self) -> None:
        self._wait_no_more()
        self._asked_by = self.loop.call_later(self._bounds.limits.seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._asked_by is not None:
            self._asked_by.cancel()
            self._asked_by = None
