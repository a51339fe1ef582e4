"""One thread that looks at what receiving processes ask, so that no thread of the gate has to wake for an instance."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import Protocol

from dcmlint.gate.receiving_messages import Channel


class Asked(Protocol):
    """Somebody who is asked over a channel."""

    channel: Channel

    def look(self) -> None:
        """Something came over the channel, or its other side is gone. Raises nothing, and waits for nothing."""


class Calls:
    """Has everybody look whose channel has something. All methods can be called from any thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="gate-calls", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def watch(self, asked: Asked) -> None:
        """Have it look. Raises ``OSError`` where this has ended."""
        with self._lock:
            try:
                self._selector.register(asked.channel, selectors.EVENT_READ, asked)
            except ValueError as error:
                raise OSError("the gate ends") from error

    def forget(self, asked: Asked) -> None:
        """Have it look no more, if it still does: before its channel is closed, because another one may get the number
        of its descriptor then."""
        with self._lock, suppress(KeyError, ValueError):
            self._selector.unregister(asked.channel)

    def stop(self, seconds: float) -> None:
        """End once nobody is left, which is soon where all other sides are gone."""
        self._waker.close()
        if self._thread.is_alive():
            self._thread.join(seconds)
        else:
            self._woken.close()
            self._selector.close()

    def _run(self) -> None:
        while self._anybody():
            for key, _ in self._selector.select():
                if key.data is None:
                    with self._lock:
                        self._selector.unregister(self._woken)
                else:
                    key.data.look()
        self._woken.close()

    def _anybody(self) -> bool:
        with self._lock:
            if self._selector.get_map():
                return True
            self._selector.close()
            return False
