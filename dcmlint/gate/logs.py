"""The log of a gate: one JSON object a line, with UIDs and never a name."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from dcmlint.findings.redact import given_uid

Log = Callable[..., None]
# The fields that hold a UID as a sender gave it.
_UIDS = ("uid", "study", "transaction")


def json_log(stream: Any = None) -> Log:
    """``log(event, level="info", **fields)`` that writes JSON lines to ``stream`` (default: stderr)."""
    import structlog

    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
    ).bind()  # once: else it is put together for each line

    def log(event: str, *, level: str = "info", **fields: Any) -> None:
        for name in _UIDS:
            if name in fields:
                fields[name] = given_uid(fields[name] or "")
        try:
            getattr(logger, level)(event, **fields)
        except (OSError, ValueError):
            pass  # nobody reads it any more; no instance is refused for that

    return log


class _Libraries(logging.Handler):
    """Says which library complains and where, and not of what: its words may be those of a sender."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log("library", level=level, name=record.name, where=f"{record.filename}:{record.lineno}")


def libraries_to(log: Log) -> None:
    """Have what libraries log, and what they warn of, in this log: else it goes to the same place, and is no JSON."""
    logging.captureWarnings(True)
    logging.getLogger().addHandler(_Libraries(log))


_OURS = ("gate-", "dcmlint-check")  # names of threads


def on_defect(log: Log) -> Callable[[threading.ExceptHookArgs], None]:
    """For ``threading.excepthook``: says where a thread broke, and nothing of what it worked on.

    A gate without one of its own threads (``gate-…``, and those of the checks) would go on and do half of its work: it ends instead, and
    whoever started it starts it anew. The thread of an association takes nothing along but that.
    """

    def hook(arguments: threading.ExceptHookArgs) -> None:
        at = arguments.exc_traceback
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at is not None else ""
        log("defect", level="error", type=arguments.exc_type.__name__, where=where)
        if arguments.thread is not None and arguments.thread.name.startswith(_OURS):
            os.kill(os.getpid(), signal.SIGTERM)

    return hook


def no_log(event: str, *, level: str = "info", **fields: Any) -> None:
    """Writes nothing."""
