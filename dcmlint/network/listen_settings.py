"""How to listen and when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from dcmlint.network.acceptor.settings import Settings


class ListenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to listen and when to stop.

    ``keep``: the folder where instances stay; None: they are removed once checked.  ``status``: success
    whatever is found, or by policy (the profile's `action`; without one errors are refused).  ``once``: stop
    when a sender has sent and nothing came for ``settle`` seconds, or when ``expect`` instances came.  ``wait``:
    stop if nothing ever comes for so many seconds (0: never).  ``deadline``: seconds that a sender waits for a
    status by policy.  ``check_seconds``, ``memory``: what a check may take, in seconds and in bytes besides twice
    the header.
    """

    receive: Settings
    keep: Path | None = None
    status: Literal["success", "by-policy"] = "success"
    once: bool = False
    settle: float = 10.0
    expect: int | None = None
    wait: float = 0.0
    deadline: float = 8.0
    check_seconds: float = 120.0
    memory: int = 1 << 30
