"""Codes: which are the same, which a context group holds, which meanings they have (PS3.16 7 and 8, PS3.3 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from dcmlint.standard import documents
from dcmlint.standard.editions import load

CodeKey = tuple[str, str]
"""A code's value and the designator of its scheme."""


def same_code(code: CodeKey, wanted: Iterable[CodeKey]) -> bool:
    """Whether a code is one of those wanted; codes of SNOMED in the retired and in the current style are the same."""
    tables = documents.load()
    mine = tables.current_code(*code)
    return any(code == tuple(one) or mine == tables.current_code(*one) for one in wanted)


def in_group(cid: int, code: CodeKey) -> bool | None:
    """Whether a context group holds a code; None where its codes are not known."""
    codes = _codes_of(cid)
    if not codes:
        return None
    return code in codes or documents.load().current_code(*code) in codes


def outside_fixed_group(cid: int, code: CodeKey) -> bool:
    """Whether a code is outside of a context group that may not be extended (PS3.16 7.1.2).

    A code of SNOMED in the retired style is not known to be, where neither its code in the current style is known nor
    the group lists any in its own.
    """
    tables = documents.load()
    if tables.fixed_group(cid) is None or in_group(cid, code) is not False:
        return False
    retired = tables.current_code(*code)[1] in documents.RETIRED_SCHEMES
    return not retired or any(scheme in documents.RETIRED_SCHEMES for _, scheme in _codes_of(cid))


@cache
def _codes_of(cid: int) -> frozenset[CodeKey]:
    """The codes of a context group, those of SNOMED in both styles."""
    tables = documents.load()
    group = load().context_group(cid)
    codes = {*(tables.fixed_group(cid) or ()), *(group.codes if group is not None else ())}
    return frozenset(codes | {tables.current_code(*code) for code in codes})


def meanings_of(code: CodeKey) -> tuple[str, ...]:
    """The meanings that PS3.16 gives to a code of DCM or SCT; () for a code that it does not have."""
    return documents.load().meanings.get(documents.load().current_code(*code), ())


def owners_of(meaning: str) -> frozenset[CodeKey]:
    """The codes of DCM and SCT that have a meaning, whatever its case and punctuation."""
    return _owners().get(letters(meaning), frozenset())


@cache
def _owners() -> dict[str, frozenset[CodeKey]]:
    found: dict[str, set[CodeKey]] = {}
    for code, meanings in documents.load().meanings.items():
        for meaning in meanings:
            found.setdefault(letters(meaning), set()).add(code)
    return {key: frozenset(codes) for key, codes in found.items()}


def words(text: str) -> list[str]:
    """The words of a meaning in small letters, British spellings made American."""
    return re.findall(
        r"[^\W_]+", text.lower().replace("ae", "e").replace("oe", "e").replace("colour", "color")
    )


def letters(text: str) -> str:
    """The words of a meaning joined: what two spellings of it share."""
    return "".join(words(text))
