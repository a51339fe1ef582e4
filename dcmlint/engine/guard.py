"""The one place where anything that a rule raises becomes an outcome."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import ParamSpec

from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Undecided

P = ParamSpec("P")
Outcome = tuple[OutcomeKind, str]

CRASHED = "crashed: "  # how the reason of an outcome *error* begins
_LOG = logging.getLogger("dcmlint")


def show_log() -> None:
    """Write what dcmlint logs to standard error."""
    if not _LOG.handlers:
        _LOG.addHandler(logging.StreamHandler())
    _LOG.setLevel(logging.DEBUG)


def guarded(run: Callable[P, Outcome], *arguments: P.args, **options: P.kwargs) -> Outcome:
    """The outcome of a rule and why it was undecided or crashed; nothing is raised.

    A crash names the kind of the exception and the line of code, never its message, which may hold values; the
    log has its traceback (level DEBUG), without the message too.
    """
    try:
        return run(*arguments, **options)
    except NotApplicable:
        return "not_applicable", ""
    except Undecided as reason:
        return "undecided", str(reason)
    except Exception as crash:  # noqa: BLE001 - a rule's crash is an outcome, not the end of the run
        where = traceback.extract_tb(crash.__traceback__)
        last = where[-1]
        said = f"{CRASHED}{type(crash).__name__} in {PurePath(last.filename).name}:{last.lineno}"
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug("%s\n%s", said, "".join(traceback.format_list(where)).rstrip())
        return "error", said
