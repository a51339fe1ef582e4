"""Where an instance is and why, in plain words: the answer to "where is my slide?"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from dcmlint.findings.redact import given_uid
from dcmlint.gate.journal import Journal
from dcmlint.gate.records import Delivery, Event, Row
from dcmlint.gate.words import age
from dcmlint.intake.verdict import Brief, Repair
from dcmlint.plural import number_of

_MOST_CHANGES = 20

_WHERE = {
    "checking": "accepted; it is being checked",
    "waiting": "accepted; it waits until its study is complete",
    "queued": "accepted; it waits to be delivered",
    "delivered": "delivered: every destination has it",
    "held": "held: accepted, and not forwarded until a decision",
    "refused": "refused: its sender was told so, and still has it",
    "superseded": "superseded: its sender has sent another version",
    "discarded": "discarded by a person",
}
# What was found in the spool at the start, and nobody has been answered for.
_UNANSWERED = {
    "checking": "found in the spool at the start; it is being checked",
    "refused": "refused: it was never answered, and its sender still has it",
}


def where(row: Row) -> str:
    """Where an instance is."""
    return _UNANSWERED.get(row.state, _WHERE[row.state]) if row.answer < 0 else _WHERE[row.state]


def explain(journal: Journal, uid: str) -> Iterator[str]:
    """Lines about everything that came under a UID; none where nothing did."""
    rows = journal.find(uid)
    for row in rows:
        if row is not rows[0]:
            yield ""
        yield from explain_row(journal, row)
    traces = journal.traces(uid)
    if traces:
        yield f"{given_uid(uid)}: attempts that never became an instance here; its sender was not answered with success"
        yield from (f"    {event_words(event)}" for event in traces)


def explain_row(journal: Journal, row: Row) -> Iterator[str]:
    """Lines about one instance: where it is, why, and its history."""
    yield f"instance {row.id} · {given_uid(row.uid)}"
    yield f"  {where(row)}"
    if row.why and not where(row).endswith(row.why):
        yield f"  why: {row.why}"
    if row.answer > 0:
        yield f"  answered: {row.answer:04X}H"
    source = f"{row.sender} at {row.peer}" if row.peer else row.sender
    yield f"  from {source or 'unknown'}, {when(row.received)}, {row.size} bytes over {row.via}"
    yield f"  study {given_uid(row.study) or 'unknown'}"
    yield f"  {'file ' + row.file if row.kept else 'its file is no longer kept here'}"
    for delivery in journal.deliveries(row.id):
        yield f"  to {delivery.destination}: {delivery_words(delivery)}"
    earlier = journal.first_unchecked(row.study) if row.state == "queued" and row.study else None
    if earlier is not None and earlier < row.id:
        yield f"  it waits for instance {earlier} of its study, which came before and is not checked yet"
    yield from repair_lines(row)
    for found in findings(row)[:10]:
        yield f"  {found.severity}[{found.rule}] {found.message}"
    yield "  history:"
    for event in journal.events(row.id):
        yield f"    {event_words(event)}"


def held_lines(rows: Sequence[Row], now: float) -> Iterator[str]:
    """What is held, by study, and what can be done about it."""
    studies: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.changed):
        studies.setdefault(row.study, []).append(row)
    for study, held in studies.items():
        yield f"study {given_uid(study) or 'unknown'}"
        for row in held:
            yield f"{row.id:>6}  held for {age(now - row.changed)}  from {row.sender or '-'}  {given_uid(row.uid)}"
            yield f"        {row.why}"
    yield f"{len(rows)} held"
    if rows:
        yield "Each waits for a person: held show NUMBER, then held release, held discard or held export (a study: by its UID)."


def repair_lines(row: Row) -> Iterator[str]:
    """What was repaired in an instance before it was forwarded; values as reports show them."""
    if not row.repair:
        return
    repair = msgspec.json.decode(row.repair, type=Repair)
    yield f"  repaired before it is forwarded: {row.repaired}; the bytes as they came stay in {row.file}"
    for change in repair.changes[:_MOST_CHANGES]:
        operation = change["operation"]
        old, new = operation.get("old"), operation.get("value")
        values = f": {old or '(empty)'} -> {new or '(empty)'}" if operation["kind"] == "set" else ""
        yield f"    {change['rule']} {change['label']}: {operation.get('path') or 'data set'}{values}"
    if repair.count > _MOST_CHANGES:
        yield f"    … {repair.count} changes"


def delivery_words(delivery: Delivery) -> str:
    """How far a delivery is."""
    tried = f", tried {number_of(delivery.tries, 'time')}" if delivery.tries else ""
    detail = f": {delivery.detail}" if delivery.detail else ""
    words = {"queued": "waits", "sending": "is being sent", "held": "not taken", "discarded": "given up"}
    return f"{words.get(delivery.state, delivery.state)}{tried}{detail}"


def event_words(event: Event) -> str:
    """One line of a history."""
    why = f": {event.why}" if event.why else ""
    return f"{when(event.time)}  {event.state} ({event.who}){why}"


def findings(row: Row) -> list[Brief]:
    """The findings about an instance, the worst first."""
    return msgspec.json.decode(row.findings, type=list[Brief]) if row.findings else []


def when(seconds: float) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
