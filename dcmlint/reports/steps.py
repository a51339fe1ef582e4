"""A rule followed on a file, as text: for ``dcmlint explain ID --file FILE``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from dcmlint.engine.explain import Followed, Step
from dcmlint.reports.border import printable

_OUTCOMES = {
    "pass": "the rule holds", "fail": "the rule fails", "not_applicable": "the rule does not apply",
    "undecided": "undecided", "error": "the rule crashed",
}  # fmt: skip


def steps_text(followed: Followed, file: str, width: int = 80) -> str:
    """The file, each step, the outcome; at most ``width`` columns where words allow it."""
    lines = ["", "On this file", f"  {printable(file)}: {printable(followed.title)}"]
    for path, steps in followed.places:
        if path:
            lines.append(f"  {printable(path)}")
        for step in steps:
            lines += _step(step, width)
    if followed.more:
        lines.append(f"  and {followed.more} more items")
    if not followed.places and followed.outcome in ("pass", "fail"):
        lines.append("  The rule is checked by a function or by the tables; it has no steps to show.")
    reason = f": {printable(followed.reason)}" if followed.reason else ""
    lines += textwrap.wrap(
        f"{_OUTCOMES[followed.outcome]}{reason}", width, initial_indent="  = ", subsequent_indent="    "
    )
    for finding in followed.findings[:3]:
        lines += textwrap.wrap(
            f"{finding.severity}[{finding.rule}] {printable(finding.message)}", width,
            initial_indent="    ", subsequent_indent="      ",
        )  # fmt: skip
    return "\n".join(lines)


def _step(step: Step, width: int) -> Iterator[str]:
    yield from textwrap.wrap(
        f"{step.part:<8} {' '.join(printable(step.text).split())}",
        width,
        initial_indent="  ",
        subsequent_indent=" " * 11,
    )
    values = f"   ({printable(step.values)})" if step.values else ""
    yield from textwrap.wrap(
        f"{printable(step.result)}{values}",
        width,
        initial_indent="           -> ",
        subsequent_indent=" " * 14,
    )
