"""The log of a gate: one JSON object a line, with UIDs and never a name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Log = Callable[..., None]


def json_log(stream: Any = None) -> Log:
    """``log(event, level="info", **fields)`` that writes JSON lines to ``stream`` (default: stderr)."""
    import structlog

    logger = structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
    )

    def log(event: str, *, level: str = "info", **fields: Any) -> None:
        getattr(logger, level)(event, **fields)

    return log


def no_log(event: str, *, level: str = "info", **fields: Any) -> None:
    """Writes nothing."""
