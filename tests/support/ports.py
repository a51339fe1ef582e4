"""Ports for servers of tests."""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _COUNT = 10_000, 22_000
_OF_EACH = 500  # processes of a run have numbers that are close together
_numbers = itertools.count(os.getpid() * _OF_EACH)


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to no connection: whoever asks a port of those again and
    again whether somebody listens is connected to himself in the end."""
    while True:
        port = _FIRST + next(_numbers) % _COUNT
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
