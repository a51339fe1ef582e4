"""Whether a sender and a receiver work together, by their profiles alone: nothing is read and nobody is asked.

Two directions: what the sender may send and the receiver does not take, and what the receiver needs and the sender does
not promise.  What cannot be compared (rules that are expressions) is named, so that silence means something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from dcmlint import standard
from dcmlint.expr.patterns import MAX_SUBJECT, safe_pattern
from dcmlint.findings.finding import Severity
from dcmlint.profiles.gap import certainly_there
from dcmlint.profiles.model import PRESENCE, Endpoint
from dcmlint.profiles.promises import Promise, every_row_of, rows_of, sop_classes_of, transfer_syntaxes_of
from dcmlint.profiles.resolve import Resolved

Direction = Literal["sent, not taken", "needed, not promised", "not compared"]
_TAKEN: Direction = "sent, not taken"
_NEEDED: Direction = "needed, not promised"
_OPEN: Direction = "not compared"
# UIDs of every shape that PS3.5 9.1 allows: short, long, of a UUID.
_LEGAL_UIDS = ("1.2", "1.2.840.10008.5.1.4.1.1.77.1.6", "2.25." + "9" * 39, "1." + "0." * 30 + "22")
_DICOM = ("dicom", "dicom-tls")


class Misfit(msgspec.Struct, frozen=True):
    """One thing in which the two differ, in a direction; ``rule``: of the receiver, "" where it is no rule."""

    direction: Direction
    severity: Severity
    what: str
    sender: str
    receiver: str
    rule: str = ""


def misfits(sender: Resolved, receiver: Resolved) -> tuple[Misfit, ...]:
    """Everything in which a sender does not fit a receiver: by direction, errors first."""
    found = [
        *_lists("SOP Class", sop_classes_of(sender), sop_classes_of(receiver), receiver, "901"),
        *_lists(
            "transfer syntax", transfer_syntaxes_of(sender), transfer_syntaxes_of(receiver), receiver, "902"
        ),
        *_attributes(sender, receiver),
        *_endpoints(sender.endpoints, receiver.endpoints),
        *_not_compared(sender, receiver),
    ]
    directions, severities = (_TAKEN, _NEEDED, _OPEN), ("error", "warning", "info")
    order = sorted(
        found, key=lambda one: (directions.index(one.direction), severities.index(one.severity), one.what)
    )
    return tuple(order)


def compared(sender: Resolved, receiver: Resolved) -> str:
    """What the two were held against each other in, in words: what a profile does not state cannot be compared."""
    theirs = [one for one in receiver.endpoints if one.protocol in _DICOM]
    counts = [
        (len(sop_classes_of(sender)) if sop_classes_of(receiver) else 0, "SOP Class", "SOP Classes"),
        (len(transfer_syntaxes_of(sender)) if transfer_syntaxes_of(receiver) else 0, "transfer syntax", "transfer syntaxes"),
        (len(rows_of(receiver)), "attribute", "attributes"),
        (len(_opened(sender.endpoints)) if theirs else 0, "connection", "connections"),
    ]  # fmt: skip
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)


def _opened(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The DICOM connections that a sender opens."""
    return [one for one in endpoints if one.protocol in _DICOM and one.direction != "in"]


def _name(uid: str) -> str:
    entry = standard.load().uid(uid)
    return entry.keyword or entry.name if entry is not None else uid


def _names(uids: Sequence[str]) -> str:
    shown = ", ".join(_name(uid) for uid in uids[:6])
    return shown + (f" and {len(uids) - 6} more" if len(uids) > 6 else "")


def _lists(
    what: str, sent: Sequence[str], taken: Sequence[str], receiver: Resolved, number: str
) -> Iterator[Misfit]:
    if not taken:
        return
    rule = next((id_ for id_ in sorted(receiver.own) if id_.endswith(number)), "")
    if not sent:
        yield Misfit(
            _NEEDED,
            "info",
            f"{what}: the sender does not say what it sends",
            "nothing stated",
            _names(taken),
            rule,
        )
        return
    refused = [uid for uid in sent if uid not in taken]
    common = [uid for uid in sent if uid in taken]
    # Where both know one, they can agree on it; where they know none, nothing arrives.
    severity: Severity = "warning" if common else "error"
    for uid in refused:
        known = f"does not accept it; both have {_names(common)}" if common else f"accepts {_names(taken)}"
        yield Misfit(_TAKEN, severity, f"{what} {_name(uid)}", "may be sent", known, rule)


def _attributes(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    promised = rows_of(sender)
    classes = sop_classes_of(sender) or sop_classes_of(receiver)
    for need in every_row_of(receiver):
        path = need.placed.path
        level = receiver.levels.get(need.placed.id) or need.row.severity
        yield from _attribute(path, need, promised.get(path), level, sender, receiver, classes)


def _attribute(
    path: str, need: Promise, promise: Promise | None, level: Severity, sender: Resolved, receiver: Resolved,
    classes: Sequence[str],
) -> Iterator[Misfit]:  # fmt: skip
    row, id_ = need.row, need.placed.id
    says = "nothing stated" if promise is None else _presence(promise)
    if row.presence == "forbidden":
        if promise is not None and promise.row.presence == "always":
            yield Misfit(_TAKEN, level, path, says, "must be absent", id_)
        return
    # What is there as the standard has it is there for certain where the standard demands it of every image of the class.
    as_standard = promise is None or promise.row.presence == "conditional"
    if row.presence == "always" and not (
        as_standard and certainly_there(path, classes, row.empty != "allowed")
    ):
        weaker = promise is None or promise.row.presence != "always"
        empty = (
            promise is not None
            and promise.row.empty in ("allowed", "required")
            and row.empty not in ("allowed", "required")
        )
        if weaker or empty:
            conditional = promise is not None and promise.row.presence == "conditional"
            stated = f"; {', '.join(need.values[:6])}" if need.values else ""
            yield Misfit(
                _NEEDED, _less(level) if conditional else level, path, says, f"{_presence(need)}{stated}", id_
            )
            if promise is None or not promise.values:
                return
    if need.values:
        if promise is not None and promise.values:
            others = [value for value in promise.values if value not in need.values]
            if others:
                yield Misfit(
                    _TAKEN,
                    level,
                    path,
                    f"may be {', '.join(others[:4])}",
                    f"must be {', '.join(need.values[:6])}",
                    id_,
                )
        elif row.presence in ("always", "optional", "conditional"):
            yield Misfit(
                _NEEDED, _less(level), path, "no value promised", f"must be {', '.join(need.values[:6])}", id_
            )
        return
    demand = _demand(need, receiver)
    if not demand:
        return
    values = promise.values if promise is not None else ()
    known = standard.load().dictionary.by_keyword(row.attribute)
    is_uid = not values and known is not None and known.vr == "UI"
    if is_uid and all(_meets(uid, need, receiver) for uid in _LEGAL_UIDS):
        return  # whatever UID is sent, it meets the demand
    wrong = [value for value in values if not _meets(value, need, receiver)]
    if wrong:
        yield Misfit(_TAKEN, level, path, f"may be {', '.join(wrong[:4])}", demand, id_)
    elif not values and not (promise is not None and _demand(promise, sender) == demand):
        yield Misfit(_NEEDED, _less(level), path, "no value promised", demand, id_)


def _less(level: Severity) -> Severity:
    return "warning" if level == "error" else "info"


def _presence(promise: Promise) -> str:
    row = promise.row
    words = {"allowed": "always, may be empty", "required": "always, empty"}
    return words.get(row.empty or "", "always, with a value") if row.presence == "always" else row.presence


def _demand(promise: Promise, resolved: Resolved) -> str:
    """The demands on the value besides a list, as text; "" for none."""
    row, parts = promise.row, []
    for label, text in (("matches", row.pattern), ("at least", row.minimum), ("at most", row.maximum), ("not before", row.not_before),
                        ("not after", row.not_after), ("CID", row.context_group)):  # fmt: skip
        if text:
            parts.append(f"{label} {text}")
    codes = (row.code,) if isinstance(row.code, str) and row.code else row.code
    return "; ".join((*parts, *codes))


def _meets(value: str, need: Promise, resolved: Resolved) -> bool:
    row = need.row
    if row.pattern and safe_pattern(row.pattern).search(value[:MAX_SUBJECT]) is None:
        return False
    try:
        number = float(value)
    except ValueError:
        return True
    least, most = row.minimum, row.maximum
    return (not least or number >= float(least)) and (not most or number <= float(most))


def _endpoints(sender: Sequence[Endpoint], receiver: Sequence[Endpoint]) -> Iterator[Misfit]:
    """The DICOM connections that the sender opens, beside those on which the receiver listens."""
    mine = _opened(sender)
    theirs = [one for one in receiver if one.protocol in _DICOM]
    if not mine or not theirs:
        return
    for one in mine:
        best = min((list(_connection(one, other)) for other in theirs), key=len)
        yield from best


def _connection(one: Endpoint, other: Endpoint) -> Iterator[Misfit]:
    where = f"{one.name} to {other.name}"
    if one.protocol != other.protocol:
        yield Misfit(_TAKEN, "error", f"{where}: TLS", _line(one), _line(other))
    elif one.protocol == "dicom-tls" and one.tls_minimum > other.tls_minimum and other.tls_minimum:
        yield Misfit(
            _NEEDED,
            "warning",
            f"{where}: TLS version",
            f"{one.tls_minimum} or newer",
            f"from {other.tls_minimum}",
        )
    for what, sent, taken in (
        ("called AE title", one.called_ae, other.called_ae), ("calling AE title", one.calling_ae, other.calling_ae),
    ):  # fmt: skip
        if sent and taken and sent != taken:
            yield Misfit(_TAKEN, "error", f"{where}: {what}", sent, taken)
    if one.port and other.port and one.port != other.port:
        yield Misfit(_TAKEN, "warning", f"{where}: port", one.port, other.port)


def _line(endpoint: Endpoint) -> str:
    return "DICOM over TLS" if endpoint.protocol == "dicom-tls" else "DICOM without TLS"


def _not_compared(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    """The receiver's own rules and expressions, which only files can answer."""
    rows = {promise.placed.id: promise for promise in every_row_of(receiver)}
    shared = {source.profile.id for source in sender.chain}
    for source in receiver.rules:
        rule = source.rule
        origin = receiver.origin.get(rule.id)
        if origin is None or origin in shared or rule.id.endswith(("901", "902")):
            continue
        row = rows.get(rule.id)
        if row is None or row.row.assert_ or row.row.when or row.row.presence not in PRESENCE:
            yield Misfit(
                _OPEN,
                "info",
                rule.title,
                "only files can answer",
                rule.assert_ or rule.function or rule.title,
                rule.id,
            )
    for one in receiver.not_checked:
        yield Misfit(_OPEN, "info", one.what, "", f"the parameter {one.parameter} has no value")
