"""The shape of a finding, the same for files, slides, series and associations.

Field names and meanings are a contract (``schemas/report.json``): fields may be added, never changed.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
Basis = Literal["requirement", "inference", "recommendation", "interop", "local"]
SubjectKind = Literal["file", "slide", "series", "association", "run"]
Status = Literal["checked", "partial", "skipped", "unreadable"]
Confidence = Literal["high", "medium", "low"]
OutcomeKind = Literal["pass", "fail", "not_applicable", "undecided", "error"]

RANK = {"error": 2, "warning": 1, "info": 0}


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the standard (or another document) says so: part, section or table, and its edition."""

    part: str
    section: str = ""
    table: str = ""
    edition: str = ""

    def __str__(self) -> str:
        place = f"Table {self.table}" if self.table else self.section
        return f"{self.part} {place}".strip()


class Subject(msgspec.Struct, frozen=True):
    """What a finding is about: ``files`` are paths as given or reached, never empty for kinds made of files."""

    kind: SubjectKind
    id: str
    files: tuple[str, ...] = ()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Another place that belongs to a finding: a file (None: that of the finding), a path, a byte, and why."""

    file: str | None = None
    path: str = ""
    offset: int | None = None
    message: str = ""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a fix, on the element or the level at ``path``.

    ``set`` it to a value, ``remove`` it, ``encode`` the value that it has anew, ``rename`` it to the path in
    ``value``, ``sort`` its elements, ``drop`` bytes of it that are no element.  ``value`` is the new value as a report
    may show it; ``vr`` is the VR then, ``old_vr`` the one that is written now.  ``old_bytes`` and ``new_bytes`` are the
    lengths of the value field, None where there is none or they are not known.
    """

    kind: Literal["set", "remove", "encode", "rename", "sort", "drop"]
    path: str
    vr: str = ""
    old_vr: str = ""
    old: str = ""
    value: str = ""
    old_bytes: int | None = None
    new_bytes: int | None = None


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What would repair a finding: ``safe`` when it keeps what the data say, ``unsafe`` when somebody must say that it
    is meant; then ``reason`` says why."""

    label: str
    applicability: Literal["safe", "unsafe"]
    reason: str = ""
    operations: tuple[Operation, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename={"is_": "is"}):
    """One defect of one subject.

    ``path`` is a DICOM path ("" when there is none), ``tag`` eight hexadecimal digits or "", ``offset`` the
    byte in the file or None.  ``is_`` and ``want`` are texts, already redacted.  ``places`` are the first
    paths of a finding that was met ``count`` times; ``related`` are other places that belong to it, in other
    files perhaps.  ``remedy`` says what to do; ``confidence`` how sure it is that this is a defect.
    """

    rule: str
    name: str
    severity: Severity
    basis: Basis
    subject: Subject
    file: str | None
    path: str = ""
    tag: str = ""
    offset: int | None = None
    message: str
    is_: str = ""
    want: str = ""
    because: str = ""
    references: tuple[Reference, ...] = ()
    places: tuple[str, ...] = ()
    count: int = 1
    fingerprint: str = ""
    suppressed: bool = False
    remedy: str = ""
    confidence: Confidence = "high"
    related: tuple[Place, ...] = ()
    fixes: tuple[Fix, ...] = ()


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One input: its path as given or reached, what it is, and how far it could be checked.

    ``title`` says what it is in a few words; ``undecided`` are the rules that could not be decided, ``crashed``
    those that crashed; ``passed`` and ``not_applicable`` count the others that have no finding; ``not_checked`` says
    what of it was not looked at, a phrase each.
    """

    path: str
    sop_class: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""
    status: Status = "checked"
    title: str = ""
    undecided: tuple[str, ...] = ()
    crashed: tuple[str, ...] = ()
    passed: int = 0
    not_applicable: int = 0
    not_checked: tuple[str, ...] = ()


Outcomes = dict[str, dict[str, int]]


def fingerprint(rule: str, file: str | None, path: str) -> str:
    """A short name of a finding that stays the same from run to run; never made from values."""
    return hashlib.sha256("\0".join((rule, file or "", path)).encode("utf-8", "replace")).hexdigest()[:16]
