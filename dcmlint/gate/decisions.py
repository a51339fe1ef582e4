"""What changes in the journal, and why: the rules about UIDs, verdicts, deliveries and people's decisions.

Each function is a piece of work within one transaction, and so sees nothing half done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from dcmlint.gate.records import ACCEPTED, Arrival, Delivery, Outcome, Row, State, Taken
from dcmlint.gate.tables import DELIVERY, delivery_of, encoded
from dcmlint.intake.verdict import Repair, Verdict

OTHER_BYTES = "NET502: another instance was accepted under this SOP Instance UID"
LONGEST_WAIT = 3600.0  # seconds of a back-off
_BATCH_BYTES = 512 << 20  # what is claimed at once, so that the next commit is not far away


class Change(Protocol):
    """What a decision needs of the journal."""

    db: sqlite3.Connection
    destinations: tuple[str, ...]
    exists: Callable[[str], bool]
    now: float

    def row(self, number: int) -> Row:
        """The row of an instance."""

    def same_uid(self, uid: str) -> list[Row]:
        """What came before under a UID and still counts."""

    def insert(self, arrival: Arrival, state: State, why: str, answer: int, verdict: Verdict | None) -> Row:
        """A new row and its first event."""

    def set(self, row: Row, state: State, who: str, why: str) -> None:
        """A new state, and its event."""

    def event(self, row: Row, state: str, who: str, why: str) -> None:
        """One line of the history."""

    def repair(self, row: Row, repair: Repair) -> None:
        """What was repaired in an instance."""

    def enqueue(self, number: int) -> None:
        """A delivery to each destination that does not have it yet."""


def take(change: Change, arrival: Arrival, verdict: Verdict | None, waits: bool) -> Taken:
    """The row of an arrival; see ``Journal.take``.

    The same bytes as something that was accepted or is held are stored once, whatever the verdict is now: an answer
    that was lost on its way is given again. Other bytes are held where the archive has, or will have, what came
    before; they take the place of what was refused or is held.
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
    if any(one.state in ACCEPTED or _is_somewhere(change, one) for one in before):
        state, why = "held", OTHER_BYTES
    row = change.insert(arrival, state, why, 0, verdict)
    if row.answer >= 0:
        _supersede(change, row)
    if state == "queued":
        change.enqueue(row.id)
    return Taken(id=row.id, state=state, why=why)


def settle(change: Change, number: int, verdict: Verdict, waits: bool) -> State:
    """Write a verdict that came after the answer: what would have been refused is held.

    An instance that nobody was answered for (found in the spool at the start) can still be refused.
    """
    row = change.row(number)
    change.db.execute(
        "UPDATE instances SET study=?, series=?, findings=?, member=?, patient=? WHERE id=?",
        (verdict.study, verdict.series, msgspec.json.encode(verdict.findings) if verdict.findings else b"",
         verdict.member, encoded(verdict.patient), number),
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
    _supersede(change, row)
    if state == "queued":
        change.enqueue(number)
    return state


def move(
    change: Change, numbers: Sequence[int], state: State, who: str, why: str, only: Sequence[State]
) -> list[int]:
    """Change states; see ``Journal.move``."""
    moved = []
    for number in numbers:
        row = change.row(number)
        if only and row.state not in only:
            continue
        change.set(row, state, who, why)
        if state == "queued":
            change.enqueue(number)
        elif state in ("discarded", "held"):
            _end_deliveries(change, number)
        if state == "discarded":
            change.db.execute("UPDATE instances SET kept=0, member=x'', patient=x'' WHERE id=?", (number,))
        moved.append(number)
    return moved


def exchange(
    change: Change, destination: str, outcomes: Sequence[Outcome], lane: int, lanes: int, limit: int
) -> list[Delivery]:
    """Write what became of deliveries and claim the next; see ``Journal.exchange``."""
    for outcome in outcomes:
        _delivered(change, destination, outcome)
    if not limit:
        return []
    claimed = _next(change, destination, lane, lanes, limit)
    for one in claimed:
        change.db.execute(
            "UPDATE deliveries SET state='sending', tries=tries+1 WHERE instance=? AND destination=?",
            (one.instance, destination),
        )
    return claimed


def _sent_again(change: Change, one: Row, arrival: Arrival, verdict: Verdict | None, waits: bool) -> Taken:
    """The same bytes as a row that is ours."""
    source = f"{arrival.sender} at {arrival.peer}" if arrival.peer else arrival.sender
    if one.answer < 0 and arrival.via != "recovery":
        # Found in the spool at the start, and answered with success now: it cannot be refused any more.
        change.db.execute("UPDATE instances SET answer=0 WHERE id=?", (one.id,))
    if one.state == "delivered" or (one.kept and change.exists(one.file)):
        change.event(one, "sent again", source, "the same bytes: stored once")
        return Taken(id=one.id, state=one.state, duplicate=True, why=one.why)
    # A commit that failed can still be found on the disk after a power cut; its file was removed.
    change.db.execute("UPDATE instances SET file=?, kept=1 WHERE id=?", (arrival.file, one.id))
    change.event(one, "sent again", source, "the same bytes: they take the place of a missing file")
    state = settle(change, one.id, verdict, waits) if verdict is not None else one.state
    return Taken(id=one.id, state=state, why=one.why)


def _supersede(change: Change, row: Row) -> None:
    """What was refused or is held under the same UID is replaced, unless a destination has it."""
    for one in change.same_uid(row.uid) if row.uid else []:
        if one.id < row.id and one.state in ("held", "refused") and not _is_somewhere(change, one):
            _end_deliveries(change, one.id)
            change.set(one, "superseded", "gate", f"the sender has sent another version: instance {row.id}")


def _is_somewhere(change: Change, row: Row) -> bool:
    """Whether a destination has an instance that another one refused."""
    sql = "SELECT count(*) FROM deliveries WHERE instance=? AND state='delivered'"
    (count,) = change.db.execute(sql, (row.id,)).fetchone()
    return bool(count) and row.state == "held"


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
    change.db.execute(
        "UPDATE deliveries SET state='discarded' WHERE instance=? AND state<>'delivered'", (number,)
    )


def _delivered(change: Change, destination: str, outcome: Outcome) -> None:
    """What became of one delivery, and what that makes of the instance."""
    number = outcome.instance
    change.db.execute(
        "UPDATE deliveries SET state=?, detail=?, due=?, tries=tries-? WHERE instance=? AND destination=? AND state='sending'",
        (outcome.state, outcome.detail, outcome.due, 0 if outcome.attempted else 1, number, destination),
    )
    row = change.row(number)
    if not outcome.attempted:
        return
    if outcome.state == "queued":
        change.event(row, "not delivered yet", destination, outcome.detail)
        return
    word = "delivered" if outcome.state == "delivered" else "not taken"
    change.event(row, word, destination, outcome.detail)
    sql = "SELECT state FROM deliveries WHERE instance=?"
    states = {state for (state,) in change.db.execute(sql, (number,))}
    if row.state != "queued":
        return
    if "held" in states:
        change.set(row, "held", "gate", f"{destination} refused it: {outcome.detail}")
    elif states == {"delivered"}:
        change.set(row, "delivered", "gate", "every destination has it")


def _next(change: Change, destination: str, lane: int, lanes: int, limit: int) -> list[Delivery]:
    """The oldest deliveries that may be tried now, in order within each study."""
    sql = (
        f"SELECT {DELIVERY}, i.size FROM deliveries d JOIN instances i ON i.id=d.instance "
        "WHERE d.destination=? AND d.state='queued' AND d.lane % ? = ? ORDER BY d.instance"
    )
    blocked: set[str] = set()
    claimed: list[Delivery] = []
    size = 0
    for *values, length in change.db.execute(sql, (destination, lanes, lane)):
        one = delivery_of(tuple(values))
        study = one.study or f"#{one.instance}"
        if study in blocked:
            continue
        if 0 < one.due - change.now < LONGEST_WAIT:  # more: the clock was set back
            blocked.add(study)
            continue
        claimed.append(one)
        size += length
        if len(claimed) >= limit or size > _BATCH_BYTES:
            break
    return claimed
