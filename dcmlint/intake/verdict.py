"""What is found of an instance and what is done with it: plain frozen values, which every step passes on."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dcmlint.findings.finding import Severity

Action = Literal["accept", "fix", "quarantine", "refuse"]


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as the gate keeps it; its message is redacted as in any report."""

    rule: str
    name: str
    severity: Literal["error", "warning", "info"]
    message: str
    path: str = ""
    remedy: str = ""


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What was repaired in an instance, or would be (``file`` empty: nothing was written).

    ``file``: name of the repaired file in the folder of the received one; ``sha256`` and ``size``: of its data set;
    ``rules``: whose findings are gone; ``changes``: the first of ``count``, as `fixes` describes them: rule, label,
    path, old and new value as reports show them.
    """

    rules: tuple[str, ...]
    count: int
    changes: tuple[dict[str, Any], ...] = ()
    file: str = ""
    sha256: str = ""
    size: int = 0


class Patient(msgspec.Struct, frozen=True):
    """Who the patient is: Patient ID and Patient's Name, for an audit repository and nothing else."""

    id: str = ""
    name: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks and the policy make of an instance.

    ``action``: what is done. ``would``: what the policy says; it differs where the gate only observes.
    ``status`` and ``comment``: what a sender is answered if it is refused. ``why``: one sentence for people.
    ``study`` and ``series``: their UIDs, empty if they could not be read. ``member``: what must be kept to
    check the slide it belongs to. ``patient``: only if it was asked for. ``repair``: what was repaired before; the findings are those after it.
    """

    action: Action = "accept"
    would: Action = "accept"
    status: int = 0
    comment: str = ""
    why: str = ""
    findings: tuple[Brief, ...] = ()
    study: str = ""
    series: str = ""
    member: bytes = b""
    repair: Repair | None = None
    patient: Patient | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a checking child says of an instance; ``internal``: why it could not be checked, else empty.

    ``repair``: what was repaired first, or would be; ``not_repaired``: why nothing was, though it was asked for.
    ``result``: the whole result of the engine, pickled, where it was asked for.
    """

    status: Literal["checked", "partial", "unreadable"] = "checked"
    findings: tuple[Brief, ...] = ()
    crashed: tuple[str, ...] = ()
    study: str = ""
    series: str = ""
    instance: str = ""
    member: bytes = b""
    internal: str = ""
    patient: Patient | None = None
    repair: Repair | None = None
    not_repaired: str = ""
    seconds: float = 0.0
    result: bytes = b""


class ProfileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy needs of a profile, as a checking child has read it: actions by severity, rules of its
    own, rules that it locks, and all that it has."""

    name: str
    action: dict[Severity, Action] = {}
    own: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
