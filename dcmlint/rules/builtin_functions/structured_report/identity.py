"""What documents say of themselves and of what they track: verification, observations, tracking (PS3.3 C.17.2, PS3.16 TID 4108)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.report.content import ContentItem, code_in, content_items
from dcmlint.facts.report.template import template_issues
from dcmlint.rules.functions import NotApplicable, Problem, RuleContext, rule_function
from dcmlint.standard.tags import (
    UID,
    ConceptCodeSequence,
    ConceptNameCodeSequence,
    ContentDate,
    ContentTime,
    ObservationUID,
    ParticipantSequence,
    ParticipationType,
    PersonIdentificationCodeSequence,
    PersonName,
    TextValue,
    VerificationDateTime,
    VerifyingObserverIdentificationCodeSequence,
    VerifyingObserverName,
    VerifyingObserverSequence,
)

_TRACKING_IDENTIFIER, _TRACKING_UID = ("112039", "DCM"), ("112040", "DCM")
# PS3.16 TID 1002 row 1, CID 270, and the first rows of TID 1003 and 1004
_OBSERVER_TYPE, _PERSON, _DEVICE = ("121005", "DCM"), ("121006", "DCM"), ("121007", "DCM")
_OBSERVERS = (
    (_PERSON, ("121008", "DCM"), "Person Observer Name"),
    (_DEVICE, ("121012", "DCM"), "Device Observer UID"),
)
_FORMS = {_OBSERVER_TYPE: "CODE", _OBSERVERS[0][1]: "PNAME", _OBSERVERS[1][1]: "UIDREF"}
_OBSERVER_ROWS = ("TID 1003 ", "TID 1004 ")
_MOMENT = re.compile(r"(\d{8})(\d{0,6})")
_ZONE = re.compile(r"[+-]\d{4}$")


@rule_function("verification-after-content")
def verification(context: RuleContext) -> Iterator[Problem]:
    """SR027: documents that were verified before their content was made (PS3.3 Table C.17-2).

    Times are compared where neither says a zone; with a zone a difference of a day is none.
    """
    made = _MOMENT.fullmatch(context.dataset.text(ContentDate))
    observers = context.dataset.items(VerifyingObserverSequence)
    if made is None or not observers:
        raise NotApplicable
    content = made[1] + _digits(context.dataset.text(ContentTime))
    for observer in observers:
        text = observer.text(VerificationDateTime)
        zone = _ZONE.search(text) is not None
        found = _MOMENT.match(text)
        if found is None:
            continue
        given = found[1] + found[2]
        length = 8 if zone else min(len(given), len(content))
        if (given[:length] < content[:length]) and not (zone and _days(content, given) <= 1):
            yield Problem(
                message="the document was verified before its content was created", level=observer,
                tag=VerificationDateTime, found=text, want="not earlier than ContentDate and ContentTime",
            )  # fmt: skip


def _digits(time: str) -> str:
    """Hours, minutes and seconds of a time, as far as they are given in pairs."""
    found = re.match(r"(?:\d\d){1,3}", time)
    return found[0] if found else ""


def _days(one: str, other: str) -> int:
    """How many days lie between two dates; 0 where one of them is none, which is reported as such."""
    from datetime import datetime

    try:
        first, second = (datetime.strptime(text[:8], "%Y%m%d") for text in (one, other))
    except ValueError:
        return 0
    return abs((first - second).days)


@rule_function("attestors")
def attestors(context: RuleContext) -> Iterator[Problem]:
    """SR036: persons who verified a document and are its attestors too (PS3.3 C.17.2.5); those whose codes differ are two."""
    verifying = {
        name: code_in(one, VerifyingObserverIdentificationCodeSequence)
        for one in context.dataset.items(VerifyingObserverSequence)
        if (name := one.text(VerifyingObserverName).rstrip("^ "))
    }
    attesting = [
        one for one in context.dataset.items(ParticipantSequence) if one.text(ParticipationType) == "ATTEST"
    ]
    if not verifying or not attesting:
        raise NotApplicable
    for one in attesting:
        name = one.text(PersonName).rstrip("^ ")
        if name not in verifying:
            continue
        codes = verifying[name], code_in(one, PersonIdentificationCodeSequence)
        if codes[0] is None or codes[1] is None or codes[0].key == codes[1].key:
            yield Problem(
                message="the Verifying Observer is listed as an attestor too", level=one, tag=PersonName,
                want="another person, or no attestor",
            )  # fmt: skip


@rule_function("observation-uids")
def observation_uids(context: RuleContext) -> Iterator[Problem]:
    """SR028: Observation UIDs that several content items of a document have (PS3.3 Table C.17-5)."""
    items = [
        item
        for item in content_items(context.facts)
        if ObservationUID in item.like and item.dataset.text(ObservationUID)
    ]
    if not items:
        raise NotApplicable
    seen: set[str] = set()
    for item in items:
        uid = item.dataset.text(ObservationUID)
        if uid in seen:
            yield Problem(
                message="two content items have one Observation UID", level=item.dataset, tag=ObservationUID,
                found=uid, want="a unique identifier for each observation",
            )  # fmt: skip
        seen.add(uid)


def _unclear(item: ContentItem) -> bool:
    """Whether an item may be meant for an observer, but has a form or value that is reported elsewhere."""
    if item.concept is None:
        return item.relationship == "HAS OBS CONTEXT"
    kind = _FORMS.get(item.concept.key)
    if kind is None:
        return False
    if item.relationship == "HAS PROPERTIES" and kind == "UIDREF":
        return False  # a participant has the UID of a device too (PS3.16 TID 1021)
    return (item.relationship, item.value_type) != ("HAS OBS CONTEXT", kind) or (
        kind == "CODE" and (item.value is None or item.value.key not in (_PERSON, _DEVICE))
    )


@rule_function("observer-types")
def observer_types(context: RuleContext) -> Iterator[Problem]:
    """SR034: device observers that no Observer Type introduces, and observers of a type without what identifies them.

    PS3.16 TID 1002, 1003 and 1004. One observer without the other is reported by the template; a person needs no type.
    """
    any_ = False
    told = {
        id(issue.level)
        for issue in template_issues(context.facts)
        if issue.kind == "missing" and issue.row.startswith(_OBSERVER_ROWS)
    }
    for item in content_items(context.facts):
        if id(item.dataset) in told or any(_unclear(one) for one in item.children):
            continue
        own = [
            one
            for one in item.children
            if one.relationship == "HAS OBS CONTEXT" and one.concept is not None and one.concept.key in _FORMS
        ]
        types = [one for one in own if one.concept is not None and one.concept.key == _OBSERVER_TYPE]
        for kind, identifying, name in _OBSERVERS:
            of_kind = [one for one in types if one.value is not None and one.value.key == kind]
            named = [one for one in own if one.concept is not None and one.concept.key == identifying]
            any_ = any_ or bool(named)
            if kind == _DEVICE and len(named) > len(of_kind):
                yield Problem(
                    message=f"{name} without the Observer Type Device", level=named[len(of_kind)].dataset,
                    tag=ConceptNameCodeSequence, want="HAS OBS CONTEXT CODE Observer Type before each device observer",
                )  # fmt: skip
            elif named and len(of_kind) > len(named):
                yield Problem(
                    message=f"an observer without {name}", level=of_kind[len(named)].dataset,
                    tag=ConceptCodeSequence, want=f"{name} for each Observer Type",
                )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("tracking-identifiers")
def tracking(context: RuleContext) -> Iterator[Problem]:
    """SR029: one Tracking Unique Identifier with several Tracking Identifiers in a document (PS3.16 TID 4108)."""
    pairs = list(_tracked(context))
    if not pairs:
        raise NotApplicable
    names: dict[str, str] = {}
    for level, uid, name in pairs:
        if names.setdefault(uid, name) != name:
            yield Problem(
                message="one Tracking Unique Identifier is given with two Tracking Identifiers", level=level, tag=UID,
                found=uid, want="a unique identifier for each tracked item",
            )  # fmt: skip


def _tracked(context: RuleContext) -> Iterator[tuple[Dataset, str, str]]:
    """The items with a Tracking Unique Identifier that have one Tracking Identifier beside it: item, UID, identifier."""
    for item in content_items(context.facts):
        uids, names = (
            [one.dataset for one in item.children if one.concept is not None and one.concept.key == key]
            for key in (_TRACKING_UID, _TRACKING_IDENTIFIER)
        )
        if len(uids) == len(names) == 1 and uids[0].text(UID) and names[0].text(TextValue):
            yield uids[0], uids[0].text(UID), names[0].text(TextValue)
