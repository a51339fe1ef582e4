"""What a report shows of an endpoint or a received association beside its findings: small plain values."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

AssociationStatus = Literal["checked", "unreachable", "refused", "not checked"]


class ContextRow(msgspec.Struct, frozen=True, kw_only=True):
    """One presentation context: class and transfer syntaxes by UID and name, and what was answered.

    ``result`` is that of PS3.8 Table 9-18; -1: not answered, -2: not asked.  ``answer`` says it in words;
    where several syntaxes were proposed in one context, it names the one that was chosen.
    """

    sop_class: str
    sop_class_name: str
    proposed: tuple[str, ...]
    names: tuple[str, ...]
    result: int
    answer: str
    chosen: str = ""


class AssociationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint or association that was looked at.

    ``id`` is how findings name it; ``title`` says what it is in a few words; ``lines`` are labels and texts
    for people; ``facts`` are what rules read, by group, as plain values; ``undecided`` the rules that could
    not be decided.  Status unreachable: nobody answered; refused: no association could be had; not checked:
    the endpoint was not looked at, and ``title`` says why.
    """

    id: str
    title: str = ""
    status: AssociationStatus = "checked"
    lines: tuple[tuple[str, str], ...] = ()
    contexts: tuple[ContextRow, ...] = ()
    facts: dict[str, Any] = {}
    undecided: tuple[str, ...] = ()
