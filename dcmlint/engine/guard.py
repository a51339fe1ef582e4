"""The one place where anything that a rule raises becomes an outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Undecided

P = ParamSpec("P")
Outcome = tuple[OutcomeKind, str]


def guarded(run: Callable[P, Outcome], *arguments: P.args, **options: P.kwargs) -> Outcome:
    """The outcome of a rule and why it was undecided or crashed; nothing is raised."""
    try:
        return run(*arguments, **options)
    except NotApplicable:
        return "not_applicable", ""
    except Undecided as reason:
        return "undecided", str(reason)
    except Exception as crash:  # noqa: BLE001 - a rule's crash is an outcome, not the end of the run
        return "error", type(crash).__name__
