"""What changes in the journal, and why: the rules about UIDs, verdicts, deliveries and people's decisions.

Each function is a piece of work within one transaction, and so sees nothing half done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from dcmlint.gate.change import Change, source_of
from dcmlint.gate.records import ACCEPTED, Arrival, Delivery, Outcome, Row, State, Taken
from dcmlint.gate.tables import DELIVERY, delivery_of, encoded
from dcmlint.intake.verdict import Brief, Verdict

OTHER_BYTES = "NET502: another instance was accepted under this SOP Instance UID"
LONGEST_WAIT = 3600.0  # seconds of a back-off
_BATCH_BYTES = 512 << 20  # what is claimed at once, so that the next commit is not far away


def take(
    change: Change, arrival: Arrival, verdict: Verdict | None, waits: bool, observe: bool = False
) -> Taken:
    """The row of an arrival; see ``Journal.take``.

    The same bytes as something that was accepted or is held are stored once, whatever the verdict is now: an answer
    that was lost on its way is given again. Other bytes are held where the archive has, or will have, what came
    before; they take the place of what was refused or is held. ``observe``: they are not held, and it is said that they would be.
    """
    refused = verdict is not None and verdict.action == "refuse"
    before = change.same_uid(arrival.sop_instance) if arrival.sop_instance else []
    for one in before:
        # Nobody was answered for it, and nobody is now.
        undecided = one.state == "checking" and one.answer < 0
        if one.state != "refused" and _same(one, arrival) and not (refused and undecided):
            return _sent_again(change, one, arrival, verdict, waits)
    if verdict is not None and refused:
        row = change.insert(arrival, "refused", verdict.why, verdict.status, verdict)
        return Taken(id=row.id, state="refused", why=verdict.why)
    state, why = _first_state(verdict, waits)
    if state == "checking" and arrival.via == "recovery":
        why = "checked before anybody is answered for it"
    taken = any(one.state in ACCEPTED or _is_somewhere(change, one) for one in before)
    if taken and not observe:
        state, why = "held", OTHER_BYTES
    row = change.insert(arrival, state, why, 0, verdict)
    if taken and observe:
        change.event(row, "observed", "gate", f"would be held: {OTHER_BYTES}")
    if row.answer >= 0:
        _supersede(change, row, before)
    if state == "queued":
        change.enqueue(row.id)
    return Taken(id=row.id, state=state, why=why)


def settle(change: Change, number: int, uid: str, verdict: Verdict, waits: bool) -> State:
    """Write a verdict that came after the answer: what would have been refused is held.

    An instance that nobody was answered for (found in the spool at the start) can still be refused.
    """
    # Read with those of other verdicts; one that does not count any more is read for itself.
    before = change.same_uid(uid) if uid else []
    row = change.row(number)
    change.update(
        number, study=verdict.study or row.study, series=verdict.series, findings=encoded(verdict.findings or None), member=verdict.member,
        patient=encoded(verdict.patient),
    )  # fmt: skip
    refused = verdict.action == "refuse" and row.answer < 0
    if verdict.repair is not None and row.state in ("checking", "held") and not refused:
        change.repair(row, verdict.repair)
    if row.state != "checking":
        return row.state  # a person was faster, or it is held for its UID
    if refused:
        change.set(row, "refused", "gate", f"{verdict.why}; it was never answered, its sender still has it")
        return "refused"
    state, why = _first_state(verdict, waits)
    change.set(row, state, "gate", why)
    _supersede(change, row, before)
    if state == "queued":
        change.enqueue(number)
    return state


def move(
    change: Change, numbers: Sequence[int], state: State, who: str, why: str, only: Sequence[State],
    findings: Sequence[Brief] = (),
) -> list[int]:  # fmt: skip
    """Change states; see ``Journal.move``."""
    moved = []
    for number in numbers:
        row = change.row(number)
        if only and row.state not in only:
            continue
        change.set(row, state, who, why)
        add_findings(change, row, findings)
        if state == "queued":
            change.enqueue(number)
        elif state in ("discarded", "held"):
            _end_deliveries(change, number)
        if state == "discarded":
            change.update(number, kept=False, member=b"", patient=b"")
        moved.append(number)
    return moved


def add_findings(change: Change, row: Row, findings: Sequence[Brief]) -> None:
    """Findings that an instance has as one of its study, beside its own."""
    if findings:
        own = msgspec.json.decode(row.findings, type=tuple[Brief, ...]) if row.findings else ()
        change.update(row.id, findings=encoded(tuple(dict.fromkeys((*own, *findings)))))


def exchange(
    change: Change, destination: str, outcomes: Sequence[Outcome], lane: int, lanes: int, limit: int
) -> list[Delivery]:
    """Write what became of deliveries and claim the next; see ``Journal.exchange``."""
    if outcomes:
        _delivered(change, destination, outcomes)
    if not limit:
        return []
    claimed = _next(change, destination, lane, lanes, limit)
    if claimed:
        change.aside(
            "UPDATE deliveries SET state='sending', tries=tries+1 WHERE destination=? AND instance IN "
            "(SELECT value FROM json_each(?))",
            (destination, msgspec.json.encode([one.instance for one in claimed]).decode()),
        )
    return claimed


def _sent_again(change: Change, one: Row, arrival: Arrival, verdict: Verdict | None, waits: bool) -> Taken:
    """The same bytes as a row that is ours."""
    source = source_of(arrival) or "gate"
    if one.answer < 0 and arrival.via != "recovery":
        # Found in the spool at the start, and answered with success now: it cannot be refused any more.
        change.update(one.id, answer=0)
    if one.state == "delivered" or (one.kept and change.exists(one.file)):
        what = "found again" if arrival.via == "recovery" else "sent again"
        change.event(one, what, source, "the same bytes: stored once")
        return Taken(id=one.id, state=one.state, duplicate=True, why=one.why)
    # A commit that failed can still be found on the disk after a power cut; its file was removed.
    change.update(one.id, file=arrival.file, kept=True)
    change.event(one, "sent again", source, "the same bytes: they take the place of a missing file")
    state = settle(change, one.id, one.uid, verdict, waits) if verdict is not None else one.state
    return Taken(id=one.id, state=state, why=one.why)


def _supersede(change: Change, row: Row, before: Sequence[Row]) -> None:
    """What was refused or is held under the same UID is replaced, unless a destination has it."""
    for one in before:
        if one.id < row.id and one.state in ("held", "refused") and not _is_somewhere(change, one):
            _end_deliveries(change, one.id)
            change.set(one, "superseded", "gate", f"the sender has sent another version: instance {row.id}")


def _is_somewhere(change: Change, row: Row) -> bool:
    """Whether a destination has an instance that another one refused."""
    sql = "SELECT count(*) FROM deliveries WHERE instance=? AND state='delivered'"
    return row.state == "held" and bool(change.aside(sql, (row.id,)).fetchone()[0])


def _same(row: Row, arrival: Arrival) -> bool:
    return (row.sha256, row.syntax, row.sop_class) == (
        arrival.sha256,
        arrival.transfer_syntax,
        arrival.sop_class,
    )


def _first_state(verdict: Verdict | None, waits: bool) -> tuple[State, str]:
    if verdict is None:
        return "checking", "accepted before the check was complete"
    if verdict.action != "accept":
        return "held", verdict.why
    return ("waiting" if waits else "queued"), verdict.why


def _end_deliveries(change: Change, number: int) -> None:
    change.aside("UPDATE deliveries SET state='discarded' WHERE instance=? AND state<>'delivered'", (number,))


def _delivered(change: Change, destination: str, outcomes: Sequence[Outcome]) -> None:
    """What became of deliveries, and what that makes of their instances."""
    given = ",".join(["(?,?,?,?,?)"] * len(outcomes))
    values = [
        value for one in outcomes
        for value in (one.instance, one.state, one.detail, one.due, 0 if one.attempted else 1)
    ]  # fmt: skip
    change.aside(
        "UPDATE deliveries SET state=given.column2, detail=given.column3, due=given.column4, tries=tries-given.column5 "
        f"FROM (VALUES {given}) AS given WHERE instance=given.column1 AND destination=? AND state='sending'",
        (*values, destination),
    )  # fmt: skip
    tried = [one for one in outcomes if one.attempted]
    numbers = msgspec.json.encode([one.instance for one in tried if one.state != "queued"]).decode()
    states: dict[int, set[str]] = {}
    sql = "SELECT instance, state FROM deliveries WHERE instance IN (SELECT value FROM json_each(?))"
    for number, state in change.aside(sql, (numbers,)).fetchall():
        states.setdefault(number, set()).add(state)
    change.load(one.instance for one in tried)
    for outcome in tried:
        row = change.row(outcome.instance)
        if outcome.state == "queued":
            change.event(row, "not delivered yet", destination, outcome.detail)
            continue
        word = "delivered" if outcome.state == "delivered" else "not taken"
        change.event(row, word, destination, outcome.detail)
        if row.state != "queued":
            continue
        if "held" in states[row.id]:
            change.set(row, "held", "gate", f"{destination} refused it: {outcome.detail}")
        elif states[row.id] == {"delivered"}:
            change.set(row, "delivered", "gate", "every destination has it")


def _next(change: Change, destination: str, lane: int, lanes: int, limit: int) -> list[Delivery]:
    """The oldest deliveries that may be tried now, in the order of arrival within each study: what came before and is not
    checked yet is waited for."""
    sql = (
        f"SELECT i.study, d.instance, {DELIVERY}, i.size FROM deliveries d JOIN instances i ON i.id=d.instance "
        "WHERE d.destination=? AND d.state='queued' AND d.lane % ? = ? ORDER BY d.instance"
    )
    ends: dict[str, float] = {}  # the first instance of a study that may not be tried now
    claimed: list[Delivery] = []
    size = 0
    for study, number, *values, length in change.aside(sql, (destination, lanes, lane)):
        if study and study not in ends:
            ends[study] = change.first_unchecked(study) or math.inf
        if number >= ends.get(study, math.inf):
            continue
        one = delivery_of(tuple(values))
        if 0 < one.due - change.now < LONGEST_WAIT:  # more: the clock was set back
            if study:
                ends[study] = number
            continue
        claimed.append(one)
        size += length
        if len(claimed) >= limit or size > _BATCH_BYTES:
            break
    return claimed
