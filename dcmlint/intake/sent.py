"""How an instance was sent, compared to what it is: what its sender said of it, its encoding, its data set.

A C-STORE says class and instance in its command and the transfer syntax by its context; STOW-RS says the
transfer syntax in the media type of a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from dcmlint.engine.given import check_given
from dcmlint.engine.session import Checker
from dcmlint.facts.association.senders import Stored
from dcmlint.findings.finding import Finding, Subject
from dcmlint.findings.redact import given_uid
from dcmlint.intake.dataset_head import DatasetHead, read_dataset_head
from dcmlint.standard.names import uid_name
from dcmlint.standard.uids import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

_ENCODINGS = {  # PS3.5 10.1, A.1 … A.5; encapsulated syntaxes are explicit little endian (PS3.5 A.4)
    ImplicitVRLittleEndian: "implicit little",
    ExplicitVRBigEndian: "explicit big",
    ExplicitVRLittleEndian: "explicit little",
}


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An instance that arrived: what was said of it, what its data set begins with, and its digest.

    ``earlier``: the digest of the instance with the same UID that came last before it, if one did.
    """

    sop_class: str
    sop_instance: str
    transfer_syntax: str
    head: DatasetHead
    sha256: str = ""
    earlier: str = ""


def sent_facts(arrivals: Sequence[Sent]) -> Stored:
    """What rules read of instances."""
    unlike: list[str] = []
    same: list[str] = []
    other: list[str] = []
    encoding: list[str] = []
    meta: list[str] = []
    unknown = 0
    for one in arrivals:
        head, uid = one.head, given_uid(one.sop_instance)
        if head.encoding == "deflated or unknown" or head.encoding == "empty":
            unknown += one.transfer_syntax != DeflatedExplicitVRLittleEndian
        else:
            if one.transfer_syntax == DeflatedExplicitVRLittleEndian or head.encoding != _ENCODINGS.get(
                one.transfer_syntax, "explicit little"
            ):
                encoding.append(f"{uid} ({head.encoding}, not {uid_name(one.transfer_syntax)})")
            if head.sop_class and head.sop_class != one.sop_class:
                unlike.append(f"{uid} (class {given_uid(head.sop_class)}, not {given_uid(one.sop_class)})")
            if head.sop_instance and head.sop_instance != one.sop_instance:
                unlike.append(f"{uid} (the data set says {given_uid(head.sop_instance)})")
        if head.group2:
            meta.append(uid)
        if one.earlier:
            (same if one.earlier == one.sha256 else other).append(uid)
    return Stored(
        received=len(arrivals),
        unlike_command=tuple(unlike),
        same_again=tuple(dict.fromkeys(same)),
        other_again=tuple(dict.fromkeys(other)),
        other_encoding=tuple(encoding),
        encoding_unknown=unknown,
        with_file_meta=tuple(meta),
    )


def sent_findings(
    checker: Checker,
    path: Path,
    *,
    sop_class: str,
    sop_instance: str,
    transfer_syntax: str,
    sha256: str,
    half_originator: bool = False,
    earlier: str = "",
) -> tuple[Finding, ...]:
    """The findings of the rules on stored instances (NET501, NET502, NET503, NET505, NET506) about one file.

    ``earlier``: the digest of an instance with the same UID that came before.
    """
    sent = Sent(
        sop_class=sop_class, sop_instance=sop_instance, transfer_syntax=transfer_syntax, head=read_dataset_head(path),
        sha256=sha256, earlier=earlier,
    )  # fmt: skip
    stored = sent_facts([sent])
    if half_originator:
        stored = msgspec.structs.replace(stored, half_originator=(given_uid(sop_instance),))
    if stored == _AS_IT_SHOULD and _is_silent(checker):
        return ()
    return _findings(checker, stored, sop_instance)


_AS_IT_SHOULD = Stored(received=1)


@lru_cache(maxsize=4)
def _is_silent(checker: Checker) -> bool:
    """Whether nothing is said of an instance that came as it should: as nearly all do, and the facts are the same then."""
    return not _findings(checker, _AS_IT_SHOULD, "")


def _findings(checker: Checker, stored: Stored, sop_instance: str) -> tuple[Finding, ...]:
    rules = [active for active in checker.planner.rules if active.rule.scope == "association"]
    checked = check_given(
        rules, {"store": stored}, Subject("association", given_uid(sop_instance)), checker.settings
    )
    return tuple(checked.findings)
