"""Sentences that say how small a number may be."""

from __future__ import annotations

import re

from dcmlint.standard.build.conditions import sentences
from dcmlint.standard.tables import ValueSet

_GREATER = re.compile(
    r"(?:(?:The |This )?(?:Values?|Number) )?shall (?:be|have a value) greater than (?P<equal>or equal to )?(?P<bound>zero|\d+)",
    re.I,
)
# Within the sentence that says what the attribute is. A "positive" direction or offset is no bound.
_ABOVE_0 = re.compile(r"[^.]*\bas a value greater than zero\b", re.I)
_FROM_1 = re.compile(
    r"(?:(?:Defines the )?positive integer\b(?! in the range)|.*, encoded as a non-zero unsigned integer value$"
    r"|Consecutive number\b.*, starting with 1$|.*\(starting at 1\))",
    re.I,
)
# The selectors of hanging protocols call their number positive, and give 0 a meaning of its own.
_ZERO = re.compile(r"The value (?:of )?(?:zero|0) identifies", re.I)


def bounds_of(text: str) -> tuple[ValueSet, ...]:
    """The bound below all values of an attribute that its description gives; empty where it gives none."""
    said = sentences(text)
    if any(_ZERO.match(sentence) for sentence in said):
        return ()
    for number, sentence in enumerate(said):
        found = _GREATER.fullmatch(sentence)
        if found is not None:
            bound = 0 if found["bound"].lower() == "zero" else int(found["bound"])
            return (ValueSet("least" if found["equal"] else "above", 0, (bound,)),)
        if number == 0 and _ABOVE_0.match(sentence):
            return (ValueSet("above", 0, (0,)),)
        if number == 0 and _FROM_1.match(sentence):
            return (ValueSet("least", 0, (1,)),)
    return ()
