"""Functions over coded concepts: is a code of a context group of PS3.16?

The tables of the edition in use are opened when a rule first asks.
"""

from __future__ import annotations

from typing import Any

from dcmlint import standard
from dcmlint.expr.functions import function
from dcmlint.expr.types import BOOL, ITEM, NUMBER, TEXT
from dcmlint.standard.tags import CodeValue, CodingSchemeDesignator, LongCodeValue, URNCodeValue

# PS3.3 8.8: Code Value, Long Code Value, URN Code Value; Coding Scheme Designator
_VALUES = (CodeValue, LongCodeValue, URNCodeValue)


@function("in_context_group", (ITEM, NUMBER), BOOL)
def in_context_group(item: Any, cid: float) -> bool:
    """True if the code of an item of a code sequence is in the context group with that number (PS3.16)."""
    scheme = item.attribute(CodingSchemeDesignator)
    value = next((one for one in map(item.attribute, _VALUES) if isinstance(one, str) and one), None)
    if value is None or not isinstance(scheme, str):
        raise ValueError("no code")
    return in_group(value, scheme, cid)


@function("in_context_group", (TEXT, TEXT, NUMBER), BOOL)
def in_group(value: str, scheme: str, cid: float) -> bool:
    """True if the code of that value and coding scheme is in the context group with that number (PS3.16)."""
    group = standard.load().context_group(int(cid))
    if group is None:
        raise ValueError(f"no context group {cid}")
    return (value, scheme) in group


@function("code_meaning", (TEXT, TEXT, NUMBER), TEXT)
def meaning_in_group(value: str, scheme: str, cid: float) -> str:
    """The meaning that a context group gives to a code; no value where it does not have the code (PS3.16)."""
    group = standard.load().context_group(int(cid))
    found = None if group is None else group.codes.get((value, scheme))
    if found is None:
        raise ValueError(f"{value} is not in the context group")
    return found
