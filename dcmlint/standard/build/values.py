"""Lists of values in a description, from their titles and terms to value sets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dcmlint.standard.build.source import ValueList
from dcmlint.standard.dictionary import Entry
from dcmlint.standard.tables import ValueSet

NUMERIC = frozenset({"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV", "US/SS"})
_TEXT = frozenset({"LO", "SH", "UI", "AE"})

_TITLE = re.compile(
    r"(?:Value (?P<before>\d) )?(?P<kind>Enumerated Values?|Defined Terms?)"
    r"(?: for (?:Image Type )?Value (?P<after>\d)| for [A-Z][\w /()-]* \([0-9A-F]{4},[0-9A-F]{4}\))?:?",
    re.I,
)


def value_sets(lists: Sequence[ValueList], entry: Entry) -> tuple[ValueSet, ...] | None:
    """The value sets that the lists of one description mean; None when any of them leaves a doubt.

    A list under a condition ("Enumerated Values if ...") is such a doubt, and so are two lists for the same value.
    """
    found: list[ValueSet] = []
    for one in lists:
        title = _TITLE.fullmatch(one.title)
        values = _values(one.terms, entry) if title else None
        if title is None or not values:
            return None
        position = int(title["before"] or title["after"] or 0)
        enumerated = title["kind"].lower().startswith("e")
        found.append(ValueSet("enumerated" if enumerated else "defined", position, values))
    positions = [one.position for one in found]
    if len(set(positions)) != len(positions) or (0 in positions and len(found) > 1):
        return None
    return tuple(found)


def _values(terms: Sequence[str], entry: Entry) -> tuple[str | int, ...] | None:
    values: list[str | int] = []
    for text in terms:
        if entry.vr in NUMERIC:
            if re.fullmatch(r"[0-9A-F]{4}H", text):  # as PS3.3 writes binary values
                values.append(int(text[:-1], 16))
            elif re.fullmatch(r"[+-]?\d+", text):
                values.append(int(text))
            else:
                return None
        elif (entry.vr == "CS" and re.fullmatch(r"[A-Z0-9_ ]{1,16}", text)) or (
            entry.vr in _TEXT and 0 < len(text) <= 64
        ):
            values.append(text)
        else:
            return None
    return tuple(values) if len(values) == len(set(values)) else None
