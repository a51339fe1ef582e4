"""The one place where anything that a rule raises becomes an outcome."""

from __future__ import annotations

from collections.abc import Callable

from dcmlint.findings.finding import OutcomeKind
from dcmlint.rules.functions import NotApplicable, Undecided


def guarded(run: Callable[[], tuple[OutcomeKind, str]]) -> tuple[OutcomeKind, str]:
    """The outcome of a rule and why it was undecided or crashed; nothing is raised."""
    try:
        return run()
    except NotApplicable:
        return "not_applicable", ""
    except Undecided as reason:
        return "undecided", str(reason)
    except Exception as crash:  # noqa: BLE001 - a rule's crash is an outcome, not the end of the run
        return "error", f"{type(crash).__name__} in the rule"
