"""Whether a sender and a receiver work together, by their profiles alone: nothing is read and nobody is asked.

Two directions: what the sender may send and the receiver does not take, and what the receiver needs and the sender does
not promise.  What cannot be compared (rules that are expressions) is named, so that silence means something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from dcmlint import standard
from dcmlint.expr import compile_expression
from dcmlint.expr.patterns import MAX_SUBJECT, safe_pattern
from dcmlint.facts.file.svs import SVS
from dcmlint.findings.finding import Severity
from dcmlint.profiles.gap import Known, known_of
from dcmlint.profiles.model import PRESENCE, Endpoint
from dcmlint.profiles.parameters import parameters_in
from dcmlint.profiles.promises import Promise, every_row_of, rows_of, sop_classes_of, transfer_syntaxes_of
from dcmlint.profiles.resolved import Resolved
from dcmlint.profiles.row_demands import LONGEST
from dcmlint.rules.model import Rule
from dcmlint.rules.names import RULE_NAMES
from dcmlint.rules.scope import NOTHING, DatasetScope

Direction = Literal["sent, not taken", "needed, not promised", "not compared"]
_TAKEN: Direction = "sent, not taken"
_NEEDED: Direction = "needed, not promised"
_OPEN: Direction = "not compared"
# UIDs of every shape that PS3.5 9.1 allows: short, long, of a UUID.
_LEGAL_UIDS = ("1.2", "1.2.840.10008.5.1.4.1.1.77.1.6", "2.25." + "9" * 39, "1." + "0." * 30 + "22")
_DICOM = ("dicom", "dicom-tls")
_NUMBERS = {"sop_classes": "901", "transfer_syntaxes": "902"}


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
        *_lists("SOP Class", sop_classes_of(sender), sop_classes_of(receiver), receiver, "sop_classes"),
        *_lists(
            "transfer syntax",
            transfer_syntaxes_of(sender),
            transfer_syntaxes_of(receiver),
            receiver,
            "transfer_syntaxes",
        ),
        *_syntaxes(sender, receiver),
        *_attributes(sender, receiver),
        *_endpoints(sender, receiver),
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
    said = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
    general = sum(
        source.rule.scope != "association" and receiver.levels.get(source.rule.id, source.rule.severity if source.rule.default else None) is not None
        for source in receiver.rules if source.rule.id not in receiver.own
    )  # fmt: skip
    return f"{said}; {general} general rules of {receiver.name} need files" if general else said


def _opened(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The DICOM connections that a sender opens."""
    return [one for one in endpoints if one.protocol in _DICOM and one.direction != "in"]


def _name(uid: str) -> str:
    entry = standard.load().uid(uid)
    return entry.keyword or entry.name if entry is not None else uid


def _names(uids: Sequence[str]) -> str:
    return _shown([_name(uid) for uid in uids])


def _shown(words: Sequence[str]) -> str:
    return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")


def _lists(
    what: str, sent: Sequence[str], taken: Sequence[str], receiver: Resolved, key: str
) -> Iterator[Misfit]:
    if not taken:
        return
    rule = next((id_ for id_ in sorted(receiver.own) if id_.endswith(_NUMBERS[key])), "")
    # Endpoints say what must be taken; only a list says that nothing else is.
    only = any(getattr(source.profile, key) for source in receiver.chain)
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
    severity: Severity = "error" if not common else "warning" if only else "info"
    for uid in refused:
        does = "does not accept it" if only else "does not say that it accepts it"
        known = f"{does}; both have {_names(common)}" if common else f"accepts {_names(taken)}"
        yield Misfit(_TAKEN, severity, f"{what} {_name(uid)}", "may be sent", known, rule)


def _attributes(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    promised = rows_of(sender)
    classes = sop_classes_of(sender) or sop_classes_of(receiver)
    for need in every_row_of(receiver):
        path = need.placed.path
        level = receiver.levels.get(need.placed.id) or need.row.severity
        promise, known = promised.get(path), known_of(path, classes)
        if _under_condition(need) and (promise is None or not promise.values):
            continue  # whether it is demanded at all shows in files
        if (
            promise is None
            and need.row.presence == "optional"
            and not known.possible
            and not need.placed.parents
        ):
            continue  # the sender's objects do not have it
        lacking = list(_presences(path, need, promise, known, level))
        yield from lacking
        nothing_to_compare = bool(lacking) and (promise is None or not promise.values)
        if need.row.presence != "forbidden" and not nothing_to_compare:
            yield from _values(path, need, promise, known, level)


def _under_condition(need: Promise) -> bool:
    return bool(need.row.when or need.placed.around)


def _presences(
    path: str, need: Promise, promise: Promise | None, known: Known, level: Severity
) -> Iterator[Misfit]:
    row, id_ = need.row, need.placed.id
    says = "nothing stated" if promise is None else _presence(promise)
    # What is there as the standard has it is there for certain where the standard demands it of every image of the class.
    as_standard = promise is None or promise.row.presence == "conditional"
    if row.presence == "forbidden":
        if (as_standard and known.there) or (promise is not None and promise.row.presence == "always"):
            yield Misfit(
                _TAKEN,
                level,
                path,
                "always, as the standard requires" if as_standard else says,
                "must be absent",
                id_,
            )
        return
    if (
        row.presence != "always"
        or _under_condition(need)
        or (as_standard and (known.filled or (known.there and row.empty == "allowed")))
    ):
        return
    weaker = promise is None or promise.row.presence != "always"
    may_be_empty = (
        promise is not None
        and promise.row.empty in ("allowed", "required")
        and row.empty not in ("allowed", "required")
    )
    if weaker or may_be_empty:
        conditional = promise.row.presence == "conditional" if promise is not None else known.conditional
        if promise is None and conditional and known.looked:
            says = "nothing stated; required by the standard under a condition"
        stated = f"; {_shown(need.values)}" if need.values else ""
        yield Misfit(
            _NEEDED, _less(level) if conditional else level, path, says, f"{_presence(need)}{stated}", id_
        )


def _values(
    path: str, need: Promise, promise: Promise | None, known: Known, level: Severity
) -> Iterator[Misfit]:
    """Values that may be sent and are not taken; where the sender promises none, those of the standard."""
    row, id_ = need.row, need.placed.id
    demand = f"must be {_shown(need.values)}" if need.values else need.want
    if not demand:
        return
    values = promise.values if promise is not None else ()
    of_standard = not values and bool(known.values)
    values = values or tuple(sorted(known.values))
    entry = standard.load().dictionary.by_keyword(row.attribute)
    if not values and entry is not None and entry.vr == "UI":
        values, of_standard = _LEGAL_UIDS, True
    wrong = [value for value in values if not _meets(value, need)]
    # What the standard leaves open is not what the sender is known to send.
    if wrong and not of_standard:
        yield Misfit(_TAKEN, level, path, f"may be {', '.join(wrong[:4])}", demand, id_)
    elif wrong or (not values and not _always_met(need)):
        if promise is not None and promise.want == need.want and need.want:
            return
        # Of an attribute that the sender does not mention, and that need not be there, little is known.
        unsaid = promise is None and known.looked and not known.there
        yield Misfit(_NEEDED, "info" if unsaid else _less(level), path, "no value promised", demand, id_)


# Sizes, counts and positions of which the standard allows no zero.
_FROM_ONE = frozenset({
    "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "TotalPixelMatrixColumns", "TotalPixelMatrixRows",
    "ColumnPositionInTotalImagePixelMatrix", "RowPositionInTotalImagePixelMatrix", "InstanceNumber",
})  # fmt: skip


def _always_met(need: Promise) -> bool:
    """Whether every value that the standard allows meets it: sizes from 1 on, texts no longer than their VR."""
    row = need.row
    others = (
        need.values
        or row.pattern
        or row.maximum
        or row.not_before
        or row.not_after
        or row.code
        or row.context_group
    )
    entry = standard.load().dictionary.by_keyword(row.attribute)
    most = LONGEST.get(entry.vr) if entry is not None else None
    large = not row.minimum or (row.attribute in _FROM_ONE and float(row.minimum) <= 1)
    short = not row.longest or (most is not None and most <= int(row.longest))
    return not others and large and short


def _less(level: Severity) -> Severity:
    return "warning" if level == "error" else "info"


def _presence(promise: Promise) -> str:
    row = promise.row
    words = {"allowed": "always, may be empty", "required": "always, empty"}
    return words.get(row.empty or "", "always, with a value") if row.presence == "always" else row.presence


def _meets(value: str, need: Promise) -> bool:
    row = need.row
    if need.values and value not in need.values:
        return False
    if row.longest and len(value) > int(row.longest):
        return False
    if row.pattern and safe_pattern(row.pattern).search(value[:MAX_SUBJECT]) is None:
        return False
    try:
        number = float(value)
    except ValueError:
        return True
    least, most = row.minimum, row.maximum
    return (not least or number >= float(least)) and (not most or number <= float(most))


def _endpoints(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    """The DICOM connections that the sender opens, beside those on which the receiver listens."""
    mine = _opened(sender.endpoints)
    theirs = [one for one in receiver.endpoints if one.protocol in _DICOM]
    if not mine or not theirs:
        return
    set_here, set_there = _set_by_parameters(sender), _set_by_parameters(receiver)
    for one in mine:
        best = min((list(_connection(one, other, set_here, set_there)) for other in theirs), key=len)
        yield from best


_Set = dict[tuple[str, str], str]


def _set_by_parameters(resolved: Resolved) -> _Set:
    """What of endpoints is a setting: by name of the endpoint and key, the parameter."""
    written = [endpoint for source in resolved.chain for endpoint in source.as_written.endpoints]
    return {
        (one.name, key): name for one in written for key in ("called_ae", "calling_ae", "port")
        for name in parameters_in(getattr(one, key))
    }  # fmt: skip


def _connection(one: Endpoint, other: Endpoint, set_here: _Set, set_there: _Set) -> Iterator[Misfit]:
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
    levels: tuple[tuple[str, str, Severity], ...] = (
        ("called_ae", "called AE title", "error"), ("calling_ae", "calling AE title", "error"), ("port", "port", "warning"),
    )  # fmt: skip
    for key, what, level in levels:
        sent, taken = getattr(one, key), getattr(other, key)
        if not sent or not taken or sent == taken:
            continue
        here, there = set_here.get((one.name, key)), set_there.get((other.name, key))
        # What either can be set to is a matter of configuration.
        yield Misfit(
            _TAKEN, "info" if here or there else level, f"{where}: {what}",
            f"{sent} (set by {here})" if here else sent, f"{taken} (set by {there})" if there else taken,
        )  # fmt: skip


def _line(endpoint: Endpoint) -> str:
    return "DICOM over TLS" if endpoint.protocol == "dicom-tls" else "DICOM without TLS"


_SYNTAX = "file.TransferSyntaxUID"
_WORD = re.compile(r"""("(?:\\.|[^"\\])*")|[A-Za-z_][\w.]*""")
_PLAIN = frozenset({_SYNTAX, "has", "in", "starts_with", "ends_with", "true", "false"})


def _about_syntaxes(receiver: Resolved) -> Iterator[tuple[Rule, str]]:
    """The receiver's own rules that read the transfer syntax and nothing else, each as one expression."""
    for source in receiver.rules:
        rule = source.rule
        if rule.id.endswith(_NUMBERS["transfer_syntaxes"]):
            continue
        if (
            rule.id not in receiver.own
            or not rule.assert_
            or rule.let
            or receiver.levels.get(rule.id, rule.severity) is None
        ):
            continue
        text = f"!({rule.when}) || ({rule.assert_})" if rule.when else rule.assert_
        words = {found[0] for found in _WORD.finditer(text) if found[1] is None}
        if _SYNTAX in words and words <= _PLAIN:
            yield rule, text


def _syntaxes(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    """Transfer syntaxes that a rule of the receiver refuses."""
    sent = transfer_syntaxes_of(sender)
    for rule, text in _about_syntaxes(receiver):
        refused = [uid for uid in sent if _holds(text, uid) is False]
        level = receiver.levels.get(rule.id) or rule.severity
        # As with lists: where another one can be taken, it can be agreed on.
        severity = level if len(refused) == len(sent) else _less(level)
        for uid in refused:
            want = rule.want or rule.title
            yield Misfit(_TAKEN, severity, f"transfer syntax {_name(uid)}", "may be sent", want, rule.id)


def _holds(text: str, uid: str) -> object:
    filled = text.replace(f"has({_SYNTAX})", "true").replace(_SYNTAX, f'"{uid}"')
    return compile_expression(filled, RULE_NAMES)(DatasetScope(NOTHING), {})


def _not_compared(sender: Resolved, receiver: Resolved) -> Iterator[Misfit]:
    """The receiver's own rules and expressions, which only files can answer."""
    rows = {promise.placed.id: promise for promise in every_row_of(receiver)}
    by_syntax = {rule.id for rule, _ in _about_syntaxes(receiver)} if transfer_syntaxes_of(sender) else set()
    shared = {source.profile.id for source in sender.chain}
    sends_dicom = bool(sop_classes_of(sender))
    for source in receiver.rules:
        rule = source.rule
        origin = receiver.origin.get(rule.id)
        if origin is None or origin in shared or rule.id.endswith(tuple(_NUMBERS.values())):
            continue
        if SVS in rule.tags and sends_dicom:
            continue
        if receiver.levels.get(rule.id, rule.severity) is None or rule.id in by_syntax:
            continue
        row = rows.get(rule.id)
        if row is None or row.row.assert_ or _under_condition(row) or row.row.presence not in PRESENCE:
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
