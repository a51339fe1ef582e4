"""The entries of a procedure log: when what they record happened (PS3.3 A.35.7.3.1.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.facts.report.content import content_items
from dcmlint.rules.builtin_functions.moments import is_before
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import ObservationDateTime, TimezoneOffsetFromUTC

_COARSE = re.compile(r"(?:\d{4}|\d{6}|\d{8}|\d{10}|\d{12})(?:[+-]\d{4})?")
_WHOLE = re.compile(r"\d{14}(?:\.\d{1,6})?(?:[+-]\d{4})?")


@rule_function("procedure-log-times")
def procedure_log_times(context: RuleContext) -> Iterator[Problem]:
    """SR031: entries without Observation DateTime, with a coarser one than a second, or before the entry above them."""
    items = content_items(context.facts)
    entries = [item for item in (items[0].children if items else ()) if item.relationship == "CONTAINS"]
    if not entries:
        raise NotApplicable
    zone = context.dataset.text(TimezoneOffsetFromUTC)
    latest = ""
    for entry in entries:
        moment = entry.dataset.text(ObservationDateTime).strip()
        if not moment:
            yield Problem(
                message="the entry of the log has no Observation DateTime", level=entry.dataset, tag=ObservationDateTime,
                want="the date and time of the event (Type 1 in a procedure log)",
            )  # fmt: skip
        elif _COARSE.fullmatch(moment):
            yield Problem(
                message="Observation DateTime does not give the second", level=entry.dataset, tag=ObservationDateTime,
                found=moment, want="a precision of one second or finer",
            )  # fmt: skip
        elif _WHOLE.fullmatch(moment):
            if latest and is_before(moment, latest, zone):
                yield Problem(
                    message="the entry of the log is earlier than the one before it", level=entry.dataset,
                    tag=ObservationDateTime, found=moment, want="chronological order",
                )  # fmt: skip
                continue
            latest = moment
