"""Numbers of a gate as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STATES = ("checking", "waiting", "queued", "held", "delivered", "refused", "superseded", "discarded")


def status_lines(summary: dict[str, Any], now: float) -> Iterator[str]:
    """The lines of `dcmlint gate status`."""
    for state in STATES:
        number = summary["states"].get(state, 0)
        if number or state in ("queued", "held"):
            yield f"{state:<11}{number:>9}"
    if summary["repaired"]:
        yield f"repaired   {summary['repaired']:>9}"
    for name, queue in summary["queues"].items():
        last = f": {queue['detail']}" if queue["detail"] else ""
        yield f"to {name}: {queue['length']} wait, the oldest for {age(now - queue['oldest'])}{last}"
    if summary["oldest_unchecked"] is not None:
        yield f"the oldest instance that is not checked yet waits for {age(now - summary['oldest_unchecked'])}"
    if summary["oldest_held"] is not None:
        yield f"the oldest held instance waits for {age(now - summary['oldest_held'])}"


def age(seconds: float) -> str:
    """A duration in its two largest units."""
    left = max(int(seconds), 0)
    for unit, name, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if left >= unit:
            return f"{left // unit} {name} {left % unit // smaller} {small}"
    return f"{left} s"
