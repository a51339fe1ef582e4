"""One instance as the page shows it: plain values, each of which has passed the border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcmlint.findings.redact import given_uid
from dcmlint.gate.explain import delivery_words, findings, repair_lines, when, where
from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Event, Row
from dcmlint.reports.border import printable

_MOST_FINDINGS = 50
_MARKS = {"held": "warn", "refused": "bad", "delivered": "good"}
_SEVERITIES = {"error": "bad", "warning": "warn", "info": "quiet"}


def instance_view(journal: Journal, row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    """What the template of one instance reads; ``names``: the patient, if somebody asked."""
    source = f"{row.sender} at {row.peer}" if row.peer else row.sender
    facts = [
        ("from", f"{source or 'unknown'}, {when(row.received)}, {row.size} bytes over {row.via}"),
        *([("answered", f"{row.answer:04X}H")] if row.answer > 0 else []),
        ("study", given_uid(row.study) or "unknown"),
        *((f"to {one.destination}", delivery_words(one)) for one in journal.deliveries(row.id)),
        ("file", row.file if row.kept else "no longer kept here"),
        *([("repaired file", row.repaired)] if row.repaired and row.kept else []),
        ("SHA-256", row.sha256),
    ]
    found = [
        {"severity": one.severity, "mark": _SEVERITIES[one.severity], "rule": one.rule, "message": printable(one.message)}
        for one in findings(row)[:_MOST_FINDINGS]
    ]  # fmt: skip
    return {
        "id": row.id, "uid": given_uid(row.uid), "where": where(row), "why": printable(row.why),
        "mark": _MARKS.get(row.state, ""), "held": row.state == "held", "findings": found,
        "repairs": [printable(line.strip()) for line in repair_lines(row)][1:],
        "names": {name: printable(value) for name, value in names.items()},
        "facts": [(printable(name), printable(value)) for name, value in facts],
        "history": [event_view(one) for one in journal.events(row.id)],
    }  # fmt: skip


def event_view(event: Event) -> dict[str, str]:
    """One line of a history."""
    return {
        "time": when(event.time), "what": event.state, "who": printable(event.who), "why": printable(event.why)
    }  # fmt: skip
